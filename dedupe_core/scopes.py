"""Which photos may be likened to which: all of them, those of one month, folder or album, those taken within some hours
of each other, or those of different sources (an import against its base). And what need not be computed again: when
photos were only added since the last join, the new ones are joined with all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from dedupe_core import join
from dedupe_core.bounds import Floats
from dedupe_core.engine import Engine
from dedupe_core.join import Matches
from dedupe_core.settings import Embedding
from dedupe_core.store import Store
from dedupe_core.store.codec import dumps
from dedupe_core.store.embeddings import Place

Places = NDArray[np.int64]
_HOUR = 3600.0


def nearest(
    store: Store, engine: Engine, settings: Embedding, name: str, rows: Places, vectors: Floats, floor: float
) -> tuple[Matches, str]:
    """Each vector's nearest neighbours inside the scope, and a mark by which the next call knows what they cover."""
    if settings.scope != "library":
        return _scoped(store, settings, rows, vectors, floor), ""
    mark = _mark(rows, settings, floor)
    most = settings.neighbours
    if engine.spreads:
        return join.nearest(vectors, most, floor, found=join.spread(vectors, floor, engine)), mark
    covered = _covered(store.embeddings.joined(name), rows, settings, floor)
    if not covered:
        return join.nearest(vectors, most, floor), mark
    return join.nearest(vectors, most, floor, found=_added(store, name, rows, vectors, floor, covered)), mark


def _mark(rows: Places, settings: Embedding, floor: float) -> str:
    """ "COUNT DIGEST": the rows that were joined, and how. Rows are only ever added at the end."""
    how = dumps([settings.neighbours, floor])
    return f"{len(rows)} {hashlib.sha256(how.encode() + rows.tobytes()).hexdigest()}"


def _covered(joined: str, rows: Places, settings: Embedding, floor: float) -> int:
    """How many of the rows, from the first, an earlier join covers; 0 when it was another join, or one of photos that
    are gone: then their neighbours have other nearest ones."""
    count = int(joined.split(" ", 1)[0]) if joined else 0
    return count if 0 < count <= len(rows) and joined == _mark(rows[:count], settings, floor) else 0


def _added(store: Store, name: str, rows: Places, vectors: Floats, floor: float, covered: int) -> Iterator[Matches]:
    """The pairs of before, then those of the new ones. A pair that was too far for both of its photos before is too
    far now, too."""
    kept = store.embeddings.pairs(name)
    a, b = (np.array([pair[end] for pair in kept], np.int64) for end in (0, 1))
    cosines = np.array([pair[2] for pair in kept], np.float32)
    yield Matches(np.searchsorted(rows, a), np.searchsorted(rows, b), cosines)
    yield from join.within(vectors, floor, since=covered)


def _scoped(store: Store, settings: Embedding, rows: Places, vectors: Floats, floor: float) -> Matches:
    """Nearest neighbours of each part that may meet, each pair once, then the nearest of all parts."""
    places = list(store.embeddings.places())
    if settings.scope == "across":
        found = list(_across(places, rows, vectors, floor))
    elif settings.scope == "time":
        taken = _moments(places, rows)
        parts = _by_time(places, settings.hours)
        found = [
            _inside(part, rows, vectors, floor, settings.neighbours, taken, settings.hours * _HOUR) for part in parts
        ]
    else:
        parts = _by_key(places, settings.scope)
        found = [_inside(part, rows, vectors, floor, settings.neighbours) for part in parts]
    return join.nearest(vectors, settings.neighbours, floor, found=[_once(found)])


def _inside(
    part: set[int],
    rows: Places,
    vectors: Floats,
    floor: float,
    most: int,
    taken: NDArray[np.float64] | None = None,
    apart: float = 0.0,
) -> Matches:
    """The nearest inside one part; with `taken`, seconds of each row, only of those so many seconds apart."""
    here = _at(part, rows)
    own = vectors[here]
    found: Iterable[Matches] = join.within(own, floor)
    if taken is not None:
        moments = taken[here]
        found = (_chosen(one, np.abs(moments[one.a] - moments[one.b]) <= apart) for one in found)
    nearest_here = join.nearest(own, most, floor, found=found)
    return Matches(here[nearest_here.a], here[nearest_here.b], nearest_here.similarity)


def _chosen(found: Matches, which: NDArray[np.bool_]) -> Matches:
    return Matches(found.a[which], found.b[which], found.similarity[which])


def _moments(places: list[Place], rows: Places) -> NDArray[np.float64]:
    known = {place.signature: place.taken for place in places if place.taken is not None}
    return np.array([known.get(row, np.nan) for row in rows.tolist()])


def _at(part: set[int], rows: Places) -> Places:
    """Places in the matrix of those signature rows that have a vector, ascending."""
    return np.flatnonzero(np.isin(rows, np.fromiter(part, np.int64, len(part))))


def _once(found: list[Matches]) -> Matches:
    a = np.concatenate([np.empty(0, np.int64), *(part.a for part in found)])
    b = np.concatenate([np.empty(0, np.int64), *(part.b for part in found)])
    cosines = np.concatenate([np.empty(0, np.float32), *(part.similarity for part in found)])
    first = np.unique(np.stack([a, b], axis=1), axis=0, return_index=True)[1] if len(a) else np.empty(0, np.int64)
    return Matches(a[first], b[first], cosines[first])


def _by_key(places: list[Place], scope: str) -> Iterator[set[int]]:
    """Contents that share a month, a folder or an album. One that has none of it meets nobody."""
    parts: dict[tuple[str, str], set[int]] = {}
    for place in places:
        keys = {"month": (("", place.month),), "folder": ((place.source, place.folder),)}
        for key in keys.get(scope) or ((place.source, label) for label in place.labels):
            if key[1] or scope == "folder":
                parts.setdefault(key, set()).add(place.signature)
    yield from (part for part in parts.values() if len(part) > 1)


def _by_time(places: list[Place], hours: float) -> Iterator[set[int]]:
    """Windows of twice the time that overlap by half: two photos within `hours` meet in one of them."""
    width = max(hours * _HOUR, 1e-3)
    parts: dict[int, set[int]] = {}
    for place in places:
        if place.taken is not None:
            slot = int(place.taken // width)
            for window in (slot - 1, slot):
                parts.setdefault(window, set()).add(place.signature)
    yield from (part for part in parts.values() if len(part) > 1)


def _across(places: list[Place], rows: Places, vectors: Floats, floor: float) -> Iterator[Matches]:
    """Pairs of contents that lie in different sources."""
    sources: dict[str, set[int]] = {}
    for place in places:
        sources.setdefault(place.source, set()).add(place.signature)
    names = sorted(sources)
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            left, right = _at(sources[name], rows), _at(sources[other], rows)
            if len(left) and len(right):
                yield from _between(left, right, vectors, floor)


def _between(left: Places, right: Places, vectors: Floats, floor: float) -> Iterator[Matches]:
    for found in join.between(vectors[left], vectors[right], floor):
        a, b = left[found.a], right[found.b]
        yield _chosen(Matches(np.minimum(a, b), np.maximum(a, b), found.similarity), a != b)
