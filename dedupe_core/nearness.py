"""An order in which vectors that are near each other lie together, so that the join leaves out whole tiles.

For unit vectors a · b >= t means |a - b|² <= 2 - 2t, and along orthonormal axes two vectors are never further apart
than they are as a whole. So the vectors are put into boxes (strips along the axis in which they differ most, cut along
the second), each as long as the rows of a tile, and of two boxes whose gaps add up to more than that no pair is looked
at. Where the variance of directions falls as that of trained models does, half of all pairs are left out at 100,000;
where all directions are alike nothing could be, and the order stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedupe_core import bounds
from dedupe_core.bounds import Floats, ranges

_AXES = 8
_SAMPLE = 1024
_WORTH = 0.9
"""Boxes pay when they leave out a tenth of all pairs."""
_FEWEST = 8
"""Boxes below which there is nothing to leave out."""
_SLACK = 2e-4
"""What float32 may take from the gap between two sums of up to 4,096 products that add up to one."""


class Boxes(NamedTuple):
    """`places` (n,) int64: which vector stands at each position. `starts` (k + 1,): where each box begins and the last
    one ends. `low`, `high` (k, axes) float64: its sides. `reach`: the square of how far two vectors may be apart."""

    places: NDArray[np.int64]
    starts: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    reach: float

    def tiles(self, since: int) -> Iterator[tuple[range, range]]:
        """(rows, panel) of positions such that every pair of positions a < b, b >= `since`, whose vectors may be near
        enough lies in one tile, and no pair of two boxes in more than one."""
        first = int(np.searchsorted(self.starts, since))
        for box in range(len(self.low)):
            rows = range(int(self.starts[box]), int(self.starts[box + 1]))
            for run in _runs(self._near(box, max(box, first)) + max(box, first)):
                panel = range(int(self.starts[run[0]]), int(self.starts[run[-1] + 1]))
                for part in ranges(panel.start, panel.stop, bounds.PANEL):
                    yield rows, part

    def share(self, since: int) -> float:
        """Of all pairs of boxes, how many have to be looked at."""
        first = int(np.searchsorted(self.starts, since))
        near = sum(len(self._near(box, max(box, first))) for box in range(len(self.low)))
        return near / sum(len(self.low) - max(box, first) for box in range(len(self.low)))

    def _near(self, box: int, start: int) -> NDArray[np.int64]:
        """Offsets from `start` of the boxes that are near enough."""
        gaps = np.maximum(self.low[start:] - self.high[box], self.low[box] - self.high[start:]) - _SLACK
        return np.flatnonzero(np.square(np.maximum(gaps, 0.0)).sum(axis=1) <= self.reach)


def boxes_of(
    vectors: Floats, lengths: NDArray[np.float64], basis: NDArray[np.float64], threshold: float, since: int
) -> Boxes | None:
    """The boxes of vectors before `since` and of those from it on, or None where they would not pay."""
    if len(vectors) < _FEWEST * bounds.ROWS:
        return None
    reach = 2.0 - 2.0 * threshold + 1e-9
    axes = _telling(vectors, lengths, basis, reach)
    if axes is None:
        return None
    coordinates = _along(vectors, lengths, axes)
    if not np.isfinite(coordinates).all():
        return None
    leaves = [*_leaves(coordinates, 0, since), *_leaves(coordinates, since, len(vectors))]
    starts = np.cumsum([0, *map(len, leaves)])
    sides = [coordinates[leaf] for leaf in leaves]
    low = np.array([side.min(axis=0) for side in sides], np.float64)
    high = np.array([side.max(axis=0) for side in sides], np.float64)
    boxes = Boxes(np.concatenate(leaves), starts, low, high, reach)
    return boxes if boxes.share(since) < _WORTH else None


def _telling(
    vectors: Floats, lengths: NDArray[np.float64], basis: NDArray[np.float64], reach: float
) -> NDArray[np.float32] | None:
    """The axes of the basis in which a sample differs most, (d, axes); None where they hardly tell pairs apart."""
    draw = np.random.default_rng(len(vectors))
    some = draw.permutation(len(vectors))[:_SAMPLE]
    sample = bounds.unit(vectors, lengths, some.astype(np.int64)) @ basis
    most = np.argsort(-sample.var(axis=0), kind="stable")[:_AXES]
    left, right = np.array_split(sample[:, most], 2)
    apart = np.square(left[: len(right)] - right[: len(left)]).sum(axis=1)
    return np.ascontiguousarray(basis[:, most], np.float32) if (apart <= reach).mean() < _WORTH else None


def _along(vectors: Floats, lengths: NDArray[np.float64], axes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, axes) float32: where each unit vector lies along the axes."""
    out = np.empty((len(vectors), axes.shape[1]), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(vectors), 8192):
            block = vectors[start : start + 8192].astype(np.float32, copy=False)
            out[start : start + 8192] = (block @ axes) / lengths[start : start + 8192, None]
    return out


def _leaves(coordinates: NDArray[np.float32], start: int, stop: int) -> Iterator[NDArray[np.int64]]:
    """The places from `start` to `stop` in boxes of `bounds.ROWS`: strips along the first axis, each cut along the
    second, about as many boxes in a strip as there are strips."""
    order = start + np.argsort(coordinates[start:stop, 0], kind="stable")
    strip = max(1, round((len(order) / bounds.ROWS) ** 0.5)) * bounds.ROWS
    for some in ranges(0, len(order), strip):
        places = order[some.start : some.stop]
        places = places[np.argsort(coordinates[places, 1], kind="stable")]
        yield from (places[part.start : part.stop] for part in ranges(0, len(places), bounds.ROWS))


def _runs(numbers: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Ascending numbers in runs without a gap."""
    if len(numbers):
        yield from np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
