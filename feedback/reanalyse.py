"""Groups made again from what is stored, as people's answers now leave them. No photo is opened and no source asked.

Every pair that was ever compared has its evidence in the store, so another judge, or other thresholds, cost only the
grouping. What comes out can be looked at before it is kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from dedupe_core import alike, edits
from dedupe_core.group import decide
from dedupe_core.model import Choice, Edge, Judge, Photo
from dedupe_core.pipeline import compared_of, mark_of, save
from dedupe_core.relate import relate
from dedupe_core.rounds import known_contents
from dedupe_core.sentences import said
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.labels import Label
from dedupe_core.verify import RECIPE
from feedback.judge import Answers

Kind = Literal["hidden", "new", "changed"]
Rows = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Change:
    """One group that is shown no more (`after` is None), was not shown before (`before` is None), or has other members,
    another relation or other drops. `why` is a sentence."""

    kind: Kind
    before: Choice | None
    after: Choice | None
    why: str


@dataclass(frozen=True, slots=True)
class Reanalysis:
    """What other answers make of a library: the groups, what changed, and the pairs that people called the same and
    that are shown together no more (`touched`; there should be none)."""

    choices: tuple[Choice, ...]
    changes: tuple[Change, ...]
    before: int
    touched: tuple[Label, ...] = ()

    def count(self, kind: Kind) -> int:
        """How many groups changed in this way."""
        return sum(change.kind == kind for change in self.changes)

    def sentence(self) -> str:
        """ "37 groups hidden, 4 new, 2 changed, 0 of your accepted ones touched"."""
        hidden, new, changed = (self.count(kind) for kind in ("hidden", "new", "changed"))
        noun = "group" if hidden == 1 else "groups"
        return (
            f"{hidden} {noun} hidden, {new} new, {changed} changed, {len(self.touched)} of your accepted ones touched"
        )


def reanalyse(store: Store, settings: Settings, judge: Judge) -> Reanalysis:
    """What the groups would be; nothing is kept."""
    before = list(store.runs.choices())
    after = regroup(store, settings, judge)
    return Reanalysis(
        tuple(after),
        tuple(_changes(store, before, after, judge)),
        len(before),
        tuple(_touched(store, before, after)),
    )


def keep(store: Store, settings: Settings, judge: Judge, found: Reanalysis) -> int:
    """Make these groups the newest run: what is shown, and what plans are made of. The next scan may take them for its
    own only when there is nothing new to compare since the last one, and no labelled photo left to recognise."""
    latest = store.runs.latest()
    told = {} if latest is None else json.loads(latest["summary"])
    sides = store.labels.sides({side.content for one in store.labels.active() for side in (one.a, one.b)})
    complete = told.get("compared") == compared_of(store, settings) and all(side.pixels for side in sides.values())
    mark = mark_of(store, settings, judge) if complete else ""
    return save(store, mark, found.choices, {name: value for name, value in told.items() if name != "groups"})


def regroup(store: Store, settings: Settings, judge: Judge) -> list[Choice]:
    """The groups of everything that was ever compared."""
    return decide(store, list(edges_of(store, settings)), settings, judge)


def edges_of(store: Store, settings: Settings) -> Iterator[Edge]:
    """The edges that the gates make of the stored evidence now, then those that only a model proposed."""
    if not {"pixels", "near", "similar", "series"} & set(settings.levels):
        return
    proved = list(_proved(store, settings))
    yield from proved
    yield from alike.edges(store, settings, alike.remembered(store, settings), proved)
    yield from edits.remembered(store, settings)


def _proved(store: Store, settings: Settings) -> Iterator[Edge]:
    measured = list(store.evidence.all(RECIPE))
    known = known_contents(store, sorted({row for a, b, _ in measured for row in (a, b)}))
    for a, b, evidence in measured:
        if a in known and b in known:
            edge = relate(known[a].facts, known[b].facts, evidence, settings)
            if edge is not None and edge.relation in settings.levels:
                yield edge


def _changes(store: Store, before: Sequence[Choice], after: Sequence[Choice], judge: Judge) -> Iterator[Change]:
    """A group that lost its last pair is hidden, one without a pair that was shown before is new; of the rest those are
    changed that look different."""
    was, will = _together(before), _together(after)
    known = {_shape(choice) for choice in before}
    words = _Words(store, judge)
    for choice in before:
        if not any(pair in will for pair in _few(choice)):
            yield Change("hidden", choice, None, words.hidden(choice))
    for choice in after:
        earlier = Counter(id(was[pair]) for pair in _few(choice) if pair in was)
        if not earlier:
            yield Change("new", None, choice, said("why.free"))
        elif _shape(choice) not in known:
            nearest = next(was[pair] for pair in _few(choice) if pair in was)
            yield Change("changed", nearest, choice, words.changed(nearest, choice))


def _touched(store: Store, before: Sequence[Choice], after: Sequence[Choice]) -> Iterator[Label]:
    was, will = _together(before), _together(after)
    places = _places(store, [one for one in store.labels.active() if one.verdict == "same"])
    for one, rows in places:
        pairs = {(min(a, b), max(a, b)) for a in rows[0] for b in rows[1]}
        if any(pair in was for pair in pairs) and not any(pair in will for pair in pairs):
            yield one


def _places(store: Store, labels: Iterable[Label]) -> Iterator[tuple[Label, tuple[list[int], list[int]]]]:
    for one in labels:
        a, b = ([photo.row for photo in store.assets.with_content(side.content)] for side in (one.a, one.b))
        yield one, (a, b)


class _Words:
    """Why a group changed, from the judge's own reasons."""

    def __init__(self, store: Store, judge: Judge) -> None:
        self.store = store
        self.judge = judge

    def hidden(self, choice: Choice) -> str:
        """Why a group is shown no more."""
        photos = self.store.assets.photos(choice.group.members)
        kept_apart = sum(self._apart(photos, pair) for pair in _pairs(choice))
        if kept_apart:
            return said("why.apart", n=kept_apart, of=sum(1 for _ in _pairs(choice)))
        return self._unlikely(choice, photos)

    def changed(self, before: Choice, after: Choice) -> str:
        """Why a group looks different."""
        if before.group.relation != after.group.relation:
            told = next((edge.sentence for edge in after.group.edges if "you" in edge.sentence), "")
            now, was = (said(f"relation.{one.group.relation}") for one in (after, before))
            if told:
                return said("why.shown_as", now=now, before=was, why=told)
            return said("why.shown", now=now, before=was)
        photos = self.store.assets.photos({*before.group.members, *after.group.members})
        gone = set(before.group.members) - set(after.group.members)
        kept_apart = any(self._apart(photos, (row, other)) for row in gone for other in after.group.members)
        sizes = {"before": len(before.group.members), "now": len(after.group.members)}
        return said("why.members_apart" if kept_apart else "why.members", **sizes)

    def _apart(self, photos: Mapping[int, Photo], pair: Rows) -> bool:
        a, b = (photos.get(row) for row in pair)
        return a is not None and b is not None and self.judge.apart(a.content, b.content)

    def _unlikely(self, choice: Choice, photos: Mapping[int, Photo]) -> str:
        by_signature = {photo.signature_row: photo for photo in photos.values()}
        for edge in choice.group.edges:
            a, b = by_signature.get(edge.a), by_signature.get(edge.b)
            if isinstance(self.judge, Answers) and a is not None and b is not None:
                told = self.judge.explain(edge, a, b)
                if told:
                    return told
        return said("why.nothing")


def _pairs(choice: Choice) -> Iterator[Rows]:
    return combinations(sorted(choice.group.members), 2)


def _together(choices: Iterable[Choice]) -> dict[Rows, Choice]:
    """The pairs that are shown together, with the first group that shows them. A group of a thousand equal files has
    half a million pairs, so that of those only the ones with its keeper are listed."""
    found: dict[Rows, Choice] = {}
    for choice in choices:
        for pair in _few(choice):
            found.setdefault(pair, choice)
    return found


def _few(choice: Choice, most: int = 60) -> Iterator[Rows]:
    if len(choice.group.members) <= most:
        return _pairs(choice)
    keep = choice.keep
    return ((min(keep, row), max(keep, row)) for row in choice.group.members if row != keep)


def _shape(choice: Choice) -> tuple[object, ...]:
    return (choice.group.relation, choice.group.members, choice.keep, tuple(sorted(choice.drop)))
