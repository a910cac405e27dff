"""What vectors propose: pairs that are worth being laid on each other, and pairs that only a model finds alike.

No model's cosine means anything by itself: unrelated photos lie at 0.2 for one model and at 0.6 for another. So the
thresholds come from the library: from the cosines of random pairs follows the cosine that chance reaches once in n
pairs. Candidates are each photo's nearest neighbours above the cosine at which chance proposes half a pair a photo; all
of them go to proof. What proof does not accept is shown as `similar` above the cosine at which chance would show one
pair in two hundred photos. Both can be set to one fixed threshold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dedupe_core import hamming, join
from dedupe_core.engine import Engine
from dedupe_core.model import Edge, Evidence, Pair, Progress
from dedupe_core.neighbours import Proposals
from dedupe_core.relate import timing
from dedupe_core.rounds import known_contents
from dedupe_core.scopes import nearest
from dedupe_core.settings import Settings
from dedupe_core.store import Store

PROPOSED_BY_CHANCE, SHOWN_BY_CHANCE = 0.5, 0.005
"""Pairs a photo."""
_RANDOM_PAIRS = 500_000
_HIGHEST = 0.98
_STEP = 0.01
"""Candidates are looked for down to a multiple of this, so that a few new photos do not move the cosine and only they
have to be joined."""
_SAYS_A_TURN = 110
_NORMAL = 1.4826
"""Median absolute deviation to standard deviation, of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Likened:
    """Candidates of a model with their cosines; `shown` is the cosine from which a pair is shown without proof."""

    model: str = ""
    floor: float = 1.0
    shown: float = 1.0
    pairs: tuple[Pair, ...] = ()
    cosines: tuple[float, ...] = ()


def candidates(store: Store, engine: Engine, settings: Settings, known: Proposals, progress: Progress) -> Likened:
    """The pairs that the vectors of this run's model propose beyond what hashes proposed already. All pairs with their
    cosines are kept in the store, so that other thresholds can be counted."""
    name = store.embeddings.current()
    if not name or settings.embedding.mode == "off":
        return Likened()
    rows, vectors = store.embeddings.matrix(name)
    if len(rows) < 2:
        return Likened(name)
    progress.stage("likening", len(rows))
    floor, shown = thresholds(vectors, settings.embedding.threshold)
    if not settings.embedding.threshold:
        floor = math.floor(floor / _STEP) * _STEP
    found, joined = nearest(store, engine, settings.embedding, name, rows, vectors, floor)
    progress.advance(len(rows))
    a, b = rows[found.a], rows[found.b]
    fresh = ~np.isin(_keys(a, b), _keys(known.a, known.b))
    clear = fresh & (found.similarity >= shown)
    with store.transaction():
        pairs = zip(a.tolist(), b.tolist(), found.similarity.tolist(), strict=True)
        alone = set(zip(a[clear].tolist(), b[clear].tolist(), strict=True))
        store.embeddings.put_pairs(store.embeddings.model(name, vectors.shape[1]), pairs, floor, alone, joined)
    return Likened(
        name,
        floor,
        shown,
        tuple(_paired(store, a[fresh], b[fresh])),
        tuple(found.similarity[fresh].tolist()),
    )


def remembered(store: Store, settings: Settings) -> Likened:
    """What the last scan's model found and nothing else proposed: enough to show it again without a vector."""
    name = store.embeddings.current()
    if not name or settings.embedding.mode == "off":
        return Likened()
    kept = store.embeddings.alone(name)
    a, b = (np.array([pair[end] for pair in kept], np.int64) for end in (0, 1))
    pairs = tuple(_paired(store, a, b)) if kept else ()
    return Likened(name, shown=0.0, pairs=pairs, cosines=tuple(cosine for *_, cosine in kept))


def thresholds(vectors: NDArray[np.float16] | NDArray[np.float32], fixed: float = 0.0) -> tuple[float, float]:
    """(cosine of candidates, cosine of pairs that are shown without proof) of a library of n vectors.

    Chance reaches the first in `PROPOSED_BY_CHANCE` · n of the n² / 2 pairs. The quantile is that of a normal
    distribution with the median and the median absolute deviation of random pairs: a library half of which are copies
    moves neither, while its plain quantile would be the copies' own. Where the plain quantile is lower it counts."""
    if fixed:
        return fixed, fixed
    count = len(vectors)
    draw = np.random.default_rng(count)
    a, b = draw.integers(0, count, (2, min(_RANDOM_PAIRS, 50 * count)))
    a, b = a[a != b], b[a != b]
    parts = [join.similarities(vectors, a[at : at + 8192], b[at : at + 8192]) for at in range(0, len(a), 8192)]
    cosines = np.concatenate(parts) if parts else np.zeros(1)
    median = float(np.median(cosines))
    spread = max(_NORMAL * float(np.median(np.abs(cosines - median))), 1e-3)
    found = []
    for a_photo in (PROPOSED_BY_CHANCE, SHOWN_BY_CHANCE):
        share = min(2 * a_photo / max(count - 1, 1), 0.5)
        normal = median + NormalDist().inv_cdf(1 - share) * spread
        found.append(normal if a_photo == SHOWN_BY_CHANCE else min(normal, float(np.quantile(cosines, 1 - share))))
    return min(found[0], _HIGHEST), min(max(found), _HIGHEST)


def edges(store: Store, settings: Settings, likened: Likened, proved: Iterable[Edge]) -> Iterator[Edge]:
    """`similar` (or `series`, when one camera took both within seconds) for what only the model finds alike."""
    related = {(edge.a, edge.b) for edge in proved}
    left = [
        (pair, cosine)
        for pair, cosine in zip(likened.pairs, likened.cosines, strict=True)
        if cosine >= likened.shown and (pair.a, pair.b) not in related
    ]
    known = known_contents(store, {row for pair, _ in left for row in (pair.a, pair.b)})
    for pair, cosine in left:
        if pair.a in known and pair.b in known:
            a, b = known[pair.a].facts, known[pair.b].facts
            when, apart = timing(a, b)
            close = apart is not None and apart <= settings.series.seconds and bool(a.camera) and a.camera == b.camera
            relation = "series" if close and when == "differ" else "similar"
            if relation in settings.levels:
                told = f"a model finds them alike (cosine {cosine:.2f}); no part of one lies on the other"
                evidence = Evidence(distance=pair.distance, symmetry=pair.symmetry)
                yield Edge(pair.a, pair.b, relation, round(max(cosine, 0.0), 4), evidence, when, told)


def _keys(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number a pair."""
    keys: NDArray[np.int64] = np.minimum(a, b) * (1 << 31) + np.maximum(a, b)
    return keys


def _paired(store: Store, a: NDArray[np.int64], b: NDArray[np.int64]) -> Sequence[Pair]:
    """Pairs with the distance and the symmetry of their hashes. Beyond 110 bits the symmetry is chance."""
    rows, hashes = store.signatures.matrix()
    distance, symmetry = hamming.distances(hashes, np.searchsorted(rows, a), np.searchsorted(rows, b))
    turned = np.where(distance <= _SAYS_A_TURN, symmetry, 0)
    columns = (a.tolist(), b.tolist(), distance.tolist(), turned.tolist())
    return [Pair(one, other, bits, turn, "embedding") for one, other, bits, turn in zip(*columns, strict=True)]
