"""Candidates: which two contents are worth being laid on each other. A proposal is never a decision.

The search by hash is exact, but not all that it finds is worth a look, and what is left out is counted:

- Flat pictures and documents lie near each other by the thousand, and hashes prove nothing of them: each proposes its
  `FLAT_NEIGHBOURS` nearest.
- Far hashes (beyond `FAR`) are chance in a large library: of unrelated pictures 1e-6 lie within 86 and 1e-9 within 72
  bits, under each of eight symmetries (docs/how-it-decides.md). The radius shrinks until chance proposes half a pair a
  photo, and each photo proposes its `FAR_NEIGHBOURS` nearest of these.
- A crowd of near hashes (one meme a thousand times) proposes the `CROWD` nearest of each.

Shots of one camera within the seconds of a series are proposed whatever their hashes say, as are files of equal length
and size of picture taken at one moment: one may be the damaged twin of the other. So are contents that share a digest
which alone proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from dedupe_core import hamming
from dedupe_core.model import Origin, Pair, Progress
from dedupe_core.relate import DOCUMENT_BIN, FLAT_GRADIENT, FLAT_LUMA_SD
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.searches import Searched

FLAT_NEIGHBOURS = 24
FAR_NEIGHBOURS = 24
CROWD = 200
TIME_NEIGHBOURS = 12
FAR = 72
_SAYS_A_TURN = 110
_CHANCE = 0.5
_PRUNED_AT = 4_000_000
_MOST_GONE = 0.01
_ORIGINS: tuple[Origin, ...] = ("hash", "time", "twin")


@dataclass(frozen=True, slots=True)
class Proposals:
    """Pairs of signature rows, each once, in the order of the rows; 16 bytes a pair until they are asked for.
    `left_out` counts what the search found beyond the bounds above."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    distance: NDArray[np.uint8]
    symmetry: NDArray[np.uint8]
    origin: NDArray[np.uint8]
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.a)

    def __iter__(self) -> Iterator[Pair]:
        columns = (self.a, self.b, self.distance, self.symmetry, self.origin)
        for start in range(0, len(self.a), 4096):
            part = (column[start : start + 4096].tolist() for column in columns)
            for a, b, distance, symmetry, origin in zip(*part, strict=True):
                yield Pair(a, b, distance, symmetry, _ORIGINS[origin])


def neighbours(store: Store, settings: Settings, progress: Progress, since: int = 0) -> Proposals:
    """Every pair worth a look. With `since`, only pairs with a signature row of at least that number."""
    rows, hashes = store.signatures.matrix()
    progress.stage("searching", len(rows))
    matches, left_out = _searched(store, rows, hashes, settings.near.candidate_distance)
    first = int(np.searchsorted(rows, since))
    known = [_table(matches.a, matches.b, matches.distance, matches.symmetry, 0)]
    if "series" in settings.levels:
        known.append(_by_rows(rows, hashes, _close_in_time(store, settings.series.seconds), 1))
    twins = chain(store.signatures.of_equal_length(), store.digests.weak_pairs())
    known.append(_by_rows(rows, hashes, twins, 2))
    progress.advance(len(rows))
    return _proposals(rows, np.concatenate(known), first, left_out)


def _searched(
    store: Store, rows: NDArray[np.int64], hashes: NDArray[np.uint8], radius: int
) -> tuple[hamming.Matches, int]:
    """What lies near each other by hash, as places in the matrix, and how much was left out. What an earlier search
    found among the same hashes is taken from it: only what is new is compared with all."""
    flat = store.signatures.flat(FLAT_LUMA_SD, FLAT_GRADIENT, DOCUMENT_BIN)
    kept = _Kept(np.isin(rows, np.fromiter(flat, np.int64, len(flat))), reach(len(rows), radius))
    marks = _marks(hashes)
    earlier = store.searches.last(radius)
    first = 0 if earlier is None else _known_before(earlier, rows, marks)
    if earlier is not None and first:
        kept.take_over(earlier, rows[:first])
    for found in hamming.within(hashes, radius, first):
        kept.add(found)
    matches = kept.all()
    if first < len(rows):
        columns = (rows[matches.a], rows[matches.b], matches.distance, matches.symmetry)
        with store.transaction():
            store.searches.put(radius, Searched(rows, marks, *columns, kept.left_out))
    return matches, kept.left_out


