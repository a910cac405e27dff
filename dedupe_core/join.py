"""All pairs of vectors above a cosine, exactly: every pair is excluded by a bound that holds, or looked at in full.

    for found in within(vectors, 0.95):
        found.a, found.b, found.similarity

Turn the space by an orthonormal basis Q and split every unit vector into its head (the first coordinates) and its tail
(the rest). Then, by Cauchy and Schwarz,

    a · b <= head(a) · head(b) + |tail(a)| |tail(b)|

for any Q; the eigenvectors of the second moments make the tails short. The right side is a dot product of a few dozen
numbers instead of hundreds, it can be taken in reduced precision when what rounding took away is added to it, and the
few pairs that reach the threshold are computed again from the vectors themselves. Where the vectors differ in few
directions, many tiles of pairs are left out before that (`nearness.py`).

In memory beside the vectors: the bound (24 to 400 numbers a vector), one tile a thread, and the pairs of a few tiles.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedupe_core import bounds
from dedupe_core.bounds import Floats, Kernel, basis_of, chosen_kernel, kernel_of, lengths_of, ranges
from dedupe_core.engine import Engine, EngineError
from dedupe_core.nearness import boxes_of

_CHECKED = 16_384
_KEPT = 1_000_000
"""Pairs that wait before they are thinned to the nearest of each vector."""
_BORDER = 1e-4
"""float32 may be wrong by less than this; pairs so near the threshold are computed in float64."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs a < b of places in the matrix with their cosine (float32)."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    similarity: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.a)


def within(
    vectors: Floats, threshold: float, since: int = 0, threads: int | None = None, kernel: str = "auto"
) -> Iterator[Matches]:
    """Every pair a < b, b >= `since`, of (n, d) vectors whose cosine is at least `threshold`, each once, in pieces.

    `kernel`: "numpy" (float32), "torch" (bfloat16 on this machine's processor), "cuda", or "auto": torch where it is
    loaded already or worth loading, a CUDA device where there is one. Raises `ValueError` for vectors that have no
    direction or are no numbers, and for thresholds outside (-1, 1].
    """
    if vectors.ndim != 2:
        raise ValueError(f"Vectors must be of shape (n, d), not {vectors.shape}.")
    if not -1 < threshold <= 1:
        raise ValueError(f"A threshold of cosine lies in (-1, 1], not {threshold}.")
    if len(vectors) < 2 or since >= len(vectors):
        return
    lengths = lengths_of(vectors)
    chosen = chosen_kernel(kernel, len(vectors), since)
    basis, width = basis_of(vectors, lengths, threshold)
    ours = chosen in ("numpy", "torch")
    boxes = boxes_of(vectors, lengths, basis, threshold, since) if ours else None
    places = None if boxes is None else boxes.places
    search = kernel_of(vectors, lengths, basis, width, threshold, chosen, places)
    tiles = _tiles(len(vectors), since, 1 if ours else 8) if boxes is None else boxes.tiles(since)
    check = functools.partial(_checked, vectors, lengths, threshold, places)
    if chosen == "torch":
        yield from _threaded(tiles, search, check, threads)
    else:
        yield from _serial(tiles, search, check)


def between(left: Floats, right: Floats, threshold: float, kernel: str = "auto") -> Iterator[Matches]:
    """Every pair (a in `left`, b in `right`) with a cosine of at least `threshold`: an import against its base. Pairs
    inside one of the two are not computed."""
    stacked = np.concatenate([left, right])
    lengths = lengths_of(stacked)
    basis, width = basis_of(stacked, lengths, threshold)
    search = kernel_of(stacked, lengths, basis, width, threshold, "numpy" if kernel == "auto" else kernel)
    for panel in ranges(len(left), len(stacked), bounds.PANEL):
        for rows in ranges(0, len(left), bounds.ROWS):
            found = _checked(stacked, lengths, threshold, None, rows, panel, search(rows, panel))
            if len(found):
                yield Matches(found.a, found.b - len(left), found.similarity)


def spread(vectors: Floats, threshold: float, engine: Engine, tile: int = 16_384) -> Iterator[Matches]:
    """The pairs of `within`, from tiles that the workers of an engine compute: for vectors that one machine joins too
    slowly. Each tile carries its vectors (float16). Raises `ValueError` as `within` does, and `EngineError` when a tile
    cannot be computed anywhere: a join with holes is none."""
    halves = np.ascontiguousarray(vectors, np.float16) if vectors.dtype != np.float16 else vectors
    lengths_of(halves)
    tiles = (
        (_Tile(rows.start, panel.start, halves[rows.start : rows.stop], halves[panel.start : panel.stop], threshold),)
        for panel in ranges(0, len(halves), tile)
        for rows in ranges(0, panel.stop, tile)
    )
    for outcome in engine.map(tile_pairs, tiles):
        if outcome.value is None:
            raise EngineError(f"A part of the join failed: {outcome.error}")
        yield from outcome.value


class _Tile(NamedTuple):
    row: int
    column: int
    left: Floats
    right: Floats
    threshold: float


