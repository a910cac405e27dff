"""The groups of the newest run, held in memory so that lists of 100,000 answer at once: what is open, what was decided,
what it frees. The store stays the truth; the shelf is laid anew when a run ends or photos go or come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dedupe_core.model import LANES, Lane
from dedupe_core.store import Store
from dedupe_core.store.decisions import Decision, Listed, Outline, Place, assigned, mark_of

LANE_NAMES: tuple[Lane, ...] = ("identical", "same", "similar", "sets")


@dataclass(slots=True)
class Card:
    """One group on the shelf. `keep` and `drop` are the rows as decided, or as the rules suggest while it is open, and
    `freed` the bytes of the latter; `decision` is what counts for it, `settled` that an earlier decision kept all of
    its members side by side."""

    group: Outline
    members: tuple[Listed, ...]
    mark: str
    decision: Decision | None = None
    settled: bool = False
    keep: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    freed: int = 0

    @property
    def lane(self) -> Lane:
        """The lane of the group's relation."""
        return LANES[self.group.relation]  # type: ignore[index]

    @property
    def decided(self) -> bool:
        """True when a person said something about it."""
        return self.decision is not None or self.settled

    @property
    def version(self) -> str:
        """Changes with the group's members and with every decision about it."""
        return f"{self.mark[:8]}-{len(self.members)}-{self.decision.id if self.decision else 0}"

    @property
    def taken(self) -> float:
        """The earliest capture time, 0 when none is known."""
        return min((member.taken for member in self.members if member.taken is not None), default=0.0)


@dataclass(slots=True)
class LaneTotal:
    """Sums of one lane: open groups with the photos and bytes that the suggestion frees, and how many are decided."""

    groups: int = 0
    photos: int = 0
    drops: int = 0
    bytes: int = 0
    decided: int = 0


@dataclass(slots=True)
class Shelf:
    """The cards by group id. `run` is 0 while there is no finished run."""

    run: int
    gone: int
    cards: dict[str, Card] = field(default_factory=dict)
    going: Counter[int] = field(default_factory=Counter)
    sizes: dict[int, int] = field(default_factory=dict)
    lanes: dict[Lane, LaneTotal] = field(default_factory=lambda: {lane: LaneTotal() for lane in LANE_NAMES})

    @property
    def planned(self) -> tuple[int, int]:
        """(photos, bytes) that the decisions put away."""
        return len(self.going), sum(self.sizes[row] for row in self.going)

    def decide(self, card: Card, decision: Decision | None) -> None:
        """What counts for a card from now on; None opens it again."""
        self._count(card, -1)
        card.decision, card.settled = decision, False
        card.keep, card.drop = _suggested(card)
        if decision is not None:
            held = assigned(decision, [_place(member) for member in card.members])
            card.decision = decision if held else None
            card.keep, card.drop = _rows(card, held) if held else _suggested(card)
        self._count(card, 1)

    def add(self, card: Card, decision: Decision | None, settled: bool) -> None:
        """Put a card on the shelf with what counts for it."""
        self.sizes.update((member.row, member.size) for member in card.members)
        self.cards[card.group.id] = card
        card.settled = settled
        self._count(card, 1)
        if decision is not None:
            self.decide(card, decision)

    def decided_in(self, token: str) -> list[Card]:
        """The cards for which this act counts."""
        return [card for card in self.cards.values() if card.decision is not None and card.decision.token == token]

    def _count(self, card: Card, by: int) -> None:
        """Add a card to the sums, or take it out of them."""
        total = self.lanes[card.lane]
        card.freed = sum(self.sizes[row] for row in card.drop)
        if card.decided:
            total.decided += by
        else:
            total.groups += by
            total.photos += by * len(card.members)
            total.drops += by * len(card.drop)
            total.bytes += by * card.freed
        for row in card.drop if card.decision is not None else ():
            self.going[row] += by
            if self.going[row] <= 0:
                del self.going[row]


def lay(store: Store) -> Shelf:
    """The shelf of the newest run, with every decision that counts. A group of which fewer than two photos are left
    is no group any more."""
    latest = store.runs.latest()
    shelf = Shelf(int(latest["id"]) if latest else 0, store.decisions.gone())
    if latest is None:
        return shelf
    decisions = list(store.decisions.active())
    by_group = {decision.group: decision for decision in decisions}
    by_mark = {decision.mark: decision for decision in decisions}
    beside = _Beside(decisions)
    for outline in store.decisions.outlines(shelf.run):
        members = tuple(member for member in outline.members if member.there)
        if len(members) < 2:
            continue
        card = Card(outline, members, mark_of(member.content for member in members))
        card.keep, card.drop = _suggested(card)
        decision = by_mark.get(card.mark) or by_group.get(outline.id)
        shelf.add(card, decision, settled=decision is None and beside.all_kept(members))
    return shelf


class _Beside:
    """Decisions that kept two or more side by side: what is left of their groups is no question any more."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self._kept: dict[str, list[Counter[str]]] = {}
        for decision in decisions:
            if decision.verb != "skip" and len(decision.keep) > 1:
                contents = Counter(content for _, _, content in decision.keep)
                for content in contents:
                    self._kept.setdefault(content, []).append(contents)

    def all_kept(self, members: Sequence[Listed]) -> bool:
        """Did one decision keep all of these, as often as they are here?"""
        mine = Counter(member.content for member in members)
        return any(mine <= kept for kept in self._kept.get(members[0].content, ()))


def _suggested(card: Card) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the rules suggest; when their keeper is not there any more, everybody stays."""
    there = {member.row for member in card.members}
    sound = card.group.keep in there
    drop = tuple(member.row for member in card.members if sound and member.role == "drop")
    rest = tuple(member.row for member in card.members if member.row not in drop and member.row != card.group.keep)
    return ((card.group.keep, *rest) if sound else rest), drop


def _rows(card: Card, held: tuple[list[int], list[int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    stay, go = (tuple(card.members[at].row for at in places) for places in held)
    return stay, go


def _place(member: Listed) -> Place:
    return member.source, member.key, member.content
