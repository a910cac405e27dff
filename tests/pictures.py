"""Small pictures and the containers around them, made on the spot: nothing here is a photo of anybody.

`scene` draws something with enough structure that two seeds never look alike; the rest wraps it as cameras and phones
do, down to the maker note that pairs a Live Photo and the preview inside a RAW.
"""

from __future__ import annotations

import struct
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CAMERA = ("Canon", "Canon EOS 80D")
NOON = datetime(2024, 6, 1, 12, 0, 0)
ORIENTATION, MAKE, MODEL, EXIF, TAKEN, SUB_SECONDS, MAKER_NOTE = 0x112, 0x10F, 0x110, 0x8769, 0x9003, 0x9291, 0x927C


def scene(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """An upright RGB picture: a gradient, thirty shapes and some grain, all drawn from the seed."""
    draw_from = np.random.default_rng(seed)
    corners = Image.fromarray(draw_from.integers(0, 256, (3, 4, 3), dtype=np.uint8))
    picture = corners.resize((width, height), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for _ in range(30):
        x, y = draw_from.integers(0, width), draw_from.integers(0, height)
        w, h = draw_from.integers(width // 20, width // 4), draw_from.integers(height // 20, height // 4)
        color = tuple(int(value) for value in draw_from.integers(0, 256, 3))
        shape = pen.ellipse if draw_from.random() < 0.5 else pen.rectangle
        shape((int(x), int(y), int(x + w), int(y + h)), fill=color)
    picture = picture.filter(ImageFilter.GaussianBlur(width / 400))
    grain = draw_from.normal(0, 3, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def exif(
    taken: datetime | None = None,
    camera: tuple[str, str] | None = None,
    orientation: int = 1,
    content_id: str = "",
    burst_id: str = "",
) -> bytes:
    """An EXIF block as JPEG, HEIC and WebP carry it; b"" when nothing was asked for."""
    block = Image.Exif()
    if camera:
        block[MAKE], block[MODEL] = camera
    if orientation != 1:
        block[ORIENTATION] = orientation
    inner: dict[int, Any] = block.get_ifd(EXIF)
    if taken:
        inner[TAKEN] = taken.strftime("%Y:%m:%d %H:%M:%S")
        inner[SUB_SECONDS] = f"{taken.microsecond // 1000:03d}"
    if content_id or burst_id:
        inner[MAKER_NOTE] = apple_note(content_id, burst_id)
    return block.tobytes() if len(block) or inner else b""


def apple_note(content_id: str = "", burst_id: str = "") -> bytes:
    """An Apple maker note: a big-endian directory whose offsets count from the note's beginning."""
    texts = [(tag, text.encode() + b"\0") for tag, text in ((0x0B, burst_id), (0x11, content_id)) if text]
    head = b"Apple iOS\0\0\1MM" + struct.pack(">H", len(texts))
    at = len(head) + 12 * len(texts) + 4
    entries = body = b""
    for tag, text in texts:
        entries += struct.pack(">HHII", tag, 2, len(text), at + len(body))
        body += text
    return head + entries + bytes(4) + body


def jpeg(picture: Image.Image, quality: int = 90, exif_block: bytes = b"", **options: Any) -> bytes:
    """A JPEG file."""
    return _saved(picture, "JPEG", quality=quality, exif=exif_block, **options)


def png(picture: Image.Image) -> bytes:
    """A PNG file."""
    return _saved(picture, "PNG")


def heic(picture: Image.Image, quality: int = 80, exif_block: bytes = b"") -> bytes:
    """A HEIC file; pillow-heif is there for tests only, because pi-heif cannot write."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    return _saved(picture, "HEIF", quality=quality, **({"exif": exif_block} if exif_block else {}))


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def dng(
    picture: Image.Image,
    taken: datetime = NOON,
    camera: tuple[str, str] = CAMERA,
    orientation: int = 1,
    preview: bytes | None = None,
) -> bytes:
    """A DNG that LibRaw opens too: sensor data in the first directory, the camera's JPEG in a sub-directory.

    `picture` is as the sensor saw it (not turned); `preview` is made from it unless given.
    """
    width, height = picture.width // 2 * 2, picture.height // 2 * 2
    rgb = np.asarray(picture.convert("RGB").resize((width, height)), dtype=np.uint16) << 6
    mosaic = np.empty((height, width), np.uint16)
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = rgb[0::2, 0::2, 0], rgb[1::2, 1::2, 2]
    mosaic[0::2, 1::2], mosaic[1::2, 0::2] = rgb[0::2, 1::2, 1], rgb[1::2, 0::2, 1]
    shown = jpeg(picture) if preview is None else preview
    file = _Tiff()
    data, small = file.add(mosaic.tobytes()), file.add(shown)
    inner = file.directory({0x9003: (2, _text(taken)), 0x9291: (2, f"{taken.microsecond // 1000:03d}\0".encode())})
    view = file.directory(
        {
            0xFE: (4, [1]),
            0x100: (4, [picture.width]),
            0x101: (4, [picture.height]),
            0x103: (3, [7]),
            0x106: (3, [6]),
            0x111: (4, [small]),
            0x115: (3, [3]),
            0x117: (4, [len(shown)]),
        }
    )
    main = file.directory(
        {
            0xFE: (4, [0]),
            0x100: (4, [width]),
            0x101: (4, [height]),
            0x102: (3, [16]),
            0x103: (3, [1]),
            0x106: (3, [32803]),
            MAKE: (2, f"{camera[0]}\0".encode()),
            MODEL: (2, f"{camera[1]}\0".encode()),
            0x111: (4, [data]),
            ORIENTATION: (3, [orientation]),
            0x115: (3, [1]),
            0x116: (4, [height]),
            0x117: (4, [2 * width * height]),
            0x14A: (4, [view]),
            0x828D: (3, [2, 2]),
            0x828E: (1, bytes([0, 1, 1, 2])),
            EXIF: (4, [inner]),
            0xC612: (1, bytes([1, 4, 0, 0])),
            0xC614: (2, f"{camera[1]}\0".encode()),
            0xC61A: (3, [0]),
            0xC61D: (3, [255 << 6]),
            0xC621: (10, [(int(n % 4 == 0), 1) for n in range(9)]),
            0xC628: (5, [(1, 1)] * 3),
            0xC65A: (3, [21]),
        }
    )
    return file.finish(main)


def _text(taken: datetime) -> bytes:
    return taken.strftime("%Y:%m:%d %H:%M:%S\0").encode()


_FORMATS = {3: "H", 4: "I", 5: "II", 10: "ii"}


class _Tiff:
    """A little-endian TIFF, written back to front: values first, then the directories that point to them."""

    def __init__(self) -> None:
        self._body = bytearray(b"II*\0\0\0\0\0")

    def add(self, data: bytes) -> int:
        """Where the data lies."""
        self._body += bytes(len(self._body) % 2)
        at = len(self._body)
        self._body += data
        return at

    def directory(self, entries: dict[int, tuple[int, Any]]) -> int:
        """Where a directory of (type, values) by tag lies."""
        packed = b""
        for tag, (kind, value) in sorted(entries.items()):
            data = value if isinstance(value, bytes) else b"".join(self._pack(kind, item) for item in value)
            inline = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", self.add(data))
            packed += struct.pack("<HHI", tag, kind, len(value)) + inline
        return self.add(struct.pack("<H", len(entries)) + packed + bytes(4))

    def _pack(self, kind: int, item: Any) -> bytes:
        numbers = item if isinstance(item, tuple) else (item,)
        return struct.pack(f"<{_FORMATS[kind]}", *numbers)

    def finish(self, first: int) -> bytes:
        """The file, whose first directory lies at `first`."""
        self._body[4:8] = struct.pack("<I", first)
        return bytes(self._body)


def movie(
    content_id: str = "", created: datetime | None = None, seconds: float = 2.8, local: str = "", brand: bytes = b"qt  "
) -> bytes:
    """A QuickTime movie without pictures: header, length, and Apple's identifier and local time where given. `created`
    is in UTC, as the format has it."""
    since = 0 if created is None else int((created - datetime(1904, 1, 1)).total_seconds())
    header = struct.pack(">IIIII", 0, since, since, 600, round(seconds * 600)) + bytes(80)
    keys = [("com.apple.quicktime.content.identifier", content_id), ("com.apple.quicktime.creationdate", local)]
    known = [(name, text) for name, text in keys if text]
    names = b"".join(_box(b"mdta", name.encode()) for name, _ in known)
    values = b"".join(
        _box(struct.pack(">I", n), _box(b"data", struct.pack(">II", 1, 0) + text.encode()))
        for n, (_, text) in enumerate(known, 1)
    )
    handler = _box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    tables = _box(b"keys", struct.pack(">II", 0, len(known)) + names) + _box(b"ilst", values)
    meta = _box(b"meta", handler + tables) if known else b""
    return (
        _box(b"ftyp", brand + bytes(4) + brand) + _box(b"mdat", bytes(64)) + _box(b"moov", _box(b"mvhd", header) + meta)
    )


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body
