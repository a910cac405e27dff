"""The exact level against jdupes on one tree of photos.

    python benchmarks/exact.py [--size 1200] [--rounds 5]

Makes a tree of photo files of 3 to 5 MB, every second of which is a copy of another, and times in turn, in fresh
processes: `jdupes -r` (hash, then byte comparison), and KeepOne listing the tree and finding the exact copies through
its store, from the start of the process to its end. Twice: with the files on the disk, as a library is that nobody has
just read (Linux only), and in the page cache. Prints medians, the ratios, and that both found the same groups.
KeepOne's start (Python and its libraries) is printed apart: it does not grow with the tree, so that small trees favour
jdupes and large ones KeepOne.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gallery import gallery

Run = tuple[float, float, set[frozenset[str]]]
Round = dict[str, Run]

_KEEPONE = """
import json, sys, time
from pathlib import Path
sys.path[:0] = [{root!r}]
from connectors.local import LocalConnector, LocalOptions
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import fingerprint
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
begun = time.perf_counter()
folder, data = sys.argv[1:]
local, settings = LocalConnector("tree", LocalOptions(path=Path(folder))), Settings(levels=("exact",))
with Engine() as engine, Store(Path(data)) as store:
    scan(store, local, settings.scanning, Silent())
    fingerprint(store, {{"tree": local}}, engine, settings, Silent())
    groups = [[photo.asset.id.key for photo in store.assets.photos(rows).values()] for rows in store.assets.exact()]
print(json.dumps([time.perf_counter() - begun, groups]))
"""


def tree(count: int) -> Path:
    """`count` files, half of them copies, made once. Each original is a rendered photo with a comment of its own."""
    folder = Path(tempfile.gettempdir()) / "keepone-benchmarks" / f"exact-{count}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    rendered = [file.read_bytes() for file in gallery(24, 4032, 3024).files]
    for number in range(count // 2):
        data = rendered[number % len(rendered)]
        comment = random.Random(number).randbytes(200 + number % 3000)
        data = data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]
        for side in ("camera", "backup"):
            path = folder / side / f"{number // 500}" / f"IMG_{number:05d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    (folder / "done").touch()
    return folder


def forget(folder: Path) -> None:
    """Have the system drop the files from its page cache, so that the next reader waits for the disk."""
    for path in folder.rglob("*.jpg"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def jdupes(folder: Path) -> Run:
    """(seconds, the same, groups)."""
    start = time.perf_counter()
    done = subprocess.run(["jdupes", "-r", "-q", "-z", "."], cwd=folder, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    blocks = (block.splitlines() for block in done.stdout.split("\n\n") if block.strip())
    groups = {frozenset(str(Path(line)) for line in block if not line.endswith("/done")) for block in blocks}
    return seconds, seconds, {group for group in groups if len(group) > 1}


def keepone(folder: Path) -> Run:
    """(seconds of the whole process, without its start, groups)."""
    code = _KEEPONE.format(root=str(Path(__file__).parents[1]))
    with tempfile.TemporaryDirectory() as data:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), data], capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - start
    inner, groups = json.loads(done.stdout)
    return seconds, inner, {frozenset(group) for group in groups}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", "--count", type=int, default=1200, help="files, copies included")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("jdupes") is None:
        raise SystemExit("jdupes is not installed (apt install jdupes).")
    folder = tree(options.size)
    size = sum(path.stat().st_size for path in folder.rglob("*.jpg"))
    print(f"{options.size} files, {size / 1e9:.2f} GB, half of them copies")
    if hasattr(os, "posix_fadvise"):
        report("on the disk", [measured(folder, number, cold=True) for number in range(options.rounds)])
    keepone(folder)  # now they are in the page cache
    report("in the page cache", [measured(folder, number, cold=False) for number in range(options.rounds)])


def measured(folder: Path, number: int, *, cold: bool) -> Round:
    """Both programs once; who goes first alternates, because whoever comes second finds what others cached."""
    found: Round = {}
    for name in list(_PROGRAMS)[:: 1 if number % 2 else -1]:
        if cold:
            forget(folder)
        found[name] = _PROGRAMS[name](folder)
    return found


def report(where: str, rounds: list[Round]) -> None:
    """The medians of some rounds."""
    whole = {name: statistics.median(one[name][0] for one in rounds) for name in _PROGRAMS}
    inner = statistics.median(one["keepone"][1] for one in rounds)
    same = all(one["jdupes"][2] == one["keepone"][2] for one in rounds)
    print(f"{where}:")
    print(f"  jdupes  {whole['jdupes']:6.2f} s")
    print(f"  keepone {whole['keepone']:6.2f} s, of which its start {whole['keepone'] - inner:.2f} s")
    print(f"  groups found: {len(rounds[0]['keepone'][2])}, the same as jdupes: {'yes' if same else 'NO'}")
    print(f"  times as fast as jdupes: {whole['jdupes'] / whole['keepone']:.2f} (to reach: 1)")
    print(f"  without the start: {whole['jdupes'] / inner:.2f}")


_PROGRAMS = {"jdupes": jdupes, "keepone": keepone}

if __name__ == "__main__":
    main()
