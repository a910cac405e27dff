"""Reading a Photos library of 50,000 cloned photos into the store, against what osxphotos needs only to load it.

    python benchmarks/photos.py [--size 50000] [--rounds 3]

Both sides run in fresh processes on one synthetic library, in turns; the medians and the largest peaks of memory are
printed. The target: at most 1.5 times the load, in under 1 GB, with no byte of an original read.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def library_of(size: int, folder: Path) -> Path:
    """A library of so many photos with albums, keywords and scores, all of them in iCloud only but one."""
    from tests.fakes.photos import SyntheticLibrary

    library = SyntheticLibrary(folder / "Benchmark.photoslibrary")
    key = library.add("IMG_000001.JPG", b"original", "Trips/Rome", attributes={"ZTITLE": "Fountain"})
    library.put_in("Best", key)
    library.set_keywords(key, ["sea", "dog"])
    library.clone(key, size - 1)
    with library.writing() as db:
        db.execute("UPDATE ZASSET SET ZOVERALLAESTHETICSCORE = 0.6")
        db.execute(
            "INSERT INTO ZCOMPUTEDASSETATTRIBUTES (ZASSET, ZPLEASANTCOMPOSITIONSCORE) SELECT Z_PK, 0.3 FROM ZASSET"
        )
    return library.path


def load(library: Path) -> int:
    """The baseline: osxphotos' own load of a copy of the database."""
    from osxphotos import PhotosDB

    from connectors.photos.snapshot import Snapshot

    snapshot = Snapshot(library)
    start = now()
    database = PhotosDB(dbfile=str(snapshot.database), library_path=str(library), _skip_searchinfo=True)
    _tell(start)
    return len(database)


def read(library: Path) -> int:
    """Ours: snapshot, reading, and every asset in the store."""
    import osxphotos  # noqa: F401 - imported before the clock starts on both sides

    from connectors.photos import PhotosConnector, PhotosOptions
    from dedupe_core.model import Silent
    from dedupe_core.scan import scan
    from dedupe_core.settings import Scanning
    from dedupe_core.store import Store

    with tempfile.TemporaryDirectory() as folder:
        connector = PhotosConnector("photos", PhotosOptions(path=library, state=Path(folder)))
        with Store(Path(folder) / "data") as store:
            start = now()
            counts = scan(store, connector, Scanning(), Silent())
            _tell(start)
        connector.close()
    return counts.changed


def now() -> tuple[float, float]:
    """The clock on the wall, and that of this process alone."""
    return time.perf_counter(), time.process_time()


def _tell(start: tuple[float, float]) -> None:
    wall, cpu = (after - before for before, after in zip(start, now(), strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print(json.dumps([wall, cpu, peak]))


def measured(side: str, library: Path) -> tuple[float, float, float]:
    """Seconds on the wall, seconds of the processor and peak megabytes of one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--library", str(library)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu, peak = json.loads(done.stdout.splitlines()[0])
    return float(wall), float(cpu), float(peak)


def main() -> None:
    """Make the library, run both sides in turns, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=("load", "read"))
    parser.add_argument("--library", type=Path)
    chosen = parser.parse_args()
    if chosen.side:
        {"load": load, "read": read}[chosen.side](chosen.library)
        return
    with tempfile.TemporaryDirectory() as folder:
        library = library_of(chosen.size, Path(folder))
        rounds = [(measured("load", library), measured("read", library)) for _ in range(chosen.rounds)]
    print(f"{chosen.size:,} photos, {chosen.rounds} rounds, medians: wall, processor, peak")
    medians = [[statistics.median(one[side][what] for one in rounds) for what in range(3)] for side in range(2)]
    for name, (wall, cpu, peak) in zip(("osxphotos.PhotosDB alone", "snapshot to store"), medians, strict=True):
        print(f"{name:26} {wall:7.2f} s {cpu:7.2f} s {peak:6.0f} MB")
    ratios = [ours / base for base, ours in zip(*medians, strict=True)]
    print(f"{'ratio':26} {ratios[0]:7.2f}   {ratios[1]:7.2f}      (target 1.5, under 1024 MB)")


if __name__ == "__main__":
    main()
