"""What a first run over a drive will cost, before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.onedrive.listing import PAGE
from connectors.onedrive.scope import Scope
from connectors.onedrive.session import Answered, Graph, by_path

# Measured on 16 photos of 12 megapixels and on recorded rows (docs/onedrive.md).
MEDIUM_BYTES, LARGE_BYTES, ROW_BYTES, LINK_BYTES = 5_700, 82_000, 170, 1_250
PERSONAL_RATE = 10.0  # requests a second: 3000 in five minutes for a user
BUSINESS_RATE = 1250 / 60  # resource units a second for an application in a small tenant
CANDIDATES = 0.15
THUMBNAIL_RATE = 10.0
MOST_CALLS = 60


@dataclass(frozen=True, slots=True)
class Forecast:
    """Calls to Graph, fetches from the content host, bytes over the line and hours, for `photos` of `bytes`."""

    photos: int
    bytes: int
    calls: int
    fetches: int
    traffic: int
    hours: float

    @property
    def sentence(self) -> str:
        """For a person."""
        return (
            f"About {self.photos:,} photos ({_in_words(self.bytes)}). A first run makes about {self.calls:,} calls, "
            f"fetches {self.fetches:,} thumbnails, {_in_words(self.traffic)} instead of {_in_words(self.bytes)}, "
            f"and takes about {_time(self.hours)}."
        )


def _in_words(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _time(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{max(1, round(hours * 60))} minutes"


def forecast(photos: int, size: int, personal: bool) -> Forecast:
    """The model: delta pages, thumbnail links (by the folder, or in batches of twenty that count one each), a medium
    thumbnail of every photo and a large one of every candidate."""
    pages = photos // PAGE + 2
    links = pages if personal else photos // 20 + 1
    fetches = photos + int(photos * CANDIDATES)
    traffic = photos * (ROW_BYTES + LINK_BYTES + MEDIUM_BYTES) + int(photos * CANDIDATES) * LARGE_BYTES
    metadata = (pages + links) / PERSONAL_RATE if personal else (2 * pages + photos) / BUSINESS_RATE
    hours = (metadata + fetches / THUMBNAIL_RATE) / 3600
    return Forecast(photos, size, pages + links, fetches, traffic, hours)


def count(graph: Graph, scope: Scope, mean: int = 4_000_000) -> tuple[int, int]:
    """(photos, bytes) in scope, from what folders say of themselves: a month folder counts its own children. At most
    `MOST_CALLS` folders are looked into; below the others the number is guessed from their size."""
    photos = size = 0
    waiting = [scope.first()]
    for _ in range(MOST_CALLS):
        if not waiting:
            break
        path = waiting.pop()
        for row in _children(graph, path):
            below = f"{path}/{row.get('name', '')}".strip("/")
            if "folder" not in row:
                photos, size = (photos + 1, size + int(row.get("size") or 0)) if scope.holds(path) else (photos, size)
            elif scope.template is not None and scope.holds(below):
                photos += int(row["folder"].get("childCount") or 0)
                size += int(row.get("size") or 0)
            elif not scope.is_ours(below):
                waiting.append(below)
    rest = sum(_size(graph, path) for path in waiting)
    return photos + rest // mean, size + rest


def _children(graph: Graph, path: str) -> list[dict[str, Any]]:
    try:
        body = graph.get(by_path(path, "/children"), {"$select": "id,name,size,folder", "$top": str(PAGE)})
        rows = list(body.get("value", []))
        while body.get("@odata.nextLink"):
            body = graph.follow(body["@odata.nextLink"])
            rows += body.get("value", [])
    except Answered as error:
        if error.status == 404:
            return []
        raise
    return rows


def _size(graph: Graph, path: str) -> int:
    return int(graph.get(by_path(path), {"$select": "id,size"}).get("size") or 0)
