"""The pairs that grouping still wants measured: the likely keeper of each group against those that may go for its sake.

Verification spares the squares of large groups: copies of one picture that their hashes call alike are not laid on each
other. But who stays is chosen by rules that verification does not know, and nothing is dropped for a keeper that it was
not compared with. So the keeper of each group is compared with all of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dedupe_core.keep import choose, rank
from dedupe_core.material import Material, gather
from dedupe_core.model import Edge, Group, Pair, Photo
from dedupe_core.settings import Settings
from dedupe_core.store import Store


def keepers_open(store: Store, edges: Sequence[Edge], settings: Settings) -> list[Pair]:
    """Pairs of a group's likely keeper and a photo of it that were only assumed to be copies; none when all are
    measured. Measure them, add their edges, and ask again: their sizes and views may make another one the keeper."""
    near = [edge for edge in edges if edge.relation == "near"]
    return wanted(gather(store, near, settings.near.copy_distance), settings) if near else []


def wanted(material: Material, settings: Settings) -> list[Pair]:
    """The same of material at hand, whose edges are all `near`."""
    return _Circles(material, settings).open_pairs()


class _Circles:
    """Around each leader its copies, and their copies as far as hashes call them its own. All by signature row."""

    def __init__(self, material: Material, settings: Settings) -> None:
        self.settings = settings
        self.measured = material.measured
        self.photos: dict[int, Photo] = {}
        for photo in sorted(material.photos.values(), key=lambda photo: photo.asset.id, reverse=True):
            if photo.signature_row is not None and not photo.error:
                self.photos[photo.signature_row] = photo
        self.joined: dict[int, dict[int, Edge]] = {}
        for edge in material.edges:
            if edge.a in self.photos and edge.b in self.photos:
                self.joined.setdefault(edge.a, {})[edge.b] = edge
                self.joined.setdefault(edge.b, {})[edge.a] = edge
        self.taken: set[int] = set()

    def open_pairs(self) -> list[Pair]:
        """For each circle its keeper against all of it, as far as nothing was measured."""
        found: list[Pair] = []
        for seed in self._ranked():
            if seed not in self.taken:
                keeper = self._keeper(self._around(seed))
                circle = self._around(keeper)
                found += [pair for other in circle if (pair := self._open(keeper, other)) is not None]
                self.taken.update(circle, (seed,))
        return found

    def _ranked(self) -> list[int]:
        rows = {self.photos[signature].row: signature for signature in self.joined}
        edges = [edge for a, others in self.joined.items() for edge in others.values() if edge.a == a]
        known = {row: self.photos[signature] for row, signature in rows.items()}
        order = rank(known, edges, self.settings.keeping, self.settings.planning.protected)
        return [rows[row] for row in order]

    def _around(self, leader: int) -> list[int]:
        near = set(self.joined[leader])
        second = set().union(*(self.joined[signature] for signature in near)) - near - {leader}
        alike = {signature for signature in second if self._assumed(leader, signature)}
        return [leader, *sorted((near | alike) - self.taken)]

    def _keeper(self, circle: Sequence[int]) -> int:
        if len(circle) == 1:
            return circle[0]
        rows = {self.photos[signature].row: signature for signature in circle}
        inside = set(circle)
        edges = [edge for a in circle for b, edge in self.joined[a].items() if edge.a == a and b in inside]
        group = Group("", "near", tuple(sorted(rows)), tuple(edges))
        photos = {row: self.photos[signature] for row, signature in rows.items()}
        return rows[choose(group, photos, self.settings.keeping, self.settings.planning.protected).keep]

    def _assumed(self, a: int, b: int) -> bool:
        found = self.measured(self.photos[a].content, self.photos[b].content)
        return found is not None and found.assumed

    def _open(self, keeper: int, other: int) -> Pair | None:
        if keeper == other or other in self.joined[keeper]:
            return None
        a, b = sorted((keeper, other))
        found = self.measured(self.photos[a].content, self.photos[b].content)
        return Pair(a, b, found.distance, found.symmetry, "closure") if found is not None and found.assumed else None
