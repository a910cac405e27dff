"""What kind of picture some bytes are and what decoding them would cost, read from their headers alone.

`inspect` is the gate in front of every decoder: a picture that is too large, a progressive JPEG with hundreds of scans,
a canvas that needs gigabytes end here, in microseconds. JPEG, PNG, GIF and WebP are read by this module; TIFF, BMP,
HEIF and AVIF open cheaply in their decoders, which `decode.py` asks.

Sources: ITU T.81 annex B (JPEG), CIPA DC-007 (MPF), W3C PNG section 5, GIF89a, RFC 9649 (WebP), ISO 14496-12 (HEIF,
AVIF brands).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from dedupe_core import exif, jpeg
from dedupe_core.header import NO_END, NO_PICTURE, Header, Unreadable

_MAX_CHUNKS = 200_000
_MAX_TEXT = 1 << 20
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


def sniff(data: bytes) -> str:
    """The format by its first bytes, as Pillow names it, "RAW" for camera originals, "" for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _brand(data)
    if data.startswith((b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")):
        return "RAW"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "RAW" if _is_raw(data) else "TIFF"
    return "BMP" if data.startswith(b"BM") and data[14:18] in _BMP_HEADERS else ""


_BMP_HEADERS = frozenset(struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124))


def _brand(data: bytes) -> str:
    major = data[8:12]
    length = min(struct.unpack_from(">I", data)[0], 256)
    others = {data[at : at + 4] for at in range(16, length, 4)}
    if major == b"crx ":
        return "RAW"
    if major in _AVIF_BRANDS or (major in (b"mif1", b"msf1") and others & _AVIF_BRANDS):
        return "AVIF"
    return "HEIF" if major in _HEIF_BRANDS else ""


def _is_raw(data: bytes) -> bool:
    """True for camera originals in a TIFF dress: Canon's mark, a DNG version, or a camera's reduced preview that has
    sub-directories (NEF, ARW, PEF)."""
    if data[8:10] == b"CR":
        return True
    order = exif.byte_order(data)
    tags = exif.directory(data, struct.unpack_from(order + "I", data, 4)[0], order) if len(data) >= 8 else {}
    compression = tags.get(0x0103, (1,))[0]
    preview = tags.get(0x00FE, (0,))[0] == 1
    camera = 0x010F in tags
    return 0xC612 in tags or (camera and ((0x014A in tags and preview) or compression in (32767, 34713, 65535)))


def inspect(data: bytes) -> Header | None:
    """The header of a JPEG, PNG, GIF or WebP; None for formats whose decoder has to be asked. Raises `Unreadable`."""
    reader = {"JPEG": jpeg.inspect, "PNG": _png, "GIF": _gif, "WEBP": _webp}.get(sniff(data))
    if reader is None:
        return None
    try:
        return reader(data)
    except (struct.error, IndexError) as error:
        raise Unreadable("The file ends inside its header.") from error


def _png(data: bytes) -> Header:
    width, height, bits = struct.unpack_from(">IIB", data, 16)
    block, packet, frames, ended = b"", b"", 1, False
    for kind, start, end in _png_chunks(data):
        if kind == b"eXIf":
            block = data[start:end]
        elif kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0", start):
            packet = _png_text(data[start + 18 : end])
        elif kind == b"acTL":
            frames = max(1, struct.unpack_from(">I", data, start)[0])
        ended = kind == b"IEND"
    damage = "" if ended else NO_END
    return Header("PNG", width, height, frames=frames, deep=bits > 8, exif=block, xmp=packet, damage=damage)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 8
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield kind, at + 8, at + 8 + length
        if kind == b"IEND":
            return
        at += 12 + length


def _png_text(chunk: bytes) -> bytes:
    """The text of an iTXt chunk after its keyword, inflated to at most one megabyte."""
    parts = chunk[2:].split(b"\0", 2)
    if len(parts) < 3:
        return b""
    if chunk[0] != 1:
        return parts[2]
    try:
        return zlib.decompressobj().decompress(parts[2], _MAX_TEXT)
    except zlib.error:
        return b""


def _gif(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    frames = 0
    while at < len(data) and frames < _MAX_CHUNKS and data[at] in (0x21, 0x2C):
        if data[at] == 0x2C and at + 10 <= len(data):
            left, top, across, down, local = struct.unpack_from("<HHHHB", data, at + 1)
            if not frames:
                width, height = max(width, left + across), max(height, top + down)
            frames += 1
            at += 11 + (3 << ((local & 7) + 1) if local & 0x80 else 0)
        else:
            at += 2
        at = _skip_blocks(data, at)
    if not frames:
        raise Unreadable(NO_PICTURE)
    return Header("GIF", width, height, frames=frames)


def _skip_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def _webp(data: bytes) -> Header:
    width = height = frames = 0
    block = packet = b""
    kinds: set[bytes] = set()
    at = 12
    while at + 8 <= len(data) and len(kinds) < 100 and frames < _MAX_CHUNKS:
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + min(length, 1 << 24)] if kind not in (b"VP8 ", b"VP8L", b"ANMF") else b""
        if not width:
            width, height = _webp_size(kind, data, at + 8)
        block = body if kind == b"EXIF" else block
        packet = body if kind == b"XMP " else packet
        frames += kind == b"ANMF"
        kinds.add(kind)
        at += 8 + length + (length & 1)
    if not width:
        raise Unreadable(NO_PICTURE)
    # Pillow reads WebP through libwebp's animation decoder: two canvases of four bytes a pixel and a copy of one.
    fixed = 12 * width * height
    return Header("WEBP", width, height, fixed=fixed, frames=max(1, frames), exif=block, xmp=packet)


def _webp_size(kind: bytes, data: bytes, at: int) -> tuple[int, int]:
    if kind == b"VP8X":
        low, high = struct.unpack_from("<IH", data, at + 4)
        packed = low | high << 32
        return (packed & 0xFFFFFF) + 1, (packed >> 24 & 0xFFFFFF) + 1
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, at + 1)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, at + 6)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def bits_of_boxes(data: bytes) -> int:
    """Bits a channel of a HEIF or AVIF file: the largest that a pixel information box ("pixi", ISO 23008-12 6.5.6)
    near its beginning gives, 8 where there is none."""
    bits, at, end = 8, 0, min(len(data) - 16, 1 << 16)
    while (at := data.find(b"pixi", at + 1, end)) >= 0:
        count = data[at + 8]
        bits = max(bits, *data[at + 9 : at + 9 + min(count, 4)], 8)
    return bits if bits <= 16 else 8
