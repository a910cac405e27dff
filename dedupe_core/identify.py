"""Which content an asset holds whose bytes are not read: its source's own digest says so.

A strong digest (sha256, sha1, or what the source declares strong) names the content. A weak one only proposes: two
files may share a quickXorHash and differ, so each such asset keeps a content of its own until its bytes are read. Files
that are read get the digests by which others are named, in the same read, and where they were read before these were
asked for, in a second one of just those files whose length fits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from connectors.base import Asset, Connector, ConnectorError, Digest
from dedupe_core import files
from dedupe_core.header import Unreadable
from dedupe_core.model import Photo, Progress
from dedupe_core.store import Store
from dedupe_core.store.digests import strong_key, weak_key

_ALWAYS_STRONG = ("sha256", "sha1")
_PAGE = 500
_READERS = 4
_LONGEST = 64 << 20
NAMELESS = "item"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The digests that other sources go by, each with the lengths of the files that may have one of theirs; a length
    of 0 is one that the source does not tell, so that every file may."""

    digests: Mapping[str, tuple[Digest, frozenset[int]]] = field(default_factory=dict)

    def of(self, size: int) -> tuple[Digest, ...]:
        """Those worth computing of a file of this length."""
        return tuple(digest for digest, sizes in self.digests.values() if size in sizes or 0 in sizes)


NOTHING_WANTED = Wanted()


def identify(store: Store, connectors: Mapping[str, Connector]) -> Wanted:
    """Name the content of every new asset whose source is not read, and tell which digests files should get."""
    unread = {name: connector for name, connector in connectors.items() if not connector.features.reads}
    if not unread:
        return NOTHING_WANTED
    rows = store.digests.unnamed(unread)
    for start in range(0, len(rows), _PAGE):
        photos = store.assets.photos(rows[start : start + _PAGE]).values()
        named = [(photo.row, _content(store, photo.asset, unread[photo.asset.id.source])) for photo in photos]
        with store.transaction():
            store.work.put_unsigned([content for _, content in named])
            store.work.set_contents(named)
    spoken = {digest.name: digest for connector in unread.values() for digest in connector.features.digests}
    names = store.digests.names(unread)
    with store.transaction():
        for name in names.keys() & spoken.keys():
            store.digests.put(_lines(store, unread, spoken[name]))
        store.digests.meet()
    return Wanted({name: (spoken[name], frozenset(sizes)) for name, sizes in names.items() if name in spoken})


def lines_of(digests: tuple[tuple[str, str], ...], size: int, content: str, wanted: Wanted) -> list[tuple[str, str]]:
    """What reading a file told of its further digests, for the store."""
    return [(_key(wanted.digests[name][0], value, size), content) for name, value in digests]


def complete(store: Store, connectors: Mapping[str, Connector], wanted: Wanted, progress: Progress) -> None:
    """Give files that were read before somebody asked the digests that are wanted of their length, and let contents
    meet. A file that cannot be read now, or is not what it was, is left to the next scan."""
    reading = {name: connector for name, connector in connectors.items() if connector.features.reads}
    for name, (digest, sizes) in wanted.digests.items():
        rows = store.digests.lacking(reading, name if digest.strong else f"~{name}", sizes)
        if rows:
            progress.stage("reading for digests", len(rows))
        with ThreadPoolExecutor(_READERS, thread_name_prefix="keepone-digest") as readers:
            for start in range(0, len(rows), _PAGE):
                photos = list(store.assets.photos(rows[start : start + _PAGE]).values())
                found = readers.map(_reader(reading, digest), photos)
                lines = [line for line in found if line is not None]
                with store.transaction():
                    store.digests.put(lines)
                progress.advance(len(photos))
    if wanted.digests:
        with store.transaction():
            store.digests.meet()


def _reader(connectors: Mapping[str, Connector], digest: Digest) -> Callable[[Photo], tuple[str, str] | None]:
    def line(photo: Photo) -> tuple[str, str] | None:
        taken = _taken(connectors[photo.asset.id.source], photo.asset, digest)
        if taken is None or f"sha256:{taken.sha256}" != photo.content:
            return None
        return _key(digest, taken.digests[0][1], taken.size), photo.content

    return line


def _taken(connector: Connector, asset: Asset, digest: Digest) -> files.Taken | None:
    try:
        path = connector.path(asset)
        if path is not None:
            return files.take(path, _LONGEST, asset.size, [digest])
        with connector.open(asset) as stream:
            return files.hashed(stream, [digest])
    except (ConnectorError, Unreadable, files.Moving, OSError):
        return None


def _content(store: Store, asset: Asset, connector: Connector) -> str:
    """The name of an asset's content: by its strongest digest, else by the asset itself."""
    strong = (*_ALWAYS_STRONG, *(digest.name for digest in connector.features.digests if digest.strong))
    for name in strong:
        if name in asset.digests:
            own = strong_key(name, asset.digests[name])
            return store.digests.content_of(own) or own
    for name in (digest.name for digest in connector.features.digests):
        if name in asset.digests:
            return f"{name}:{asset.digests[name]}@{_mark(asset)}"
    return f"{NAMELESS}:{_mark(asset, asset.revision)}"


def _mark(asset: Asset, *more: str) -> str:
    text = "\0".join((asset.id.source, asset.id.key, *more))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _lines(store: Store, unread: Mapping[str, Connector], digest: Digest) -> list[tuple[str, str]]:
    """What listings tell of a digest by which others are named. A content that it names itself needs no line, unless
    that name only proposes."""
    lines = []
    for content, value, size in store.digests.listed(unread, digest.name):
        key = _key(digest, value, size)
        if key != content:
            lines.append((key, content))
    return lines


def _key(digest: Digest, value: str, size: int) -> str:
    return strong_key(digest.name, value) if digest.strong else weak_key(digest.name, value, size)
