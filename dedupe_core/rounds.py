"""Which of the proposed pairs are measured, and in which order: a crowd of copies costs a line and no square."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dedupe_core import hamming
from dedupe_core.model import Edge, Evidence, Pair, Photo
from dedupe_core.relate import DOCUMENT_BIN, FLAT_GRADIENT, FLAT_LUMA_SD, Facts, timing
from dedupe_core.settings import Settings
from dedupe_core.store import Store


@dataclass(frozen=True, slots=True)
class Known:
    """One place of a content, and the facts of the content."""

    photo: Photo
    facts: Facts


class Rounds:
    """Waves of pairs. In each, every content that outranks its open neighbours is measured against all of them; those
    that prove to be its copies follow it. Last come the pairs that this left open and that hashes do not settle."""

    def __init__(self, pairs: Iterable[Pair], known: Mapping[int, Known], settings: Settings) -> None:
        self.known = known
        self.settings = settings
        self.open: dict[tuple[int, int], Pair] = {}
        self.near: dict[int, set[int]] = {}
        for pair in pairs:
            if pair.a in known and pair.b in known:
                self.open[pair.a, pair.b] = pair
                self.near.setdefault(pair.a, set()).add(pair.b)
                self.near.setdefault(pair.b, set()).add(pair.a)
        ranked = sorted(self.near, key=lambda row: (_worth(known[row]), -row), reverse=True)
        self.place = {row: place for place, row in enumerate(ranked)}
        self.waiting = dict.fromkeys(ranked)
        self.leader: dict[int, int] = {}
        self.ended = False

    def next(self) -> list[Pair]:
        """The next pairs to measure; none when all is settled."""
        while self.waiting:
            leaders = [row for row in self.waiting if not any(self._outranks(other, row) for other in self.near[row])]
            for row in leaders:
                del self.waiting[row]
            wave = [pair for row in leaders for pair in self._take(row)]
            if wave:
                return wave
        if self.ended:
            return []
        self.ended = True
        return [pair for pair in self.open.values() if not self._settled(pair)]

    def learn(self, edges: Iterable[Edge]) -> None:
        """Copies of a leader follow it and lead nobody."""
        for edge in edges:
            if edge.relation in ("near", "pixels"):
                for leader, other in ((edge.a, edge.b), (edge.b, edge.a)):
                    if other in self.waiting and leader not in self.waiting and leader not in self.leader:
                        self.leader[other] = leader
                        del self.waiting[other]

    def _outranks(self, other: int, row: int) -> bool:
        return other in self.waiting and self.place[other] < self.place[row]

    def _take(self, row: int) -> list[Pair]:
        keys = ((min(row, other), max(row, other)) for other in sorted(self.near[row]))
        return [self.open.pop(key) for key in keys if key in self.open]

    def _settled(self, pair: Pair) -> bool:
        """Copies of one leader whose own hashes agree too, at no different time."""
        a, b = self.known[pair.a].facts, self.known[pair.b].facts
        one_leader = pair.a in self.leader and self.leader[pair.a] == self.leader.get(pair.b)
        return one_leader and close_by_hash(a, b, pair.distance, self.settings.near.copy_distance)


def close_by_hash(a: Facts, b: Facts, distance: int, copy_distance: int) -> bool:
    """Hashes of two pictures, neither flat nor a document, are those of a copy, and their times do not speak against
    it. Enough for two copies of a third to stand beside each other; never enough to put one away."""
    return distance <= copy_distance and not (a.flat or b.flat) and timing(a, b)[0] != "differ"


def assumed(a: Photo | None, b: Photo | None, copy_distance: int) -> Evidence | None:
    """What stands for a measurement between two that `Rounds` left open as settled; None for any others."""
    if a is None or b is None or a.signature is None or b.signature is None:
        return None
    if not (a.signature.phashes and b.signature.phashes):
        return None
    hashes = np.stack([np.frombuffer(one.phashes, np.uint8).reshape(8, 32) for one in (a.signature, b.signature)])
    distance, symmetry = hamming.distances(hashes, np.zeros(1, np.int64), np.ones(1, np.int64))
    if not close_by_hash(facts_of([a]), facts_of([b]), int(distance[0]), copy_distance):
        return None
    return Evidence(distance=int(distance[0]), symmetry=int(symmetry[0]), assumed=True)


def _worth(known: Known) -> tuple[int, int, int]:
    signature = known.photo.signature
    fields = signature.exif_fields if signature else 0
    return known.facts.width * known.facts.height, fields, known.photo.asset.size


def known_contents(store: Store, rows: Iterable[int]) -> dict[int, Known]:
    """What relating needs, of one place of each content; times and cameras that only another place knows count too."""
    found = {}
    for row, places in store.assets.rows_by_signature(rows).items():
        photos = [photo for photo in store.assets.photos(places).values() if photo.signature is not None]
        if photos:
            found[row] = Known(photos[0], facts_of(photos))
    return found


def facts_of(photos: Sequence[Photo]) -> Facts:
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
    )
