"""The listing by delta: everything the first time, later only what changed.

Delta repeats items (the last occurrence wins), names no paths, says nothing of what lies below a renamed folder, may
lead in circles, and its tokens expire. So all pages are spooled first, the cursor goes out with the last page only, and
whenever the changes do not tell the whole story everything is listed again: absence counts only in such a whole
listing, and the core's own check stops a drive that comes back nearly empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from connectors.base import Asset, ConnectorError, Page, Refused, Unavailable, Unread
from connectors.onedrive.companions import family, stem_of
from connectors.onedrive.facts import SELECT, Row, asset_of, drive_key, is_photo
from connectors.onedrive.memory import Memory, remembered
from connectors.onedrive.scope import Folders, Scope
from connectors.onedrive.session import Answered, Graph, by_id
from connectors.onedrive.siblings import Siblings
from connectors.onedrive.spool import Spool

PAGE = 1000
ASSETS_A_PAGE = 500
RESTARTS = 3
_BEGIN = "/me/drive/root/delta?" + urlencode({"$select": SELECT, "$top": str(PAGE)})


class _StartAgain(Exception):
    """The changes do not tell the whole story: a complete listing does."""


class Listing:
    """One source's way of listing. `spool` is where an unfinished first listing is kept."""

    def __init__(self, graph: Graph, source: str, scope: Scope, siblings: Siblings, spool: Path | None) -> None:
        self._graph, self._source, self._scope, self._siblings = graph, source, scope, siblings
        self._spool_path = spool

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """See `Connector.scan`."""
        memory = remembered(cursor)
        if memory is not None and memory.scope == self._scope.text:
            try:
                yield from self._changes(memory)
                return
            except _StartAgain:
                pass
        yield from self._everything(memory)

    def _everything(self, memory: Memory | None) -> Iterator[Page]:
        drive = drive_key_of(self._graph)
        if memory is not None and memory.drive != drive:
            raise Refused(
                f"{self._source} is now signed in to another OneDrive than before. Sign in to the former account, or "
                "add this one as a new source."
            )
        spool = Spool(self._spool_path, f"{drive} {self._scope.text}")
        try:
            link = self._collect_all(spool)
            yield from self._emit_all(spool, drive, link)
            spool.clear()
        finally:
            spool.close()

    def _collect_all(self, spool: Spool) -> str:
        for _ in range(RESTARTS):
            try:
                return self._collect(spool, spool.link or self._graph.base + _BEGIN)
            except _StartAgain:
                spool.clear()
        raise Unavailable("OneDrive begins its list of changes again and again; try later.")

    def _collect(self, spool: Spool, link: str) -> str:
        """Every page into the spool; the next one is on its way meanwhile. A page or link that comes twice is a
        circle."""
        seen: set[bytes] = set()
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self._page, link)
            while True:
                body = coming.result()
                rows, following = body.get("value"), body.get("@odata.nextLink")
                marks = _marks(rows, link)
                if not isinstance(rows, list) or marks & seen:
                    raise _StartAgain
                seen |= marks
                if following is not None:
                    coming = ahead.submit(self._page, following)
                spool.page((row for row in rows if isinstance(row, dict) and row.get("id")), following)
                if following is None:
                    return str(body["@odata.deltaLink"])
                link = following

    def _page(self, link: str) -> dict[str, Any]:
        """410 says that the token expired, 400 that it means nothing, 404 comes in the middle of long listings: for
        all of them the way is to begin again."""
        try:
            return self._graph.follow(link)
        except Answered as error:
            if error.status in (400, 404, 410):
                raise _StartAgain from error
            raise

    def _emit_all(self, spool: Spool, drive: str, link: str) -> Iterator[Page]:
        tally = spool.tally
        if not tally.root:
            raise Unavailable("OneDrive's list lacks the root of the drive; it is not believed. Try again later.")
        folders = Folders(tally.root, {key: (parent, name) for key, (parent, name, _) in tally.folders.items()})
        by_folder: dict[str, list[int]] = {}
        for parent, at in tally.files.values():
            by_folder.setdefault(parent, []).append(at)
        families: dict[str, str] = {}
        unread: list[Unread] = []
        waiting: list[Asset] = []
        for parent, places in by_folder.items():
            path = self._resolved(folders, parent)
            if path is None:
                unread.append(Unread("", "OneDrive lists photos in a folder that it does not name."))
            elif self._scope.holds(path):
                waiting += self._assets(list(spool.rows(places)), parent, path, drive, families)
            while len(waiting) >= ASSETS_A_PAGE:
                yield Page(tuple(waiting[:ASSETS_A_PAGE]), restart=True)
                del waiting[:ASSETS_A_PAGE]
        memory = Memory(drive, tally.root, self._scope.text, link, folders.known, families)
        yield Page(tuple(waiting), cursor=memory.cursor(), restart=True, unread=tuple(unread[:1]))

    def _assets(
        self, rows: list[dict[str, Any]], parent: str, path: str, drive: str, families: dict[str, str]
    ) -> list[Asset]:
        found = []
        for row, parts in family(rows):
            found.append(asset_of(row, self._source, path, drive, parts))
            if parts:
                families.update(dict.fromkeys([row["id"], *(part.key for part in parts)], parent))
        return found

    def _resolved(self, folders: Folders, parent: str) -> str | None:
        """The path of a folder; folders that the feed did not bring are asked for one by one."""
        while (path := folders.path(parent)) is None:
            missing = parent
            while missing in folders.known:
                missing = folders.known[missing][0]
            try:
                row = self._graph.get(by_id(missing), {"$select": "id,name,parentReference,folder,root"})
            except Answered:
                return None
            above = row.get("parentReference", {}).get("id")
            if not above or "root" in row or missing in folders.known:
                return None
            folders.put(missing, above, row.get("name", ""))
        return path

    def _changes(self, memory: Memory) -> Iterator[Page]:
        spool = Spool(None, "changes")
        try:
            link = self._collect(spool, memory.link)
            folders = self._moved_folders(spool, memory)
            yield self._changed_page(spool, memory, folders, link)
        finally:
            spool.close()

    def _moved_folders(self, spool: Spool, memory: Memory) -> Folders:
        """The folders after the changes. Where one was renamed, moved, removed or came with its content, what lies
        below is not in the feed: then everything is listed again."""
        tally = spool.tally
        if tally.root and (tally.root != memory.root or drive_key(tally.drive) != memory.drive):
            raise _StartAgain
        inside: dict[str, int] = {}
        for parent, _ in (*tally.files.values(), *((one[0], 0) for one in tally.folders.values())):
            inside[parent] = inside.get(parent, 0) + 1
        folders = Folders(memory.root, memory.folders)
        for item, (parent, name, children) in tally.folders.items():
            known = memory.folders.get(item)
            if (known and known != (parent, name)) or (not known and children > inside.get(item, 0)):
                raise _StartAgain
            folders.put(item, parent, name)
        for item in tally.gone:
            if item in memory.folders:
                raise _StartAgain
        return folders

    def _changed_page(self, spool: Spool, memory: Memory, folders: Folders, link: str) -> Page:
        tally = spool.tally
        gone = [*tally.gone, *(item for item in sorted(tally.bare) if self._is_gone(item))]
        families = dict(memory.families)
        touched = {families.pop(item) for item in (*gone, *tally.files) if item in families}
        changed: dict[str, list[dict[str, Any]]] = {}
        for row in spool.rows(at for _, at in tally.files.values()):
            parent = row["parentReference"]["id"]
            path = self._resolved(folders, parent)
            if path is not None and self._scope.holds(path):
                changed.setdefault(parent, []).append(row)
            else:
                gone.append(row["id"])
        assets: list[Asset] = []
        for parent in sorted({*changed, *touched}):
            path = self._resolved(folders, parent)
            if path is not None and self._scope.holds(path):
                listed, parts = self._folder(
                    parent, path, memory.drive, changed.get(parent), parent in touched, families
                )
                assets += listed
                gone += parts
        following = Memory(memory.drive, memory.root, memory.scope, link, folders.known, families)
        there = {asset.id.key for asset in assets}
        missing = tuple(sorted(set(gone) - there))
        return Page(tuple(assets), missing, following.cursor(), walked=tally.rows)

    def _folder(
        self,
        parent: str,
        path: str,
        drive: str,
        rows: list[dict[str, Any]] | None,
        whole: bool,
        families: dict[str, str],
    ) -> tuple[list[Asset], list[str]]:
        """The photos of a changed folder that the change concerns, and the ids that are companions, not photos, now."""
        around = self._around(parent) | {row["id"]: row for row in rows or ()}
        concerned = {row["id"] for row in rows or ()}
        stems = {stem_of(row["name"]) for row in rows or ()}
        assets, companions = [], []
        for row, parts in family(around.values()):
            keys = {row["id"], *(part.key for part in parts)}
            if whole or keys & concerned or stem_of(row["name"]) in stems:
                assets.append(asset_of(row, self._source, path, drive, parts))
                companions += [part.key for part in parts]
            if parts:
                families.update(dict.fromkeys(keys, parent))
        rest = [row["id"] for row in rows or () if not is_photo(row)]
        return assets, [*companions, *rest]

    def _around(self, parent: str) -> dict[str, Row]:
        try:
            return {row["id"]: row for row in self._siblings.fresh(parent)}
        except Answered:
            return {}

    def _is_gone(self, item: str) -> bool:
        """A row without any facet: a tombstone that lost its mark, or the Personal Vault. Looking tells."""
        try:
            self._graph.get(by_id(item), {"$select": "id"})
        except Answered as error:
            return error.status == 404
        except ConnectorError:
            return False
        return False


def drive_key_of(graph: Graph) -> str:
    """The drive of the signed-in account, as it compares."""
    row: Row = graph.get("/me/drive", {"$select": "id,driveType"})
    return drive_key({"driveId": row.get("id"), "driveType": row.get("driveType")})


def _marks(rows: object, link: str) -> set[bytes]:
    """What tells that a page was here before: its link, and the items and versions on it."""
    marks = {_digest(link)}
    if isinstance(rows, list) and len(rows) > 1:
        marks.add(_digest("\n".join(f"{row.get('id')} {row.get('eTag')}" for row in rows if isinstance(row, dict))))
    return marks


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
