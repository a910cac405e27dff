"""Which of the proposed pairs are measured, and in which order: a crowd of copies costs a line and no square."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dedupe_core import hamming
from dedupe_core.keep import rank
from dedupe_core.model import Edge, Evidence, Pair, Photo
from dedupe_core.relate import DOCUMENT_BIN, FLAT_GRADIENT, FLAT_LUMA_SD, Facts, timing
from dedupe_core.settings import Settings
from dedupe_core.store import Store

WITNESSES = 2
"""Other copies of its leader that a copy is measured against when hashes do not say that the two are one picture."""


@dataclass(frozen=True, slots=True)
class Known:
    """One place of a content, and the facts of the content."""

    photo: Photo
    facts: Facts


class Rounds:
    """Waves of pairs. In each, every content that outranks its open neighbours leads: it is measured against all of
    them. Its copies follow it and lead nobody; the others lead later waves among themselves. Between a copy of a leader
    and one that the leader is only like, nothing is asked: who stays is asked of both, and that is what counts.

    Last come the copies whose hashes are far from their leader's: each is measured against a few of its other copies,
    so that a mistake finds no friends."""

    def __init__(
        self, pairs: Iterable[Pair], known: Mapping[int, Known], settings: Settings, told: Sequence[Edge] | None = None
    ) -> None:
        """`told`: what is known already, when the pairs are only what that left open; then whatever a leader says of
        one settles it for the leader's copies, too."""
        self.known = known
        self.settings = settings
        self.closing = told is not None
        self.open: dict[tuple[int, int], Pair] = {}
        self.near: dict[int, set[int]] = {}
        for pair in pairs:
            if pair.a in known and pair.b in known:
                self.open[pair.a, pair.b] = pair
                self.near.setdefault(pair.a, set()).add(pair.b)
                self.near.setdefault(pair.b, set()).add(pair.a)
        self.told: dict[int, list[Edge]] = {}
        self.around = {row: set(others) for row, others in self.near.items()}
        for edge in told or ():
            if edge.a in self.near and edge.b in self.near:
                for row, other in ((edge.a, edge.b), (edge.b, edge.a)):
                    self.told.setdefault(row, []).append(edge)
                    self.around[row].add(other)
        ranked = _ranked({row: known[row].photo for row in self.near}, told or (), settings)
        self.place = {row: place for place, row in enumerate(ranked)}
        self.waiting = dict.fromkeys(ranked)
        self.leader: dict[int, int] = {}
        self.beside: dict[int, set[int]] = {}
        self.ended = False

    def next(self) -> list[Pair]:
        """The next pairs to measure; none when all is settled."""
        while self.waiting:
            leaders = [row for row in self.waiting if not any(self._outranks(other, row) for other in self.around[row])]
            for row in leaders:
                del self.waiting[row]
                self.learn(self.told.get(row, ()))
            wave = [pair for row in leaders for pair in self._take(row)]
            if wave:
                return wave
        if self.ended:
            return []
        self.ended = True
        return list(self._witnesses())

    def learn(self, edges: Iterable[Edge]) -> None:
        """Copies of a leader follow it and lead nobody; what is only like it stands beside it."""
        for edge in edges:
            for leader, other in ((edge.a, edge.b), (edge.b, edge.a)):
                if other not in self.waiting or leader in self.waiting or leader in self.leader:
                    continue
                if edge.relation in ("near", "pixels"):
                    self.leader[other] = leader
                    del self.waiting[other]
                else:
                    self.beside.setdefault(other, set()).add(leader)

    def _outranks(self, other: int, row: int) -> bool:
        return other in self.waiting and self.place[other] < self.place[row]

    def _take(self, row: int) -> list[Pair]:
        keys = ((min(row, other), max(row, other)) for other in sorted(self.near[row]))
        taken = [self.open.pop(key) for key in keys if key in self.open]
        asked = [pair for pair in taken if not self._beside_a_copy(pair)]
        if self.closing:
            for pair in asked:
                self.beside.setdefault(pair.b if pair.a == row else pair.a, set()).add(row)
        return asked

    def _beside_a_copy(self, pair: Pair) -> bool:
        """One follows a leader that the other stands beside."""
        return any(
            self.leader.get(one) in self.beside.get(other, ()) for one, other in ((pair.a, pair.b), (pair.b, pair.a))
        )

    def _witnesses(self) -> Iterable[Pair]:
        """For each copy that its leader's hash does not confirm, the best of the leader's other copies."""
        asked: dict[int, list[tuple[int, Pair]]] = {}
        for pair in self.open.values():
            if pair.a in self.leader and self.leader[pair.a] == self.leader.get(pair.b):
                for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
                    asked.setdefault(one, []).append((self.place[other], pair))
        chosen: dict[tuple[int, int], Pair] = {}
        for row, pairs in asked.items():
            if not self._confirmed(row):
                best = sorted(pairs, key=lambda entry: entry[0])[:WITNESSES]
                chosen.update({(pair.a, pair.b): pair for _, pair in best if not self._by_hash(pair.a, pair.b)})
        return chosen.values()

    def _confirmed(self, row: int) -> bool:
        return self._by_hash(row, self.leader[row])

    def _by_hash(self, a: int, b: int) -> bool:
        return assumed(self.known[a].photo, self.known[b].photo, self.settings.near.copy_distance) is not None


