"""Groups and photos as people see them: plain values with paths, for the command line, notebooks and the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.base import Connector
from dedupe_core import tables
from dedupe_core.model import LANES, Choice, Edge, Lane, Photo, Relation


@dataclass(frozen=True, slots=True)
class PhotoView:
    """One photo as people see it. `path` is the file where there is one, else the source's key; `role` is keep, drop
    or review; `reason` the sentence for this photo."""

    row: int
    source: str
    key: str
    path: str
    name: str
    size: int
    width: int
    height: int
    taken_at: datetime | None
    format: str
    role: str
    reason: str
    parts: tuple[str, ...]
    flags: tuple[str, ...]
    labels: tuple[str, ...]
    content: str


@dataclass(frozen=True, slots=True)
class GroupView:
    """One group as people see it: the keeper first, then what goes, then what is left to a person."""

    id: str
    relation: Relation
    lane: Lane
    score: float
    reason: str
    members: tuple[PhotoView, ...]
    edges: tuple[Edge, ...]

    @property
    def keep(self) -> PhotoView:
        """The photo that stays."""
        return self.members[0]

    @property
    def drop(self) -> tuple[PhotoView, ...]:
        """The photos that a plan would put away."""
        return tuple(photo for photo in self.members if photo.role == "drop")

    @property
    def frees(self) -> int:
        """Bytes that a plan would put away."""
        return sum(photo.size for photo in self.drop)

    @property
    def evidence(self) -> tuple[str, ...]:
        """What was measured, in sentences."""
        return tuple(dict.fromkeys(edge.sentence for edge in self.edges if edge.sentence))

    def to_json(self) -> dict[str, Any]:
        """The group as `keepone groups --json` prints it."""
        return {
            "id": self.id,
            "relation": self.relation,
            "lane": self.lane,
            "keep": self.keep.path,
            "drop": [photo.path for photo in self.drop],
            "members": [photo.path for photo in self.members],
            "reason": self.reason,
            "score": round(self.score, 4),
            "frees": self.frees,
            "evidence": list(self.evidence),
            "photos": [photo_to_json(photo) for photo in self.members],
        }


def photo_to_json(photo: PhotoView) -> dict[str, Any]:
    """A photo as JSON."""
    return {
        "source": photo.source,
        "key": photo.key,
        "path": photo.path,
        "role": photo.role,
        "reason": photo.reason,
        "size": photo.size,
        "width": photo.width,
        "height": photo.height,
        "taken_at": photo.taken_at.isoformat() if photo.taken_at else None,
        "format": photo.format,
        "parts": list(photo.parts),
        "flags": list(photo.flags),
        "labels": list(photo.labels),
    }


def group_view(choice: Choice, photos: Mapping[int, Photo], connectors: Mapping[str, Connector]) -> GroupView:
    """A choice with its photos: keeper first, then what goes, then what is left to a person."""
    members = tuple(photo_view(photos[row], choice, connectors) for row in tables.ordered(choice, photos))
    group = choice.group
    return GroupView(
        group.id, group.relation, LANES[group.relation], tables.score(choice), choice.reason, members, group.edges
    )


def photo_view(photo: Photo, choice: Choice | None, connectors: Mapping[str, Connector]) -> PhotoView:
    """One photo, in its role in a group where there is one."""
    asset = photo.asset
    return PhotoView(
        row=photo.row,
        source=asset.id.source,
        key=asset.id.key,
        path=tables.place(photo, connectors),
        name=asset.name,
        size=asset.size,
        width=photo.width,
        height=photo.height,
        taken_at=photo.taken_at,
        format=photo.signature.format if photo.signature else "",
        role=tables.role(choice, photo.row) if choice else "",
        reason=choice.reasons.get(photo.row, "") if choice else "",
        parts=tuple(part.key for part in asset.parts),
        flags=tuple(sorted(asset.flags)),
        labels=tuple(sorted(asset.labels)),
        content=photo.content,
    )
