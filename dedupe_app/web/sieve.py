"""Which groups of the shelf a list shows: what can be asked for, and what there is to ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dedupe_app.web.shelf import Card
from dedupe_core.store.decisions import Trait

STATUSES = ("open", "decided", "all")
MOST = 300
"""Values of one kind that are offered: nobody looks through more."""
_NOTHING = Trait(0, "", "", (), 0, "")
Traits = Mapping[int, Trait]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list asks for; what is empty asks nothing. `q` is looked for in names and folders; `folder` in whole
    parts of the way to a photo; `label` in albums and keywords; `formats` ("HEIC,JPEG") must all be in the group;
    `taken` is a year or a month ("2024", "2024-06"); `min_bytes` is what the group frees, `min_size` the size of its
    largest photo; `people` wants a photo in which the source found somebody, `person` one in which it found
    whoever has this whole name there; `across` wants two sources."""

    lane: str = ""
    status: str = "open"
    sort: str = "bytes"
    source: str = ""
    q: str = ""
    folder: str = ""
    label: str = ""
    formats: str = ""
    taken: str = ""
    relation: str = ""
    min_score: float = 0.0
    min_bytes: int = 0
    min_size: int = 0
    people: bool = False
    person: str = ""
    across: bool = False

    @property
    def needs_traits(self) -> bool:
        """Does it ask for something that the shelf's cards do not say themselves?"""
        return bool(self.q or self.folder or self.label or self.formats or self.people or self.person)


@dataclass(slots=True)
class Facets:
    """What there is to ask for in a list: values with how many of its groups have them, the most frequent first."""

    sources: Counter[str] = field(default_factory=Counter)
    folders: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    people: int = 0
    persons: Counter[str] = field(default_factory=Counter)


def sieved(cards: Iterable[Card], wanted: Wanted, traits: Traits) -> list[str]:
    """Ids of the groups that are asked for, in order."""
    found = [card for card in cards if _fits(card, wanted) and (not wanted.needs_traits or _has(card, wanted, traits))]
    return [card.group.id for card in sorted(found, key=ORDER[wanted.sort])]


def facets(cards: Iterable[Card], traits: Traits) -> Facets:
    """What there is to ask for among these groups."""
    known = Facets()
    for card in cards:
        mine = [traits.get(member.row, _NOTHING) for member in card.members]
        known.sources.update({member.source for member in card.members})
        known.folders.update({trait.folder for trait in mine if trait.folder})
        known.labels.update({label for trait in mine for label in trait.labels})
        known.formats[",".join(sorted({trait.format for trait in mine if trait.format}))] += 1
        known.taken.update(set(_months(card)))
        known.relations[card.group.relation] += 1
        known.people += any(trait.faces for trait in mine)
        known.persons.update({name for trait in mine for name in trait.people})
    del known.formats[""]
    return known


def _fits(card: Card, wanted: Wanted) -> bool:
    """What the card itself can answer, cheapest first."""
    if wanted.lane and card.lane != wanted.lane:
        return False
    if wanted.status != "all" and card.decided != (wanted.status == "decided"):
        return False
    if wanted.relation and card.group.relation != wanted.relation:
        return False
    if card.group.score < wanted.min_score or (wanted.min_bytes and card.freed < wanted.min_bytes):
        return False
    if wanted.min_size and max(member.size for member in card.members) < wanted.min_size:
        return False
    if wanted.taken and not any(month.startswith(wanted.taken) for month in _months(card)):
        return False
    if not wanted.source and not wanted.across:
        return True
    sources = {member.source for member in card.members}
    return (not wanted.source or wanted.source in sources) and (not wanted.across or len(sources) > 1)


def _has(card: Card, wanted: Wanted, traits: Traits) -> bool:
    """What only the traits of its photos can answer."""
    mine = [traits.get(member.row, _NOTHING) for member in card.members]
    if wanted.people and not any(trait.faces for trait in mine):
        return False
    if wanted.person and wanted.person.casefold() not in {name.casefold() for trait in mine for name in trait.people}:
        return False
    if wanted.formats and not set(wanted.formats.upper().split(",")) <= {trait.format.upper() for trait in mine}:
        return False
    if wanted.label and not _any(wanted.label, (label for trait in mine for label in trait.labels)):
        return False
    if wanted.folder and not _any(f"/{wanted.folder.strip('/')}/", (f"/{trait.folder}/" for trait in mine)):
        return False
    return not wanted.q or _any(wanted.q, (f"{trait.folder}/{trait.name}" for trait in mine))


def _any(part: str, texts: Iterable[str]) -> bool:
    small = part.casefold()
    return any(small in text.casefold() for text in texts)


def _months(card: Card) -> Iterator[str]:
    return (month_of(member.taken) for member in card.members if member.taken is not None)


def month_of(taken: float) -> str:
    """The month of a capture time as the store keeps it, as "2024-06"."""
    return f"{datetime.fromtimestamp(taken, UTC):%Y-%m}"


def _latest(card: Card) -> tuple[int, str]:
    return (-(card.decision.id if card.decision else 0), card.group.id)


ORDER = {
    "bytes": lambda card: (-card.freed, -card.group.score, card.group.id),
    "score": lambda card: (-card.group.score, -card.freed, card.group.id),
    "doubt": lambda card: (card.group.score, -card.freed, card.group.id),
    "date": lambda card: (-card.taken, card.group.id),
    "oldest": lambda card: (card.taken or float("inf"), card.group.id),
    "size": lambda card: (len(card.members), -card.freed, card.group.id),
    "most": lambda card: (-len(card.members), -card.freed, card.group.id),
    "decided": _latest,
}
SORTS: Sequence[str] = tuple(ORDER)
