"""What a worker does with one file: one read, one scaled decode, everything that a signature needs of the pixels.

Imports stay lean (numpy, Pillow): every worker pays for them at its start. What numpy does best for many pictures at
once, the hashes and the measures, is left to `signing.py`; a worker hands over a 64×64 picture and a histogram.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedupe_core import decode, files, metadata
from dedupe_core.glance import both, first_look, miniature
from dedupe_core.header import Unreadable
from dedupe_core.limits import too_long
from dedupe_core.tasks import Also, Look, Task

if TYPE_CHECKING:
    from dedupe_core.embedders.preprocess import Preprocess

_PREVIEW_HALVED = 1024
"""Renderings smaller than this are decoded whole: a page of text needs its lines."""
_HASHED = 128
"""The hash is taken from a picture whose long side has 128 to 255 pixels (area means), whatever it came from."""
_TILES = 8
_SHARPEST = round(0.9 * (_TILES * _TILES - 1))


def look(task: Task, limits: decode.Limits = decode.LIMITS) -> Look:
    """Read, hash, and decode unless the content is known. Never raises for what is wrong with a file."""
    try:
        taken = _take(task, limits)
    except files.Moving:
        return Look(task.row, moving=True)
    except Unreadable as error:
        return Look(task.row, error=str(error))
    if not taken.size:
        return Look(task.row, error="The file is empty.")
    if taken.sha256 in task.known:
        return Look(task.row, taken.sha256, digests=taken.digests)
    try:
        return _seen(task, taken, limits)
    except Unreadable as error:
        return Look(task.row, taken.sha256, error=str(error), digests=taken.digests)


def look_at_preview(task: Task, limits: decode.Limits = decode.LIMITS) -> Look:
    """The same of a rendering that stands for its original: pixels from the one, facts from what the source lists of
    the other. Sizes that the source does not tell stay 0; those that lie on their side are turned as it is."""
    assert isinstance(task.source, bytes)
    try:
        picture = decode.open_picture(task.source, limits)
        longest = max(picture.width, picture.height)
        gray = decode.upright(picture, "L", 2 if longest >= _PREVIEW_HALVED else 1, limits)
    except Unreadable as error:
        return Look(task.row, error=str(error))
    facts = {**(task.preview or {}), "preview": longest, "sharpness": round(_sharpness(np.asarray(gray)), 3)}
    if (facts["width"] - facts["height"]) * (picture.width - picture.height) < 0:
        facts["width"], facts["height"] = facts["height"], facts["width"]
    histogram = array("I", gray.histogram()).tobytes()
    return Look(task.row, facts=facts, square=square(gray).tobytes(), histogram=histogram)


def _take(task: Task, limits: decode.Limits) -> files.Taken:
    if isinstance(task.source, bytes):
        return files.take_bytes(task.source, task.digests)
    return files.take(task.source, limits.longest, task.size, task.digests)


def _seen(task: Task, taken: files.Taken, limits: decode.Limits) -> Look:
    if taken.data is None:
        raise Unreadable(too_long(taken.size, limits))
    picture = decode.open_picture(taken.data, limits)
    also = task.also
    gray, colour = both(picture, also, limits) if also else (first_look(picture, limits), None)
    facts = {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "frames": picture.frames,
        "orientation": picture.orientation,
        "damage": picture.damage,
        "sharpness": round(_sharpness(np.asarray(gray)), 3),
        **metadata.facts(picture.header)._asdict(),
    }
    histogram = array("I", gray.histogram()).tobytes()
    levels, small = _extras(colour, picture, also) if colour is not None and also else (b"", b"")
    pixels = square(gray).tobytes()
    return Look(task.row, taken.sha256, facts, "", False, pixels, histogram, taken.digests, levels, small)


def _extras(colour: Image.Image, picture: decode.Picture, also: Also) -> tuple[bytes, bytes]:
    """The model's input and the small picture for people. What fails here fails nothing else: whoever wants it makes it
    again and finds out why."""
    try:
        levels = b"" if also.preprocess is None else _levels(colour, also.preprocess)
        return levels, miniature(colour, max(picture.width, picture.height), also.edge)
    except (MemoryError, OSError, ValueError):
        return b"", b""


def _levels(colour: Image.Image, wanted: Preprocess) -> bytes:
    from dedupe_core.embedders.preprocess import shaped

    return shaped(colour, wanted).tobytes()


def square(gray: Image.Image) -> Image.Image:
    """The 64×64 picture whose hash is taken, from an upright grey one of any size."""
    factor = max(gray.size) // _HASHED
    small = gray.reduce(factor) if factor > 1 else gray
    return small.resize((64, 64), Image.Resampling.LANCZOS)


def _sharpness(gray: NDArray[np.uint8]) -> float:
    """90th percentile of 8 × 8 tiles' mean absolute Laplacian at the decoded scale: comparable between pictures of one
    size, as those of a series are."""
    height, width = (gray.shape[0] - 2) // _TILES, (gray.shape[1] - 2) // _TILES
    if height < 1 or width < 1:
        return 0.0
    wide = gray[: height * _TILES + 2, : width * _TILES + 2].astype(np.int16)
    laplacian = wide[:-2, 1:-1] + wide[2:, 1:-1]
    laplacian += wide[1:-1, :-2]
    laplacian += wide[1:-1, 2:]
    laplacian -= wide[1:-1, 1:-1] * 4
    np.abs(laplacian, out=laplacian)
    strips = laplacian.reshape(_TILES, height, _TILES * width).sum(axis=1, dtype=np.int32)
    tiles = np.sort(strips.reshape(_TILES, _TILES, width).sum(axis=2), axis=None)
    return float(int(tiles[_SHARPEST]) / (height * width))
