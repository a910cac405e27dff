"""Guarded opening and decoding of one picture, from a file's bytes to upright pixels.

Meant for worker processes: it imports numpy and Pillow, and a format's decoder only when a picture of it comes.

- `read` reads a regular file once, follows no link and cannot be blocked by a FIFO.
- `open_picture` looks at headers only and refuses what is too large; no pixel is decoded.
- `gray`, `rgb`, `planes`, `pixel_digest`, `thumbnail` decode at the smallest scale that serves (a JPEG inside its DCT).

What all pixels have in common: upright in all eight EXIF orientations; transparency is laid on white; 16 bits become
their upper 8; an animation is its first frame; colour profiles are not applied. Pictures whose data end too early are
errors and never filled up. Everything wrong with a file is `Unreadable`, whose text is one sentence for the person.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from dedupe_core import exif, files, formats, heif, pixels
from dedupe_core.header import INCOMPLETE, PARTS_MISSING, Header, Unreadable
from dedupe_core.limits import LIMITS, Limits, too_long

__all__ = [
    "LIMITS",
    "Limits",
    "Picture",
    "Unreadable",
    "gray",
    "open_picture",
    "pixel_digest",
    "planes",
    "read",
    "rgb",
    "thumbnail",
    "upright",
]

_MODULES = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pi_heif", "HeifImageFile"),
}
"""The decoders that may see a file's bytes. Pillow's others (EPS runs Ghostscript, PSD, FITS …) never do."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
)
"""What decoders are known to raise on hostile input."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED_BY_DECODER = frozenset({"TIFF", "HEIF"})
_WORKING = {"HEIF": 7, "AVIF": 8}
"""Bytes a pixel that a decoder needs beside the picture it delivers: its planes and their RGB copy."""
_SHARE = 0.75
"""Share of a worker's memory that one decoded picture may take; the rest is the program and the file's own bytes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture whose header was found acceptable.

    `width` and `height` are upright. `format` is Pillow's name, or "RAW". `source` are the file's bytes, `data` those
    that `codec` decodes: the same, except for a RAW's embedded preview. `header` holds the metadata packets.
    """

    source: bytes
    data: bytes
    header: Header
    format: str
    codec: str
    width: int
    height: int
    orientation: int = 1

    @property
    def frames(self) -> int:
        """Pictures in the file; more than one is an animation, pages, or a camera's previews."""
        return self.header.frames

    @property
    def damage(self) -> str:
        """A sentence when the file is known to be incomplete although it decodes."""
        return self.header.damage


def read(source: str | Path | bytes, limits: Limits = LIMITS, proof: str = "") -> bytes:
    """The bytes of a regular file, or of a source that was read already. Raises `Unreadable`, also when a `proof` is
    given that is not their sha256."""
    data, sha256 = (source, "") if isinstance(source, bytes) else _read(source, limits)
    if proof and proof != (sha256 or hashlib.sha256(data).hexdigest()):
        raise Unreadable("The file changed since it was read; the next scan looks again.")
    return data


def _read(path: str | Path, limits: Limits) -> tuple[bytes, str]:
    try:
        taken = files.take(path, limits.longest)
    except files.Moving as error:
        raise Unreadable("The file changes while it is read.") from error
    if taken.data is None:
        raise Unreadable(too_long(taken.size, limits))
    return taken.data, taken.sha256


def open_picture(data: bytes, limits: Limits = LIMITS) -> Picture:
    """Look at the headers. Raises `Unreadable` for anything that is no acceptable picture."""
    if not data:
        raise Unreadable("The file is empty.")
    kind = formats.sniff(data)
    if not kind:
        raise Unreadable("This is not a picture of a known format.")
    if kind == "RAW":
        from dedupe_core import raw

        return raw.open_preview(data, limits)
    header = formats.inspect(data) or _ask(data, kind)
    return picture_of(data, header, limits)


def picture_of(data: bytes, header: Header, limits: Limits) -> Picture:
    """The picture of a header that keeps the limits."""
    width, height = header.width, header.height
    if width <= 0 or height <= 0:
        raise Unreadable("The picture has no pixels.")
    if width * height > limits.max_pixels:
        size = f"{width} × {height} pixels"
        raise Unreadable(f"The picture is too large: {size} (limit {limits.max_pixels / 1e6:.0f} million).")
    _afford(header.fixed, limits)
    orientation = orientation_of(header)
    if orientation >= 5 and header.format not in _TURNED_BY_DECODER:
        width, height = height, width
    return Picture(data, data, header, header.format, header.format, width, height, orientation)


