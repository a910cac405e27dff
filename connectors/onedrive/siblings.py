"""What else lies in a folder, remembered for a minute: companions are found by name, and delta does not repeat them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from connectors.onedrive.facts import SELECT
from connectors.onedrive.gate import Clock
from connectors.onedrive.session import Graph, by_id

SECONDS = 60.0
FOLDERS = 8
PAGE = "1000"


class Siblings:
    """The rows of the folders looked at last. Only names and companions are taken from here: before a write every
    single item is asked for again."""

    def __init__(self, graph: Graph, clock: Clock) -> None:
        self._graph, self._clock = graph, clock
        self._kept: OrderedDict[str, tuple[float, list[dict[str, Any]]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, folder: str) -> list[dict[str, Any]]:
        """The files and folders of a folder, at most a minute old."""
        with self._lock:
            kept = self._kept.get(folder)
        if kept is not None and self._clock.now() - kept[0] < SECONDS:
            return kept[1]
        return self.fresh(folder)

    def fresh(self, folder: str) -> list[dict[str, Any]]:
        """The same, asked for now."""
        rows: list[dict[str, Any]] = []
        body = self._graph.get(by_id(folder) + "/children", {"$select": SELECT, "$top": PAGE})
        while True:
            rows += body.get("value", [])
            if not body.get("@odata.nextLink"):
                break
            body = self._graph.follow(body["@odata.nextLink"])
        with self._lock:
            self._kept[folder] = (self._clock.now(), rows)
            self._kept.move_to_end(folder)
            while len(self._kept) > FOLDERS:
                self._kept.popitem(last=False)
        return rows

    def forget(self, *folders: str) -> None:
        """Something was written there."""
        with self._lock:
            for folder in folders:
                self._kept.pop(folder, None)

    def clear(self) -> None:
        """Something may have been written anywhere."""
        with self._lock:
            self._kept.clear()
