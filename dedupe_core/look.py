"""What a worker does with one file: one read, one scaled decode, everything that a signature needs of the pixels.

Imports stay lean (numpy, Pillow): every worker pays for them at its start. What numpy does best for many pictures at
once, the hashes and the measures, is left to `signing.py`; a worker hands over a 64×64 picture and a histogram.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedupe_core import decode, files, heif, metadata
from dedupe_core.header import Unreadable
from dedupe_core.tasks import Look, Task

_SCALES = ((8, 2048), (4, 448), (2, 224))
"""Decode at 1/scale where the long side has at least so many pixels: 112 px remain at least, and 256 of everything
that a page of text can be, so that its lines stay apart from its paper."""
_PREVIEW_HALVED = 1024
"""Renderings smaller than this are decoded whole: a page of text needs its lines."""
_THUMBNAIL = 160
_PROPORTIONS = 0.015
"""Rounding of a thumbnail's sides moves its proportions by so much at most."""
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
        return _seen(task.row, taken, limits)
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


def _seen(row: int, taken: files.Taken, limits: decode.Limits) -> Look:
    if taken.data is None:
        raise Unreadable(decode.too_long(taken.size, limits))
    picture = decode.open_picture(taken.data, limits)
    gray = first_look(picture, limits)
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
    return Look(row, taken.sha256, facts, "", False, square(gray).tobytes(), histogram, taken.digests)


def first_look(picture: decode.Picture, limits: decode.Limits = decode.LIMITS) -> Image.Image:
    """The upright grey picture at the scale of the recipe; a HEIC's is its thumbnail where that shows the same."""
    if picture.format == "HEIF" and (preview := _thumbnail(picture, limits)) is not None:
        return preview
    longest = max(picture.width, picture.height)
    scale = next((scale for scale, edge in _SCALES if longest >= edge), 1)
    return decode.upright(picture, "L", scale, limits)


def _thumbnail(picture: decode.Picture, limits: decode.Limits) -> Image.Image | None:
    """The embedded thumbnail, unless it is tiny, has other proportions (bars at its sides), cannot be decoded, or the
    picture itself is incomplete, which only decoding it can tell."""
    patched = None if picture.damage else heif.with_thumbnail_first(picture.data)
    if patched is None:
        return None
    try:
        small = decode.open_picture(patched, limits)
        if not _THUMBNAIL <= max(small.width, small.height) < max(picture.width, picture.height):
            return None
        if abs(small.width * picture.height / (small.height * picture.width) - 1) > _PROPORTIONS:
            return None
        return decode.upright(small, "L", 1, limits)
    except Unreadable:
        return None


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
