"""Rescan of unchanged files against a bare walk of the same tree.

    python benchmarks/rescan.py [--size 100000] [--rounds 5] [--folder DIR]

Makes a tree of small files in several shapes (a few huge folders, many month folders, a deep chain), lists it once, and
then times three things alternately in one process: a bare recursive `scandir` + `stat` walk, the connector's own
rescan, and the whole first stage with its database. Prints the median ratios to the bare walk, the first listing, and
the peak resident memory of a process that only rescans.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from connectors.local import LocalConnector, LocalOptions
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Scanning
from dedupe_core.store import Store

_LIMIT_RATIO, _LIMIT_MB = 2.0, 400


def places(size: int) -> Iterator[str]:
    """Relative paths: a fifth in one flat folder, three fifths in month folders, a tenth in a deep chain, a tenth in
    folders of a handful."""
    for n in range(size):
        kind = n % 10
        if kind < 2:
            yield f"camera dump/IMG_{n:07d}.JPG"
        elif kind < 8:
            yield f"{2010 + n // 10 % 15}/{1 + n // 150 % 12:02d}/PXL_{n:09d}_photo.jpg"
        elif kind < 9:
            yield "/".join(f"level {k}" for k in range(1 + n // 10 % 20)) + f"/DSC{n:06d}.jpeg"
        else:
            yield f"albums/album {n // 80}/IMG-{n}-WA0001.jpg"


def make_tree(root: Path, size: int) -> None:
    """Small files, one after the other; their bytes do not matter because nothing may open them."""
    made: set[str] = set()
    for place in places(size):
        folder = place.rpartition("/")[0]
        if folder not in made:
            (root / folder).mkdir(parents=True, exist_ok=True)
            made.add(folder)
        with open(root / place, "wb") as file:
            file.write(b"x")


def bare_walk(root: str) -> int:
    """The least that any rescan has to do: read every folder and ask every file for its size and times."""
    count, todo = 0, [root]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def rescan(connector: LocalConnector, cursor: str) -> str:
    """One incremental listing; nothing may come of it but the same cursor."""
    changed, last = 0, ""
    for page in connector.scan(cursor):
        changed += len(page.assets) + len(page.gone)
        last = page.cursor or last
    assert changed == 0, "the tree did not change"
    return last


def peak_of_a_rescan(data: Path, root: Path) -> float:
    """Megabytes that a fresh process holds at most while it rescans, database and all."""
    command = [sys.executable, __file__, "--rescan-only", str(data), str(root)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def rescan_only(data: Path, root: Path) -> None:
    with Store(data) as store:
        scan(store, LocalConnector("bench", LocalOptions(path=root)), Scanning(), Silent())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def measure(root: Path, data: Path, size: int, rounds: int) -> bool:
    connector = LocalConnector("bench", LocalOptions(path=root))
    cursor = ""
    with Store(data) as store:
        print(f"{bare_walk(str(root)):,} files; the median of {rounds} rounds, taken alternately")
        first = timed(lambda: scan(store, connector, Scanning(), Silent()))
        cursor = store.assets.cursor(store.assets.source("bench", "local")) or ""
        listing = timed(lambda: list(connector.scan(None)))
        bare, own, stage = [], [], []
        for _ in range(rounds):
            bare.append(timed(lambda: bare_walk(str(root))))
            own.append(timed(lambda: rescan(connector, cursor)))
            stage.append(timed(lambda: scan(store, connector, Scanning(), Silent())))
    base = statistics.median(bare)
    own_ratio = statistics.median(o / b for o, b in zip(own, bare, strict=True))
    stage_ratio = statistics.median(s / b for s, b in zip(stage, bare, strict=True))
    peak = peak_of_a_rescan(data, root)
    print(f"bare walk                 {base:7.3f} s   {base / size * 1e6:5.2f} µs a file")
    print(f"rescan, connector         {statistics.median(own):7.3f} s   {own_ratio:.2f} × the bare walk")
    print(f"rescan, whole stage       {statistics.median(stage):7.3f} s   {stage_ratio:.2f} × the bare walk")
    print(f"first listing, connector  {listing:7.3f} s   {listing / base:.2f} × the bare walk")
    print(f"first listing, whole stage{first:7.3f} s   {first / base:.2f} × the bare walk")
    print(f"cursor {len(cursor) / size:.1f} bytes a photo; rescan peaks at {peak:.0f} MB resident")
    good = stage_ratio <= _LIMIT_RATIO and peak <= _LIMIT_MB
    print(f"target: at most {_LIMIT_RATIO} × the bare walk and {_LIMIT_MB} MB: {'reached' if good else 'MISSED'}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the tree is made; a temporary folder by default")
    parser.add_argument("--rescan-only", nargs=2, type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.rescan_only:
        rescan_only(*wanted.rescan_only)
        return 0
    top = Path(tempfile.mkdtemp(prefix="keepone-rescan-", dir=wanted.folder))
    try:
        make_tree(top / "tree", wanted.size)
        return 0 if measure(top / "tree", top / "data", wanted.size, wanted.rounds) else 1
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main())
