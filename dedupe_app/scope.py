"""A scan of less than everything: some months, what is newer than a date, the first so many, without the network.

A narrowed listing is never complete: nothing counts as gone because it was left out, and the source's cursor stays
where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, ClassVar

from connectors.base import Asset, AssetId, Connector, Options, Page, Receipt, Verb
from connectors.registry import connect, load
from dedupe_app.config import ConfigError, SourceConfig, build

_LISTS = {
    "months": ("--month", "month folders"),
    "albums": ("--album", "albums"),
    "persons": ("--person", "people"),
    "keywords": ("--keyword", "keywords"),
}
"""Options of connectors by which a source is narrowed, as the command line and people call them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a scan is limited to. The empty scope is everything."""

    months: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int | None = None
    offline: bool = False

    @property
    def whole(self) -> bool:
        """True when nothing is left out."""
        return self == Scope()

    def narrower(self, sources: Iterable[SourceConfig]) -> Callable[[str, Connector], Connector | None] | None:
        """What `Library.scan(narrow=…)` asks for each source: the connector as this scope sees it, None when it is left
        out. The whole scope needs no such question."""
        by_name = {source.name: source for source in sources}
        return None if self.whole else lambda name, connector: self._narrow(by_name[name], connector)

    def _narrow(self, source: SourceConfig, connector: Connector) -> Connector | None:
        if self.offline and connector.features.online:
            return None
        asked = {name: list(words) for name in _LISTS if (words := getattr(self, name))}
        if asked:
            connector = self._restricted(source, asked)
        if self.since is None and self.limit is None:
            return connector
        return Narrowed(connector, self.since, self.limit)

    def _restricted(self, source: SourceConfig, asked: dict[str, list[str]]) -> Connector:
        """The source with these of its own options set to less."""
        for name in asked.keys() - load(source.kind).Options.model_fields.keys():
            one, has = _LISTS[name]
            raise ConfigError(f"{source.name} has no {has}; leave {one} out, or name other sources.")
        entry = {"name": source.name, "kind": source.kind, **source.options, **asked}
        narrowed = build({"sources": [entry]}, "the command line").sources[0]
        connector = connect(narrowed.kind, narrowed.name, narrowed.options)
        # A folder keeps its own books of what lies outside the months; others would call what they left out gone.
        return connector if connector.features.reads else Narrowed(connector, None, None)


def scope_from(
    months: Sequence[str],
    since: str | None,
    limit: int | None,
    offline: bool,
    albums: Sequence[str] = (),
    persons: Sequence[str] = (),
    keywords: Sequence[str] = (),
) -> Scope:
    """The scope of the command line's words. Raises `ConfigError` for a date that is none."""
    begin = None if since is None else moment(since)
    return Scope(tuple(months), tuple(albums), tuple(persons), tuple(keywords), begin, limit, offline)


def moment(text: str) -> datetime:
    """ "2024", "2024-06" or "2024-06-18" as the beginning of that year, month or day. Raises `ConfigError`."""
    for form in ("%Y", "%Y-%m", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ConfigError(f"{text!r} is no date: write it like 2024, 2024-06 or 2024-06-18.")


class Narrowed(Connector):
    """A connector whose listing shows only some assets; everything else is the whole connector's."""

    kind: ClassVar[str] = "narrowed"
    Options: ClassVar[type[Options]] = Options

    def __init__(self, whole: Connector, since: datetime | None, limit: int | None) -> None:
        self._whole = whole
        self._since = since
        self._limit = limit
        self.name = whole.name
        self.features = whole.features

    def scan(self, cursor: str | None) -> Iterator[Page]:
        """The wanted part of the listing; it ends at the cursor where it began."""
        left = self._limit
        for page in self._whole.scan(cursor):
            chosen = tuple(asset for asset in page.assets if self._wanted(asset))
            chosen = chosen if left is None else chosen[:left]
            left = None if left is None else left - len(chosen)
            yield replace(page, assets=chosen, cursor=None, restart=False)
            if left == 0:
                break
        yield Page(cursor=cursor)

    def _wanted(self, asset: Asset) -> bool:
        if self._since is None:
            return True
        if asset.taken_at is not None:
            return asset.taken_at.replace(tzinfo=None) >= self._since
        return asset.modified_at is None or asset.modified_at >= self._since.timestamp()

    def look(self, asset_id: AssetId) -> Asset:
        """As the whole connector."""
        return self._whole.look(asset_id)

    def open(self, asset: Asset) -> BinaryIO:
        """As the whole connector."""
        return self._whole.open(asset)

    def path(self, asset: Asset) -> Path | None:
        """As the whole connector."""
        return self._whole.path(asset)

    def preview(self, asset: Asset, edge: int) -> BinaryIO:
        """As the whole connector."""
        return self._whole.preview(asset, edge)

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        """As the whole connector."""
        return self._whole.settle(verb, asset, target, token)

    def close(self) -> None:
        """As the whole connector."""
        self._whole.close()
