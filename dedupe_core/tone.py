"""How an edit changed the look of a whole picture: its brightness and contrast, its colours, its detail, its grain.

`difference` explains all of this away, because every copy may do it; here it is what is measured. Only what is changed
everywhere in the same way counts: one curve of brightness and one mix of colours are fitted over the shared field
without the quarter that fits worst, so that neither the errors of a hard compression nor a sticker pass for an edit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from dedupe_core.homography import Overlay

_CELLS = 24
_FEWEST_CELLS = 20
_FIELDS = 16
_FEWEST_FIELDS = 8
_LEAST_COVERED = 0.05
_EDGE = 4  # pixels from the edge of the shared field, where a warp sees what is beyond it
_FINEST = 1.0  # sigma in pixels: below it, resampling and compression change more than a mild blur does
_BURNT, _BLACK = 247, 8
_DAMPING = 1e-6
_STEPS = 4  # of a grey level, in which responses are kept
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_TO_DEVIATION = math.sqrt(math.pi / 2) / 6
"""Mean absolute response of the mask above to the deviation of the noise below it (Immerkær 1996)."""

Table = NDArray[np.float64]
Plane = NDArray[np.float32]
Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Change:
    """`tone`: how far the curve of brightness that leads from one to the other is from leaving all as it is, in grey
    levels (root of the mean square); `colour`: the same of the mix of colours, in levels of the two colour differences;
    `detail`: absolute log of the ratio of gradient energies, 0 for equally sharp pictures; `grain`: deviation in grey
    levels of the noise that b has beyond a where both are smoothest, negative when a has more, None where all is burnt
    out. The first three are the same both ways round."""

    tone: float
    colour: float
    detail: float
    grain: float | None = None


def change(pair: Overlay) -> Change | None:
    """The change between the two pictures of an overlay in colour; None when too little of it is covered."""
    if pair.covered.mean() < _LEAST_COVERED:
        return None
    covered = pair.covered.astype(np.uint8)
    cells = cv2.resize(covered * 255, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) == 255
    around = np.ones((2 * _EDGE + 1, 2 * _EDGE + 1), np.uint8)
    inside = np.ascontiguousarray(cv2.erode(np.pad(covered, 1), around, borderValue=0)[1:-1, 1:-1], np.uint8)
    if cells.sum() < _FEWEST_CELLS or not inside.any():
        return None
    a, b = (_planes(picture, cells) for picture in (pair.base, pair.warped))
    ways = (_led(a, b), _led(b, a))
    tone, colour = (float(np.mean([way[place] for way in ways])) for place in (0, 1))
    grays = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (pair.base, pair.warped)]
    grain = _grain(grays[::-1] if pair.swapped else grays, inside)
    return Change(round(tone, 2), round(colour, 2), round(_detail(grays, inside), 3), grain)


def _planes(picture: Gray, cells: NDArray[np.bool_]) -> Table:
    """Luma, blueness and redness (n, 3) of the cells that count."""
    mean = cv2.resize(picture, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)[cells].astype(np.float64)
    luma = mean @ np.array([0.299, 0.587, 0.114])
    return np.stack([luma, mean[:, 2] - luma, mean[:, 0] - luma], axis=1)


def _led(a: Table, b: Table) -> tuple[float, float]:
    """How far from a itself the curve and the mix lie that lead from a to b: of brightness, of colour."""
    one, luma = np.ones(len(a)), a[:, 0] / 128 - 1
    curve = _fitted(np.c_[one, luma, luma**2], b[:, :1])
    mix = _fitted(np.c_[one, luma, a[:, 1:] / 64], b[:, 1:])
    return _length(curve - a[:, :1]), _length(mix - a[:, 1:])


def _length(moved: Table) -> float:
    return float(np.sqrt((moved**2).sum(axis=1).mean()))


def _fitted(known: Table, wanted: Table) -> Table:
    """The least squares of the wanted columns, fitted again without the quarter that fits worst."""
    guess = known @ _solved(known, wanted)
    rest = np.abs(wanted - guess).sum(axis=1)
    good = rest <= np.partition(rest, len(rest) * 3 // 4)[len(rest) * 3 // 4]
    return known @ _solved(known[good], wanted[good])


def _solved(known: Table, wanted: Table) -> Table:
    damped = known.T @ known + np.eye(known.shape[1]) * len(known) * _DAMPING
    return np.asarray(np.linalg.solve(damped, known.T @ wanted))


def _detail(grays: list[Gray], inside: Gray) -> float:
    """As a share of the variance, so that a change of contrast is no change of detail."""
    one, other = (_energy(cv2.GaussianBlur(gray, (0, 0), _FINEST), inside) for gray in grays)
    return float(abs(np.log(one / other)))


def _energy(gray: MatLike, inside: Gray) -> float:
    across, down = cv2.spatialGradient(gray)
    total = cv2.norm(across, cv2.NORM_L2SQR, inside) + cv2.norm(down, cv2.NORM_L2SQR, inside)
    deviation = float(cv2.meanStdDev(gray, mask=inside)[1][0, 0])
    return total / float(cv2.countNonZero(inside)) / (deviation**2 + 1.0) + 1e-3


def _grain(grays: list[Gray], inside: Gray) -> float | None:
    clear = inside * 255
    for gray in grays:
        clear[(gray < _BLACK) | (gray > _BURNT)] = 0
    some = _fields(clear) > 0.9 * 255
    if some.sum() < _FEWEST_FIELDS:
        return None
    one, other = (
        _fields(cv2.convertScaleAbs(cv2.filter2D(gray, cv2.CV_16S, _LAPLACIAN), alpha=_STEPS))[some] for gray in grays
    )
    smooth = np.argsort(np.minimum(one, other), kind="stable")[: max(_FEWEST_FIELDS // 2, len(one) // 4)]
    more = float((other[smooth] ** 2).mean() - (one[smooth] ** 2).mean())
    return round(math.copysign(math.sqrt(abs(more)), more) * _TO_DEVIATION / _STEPS, 2)


def _fields(plane: MatLike) -> Plane:
    """Means of 16 × 16 fields of a picture (h, w) uint8; by whole pixels first, which is faster."""
    quarter = plane.shape[1] // 4, plane.shape[0] // 4
    even = cv2.resize(plane[: quarter[1] * 4, : quarter[0] * 4], quarter, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(even.astype(np.float32), (_FIELDS, _FIELDS), interpolation=cv2.INTER_AREA))
