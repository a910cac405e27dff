"""A group as a person compares it: the keeper first, what is equal said once, what differs shown with its delta."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_from_bytes

from connectors.base import CLOUD_ONLY, EDITED, FAVORITE, HIDDEN, PROTECTED, SHARED, Connector
from dedupe_core.model import LANES, Choice, Lane, Photo, Relation
from dedupe_core.sentences import said
from dedupe_core.tables import evidence, ordered, place, role, score
from dedupe_core.words import (
    UNKNOWN,
    bytes_delta,
    bytes_text,
    count_text,
    minute_text,
    percent,
    pixels_delta,
    signed,
    time_delta,
    time_text,
)

TITLES: Mapping[Relation, tuple[str, str]] = {
    "exact": ("identical file", "identical files"),
    "pixels": ("file with the same pixels", "files with the same pixels"),
    "near": ("copy of one picture", "copies of one picture"),
    "similar": ("similar picture", "similar pictures"),
    "series": ("shot of one series", "shots of one series"),
}
ROLES = {"keep": "Keep", "drop": "Put away", "review": "You decide"}
_FLAGS = {
    FAVORITE: "favourite",
    EDITED: "edited",
    HIDDEN: "hidden",
    SHARED: "shared",
    CLOUD_ONLY: "cloud only",
    PROTECTED: "protected",
}
_PARTS = {
    "live_video": "Live Photo",
    "raw": "with RAW",
    "jpeg": "with JPEG",
    "sidecar": "with sidecar",
    "takeout": "with Takeout data",
    "edit": "with edits",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One differing field: its name, the value, and the difference to the keeper ("" when it is not a quantity)."""

    name: str
    value: str
    delta: str = ""


@dataclass(frozen=True, slots=True)
class PhotoCard:
    """One photo of a group. Size, resolution and path are always there; `facts` hold only what differs. `folder` is the
    place inside the source, `path` the whole way; `reason` is empty where it would say again why the keeper stays."""

    row: int
    role: str
    role_text: str
    name: str
    folder: str
    path: str
    link: str
    source: str
    size: str
    size_delta: str
    resolution: str
    resolution_delta: str
    facts: tuple[Fact, ...]
    chips: tuple[str, ...]
    reason: str
    evidence: str
    warning: str


