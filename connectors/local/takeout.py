"""Google Takeout: which JSON belongs to which photo, and what it says.

The names follow rules that nobody documents (collected by immich-go, ente and GooglePhotosTakeoutHelper):

- `IMG.jpg` has `IMG.jpg.json`, since 2024 `IMG.jpg.supplemental-metadata.json`; what stands before `.json` is cut to 46
  characters, so `.supplemental-metadata` may end anywhere and a long photo name may lose its end;
- the number of a second photo of the same name moves: `IMG(1).jpg` has `IMG.jpg(1).json`;
- an edited version (`IMG-edited.jpg`, in the language of the account) has none and shares its original's;
- a photo that was uploaded without a suffix has `IMG.json`.

Times: `photoTakenTime` is a moment in UTC, while `Asset.taken_at` is the local time that a camera writes; two capture
times that differ are never one photo, so a time that is wrong by a time zone would tear real copies apart. So the
moment becomes `modified_at` (POSIX seconds; the file's own time is only that of unpacking), and `taken_at` is filled
only where the file name holds the camera's local time and agrees with the moment up to a whole time zone.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unicodedata import normalize

from connectors.local.names import numbered, original_stem, split

MAX_JSON = 1 << 20
_TAIL = "supplemental-metadata"
_CUT = 44
_STAMP = re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)[_-]?(\d\d)(\d\d)(\d\d)(?!\d{4})")
_UTC_NAMES = ("PXL_", "MVIMG_PXL")
_ZONE = timedelta(minutes=15)
_FARTHEST = timedelta(hours=14)
_SLACK = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a Takeout JSON says of a photo. `moment` is POSIX seconds of the capture."""

    moment: float | None = None
    place: tuple[float, float] | None = None
    title: str = ""
    description: str = ""
    favorite: bool = False
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """The photos that one JSON speaks of: its own, and edited versions that only share it. `exact` when the whole name
    of the photo stands in the JSON's."""

    owners: frozenset[str]
    sharers: frozenset[str] = frozenset()
    exact: bool = False


@dataclass(slots=True)
class _Names:
    """Photos by every name under which a JSON may know them: (name without its number, number)."""

    whole: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    stems: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    edited: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)


def claims(jsons: Iterable[str], photos: Iterable[str]) -> dict[str, Claim]:
    """The claim of each JSON that speaks of one of the photos (or movies) of its folder."""
    names = _names(photos)
    found = {name: _claim(normalize("NFC", split(name)[0]), names) for name in jsons}
    return {name: claim for name, claim in found.items() if claim.owners or claim.sharers}


def _names(photos: Iterable[str]) -> _Names:
    names = _Names()
    for photo in photos:
        stem = split(photo)[0]
        suffix, stem = photo[len(stem) :], normalize("NFC", stem)
        for bare, number in _forms(stem):
            names.whole.setdefault((bare + suffix, number), []).append(photo)
            names.stems.setdefault((bare, number), []).append(photo)
            names.order.append((bare + suffix, number))
        for form in _forms(original_stem(stem)):
            names.edited.setdefault(form, []).append(photo)
    names.order.sort()
    return names


def _forms(stem: str | None) -> set[tuple[str, str]]:
    """The stem as it is, and with its number apart: nobody can tell which "(1)" is Google's."""
    if stem is None:
        return set()
    return {(stem, ""), numbered(stem)}


def _claim(body: str, names: _Names) -> Claim:
    """The claim of a JSON whose name without `.json` is `body`."""
    readings = [(body, ""), numbered(body)]
    for text, number in readings:
        for whole in _without_tail(text):
            stem, suffix = split(whole)
            owners = names.whole.get((whole, number), [])
            sharers = names.edited.get((stem, number), []) if suffix else []
            if owners or sharers:
                return Claim(frozenset(owners), frozenset(sharers) - frozenset(owners), exact=bool(owners))
    for text, number in readings:
        if owners := _cut(text, number, names) or names.stems.get((text, number), []):
            forms = {form for owner in owners for form in _forms(normalize("NFC", split(owner)[0]))}
            sharing = {sharer for form in forms for sharer in names.edited.get(form, [])}
            return Claim(frozenset(owners) - sharing, frozenset(sharing))
    return Claim(frozenset())


def _without_tail(text: str) -> list[str]:
    """`IMG.jpg.supplemental-me` may be the JSON of `IMG.jpg`; `IMG.jpg` is the JSON of itself first."""
    head, dot, tail = text.rpartition(".")
    return [text, head] if dot and _TAIL.startswith(tail) else [text]


def _cut(text: str, number: str, names: _Names) -> list[str]:
    """Photos whose long name begins with a text that was cut."""
    head = _without_tail(text)[-1]
    if len(head) + len(number) < _CUT:
        return []
    found = []
    for whole, index in names.order[bisect_left(names.order, (head, "")) :]:
        if not whole.startswith(head):
            break
        if index == number:
            found += names.whole[whole, index]
    return found


def parse(data: bytes) -> Facts | None:
    """What a JSON says, None when it is no Takeout JSON of a photo."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or not isinstance(raw.get("photoTakenTime"), dict):
        return None
    return Facts(
        moment=_number(raw["photoTakenTime"].get("timestamp")),
        place=_place(raw.get("geoData")) or _place(raw.get("geoDataExif")),
        title=_text(raw, "title"),
        description=_text(raw, "description"),
        favorite=raw.get("favorited") is True,
        people=tuple(_people(raw.get("people"))),
    )


def _people(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else ():
        name = _text(one, "name").strip() if isinstance(one, Mapping) else ""
        if name:
            yield name


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 1e11 else None


def _place(value: Any) -> tuple[float, float] | None:
    """0, 0 is what Takeout writes where it knows no place."""
    if not isinstance(value, Mapping):
        return None
    latitude, longitude = _number(value.get("latitude")), _number(value.get("longitude"))
    if latitude is None or longitude is None or (latitude, longitude) == (0.0, 0.0):
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _text(raw: Mapping[str, Any], key: str) -> str:
    """A text as it can be written anywhere: JSON may hold halves of characters."""
    value = raw.get(key)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def local_time(name: str, moment: float | None) -> datetime | None:
    """The camera's local time from the name, when the moment confirms it up to a time zone; None otherwise. Pixel
    phones name their photos in UTC: those say nothing."""
    found = _STAMP.search(name)
    if moment is None or found is None or name.startswith(_UTC_NAMES):
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups())
        local = datetime(year, month, day, hour, minute, second)
        apart = local - datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
    rest = abs(apart) % _ZONE
    return local if abs(apart) <= _FARTHEST + _SLACK and min(rest, _ZONE - rest) <= _SLACK else None
