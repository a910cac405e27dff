"""Files that belong together by name: a Live Photo's movie, a RAW with its JPEG, a sidecar. They travel together."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.base import Part, PartRole
from connectors.onedrive.facts import PHOTOS, RAWS, Row, is_file, is_photo, part_of, suffix
from connectors.onedrive.scope import folded

MOVIES = frozenset({"mov", "mp4", "m4v"})
SIDECARS = frozenset({"xmp", "aae"})
LIVE = frozenset({"heic", "heif", "hif", "jpg", "jpeg"})


def stem_of(name: str) -> str:
    """What companions share: the folded name without its suffix; "a.jpg.xmp" belongs to "a.jpg"."""
    ending = suffix(name)
    bare = name[: -len(ending) - 1] if ending else name
    if ending in SIDECARS and suffix(bare) in PHOTOS:
        return stem_of(bare)
    return folded(bare)


def family(rows: Iterable[Row]) -> list[tuple[Row, tuple[Part, ...]]]:
    """The photos of one folder, each with its parts. A RAW beside a picture of its name is that picture's part."""
    families: dict[str, list[Row]] = {}
    for row in rows:
        if is_file(row):
            families.setdefault(stem_of(row["name"]), []).append(row)
    return [pair for members in families.values() for pair in _paired(members)]


def _paired(members: list[Row]) -> list[tuple[Row, tuple[Part, ...]]]:
    """What is shared goes with the one photo that made it: the HEIC before the JPEG, any picture before a RAW."""
    photos = sorted((row for row in members if is_photo(row)), key=_rank)
    if not photos:
        return []
    leader, others = photos[0], [row for row in photos[1:] if suffix(row["name"]) not in RAWS]
    found = [(row, _own_sidecars(row, members)) for row in others]
    taken = {leader["id"], *(row["id"] for row in others), *(part.key for _, parts in found for part in parts)}
    free = [(row, _role(row, leader)) for row in members if row["id"] not in taken]
    parts = tuple(part_of(row, role) for row, role in free if role is not None)
    return [(leader, tuple(sorted(parts, key=lambda part: part.key))), *found]


def _rank(row: Row) -> tuple[bool, bool, str]:
    ending = suffix(row["name"])
    return ending in RAWS, ending not in ("heic", "heif", "hif"), str(row["name"])


def _role(row: Row, leader: Row) -> PartRole | None:
    ending = suffix(row["name"])
    if ending in SIDECARS:
        return "sidecar"
    if ending in RAWS:
        return "raw"
    if ending in MOVIES and suffix(leader["name"]) in LIVE:
        return "live_video"
    return None


def _own_sidecars(row: Row, members: list[Row]) -> tuple[Part, ...]:
    """Of several pictures with one stem the second has only what names it in full: "name.ext.xmp"."""
    mine = folded(row["name"]) + "."
    owned = [one for one in members if suffix(one["name"]) in SIDECARS and folded(one["name"]).startswith(mine)]
    return tuple(part_of(one, "sidecar") for one in sorted(owned, key=lambda one: str(one["id"])))
