"""What a picture's metadata say of its taking, read from the header packets without decoding a pixel.

Everything is optional and nothing is believed that makes no sense: an impossible date, a latitude of 200 degrees, a
loop of directories mean "unknown". XMP is searched as text and never parsed as XML, so that entities cannot expand.

Sources: EXIF 2.32, CIPA DC-008; ITU T.81 table K.1 with the Independent JPEG Group's scaling; ExifTool's Apple tag
names for the maker note.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedupe_core import exif
from dedupe_core.exif import Exif
from dedupe_core.header import Header

_ORIGINAL, _DIGITIZED = 0x9003, 0x9004
_SUBSECONDS = {_ORIGINAL: 0x9291, _DIGITIZED: 0x9292}
_DATE = re.compile(
    r"\s*(\d{4})[:/.\-](\d{1,2})[:/.\-](\d{1,2})[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?"
)
_XMP_DATE = re.compile(rb'(?:exif:DateTimeOriginal|photoshop:DateCreated)(?:="|>)([^"<]{10,40})')
_XMP_BURST = re.compile(rb'GCamera:BurstID(?:="|>)([^"<]{8,100})')
_APPLE = b"Apple iOS\0"
_APPLE_BURST, _APPLE_LIVE = 0x000B, 0x0011
_LUMINANCE = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
"""T.81 table K.1 in zigzag order, as DQT segments have it."""


class Facts(NamedTuple):
    """The taking of a picture; the fields are those of `model.Signature`."""

    taken_at: datetime | None = None
    camera: str = ""
    software: str = ""
    exif_fields: int = 0
    jpeg_quality: int | None = None
    place: tuple[float, float] | None = None
    burst: str = ""
    live_id: str = ""


def facts(header: Header) -> Facts:
    """Read a header's packets."""
    grade = quality(header.table) if header.table else None
    if not header.exif and not header.xmp:
        return Facts(jpeg_quality=grade)
    tags = exif.parse(header.exif) if header.exif else Exif()
    burst, live = _apple(tags.maker)
    return Facts(
        taken_at=_taken(tags) or _xmp_taken(header.xmp),
        camera=_line(f"{_main(tags, 0x010F)} {_main(tags, 0x0110)}"),
        software=_line(_main(tags, 0x0131)),
        exif_fields=tags.fields,
        jpeg_quality=grade,
        place=_place(tags.gps),
        burst=burst or _found(_XMP_BURST, header.xmp),
        live_id=live,
    )


def moment(text: str, fraction: str = "") -> datetime | None:
    """A camera's date: "2024:06:01 12:30:45", also with other separators, an attached fraction or a zone, which is
    dropped because capture times are local. None for what is no date (zeros, blanks, month 13)."""
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
    digits = match[7] or (fraction.strip() if fraction.strip().isdecimal() else "")
    try:
        return datetime(year, month, day, hour, minute, int(match[6] or 0), int(digits[:6].ljust(6, "0") or 0))
    except ValueError:
        return None


def quality(table: tuple[int, ...]) -> int:
    """The IJG quality (1-100) whose luminance table is nearest to this one (64 values in zigzag order); exact for
    every encoder that scales the standard table, an estimate for the others."""
    distances = np.abs(_tables() - np.asarray(table, dtype=np.int32)).sum(axis=1)
    return 100 - int(distances[::-1].argmin())


@functools.cache
def _tables() -> NDArray[np.int32]:
    """The standard table at the qualities 1 to 100 (100, 64)."""
    qualities = np.arange(1, 101)
    scale = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    tables: NDArray[np.int32] = np.clip((np.outer(scale, _LUMINANCE) + 50) // 100, 1, 255).astype(np.int32)
    return tables


def _main(tags: Exif, tag: int) -> str:
    value = tags.main.get(tag)
    return value if isinstance(value, str) else ""


def _line(text: str) -> str:
    """One line without control characters, at most 100 characters: names come from hostile files, too."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:100]


def _taken(tags: Exif) -> datetime | None:
    for tag, subseconds in _SUBSECONDS.items():
        if found := moment(tags.text(tag), tags.text(subseconds)):
            return found
    return None


def _xmp_taken(packet: bytes) -> datetime | None:
    return moment(_found(_XMP_DATE, packet))


def _found(pattern: re.Pattern[bytes], packet: bytes) -> str:
    match = pattern.search(packet) if packet else None
    return _line(match[1].decode("utf-8", "replace")) if match else ""


def _place(gps: Mapping[int, exif.Value]) -> tuple[float, float] | None:
    latitude, longitude = _degrees(gps, 1, 90.0), _degrees(gps, 3, 180.0)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def _degrees(gps: Mapping[int, exif.Value], reference: int, limit: float) -> float | None:
    """Degrees, minutes, seconds after the reference letter; south and west are negative."""
    side, parts = gps.get(reference), gps.get(reference + 1)
    if not isinstance(parts, tuple) or not 1 <= len(parts) <= 3 or not isinstance(side, str):
        return None
    value = sum(float(part) / 60.0**power for power, part in enumerate(parts) if not math.isnan(part))
    if math.isnan(parts[0]) or not 0 <= value <= limit:
        return None
    return -value if side.upper() in ("S", "W") else value


def _apple(note: bytes) -> tuple[str, str]:
    """(burst id, Live Photo content identifier) of an Apple maker note: its own directory, 14 bytes in, big-endian,
    offsets from the note's beginning."""
    if not note.startswith(_APPLE):
        return "", ""
    tags = exif.directory(note, 14, exif.byte_order(note[12:14]) or ">")
    burst, live = tags.get(_APPLE_BURST, ""), tags.get(_APPLE_LIVE, "")
    return _line(burst) if isinstance(burst, str) else "", _line(live) if isinstance(live, str) else ""
