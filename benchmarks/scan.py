"""Cold scan of photos against the decoding floor and against other programs, in one run.

    python benchmarks/scan.py [--size 200] [--width 4032 --height 3024] [--every 10] [--until signatures|groups]

Makes (once) a folder of photos with known copies and times, in turn and in fresh processes:

- floor: as many processes as cores that do nothing but Pillow's fastest scaled decode, draft("L") at 1/8, of the same
  files; without the start of the interpreters, so that the floor is as low as can be;
- keepone: listing, sha256, signatures, all through the store, from the start of the process to its end (and, with
  `--until groups`, candidates, verification, groups and choices, too);
- czkawka and imagededup (pHash, all cores) where they can be imported: `pip install czkawka`, and for imagededup, which
  brings torch, any interpreter named by --imagededup.

Prints medians of wall and CPU time, the ratios that are promised, and for each program how many of the planted pairs it
found. Small pictures: --size 2000 --width 520 --height 390.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gallery import Gallery, gallery

_ROOT = Path(__file__).parents[1]
_FLOOR = """
import sys, time
from PIL import Image
import PIL.JpegImagePlugin
files = sys.stdin.read().split("\\n")
start = time.perf_counter()
for file in files:
    with Image.open(file) as image:
        image.draft("L", (image.width // 8, image.height // 8))
        image.load()
print(time.perf_counter() - start)
"""
_KEEPONE = """
import json, sys
from pathlib import Path
sys.path[:0] = [{root!r}]
from dedupe_core.engine import Engine
if __name__ == "__main__":
    with Engine() as engine:
        engine.start("dedupe_core.look")
        from connectors.local import LocalConnector, LocalOptions
        from dedupe_core.fingerprint import fingerprint
        from dedupe_core.model import NoFeedback, Silent
        from dedupe_core.scan import scan
        from dedupe_core.settings import Settings
        from dedupe_core.store import Store
        folder, data, until = sys.argv[1:]
        settings = Settings(levels=("exact", "pixels", "near"))
        local = LocalConnector("photos", LocalOptions(path=Path(folder)))
        with Store(Path(data)) as store:
            if until == "signatures":
                scan(store, local, settings.scanning, Silent())
                fingerprint(store, {{"photos": local}}, engine, settings, Silent())
                groups = []
            else:
                from dedupe_core.pipeline import run
                run(store, [local], {{"photos": local}}, engine, settings, NoFeedback(), Silent())
                names = {{photo.row: photo.asset.name for photo in store.assets.all()}}
                groups = [[names[row] for row in choice.group.members] for choice in store.runs.choices()]
    print(json.dumps(groups))
"""
_CZKAWKA = """
import json, sys
from pathlib import Path
from czkawka import ImageSimilarity
finder = ImageSimilarity()
finder.set_directories([Path(sys.argv[1])])
finder.set_similarity(15)
print(json.dumps([[Path(file).name for file in group] for group in finder.find_similar()]))
"""
_IMAGEDEDUP = """
import json, sys, logging
from pathlib import Path
if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    import torch
    if torch.version.cuda is None:  # torchvision of another build than torch asks for operators that are not there
        operators = torch.library.Library("torchvision", "FRAGMENT")
        operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from imagededup.methods import PHash
    method = PHash(verbose=False)
    hashes = method.encode_images(image_dir=sys.argv[1], recursive=True, num_enc_workers=int(sys.argv[2]))
    found = method.find_duplicates(encoding_map=hashes, max_distance_threshold=10, num_dist_workers=int(sys.argv[2]))
    print(json.dumps([[Path(name).name, Path(other).name] for name, others in found.items() for other in others]))
"""


def main() -> None:
    """Measure and print."""
    options = _options()
    photos = gallery(options.size, options.width, options.height, options.folder, options.every)
    size = sum(file.stat().st_size for file in photos.files)
    print(f"{len(photos.files)} files of {options.width} × {options.height}, {size / 1e6:.0f} MB, {_cores()} cores")
    programs = _programs(photos, options)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    found: dict[str, float | None] = {}
    for _ in range(options.rounds):
        for name, program in programs.items():
            before = _processor()
            seconds, found[name] = program()
            times[name].append((seconds, _processor() - before))
    _report(photos, times, found, options)


def _processor() -> float:
    """Processor seconds of all children that have ended: what remains comparable when others use the machine, too."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _programs(photos: Gallery, options: argparse.Namespace) -> dict[str, Callable[[], tuple[float, float | None]]]:
    folder = str(photos.folder)
    programs: dict[str, Callable[[], tuple[float, float | None]]] = {
        "floor": lambda: (_floor(photos), None),
        "keepone": lambda: _keepone(photos, options.until),
    }
    if _imports(sys.executable, "czkawka"):
        programs["czkawka"] = lambda: _peer(photos, [sys.executable, "-c", _CZKAWKA, folder])
    if _imports(options.imagededup, "imagededup"):
        command = [options.imagededup, "-c", _IMAGEDEDUP, folder, str(_cores())]
        programs["imagededup"] = lambda: _peer(photos, command)
    return programs


def _floor(photos: Gallery) -> float:
    """Seconds of the slower half; the halves run side by side."""
    shares = [photos.files[part :: _cores()] for part in range(_cores())]
    workers = []
    for share in shares:
        worker = subprocess.Popen(
            [sys.executable, "-c", _FLOOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert worker.stdin is not None
        worker.stdin.write("\n".join(str(file) for file in share))
        worker.stdin.close()
        workers.append(worker)
    seconds = max(float(worker.stdout.read()) for worker in workers if worker.stdout is not None)
    for worker in workers:
        worker.wait()
    return seconds


def _keepone(photos: Gallery, until: str) -> tuple[float, float | None]:
    with tempfile.TemporaryDirectory() as data:
        code = _KEEPONE.format(root=str(_ROOT))
        seconds, recall = _peer(photos, [sys.executable, "-c", code, str(photos.folder), data, until])
    return seconds, recall if until == "groups" else None


def _peer(photos: Gallery, command: list[str]) -> tuple[float, float | None]:
    """(seconds of the whole process, share of the planted pairs that its groups join)."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{command[:2]} failed:\n{done.stderr[-2000:]}")
    groups = json.loads(done.stdout.strip().splitlines()[-1])
    joined = {frozenset((a, b)) for group in _merged(groups) for a in group for b in group if a != b}
    return seconds, len(photos.truth & joined) / len(photos.truth)


def _merged(groups: list[list[str]]) -> list[set[str]]:
    """Groups that share a photo are one: identical files and the copies of one of them are told apart."""
    merged: list[set[str]] = []
    for group in map(set, groups):
        apart = [other for other in merged if not other & group]
        merged = [*apart, group.union(*(other for other in merged if other & group))]
    return merged


def _imports(interpreter: str, module: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([interpreter, "-c", code], check=False).returncode == 0


def _report(
    photos: Gallery,
    times: dict[str, list[tuple[float, float]]],
    found: dict[str, float | None],
    options: argparse.Namespace,
) -> None:
    medians = {name: statistics.median(wall for wall, _ in rounds) for name, rounds in times.items()}
    processor = {name: statistics.median(used for _, used in rounds) for name, rounds in times.items()}
    for name, seconds in medians.items():
        recall = found[name]
        pairs = "" if recall is None else f", planted pairs found {recall:.0%}"
        each = processor[name] / len(photos.files) * 1000
        print(f"{name:11} {seconds:7.2f} s {len(photos.files) / seconds:7.1f} files/s {each:7.2f} CPU ms/file{pairs}")
    ours, used = medians["keepone"], processor["keepone"]
    print(
        f"throughput against the decoding floor: {medians['floor'] / ours:.0%}, by CPU time "
        f"{processor['floor'] / used:.0%} (to reach on 12 megapixels: 80 %)"
    )
    goals = {"czkawka": "3 on 12 megapixels, 1 on small ones", "imagededup": "4 on 12 megapixels"}
    for name, goal in goals.items():
        if name in medians:
            ratio, by_processor = medians[name] / ours, processor[name] / used
            print(f"times as fast as {name}: {ratio:.2f}, by CPU time {by_processor:.2f} (to reach: {goal})")
        else:
            print(f"{name}: not installed, not compared")
    if options.until == "signatures":
        print("keepone was stopped after the signatures; --until groups measures the whole way.")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", "--count", type=int, default=200, help="photos, copies included")
    parser.add_argument("--width", type=int, default=4032)
    parser.add_argument("--height", type=int, default=3024)
    parser.add_argument("--every", type=int, default=10, help="of each so many photos one has two copies")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--until", choices=("signatures", "groups"), default="signatures")
    parser.add_argument("--folder", type=Path, help="where the photos are made (default: the temporary folder)")
    parser.add_argument("--imagededup", default=sys.executable, help="an interpreter that has imagededup")
    return parser.parse_args()


if __name__ == "__main__":
    main()
