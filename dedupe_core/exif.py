"""Reads the few EXIF fields that KeepOne needs from a TIFF structure, whoever made it.

Pillow's own reader loads a PNG's pixels, follows what it is told and raises a dozen kinds of exceptions on hostile
input. This one looks at a bounded number of entries, never allocates by a count it was told, follows no loop and
answers "unknown" where the structure makes no sense. Format: TIFF 6.0 section 2 and EXIF 2.32 section 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Value = str | bytes | tuple[int, ...] | tuple[float, ...]

EXIF_POINTER = 0x8769
GPS_POINTER = 0x8825
MAKER_NOTE = 0x927C
_POINTERS = frozenset({EXIF_POINTER, GPS_POINTER, 0xA005, 0x014A})
_MAX_ENTRIES = 1000
_MAX_VALUE = 1 << 16
_MAX_PAGES = 10_000
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}


@dataclass(frozen=True, slots=True)
class Exif:
    """The entries of the main directory, the EXIF directory and the GPS directory by tag number, and how many fields
    there are in all. Text is `str` without padding, undefined data `bytes`, numbers are tuples; a rational with a zero
    denominator is nan. `maker` is the maker note's own bytes."""

    main: Mapping[int, Value] = field(default_factory=dict)
    exif: Mapping[int, Value] = field(default_factory=dict)
    gps: Mapping[int, Value] = field(default_factory=dict)
    fields: int = 0

    @property
    def maker(self) -> bytes:
        """The maker note, empty when there is none; some writers give its bytes the type BYTE."""
        note = self.exif.get(MAKER_NOTE, b"")
        if isinstance(note, tuple) and all(isinstance(number, int) and 0 <= number < 256 for number in note):
            return bytes(int(number) for number in note)
        return note if isinstance(note, bytes) else b""

    def text(self, tag: int) -> str:
        """A text field of the EXIF directory or the main one, "" when it is missing or no text."""
        value = self.exif.get(tag) or self.main.get(tag)
        return value if isinstance(value, str) else ""

    def number(self, tag: int) -> int | None:
        """A whole number of the main directory."""
        value = self.main.get(tag)
        return value[0] if isinstance(value, tuple) and value and isinstance(value[0], int) else None


def parse(data: bytes) -> Exif:
    """The fields of an EXIF block (with or without its "Exif" prefix) or of a whole TIFF file."""
    data = data.removeprefix(b"Exif\0\0")
    order = byte_order(data)
    if not order or len(data) < 8:
        return Exif()
    main = directory(data, struct.unpack_from(order + "I", data, 4)[0], order)
    exif = directory(data, _pointer(main, EXIF_POINTER), order)
    gps = directory(data, _pointer(main, GPS_POINTER), order)
    count = sum(tag not in _POINTERS for tags in (main, exif, gps) for tag in tags)
    return Exif(main, exif, gps, count)


def byte_order(data: bytes) -> str:
    """ "<" or ">" as `struct` writes it, "" when this is no TIFF structure."""
    return {b"II": "<", b"MM": ">"}.get(data[:2], "")


def directory(data: bytes, offset: int, order: str) -> dict[int, Value]:
    """The entries of one directory; those that point outside the data or have an unknown type are left out."""
    found: dict[int, Value] = {}
    for entry in _entries(data, offset, order):
        tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
        value = _value(data, entry, kind, count, order)
        if value is not None:
            found.setdefault(tag, value)
    return found


def pages(data: bytes) -> int:
    """How many pictures a TIFF file chains together (at most 10,000; a loop ends the count)."""
    order = byte_order(data)
    seen: set[int] = set()
    offset = struct.unpack_from(order + "I", data, 4)[0] if order and len(data) >= 8 else 0
    while 8 <= offset <= len(data) - 6 and offset not in seen and len(seen) < _MAX_PAGES:
        seen.add(offset)
        end = offset + 2 + 12 * struct.unpack_from(order + "H", data, offset)[0]
        offset = struct.unpack_from(order + "I", data, end)[0] if end + 4 <= len(data) else 0
    return max(1, len(seen))


def _pointer(tags: Mapping[int, Value], tag: int) -> int:
    value = tags.get(tag)
    return int(value[0]) if isinstance(value, tuple) and value else 0


def _entries(data: bytes, offset: int, order: str) -> Iterator[int]:
    if offset < 8 or offset + 2 > len(data):
        return
    count = struct.unpack_from(order + "H", data, offset)[0]
    inside = (len(data) - offset - 2) // 12
    for number in range(min(count, inside, _MAX_ENTRIES)):
        yield offset + 2 + 12 * number


def _value(data: bytes, entry: int, kind: int, count: int, order: str) -> Value | None:
    size = _SIZES.get(kind, 0) * count
    if not size or size > len(data):
        return None
    start = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
    if start + size > len(data):
        return None
    if kind == 2:
        return data[start : start + min(size, _MAX_VALUE)].split(b"\0")[0].decode("utf-8", "replace").strip()
    if kind == 7:
        return data[start : start + size]
    if size > _MAX_VALUE:
        return None
    return _numbers(data, start, kind, count, order)


def _numbers(data: bytes, start: int, kind: int, count: int, order: str) -> tuple[int, ...] | tuple[float, ...]:
    if kind in (5, 10):
        code = "I" if kind == 5 else "i"
        parts = struct.unpack_from(f"{order}{2 * count}{code}", data, start)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return tuple(top / bottom if bottom else float("nan") for top, bottom in pairs)
    return struct.unpack_from(f"{order}{count}{_CODES[kind]}", data, start)
