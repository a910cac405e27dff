"""Where only a weak digest says that two files are equal and no picture can tell: their bytes are read and compared.

A weak digest with a compressed format is left to the comparison of renderings: two entropy-coded files that share it
and look the same are the same, and that is said as `near`, never as `exact`. Uncompressed pictures may share it and
differ, and what has no rendering cannot be compared otherwise: just these are read, and only a few hundred a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from connectors.base import Asset, Connector, ConnectorError
from dedupe_core.model import Photo, Progress
from dedupe_core.store import Store

MOST = 200
"""Files that one run reads for this; the rest is left to the next."""

_COMPRESSED = frozenset(
    {"image/jpeg", "image/heic", "image/heif", "image/avif", "image/webp", "image/png", "image/gif"}
)
_CHUNK = 1 << 20


def confirm(store: Store, connectors: Mapping[str, Connector], progress: Progress) -> int:
    """Read what is ambiguous and name it by its sha256; how many files were read. What cannot be read stays named by
    its weak digest: shown to a person at most."""
    ambiguous = [photo for rows in store.digests.weak_classes() for photo in _ambiguous(store, rows)]
    if not ambiguous:
        return 0
    progress.stage("reading what only a weak digest names", min(len(ambiguous), MOST))
    read = 0
    for photo in ambiguous[:MOST]:
        connector = connectors.get(photo.asset.id.source)
        digest = _sha256(connector, photo.asset, progress) if connector is not None else ""
        if digest:
            content = f"sha256:{digest}"
            with store.transaction():
                store.work.put_unsigned([content])
                store.digests.confirmed(photo.row, photo.content, content)
            read += 1
        progress.advance(1, photo.asset.size, photo.asset.id.key)
    return read


def _ambiguous(store: Store, rows: Sequence[int]) -> list[Photo]:
    """Those of a class whose bytes were never read, unless renderings of all of them can be compared."""
    photos = list(store.assets.photos(rows).values())
    if all(photo.asset.media_type in _COMPRESSED and photo.signature is not None for photo in photos):
        return []
    return [photo for photo in photos if not photo.content.startswith("sha256:")]


def _sha256(connector: Connector, asset: Asset, progress: Progress) -> str:
    """The digest of the whole original; "" when it cannot be read, or is not as long as it was listed."""
    digest, size = hashlib.sha256(), 0
    try:
        with connector.open(asset) as stream:
            while block := stream.read(_CHUNK):
                digest.update(block)
                size += len(block)
    except (ConnectorError, OSError) as error:
        progress.error(asset.id.key, str(error))
        return ""
    return digest.hexdigest() if size == asset.size else ""
