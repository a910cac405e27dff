"""The second stage: from bytes to signatures, or only to contents where nothing but exact copies is wanted.

What is wrong with a file is one line: in the store, and to `progress`. A file that changes while it is read is left to
the next scan.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import Connector
from dedupe_core.counts import FingerprintCounts
from dedupe_core.engine import Engine
from dedupe_core.model import Progress
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.tasks import RECIPE

__all__ = ["RECIPE", "FingerprintCounts", "fingerprint"]


def fingerprint(
    store: Store, connectors: Mapping[str, Connector], engine: Engine, settings: Settings, progress: Progress
) -> FingerprintCounts:
    """Give every readable asset of `connectors` a content and, unless only `exact` is wanted, a signature. The decoders
    are imported only where they are needed."""
    if set(settings.levels) <= {"exact"}:
        from dedupe_core import exact

        return exact.digests(store, connectors, progress)
    from dedupe_core import reading

    return reading.signatures(store, connectors, engine, settings, progress)
