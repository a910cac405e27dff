"""A look into the headers of two files that may belong together: when, with what, and under which identifier.

Nothing is decoded here, and a file that does not answer answers with blanks.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from connectors.local import boxes, tiff

_MAX_SEGMENTS = 64
_APPLE_NOTE = b"Apple iOS\0\0\1MM"
_CONTENT_ID_TAG = 0x11
_STAMP = re.compile(r"^(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a photo's header says. `jpegs` are (start, size) of embedded JPEGs, the largest first; `orientation` that of
    EXIF; `content_id` what Apple calls the pair of photo and movie by."""

    taken: datetime | None = None
    camera: str = ""
    content_id: str = ""
    orientation: int = 1
    jpegs: tuple[tuple[int, int], ...] = ()


def photo(handle: BinaryIO) -> Facts:
    """The facts of a JPEG, HEIC or RAW file; blanks for anything that cannot be read."""
    try:
        return _photo(handle)
    except (tiff.NotTiff, boxes.NotBoxes, struct.error, IndexError, OverflowError):
        return Facts()


def movie(handle: BinaryIO) -> boxes.Movie:
    """The facts of a movie; blanks for anything that cannot be read."""
    try:
        return boxes.movie(handle)
    except (boxes.NotBoxes, struct.error, IndexError, OverflowError):
        return boxes.Movie()


def _photo(handle: BinaryIO) -> Facts:
    handle.seek(0)
    head = handle.read(16)
    if head.startswith(b"\xff\xd8"):
        return _from_blocks(handle, [_jpeg_exif(handle, 0)], ())
    if head.startswith(b"FUJIFILMCCD-RAW "):
        return _fuji(handle)
    if head[4:8] == b"ftyp" and head[8:12] == b"crx ":
        return _from_blocks(handle, [*boxes.canon_blocks(handle)], tuple(boxes.canon_previews(handle)))
    if head[4:8] == b"ftyp":
        return _from_blocks(handle, [boxes.heif_exif(handle)], ())
    return _from_blocks(handle, [0], tuple(tiff.Tiff(handle).jpegs()))


def _fuji(handle: BinaryIO) -> Facts:
    """RAF: a whole camera JPEG, with its EXIF, where the header says (big endian, at byte 84)."""
    handle.seek(84)
    start, size = struct.unpack(">II", handle.read(8))
    return _from_blocks(handle, [_jpeg_exif(handle, start)], ((start, size),))


def _jpeg_exif(handle: BinaryIO, start: int) -> int | None:
    """Where the TIFF structure in the APP1 segment of a JPEG begins."""
    place = start + 2
    for _ in range(_MAX_SEGMENTS):
        handle.seek(place)
        head = handle.read(10)
        if len(head) < 10 or head[0] != 0xFF or head[1] in (0xDA, 0xD9):
            return None
        if head[1] == 0xE1 and head[4:10] == b"Exif\0\0":
            return place + 10
        place += 2 + int(struct.unpack(">H", head[2:4])[0])
    return None


def _from_blocks(handle: BinaryIO, blocks: list[int | None], jpegs: tuple[tuple[int, int], ...]) -> Facts:
    taken: datetime | None = None
    make = model = content_id = ""
    orientation = 0
    for block in blocks:
        if block is None:
            continue
        structure = tiff.Tiff(handle, block)
        for directory in structure.directories():
            make = make or structure.text(directory, tiff.MAKE)
            model = model or structure.text(directory, tiff.MODEL)
            orientation = orientation or structure.number(directory, tiff.ORIENTATION)
            taken = taken or _moment(structure, directory)
            content_id = content_id or _content_id(handle, directory)
    return Facts(taken, f"{make} {model}".strip(), content_id, orientation or 1, jpegs)


def _moment(structure: tiff.Tiff, directory: tiff.Directory) -> datetime | None:
    found = _STAMP.match(structure.text(directory, tiff.TAKEN))
    if not found:
        return None
    fraction = structure.text(directory, tiff.SUB_SECONDS)
    micro = int(fraction[:6].ljust(6, "0")) if fraction.isdecimal() else 0
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, micro)
    except ValueError:
        return None


def _content_id(handle: BinaryIO, directory: tiff.Directory) -> str:
    """Tag 0x0011 of Apple's maker note, whose offsets count from the note's own beginning (ExifTool, Apple tags)."""
    note = directory.get(tiff.MAKER_NOTE)
    if note is None:
        return ""
    handle.seek(note.start)
    if handle.read(len(_APPLE_NOTE)) != _APPLE_NOTE:
        return ""
    structure = tiff.Tiff(handle, note.start, order=">", first=len(_APPLE_NOTE))
    return structure.text(structure.directory()[0], _CONTENT_ID_TAG)
