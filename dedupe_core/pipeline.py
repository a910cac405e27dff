"""The way of a photo, top to bottom. Nothing here touches a photo; only `apply` does.

scan -> fingerprint -> neighbours -> verify -> judge -> group -> keep

What comes after reading is imported after reading: the workers need not wait for it, and a run in which nothing is new
needs none of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import Connector
from dedupe_core.embed import Encoding, Level, Source
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import RECIPE, begin, fingerprint
from dedupe_core.model import Choice, Edge, Judge, NoFeedback, Progress, Relation
from dedupe_core.scan import ScanCounts, scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.codec import dumps


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. `unchanged` says that nothing had changed since the run whose groups are shown; `unseen` counts
    photos of which their source has no rendering, so that only their digests were compared."""

    run: int
    scans: tuple[ScanCounts, ...]
    read: int = 0
    known: int = 0
    failed: int = 0
    unchanged: bool = False
    groups: Mapping[Relation, int] = field(default_factory=dict)
    unseen: int = 0
    level: Level = field(default_factory=Level)


def run(
    store: Store,
    listed: Sequence[Connector],
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    judge: Judge,
    progress: Progress,
    accept_loss: Collection[str] = (),
    chain: Sequence[Source] = (),
    pictures: bool = False,
) -> RunReport:
    """One whole run: list the sources in `listed`, look at what is new in any of `connectors`, compare, group, choose.
    `chain` names the models that may give vectors, the best first; without one that works, hashes propose alone.
    `pictures`: somebody will look at the photos soon, so that small pictures are kept from the decode of the hash.
    Resumable: what was learned is in the store at every moment."""
    progress.stage("listing", None)
    begin(store, listed, engine, settings)
    scans = tuple(scan(store, source, settings.scanning, progress, source.name in accept_loss) for source in listed)
    asked = {scan.source for scan in scans if not scan.halted}
    there = {name: one for name, one in connectors.items() if one.features.reads or name in asked}
    with Encoding(store, settings, chain, progress, pictures) as encoding:
        printed = fingerprint(store, there, engine, settings, progress, encoding)
        counts = (printed.read, printed.known, printed.failed)
        if store.runs.latest() is None:  # what has equal bytes or pixels can be looked at while the rest is compared
            save(store, "", _decided(store, [], settings, judge))
        level = encoding.finish(there, engine)
    mark = mark_of(store, settings, judge)
    latest = store.runs.latest()
    if latest is not None and latest["fingerprint"] == mark:
        return RunReport(int(latest["id"]), scans, *counts, True, _counts(store), printed.unseen, level)
    edges = compare(store, connectors, engine, settings, progress)
    prepare = getattr(judge, "prepare", None)
    if prepare is not None:
        prepare(store, connectors, engine, progress)
    progress.stage("grouping", None)
    choices = _decided(store, edges, settings, judge)
    fell_silent = _fell_silent(store)
    # what could not be compared now is, in the next run
    told = {"embedding": level.to_json(), "compared": "" if fell_silent else compared_of(store, settings)}
    number = save(store, "" if fell_silent else mark, choices, told)
    return RunReport(number, scans, *counts, False, _counts(store), printed.unseen, level)


def compare(
    store: Store, connectors: Mapping[str, Connector], engine: Engine, settings: Settings, progress: Progress
) -> list[Edge]:
    """Candidates, then proof, then the pairs that proof left open: inside each component, and around who will stay."""
    if not {"pixels", "near", "similar", "series"} & set(settings.levels):
        return []
    from dedupe_core import alike, edits
    from dedupe_core.closure import close
    from dedupe_core.keepers import around_keepers
    from dedupe_core.neighbours import neighbours
    from dedupe_core.verify import verify

    pairs = neighbours(store, settings, progress)
    likened = alike.candidates(store, engine, settings, pairs, progress)
    edges = list(verify(store, connectors, engine, [*pairs, *likened.pairs], settings, progress))
    edges += alike.edges(store, settings, likened, edges)
    edges += close(store, connectors, engine, edges, settings, progress)
    edges = around_keepers(store, connectors, engine, edges, settings, progress)
    return [*edges, *edits.edges(store, connectors, engine, settings, progress)]


def _decided(store: Store, edges: Sequence[Edge], settings: Settings, judge: Judge) -> list[Choice]:
    from dedupe_core.group import decide

    return decide(store, edges, settings, judge)


def _fell_silent(store: Store) -> bool:
    from dedupe_core.views import SILENT

    return any(row["state"] == SILENT for row in store.assets.sources())


def compared_of(store: Store, settings: Settings) -> str:
    """Changes whenever there is something new to compare, whatever people said."""
    return mark_of(store, settings, NoFeedback())


def mark_of(store: Store, settings: Settings, judge: Judge) -> str:
    """Changes whenever anything changes that the groups depend on."""
    depends = [
        store.assets.state(),
        store.embeddings.state(),
        settings.model_dump(mode="json"),
        RECIPE,
        getattr(judge, "version", ""),
    ]
    return hashlib.sha256(dumps(depends).encode()).hexdigest()


def save(store: Store, mark: str, choices: Sequence[Choice], told: Mapping[str, object] | None = None) -> int:
    """Keep these groups as a finished run, the newest; its number."""
    with store.transaction():
        number = store.runs.begin()
        store.runs.put(number, choices)
        store.runs.finish(number, mark, {"groups": len(choices), **(told or {})})
        store.runs.forget_older()
    return number


def _counts(store: Store) -> dict[Relation, int]:
    counts: dict[Relation, int] = {}
    for choice in store.runs.choices():
        counts[choice.group.relation] = counts.get(choice.group.relation, 0) + 1
    return counts
