"""The rows of one listing until it is complete: the last row of each item counts, and only its place is in memory.

With a path the spool survives the process, and a first listing that was interrupted goes on at its last whole page.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from connectors.onedrive.facts import Row

_IN_MEMORY = 4 << 20


@dataclass(slots=True)
class Tally:
    """What the rows so far come to: files by id with their parent and place in the spool, folders by id with
    (parent, name, children), what is gone, and rows that say nothing."""

    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    folders: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    root: str = ""
    drive: dict[str, Any] = field(default_factory=dict)
    rows: int = 0


class Spool:
    """An append-only file of rows and page marks. `mark` says what the listing is of; another mark starts afresh."""

    def __init__(self, path: Path | None, mark: str) -> None:
        self.tally = Tally()
        self.link: str | None = None
        self._path, self._mark = path, mark
        self._file = self._open(path)

    def _open(self, path: Path | None) -> BinaryIO:
        if path is None:
            return tempfile.SpooledTemporaryFile(_IN_MEMORY)  # type: ignore[return-value]
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        handle = path.open("r+b")
        self._replay(handle)
        return handle

    def _replay(self, handle: BinaryIO) -> None:
        """Take up whole pages of the same listing; cut off what a kill left half written."""
        page: list[tuple[dict[str, Any], int]] = []
        good = at = 0
        for line in handle:
            value = _parsed(line)
            if value is None or (at == 0 and value.get("mark") != self._mark):
                break
            if "link" in value:
                for row, place in page:
                    self._count(row, place)
                self.link, good, page = value["link"], at + len(line), []
            elif at:
                page.append((value, at))
            at += len(line)
        handle.truncate(good)
        handle.seek(good)
        if not good:
            self._append(handle, {"mark": self._mark, "link": None})

    @staticmethod
    def _append(handle: BinaryIO, value: Row) -> int:
        at = handle.tell()
        handle.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")
        return at

    def page(self, rows: Iterable[dict[str, Any]], link: str | None) -> None:
        """One page, and where the next one is."""
        for row in rows:
            self._count(row, self._append(self._file, row))
        self.link = link
        if link is not None and self._path is not None:
            self._append(self._file, {"link": link})
            self._file.flush()

    def _count(self, row: dict[str, Any], at: int) -> None:
        """The last occurrence wins: each row first undoes what earlier rows of the item said."""
        tally, item = self.tally, row["id"]
        parent = row.get("parentReference", {}).get("id", "")
        tally.rows += 1
        for earlier in (tally.files, tally.folders, tally.gone):
            earlier.pop(item, None)
        tally.bare.discard(item)
        if "root" in row:
            tally.root, tally.drive = item, row.get("parentReference", {})
        elif "deleted" in row:
            tally.gone[item] = parent
        elif "folder" in row and "remoteItem" not in row:
            tally.folders[item] = (parent, row.get("name", ""), int(row["folder"].get("childCount") or 0))
        elif "file" in row and parent and "name" in row:
            tally.files[item] = (parent, at)
        else:
            tally.bare.add(item)

    def rows(self, places: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Rows again, by their places."""
        for at in sorted(places):
            self._file.seek(at)
            yield json.loads(self._file.readline())

    def clear(self) -> None:
        """Forget everything: the listing is done, or starts again."""
        self.tally, self.link = Tally(), None
        self._file.seek(0)
        self._file.truncate()
        if self._path is not None:
            self._append(self._file, {"mark": self._mark, "link": None})
            self._file.flush()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
