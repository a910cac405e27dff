"""Do two files of one name belong together? A name alone is never enough (PhotoPrism and others mixed up photos so).

A photo and a movie are a Live Photo when Apple's content identifiers agree; where one has none, when both were taken
within seconds and the movie is as short as such movies are. A RAW and a JPEG are one shot when one camera took both
within two seconds and the RAW's own preview shows the same picture. What cannot be proved is two photos.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from connectors.local import peek
from connectors.local.boxes import Movie

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from PIL.Image import Image

SAME_SHOT_SECONDS = 2.0
LIVE_SECONDS = 5.0
LIVE_LENGTH = 6.0
_ZONES = 15 * 3600
_ZONE_STEP = 900
_EDGE = 32
_AGREES = 0.9
_ASPECT = 0.05
_FLAT = 2.0
_THUMBNAIL = 16 << 10
_MAX_PREVIEWS = 4
_MAX_BYTES = 64 << 20
_MAX_PIXELS = 120_000_000
_MAX_PROGRESSIVE = 40_000_000
_MAX_SCANS = 100
_TURNED = {5, 6, 7, 8}


def live_pair(photo: BinaryIO, movie: BinaryIO, modified_apart: float) -> bool:
    """True when photo and movie are one Live Photo. `modified_apart` is how many seconds lie between the times at
    which the two files were written; it counts only where one of them does not say when it was taken."""
    still, film = peek.photo(photo), peek.movie(movie)
    if still.content_id and film.content_id:
        return still.content_id == film.content_id
    if film.seconds is None or film.seconds > LIVE_LENGTH:
        return False
    apart = _taken_apart(still.taken, film)
    return (modified_apart if apart is None else apart) <= LIVE_SECONDS


def _taken_apart(taken: datetime | None, film: Movie) -> float | None:
    """Seconds between the shot and the movie, None when one of the two is unknown. A movie's own moment is in UTC and
    a camera's is local, so whole quarters of an hour are the time zone's."""
    if taken is None:
        return None
    if film.local is not None:
        return abs((film.local - taken).total_seconds())
    if film.created is None:
        return None
    apart = abs((film.created - taken.replace(tzinfo=UTC)).total_seconds())
    rest = apart % _ZONE_STEP
    return min(rest, _ZONE_STEP - rest) if apart <= _ZONES else apart


def one_shot(raw: BinaryIO, jpeg: BinaryIO) -> bool:
    """True when the JPEG is the RAW's own: time, camera and pixels agree."""
    a, b = peek.photo(raw), peek.photo(jpeg)
    if a.taken is None or b.taken is None or abs((a.taken - b.taken).total_seconds()) > SAME_SHOT_SECONDS:
        return False
    if not a.camera or a.camera.casefold() != b.camera.casefold():
        return False
    jpeg.seek(0)
    shown = _gray(jpeg.read(_MAX_BYTES + 1))
    if shown is None:
        return False
    return any(_same(shown, b.orientation, view, a.orientation) for view in _previews(raw, a.jpegs))


def _previews(raw: BinaryIO, jpegs: tuple[tuple[int, int], ...]) -> Iterator[Image]:
    """A RAW's previews, cheapest first; the smallest of all come last, because cameras put black bars around them."""
    useful = sorted(jpegs, key=lambda place: (place[1] < _THUMBNAIL, place[1]))
    for start, size in useful[:_MAX_PREVIEWS]:
        raw.seek(start)
        view = _gray(raw.read(size)) if size <= _MAX_BYTES else None
        if view is not None:
            yield view


def _gray(data: bytes) -> Image | None:
    """A small gray picture of a JPEG, as it is stored; None for what is no JPEG or would cost too much to decode."""
    from PIL import Image

    if len(data) > _MAX_BYTES or data.count(b"\xff\xda") > _MAX_SCANS:
        return None
    try:
        with Image.open(BytesIO(data), formats=["JPEG"]) as picture:
            limit = _MAX_PROGRESSIVE if picture.info.get("progressive") else _MAX_PIXELS
            if picture.width * picture.height > limit:
                return None
            size = picture.size
            picture.draft("L", (4 * _EDGE, 4 * _EDGE))
            small = picture.convert("L")
            small.info["size"] = size
            return small
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _same(a: Image, a_turned: int, b: Image, b_turned: int) -> bool:
    """Cameras store the preview either as the sensor lay or upright, so both ways of looking at it count."""
    stored = _agreement(a, b)
    upright = _agreement(_turn(a, a_turned), _turn(b, b_turned))
    half = _agreement(_turn(a, a_turned), b)
    return max(stored, upright, half) >= _AGREES


def _turn(picture: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    way = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    if way is None:
        return picture
    turned = picture.transpose(way)
    width, height = picture.info["size"]
    turned.info["size"] = (height, width) if orientation in _TURNED else (width, height)
    return turned


def _agreement(a: Image, b: Image) -> float:
    """Pearson correlation of two pictures at 32 × 32; -1 for other proportions and for flat ones."""
    (aw, ah), (bw, bh) = a.info["size"], b.info["size"]
    if abs(aw * bh / (ah * bw) - 1) > _ASPECT:
        return -1.0
    x, y = _vector(a), _vector(b)
    if min(x.std(), y.std()) < _FLAT:
        return -1.0
    return float(((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std()))


def _vector(picture: Image) -> NDArray[float64]:
    import numpy as np
    from PIL.Image import Resampling

    return np.asarray(picture.resize((_EDGE, _EDGE), Resampling.BOX), dtype=np.float64).ravel()
