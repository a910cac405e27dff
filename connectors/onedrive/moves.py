"""Moving items inside the drive so that nothing is lost, whatever happens to the answers.

Each write goes out with the eTag that was read a moment before, and with the file's own times, which OneDrive would
otherwise reset. A lost answer is settled by looking. Nothing is ever replaced: a taken name (409) leads to the next
free one of a fixed series.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from connectors.base import Changed, NotFound, Refused, Unavailable
from connectors.onedrive.facts import SELECT, Row, content_revision, moment
from connectors.onedrive.session import Answered, Graph, LostAnswer, by_id, by_path

SAME_TIME = 1.0  # seconds: business drives keep whole seconds
_RETRIES = 3
_LOOKS = 6
_NAMES = 50


@dataclass(frozen=True, slots=True)
class Spot:
    """One item as it lies: all that bringing it back needs."""

    key: str
    parent: str
    folder: str
    name: str
    created: str
    modified: str
    revision: str

    def json(self) -> dict[str, Any]:
        """For a receipt."""
        return asdict(self)


def spot_of(row: Row, folder: str) -> Spot:
    """The spot of a fresh row."""
    info = row.get("fileSystemInfo") or {}
    return Spot(
        row["id"], row["parentReference"]["id"], folder, row["name"], info.get("createdDateTime", ""),
        info.get("lastModifiedDateTime", ""), content_revision(row),
    )  # fmt: skip


class Taken(Refused):
    """The name is taken there."""


def marked(name: str, mark: str) -> str:
    """The name with a mark before its suffix."""
    if not mark:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem} ({mark}).{ending}" if dot and stem else f"{name} ({mark})"


def marks(word: str, key: str) -> Iterator[str]:
    """No mark, then the fixed series of an item: "dup-1f3a9c20", "dup-1f3a9c20-2" …"""
    yield ""
    short = hashlib.sha256(key.encode()).hexdigest()[:8]
    yield f"{word}-{short}"
    yield from (f"{word}-{short}-{number}" for number in range(2, _NAMES))


class Moves:
    """The writes on single items. One writer at a time."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def fresh(self, key: str) -> dict[str, Any]:
        """The item as it is now. Raises `NotFound`."""
        try:
            row = self._graph.get(by_id(key), {"$select": SELECT})
        except Answered as error:
            if error.status == 404:
                raise NotFound("OneDrive has this photo no longer.") from error
            raise
        if "deleted" in row:
            raise NotFound("This photo is in OneDrive's recycle bin.")
        return row

    def relocate(self, seen: Spot, parent: str, name: str) -> dict[str, Any]:
        """Put the item of `seen` into `parent` under `name`, if it still is what was seen. Returns the row read back.

        Raises `Taken`, `Changed`, `NotFound`, `Refused`, `Unavailable`."""
        stale = lost = 0
        while True:
            row = self.fresh(seen.key)
            if _is_at(row, parent, name):
                return self._with_times(row, seen)
            if content_revision(row) != seen.revision or not _is_at(row, seen.parent, seen.name):
                raise Changed(f"{seen.name} was changed or moved in OneDrive meanwhile.")
            try:
                self._graph.write("PATCH", by_id(seen.key), _body(row, seen, parent, name), _tag(row))
            except LostAnswer as error:
                lost += 1
                if lost >= _LOOKS:
                    raise Unavailable(str(error)) from error
                self._graph.gate.pause(lost)
            except Answered as error:
                if error.status != 412 or stale >= _RETRIES:
                    raise _refusal(error, seen.name) from error
                stale += 1

    def _with_times(self, row: dict[str, Any], seen: Spot) -> dict[str, Any]:
        """The file's own times as they were; the server resets them in some ways of moving."""
        wanted, found = moment(seen.modified), moment((row.get("fileSystemInfo") or {}).get("lastModifiedDateTime"))
        if wanted is None or (found is not None and abs(found - wanted) < SAME_TIME):
            return row
        for attempt in range(1, _RETRIES + 1):
            try:
                self._graph.write("PATCH", by_id(seen.key), {"fileSystemInfo": _times(seen)}, _tag(row))
            except LostAnswer:
                self._graph.gate.pause(attempt)
            except Answered as error:
                if error.status != 412:
                    raise _refusal(error, seen.name) from error
            row = self.fresh(seen.key)
            found = moment((row.get("fileSystemInfo") or {}).get("lastModifiedDateTime"))
            if found is not None and abs(found - wanted) < SAME_TIME:
                break
        return row

    def folder(self, path: str, make: bool = True) -> str:
        """The id of a folder at a path, made with its parents when missing. Raises `Refused` when a file is there and
        `NotFound` when it is missing and not to be made."""
        try:
            row = self._graph.get(by_path(path), {"$select": "id,folder,root"})
        except Answered as error:
            if error.status != 404:
                raise
            row = {}
        if "folder" in row or "root" in row:
            return str(row["id"])
        if row:
            raise Refused(f"{path} is not a folder in OneDrive.")
        if not make:
            raise NotFound(f"OneDrive has no folder {path}.")
        above, _, name = path.strip("/").rpartition("/")
        self._make(self.folder(above), name)
        return self.folder(path, make=False)

    def _make(self, parent: str, name: str) -> None:
        """409 says that somebody else was faster, and a lost answer is settled by the caller's look."""
        body = {"name": name, "folder": {}, "@microsoft.graph.conflictBehavior": "fail"}
        for attempt in range(1, _RETRIES + 1):
            try:
                self._graph.write("POST", f"{by_id(parent)}/children", body)
                return
            except LostAnswer:
                self._graph.gate.pause(attempt)
            except Answered as error:
                if error.status == 409:
                    return
                raise _refusal(error, name) from error

    def recycle(self, seen: Spot) -> None:
        """Into the recycle bin, if it still is what was seen."""
        stale = lost = 0
        while True:
            try:
                row = self.fresh(seen.key)
            except NotFound:
                if lost:
                    return
                raise
            if content_revision(row) != seen.revision or not _is_at(row, seen.parent, seen.name):
                raise Changed(f"{seen.name} was changed or moved in OneDrive meanwhile.")
            try:
                self._graph.write("DELETE", by_id(seen.key), tag=_tag(row))
                return
            except LostAnswer as error:
                lost += 1
                if lost >= _LOOKS:
                    raise Unavailable(str(error)) from error
                self._graph.gate.pause(lost)
            except Answered as error:
                if error.status == 404:
                    continue
                if error.status != 412 or stale >= _RETRIES:
                    raise _refusal(error, seen.name) from error
                stale += 1

    def bring_back(self, seen: Spot, parent: str, name: str) -> dict[str, Any]:
        """Out of the recycle bin to a place, under its old name when `name` is empty; personal accounts only.
        Raises `Taken`, `NotFound`, `Refused`."""
        for attempt in range(1, _LOOKS):
            try:
                row = self.fresh(seen.key)
                return self._with_times(row, seen)
            except NotFound:
                pass
            try:
                body = {"parentReference": {"id": parent}, **({"name": name} if name else {})}
                self._graph.write("POST", f"{by_id(seen.key)}/restore", body)
            except LostAnswer:
                self._graph.gate.pause(attempt)
            except Answered as error:
                if error.status == 404:
                    raise NotFound(f"{seen.name} is no longer in OneDrive's recycle bin.") from error
                raise _refusal(error, seen.name) from error
        raise Unavailable("OneDrive does not say whether it brought the photo back; try again later.")


