"""One picture, prepared to be laid on another: grey pixels at two sizes and its ORB features.

The numbers are those of the measured pair check: long side 500 px for the features (an eighth of most cameras'
pictures; smaller ones are enlarged at most 1.6 times), CLAHE (2.0, 8×8), ORB with 1,500 features, scale 1.2, 8 levels,
patch 31, edge 12, FAST threshold 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

COARSE_EDGE = 500
FINE_EDGE = 1024
_MOST_ENLARGED = 1.6

Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Features:
    """Key points (k, 2) float32 in pixels of the coarse picture and their descriptors (k, 32) uint8."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


@dataclass(slots=True)
class View:
    """A picture as verification sees it. `colour` is upright RGB (h, w, 3) with a long side of 500, or of 1,024 for the
    fine check; `fine` the same in grey; `coarse` grey with a long side of 500. Features are computed when they are
    first asked for, because most copies need none."""

    colour: Gray
    fine: Gray = field(init=False)
    coarse: Gray = field(init=False)
    _features: Features | None = field(init=False, default=None)
    _turned: dict[int, View] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.colour.ndim == 2:
            self.colour = np.repeat(self.colour[:, :, None], 3, axis=2)
        self.fine = np.asarray(cv2.cvtColor(self.colour, cv2.COLOR_RGB2GRAY), np.uint8)
        self.coarse = _resized(self.fine, COARSE_EDGE)

    @property
    def features(self) -> Features:
        """ORB features of the coarse picture."""
        if self._features is None:
            self._features = _detect(self.coarse)
        return self._features

    def turned(self, symmetry: int) -> View:
        """The picture after a symmetry of `phash.SYMMETRIES`."""
        if symmetry == 0:
            return self
        if symmetry not in self._turned:
            self._turned[symmetry] = View(turned(self.colour, symmetry))
        return self._turned[symmetry]


def turned(picture: Gray, symmetry: int) -> Gray:
    """The pixels after PIL's transposition of that index (rotations are anticlockwise)."""
    result = picture
    if symmetry in (6, 7):
        result = result.swapaxes(0, 1)
    if symmetry in (1, 3):
        result = np.rot90(result, symmetry)
    if symmetry in (2, 4, 7):
        result = result[:, ::-1]
    if symmetry in (2, 5, 7):
        result = result[::-1]
    return np.ascontiguousarray(result)


def _resized(picture: Gray, edge: int) -> Gray:
    height, width = picture.shape
    scale = min(edge / max(height, width), _MOST_ENLARGED)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    if size == (width, height):
        return picture
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _detect(picture: Gray) -> Features:
    even = cv2.createCLAHE(2.0, (8, 8)).apply(picture)
    detector = cv2.ORB.create(1500, 1.2, 8, 12, 0, 2, cv2.ORB_HARRIS_SCORE, 31, 6)
    points, descriptors = detector.detectAndCompute(even, None)
    if descriptors is None or not len(points):
        return Features(np.empty((0, 2), np.float32), np.empty((0, 32), np.uint8))
    # OpenCV counts from the middle of the first pixel, we from its edge
    return Features(
        np.asarray(cv2.KeyPoint.convert(points)).astype(np.float32) + 0.5, np.asarray(descriptors, np.uint8)
    )
