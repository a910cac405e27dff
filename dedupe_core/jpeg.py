"""The structure of a JPEG file without decoding it: size, scans, tables, metadata packets (T.81 annex B, CIPA DC-007).

A progressive file may carry hundreds of scans, each of which costs a pass over the whole picture; `MAX_SCANS` is far
above what any encoder writes (about ten) and keeps the decoding time of one file near that of a large photo.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dedupe_core import exif
from dedupe_core.header import INCOMPLETE, NO_PICTURE, Header, Unreadable

MAX_SCANS = 100


@dataclass(slots=True)
class _Jpeg:
    size: tuple[int, int] = (0, 0)
    components: tuple[tuple[int, int], ...] = ()
    progressive: bool = False
    bits: int = 8
    exif: bytes = b""
    xmp: bytes = b""
    table: tuple[int, ...] = ()
    frames: int = 1
    scan: int = 0


def inspect(data: bytes) -> Header:
    """The header of a JPEG. Raises `Unreadable`; `struct.error` or `IndexError` where the file ends too soon."""
    found = _Jpeg()
    for marker, start, end in _segments(data):
        if marker == 0xDA:
            found.scan = start
            break
        _jpeg_segment(found, marker, data, start, end)
    if not found.scan or not found.components:
        raise Unreadable(NO_PICTURE)
    if found.bits != 8:
        raise Unreadable(f"A JPEG of {found.bits} bits a channel is not supported.")
    end, scans = _jpeg_body(data, found)
    if scans > MAX_SCANS:
        raise Unreadable(f"A JPEG of {scans} scans takes too long to decode (limit {MAX_SCANS}).")
    if not end:
        raise Unreadable(INCOMPLETE)
    fixed = _coefficients(found) if scans > 1 else 0
    return Header(
        "JPEG",
        *found.size,
        fixed=fixed,
        frames=found.frames,
        exif=found.exif,
        xmp=found.xmp,
        table=found.table,
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment's content up to the first scan."""
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 1:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:
            at += 2
        else:
            end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
            yield marker, at + 4, end
            if marker == 0xDA:
                return
            at = end


def _jpeg_segment(found: _Jpeg, marker: int, data: bytes, start: int, end: int) -> None:
    if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
        found.bits, height, width, count = struct.unpack_from(">BHHB", data, start)
        found.size = (width, height)
        found.progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
        factors = (data[start + 7 + 3 * number] for number in range(count))
        found.components = tuple((factor >> 4 or 1, factor & 15 or 1) for factor in factors)
    elif marker == 0xDB and not found.table:
        wide = data[start] >> 4
        found.table = struct.unpack_from(">64H" if wide else ">64B", data, start + 1)
    elif marker == 0xE1 and data.startswith(b"Exif\0\0", start):
        found.exif = found.exif or data[start + 6 : end]
    elif marker == 0xE1 and data.startswith(b"http://ns.adobe.com/xap/1.0/\0", start):
        found.xmp = found.xmp or data[start + 29 : end]
    elif marker == 0xE2 and data.startswith(b"MPF\0", start):
        found.frames = _multi_picture(data[start + 4 : end])


def _multi_picture(block: bytes) -> int:
    order = exif.byte_order(block)
    tags = exif.directory(block, struct.unpack_from(order + "I", block, 4)[0], order) if order else {}
    count = tags.get(0xB001, (1,))[0]
    return count if isinstance(count, int) and 1 <= count <= 1000 else 1


def _jpeg_body(data: bytes, found: _Jpeg) -> tuple[bool, int]:
    """Is there an end mark (without one the decoder would wait for more), and how many scans. Entropy-coded data escape
    their 0xFF bytes, so that both can be found by searching; a baseline picture whose scan holds all components has
    just one."""
    single = not found.progressive and data[found.scan] == len(found.components)
    if single and data.endswith(b"\xff\xd9"):
        return True, 1
    end = data.find(b"\xff\xd9", found.scan)
    scans = 1 if single else data.count(b"\xff\xda", found.scan, end if end > 0 else len(data)) + 1
    return end > 0, scans


def _coefficients(found: _Jpeg) -> int:
    """Bytes of the coefficients that a decoder keeps for a picture of several scans."""
    across = max(h for h, _ in found.components)
    down = max(v for _, v in found.components)
    share = sum(h * v for h, v in found.components) / (across * down)
    return int(2 * found.size[0] * found.size[1] * share)
