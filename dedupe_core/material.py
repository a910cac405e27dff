"""What grouping works on, gathered from the store once: the photos that may belong together, and what joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.base import PROTECTED
from dedupe_core.model import Edge, Evidence, Judge, NoFeedback, Photo
from dedupe_core.places import is_protected
from dedupe_core.relate import Facts
from dedupe_core.rounds import close_by_hash, facts_of
from dedupe_core.store import Store
from dedupe_core.store.codec import encode_name
from dedupe_core.verify import RECIPE

Measured = Callable[[str, str], Evidence | None]


def nothing_measured(a: str, b: str) -> Evidence | None:
    """For callers without a cache of measurements."""
    del a, b
    return None


@dataclass(frozen=True, slots=True)
class Material:
    """`photos` by row; `pixels`: classes of signature rows with equal pixel digests; `edges` between signature rows;
    `aliased`: pairs of rows that are one photo reached by two ways. `measured(a, b)` tells what a comparison of two
    contents found, also where it led to no edge; None when they were never compared. `put_away`: by content, the
    other contents that were put away for its sake."""

    photos: Mapping[int, Photo]
    edges: Sequence[Edge] = ()
    pixels: Sequence[Sequence[int]] = ()
    aliased: Sequence[tuple[int, int]] = ()
    measured: Measured = nothing_measured
    put_away: Mapping[str, Sequence[str]] = field(default_factory=dict)


def gather(store: Store, edges: Sequence[Edge], copy_distance: int) -> Material:
    """Everything of the store that these edges, equal bytes and equal pixels touch, and nothing else."""
    pixels = store.signatures.same_pixels()
    signatures = {row for edge in edges for row in (edge.a, edge.b)}.union(*pixels)
    rows = {row for exact in store.assets.exact() for row in exact}
    rows.update(row for found in store.assets.rows_by_signature(sorted(signatures)).values() for row in found)
    photos = store.assets.photos(sorted(rows))
    assumed = _Assumed(photos.values(), copy_distance)

    def measured(a: str, b: str) -> Evidence | None:
        return store.evidence.get(a, b, RECIPE) or assumed(a, b)

    return Material(photos, edges, pixels, store.assets.aliased(), measured, put_away_for(store))


class _Assumed:
    """What stands for a measurement between two contents that `Rounds` left open as settled. The same as asking it,
    and fast enough to be asked of every two in a group of a thousand."""

    def __init__(self, photos: Iterable[Photo], copy_distance: int) -> None:
        self.copy_distance = copy_distance
        self.photos = {photo.content: photo for photo in photos if photo.signature and photo.signature.phashes}
        self.known: dict[str, tuple[Facts, list[int]]] = {}

    def __call__(self, a: str, b: str) -> Evidence | None:
        if a not in self.photos or b not in self.photos:
            return None
        (ours, hashes), (theirs, turned) = self._of(a), self._of(b)
        distance, symmetry = min(((hashes[0] ^ other).bit_count(), turn) for turn, other in enumerate(turned))
        if not close_by_hash(ours, theirs, distance, self.copy_distance):
            return None
        return Evidence(distance=distance, symmetry=symmetry, assumed=True)

    def _of(self, content: str) -> tuple[Facts, list[int]]:
        if content not in self.known:
            photo = self.photos[content]
            hashes = photo.signature.phashes if photo.signature else b""
            words = [int.from_bytes(hashes[turn : turn + 32], "big") for turn in range(0, 256, 32)]
            self.known[content] = (facts_of([photo]), words)
        return self.known[content]


def put_away_for(store: Store) -> dict[str, tuple[str, ...]]:
    """By the content that stays, the other contents that plans put away for its sake and that did not come back."""
    found: dict[str, dict[str, None]] = {}
    for row in store.plans.all():
        states = store.plans.states(row["id"])
        plan = store.plans.get(row["id"]) if states else None
        for step in plan.steps if plan else ():
            entry = states.get(step.number)
            if entry is not None and entry.state in ("done", "undo_failed") and step.content != step.keeper_content:
                found.setdefault(step.keeper_content, {})[step.content] = None
    return {content: tuple(others) for content, others in found.items()}


def taking_part(material: Material, protected: Sequence[str]) -> dict[int, Photo]:
    """The readable photos, each physical photo once. Of the ways by which one photo is reached the first in the order
    of source and key stands for all; when one of them is protected, it is too."""
    photos = {row: photo for row, photo in material.photos.items() if photo.content and not photo.error}
    for ways in _classes(photos, material.aliased):
        first, *others = sorted(ways, key=lambda row: _stable(photos[row]))
        if any(is_protected(photos[row].asset, protected) for row in ways):
            photos[first] = _protect(photos[first])
        for row in others:
            del photos[row]
    return photos


def weighed(edges: Iterable[Edge], by_signature: Mapping[int, Photo], judge: Judge) -> list[Edge]:
    """The edges as people's answers leave them; those between contents that are kept apart, or that are not known
    any more, are gone."""
    left = []
    for edge in edges:
        a, b = by_signature.get(edge.a), by_signature.get(edge.b)
        if a is None or b is None or judge.apart(a.content, b.content):
            continue
        found = judge.weigh(edge, a, b)
        if found is not None:
            left.append(found)
    return left


def says_nothing(judge: Judge) -> bool:
    """Nobody answered anything yet, so that nobody need be asked about millions of pairs."""
    return type(judge) is NoFeedback


def _stable(photo: Photo) -> tuple[bytes, bytes]:
    return encode_name(photo.asset.id.source), encode_name(photo.asset.id.key)


def _protect(photo: Photo) -> Photo:
    return replace(photo, asset=replace(photo.asset, flags=photo.asset.flags | {PROTECTED}))


def _classes(photos: Mapping[int, Photo], pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Rows joined by alias pairs, directly or by way of others."""
    of: dict[int, set[int]] = {}
    for a, b in pairs:
        if a in photos and b in photos and of.setdefault(a, {a}) is not of.setdefault(b, {b}):
            merged = of[a] | of[b]
            of.update(dict.fromkeys(merged, merged))
    return list({id(rows): rows for rows in of.values()}.values())
