"""The second stage: from bytes to signatures, or only to contents where nothing but exact copies is wanted.

Sources that are not read come in twice: before the others they say by their digests what they hold, and after them
their renderings are looked at where nothing that was read showed the same content. What is wrong with a file is one
line: in the store, and to `progress`. A file that changes while it is read is left to the next scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.base import Connector
from dedupe_core.counts import FingerprintCounts
from dedupe_core.engine import Engine
from dedupe_core.identify import Wanted, complete, identify
from dedupe_core.model import Progress
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.tasks import RECIPE

if TYPE_CHECKING:
    from dedupe_core.embed import Encoding

__all__ = ["RECIPE", "FingerprintCounts", "begin", "fingerprint"]


def fingerprint(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    progress: Progress,
    encoding: Encoding | None = None,
) -> FingerprintCounts:
    """Give every asset of `connectors` a content and, unless only `exact` is wanted, a signature. The decoders are
    imported only where they are needed. What is decoded goes to the models of `encoding`, too."""
    wanted = identify(store, connectors)
    counts = _read(store, connectors, engine, settings, progress, wanted, encoding)
    complete(store, connectors, wanted, progress)
    if any(not connector.features.reads for connector in connectors.values()):
        counts = _unread(store, connectors, engine, settings, progress, counts)
    return counts


def begin(store: Store, listed: Iterable[Connector], engine: Engine, settings: Settings) -> None:
    """Before the listing: what was never listed has to be read, so that the workers start and import meanwhile."""
    known = {row["name"] for row in store.assets.named() if row["scanned_at"] is not None}
    if not _exact_only(settings) and any(one.features.reads and one.name not in known for one in listed):
        engine.start("dedupe_core.look")


def _read(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    progress: Progress,
    wanted: Wanted,
    encoding: Encoding | None,
) -> FingerprintCounts:
    if _exact_only(settings):
        from dedupe_core import exact

        return exact.digests(store, connectors, progress, wanted)
    from dedupe_core import reading

    return reading.signatures(store, connectors, engine, settings, progress, wanted, encoding)


def _unread(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    progress: Progress,
    counts: FingerprintCounts,
) -> FingerprintCounts:
    from dedupe_core import confirm

    seen = FingerprintCounts()
    if not _exact_only(settings):
        from dedupe_core import edits, previews
        from dedupe_core.views import prune

        seen = previews.signatures(store, connectors, engine, settings, progress)
        edits.signatures(store, connectors, engine, settings, progress)
        prune(store)
    confirm.confirm(store, connectors, progress)
    return replace(counts, previewed=seen.previewed, unseen=seen.unseen)


def _exact_only(settings: Settings) -> bool:
    return set(settings.levels) <= {"exact"}
