"""Where one picture lies on another, found on the two renderings that the page shows, so that a crop and its original
lie on each other when they are compared."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dedupe_core.features import View

_FEWEST = 12
"""Features that have to agree: among unrelated pictures fewer agree by chance."""
_EDGE = 500


@lru_cache(maxsize=64)
def laid_on(first: bytes, second: bytes, symmetry: int) -> tuple[float, ...] | None:
    """A homography (nine numbers, row by row) from the second picture, turned by `symmetry`, onto the first, both as
    unit squares; None where there is none to be trusted. The pictures are our own renderings."""
    import numpy as np

    from dedupe_core.homography import align, refined

    a, b = _view(first), _view(second).turned(symmetry)
    found = align(a, b)
    if found is None or found.inliers < _FEWEST:
        return None
    found = refined(a, b, found, _EDGE)
    (high, wide), (tall, broad) = a.coarse.shape, b.coarse.shape
    matrix = np.diag([1 / wide, 1 / high, 1]) @ found.matrix @ np.diag([broad, tall, 1])
    return tuple(float(one) for one in (matrix / matrix[2, 2]).ravel())


def _view(picture: bytes) -> View:
    import numpy as np
    from PIL import Image

    from dedupe_core.features import View

    with Image.open(io.BytesIO(picture)) as image:
        return View(np.asarray(image.convert("RGB")))
