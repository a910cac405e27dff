"""OneDrive as a place where photos live: the parts of this package behind the contract."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

from connectors.base import (
    Asset,
    AssetId,
    Changed,
    Connector,
    Digest,
    Features,
    NotFound,
    Options,
    Page,
    Receipt,
    Refused,
    Unsupported,
    Verb,
)
from connectors.onedrive.auth import tokens_of
from connectors.onedrive.companions import family
from connectors.onedrive.content import BLOCK, ContentHost, RangedFile
from connectors.onedrive.estimate import Forecast, count, forecast
from connectors.onedrive.facts import Row, asset_of, drive_key, is_photo, revision, suffix
from connectors.onedrive.gate import Clock, Gate, SystemClock
from connectors.onedrive.listing import Listing
from connectors.onedrive.months import Months
from connectors.onedrive.moves import Moves
from connectors.onedrive.options import OneDriveOptions
from connectors.onedrive.quickxor import QuickXor, Sha1
from connectors.onedrive.reports import Reports
from connectors.onedrive.scope import Scope
from connectors.onedrive.session import Graph, Tokens, by_id
from connectors.onedrive.siblings import Siblings
from connectors.onedrive.thumbnails import Thumbnails
from connectors.onedrive.units import Units

LIVE = frozenset({"heic", "heif", "hif"})


class OneDriveConnector(Connector):
    """One OneDrive account. Nothing is sent before the first call; nothing ever asks a person to sign in."""

    kind: ClassVar[str] = "onedrive"
    Options: ClassVar[type[Options]] = OneDriveOptions

    def __init__(
        self, name: str, options: OneDriveOptions, tokens: Tokens | None = None, clock: Clock | None = None
    ) -> None:
        self.name, self.options = name, options
        writes = not options.read_only
        self.features = Features(
            delta=True,
            preview=True,
            delete=writes and options.recycle_bin,
            restore=writes and (options.personal or not options.recycle_bin),
            move=writes,
            report=writes,
            guarded=True,
            reads=False,
            digests=(Digest("sha1", True, Sha1), Digest("quickxor", False, QuickXor)),
            away=options.duplicates,
            online=True,
        )
        self._clock = clock or SystemClock()
        budget = None if options.budget_minutes is None else options.budget_minutes * 60
        gate, content = (
            Gate(self._clock, options.readers, options.longest_wait, budget, options.state / f"{_plain(name)}.{memory}")
            for memory in ("wait", "content-wait")
        )
        self._graph = Graph(options.endpoint, tokens or tokens_of(options), gate)
        self._host = ContentHost(content)
        self._siblings = Siblings(self._graph, self._clock)
        self._thumbnails = Thumbnails(self._graph, self._host, self._siblings, self._clock)
        self._moves = Moves(self._graph)
        self._units = Units(self._moves, self._folder_of, options.personal)
        self._parents: dict[str, str] = {}

    def scan(self, cursor: str | None) -> Iterator[Page]:
        """List by delta; the cursor comes with the last page. With `months` only their folders are asked for."""
        if self.options.months:
            yield from Months(self._graph, self.name, self.options, self._siblings).pages(cursor)
            return
        spool = self.options.state / f"{_plain(self.name)}.listing"
        listing = Listing(self._graph, self.name, Scope(self.options), self._siblings, spool)
        yield from listing.pages(cursor)

    def look(self, asset_id: AssetId) -> Asset:
        """The item as it is now, with its companions."""
        self._mine(asset_id)
        row = self._moves.fresh(asset_id.key)
        if not is_photo(row):
            raise NotFound(f"{row.get('name', 'This item')} is no photo in OneDrive any more.")
        reference = row["parentReference"]
        around = {one["id"]: one for one in self._siblings.of(reference["id"])} | {row["id"]: row}
        parts = next((found for one, found in family(around.values()) if one["id"] == row["id"]), ())
        return asset_of(row, self.name, self._folder_of(row), drive_key(reference), parts)

    def open(self, asset: Asset) -> BinaryIO:
        """The original's bytes in ranges; a Live Photo's HEIC is refused, because OneDrive delivers only its still."""
        self._mine(asset.id)
        row = self._moves.fresh(asset.id.key)
        if revision(row) != asset.revision:
            raise Changed(f"{asset.name} was changed in OneDrive since it was looked at.")
        live = suffix(asset.name) in LIVE
        raw = RangedFile(self._host, lambda: self._download_url(asset), int(row["size"]), live)
        return io.BufferedReader(raw, BLOCK)

    def _download_url(self, asset: Asset) -> str:
        row = self._graph.get(by_id(asset.id.key))
        url = row.get("@microsoft.graph.downloadUrl")
        if revision(row) != asset.revision:
            raise Changed(f"{asset.name} was changed in OneDrive while it was read.")
        if not url:
            raise Refused(f"OneDrive gives no download of {asset.name}.")
        return str(url)

    def preview(self, asset: Asset, edge: int) -> BinaryIO:
        """OneDrive's own rendering, turned upright."""
        return io.BytesIO(self._thumbnails.fetch(asset.id.key, self._parent_of(asset), edge))

    def _parent_of(self, asset: Asset) -> str:
        if asset.folder not in self._parents:
            self._parents[asset.folder] = self._moves.folder(asset.folder, make=False)
        return self._parents[asset.folder]

    def move(self, asset: Asset, folder: str, token: str) -> Receipt:
        """Into a folder, by If-Match, with the file's own times; a taken name gets a fixed mark."""
        self._may_write()
        self._mine(asset.id)
        receipt = self._units.move(asset, folder, token)
        self._forget(receipt)
        return receipt

    def delete(self, asset: Asset, token: str) -> Receipt:
        """Into OneDrive's recycle bin, where `recycle_bin: true` allows it."""
        if not self.features.delete:
            return super().delete(asset, token)
        self._mine(asset.id)
        receipt = self._units.recycle(asset, token)
        self._forget(receipt)
        return receipt

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        """Did it happen? OneDrive itself tells."""
        self._mine(asset.id)
        receipt = self._units.settle(verb, asset, target, token)
        self._siblings.clear()
        return receipt

    def restore(self, receipt: Receipt) -> Asset:
        """Back to where it was."""
        self._may_write()
        key = self._units.restore(receipt)
        self._forget(receipt)
        return self.look(AssetId(self.name, key))

    def report(self, name: str, data: bytes) -> None:
        """Into the summary folder, never over a file that is not ours."""
        self._may_write()
        Reports(self._graph, self.options, self.options.state / f"{_plain(self.name)}.reports").put(name, data)

    def estimate(self) -> Forecast:
        """What a first run will cost."""
        photos, size = count(self._graph, Scope(self.options))
        return forecast(photos, size, self.options.personal)

    def close(self) -> None:
        """Give back the connections."""
        self._graph.close()
        self._host.close()

    def _may_write(self) -> None:
        if self.options.read_only:
            raise Unsupported(f"{self.name} is set to read_only; take that out of its options to move photos.")

    def _mine(self, asset_id: AssetId) -> None:
        if asset_id.source != self.name:
            raise NotFound(f"{asset_id.key} is a photo of {asset_id.source}, not of {self.name}.")

    def _forget(self, receipt: Receipt) -> None:
        sides = (receipt.before, receipt.after)
        self._siblings.forget(*(item["parent"] for side in sides for item in side["items"]))

    def _folder_of(self, row: Row) -> str:
        """The path of the folder that a row lies in. Paths in rows are percent-encoded or not, from row to row: one
        that could be either is put together from the folders' names instead."""
        reference: dict[str, Any] = row.get("parentReference") or {}
        path = reference.get("path")
        if path is not None and "%" not in path:
            return str(path).partition("root:")[2].strip("/")
        names: list[str] = []
        folder = reference.get("id", "")
        while folder:
            name, above = self._folder(folder)
            if not above:
                break
            names.append(name)
            folder = above
        return "/".join(reversed(names))

    def _folder(self, folder: str) -> tuple[str, str]:
        row = self._graph.get(by_id(folder), {"$select": "id,name,parentReference,folder,root"})
        above = "" if "root" in row else str(row.get("parentReference", {}).get("id", ""))
        return str(row.get("name", "")), above


def _plain(name: str) -> str:
    """A source's name as a file name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