@dataclass(frozen=True, slots=True)
class GroupCard:
    """One group. `same` names the fields that are equal throughout; `frees` is empty when nothing would go."""

    number: int
    id: str
    relation: Relation
    lane: Lane
    title: str
    score: str
    reason: str
    frees: str
    same: tuple[str, ...]
    photos: tuple[PhotoCard, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field that may differ: how it is read, shown, and compared with the keeper."""

    name: str
    read: Callable[[Photo], object]
    show: Callable[[Photo], str]
    delta: Callable[[Photo, Photo], str] | None = None


def group_card(
    number: int, choice: Choice, photos: Mapping[int, Photo], connectors: Mapping[str, Connector]
) -> GroupCard:
    """The card of a group whose members are in `photos`; members that are no longer known are left out."""
    members = [photos[row] for row in ordered(choice, photos)]
    differing, same = _compared(members, series=choice.group.relation == "series")
    freed = sum(freed_bytes(photo) for photo in members if photo.row in choice.drop)
    return GroupCard(
        number=number,
        id=choice.group.id,
        relation=choice.group.relation,
        lane=LANES[choice.group.relation],
        title=count_text(len(members), *TITLES[choice.group.relation]),
        score="" if choice.group.relation in ("exact", "pixels") else f"{score(choice):.2f}",
        reason=choice.reason,
        frees=bytes_text(freed) if freed else "",
        same=same,
        photos=tuple(_photo_card(choice, photo, photos, connectors, differing) for photo in members),
    )


def freed_bytes(photo: Photo) -> int:
    """What goes with a photo, its parts included."""
    return photo.asset.size + sum(part.size for part in photo.asset.parts)


def _photo_card(
    choice: Choice,
    photo: Photo,
    photos: Mapping[int, Photo],
    connectors: Mapping[str, Connector],
    differing: Sequence[_Field],
) -> PhotoCard:
    keeper = photos.get(choice.keep, photo)
    kept = photo.row == choice.keep
    path = place(photo, connectors)
    part = role(choice, photo.row)
    said = choice.reasons.get(photo.row, "")
    return PhotoCard(
        row=photo.row,
        role=part,
        role_text=ROLES[part],
        name=photo.asset.name,
        folder=photo.asset.folder or "/",
        path=path,
        link=_link(path),
        source=photo.asset.id.source,
        size=bytes_text(photo.asset.size),
        size_delta="" if kept else bytes_delta(photo.asset.size, keeper.asset.size),
        resolution=f"{photo.width} × {photo.height}" if photo.width and photo.height else "size unknown",
        resolution_delta="" if kept else pixels_delta((photo.width, photo.height), (keeper.width, keeper.height)),
        facts=tuple(
            Fact(f.name, f.show(photo), "" if kept or not f.delta else f.delta(photo, keeper)) for f in differing
        ),
        chips=_chips(photo),
        reason="" if kept or said == choice.reason else said,
        evidence=evidence(choice, photo, photos),
        warning=photo.error or (photo.signature.damage if photo.signature else ""),
    )


def _link(path: str) -> str:
    """A `file:` address for a file of this machine, "" for a key of another source."""
    return "file://" + quote_from_bytes(os.fsencode(path)) if path.startswith("/") else ""


def _chips(photo: Photo) -> tuple[str, ...]:
    asset, signature = photo.asset, photo.signature
    chips = [text for flag, text in _FLAGS.items() if flag in asset.flags]
    chips += dict.fromkeys(_PARTS[part.role] for part in asset.parts)
    if asset.burst or (signature and signature.burst):
        chips.append("burst")
    if signature and signature.frames > 1:
        chips.append(said("value.frames", n=signature.frames))
    return tuple(chips)


def _compared(members: Sequence[Photo], series: bool) -> tuple[list[_Field], tuple[str, ...]]:
    """(fields that differ, names of known fields that are equal throughout)."""
    differing: list[_Field] = []
    same: list[str] = []
    for field in _fields(series):
        values = {field.read(photo) for photo in members}
        if len(values) > 1:
            differing.append(field)
        elif values - {None, "", frozenset()}:
            same.append(field.name)
    return differing, tuple(same)


def _fields(series: bool) -> list[_Field]:
    fields = [
        _Field("format", _format, lambda p: _format(p) or UNKNOWN),
        _Field(
            "taken",
            lambda p: p.taken_at,
            lambda p: time_text(p.taken_at),
            lambda p, k: time_delta(p.taken_at, k.taken_at),
        ),
        _Field("camera", lambda p: p.camera, lambda p: p.camera or UNKNOWN),
        _Field("software", _software, lambda p: _software(p) or UNKNOWN),
        _Field("JPEG quality", _quality, lambda p: str(_quality(p) or UNKNOWN), lambda p, k: _gap(_quality, p, k)),
        _Field(
            "metadata",
            _exif_fields,
            lambda p: said("value.fields", n=_exif_fields(p) or 0),
            lambda p, k: _gap(_exif_fields, p, k),
        ),
        _Field("place", _place, lambda p: _place(p) or UNKNOWN),
        _Field("albums and keywords", lambda p: p.asset.labels, lambda p: ", ".join(sorted(p.asset.labels)) or UNKNOWN),
        _Field("title", lambda p: p.asset.title, lambda p: p.asset.title or UNKNOWN),
        _Field("description", lambda p: p.asset.description, lambda p: p.asset.description or UNKNOWN),
        _Field(
            "changed",
            _modified,
            lambda p: minute_text(_modified(p)),
            lambda p, k: time_delta(_modified(p), _modified(k)),
        ),
    ]
    if series:
        fields.insert(0, _Field("sharpness", _sharpness, lambda p: f"{_sharpness(p):.0f}", _sharper))
    return fields


def _format(photo: Photo) -> str:
    return photo.signature.format if photo.signature else ""


def _software(photo: Photo) -> str:
    return photo.signature.software if photo.signature else ""


def _quality(photo: Photo) -> int | None:
    return photo.signature.jpeg_quality if photo.signature else None


def _exif_fields(photo: Photo) -> int | None:
    return photo.signature.exif_fields if photo.signature else None


def _sharpness(photo: Photo) -> float:
    return photo.signature.sharpness if photo.signature else 0.0


def _sharper(photo: Photo, keeper: Photo) -> str:
    base = _sharpness(keeper)
    return signed(percent(abs(_sharpness(photo) / base - 1)), _sharpness(photo) - base) if base else ""


def _gap(read: Callable[[Photo], int | None], photo: Photo, keeper: Photo) -> str:
    mine, theirs = read(photo), read(keeper)
    return "" if mine is None or theirs is None else signed(str(abs(mine - theirs)), mine - theirs)


def _place(photo: Photo) -> str:
    found = (photo.signature.place if photo.signature else None) or photo.asset.place
    return f"{found[0]:.4f}, {found[1]:.4f}" if found else ""


def _modified(photo: Photo) -> datetime | None:
    if photo.asset.modified_at is None:
        return None
    try:
        return datetime.fromtimestamp(int(photo.asset.modified_at))
    except (OverflowError, OSError, ValueError):
        return None
