"""The reports beside the photos (per month what was moved where), never over a foreign change.

A report is only replaced when what lies there is what we wrote last; anything else stays, and ours gets another name.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from connectors.base import ConnectorError, Refused, Unavailable
from connectors.onedrive.facts import content_revision
from connectors.onedrive.options import OneDriveOptions
from connectors.onedrive.quickxor import quickxor
from connectors.onedrive.scope import Scope
from connectors.onedrive.session import Answered, Graph, LostAnswer, by_id, by_path

LIMIT = 4_000_000  # bytes of a simple upload
_TRIES = 4
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})")
_SELECT = "id,name,size,eTag,cTag,file,fileSystemInfo"


class Reports:
    """Where reports go: `Pictures/{year}/duplicates_summary/2024-06.csv`; `memory` knows what we wrote last."""

    def __init__(self, graph: Graph, options: OneDriveOptions, memory: Path) -> None:
        self._graph, self._options, self._memory = graph, options, memory

    def path(self, name: str) -> str:
        """The place of a report: beside the months of its year, else in the summary folder above everything."""
        if "/" in name or name in ("", ".", ".."):
            raise Refused(f"{name!r} is no name for a report.")
        above = Scope(self._options).first()
        dated = _MONTH.match(name)
        if dated and self._options.folder is None:
            year = self._options.template.partition("{month")[0]
            above = year.format(year=int(dated["year"])).rpartition("/")[0]
        return "/".join(filter(None, [above, self._options.summary, name]))

    def put(self, name: str, data: bytes) -> str:
        """Upload; the path that it has now. Raises `Refused` for more than 4 MB."""
        if len(data) > LIMIT:
            raise Refused(f"The report {name} is larger than {LIMIT:,} bytes; split it.")
        path = self.path(name)
        stem, dot, ending = path.rpartition(".")
        for number in range(1, 50):
            place = path if number == 1 else f"{stem} ({number}){dot}{ending}"
            if self._put_at(place, data):
                return place
        raise Refused(f"OneDrive has too many foreign files named like {path}.")

    def _put_at(self, path: str, data: bytes) -> bool:
        """False when a file lies there that is not ours. Every answer is settled by looking."""
        for attempt in range(1, _TRIES + 1):
            row = self._there(path)
            if row is not None and _holds(row, data):
                self._remember(path, content_revision(row))
                return True
            if row is not None and self._last(path) != content_revision(row):
                return False
            try:
                if row is None:
                    self._graph.write("PUT", by_path(path, "/content"), data=data, params=_FAIL)
                else:
                    self._graph.write("PUT", f"{by_id(row['id'])}/content", data=data, tag=row.get("eTag"))
            except LostAnswer:
                self._graph.gate.pause(attempt)
            except Answered as error:
                if error.status not in (409, 412):
                    raise _kind(error) from error
        raise Unavailable(f"The report {path} could not be uploaded; the same report lies on this machine.")

    def _there(self, path: str) -> dict[str, Any] | None:
        try:
            return self._graph.get(by_path(path), {"$select": _SELECT})
        except Answered as error:
            if error.status == 404:
                return None
            raise

    def _last(self, path: str) -> str:
        return str(self._all().get(path, ""))

    def _all(self) -> dict[str, Any]:
        try:
            value = json.loads(self._memory.read_text())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def _remember(self, path: str, what: str) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._memory.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({**self._all(), path: what}))
        fresh.replace(self._memory)


_FAIL = {"@microsoft.graph.conflictBehavior": "fail"}


def _holds(row: dict[str, Any], data: bytes) -> bool:
    hashes = row.get("file", {}).get("hashes", {}) or {}
    return row.get("size") == len(data) and hashes.get("quickXorHash") == quickxor(data)


def _kind(error: Answered) -> ConnectorError:
    if error.status == 403:
        return Refused("KeepOne may only read this OneDrive, so the summary lies on this machine only.")
    return Refused(str(error))
