"""Recall and precision on the evaluation photos: the real command on the real files, scored by the data's own scorer.

    python benchmarks/quality.py [--testdata ../shared/testdata] [--sources 9] [--keep DIR]

Without `--sources` all sixty sources get their 58 variants (515 MB, an hour on two cores); with it, an even choice.
`--keep` keeps variants and measurements, so that a second run compares nothing again.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def chosen(photos: Path, count: int | None) -> list[str]:
    """Evenly spread sources."""
    with (photos / "variant_sources.csv").open(newline="") as stream:
        names = sorted(row["id"] for row in csv.DictReader(stream))
    return names if count is None else names[:: max(1, len(names) // count)][:count]


def main() -> None:
    """Make variants, scan, score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("KEEPONE_TESTDATA") or str(Path(__file__).parents[2] / "shared" / "testdata")
    parser.add_argument("--testdata", type=Path, default=Path(default))
    parser.add_argument("--sources", type=int)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    photos = options.testdata / "photos"
    if not photos.is_dir():
        raise SystemExit(f"There are no evaluation photos in {photos}; name them with --testdata.")
    with tempfile.TemporaryDirectory() as scratch:
        work = options.keep or Path(scratch)
        variants = work / "variants"
        if not (variants / "variants.csv").exists():
            picks = [word for name in chosen(photos, options.sources) for word in ("--source", name)]
            subprocess.run([sys.executable, photos / "make_variants.py", variants, *picks], check=True)
        keepone = [sys.executable, "-m", "dedupe_app.cli", "--data", work / "data"]
        done = subprocess.run([*keepone, "scan", photos / "images", variants], check=False)
        if done.returncode not in (0, 3):
            raise SystemExit(f"keepone scan ended with status {done.returncode}")
        groups = work / "groups.json"
        with groups.open("wb") as stream:
            subprocess.run([*keepone, "groups", "--json"], stdout=stream, check=True)
        score = [sys.executable, photos / "score.py", groups, "--variants", variants / "variants.csv"]
        subprocess.run([*score, "--auto", "exact,pixels,near"], check=True)


if __name__ == "__main__":
    main()
