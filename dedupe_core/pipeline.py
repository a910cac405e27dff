"""The way of a photo, top to bottom. Nothing here touches a photo; only `apply` does.

scan -> fingerprint -> neighbours -> verify -> judge -> group -> keep
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import Connector
from dedupe_core.closure import close
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import RECIPE, fingerprint
from dedupe_core.group import decide
from dedupe_core.keepers import around_keepers
from dedupe_core.model import Choice, Edge, Judge, Progress, Relation
from dedupe_core.neighbours import neighbours
from dedupe_core.scan import ScanCounts, scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.codec import dumps
from dedupe_core.verify import verify


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. `unchanged` says that nothing had changed since the run whose groups are shown."""

    run: int
    scans: tuple[ScanCounts, ...]
    read: int = 0
    known: int = 0
    failed: int = 0
    unchanged: bool = False
    groups: Mapping[Relation, int] = field(default_factory=dict)


def run(
    store: Store,
    listed: Sequence[Connector],
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    judge: Judge,
    progress: Progress,
    accept_loss: Collection[str] = (),
) -> RunReport:
    """One whole run: list the sources in `listed`, look at what is new in any of `connectors`, compare, group, choose.
    Resumable: what was learned is in the store at every moment."""
    progress.stage("listing", None)
    scans = tuple(scan(store, source, settings.scanning, progress, source.name in accept_loss) for source in listed)
    printed = fingerprint(store, connectors, engine, settings, progress)
    mark = _mark(store, settings, judge)
    latest = store.runs.latest()
    if latest is not None and latest["fingerprint"] == mark:
        return RunReport(int(latest["id"]), scans, printed.read, printed.known, printed.failed, True, _counts(store))
    edges = compare(store, connectors, engine, settings, progress)
    progress.stage("grouping", None)
    choices = decide(store, edges, settings, judge)
    number = _save(store, mark, choices)
    return RunReport(number, scans, printed.read, printed.known, printed.failed, False, _counts(store))


def compare(
    store: Store, connectors: Mapping[str, Connector], engine: Engine, settings: Settings, progress: Progress
) -> list[Edge]:
    """Candidates, then proof, then the pairs that proof left open: inside each component, and around who will stay."""
    if not {"pixels", "near", "similar", "series"} & set(settings.levels):
        return []
    pairs = neighbours(store, settings, progress)
    edges = list(verify(store, connectors, engine, pairs, settings, progress))
    edges += close(store, connectors, engine, edges, settings, progress)
    return around_keepers(store, connectors, engine, edges, settings, progress)


def _mark(store: Store, settings: Settings, judge: Judge) -> str:
    """Changes whenever anything changes that the groups depend on."""
    depends = [store.assets.state(), settings.model_dump(mode="json"), RECIPE, getattr(judge, "version", "")]
    return hashlib.sha256(dumps(depends).encode()).hexdigest()


def _save(store: Store, mark: str, choices: Sequence[Choice]) -> int:
    with store.transaction():
        number = store.runs.begin()
        store.runs.put(number, choices)
        store.runs.finish(number, mark, {"groups": len(choices)})
        store.runs.forget_older()
    return number


def _counts(store: Store) -> dict[Relation, int]:
    counts: dict[Relation, int] = {}
    for choice in store.runs.choices():
        counts[choice.group.relation] = counts.get(choice.group.relation, 0) + 1
    return counts
