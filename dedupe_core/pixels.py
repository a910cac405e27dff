"""From a decoded Pillow image of any mode to 8-bit grey or RGB, and to a digest of its pixels.

Large pictures go through in horizontal bands, so that a conversion never needs a second copy of the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

_BAND = 1 << 22
"""Pixels converted at a time."""
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
_NUMBERS = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})


def bytes_of(mode: str) -> int:
    """Bytes a pixel of a Pillow mode takes in memory."""
    return _BYTES.get(mode, 4)


def reduced(image: Image.Image, mode: str, scale: int) -> Image.Image:
    """The picture in mode "L" or "RGB", each scale × scale block its mean (sides rounded up)."""
    if scale == 1 and image.mode == mode and not image.has_transparency_data:
        return image
    size = (-(-image.width // scale), -(-image.height // scale))
    out = Image.new(mode, size)
    for top, band in _bands(image, scale):
        flat = _flat(band, mode)
        out.paste(flat.reduce(scale) if scale > 1 else flat, (0, top // scale))
    return out


def digest(image: Image.Image) -> str:
    """sha256 of the rows as RGB bytes; where any pixel is not opaque, of the transparency, too."""
    colours, alpha, opaque = hashlib.sha256(), hashlib.sha256(), True
    for _, band in _bands(image, 1):
        if band.has_transparency_data:
            layers = band.convert("RGBA")
            colours.update(layers.convert("RGB").tobytes())
            veil = layers.getchannel("A")
            opaque = opaque and veil.getextrema() == (255, 255)
            alpha.update(veil.tobytes())
        else:
            colours.update(_flat(band, "RGB").tobytes())
    if not opaque:
        colours.update(b"alpha" + alpha.digest())
    return colours.hexdigest()


def _bands(image: Image.Image, scale: int) -> Iterator[tuple[int, Image.Image]]:
    """(top, band) in bands of whole blocks. Numbers wider than 8 bits are brought to grey bytes by one factor."""
    factor = _factor(image) if image.mode in _NUMBERS else 1.0
    rows = max(1, _BAND // (image.width * scale)) * scale
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        whole = top == 0 and bottom == image.height
        band = image if whole else image.crop((0, top, image.width, bottom))
        yield top, (_bytes(band, factor) if image.mode in _NUMBERS else band)


def _factor(image: Image.Image) -> float:
    """What brings the numbers of a deep grey picture into 0-255: by their width, not by their contents, except where a
    32-bit picture does not say how many bits it uses."""
    if image.mode not in ("I", "F"):
        return 1 / 256
    _, high = image.getextrema()
    top = float(high[0] if isinstance(high, tuple) else high)
    if image.mode == "F":
        return 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 255.0 / top
    return 1.0 if top < 256 else 1 / 256 if top < 65536 else 2.0**-23


def _bytes(band: Image.Image, factor: float) -> Image.Image:
    numbers = np.nan_to_num(np.asarray(band, dtype=np.float32) * np.float32(factor))
    return Image.fromarray(np.clip(np.floor(numbers), 0, 255).astype(np.uint8))


def _flat(band: Image.Image, mode: str) -> Image.Image:
    """One band without transparency in mode "L" or "RGB"."""
    if band.has_transparency_data:
        layers = band.convert("RGBA")
        band = Image.new("RGB", band.size, "white")
        band.paste(layers, mask=layers.getchannel("A"))
    if band.mode == "LAB":
        band = band.getchannel(0)
    return band if band.mode == mode else band.convert(mode)
