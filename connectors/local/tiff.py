"""Just enough TIFF to ask a photo when and with what it was taken, and where its embedded JPEGs lie.

EXIF blocks and most RAW formats are TIFF files (TIFF 6.0; EXIF 2.32, sections 4.6.2 to 4.6.5; DNG 1.7). Every offset
and count comes from the file, so each is checked against limits: nothing here loops or reads more than it says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 13: 4}
_FORMATS = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i", 13: "I"}
# Plain TIFF, and what Olympus and Panasonic write in the place of 42.
_MAGIC = {42, 0x4F52, 0x5352, 0x55}
_MAX_ENTRIES = 512
_MAX_VALUE = 1 << 17
_MAX_DIRECTORIES = 12
MAKE, MODEL, ORIENTATION, DATE_TIME, SUB_DIRECTORIES, EXIF = 0x10F, 0x110, 0x112, 0x132, 0x14A, 0x8769
COMPRESSION, PHOTOMETRIC, STRIPS, STRIP_SIZES, JPEG, JPEG_SIZE = 0x103, 0x106, 0x111, 0x117, 0x201, 0x202
TAKEN, SUB_SECONDS, MAKER_NOTE, PANASONIC_JPEG = 0x9003, 0x9291, 0x927C, 0x2E
_SENSOR_DATA = {32803, 34892}


class NotTiff(ValueError):
    """These bytes are no TIFF, or a broken one."""


@dataclass(frozen=True, slots=True)
class Value:
    """One entry of a directory: where its bytes lie (absolute), and how they are to be read."""

    kind: int
    count: int
    start: int

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return _SIZES.get(self.kind, 1) * self.count


Directory = dict[int, Value]


class Tiff:
    """A TIFF structure that begins at `base` of a file. `order` and `first` are given for a structure without the usual
    header (a maker note). Raises `NotTiff`."""

    def __init__(self, handle: BinaryIO, base: int = 0, order: str = "", first: int = 0) -> None:
        self._handle = handle
        self._base = base
        self._order = order
        self._first = first
        if not order:
            head = self._read(base, 8)
            self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
            if not self._order or struct.unpack(f"{self._order}H", head[2:4])[0] not in _MAGIC:
                raise NotTiff("no TIFF header")
            self._first = struct.unpack(f"{self._order}I", head[4:8])[0]

    def directories(self) -> Iterator[Directory]:
        """The chain of directories, each followed by its sub-directories and its EXIF directory. Broken ones are left
        out: many programs leave a wrong pointer behind in a photo that is otherwise whole."""
        todo, seen = [self._first], set[int]()
        while todo and len(seen) < _MAX_DIRECTORIES:
            offset = todo.pop(0)
            if offset in seen or offset == 0:
                continue
            seen.add(offset)
            try:
                directory, following = self.directory(offset)
            except NotTiff:
                continue
            yield directory
            inner = [*self.numbers(directory, EXIF), *self.numbers(directory, SUB_DIRECTORIES)]
            todo = [*inner[:_MAX_DIRECTORIES], following, *todo]

    def directory(self, offset: int | None = None) -> tuple[Directory, int]:
        """(the directory at an offset, the first one by default; the offset of the next one)."""
        start = self._base + (self._first if offset is None else offset)
        count = struct.unpack(f"{self._order}H", self._read(start, 2))[0]
        if not 0 < count <= _MAX_ENTRIES:
            raise NotTiff(f"a directory of {count} entries")
        raw = self._read(start + 2, 12 * count)
        found: Directory = {}
        for n in range(count):
            tag, kind, length = struct.unpack_from(f"{self._order}HHI", raw, 12 * n)
            size = _SIZES.get(kind, 1) * length
            inline = start + 2 + 12 * n + 8
            pointer = struct.unpack_from(f"{self._order}I", raw, 12 * n + 8)[0]
            found[tag] = Value(kind, length, inline if size <= 4 else self._base + pointer)
        after = self._read(start + 2 + 12 * count, 4, short=True)
        return found, struct.unpack(f"{self._order}I", after)[0] if len(after) == 4 else 0

    def numbers(self, directory: Directory, tag: int) -> tuple[int, ...]:
        """Whole numbers of a tag, () where it is missing or of another kind."""
        value = directory.get(tag)
        if value is None or value.kind not in _FORMATS or value.size > _MAX_VALUE:
            return ()
        data = self._read(value.start, value.size, short=True)
        return (
            struct.unpack(f"{self._order}{value.count}{_FORMATS[value.kind]}", data) if len(data) == value.size else ()
        )

    def number(self, directory: Directory, tag: int, default: int = 0) -> int:
        """The first number of a tag."""
        found = self.numbers(directory, tag)
        return found[0] if found else default

    def text(self, directory: Directory, tag: int) -> str:
        """The text of a tag without its padding, "" where it is missing."""
        value = directory.get(tag)
        if value is None or value.kind not in (1, 2, 7) or value.size > _MAX_VALUE:
            return ""
        return self._read(value.start, value.size, short=True).split(b"\0")[0].decode("ascii", "replace").strip()

    def jpegs(self) -> list[tuple[int, int]]:
        """(start, size) of each embedded JPEG, the largest first; sensor data is none, though it may be JPEG inside."""
        found = set()
        for directory in self.directories():
            start, size = self.number(directory, JPEG), self.number(directory, JPEG_SIZE)
            sensor = self.number(directory, PHOTOMETRIC) in _SENSOR_DATA
            strips, sizes = self.numbers(directory, STRIPS), self.numbers(directory, STRIP_SIZES)
            if not size and not sensor and len(strips) == 1 and self.number(directory, COMPRESSION) in (6, 7):
                start, size = strips[0], self.number(directory, STRIP_SIZES, sum(sizes))
            if start and size:
                found.add((self._base + start, size))
            if (panasonic := directory.get(PANASONIC_JPEG)) is not None:
                found.add((panasonic.start, panasonic.size))
        return sorted(found, key=lambda place: -place[1])

    def _read(self, start: int, size: int, short: bool = False) -> bytes:
        self._handle.seek(start)
        data = self._handle.read(size)
        if len(data) < size and not short:
            raise NotTiff("it ends too early")
        return data
