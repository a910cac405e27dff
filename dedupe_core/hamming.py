"""All pairs of 256-bit perceptual hashes within a radius, under the eight symmetries of the square, missing none.

A hash is 16×16 signs of cosine coefficients: row u is the vertical, column v the horizontal frequency. Mirroring a
picture flips the sign of every odd column (or row); turning it transposes as well. Split the signs into the four parity
classes of (u, v), 64 each, and let s0 (even, even), s1 (even, odd), s2 (odd, even), s3 (odd, odd) be half the scalar
products of two hashes inside the classes. A mirrored class has the product -s, so the nearest of the four mirrorings is
at

    128 - max(s0 + s3 + |s1 + s2|, s0 - s3 + |s1 - s2|).

The same with one hash transposed gives the other four. Transposing maps the classes 0 and 3 onto themselves: there the
symmetric and the antisymmetric halves of both hashes give s = sym + anti and the transposed one s' = sym - anti at the
price of one product (36 + 28 terms). In all 384 terms a pair do what the eight hashes one by one do with 2,048.

They come from matrix products of small integers. Three photos share one float32 column (weights 1, 2^8, 2^16); an
offset makes each sum a number in 0..64, and a constant 2^23 puts the three sums into the three low bytes of the float's
mantissa. All partial sums are integers below 2^24, hence exact in any order of summation.

*Nothing is missed.* The stored hash s of photo j is thresholded at its own median, so it differs in some bits from the
exact image g_s(y_j) of one common word y_j (the vote of its eight hashes). Let e_j be the largest such difference.
g_s is an isometry, so by the triangle inequality d(x_i, h_js) <= r implies d(x_i, g_s(y_j)) <= r + e_j. All pairs
within r + e_j are found by the formula above, and then compared with the stored hashes themselves.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SYMMETRY_COUNT = 8
_LANES = 3  # photos that share one float32 column
_WEIGHTS = np.array([1, 1 << 8, 1 << 16], np.float32)
_OFFSET, _BIAS = 32, 1 << 23
_ROWS, _COLUMNS = 60, 64  # one matrix product: small enough that BLAS starts no threads of its own beside ours
_BLOCK_ROWS = 4 * _ROWS
_GROUPS = 4  # of 64 columns, searched together: what is in the caches at a time
_GROUP = _COLUMNS * _LANES
_PANEL = 64 * _GROUP  # photos whose packed columns are in memory at a time (7 MB)
_TASK_ROWS = 8 * _BLOCK_ROWS
_CHECKED = 1 << 15  # candidates compared at a time


def _parity_class(odd_row: int, odd_column: int, transposed: bool = False) -> NDArray[np.intp]:
    """(64,) flat bit numbers of a parity class, of the hash or of its transpose."""
    u, v = np.meshgrid(np.arange(odd_row, 16, 2), np.arange(odd_column, 16, 2), indexing="ij")
    return (v * 16 + u if transposed else u * 16 + v).ravel()


def _halves() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(64, 36) and (64, 28): what makes the symmetric and the antisymmetric half of an 8×8 class, without the factor
    1/2 that all but the diagonal carry on one side."""
    p, q = np.triu_indices(8)
    symmetric = np.zeros((64, 36), np.float32)
    symmetric[p * 8 + q, np.arange(36)] = symmetric[q * 8 + p, np.arange(36)] = 1
    p, q = np.triu_indices(8, 1)
    antisymmetric = np.zeros((64, 28), np.float32)
    antisymmetric[p * 8 + q, np.arange(28)] = 1
    antisymmetric[q * 8 + p, np.arange(28)] = -1
    return symmetric, antisymmetric


