"""Thumbnails instead of originals: found out once an account how they come cheapest, then by the folder.

Personal accounts give them with the listing of a folder (`$expand=thumbnails`), business accounts in batches of twenty
or one by one. Never a square or a crop, which is another picture to a perceptual hash. URLs live for hours and differ
at every call: they are used at once, asked for again once, and never kept on disk.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import quote

from connectors.base import Refused
from connectors.onedrive.content import ContentHost, Expired
from connectors.onedrive.facts import is_photo
from connectors.onedrive.gate import Clock
from connectors.onedrive.session import Answered, Graph, Request, by_id
from connectors.onedrive.siblings import Siblings

MEDIUM, LARGE = 176, 800
BATCH = 20
URL_SECONDS = 1800.0
KEPT = 20_000
Way = Literal["expand", "batch", "single"]
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")
_SELECT = "id,name,size,file"


def size_name(edge: int) -> str:
    """The name of the smallest rendering whose long side is at least `edge`."""
    if edge <= MEDIUM:
        return "medium"
    return "large" if edge <= LARGE else f"c{edge}x{edge}"


class Thumbnails:
    """Renderings by item. Thread-safe."""

    def __init__(self, graph: Graph, host: ContentHost, siblings: Siblings, clock: Clock) -> None:
        self._graph, self._host, self._siblings, self._clock = graph, host, siblings, clock
        self.way: Way = "expand"
        self._urls: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()
        self._expanded: dict[str, float] = {}
        self._lock = threading.Lock()
        self._filling = threading.Lock()

    def fetch(self, item: str, parent: str, edge: int) -> bytes:
        """The picture's bytes (JPEG). Raises `Refused` when OneDrive has no rendering of this item."""
        name = size_name(edge)
        for again in (False, True):
            address = self._single(item, name) if again else self._found(item, parent, name)
            if address is None:
                raise Refused("OneDrive has no preview of this photo.")
            try:
                data = self._host.fetch(address).content
            except Expired:
                continue
            if not data.startswith(_MAGIC):
                raise Refused("OneDrive's preview of this photo is no picture.")
            return data
        raise Refused("OneDrive's preview of this photo cannot be fetched.")

    def _found(self, item: str, parent: str, name: str) -> str | None:
        with self._filling:
            kept = self._kept(item, name)
            if kept is None:
                self._fill(item, parent, name)
                kept = self._kept(item, name)
        return kept or self._single(item, name)

    def _kept(self, item: str, name: str) -> str | None:
        with self._lock:
            moment, url = self._urls.get((item, name), (0.0, ""))
        return url if url and self._clock.now() - moment < URL_SECONDS else None

    def _keep(self, rows: Iterable[tuple[str, list[dict[str, Any]]]]) -> None:
        now = self._clock.now()
        with self._lock:
            for item, sets in rows:
                for name, rendering in (sets[0] if sets else {}).items():
                    if isinstance(rendering, dict) and rendering.get("url"):
                        self._urls[item, name] = (now, rendering["url"])
            while len(self._urls) > KEPT:
                self._urls.popitem(last=False)

    def _fill(self, item: str, parent: str, name: str) -> None:
        """URLs of this photo and its neighbours, the cheapest way that this account knows."""
        if self.way == "expand" and not name.startswith("c"):
            if self._clock.now() - self._expanded.get(parent, -URL_SECONDS) < URL_SECONDS:
                return
            try:
                self._expand(parent)
                self._expanded[parent] = self._clock.now()
                return
            except Answered as error:
                if error.status not in (400, 501):
                    raise
                self.way = "batch"
        if self.way in ("batch", "expand"):
            try:
                self._batch(self._neighbours(item, parent, name), name)
            except Answered as error:
                if error.status not in (400, 404, 501):
                    raise
                self.way = "single"

    def _expand(self, parent: str) -> None:
        body = self._graph.get(
            by_id(parent) + "/children", {"$select": _SELECT, "$expand": "thumbnails", "$top": "1000"}
        )
        while True:
            self._keep((row["id"], row.get("thumbnails", [])) for row in body.get("value", []))
            if not body.get("@odata.nextLink"):
                return
            body = self._graph.follow(body["@odata.nextLink"])

    def _neighbours(self, item: str, parent: str, name: str) -> list[str]:
        """This photo and those after it in the folder, in the order in which they will be asked for."""
        listed = sorted(row["id"] for row in self._siblings.of(parent) if is_photo(row))
        start = listed.index(item) if item in listed else 0
        with self._lock:
            known = {key for key, kept in self._urls if kept == name}
        return list(dict.fromkeys([item, *(one for one in listed[start:] if one not in known)]))[:BATCH]

    def _batch(self, items: list[str], name: str) -> None:
        requests = [
            {"id": str(number), "method": "GET", "url": f"{by_id(item)}/thumbnails?select={quote(name)}"}
            for number, item in enumerate(items)
        ]
        body = self._graph.send(Request("POST", self._graph.base + "/$batch", {}, {}, {"requests": requests}))
        for response in body.get("responses", []):
            if response.get("status") == 200:
                sets = (response.get("body") or {}).get("value", [])
                self._keep([(items[int(response["id"])], sets)])
            elif response.get("status") in (429, 503):
                self._graph.gate.close({**_lower(response.get("headers") or {})})

    def _single(self, item: str, name: str) -> str | None:
        body = self._graph.get(by_id(item) + "/thumbnails", {"select": name})
        sets = body.get("value") or [{}]
        return (sets[0].get(name) or {}).get("url")


def _lower(headers: dict[str, str]) -> dict[str, str]:
    """Headers inside a batch come in any case; the gate asks for the usual spelling."""
    spelled = {"retry-after": "Retry-After", "ratelimit-reset": "RateLimit-Reset"}
    return {spelled.get(name.lower(), name): value for name, value in headers.items()}
