"""The pairs that candidates left open: inside a component of edges every two contents are measured too, because only
what was measured on each other may share a group of copies.

The symmetry to try comes from the way between the two: if a is b turned and b is c mirrored, then
a is c turned and mirrored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from connectors.base import Connector
from dedupe_core import hamming
from dedupe_core.engine import Engine
from dedupe_core.features import turned
from dedupe_core.model import Edge, Pair, Progress
from dedupe_core.rounds import Known, close_by_hash, known_contents
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.verify import measured_edges

LARGEST = 120
"""Contents in one component of which every pair is measured: 7,140 pairs. A larger one keeps what candidates found; its
groups are smaller than they might be, and never wrong."""

_INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)
_MARKED = np.arange(4, dtype=np.uint8).reshape(2, 2)
_COMPOSED = tuple(
    tuple(
        next(k for k in range(8) if np.array_equal(turned(_MARKED, k), turned(turned(_MARKED, inner), outer)))
        for inner in range(8)
    )
    for outer in range(8)
)


def close(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    edges: Sequence[Edge],
    settings: Settings,
    progress: Progress,
) -> Iterator[Edge]:
    """The edges among pairs that no candidate proposed, inside each component of `near` and `similar` edges."""
    pairs = list(_open_pairs(store, settings, [edge for edge in edges if edge.relation in ("near", "similar")]))
    progress.stage("comparing the rest of each group", len(pairs))
    yield from measured_edges(store, connectors, engine, pairs, settings, progress)


def _open_pairs(store: Store, settings: Settings, edges: Sequence[Edge]) -> Iterator[Pair]:
    joined: dict[int, dict[int, int]] = {}
    for edge in edges:
        joined.setdefault(edge.a, {})[edge.b] = edge.evidence.symmetry
        joined.setdefault(edge.b, {})[edge.a] = _INVERSE[edge.evidence.symmetry]
    seen: set[int] = set()
    for row in sorted(joined):
        if row not in seen:
            turns = _turns(row, joined)
            seen |= turns.keys()
            if 2 < len(turns) <= LARGEST:
                yield from _missing(store, settings, turns, joined)


def _turns(root: int, joined: Mapping[int, Mapping[int, int]]) -> dict[int, int]:
    """The component of `root`: for each content the symmetry that turns it onto the root."""
    found = {root: 0}
    waiting = deque([root])
    while waiting:
        here = waiting.popleft()
        for there, symmetry in sorted(joined[here].items()):
            if there not in found:
                found[there] = _COMPOSED[found[here]][symmetry]
                waiting.append(there)
    return found


def _missing(
    store: Store, settings: Settings, turns: Mapping[int, int], joined: Mapping[int, Mapping[int, int]]
) -> Iterator[Pair]:
    known = known_contents(store, sorted(turns))
    rows = sorted(row for row in known if known[row].photo.signature is not None)
    open_pairs = [(a, b) for a, b in combinations(rows, 2) if b not in joined[a]]
    if not open_pairs:
        return
    order = {row: place for place, row in enumerate(rows)}
    hashes = np.stack([_hashes(known[row]) for row in rows])
    at = np.asarray([[order[a], order[b]] for a, b in open_pairs], np.int64)
    distances, _ = hamming.distances(hashes, at[:, 0], at[:, 1])
    for (a, b), distance in zip(open_pairs, distances.tolist(), strict=True):
        if not close_by_hash(known[a].facts, known[b].facts, distance, settings.near.copy_distance):
            yield Pair(a, b, distance, _COMPOSED[_INVERSE[turns[a]]][turns[b]], "closure")


def _hashes(known: Known) -> NDArray[np.uint8]:
    signature = known.photo.signature
    return np.frombuffer(signature.phashes if signature else bytes(256), np.uint8).reshape(8, 32)
