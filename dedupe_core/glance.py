"""The first look at a picture: the grey one whose hash is taken, and in the same decode the colours that a model and
the page want.

One decode serves all where it can: a JPEG is decoded at the scale of the recipe, in colour when somebody wants colour,
and other formats are decoded once and reduced for each. Only a JPEG that is smaller at that scale than what is wanted
(1024 × 768 at 1/4 for a model's 224 pixels, say) is decoded a second time, finer; the hash must not change by it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from dedupe_core import decode, heif
from dedupe_core.header import Unreadable

if TYPE_CHECKING:
    from dedupe_core.embedders.preprocess import Preprocess
    from dedupe_core.tasks import Also

_SCALES = ((8, 2048), (4, 448), (2, 224))
"""Decode at 1/scale where the long side has at least so many pixels: 112 px remain at least, and 256 of everything
that a page of text can be, so that its lines stay apart from its paper."""
_THUMBNAIL = 160
_PROPORTIONS = 0.015
"""Rounding of a thumbnail's sides moves its proportions by so much at most."""
_QUALITY = 60


def first_look(picture: decode.Picture, limits: decode.Limits = decode.LIMITS) -> Image.Image:
    """The upright grey picture at the scale of the recipe; a HEIC's is its thumbnail where that shows the same."""
    small = thumbnail_of(picture, limits)
    if small is not None:
        try:
            return decode.upright(small, "L", 1, limits)
        except Unreadable:
            pass
    return decode.upright(picture, "L", _scale_of(picture), limits)


def both(
    picture: decode.Picture, also: Also, limits: decode.Limits = decode.LIMITS
) -> tuple[Image.Image, Image.Image | None]:
    """The picture of `first_look`, bit for bit, and an upright RGB one that is large enough for the model's input, or
    for people where no model wants any, or the picture's own size. None in its place where only the grey one can be
    had. Raises `Unreadable` without either."""
    try:
        return _both(picture, also, limits)
    except Unreadable:
        return first_look(picture, limits), None


def colour_of(picture: decode.Picture, wanted: Preprocess, limits: decode.Limits = decode.LIMITS) -> Image.Image:
    """The RGB picture of `both` alone. Raises `Unreadable`."""
    gray, colour = _for_a_model(picture, wanted, limits)
    try:
        return decode.planes(*gray, colour.scale, limits)[1] if gray is colour else _alone(colour, "RGB", limits)
    except Unreadable:
        return decode.upright(picture, "RGB", wanted.scale_of(picture.width, picture.height), limits)


class _Source(NamedTuple):
    picture: decode.Picture
    scale: int


def _both(picture: decode.Picture, also: Also, limits: decode.Limits) -> tuple[Image.Image, Image.Image]:
    gray, colour = (
        _for_people(picture, also.edge, limits)
        if also.preprocess is None
        else _for_a_model(picture, also.preprocess, limits)
    )
    if gray.picture is colour.picture:
        return decode.planes(*gray, colour.scale, limits)
    return _alone(gray, "L", limits), _alone(colour, "RGB", limits)


def _alone(source: _Source, mode: str, limits: decode.Limits) -> Image.Image:
    return decode.upright(source.picture, mode, source.scale, limits)


def _for_a_model(picture: decode.Picture, wanted: Preprocess, limits: decode.Limits) -> tuple[_Source, _Source]:
    """What the grey and the coloured picture are decoded from, and at which scale."""
    gray = _for_the_hash(picture, limits)
    shown, scale = gray
    of_one_scale = shown is not picture or picture.codec == "JPEG"
    if of_one_scale and wanted.serves(shown.width // scale, shown.height // scale):
        return gray, gray
    finer = wanted.scale_of(picture.width, picture.height)
    return (gray, gray) if shown is picture and finer == scale else (gray, _Source(picture, finer))


def _for_people(picture: decode.Picture, edge: int, limits: decode.Limits) -> tuple[_Source, _Source]:
    """The same, the coloured one at the coarsest scale at which its long side has `edge` pixels; whole where it has
    fewer."""
    gray = _for_the_hash(picture, limits)
    longest = max(gray.picture.width, gray.picture.height)
    return gray, _Source(gray.picture, next((scale for scale in (8, 4, 2) if longest >= scale * edge), 1))


def _for_the_hash(picture: decode.Picture, limits: decode.Limits) -> _Source:
    small = thumbnail_of(picture, limits)
    return _Source(picture, _scale_of(picture)) if small is None else _Source(small, 1)


def _scale_of(picture: decode.Picture) -> int:
    longest = max(picture.width, picture.height)
    return next((scale for scale, edge in _SCALES if longest >= edge), 1)


def thumbnail_of(picture: decode.Picture, limits: decode.Limits) -> decode.Picture | None:
    """A HEIC's embedded thumbnail, unless it is tiny, has other proportions (bars at its sides), or the picture itself
    is incomplete, which only decoding it can tell."""
    patched = None if picture.damage or picture.format != "HEIF" else heif.with_thumbnail_first(picture.data)
    if patched is None:
        return None
    try:
        small = decode.open_picture(patched, limits)
    except Unreadable:
        return None
    if not _THUMBNAIL <= max(small.width, small.height) < max(picture.width, picture.height):
        return None
    if abs(small.width * picture.height / (small.height * picture.width) - 1) > _PROPORTIONS:
        return None
    return small


def miniature(colour: Image.Image, longest: int, edge: int) -> bytes:
    """A WebP picture whose long side is `edge`, or `longest`, that of the whole picture, if it is smaller; b"" where
    `colour` has fewer pixels than that."""
    wanted = min(edge, longest)
    largest = max(colour.size)
    if not wanted or largest < wanted:
        return b""
    if largest > wanted:
        width, height = (max(1, round(side * wanted / largest)) for side in colour.size)
        colour = colour.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return webp(colour, method=0)


def webp(image: Image.Image, method: int = 4) -> bytes:
    """A picture for people as WebP. Method 0 takes a third of the time of 4 and a tenth more bytes."""
    out = io.BytesIO()
    image.save(out, "WEBP", quality=_QUALITY, method=method)
    return out.getvalue()
