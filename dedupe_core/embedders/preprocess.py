"""From a file's bytes to the input of a model: the same as the model's own transform, from a decode that is not larger
than it has to be.

Meant for the worker processes: numpy and Pillow only. A picture whose short side is under twice the model's input is
decoded in full, and its input is bit-equal to the model's own transform (resize with antialiasing, centre crop). A
larger JPEG is decoded at 1/2, 1/4 or 1/8 inside its DCT first, so that at least twice the input stays: 8-bit levels
then differ by less than 1 on average, and a trained model's vectors agree to a cosine of 0.999
(tests/embed/test_embedders.py).
"""

from __future__ import annotations

import hashlib
import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedupe_core import decode
from dedupe_core.store.codec import dumps

VERSION = 1
"""Raised whenever this module gives other inputs; it is part of every model's name."""
_SPARE = 2


class Preprocess(NamedTuple):
    """What a model wants: `size` × `size` pixels, cut from a picture whose short side was brought to `resize`
    ("shortest"), or the whole picture pressed into it ("squash") or fitted into it with black bars ("longest"); then
    (level / 255 - mean) / std for each of R, G, B."""

    size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    fit: Literal["shortest", "squash", "longest"] = "shortest"

    @property
    def mark(self) -> str:
        """Twelve digits that tell this preprocessing from every other."""
        return hashlib.sha256(dumps([VERSION, *self]).encode()).hexdigest()[:12]


def prepared(source: str | bytes, wanted: Preprocess, limits: decode.Limits = decode.LIMITS) -> NDArray[np.uint8]:
    """uint8 (size, size, 3) from a path or a file's bytes. Raises `Unreadable`."""
    picture = decode.open_picture(decode.read(source, limits), limits)
    shortest = min(picture.width, picture.height)
    scale = next((scale for scale in (8, 4, 2) if shortest // scale >= _SPARE * wanted.resize), 1)
    return shaped(decode.upright(picture, "RGB", scale, limits), wanted)


def shaped(image: Image.Image, wanted: Preprocess) -> NDArray[np.uint8]:
    """uint8 (size, size, 3) from an upright RGB picture of any size."""
    filter_ = Image.Resampling.BICUBIC if wanted.interpolation == "bicubic" else Image.Resampling.BILINEAR
    size = wanted.size
    if wanted.fit == "squash":
        return np.asarray(image.resize((size, size), filter_))
    if wanted.fit == "longest":
        return _letterboxed(image, size, filter_)
    width, height = _by_short_side(image.size, wanted.resize)
    if (width, height) != image.size:
        image = image.resize((width, height), filter_)
    return _centre(image, size)


def _by_short_side(size: tuple[int, int], shortest: int) -> tuple[int, int]:
    """As torchvision.transforms.Resize rounds: the long side is cut off, not rounded."""
    width, height = size
    if width <= height:
        return shortest, int(shortest * height / width)
    return int(shortest * width / height), shortest


def _centre(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """As torchvision.transforms.CenterCrop rounds."""
    left, top = round((image.width - size) / 2.0), round((image.height - size) / 2.0)
    return np.asarray(image.crop((left, top, left + size, top + size)))


def _letterboxed(image: Image.Image, size: int, filter_: Image.Resampling) -> NDArray[np.uint8]:
    ratio = size / max(image.size)
    width, height = (max(1, round(side * ratio)) for side in image.size)
    sheet = Image.new("RGB", (size, size))
    left, top = math.floor((size - width) / 2), math.floor((size - height) / 2)
    sheet.paste(image.resize((width, height), filter_), (left, top))
    return np.asarray(sheet)
