"""The likely keeper of each group is compared with all of it.

Verification spares the squares of large groups: copies of one picture that their hashes call alike are not laid on each
other. But who stays is chosen by rules that verification does not know, and nothing is dropped for a keeper that it was
not compared with. So what is missing is measured here, once it can be said who will stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.base import Connector
from dedupe_core.engine import Engine
from dedupe_core.group import Levels
from dedupe_core.material import Material, gather
from dedupe_core.model import Edge, NoFeedback, Pair, Progress
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.symmetry import COMPOSED, INVERSE
from dedupe_core.verify import measured_edges

_FAR = 256  # bits: their hashes do not say that they are one picture
_ROUNDS = 5
"""What is measured (sizes, views) may make another one the keeper; after so many changes of mind the rest stays for
review."""


def around_keepers(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    edges: Iterable[Edge],
    settings: Settings,
    progress: Progress,
) -> list[Edge]:
    """All these edges, and those between the likely keepers and what is taken for their copies so far."""
    known = list(edges)
    asked: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        material = gather(store, known, settings.near.copy_distance)
        pairs = [pair for pair in wanted(material, settings) if (pair.a, pair.b) not in asked]
        if not pairs:
            break
        asked.update((pair.a, pair.b) for pair in pairs)
        progress.stage("comparing with the best of each group", len(pairs))
        known += measured_edges(store, connectors, engine, pairs, settings, progress)
    return known


def wanted(material: Material, settings: Settings) -> list[Pair]:
    """For each group of copies as it stands, its keeper against all of it and against the copies of its copies, as far
    as no edge tells. What was measured in an earlier run costs nothing."""
    levels = Levels(material, settings, NoFeedback())
    levels.equal_bytes()
    levels.equal_pixels(material.pixels)
    return _Circles(levels, material).open_pairs()


class _Circles:
    """Around each keeper its copies, and their copies. All by signature row."""

    def __init__(self, levels: Levels, material: Material) -> None:
        self.measured = material.measured
        self.told = {frozenset((edge.a, edge.b)) for edge in material.edges}
        self.joined: dict[int, dict[int, Edge]] = {}
        for edge in levels.standing("near"):
            self.joined.setdefault(edge.a, {})[edge.b] = edge
            self.joined.setdefault(edge.b, {})[edge.a] = edge
        self.content = {row: photo.content for row, photo in levels.shown_by.items()}
        signature = {row: photo.signature_row for row, photo in levels.photos.items()}
        self.groups = [
            (signature[choice.keep], [signature[row] for row in choice.group.members]) for choice in levels.near()
        ]

    def open_pairs(self) -> list[Pair]:
        """Each keeper with its copies and their copies, where the two were never laid on each other."""
        found: dict[tuple[int, int], Pair] = {}
        for keeper, members in self.groups:
            circle = {other for member in members if member is not None for other in self.joined.get(member, {})}
            for other in sorted(circle.union(member for member in members if member is not None)):
                pair = None if keeper is None else self._open(keeper, other)
                if pair is not None:
                    found[pair.a, pair.b] = pair
        return [found[rows] for rows in sorted(found)]

    def _open(self, keeper: int, other: int) -> Pair | None:
        a, b = sorted((keeper, other))
        if a == b or frozenset((a, b)) in self.told:
            return None
        found = self.measured(self.content[a], self.content[b])
        if found is None:
            return Pair(a, b, _FAR, self._by_way_of_another(a, b), "closure")
        return Pair(a, b, found.distance, found.symmetry, "closure")

    def _by_way_of_another(self, a: int, b: int) -> int:
        """The symmetry that turns b onto a, by the strongest of those that both are copies of."""
        ours, theirs = self.joined.get(a, {}), self.joined.get(b, {})
        between = sorted(ours.keys() & theirs.keys(), key=lambda row: (-ours[row].score, row))
        if not between:
            return 0
        middle = between[0]
        return COMPOSED[_turn(ours[middle], a)][_turn(theirs[middle], middle)]


def _turn(edge: Edge, first: int) -> int:
    """The symmetry that turns the other end of an edge onto `first`."""
    return edge.evidence.symmetry if edge.a == first else INVERSE[edge.evidence.symmetry]
