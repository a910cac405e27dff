"""What belongs together in the demo's gallery, and how well a grouping finds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from dedupe_core.model import RELATIONS, Relation

Expected = Literal["exact", "pixels", "near", "marked", "series", "apart", "stranger"]

_COUNTS_AS: Mapping[Expected, frozenset[Relation]] = {
    "exact": frozenset({"exact"}),
    "pixels": frozenset({"pixels"}),
    "near": frozenset({"near"}),
    "series": frozenset({"series", "similar"}),
}
_TRUE_AS: Mapping[Relation, frozenset[Expected]] = {
    "exact": frozenset({"exact"}),
    "pixels": frozenset({"exact", "pixels"}),
    "near": frozenset({"exact", "pixels", "near"}),
    "similar": frozenset({"exact", "pixels", "near", "marked", "series", "apart"}),
    "series": frozenset({"exact", "pixels", "near", "marked", "series"}),
}


@dataclass(frozen=True, slots=True)
class Made:
    """One file of the gallery. `scene` is what stands before the camera, `shot` one press of the shutter, `pixels`
    names the decoded pixels, `digest` the bytes. `role`: photo, marked (something is printed on it), part or broken."""

    path: str
    scene: str
    shot: str
    pixels: str
    digest: str
    role: str = "photo"


@dataclass(frozen=True, slots=True)
class Found:
    """A group as the measurement needs it; paths are those of `Made`."""

    relation: Relation
    keep: str
    drop: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One relation's figures: pairs expected, those of them found, pairs claimed, those of them true."""

    relation: Relation
    expected: int
    found: int
    claimed: int
    true: int

    @property
    def recall(self) -> float:
        """Share of what is there that was found; 1 when nothing is there."""
        return self.found / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """Share of what was claimed that is true; 1 when nothing was claimed."""
        return self.true / self.claimed if self.claimed else 1.0


@dataclass(frozen=True, slots=True)
class Score:
    """The whole measurement. `strangers` counts the pairs that are not the same picture, look-alikes and marked copies
    included; `wrong_drops` are (goes, stays) pairs of these."""

    figures: tuple[Figure, ...]
    wrong_drops: tuple[tuple[str, str], ...]
    missed: tuple[tuple[str, str, Expected], ...]
    false: tuple[tuple[str, str, Relation], ...]
    strangers: int


def expected(a: Made, b: Made) -> Expected:
    """How two photos of the gallery are related."""
    if a.digest == b.digest:
        return "exact"
    if a.scene != b.scene:
        return "stranger"
    if a.shot != b.shot:
        return "series" if a.scene == "burst" else "apart"
    if (a.role == "marked") != (b.role == "marked"):
        return "marked"
    return "pixels" if a.pixels == b.pixels else "near"


def score(made: Iterable[Made], groups: Sequence[Found]) -> Score:
    """Compare groups with the truth. A pair counts under the strongest relation that joins it; companions and broken
    files are no photos, so a group that shows one as a photo of its own is a false pair."""
    by_path = {item.path: item for item in made}
    joined = _joined(groups)
    photos = [item for item in by_path.values() if item.role in ("photo", "marked")]
    wanted = {_pair(a.path, b.path): expected(a, b) for a, b in combinations(photos, 2)}
    figures = tuple(_figure(relation, wanted, joined) for relation in RELATIONS)
    return Score(
        figures,
        tuple(
            (victim, group.keep)
            for group in groups
            for victim in group.drop
            if wanted.get(_pair(victim, group.keep)) not in _TRUE_AS["near"]
        ),
        tuple((*pair, want) for pair, want in sorted(wanted.items()) if _missing(want, joined.get(pair))),
        tuple((*pair, rel) for pair, rel in sorted(joined.items()) if wanted.get(pair) not in _TRUE_AS[rel]),
        sum(want in ("marked", "apart", "stranger") for want in wanted.values()),
    )


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


def _joined(groups: Iterable[Found]) -> dict[tuple[str, str], Relation]:
    """Pairs with the strongest relation that joins them. A group of equal bytes or pixels stands for all its members in
    the weaker ones, as a person sees it: the copy of a copy needs no group of its own."""
    joined: dict[tuple[str, str], Relation] = {}
    same: dict[str, set[str]] = {}
    for group in sorted(groups, key=lambda group: RELATIONS.index(group.relation)):
        members = {twin for path in (group.keep, *group.drop, *group.members) for twin in same.get(path, {path})}
        for pair in combinations(sorted(members), 2):
            joined.setdefault(pair, group.relation)
        if group.relation in ("exact", "pixels"):
            same |= dict.fromkeys(members, members)
    return joined


def _missing(want: Expected, relation: Relation | None) -> bool:
    return want in _COUNTS_AS and relation not in _COUNTS_AS[want]


def _figure(
    relation: Relation,
    wanted: Mapping[tuple[str, str], Expected],
    joined: Mapping[tuple[str, str], Relation],
) -> Figure:
    there = [pair for pair, want in wanted.items() if want == relation]
    claimed = [pair for pair, found in joined.items() if found == relation]
    return Figure(
        relation,
        len(there),
        sum(not _missing(wanted[pair], joined.get(pair)) for pair in there),
        len(claimed),
        sum(wanted.get(pair) in _TRUE_AS[relation] for pair in claimed),
    )
