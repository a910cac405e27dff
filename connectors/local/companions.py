"""From the files of one folder to its photos: what belongs together is one asset, primary first.

- A RAW and the camera's JPEG of the same shot are one asset whose primary is the RAW (the original; the JPEG is made
  from it), with the JPEG as a part.
- A Live Photo's movie is a part of its photo.
- An XMP (`a.jpg.xmp`, or `a.xmp`), an AAE and a JSON are parts of the photo that they speak of, or of the asset that
  this photo or movie is a part of. One that speaks of several assets is part of none: it must not leave with one of
  them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from connectors.base import PartRole
from connectors.local import takeout
from connectors.local.names import (
    LIVE_SUFFIXES,
    MEDIA_TYPES,
    MOVIE_SUFFIXES,
    RAW_TYPES,
    SIDECAR_SUFFIXES,
    folded,
    original_stem,
    split,
)
from connectors.local.walk import Entry

_JPEG = frozenset({"jpg", "jpeg", "jpe"})
_HEIF = frozenset({"heic", "heif", "hif"})
_DARKTABLE_VERSION = re.compile(r"^(.+)_\d\d(\.[^.]+)$")
_APPLE_ADJUSTMENTS = re.compile(r"^IMG_O(\d{4,})$", re.IGNORECASE)
_NO_FACTS = takeout.Facts()


class Questions(Protocol):
    """What has to be asked of the files themselves."""

    def live(self, photo: Entry, movie: Entry) -> bool:
        """Are these a Live Photo?"""
        ...

    def shot(self, raw: Entry, jpeg: Entry) -> bool:
        """Are these one shot?"""
        ...

    def takeout(self, sidecar: Entry) -> takeout.Facts | None:
        """What does this JSON say? None when it is not Takeout's."""
        ...


@dataclass(slots=True)
class Found:
    """One asset of a folder. `edited` says that it is an edited version of another photo of the same folder."""

    primary: Entry
    parts: list[tuple[PartRole, Entry]] = field(default_factory=list)
    facts: takeout.Facts = _NO_FACTS
    edited: bool = False


@dataclass(slots=True)
class _Shelf:
    """The files of one folder by kind. `owner` names the primary of each file that has become a part."""

    photos: dict[str, Entry] = field(default_factory=dict)
    movies: dict[str, Entry] = field(default_factory=dict)
    sidecars: dict[str, Entry] = field(default_factory=dict)
    stems: dict[str, list[str]] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    parts: dict[str, list[tuple[PartRole, Entry]]] = field(default_factory=dict)
    facts: dict[str, takeout.Facts] = field(default_factory=dict)

    def same_stem(self, stem: str) -> list[str]:
        """Photos of a stem: those of the very spelling where there are some, else those that differ in case."""
        names = self.stems.get(folded(stem), [])
        return [name for name in names if split(name)[0] == stem] or names

    def give(self, role: PartRole, part: Entry, primary: str) -> None:
        """Make a file a part of an asset."""
        self.owner[part.name] = primary
        self.parts.setdefault(primary, []).append((role, part))

    def asset_of(self, names: Iterable[str]) -> str | None:
        """The one asset that all these photos and movies belong to; None when they are of several, or of none."""
        owners = {self.owner.get(name, name if name in self.photos else "") for name in names}
        return owners.pop() if len(owners) == 1 and "" not in owners else None


def gather(entries: Iterable[Entry], questions: Questions) -> Iterator[Found]:
    """The assets of one folder (or of one family of names in it), in the order of the entries."""
    shelf = _sort(entries)
    _join_raws(shelf, questions)
    _join_movies(shelf, questions)
    _join_sidecars(shelf)
    _join_jsons(shelf, questions)
    for name, entry in shelf.photos.items():
        if name not in shelf.owner:
            original = original_stem(split(name)[0])
            edited = original is not None and folded(original) in shelf.stems
            yield Found(entry, shelf.parts.get(name, []), shelf.facts.get(name, _NO_FACTS), edited)


def is_photo(name: str) -> bool:
    """True when a file of this name is a photo."""
    return split(name)[1] in MEDIA_TYPES


