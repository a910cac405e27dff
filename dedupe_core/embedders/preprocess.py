"""From a file's bytes to the input of a model: what the model's own transform gives, from a decode that is not larger
than it has to be.

Meant for the worker processes: numpy and Pillow only. `glance.both` says which decode it comes from: the one that the
hash is taken from where that is as large as the input (a photo of 12 megapixels at 1/8), else one of at least twice
the input's size, or the whole picture, whose input is bit-equal to the model's own transform (resize with antialiasing,
centre crop). How near the others come is measured in docs/similar.md and held by tests/embed/test_one_decode.py.
"""

from __future__ import annotations

import hashlib
import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedupe_core import decode, glance
from dedupe_core.store.codec import dumps

VERSION = 2
"""Raised whenever this module gives other inputs; it is part of every model's name."""
_SPARE = 2
"""A decode that is made for the model alone has so many times the pixels of a side that its input needs."""
_SLIM = 8
"""Pictures more than so many times as long as wide are cut to their middle before they are resized to their short side:
one line of 100,000 pixels would grow to gigabytes."""


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

    def serves(self, width: int, height: int) -> bool:
        """Need a picture of so many pixels not be enlarged to make the input?"""
        if self.fit == "longest":
            return max(width, height) >= self.size
        return min(width, height) >= (self.size if self.fit == "squash" else self.resize)

    def scale_of(self, width: int, height: int) -> int:
        """The scale (1, 2, 4, 8) at which a picture is decoded for this input alone."""
        scales = (scale for scale in (8, 4, 2) if self.serves(width // scale // _SPARE, height // scale // _SPARE))
        return next(scales, 1)


def prepared(source: str | bytes, wanted: Preprocess, limits: decode.Limits = decode.LIMITS) -> NDArray[np.uint8]:
    """uint8 (size, size, 3) from a path or a file's bytes, the same that a scan hands out. Raises `Unreadable`."""
    picture = decode.open_picture(decode.read(source, limits), limits)
    return shaped(glance.colour_of(picture, wanted, limits), wanted)


def shaped(image: Image.Image, wanted: Preprocess) -> NDArray[np.uint8]:
    """uint8 (size, size, 3) from an upright RGB picture of any size."""
    filter_ = Image.Resampling.BICUBIC if wanted.interpolation == "bicubic" else Image.Resampling.BILINEAR
    size = wanted.size
    if wanted.fit == "squash":
        return np.asarray(image.resize((size, size), filter_))
    if wanted.fit == "longest":
        return _letterboxed(image, size, filter_)
    image = _middle(image)
    width, height = _by_short_side(image.size, wanted.resize)
    if (width, height) != image.size:
        image = image.resize((width, height), filter_)
    return _centre(image, size)


def _middle(image: Image.Image) -> Image.Image:
    """Half as much as makes a picture slim, from its middle; others as they are."""
    width, height = image.size
    if max(width, height) <= _SLIM * min(width, height):
        return image
    across, down = (min(side, _SLIM // 2 * min(width, height)) for side in (width, height))
    left, top = (width - across) // 2, (height - down) // 2
    return image.crop((left, top, left + across, top + down))


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