def _is_at(row: Row, parent: str, name: str) -> bool:
    return bool(row.get("parentReference", {}).get("id") == parent and row.get("name") == name)


def _tag(row: Row) -> str:
    """The precondition of a write; none goes out without it."""
    tag = row.get("eTag") or row.get("cTag")
    if not tag:
        raise Refused(f"OneDrive names no version of {row.get('name')}; it is not touched.")
    return str(tag)


def _times(seen: Spot) -> dict[str, str]:
    times = {"createdDateTime": seen.created, "lastModifiedDateTime": seen.modified}
    return {name: value for name, value in times.items() if value}


def _body(row: Row, seen: Spot, parent: str, name: str) -> dict[str, Any]:
    """An unchanged name that OneDrive would not take today (a final dot, a leading space) is left out: it may stay."""
    body: dict[str, Any] = {"parentReference": {"id": parent}, "fileSystemInfo": _times(seen)}
    if name != row.get("name") or name == name.strip(" ."):
        body["name"] = name
    return body


def _refusal(error: Answered, name: str) -> Changed | NotFound | Refused | Taken:
    if error.status == 409:
        return Taken(f"{name} exists there already.")
    if error.status == 412:
        return Changed(f"{name} changes in OneDrive again and again.")
    if error.status == 404:
        return NotFound("OneDrive has this photo, or its folder, no longer.")
    if error.status == 423:
        return Refused(f"{name} is locked in OneDrive; somebody has it open.")
    if error.status == 403:
        return Refused("KeepOne may only read this OneDrive. To let it move photos: keepone login onedrive")
    return Refused(str(error))
