"""What the service costs: the daemon at rest, a night with 200 new photos beside one without any, memory over 200 runs.

    python benchmarks/service.py [--only idle|night|soak] [--seconds 600] [--size 100000] [--new 200] [--runs 200]

Everything is made on the spot in a temporary folder: small JPEGs, and for the large library rows that were written as a
scan would have left them, over files that are there. Ratios are against a baseline of the same run.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml
from PIL import Image

from dedupe_app.config import Config, build
from dedupe_app.jobs import run_job
from dedupe_app.library import Library
from dedupe_core.fingerprint import RECIPE
from dedupe_core.model import Evidence, Signature, Silent
from dedupe_core.neighbours import neighbours
from dedupe_core.relate import says_nothing
from dedupe_core.scan import scan
from dedupe_core.store import Store
from dedupe_core.verify import RECIPE as VERIFIED

_MB = 1e6


def picture(seed: int, edge: int = 192) -> bytes:
    """A small JPEG of its own, with detail at every scale, so that no two look alike."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((edge, edge * 4 // 3, 3))
    for size in (4, 8, 16, 32):
        coarse = Image.fromarray(rng.integers(0, 256, (size * 3, size * 4, 3), dtype=np.uint8))
        whole += np.asarray(coarse.resize((edge * 4 // 3, edge), Image.Resampling.BICUBIC)) / 4
    out = BytesIO()
    Image.fromarray(whole.astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


def fill(folder: Path, first: int, count: int) -> None:
    """`count` pictures, a thousand a folder."""
    for number in range(first, first + count):
        place = folder / f"{number // 1000:04d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06d}.jpg").write_bytes(picture(number))


def known(config: Config, folder: Path, count: int) -> None:
    """`count` files that a scan knows already: listed for real, with a content and random hashes of their own, as if
    each had been decoded. (Decoding 100,000 pictures is what `benchmarks/scan.py` is for.)"""
    for number in range(count):
        place = folder / f"known-{number // 1000:04d}"
        if not number % 1000:
            place.mkdir(parents=True)
        (place / f"{number:06d}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + number.to_bytes(8, "big") * 4)
    rng = np.random.default_rng(7)
    with Library.open(config) as library:
        store = library.store
        connector = library.connectors()["s0"]
        scan(store, connector, library.settings.scanning, Silent(), accept_loss=True)
        with store.transaction():
            for photo in list(store.assets.all()):
                content = f"sha256:{hashlib.sha256(photo.asset.id.key.encode()).hexdigest()}"
                hashes = rng.integers(0, 256, 256, dtype=np.uint8).tobytes()
                made = Signature(content, "JPEG", 4032, 3024, hashes, 50.0, 9.0, 0.1, exif_fields=30)
                store.signatures.put([made], RECIPE)
                store.assets.set_content(photo.row, content)
        _compared(store, library)


def _compared(store: Store, library: Library) -> None:
    """The pairs that chance proposes among unrelated pictures, measured already and found to have nothing in common, as
    the first run would have left them."""
    nothing = Evidence(distance=88)
    contents = dict(store.db.execute("SELECT id, content FROM signature"))
    pairs = neighbours(store, library.settings, Silent())
    with store.transaction():
        store.evidence.put(((contents[pair.a], contents[pair.b], nothing) for pair in pairs), VERIFIED, says_nothing)


def configured(base: Path, sources: int, **job: Any) -> Config:
    """A configuration of local folders and one job, also written to config.yaml."""
    raw = {
        "data": str(base / "data"),
        "sources": [{"name": f"s{n}", "kind": "local", "path": str(base / f"s{n}")} for n in range(sources)],
        "service": {"desktop": False, "port": 0},
        "jobs": [{"name": "night", **job}],
    }
    (base / "config.yaml").write_text(yaml.safe_dump(raw), "utf-8")
    return build(raw, "the benchmark")


def processor(process: psutil.Process) -> float:
    """Seconds of processor time of a process and of its children that ended."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def idle(seconds: float) -> None:
    """The daemon with three watched sources of which nothing changes, runs of its own included."""
    with tempfile.TemporaryDirectory(prefix="keepone-bench-") as name:
        base = Path(name)
        for source in range(3):
            fill(base / f"s{source}", source * 1000, 100)
        configured(base, 3, action="report", watch=True, schedule="every 30 minutes")
        command = [sys.executable, "-m", "dedupe_app.cli", "-q", "--config", str(base / "config.yaml"), "daemon"]
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            process = psutil.Process(daemon.pid)
            _until_first_run(base / "data")
            began, before = time.monotonic(), processor(process)
            most = 0.0
            while time.monotonic() - began < seconds:
                time.sleep(min(5, seconds))
                most = max(most, float(process.memory_info().rss))
            share = (processor(process) - before) / (time.monotonic() - began)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(timeout=30)
    told = f"{most / _MB:.0f} MB (goal: 120), {share:.2%} of one core (goal: 0.5 %)"
    print(f"idle daemon, 3 sources, {seconds:g} s: {told}")


def _until_first_run(data: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if (data / "keepone.sqlite3").exists():
            with Store(data) as store:
                last = store.jobs.last("night")
            if last is not None and last.finished_at:
                time.sleep(3)
                return
        time.sleep(0.5)
    raise SystemExit("the first run never ended")


def timed(config: Config) -> tuple[float, float, Any]:
    """One run of the job in a process of its own, as the daemon starts it: seconds, seconds of processor time, and its
    report."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    file = config.data.parent / "config.yaml"
    command = [sys.executable, "-m", "dedupe_app.cli", "--json", "--config", str(file), "jobs", "run", "night"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, worked, json.loads(done.stdout)


def night(size: int, new: int, repeats: int = 3) -> None:
    """A run with `new` photos in a library of `size` known ones, against runs in which nothing is new."""
    with tempfile.TemporaryDirectory(prefix="keepone-bench-") as name:
        base = Path(name)
        config = configured(base, 1, action="nothing", max_minutes=600)
        known(config, base / "s0", size)
        first, _, report = timed(config)
        print(f"{size:,} known photos; first run: {first:.1f} s, {report['state']}", flush=True)
        nothing = [timed(config) for _ in range(repeats)]
        fill(base / "s0", size, new)
        some = timed(config)
        nothing += [timed(config) for _ in range(repeats)]
    assert some[2]["read"] == new, some[2]
    for place, what in enumerate(("seconds", "seconds of processor time")):
        least = min(one[place] for one in nothing)
        ratio = f"ratio {some[place] / least:.2f} (goal: 3)"
        print(f"{size:,} known, {what}: 0 new {least:.2f}, {new} new {some[place]:.2f} · {ratio}")


def soak(runs: int) -> None:
    """Consecutive runs in one process, with something new in every second of them."""
    process = psutil.Process(os.getpid())
    after: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="keepone-bench-") as name:
        base = Path(name)
        fill(base / "s0", 0, 60)
        config = configured(base, 1, action="move", trust=["exact", "pixels"])
        rng = random.Random(1)
        for number in range(1, runs + 1):
            if number % 2:
                (base / "s0" / "0000" / f"copy-{number}.jpg").write_bytes(picture(rng.randrange(60)))
            report = run_job(config, "night")
            assert report.state == "done", report
            if number in (20, runs):
                gc.collect()
                after[number] = float(process.memory_info().rss)
    grown = after[runs] / after[20] - 1
    told = f"{after[20] / _MB:.1f} MB after 20 runs, {after[runs] / _MB:.1f} MB after {runs}"
    print(f"memory: {told}: {grown:+.1%} (goal: 5 %)")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=["idle", "night", "soak"])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=200)
    parser.add_argument("--runs", type=int, default=200)
    asked = parser.parse_args()
    if asked.only in (None, "soak"):
        soak(asked.runs)
    if asked.only in (None, "idle"):
        idle(asked.seconds)
    if asked.only in (None, "night"):
        night(asked.size, asked.new)


if __name__ == "__main__":
    main()
