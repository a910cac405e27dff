"""Which photos of the library are those that people spoke of, when their files have changed.

An answer names contents. A file that was written again (another format, other metadata) has another content and, if
nothing of the picture was lost, the same pixels. So the pixels of labelled photos, and of those that their hashes
cannot tell from them, are digested in full, once in the life of a content. Few photos are that near a labelled one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.base import Connector, ConnectorError
from dedupe_core import decode
from dedupe_core.engine import Engine
from dedupe_core.measure import SAME_PIXELS
from dedupe_core.model import Photo, Progress
from dedupe_core.store import Store
from dedupe_core.store.labels import Label


class Wanted(NamedTuple):
    """A photo whose pixels are to be digested: signature row, path or bytes, and the content that they must have."""

    row: int
    source: str | bytes
    content: str


def identify(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    labels: Sequence[Label],
    progress: Progress,
) -> int:
    """Digest what is missing; how many. A photo that cannot be read now is left for another run."""
    rows = _alike(store, {side.content for one in labels for side in (one.a, one.b)})
    photos = [photo for row in sorted(rows) if (photo := _unread(store, row)) is not None]
    if not photos:
        return 0
    progress.stage("recognising labelled photos", len(photos))
    digested = 0
    for outcome in engine.map(digest, ([item] for item in _wanted(photos, connectors))):
        progress.advance()
        if outcome.value:
            store.signatures.set_pixels(outcome.item.row, outcome.value)
            digested += 1
    return digested


def digest(wanted: Wanted) -> str:
    """What a worker does: the digest of the upright pixels, "" when the file is not the one that was meant."""
    data = decode.read(wanted.source)
    if hashlib.sha256(data).hexdigest() != wanted.content.removeprefix("sha256:"):
        return ""
    return decode.pixel_digest(data)


def _alike(store: Store, contents: set[str]) -> set[int]:
    """Signature rows of these contents, wherever they are or were, and of all that is hardly told from them by hash."""
    named = store.labels.hashes(contents)
    rows, hashes = store.signatures.matrix()
    words = np.ascontiguousarray(hashes[:, 0]).view(np.uint64) if len(rows) else np.empty((0, 4), np.uint64)
    found = set(named)
    for phash in set(named.values()):
        distance = np.bitwise_count(words ^ np.frombuffer(phash, np.uint64)).sum(axis=1)
        found.update(_listed(rows[distance <= SAME_PIXELS]))
    return found


def _listed(rows: NDArray[np.int64]) -> list[int]:
    return [int(row) for row in rows]


def _unread(store: Store, row: int) -> Photo | None:
    """A place of this content, if its pixels are still unknown."""
    if store.signatures.pixels(row):
        return None
    places = store.assets.photos(store.assets.rows_by_signature([row])[row])
    return next((photo for photo in places.values() if photo.content.startswith("sha256:")), None)


def _wanted(photos: Sequence[Photo], connectors: Mapping[str, Connector]) -> Iterator[Wanted]:
    for photo in photos:
        connector = connectors.get(photo.asset.id.source)
        if connector is None or not connector.features.reads or photo.signature_row is None:
            continue
        try:
            path = connector.path(photo.asset)
            if path is not None:
                yield Wanted(photo.signature_row, str(path), photo.content)
                continue
            with connector.open(photo.asset) as stream:
                yield Wanted(photo.signature_row, stream.read(), photo.content)
        except (ConnectorError, OSError):
            continue  # the scan has said already that it cannot be read
