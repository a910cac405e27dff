"""Camera originals (CR2, CR3, NEF, ARW, DNG, RAF …) through the preview that the camera put into them.

Needs the extra `raw` (rawpy, LibRaw). The sensor data are never developed: the preview is what the camera showed.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from PIL import Image

from dedupe_core import decode, exif, formats
from dedupe_core.header import Unreadable

_ORIENTATIONS = {3: 3, 5: 8, 6: 6}
"""EXIF orientation of LibRaw's `flip` (3 half turn, 5 quarter turn anticlockwise, 6 clockwise)."""


def open_preview(data: bytes, limits: decode.Limits) -> decode.Picture:
    """The embedded preview as a picture of format RAW with the sensor's upright size. Raises `Unreadable`."""
    preview, size, flip = _extract(data)
    inner = decode.open_picture(preview, limits)
    header = replace(inner.header, frames=1, exif=_exif(data) or inner.header.exif, deep=True, damage="")
    orientation = inner.orientation if inner.orientation != 1 else _ORIENTATIONS.get(flip, 1)
    width, height = size[::-1] if orientation >= 5 else size
    return decode.Picture(data, preview, header, "RAW", inner.codec, width, height, orientation)


def _exif(data: bytes) -> bytes:
    """The file itself is the EXIF structure of most camera originals; the others have it in their preview."""
    return data if exif.byte_order(data) and exif.parse(data).fields else b""


def _extract(data: bytes) -> tuple[bytes, tuple[int, int], int]:
    """(preview's bytes, sensor's size as stored, flip)."""
    try:
        import rawpy
    except ImportError as error:
        raise Unreadable("RAW photos need an extra: pip install 'keepone[raw]'.") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            sizes = raw.sizes
            return _bytes(raw.extract_thumb(), rawpy), (sizes.width, sizes.height), sizes.flip
    except (rawpy.LibRawError, ValueError, OSError) as error:
        raise Unreadable("This RAW file has no preview that can be read.") from error


def _bytes(thumb: Any, rawpy: Any) -> bytes:
    if thumb.format == rawpy.ThumbFormat.JPEG and formats.sniff(thumb.data) == "JPEG":
        return bytes(thumb.data)
    if thumb.format == rawpy.ThumbFormat.BITMAP:
        out = io.BytesIO()
        Image.fromarray(thumb.data).save(out, "BMP")
        return out.getvalue()
    raise Unreadable("This RAW file has no preview that can be read.")
