"""How an edit changed the look of a whole picture: its brightness and contrast, its colours, its detail.

`difference` explains all of this away, because every copy may do it; here it is what is measured. Local changes (a
sticker, a date stamp) hardly count: tone and colour are medians over the shared field.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dedupe_core.homography import Overlay

_CELLS = 24
_DETAIL_EDGE = 256
_LEAST_COVERED = 0.05

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Change:
    """`tone`: median difference of brightness in grey levels; `colour`: the same of the colour differences; `detail`:
    absolute log of the ratio of gradient energies, 0 for equally sharp pictures. All are the same both ways round."""

    tone: float
    colour: float
    detail: float


def change(pair: Overlay) -> Change | None:
    """The change between the two pictures of an overlay in colour; None when too little of it is covered."""
    covered = pair.covered
    if covered.mean() < _LEAST_COVERED:
        return None
    cells = cv2.resize(covered.astype(np.float32), (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) > 0.999
    if not cells.any():
        return None
    a, b = (_cells(picture)[cells] for picture in (pair.base, pair.warped))
    luma_a, luma_b = (x @ np.array([0.299, 0.587, 0.114], np.float32) for x in (a, b))
    tone = float(np.median(np.abs(luma_a - luma_b)))
    chroma = np.hypot((a[:, 2] - luma_a) - (b[:, 2] - luma_b), (a[:, 0] - luma_a) - (b[:, 0] - luma_b))
    return Change(round(tone, 2), round(float(np.median(chroma)), 2), round(_detail(pair), 3))


def _cells(picture: NDArray[np.uint8]) -> Plane:
    return np.asarray(cv2.resize(picture, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), np.float32)


def _detail(pair: Overlay) -> float:
    """Of both at one small size, as a share of the variance, so that a change of contrast is no change of detail."""
    scale = min(1.0, _DETAIL_EDGE / max(pair.covered.shape))
    inside = _sized(pair.covered.astype(np.uint8), scale, cv2.INTER_NEAREST) > 0
    inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if not inside.any():
        return 0.0
    energies = [_energy(cv2.cvtColor(_sized(p, scale), cv2.COLOR_RGB2GRAY), inside) for p in (pair.base, pair.warped)]
    return float(abs(np.log(energies[0] / energies[1])))


def _sized(picture: NDArray[np.uint8], scale: float, how: int = cv2.INTER_AREA) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _energy(luma: object, inside: NDArray[np.bool_]) -> float:
    plane = np.asarray(luma, np.float32)
    across, down = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3)
    return float((across**2 + down**2)[inside].mean() / (plane[inside].var() + 1.0) + 1e-3)