def _sort(entries: Iterable[Entry]) -> _Shelf:
    shelf = _Shelf()
    for entry in entries:
        stem, suffix = split(entry.name)
        if suffix in MEDIA_TYPES:
            shelf.photos[entry.name] = entry
            shelf.stems.setdefault(folded(stem), []).append(entry.name)
        elif suffix in MOVIE_SUFFIXES:
            shelf.movies[entry.name] = entry
        elif suffix in SIDECAR_SUFFIXES:
            shelf.sidecars[entry.name] = entry
    return shelf


def _join_raws(shelf: _Shelf, questions: Questions) -> None:
    for name, entry in shelf.photos.items():
        stem, suffix = split(name)
        if suffix not in RAW_TYPES:
            continue
        twins = shelf.same_stem(stem)
        if sum(split(twin)[1] in RAW_TYPES for twin in twins) > 1:
            continue
        jpegs = [shelf.photos[twin] for twin in twins if split(twin)[1] in _JPEG]
        proved = [jpeg for jpeg in jpegs if questions.shot(entry, jpeg)]
        if len(proved) == 1:
            shelf.give("jpeg", proved[0], name)


def _join_movies(shelf: _Shelf, questions: Questions) -> None:
    claimed: dict[str, list[str]] = {}
    for name, movie in shelf.movies.items():
        # A Pixel's `PXL_1.MP` lies beside `PXL_1.MP.jpg`: there the photo's stem is the movie's whole name.
        twins = shelf.same_stem(name) or shelf.same_stem(split(name)[0])
        stills = [twin for twin in twins if split(twin)[1] in LIVE_SUFFIXES]
        proved = [still for still in stills if questions.live(shelf.photos[still], movie)]
        if len(proved) > 1:
            proved = [still for still in proved if split(still)[1] in _HEIF]
        if len(proved) == 1:
            claimed.setdefault(proved[0], []).append(name)
    for still, movies in claimed.items():
        primary = shelf.owner.get(still, still)
        for name in movies:
            shelf.give("live_video", shelf.movies[name], primary)


def _join_sidecars(shelf: _Shelf) -> None:
    for name, entry in shelf.sidecars.items():
        stem, suffix = split(name)
        spoken_of = _xmp_of(shelf, stem) if suffix == "xmp" else _aae_of(shelf, stem) if suffix == "aae" else []
        if (primary := shelf.asset_of(spoken_of)) is not None:
            shelf.give("sidecar", entry, primary)


def _xmp_of(shelf: _Shelf, stem: str) -> list[str]:
    """`a.jpg.xmp` speaks of a.jpg, `a_01.jpg.xmp` of darktable's second version of it, `a.xmp` of every photo a.*."""
    for whole in (stem, "".join(found.groups()) if (found := _DARKTABLE_VERSION.match(stem)) else stem):
        if whole in shelf.movies:
            return [whole]
        bare, suffix = split(whole)
        if suffix and (twins := [n for n in shelf.same_stem(bare) if split(n)[1] == suffix]):
            return twins
    return shelf.same_stem(stem)


def _aae_of(shelf: _Shelf, stem: str) -> list[str]:
    """Apple keeps the adjustments of IMG_1234 in IMG_1234.AAE, and earlier ones in IMG_O1234.AAE."""
    earlier = _APPLE_ADJUSTMENTS.match(stem)
    return shelf.same_stem(stem) or (shelf.same_stem(f"IMG_{earlier[1]}") if earlier else [])


def _join_jsons(shelf: _Shelf, questions: Questions) -> None:
    jsons = [name for name in shelf.sidecars if split(name)[1] == "json"]
    if not jsons:
        return
    for name, claim in takeout.claims(jsons, [*shelf.photos, *shelf.movies]).items():
        said = questions.takeout(shelf.sidecars[name])
        if said is None and not claim.exact:
            continue
        subject = shelf.asset_of(claim.owners) if claim.owners else None
        if said is not None and (subject is not None or not claim.owners):
            for photo in {subject or "", *claim.sharers} & shelf.photos.keys():
                shelf.facts.setdefault(photo, said)
        primary = shelf.asset_of(claim.owners | claim.sharers)
        if primary is not None:
            shelf.give("sidecar" if said is None else "takeout", shelf.sidecars[name], primary)
