"""The listing of a few month folders: by asking for what lies in them, because delta only tells of whole drives.

It is complete for a source that consists of these months; what narrows a whole drive to them has to drop that claim.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.base import Page, Unread
from connectors.onedrive.companions import family
from connectors.onedrive.facts import Row, asset_of
from connectors.onedrive.listing import drive_key_of
from connectors.onedrive.options import OneDriveOptions
from connectors.onedrive.scope import Scope
from connectors.onedrive.session import Answered, Graph, by_path
from connectors.onedrive.siblings import Siblings


class Months:
    """One source's months."""

    def __init__(self, graph: Graph, source: str, options: OneDriveOptions, siblings: Siblings) -> None:
        self._graph, self._source, self._siblings = graph, source, siblings
        self._options, self._scope = options, Scope(options)

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """A page a folder; a month that has none is no error. What cannot be listed makes nothing count as gone."""
        drive = drive_key_of(self._graph)
        for path in self._options.month_folders:
            folder = self._folder(path)
            if folder:
                yield from self._below(folder, path, drive)
        yield Page(cursor=cursor, restart=True)

    def _folder(self, path: str) -> str:
        try:
            row = self._graph.get(by_path(path), {"$select": "id,folder"})
        except Answered as error:
            if error.status == 404:
                return ""
            raise
        return str(row["id"]) if "folder" in row else ""

    def _below(self, folder: str, path: str, drive: str) -> Iterator[Page]:
        waiting = [(folder, path)]
        while waiting:
            here, where = waiting.pop()
            try:
                rows: list[Row] = list(self._siblings.fresh(here))
            except Answered as error:
                yield Page(unread=(Unread("", f"{where}: {error}"),))
                continue
            assets = tuple(asset_of(row, self._source, where, drive, parts) for row, parts in family(rows))
            yield Page(assets, walked=len(assets))
            inner = ((str(row["id"]), f"{where}/{row['name']}") for row in rows if "folder" in row)
            waiting += [(key, below) for key, below in inner if not self._scope.is_ours(below)]