def tile_pairs(tile: _Tile) -> list[Matches]:
    """What a worker does with one tile."""
    if tile.row == tile.column:
        parts = within(tile.left, tile.threshold, kernel="numpy")
    else:
        parts = between(tile.left, tile.right, tile.threshold, kernel="numpy")
    return [Matches(part.a + tile.row, part.b + tile.column, part.similarity) for part in parts]


def nearest(
    vectors: Floats,
    most: int,
    threshold: float,
    since: int = 0,
    kernel: str = "auto",
    found: Iterable[Matches] | None = None,
) -> Matches:
    """For each vector its `most` nearest among those within the threshold: a pair stays when it is among the nearest
    of one of its two. Memory grows with the vectors, not with the pairs. Equal cosines go by place. `found` are the
    pairs where somebody else computes them (`spread`)."""
    parts: list[Matches] = []
    waiting, allowed = 0, max(_KEPT, 4 * most * len(vectors))
    for part in within(vectors, threshold, since, kernel=kernel) if found is None else found:
        parts.append(part)
        waiting += len(part)
        if waiting > allowed:
            parts = [_thinned(parts, most)]
            waiting = len(parts[0])
    return _thinned(parts, most)


def similarities(vectors: Floats, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosines of chosen pairs in float64."""
    left, right = vectors[a].astype(np.float64), vectors[b].astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right))
    cosines: NDArray[np.float64] = np.einsum("ij,ij->i", left, right) / lengths
    return cosines


def _thinned(parts: list[Matches], most: int) -> Matches:
    a = np.concatenate([np.empty(0, np.int64), *(part.a for part in parts)])
    b = np.concatenate([np.empty(0, np.int64), *(part.b for part in parts)])
    similarity = np.concatenate([np.empty(0, np.float32), *(part.similarity for part in parts)])
    own, other = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.lexsort((other, -np.concatenate([similarity, similarity]), own))
    ordered = own[order]
    rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    stays = np.zeros(len(a), np.bool_)
    stays[order[rank < most] % max(len(a), 1)] = True
    order = np.flatnonzero(stays)
    order = order[np.lexsort((b[order], a[order]))]
    return Matches(a[order], b[order], similarity[order])


def _tiles(count: int, since: int, scale: int = 1) -> Iterator[tuple[range, range]]:
    for panel in ranges(since, count, bounds.PANEL * scale):
        for rows in ranges(0, panel.stop, bounds.ROWS * scale):
            yield rows, panel


Tiles = Iterable[tuple[range, range]]
Check = Callable[[range, range, tuple[NDArray[np.int64], NDArray[np.int64]]], Matches]


def _serial(tiles: Tiles, kernel: Kernel, check: Check) -> Iterator[Matches]:
    for rows, panel in tiles:
        found = check(rows, panel, kernel(rows, panel))
        if len(found):
            yield found


def _threaded(tiles: Tiles, kernel: Kernel, check: Check, threads: int | None) -> Iterator[Matches]:
    """Tiles side by side, each on one core, in the order of the tiles."""
    import torch

    def task(rows: range, panel: range) -> Matches:
        return check(rows, panel, kernel(rows, panel))

    workers = threads or os.cpu_count() or 1
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[Matches]] = deque()
            for rows, panel in tiles:
                waiting.append(pool.submit(task, rows, panel))
                if len(waiting) > 4 * workers and len(found := waiting.popleft().result()):
                    yield found
            while waiting:
                if len(found := waiting.popleft().result()):
                    yield found
    finally:
        torch.set_num_threads(before)


def _checked(
    vectors: Floats,
    lengths: NDArray[np.float64],
    threshold: float,
    places: NDArray[np.int64] | None,
    rows: range,
    panel: range,
    survivors: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Matches:
    """The survivors of one tile computed from the vectors themselves. `places`: which vector stands at a position."""
    row, column = survivors
    a, b = row + rows.start, column + panel.start
    once = a < b
    a, b = a[once], b[once]
    if places is not None:
        a, b = np.minimum(places[a], places[b]), np.maximum(places[a], places[b])
    parts = [
        _exactly(vectors, lengths, threshold, a[part.start : part.stop], b[part.start : part.stop])
        for part in ranges(0, len(a), _CHECKED)
    ]
    keep = np.concatenate([np.empty(0, np.float64), *parts])
    true = keep >= threshold
    return Matches(a[true], b[true], keep[true].astype(np.float32))


def _exactly(
    vectors: Floats, lengths: NDArray[np.float64], threshold: float, a: NDArray[np.int64], b: NDArray[np.int64]
) -> NDArray[np.float64]:
    single = np.einsum("ij,ij->i", vectors[a].astype(np.float32, copy=False), vectors[b].astype(np.float32, copy=False))
    found: NDArray[np.float64] = single.astype(np.float64) / (lengths[a] * lengths[b])
    unsure = np.flatnonzero(np.abs(found - threshold) < _BORDER)
    found[unsure] = similarities(vectors, a[unsure], b[unsure])
    return found