def orientation_of(header: Header) -> int:
    """EXIF orientation 1-8; that of an XMP packet where EXIF says nothing; 1 for values outside the standard."""
    if header.format == "HEIF":
        return 1
    number = exif.parse(header.exif).number(0x0112) if header.exif else None
    if number is None and (found := re.search(rb'tiff:Orientation(?:="|>)([1-8])', header.xmp)):
        number = int(found[1])
    return number if number in _TURNS else 1


def _ask(data: bytes, kind: str) -> Header:
    """The header as the format's own decoder reads it, for formats that open without decoding."""
    image = _opened(data, kind)
    info = image.info
    if kind == "TIFF":
        return Header(kind, *image.size, frames=exif.pages(data), deep=_deep_tiff(data), exif=data, xmp=_bytes(info))
    frames = getattr(image, "n_frames", 1)
    boxed = kind in _WORKING
    deep = boxed and formats.bits_of_boxes(data) > 8
    damage = PARTS_MISSING if boxed and not heif.is_complete(data) else ""
    block, packet = _bytes(info, "exif"), _bytes(info)
    return Header(kind, *image.size, frames=frames, deep=deep, exif=block, xmp=packet, damage=damage)


def _bytes(info: dict[str | tuple[int, int], object], key: str = "xmp") -> bytes:
    value = info.get(key)
    return value if isinstance(value, bytes) else b""


def _deep_tiff(data: bytes) -> bool:
    bits = exif.parse(data).main.get(0x0102, (8,))
    return isinstance(bits, tuple) and max(bits, default=8) > 8


def _opened(data: bytes, kind: str) -> ImageFile.ImageFile:
    module, name = _MODULES[kind]
    try:
        factory = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise Unreadable(f"No decoder for {kind} is installed.") from error
    try:
        image: ImageFile.ImageFile = factory(io.BytesIO(data))
    except MemoryError as error:
        raise Unreadable("The picture needs more memory than a worker may take.") from error
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from error
    return image


def _reason(error: BaseException) -> str:
    """A decoder's complaint as one line for a person."""
    text = " ".join(str(error).split())[:160]
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return INCOMPLETE
    return f"The picture cannot be decoded ({text.rstrip('.')})." if " " in text else "The picture cannot be decoded."


def upright(picture: Picture, mode: str, scale: int, limits: Limits = LIMITS) -> Image.Image:
    """The picture in mode "L" or "RGB", upright, its sides divided by `scale` (1, 2, 4 or 8; rounded up).

    A JPEG is scaled in its DCT, everything else by the mean of scale × scale blocks, which is nearly the same.
    """
    image = _opened(picture.data, picture.codec)
    drafted = _draft(image, picture, mode, scale)
    turn = _turn(picture)
    _load(image, picture, limits, copies=2 if turn is not None and scale == 1 else 1)
    small = pixels.reduced(image, mode, 1 if drafted else scale)
    return small if turn is None else small.transpose(turn)


def planes(picture: Picture, scale: int, colour_scale: int, limits: Limits = LIMITS) -> tuple[Image.Image, Image.Image]:
    """The upright picture in grey, its sides divided by `scale`, and in RGB, divided by `colour_scale`, from one
    decode; only a JPEG whose two scales differ is decoded for each.

    The grey one is that of `upright`, bit for bit: a JPEG is decoded to the Y, Cb and Cr that its file holds.
    """
    if picture.codec == "JPEG" and scale != colour_scale:
        return upright(picture, "L", scale, limits), upright(picture, "RGB", colour_scale, limits)
    image = _opened(picture.data, picture.codec)
    drafted = _draft(image, picture, "RGB" if _stored_as_rgb(image) else "YCbCr", scale)
    _load(image, picture, limits, copies=3 if drafted or colour_scale == 1 else 1)
    gray = pixels.reduced(image, "L", 1 if drafted else scale)
    colour = pixels.reduced(image, "RGB", 1 if drafted else colour_scale)
    turn = _turn(picture)
    return (gray, colour) if turn is None else (gray.transpose(turn), colour.transpose(turn))


