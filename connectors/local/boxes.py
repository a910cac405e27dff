"""Just enough of the ISO base media format (ISO/IEC 14496-12 and 23008-12, QuickTime File Format) to find the EXIF
item of a HEIC, the metadata of a CR3, and the identifier and times of a movie. Sizes from the file are never trusted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

_MAX_BOXES = 4096
_MAX_BODY = 1 << 20
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CANON_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_JPEG = b"\xff\xd8\xff"
_CONTENT_ID, _CREATED = "com.apple.quicktime.content.identifier", "com.apple.quicktime.creationdate"


class NotBoxes(ValueError):
    """These bytes are no box structure, or a broken one."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four-letter kind and where its body lies."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Movie:
    """What a movie says of itself. `local` is the naive local time that Apple writes, `created` the moment in UTC that
    every movie has (None when it was never set), `seconds` its length."""

    content_id: str = ""
    created: datetime | None = None
    local: datetime | None = None
    seconds: float | None = None


def boxes(handle: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack(">I4s", _read(handle, start, 8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", _read(handle, start + 8, 8))[0], 16
        stop = end if size == 0 else start + size
        if stop > end or stop < start + head:
            raise NotBoxes("a box reaches beyond the one around it")
        yield Box(kind, start + head, stop)
        start = stop


def find(handle: BinaryIO, start: int, end: int, *kinds: bytes) -> Box | None:
    """The first box along a way of kinds: `find(h, 0, size, b"moov", b"mvhd")`."""
    box = next((b for b in boxes(handle, start, end) if b.kind == kinds[0]), None)
    if box is None or len(kinds) == 1:
        return box
    return find(handle, _children(handle, box), box.end, *kinds[1:])


def _children(handle: BinaryIO, box: Box) -> int:
    """Where a box's own boxes begin. `meta` has four bytes of version first in ISO files and none in QuickTime's."""
    if box.kind != b"meta" or box.end - box.start < 12:
        return box.start
    return box.start if _read(handle, box.start + 4, 4) in (b"hdlr", b"keys", b"mhdr") else box.start + 4


def size_of(handle: BinaryIO) -> int:
    """The file's length."""
    return handle.seek(0, 2)


def heif_exif(handle: BinaryIO) -> int | None:
    """Where the TIFF structure of a HEIC or AVIF begins, None when it has no EXIF."""
    meta = find(handle, 0, size_of(handle), b"meta")
    if meta is None:
        return None
    item = _exif_item(handle, meta)
    start = None if item is None else _item_start(handle, meta, item)
    if start is None:
        return None
    return start + 4 + int.from_bytes(_read(handle, start, 4), "big")


def _exif_item(handle: BinaryIO, meta: Box) -> int | None:
    info = find(handle, meta.start + 4, meta.end, b"iinf")
    if info is None:
        return None
    version = _read(handle, info.start, 1)[0]
    for entry in boxes(handle, info.start + (6 if version == 0 else 8), info.end):
        body = _body(handle, entry)
        wide = body[0] >= 3
        kind = body[10:14] if wide else body[8:12]
        if entry.kind == b"infe" and body[0] >= 2 and kind == b"Exif":
            return int(struct.unpack(">I" if wide else ">H", body[4 : 8 if wide else 6])[0])
    return None


def _item_start(handle: BinaryIO, meta: Box, wanted: int) -> int | None:
    """Where an item begins, when `iloc` puts it into the file itself."""
    box = find(handle, meta.start + 4, meta.end, b"iloc")
    if box is None:
        return None
    body = _Reader(_body(handle, box))
    version = body.number(4) >> 24
    widths = body.number(2)
    offset, length, base, index = (widths >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(min(body.number(2 if version < 2 else 4), _MAX_BOXES)):
        item = body.number(2 if version < 2 else 4)
        method = body.number(2) & 15 if version else 0
        body.number(2)
        origin = body.number(base)
        extents = body.number(2)
        for n in range(min(extents, _MAX_BOXES)):
            if version and index:
                body.number(index)
            place = origin + body.number(offset)
            body.number(length)
            if item == wanted and method == 0 and n == 0:
                return place
    return None


def canon_blocks(handle: BinaryIO) -> list[int]:
    """Where the TIFF structures CMT1 (camera) and CMT2 (EXIF) of a CR3 begin."""
    moov = find(handle, 0, size_of(handle), b"moov")
    for box in boxes(handle, moov.start, moov.end) if moov else ():
        if box.kind == b"uuid" and _read(handle, box.start, 16) == _CANON:
            return [b.start for b in boxes(handle, box.start + 16, box.end) if b.kind in (b"CMT1", b"CMT2")]
    return []


def canon_previews(handle: BinaryIO) -> list[tuple[int, int]]:
    """(start, size) of the preview JPEG of a CR3, which is the box PRVW inside a box of Canon's own."""
    for box in boxes(handle, 0, size_of(handle)):
        if box.kind == b"uuid" and _read(handle, box.start, 16) == _CANON_PREVIEW:
            inner = find(handle, box.start + 24, box.end, b"PRVW")
            lead = -1 if inner is None else _read(handle, inner.start, min(64, inner.end - inner.start)).find(_JPEG)
            if inner is not None and lead >= 0:
                return [(inner.start + lead, inner.end - inner.start - lead)]
    return []


def movie(handle: BinaryIO) -> Movie:
    """What a QuickTime or MP4 file says of itself. Raises `NotBoxes`."""
    moov = find(handle, 0, size_of(handle), b"moov")
    if moov is None:
        raise NotBoxes("no movie header")
    created, seconds = _header(handle, moov)
    known = _apple_keys(handle, moov)
    return Movie(known.get(_CONTENT_ID, ""), created, _naive(known.get(_CREATED, "")), seconds)


def _header(handle: BinaryIO, moov: Box) -> tuple[datetime | None, float | None]:
    box = find(handle, moov.start, moov.end, b"mvhd")
    if box is None:
        return None, None
    body = _body(handle, box)
    created, _, scale, duration = struct.unpack_from(">QQIQ" if body[0] == 1 else ">IIII", body, 4)
    moment = _EPOCH + timedelta(seconds=created) if 0 < created < 1 << 36 else None
    return moment, duration / scale if scale else None


def _apple_keys(handle: BinaryIO, moov: Box) -> dict[str, str]:
    """The texts of `moov/meta`: names in `keys`, values in `ilst` under the number of the name."""
    keys, values = (
        find(handle, moov.start, moov.end, b"meta", b"keys"),
        find(handle, moov.start, moov.end, b"meta", b"ilst"),
    )
    if keys is None or values is None:
        return {}
    names = [_body(handle, b).decode("utf-8", "replace") for b in boxes(handle, keys.start + 8, keys.end)]
    found = {}
    for item in boxes(handle, values.start, values.end):
        number = struct.unpack(">I", item.kind)[0]
        data = find(handle, item.start, item.end, b"data")
        if data is not None and 0 < number <= len(names):
            found[names[number - 1]] = _body(handle, data)[8:].decode("utf-8", "replace").strip("\0 ")
    return found


def _naive(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, size: int) -> int:
        """The next whole number of so many bytes; 0 bytes are 0."""
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise NotBoxes("a table ends too early")
        self._at += size
        return int.from_bytes(piece, "big")


def _body(handle: BinaryIO, box: Box) -> bytes:
    if not 0 < box.end - box.start <= _MAX_BODY:
        raise NotBoxes("a box of no useful size")
    return _read(handle, box.start, box.end - box.start)


def _read(handle: BinaryIO, start: int, size: int) -> bytes:
    handle.seek(start)
    data = handle.read(size)
    if len(data) < size:
        raise NotBoxes("it ends too early")
    return data
