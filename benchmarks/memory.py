"""How the memory of a scan grows with the number of photos.

    python benchmarks/memory.py [--size 100000]

Makes a folder of tiny, different photos, and scans a tenth of it and all of it, each in a fresh process and through
the store (listing, reading, signatures). Prints the peak resident memory of the scanning process and of its largest
worker, and the growth a photo between the two sizes. A larger --size makes the figure steadier: a page of the database
cache or a batch more or less weighs a few hundred bytes a photo on small folders.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

_SCAN = """
import json, resource, sys
from pathlib import Path
sys.path[:0] = [{root!r}]
from connectors.local import LocalConnector, LocalOptions
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import fingerprint
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
folder, data = sys.argv[1:]
local, settings = LocalConnector("tree", LocalOptions(path=Path(folder))), Settings(levels=("exact", "pixels", "near"))
with Engine() as engine, Store(Path(data)) as store:
    scan(store, local, settings.scanning, Silent())
    listed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts = fingerprint(store, {{"tree": local}}, engine, settings, Silent())
own, workers = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps([counts.decoded, listed, own, workers]))
"""


def folder_of(count: int) -> Path:
    """`count` tiny photos of many lengths, each of its own, made once."""
    folder = Path(tempfile.gettempdir()) / "keepone-benchmarks" / f"tiny-{count}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    draw = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"IMG_{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = draw.integers(24, 80, 2)
        stream = io.BytesIO()
        picture = Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))
        picture.save(stream, "JPEG", quality=int(draw.integers(40, 90)))
        path.write_bytes(stream.getvalue())
    (folder / "done").touch()
    return folder


def measured(folder: Path) -> tuple[int, int, int, int]:
    """(photos, bytes after the listing, at the end, of the largest worker)."""
    unit = 1 if sys.platform == "darwin" else 1024
    code = _SCAN.format(root=str(Path(__file__).parents[1]))
    with tempfile.TemporaryDirectory() as data:
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), data], capture_output=True, text=True, check=True
        )
    photos, listed, own, workers = json.loads(done.stdout)
    return photos, listed * unit, own * unit, workers * unit


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", "--count", type=int, default=100_000, help="photos")
    options = parser.parse_args()
    few, many = measured(folder_of(options.size // 10)), measured(folder_of(options.size))
    for photos, listed, own, worker in (few, many):
        print(
            f"{photos:7d} photos: {listed / 1e6:6.1f} MB after the listing, {own / 1e6:6.1f} MB at the end, "
            f"largest worker {worker / 1e6:6.1f} MB"
        )
    growth = (many[2] - few[2]) / (many[0] - few[0])
    print(f"growth a photo: {growth:.0f} bytes (to reach: under 1000)")


if __name__ == "__main__":
    main()