_SYMMETRIC, _ANTISYMMETRIC = _halves()
_WHOLE = np.eye(64, dtype=np.float32)
_EVEN, _RIGHT, _DOWN, _ODD = (_parity_class(u, v) for u, v in ((0, 0), (0, 1), (1, 0), (1, 1)))
_LEFT_FACTORS = (
    (_EVEN, _SYMMETRIC),
    (_ODD, _SYMMETRIC),
    (_EVEN, _ANTISYMMETRIC),
    (_ODD, _ANTISYMMETRIC),
    (_RIGHT, _WHOLE),
    (_DOWN, _WHOLE),
)
_RIGHT_FACTORS = (
    *_LEFT_FACTORS,
    (_parity_class(0, 1, transposed=True), _WHOLE),
    (_parity_class(1, 0, transposed=True), _WHOLE),
)


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of row numbers `a < b` (int64) with the smallest distance (uint8) and the symmetry (uint8) that turns b
    onto a; all four of one length."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    distance: NDArray[np.uint8]
    symmetry: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.a)


def turn(bits: NDArray[np.uint8], symmetry: int) -> NDArray[np.uint8]:
    """The exact image of hashes (n, 16, 16) of 0 and 1 under a symmetry of the picture (`phash.SYMMETRIES`)."""
    odd = np.arange(16, dtype=np.uint8) % 2
    mirror = (symmetry in (2, 3, 4, 7)) * odd[None, :] ^ (symmetry in (1, 2, 5, 7)) * odd[:, None]
    turned = bits.transpose(0, 2, 1) if symmetry in (1, 3, 6, 7) else bits
    return (turned ^ mirror).astype(np.uint8)


