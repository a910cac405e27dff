"""The pairs that candidates left open: inside a component of edges each content is measured against those that lead it,
because nothing is put away for a photo that it was not laid on.

The symmetry to try comes from the way between the two.
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
from dedupe_core.model import Edge, Pair, Progress
from dedupe_core.rounds import Known, Rounds, close_by_hash, known_contents
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.symmetry import COMPOSED, INVERSE
from dedupe_core.verify import measured_edges

LARGEST = 400
"""Contents in one component up to which it is completed. A larger one keeps what candidates found; its groups are
smaller than they might be, and never wrong."""


def close(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    edges: Sequence[Edge],
    settings: Settings,
    progress: Progress,
) -> Iterator[Edge]:
    """The edges among pairs that no candidate proposed, inside each component of `near` and `similar` edges."""
    joining = [edge for edge in edges if edge.relation in ("near", "similar")]
    pairs = list(_open_pairs(store, settings, joining))
    progress.stage("comparing the rest of each group", None)
    rounds = Rounds(
        pairs, known_contents(store, {row for pair in pairs for row in (pair.a, pair.b)}), settings, joining
    )
    while wave := rounds.next():
        found = list(measured_edges(store, connectors, engine, wave, settings, progress))
        rounds.learn(found)
        yield from found


def _open_pairs(store: Store, settings: Settings, edges: Sequence[Edge]) -> Iterator[Pair]:
    joined: dict[int, dict[int, int]] = {}
    for edge in edges:
        joined.setdefault(edge.a, {})[edge.b] = edge.evidence.symmetry
        joined.setdefault(edge.b, {})[edge.a] = INVERSE[edge.evidence.symmetry]
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
                found[there] = COMPOSED[found[here]][symmetry]
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
            yield Pair(a, b, distance, COMPOSED[INVERSE[turns[a]]][turns[b]], "closure")


def _hashes(known: Known) -> NDArray[np.uint8]:
    signature = known.photo.signature
    return np.frombuffer(signature.phashes if signature else bytes(256), np.uint8).reshape(8, 32)
