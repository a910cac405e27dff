"""Groups made again with a thousand answers, beside the same grouping without any, on one synthetic library.

    python benchmarks/regroup.py [--photos 100000] [--labels 1000] [--rounds 3]

The photos exist only as rows: what a scan would have stored of them. Their files do not exist, so that nothing could
open one; every file that Python opens meanwhile is counted all the same.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Asset, AssetId
from dedupe_core.model import Evidence, Judge, NoFeedback, Signature
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.labels import Label, Verdict
from dedupe_core.verify import RECIPE
from feedback import judge_of
from feedback.features import Measured
from feedback.judge import examples
from feedback.learner import fit
from feedback.reanalyse import edges_of, regroup

_START = datetime(2020, 1, 1)
_SETTINGS = Settings()
_CODE = (".py", ".pyc", ".so", ".json")
_opened: list[str] = []


def library(count: int, draw: random.Random) -> Store:
    """A library in memory: some photos alone, the others in twos to fives: copies, edits, changed ones and bursts."""
    store = Store(None)
    source = store.assets.remember_source("home", "local", {"path": "/nowhere"})
    signatures, assets, evidence = [], [], []
    made = 0
    while made < count:
        size = min(draw.choice((1, 1, 1, 1, 2, 2, 2, 3, 3, 5)), count - made)
        kind = draw.choice(("copy", "copy", "copy", "edit", "changed", "burst"))
        numbers = range(made, made + size)
        signatures += [_signature(number, kind, made, draw) for number in numbers]
        assets += [_asset(number) for number in numbers]
        evidence += [(_content(a), _content(b), _evidence(kind, draw)) for a in numbers for b in numbers if a < b]
        made += size
    with store.transaction():
        store.assets.upsert(source, assets, 1)
        store.signatures.put(signatures, 1)
        store.evidence.put(evidence, RECIPE)
    with store.transaction():
        rows = {photo.asset.id.key: photo.row for photo in store.assets.all()}
        store.work.set_contents([(rows[_asset(number).id.key], _content(number)) for number in range(count)])
    return store


def _content(number: int) -> str:
    return f"sha256:{number:064x}"


def _asset(number: int) -> Asset:
    folder = f"2020/{number % 400:03}"
    return Asset(AssetId("home", f"{folder}/{number}.jpg"), "1", f"{number}.jpg", folder, 3_000_000 + number)


def _signature(number: int, kind: str, first: int, draw: random.Random) -> Signature:
    seconds = first * 60 + (number - first if kind == "burst" else 0)
    return Signature(
        content=_content(number),
        format="JPEG",
        width=4032 - number % 7,
        height=3024,
        phashes=draw.randbytes(256),
        luma_sd=50.0,
        gradient=9.0 + number % 1000 / 1000,
        fullest_bin=0.1,
        taken_at=_START + timedelta(seconds=seconds) if kind == "burst" or number == first else None,
        camera="Canon EOS 7D" if kind == "burst" else "",
    )


def _evidence(kind: str, draw: random.Random) -> Evidence:
    edited = kind == "edit"
    return Evidence(
        distance=draw.randrange(4, 40),
        inliers=draw.randrange(100, 800),
        overlap_a=1.0,
        overlap_b=draw.uniform(0.9, 1.0),
        block_median=draw.uniform(0.9, 0.99),
        block_p10=draw.uniform(0.7, 0.9),
        blocks=64,
        difference=1.5 if kind == "changed" else 0.1,
        changed=0.01 if kind == "changed" else 0.0,
        margin_a=0.0,
        margin_b=0.0,
        tone=draw.uniform(15, 50) if edited else draw.uniform(0, 1),
        colour=draw.uniform(5, 30) if edited else draw.uniform(0, 1),
        detail=draw.uniform(0, 0.1),
        grain=draw.uniform(-1, 1),
    )


def answer(store: Store, count: int, draw: random.Random) -> None:
    """Answers of somebody who keeps edits apart, about pairs that were compared; one in ten is a slip."""
    photos = {photo.signature_row: photo for photo in store.assets.all()}
    sides = store.labels.sides({photo.content for photo in photos.values()})
    measured, told = Measured(store), []
    chosen = draw.sample(list(edges_of(store, _SETTINGS)), count)
    for at, edge in enumerate(chosen):
        edited = (edge.evidence.tone or 0.0) > 5 or edge.relation == "series"
        verdict: Verdict = "not_similar" if edited != (draw.random() < 0.1) else "same"
        a, b = sorted((photos[edge.a], photos[edge.b]), key=lambda photo: photo.content)
        known = measured(edge.evidence, a, b)
        told.append(Label(sides[a.content], sides[b.content], verdict, float(at), features=known, answer=str(at)))
    with store.transaction():
        store.labels.add(told)


def alternately(rounds: int, *works: Callable[[], object]) -> list[list[float]]:
    """Processor seconds of each work, in turns: what others do on this machine does not count."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for place, work in enumerate(works):
            start = time.process_time()
            work()
            seconds[place].append(time.process_time() - start)
    return seconds


def watch(event: str, args: Sequence[Any]) -> None:
    """Note every file that is opened and is no code."""
    if event == "open" and isinstance(args[0], str) and not args[0].endswith(_CODE):
        _opened.append(args[0])


def lines(store: Store, rounds: int) -> Iterator[str]:
    """What came out."""
    fit(examples(store.labels.active()))  # the solver is loaded once in the life of a process
    _opened.clear()
    counts: dict[bool, int] = {}

    def work(judge: Judge, told: bool) -> None:
        counts[told] = len(regroup(store, _SETTINGS, judge))

    without, with_answers = alternately(
        rounds, lambda: work(NoFeedback(), told=False), lambda: work(judge_of(store), told=True)
    )
    opened = list(_opened)
    assert not opened, opened
    ratio = statistics.median(b / a for a, b in zip(without, with_answers, strict=True))
    yield f"  groups without answers {counts[False]:,}, with them {counts[True]:,}; photos opened: {len(opened)}"
    yield f"  {min(without):.1f} s of a processor without answers, {min(with_answers):.1f} s with: {ratio:.2f} times"


def main() -> None:
    """Make, answer, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    draw = random.Random(7)
    store = library(options.photos, draw)
    answer(store, options.labels, draw)
    sys.addaudithook(watch)
    print(f"{options.photos:,} photos, {store.labels.count():,} answers")
    for line in lines(store, options.rounds):
        print(line)


if __name__ == "__main__":
    main()