def common_word(hashes: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For (n, 8, 32) hashes: words (n, 256) of 0 and 1 whose eight exact images lie nearest to the stored eight hashes,
    and the largest distance (n,) that remains."""
    inverse = (0, 3, 2, 1, 4, 5, 6, 7)
    stored = [np.unpackbits(hashes[:, s], axis=1).reshape(-1, 16, 16) for s in range(SYMMETRY_COUNT)]
    votes = np.zeros(stored[0].shape, np.uint8)
    for symmetry, bits in enumerate(stored):
        votes += turn(bits, inverse[symmetry])
    word = (votes > SYMMETRY_COUNT // 2).astype(np.uint8)
    apart = [(turn(word, s) ^ bits).sum(axis=(1, 2), dtype=np.uint16) for s, bits in enumerate(stored)]
    return word.reshape(-1, 256), np.minimum(np.max(apart, axis=0), 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Panel:
    """Packed columns: `first` photo; eight `factors` (groups, terms + 1, 64) float32; `limits` (groups, 1, 256) int8
    that a pair's value must reach, 127 in lanes without a photo."""

    first: int
    factors: tuple[NDArray[np.float32], ...]
    limits: NDArray[np.int8]


def _pack(hashes: NDArray[np.uint8], first: int, radius: int) -> _Panel:
    word, apart = common_word(hashes[first : first + _PANEL])
    groups = -(-len(word) // _GROUP)
    bits = np.zeros((groups * _GROUP, 256), np.float32)
    bits[: len(word)] = word
    factors = []
    for chosen, half in _RIGHT_FACTORS:
        terms = (bits[:, chosen] @ -half).reshape(groups, _COLUMNS, _LANES, -1)
        columns = np.ones((groups, half.shape[1] + 1, _COLUMNS), np.float32)
        columns[:, :-1] = np.einsum("gclk,l->gkc", terms, _WEIGHTS)
        factors.append(columns)
    reached = np.full(groups * _GROUP, 127, np.int16)
    reached[: len(word)] = np.maximum(127 - radius - apart.astype(np.int16), -128)
    limits = np.full((groups * _COLUMNS, 4), 127, np.int8)
    limits[:, :_LANES] = reached.reshape(-1, _LANES)
    return _Panel(first, tuple(factors), limits.reshape(groups, 1, _COLUMNS * 4))


def _expand(identity: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
    """Six left factors (row groups, 1, 48, terms + 1) float32 of (rows, 32) hashes. A product with bits y of 0 and 1 is
    s = (sum of signs) / 2 - signs · y; the last term is that first half with offset and bias."""
    signs = np.ones((_BLOCK_ROWS, 256), np.float32)
    signs[: len(identity)] -= 2 * np.unpackbits(identity, axis=1).astype(np.int8)
    factors = []
    for chosen, half in _LEFT_FACTORS:
        part = signs[:, chosen]
        left = np.empty((_BLOCK_ROWS, half.shape[1] + 1), np.float32)
        left[:, :-1] = part @ (half / np.abs(half).sum(axis=0))
        constant = 0 if half is _ANTISYMMETRIC else part.sum(axis=1) / 2
        left[:, -1] = (constant + _OFFSET) * float(_WEIGHTS.sum()) + _BIAS
        factors.append(left.reshape(_BLOCK_ROWS // _ROWS, 1, _ROWS, -1))
    return tuple(factors)


class _Workspace:
    """The buffers of one thread: six products and two running values of one block, as floats and as their bytes."""

    def __init__(self) -> None:
        shape = (_BLOCK_ROWS // _ROWS, _GROUPS, _ROWS, _COLUMNS)
        self.products = np.empty((6, *shape), np.float32)
        self.scratch = np.empty((2, *shape[:3], _COLUMNS * 4), np.int8)

    def search(
        self, left: tuple[NDArray[np.float32], ...], panel: _Panel, group: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row offsets in the block and column offsets in the panel of every pair that reaches the panel's limits."""
        limits = panel.limits[group : group + _GROUPS]
        products = self.products[:, :, : len(limits)]
        scratch = self.scratch[:, :, : len(limits)]
        sums = products.view(np.int8)
        for number in range(4):
            np.matmul(left[number], panel.factors[number][None, group : group + _GROUPS], out=products[number])
        _butterfly(sums, scratch[0])
        for turned in range(2):
            for number in (4, 5):
                right = panel.factors[number + 2 * turned]
                np.matmul(left[number], right[None, group : group + _GROUPS], out=products[number])
            _nearest_mirror(sums[turned], sums[2 + turned], sums[4], sums[5], scratch[turned])
        best = np.maximum(scratch[0], scratch[1], out=scratch[0])
        return _located(np.flatnonzero(best >= limits), best.shape, group)


def _located(flat: NDArray[np.intp], shape: tuple[int, ...], group: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    row_group, column_group, row, byte = np.unravel_index(flat, shape)
    return row_group * _ROWS + row, (group + column_group) * _GROUP + byte // 4 * _LANES + byte % 4


def _butterfly(sums: NDArray[np.int8], scratch: NDArray[np.int8]) -> None:
    """In place: symmetric and antisymmetric products of the classes 0 and 3, each with the offset, become
    s0 + s3 - 1 and its transposed (0, 1), s0 - s3 - 1 and its transposed (2, 3). The 1 keeps the later sums in int8."""
    plus, minus, anti_plus, anti_minus = sums[:4]
    np.subtract(plus, minus, out=scratch)
    np.add(plus, minus, out=plus)
    np.subtract(plus, 2 * _OFFSET + 1, out=plus)
    np.subtract(scratch, 1, out=minus)
    np.subtract(anti_plus, anti_minus, out=scratch)
    np.add(anti_plus, anti_minus, out=anti_plus)
    np.subtract(anti_plus, 2 * _OFFSET, out=anti_plus)
    anti_minus[...] = scratch
    np.subtract(plus, anti_plus, out=scratch)
    np.add(plus, anti_plus, out=plus)
    np.add(minus, anti_minus, out=anti_plus)
    np.subtract(minus, anti_minus, out=anti_minus)
    minus[...] = scratch


def _nearest_mirror(
    total: NDArray[np.int8],
    difference: NDArray[np.int8],
    right: NDArray[np.int8],
    down: NDArray[np.int8],
    out: NDArray[np.int8],
) -> None:
    """out = max(total + |s1 + s2|, difference + |s1 - s2|); the inputs are used up."""
    np.add(right, down, out=out)
    np.subtract(out, 2 * _OFFSET, out=out)
    np.abs(out, out=out)
    np.add(out, total, out=out)
    np.subtract(right, down, out=right)
    np.abs(right, out=right)
    np.add(right, difference, out=right)
    np.maximum(out, right, out=out)


def distances(
    hashes: NDArray[np.uint8], a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Smallest distance of phashes[a, 0] to phashes[b, s] and that s, for index arrays (k,); distances above 255 read
    255."""
    words = hashes.view(np.uint64)
    distance = np.empty(len(a), np.uint8)
    symmetry = np.empty(len(a), np.uint8)
    for start in range(0, len(a), _CHECKED):
        part = slice(start, start + _CHECKED)
        each = np.bitwise_count(words[a[part], :1] ^ words[b[part]]).sum(axis=2, dtype=np.uint16)
        symmetry[part] = each.argmin(axis=1)
        distance[part] = np.minimum(each.min(axis=1), 255)
    return distance, symmetry


def _search_rows(hashes: NDArray[np.uint8], rows: range, panel: _Panel, radius: int, space: _Workspace) -> Matches:
    found_a: list[NDArray[np.int64]] = []
    found_b: list[NDArray[np.int64]] = []
    for start in range(rows.start, rows.stop, _BLOCK_ROWS):
        left = _expand(hashes[start : min(start + _BLOCK_ROWS, rows.stop), 0])
        for group in range(_first_group(start, panel.first), len(panel.limits), _GROUPS):
            row, column = space.search(left, panel, group)
            a, b = row + start, column + panel.first
            # lanes without a photo may match too: flat pictures allow every distance
            keep = (a < b) & (a < rows.stop) & (b < len(hashes))
            found_a.append(a[keep])
            found_b.append(b[keep])
    a, b = np.concatenate(found_a), np.concatenate(found_b)
    distance, symmetry = distances(hashes, a, b)
    near = distance <= radius
    return Matches(a[near], b[near], distance[near], symmetry[near])


def _first_group(row: int, first: int) -> int:
    """The first group of a panel that has a photo behind `row`."""
    return max(0, (row + 1 - first) // _GROUP)


def within(hashes: NDArray[np.uint8], radius: int, since: int = 0, threads: int | None = None) -> Iterator[Matches]:
    """Every pair a < b, b >= `since`, of (n, 8, 32) uint8 hashes whose smallest distance over the eight symmetries of b
    is at most `radius` (0..128), each once, in pieces; the same pieces in the same order whatever `threads` is.

    Time grows with n² / 2 (with n times the new rows when `since` is given), memory does not grow beyond the hashes.
    """
    if hashes.ndim != 3 or hashes.shape[1:] != (SYMMETRY_COUNT, 32) or hashes.dtype != np.uint8:
        raise ValueError(f"Hashes must be uint8 of shape (n, 8, 32), not {hashes.dtype} of {hashes.shape}.")
    if not 0 <= radius <= 128:
        raise ValueError(f"The radius must be in 0..128, not {radius}.")
    hashes = np.ascontiguousarray(hashes)
    workers = threads or os.cpu_count() or 1
    spaces = [_Workspace() for _ in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Matches]] = deque()

        def task(rows: range, panel: _Panel) -> Matches:
            space = spaces.pop()
            try:
                return _search_rows(hashes, rows, panel, radius, space)
            finally:
                spaces.append(space)

        for first in range(since, len(hashes), _PANEL):
            panel = _pack(hashes, first, radius)
            stop = min(first + _PANEL, len(hashes))
            for start in range(0, stop, _TASK_ROWS):
                waiting.append(pool.submit(task, range(start, min(start + _TASK_ROWS, stop)), panel))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