def close_by_hash(a: Facts, b: Facts, distance: int, copy_distance: int) -> bool:
    """Hashes of two pictures, neither flat nor a document, are those of a copy, and their times do not speak against
    it. Enough for two copies of a third to stand beside each other; never enough to put one away."""
    return distance <= copy_distance and not (a.flat or b.flat) and timing(a, b)[0] != "differ"


def assumed(a: Photo | None, b: Photo | None, copy_distance: int) -> Evidence | None:
    """What stands for a measurement between two contents whose own hashes agree; None for any others."""
    if a is None or b is None or a.signature is None or b.signature is None:
        return None
    if not (a.signature.phashes and b.signature.phashes):
        return None
    hashes = np.stack([np.frombuffer(one.phashes, np.uint8).reshape(8, 32) for one in (a.signature, b.signature)])
    distance, symmetry = hamming.distances(hashes, np.zeros(1, np.int64), np.ones(1, np.int64))
    if not close_by_hash(facts_of([a]), facts_of([b]), int(distance[0]), copy_distance):
        return None
    return Evidence(distance=int(distance[0]), symmetry=int(symmetry[0]), assumed=True)


def _ranked(photos: Mapping[int, Photo], edges: Iterable[Edge], settings: Settings) -> list[int]:
    """Signature rows, the likeliest keeper first."""
    rows = {photo.row: signature for signature, photo in photos.items()}
    by_row = {photo.row: photo for photo in photos.values()}
    return [rows[row] for row in rank(by_row, edges, settings.keeping, settings.planning.protected)]


def known_contents(store: Store, rows: Iterable[int]) -> dict[int, Known]:
    """What relating needs, of one place of each content; times and cameras that only another place knows count too."""
    found = {}
    rows = list(rows)
    for row, places in store.assets.rows_by_signature(rows).items():
        photos = [photo for photo in store.assets.photos(places).values() if photo.signature is not None]
        if photos:
            found[row] = Known(photos[0], facts_of(photos, store.digests.weak_of(photos[0].content)))
    others = store.other_views.photos({row for row in rows if row not in found})
    return found | {row: Known(photo, facts_of([photo])) for row, photo in others.items()}


def facts_of(photos: Sequence[Photo], weak: frozenset[str] = frozenset()) -> Facts:
    """The facts of one content, from all its places. Raises `ValueError` for a content without a signature."""
    first = photos[0]
    signature = first.signature
    if signature is None or first.signature_row is None:
        raise ValueError("a photo without a signature has no facts")
    flat = (
        signature.luma_sd < FLAT_LUMA_SD or signature.gradient < FLAT_GRADIENT or signature.fullest_bin >= DOCUMENT_BIN
    )
    return Facts(
        first.signature_row,
        first.content,
        first.width,
        first.height,
        signature.format,
        next((photo.taken_at for photo in photos if photo.taken_at), None),
        next((photo.camera for photo in photos if photo.camera), ""),
        flat,
        signature.preview > 0,
        weak,
    )
