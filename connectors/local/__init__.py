"""Photos in folders of this machine: one root folder a source.

Listing is in `listing` (over `walk`, `companions` and `cursor`), writing in `actions` (over `unit` and `files`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, ClassVar

from connectors.base import Asset, AssetId, Changed, Features, NotFound, Options, Page, Unavailable
from connectors.local.actions import LocalActions
from connectors.local.aliases import steady
from connectors.local.companions import Found, gather
from connectors.local.files import components, split
from connectors.local.listing import Listing, build
from connectors.local.names import family, folded
from connectors.local.options import LocalOptions, refuse_managed
from connectors.local.reading import Asking, open_regular, sentence
from connectors.local.rules import Rules, real_root
from connectors.local.walk import Entry

__all__ = ["LocalConnector", "LocalOptions"]


class LocalConnector(LocalActions):
    """One folder and all below it. Keys are relative POSIX paths. Raises `Refused` for a folder that Apple Photos or a
    cloud sync client manages."""

    kind: ClassVar[str] = "local"
    Options: ClassVar[type[Options]] = LocalOptions

    def __init__(self, name: str, options: LocalOptions) -> None:
        self.name = name
        self.options: LocalOptions = options
        self.root = real_root(options.path)
        self._rules = Rules(options, self.root)
        self._answers: dict[str, bool] = {}
        if not options.allow_managed:
            refuse_managed(self.root)
        self.features = Features(delta=True, delete=True, move=True, restore=options.trash == "quarantine")

    @property
    def scope(self) -> tuple[str, ...]:
        """The month folders that this source is restricted to; () when it is the whole tree."""
        return self._rules.months.folders

    def scan(self, cursor: str | None) -> Iterator[Page]:
        """List what changed since `cursor`; see `Listing`."""
        yield from Listing(self.name, self.root, self._rules, cursor).pages()

    def look(self, asset_id: AssetId) -> Asset:
        """The asset by `lstat`, companions included. Only names that could be companions are looked at."""
        folder, name = split(asset_id.key)
        here = self._path(asset_id)[: -1 - len(name)]
        try:
            entries = _entries(here, name)
        except OSError as error:
            raise self._gone_or(error, asset_id.key) from error
        asking = Asking(here, self._answers)
        assets = [self._asset(folder, found) for found in gather(entries, asking) if found.primary.name == name]
        self._answers.update(asking.proved)
        if assets:
            return assets[0]
        raise NotFound(f"{asset_id.key} is not a photo of its own in {self.name} any more.")

    def open(self, asset: Asset) -> BinaryIO:
        """The bytes, when the file is the one that was seen. A link, a FIFO or a device in its place is `Changed`."""
        path = self._path(asset.id)
        try:
            handle = open_regular(path)
        except OSError as error:
            raise self._gone_or(error, asset.id.key) from error
        entry = Entry.of(asset.name, os.fstat(handle.fileno()))
        if entry.revision(steady(entry.device, path)) != asset.revision:
            handle.close()
            raise Changed(f"{asset.id.key} changed since it was seen. Scan again.")
        return handle

    def path(self, asset: Asset) -> Path | None:
        """Where the file lies."""
        return Path(self._path(asset.id))

    def _path(self, asset_id: AssetId) -> str:
        """The file of a key, which never lies outside the root."""
        if asset_id.source != self.name or not asset_id.key:
            raise NotFound(f"{asset_id.key!r} of {asset_id.source} is not in {self.name}.")
        return "/".join([str(self.root), *components(asset_id.key)])

    def _asset(self, folder: str, found: Found) -> Asset:
        return build(self.name, str(self.root), self._rules, folder, found)

    def _gone_or(self, error: OSError, key: str) -> Exception:
        """A file is only gone when its root still answers."""
        if not self.root.is_dir():
            return Unavailable(f"{self.root} is not there. Connect the disk or the share, and try again.")
        return sentence(error, key)


def _entries(folder: str, name: str) -> list[Entry]:
    """The regular files of a folder whose names could have to do with `name`, sorted."""
    beginnings = family(name)
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name[0] == "." or not folded(entry.name).startswith(beginnings):
                continue
            with suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False):
                    found.append(Entry.of(entry.name, entry.stat(follow_symlinks=False)))
    return sorted(found, key=lambda entry: entry.line)