def _marks(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """One number (n,) for the eight hashes of each row: another one when any of them is another."""
    words = np.ascontiguousarray(hashes).reshape(len(hashes), 256).view(np.uint64)
    weights = np.random.default_rng(0).integers(1, 2**63, words.shape[1], np.uint64) | np.uint64(1)
    return np.asarray((words * weights).sum(axis=1, dtype=np.uint64))


def _known_before(earlier: Searched, rows: NDArray[np.int64], marks: NDArray[np.uint64]) -> int:
    """How many of the first rows took part in the earlier search with the same hashes. None count when many of its rows
    are gone: what they displaced among the nearest would stay hidden."""
    gone = len(earlier.rows) - int(np.isin(earlier.rows, rows).sum())
    if gone > len(earlier.rows) * _MOST_GONE:
        return 0
    places = np.minimum(np.searchsorted(earlier.rows, rows), max(len(earlier.rows) - 1, 0))
    if not len(earlier.rows):
        return 0
    known = (earlier.rows[places] == rows) & (earlier.marks[places] == marks)
    return int(len(rows) if known.all() else np.argmin(known))


def reach(count: int, radius: int) -> int:
    """The radius up to which chance proposes at most half a pair a photo in a library of `count` photos: 90 at 9,000,
    85 at 100,000, 80 at a million. Never under `FAR`."""
    allowed = _CHANCE / (hamming.SYMMETRY_COUNT * max(count, 1))
    by_chance = 86 + (math.log10(allowed) + 6) * (86 - 72) / 3
    return min(radius, max(FAR, math.floor(by_chance)))


@dataclass(slots=True)
class _Kept:
    """Matches as they come, pruned whenever there are many: memory grows with the photos, not with the pairs."""

    is_flat: NDArray[np.bool_]
    reach: int
    left_out: int = 0
    parts: list[hamming.Matches] = field(default_factory=list)
    waiting: int = 0

    def add(self, found: hamming.Matches) -> None:
        """Take what lies within reach."""
        near = found.distance <= self.reach
        self.left_out += int(len(found) - near.sum())
        self.parts.append(_chosen(found, near))
        self.waiting += int(near.sum())
        if self.waiting > _PRUNED_AT:
            self.parts = [self.all()]
            self.waiting = 0

    def take_over(self, earlier: Searched, rows: NDArray[np.int64]) -> None:
        """Take what an earlier search kept among these rows, the first of the matrix."""
        there = np.isin(earlier.a, rows) & np.isin(earlier.b, rows)
        a, b = (np.searchsorted(rows, column[there]) for column in (earlier.a, earlier.b))
        self.parts.append(hamming.Matches(a, b, earlier.distance[there], earlier.symmetry[there]))
        self.left_out += earlier.left_out

    def all(self) -> hamming.Matches:
        """What stays of everything so far."""
        found = _joined(self.parts)
        flat = self.is_flat[found.a] | self.is_flat[found.b]
        far = ~flat & (found.distance > FAR)
        stays = np.zeros(len(found), np.bool_)
        for kind, most in ((flat, FLAT_NEIGHBOURS), (far, FAR_NEIGHBOURS), (~flat & ~far, CROWD)):
            stays[kind] = _nearest(_chosen(found, kind), most)
        self.left_out += int(len(found) - stays.sum())
        return _chosen(found, stays)


def _nearest(found: hamming.Matches, most: int) -> NDArray[np.bool_]:
    """Which pairs are among the `most` nearest of one of their two; equal distances go by row."""
    stays = np.zeros(len(found), np.bool_)
    for one, other in ((found.a, found.b), (found.b, found.a)):
        order = np.lexsort((other, found.distance, one))
        ordered = one[order]
        starts = np.r_[0, np.flatnonzero(np.diff(ordered)) + 1]
        begin = np.repeat(starts, np.diff(np.r_[starts, len(ordered)])) if len(ordered) else starts[:0]
        stays[order] |= np.arange(len(ordered)) - begin < most
    return stays


def _chosen(found: hamming.Matches, which: NDArray[np.bool_]) -> hamming.Matches:
    return hamming.Matches(found.a[which], found.b[which], found.distance[which], found.symmetry[which])


def _joined(parts: list[hamming.Matches]) -> hamming.Matches:
    return hamming.Matches(
        np.concatenate([np.empty(0, np.int64), *(part.a for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.b for part in parts)]),
        np.concatenate([np.empty(0, np.uint8), *(part.distance for part in parts)]),
        np.concatenate([np.empty(0, np.uint8), *(part.symmetry for part in parts)]),
    )


def _table(
    a: NDArray[np.int64], b: NDArray[np.int64], distance: NDArray[np.uint8], symmetry: NDArray[np.uint8], origin: int
) -> NDArray[np.int64]:
    """(k, 5): places a < b in the matrix, distance, symmetry, origin."""
    return np.stack([a, b, distance.astype(np.int64), symmetry.astype(np.int64), np.full(len(a), origin)], axis=1)


def _by_rows(
    rows: NDArray[np.int64], hashes: NDArray[np.uint8], pairs: Iterable[tuple[int, int]], origin: int
) -> NDArray[np.int64]:
    """The table of pairs that no hash proposed. Beyond 110 bits the symmetry is chance, so none is taken."""
    found = np.asarray(sorted({(min(pair), max(pair)) for pair in pairs}), np.int64).reshape(-1, 2)
    places = np.searchsorted(rows, found)
    distance, symmetry = hamming.distances(hashes, places[:, 0], places[:, 1])
    return _table(places[:, 0], places[:, 1], distance, np.where(distance <= _SAYS_A_TURN, symmetry, 0), origin)


def _proposals(rows: NDArray[np.int64], table: NDArray[np.int64], first: int, left_out: int) -> Proposals:
    """Each pair once, under its first origin."""
    order = np.lexsort((table[:, 4], table[:, 1], table[:, 0]))
    table = table[order]
    fresh = np.r_[True, (np.diff(table[:, :2], axis=0) != 0).any(axis=1)][: len(table)] & (table[:, 1] >= first)
    a, b, distance, symmetry, origin = table[fresh].T
    distance, symmetry, origin = (column.astype(np.uint8) for column in (distance, symmetry, origin))
    return Proposals(rows[a], rows[b], distance, symmetry, origin, left_out)


def _close_in_time(store: Store, seconds: float) -> Iterator[tuple[int, int]]:
    before: list[tuple[int, str, float]] = []
    for row, camera, taken in store.signatures.timeline():
        before = [shot for shot in before if shot[1] == camera and taken - shot[2] <= seconds][-TIME_NEIGHBOURS:]
        yield from ((shot[0], row) for shot in before)
        before.append((row, camera, taken))