def _draft(image: ImageFile.ImageFile, picture: Picture, mode: str, scale: int) -> bool:
    """Have a JPEG decoded in this mode at 1/scale; False for what no decoder scales."""
    if picture.codec != "JPEG":
        return False
    image.decodermaxblock = len(picture.data)  # all at once: where its input ends, the decoder starts a row again
    image.draft(mode, (max(1, image.width // scale), max(1, image.height // scale)))
    return True


def _stored_as_rgb(image: ImageFile.ImageFile) -> bool:
    """A JPEG that holds red, green and blue, which no decoder turns into Y, Cb and Cr; told as libjpeg does
    (default_decompress_parms)."""
    if "jfif" in image.info:
        return False
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"] == 0)
    return [component[0] for component in getattr(image, "layer", ())] == [*b"RGB"]


def _turn(picture: Picture) -> Image.Transpose | None:
    return None if picture.codec in _TURNED_BY_DECODER else _TURNS.get(picture.orientation)


def _load(image: ImageFile.ImageFile, picture: Picture, limits: Limits, copies: int) -> None:
    each = pixels.bytes_of(image.mode) * copies + _WORKING.get(picture.codec, 0)
    if image.width * image.height > limits.max_pixels:
        raise Unreadable(f"The picture is too large: {image.width} × {image.height} pixels.")
    _afford(picture.header.fixed + each * image.width * image.height, limits)
    try:
        image.load()
    except MemoryError as error:
        raise Unreadable("The picture needs more memory than a worker may take.") from error
    except _BROKEN as error:
        raise Unreadable(_reason(error)) from error


def _afford(size: int, limits: Limits) -> None:
    if size > limits.memory * _SHARE:
        raise Unreadable(f"The picture needs {size >> 20} MB of memory to decode (limit {limits.memory >> 20} MB).")


def _taken(data: bytes | Picture, limits: Limits) -> Picture:
    return data if isinstance(data, Picture) else open_picture(data, limits)


def _fitted(data: bytes | Picture, mode: str, edge: int, limits: Limits) -> Image.Image:
    picture = _taken(data, limits)
    longest = max(picture.width, picture.height)
    scale = next((s for s in (8, 4, 2) if longest // s >= edge), 1)
    image = upright(picture, mode, scale, limits)
    if max(image.size) <= edge:
        return image
    ratio = edge / max(image.size)
    size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
    # not BOX: between whole ratios it takes one source pixel here and two there, which shifts edges against a copy's
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)


def gray(data: bytes | Picture, edge: int, limits: Limits = LIMITS) -> NDArray[np.uint8]:
    """uint8 (height, width), upright, long side `edge` or the picture's own if that is smaller: weighted means, never
    enlarged. Raises `Unreadable`."""
    return np.asarray(_fitted(data, "L", edge, limits))


def rgb(data: bytes | Picture, edge: int, limits: Limits = LIMITS) -> NDArray[np.uint8]:
    """uint8 (height, width, 3), upright, long side `edge` or the picture's own if that is smaller."""
    return np.asarray(_fitted(data, "RGB", edge, limits))


def thumbnail(data: bytes | Picture, edge: int, limits: Limits = LIMITS, quality: int = 80) -> bytes:
    """A small upright JPEG without metadata, long side `edge` or the picture's own if that is smaller."""
    out = io.BytesIO()
    _fitted(data, "RGB", edge, limits).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def pixel_digest(data: bytes | Picture, limits: Limits = LIMITS) -> str:
    """ "WxH:<sha256>" of the upright picture, fully decoded, as rows of RGB bytes.

    A JPEG and a lossless file of its decoded pixels have equal digests, whatever the container, the metadata or the
    EXIF orientation. Real transparency takes part in it. A file that holds more than these pixels (over 8 bits a
    channel, several frames, a RAW) gets a digest that only its own bytes give, so that nothing is ever taken for a
    copy of it that lacks the rest.
    """
    picture = _taken(data, limits)
    image = _opened(picture.data, picture.codec)
    turn = _turn(picture)
    _load(image, picture, limits, copies=1 if turn is None else 2)
    digest = pixels.digest(image if turn is None else image.transpose(turn))
    if picture.header.deep or picture.format == "RAW" or (picture.frames > 1 and picture.format != "JPEG"):
        digest = hashlib.sha256(digest.encode() + hashlib.sha256(picture.source).digest()).hexdigest()
    return f"{picture.width}x{picture.height}:{digest}"
