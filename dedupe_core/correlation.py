"""How far two aligned pictures agree, block by block: normalised cross-correlation, which no change of brightness or
contrast moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dedupe_core.homography import Overlay
from dedupe_core.model import FEWEST_BLOCKS

AGREEING = 0.8
READABLE, AGREEING_UNREAD = 700, 0.95
_STEADY, _PROMISING = 0.4, 0.7
_ENOUGH_BLOCKS = 16


@dataclass(frozen=True, slots=True)
class Agreement:
    """Correlations (k,) float64 of the usable blocks; above `agreeing` a block counts as agreeing."""

    values: NDArray[np.float64]
    agreeing: float = AGREEING

    @property
    def blocks(self) -> int:
        """How many blocks had enough in them to be compared."""
        return len(self.values)

    @property
    def median(self) -> float:
        """Half of the blocks agree better than this; 0 with fewer than four blocks, which prove nothing."""
        return float(np.median(self.values)) if self.blocks >= FEWEST_BLOCKS else 0.0

    @property
    def p10(self) -> float:
        """Nine in ten blocks agree better than this; 0 with fewer than four blocks."""
        return float(np.percentile(self.values, 10)) if self.blocks >= FEWEST_BLOCKS else 0.0

    @property
    def share(self) -> float:
        """The share of blocks that agree."""
        return float((self.values > self.agreeing).mean()) if self.blocks else 0.0


def coarse_agreement(pair: Overlay) -> Agreement:
    """8×8 blocks, Gaussian sigma 2; blocks less than 80 % covered or flat (both deviations under 3) do not count. A
    vignette is no disagreement: where the worst blocks fail, they are compared without their slow part, too."""
    a, b = (_blurred(x.astype(np.float32), 2.0) for x in (pair.base, pair.warped))
    plain = _agreement(a, b, pair.covered, 8, 0.8, 3.0)
    if plain.p10 >= _STEADY or plain.median < _PROMISING:
        return plain
    slow = max(3.0, max(a.shape) / 24)
    a, b = (x - _blurred(x, slow) for x in (a, b))
    steady = _agreement(a, b, pair.covered, 8, 0.8, 3.0)
    return steady if steady.blocks >= _ENOUGH_BLOCKS and steady.p10 > plain.p10 else plain


def fine_agreement(pair: Overlay) -> Agreement:
    """16×16 blocks, sigma 1.2; blocks less than 95 % covered or flat (both deviations under 6) do not count.

    A page of text that is too small to be read looks like any other: below 700 pixels, blocks of other texts reach 0.8
    in up to 85 of 100 and 0.95 in up to 50, blocks of copies reach 0.95 in at least 88 (measured on pages, receipts and
    chats at half, a quarter and a seventh of their size)."""
    a, b = (_blurred(x.astype(np.float32), 1.2) for x in (pair.base, pair.warped))
    found = _agreement(a, b, pair.covered, 16, 0.95, 6.0)
    return found if max(a.shape) >= READABLE else Agreement(found.values, AGREEING_UNREAD)


def _blurred(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def _agreement(
    a: NDArray[np.float32], b: NDArray[np.float32], inside: NDArray[np.bool_], grid: int, covered: float, flat: float
) -> Agreement:
    mask = inside.astype(np.float32)
    count = np.maximum(_sums(mask, grid), 1.0)
    mean_a, mean_b = _sums(a * mask, grid) / count, _sums(b * mask, grid) / count
    var_a = np.maximum(_sums(a * a * mask, grid) / count - mean_a**2, 0)
    var_b = np.maximum(_sums(b * b * mask, grid) / count - mean_b**2, 0)
    covariance = _sums(a * b * mask, grid) / count - mean_a * mean_b
    usable = (count >= covered * _sums(np.ones_like(mask), grid)) & (np.sqrt(np.maximum(var_a, var_b)) >= flat)
    # a block that is flat in one picture only is a disagreement, not a division by zero
    values = covariance / np.sqrt(np.maximum(var_a * var_b, 1e-6))
    return Agreement(np.clip(values[usable], -1.0, 1.0))


def _sums(values: NDArray[np.float32], grid: int) -> NDArray[np.float64]:
    rows = np.linspace(0, values.shape[0], grid + 1).astype(int)[:-1]
    columns = np.linspace(0, values.shape[1], grid + 1).astype(int)[:-1]
    return np.add.reduceat(np.add.reduceat(values.astype(np.float64), rows, axis=0), columns, axis=1)
