"""What people say, as rows: one answer about a pair or a group becomes labels that name the photos' contents.

A group that is "not similar" says what the person meant: the keeper, or the photo that was looked at, against each of
the others; or every pair, when all were kept. The pairs of such an answer share one vote, so that one click on a crowd
does not outweigh a hundred careful ones.
"""

from __future__ import annotations

import getpass
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from dedupe_core.model import Edge, Photo, Relation
from dedupe_core.store import Store
from dedupe_core.store.labels import Label, Side, Verdict
from feedback.features import Measured
from feedback.memory import Contradiction, Memory

WORDS: Mapping[Verdict, str] = {
    "not_similar": "not similar",
    "same": "the same",
    "alternate": "related, but both are kept",
}


class AnswerError(Exception):
    """An answer that cannot be recorded; the message is a sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Said:
    """Who answers (this account, when it is not said), why, and on which occasion (`origin`: pair, group, question,
    audit)."""

    who: str = ""
    why: str = ""
    origin: str = "pair"
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an answer did: `answer` names it for `revoke`; `labels` were written; `replaced` are earlier answers about
    the same pairs, taken back by this one; `contradictions` that there are now."""

    answer: str
    labels: tuple[Label, ...]
    replaced: tuple[Label, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()


def say(
    store: Store, pairs: Iterable[tuple[Photo, Photo]], verdict: Verdict, said: Said = Said(), check: bool = True
) -> Recorded:
    """Record one answer about these pairs, which share its one vote. An earlier answer of anybody at this library about
    the same pair gives way, and is returned. Raises `AnswerError` when no pair is left: equal bytes cannot be told
    apart, and a photo that was never read has no content. Without `check` no contradictions are looked for, which would
    read what the whole library holds."""
    told = {_key(a, b): (a, b) if a.content < b.content else (b, a) for a, b in pairs}
    listed = [pair for key, pair in sorted(told.items()) if key[0] != key[1] and key[0]]
    if not listed:
        raise AnswerError(_refusal(list(told.values())))
    at = time.time() if said.at is None else said.at
    blank = Label(Side(""), Side(""), verdict, at, 1 / len(listed), said.origin, said.who or _account(), said.why)
    answer = uuid.uuid4().hex[:12]
    sides = store.labels.sides({photo.content for pair in listed for photo in pair})
    made = [_label(store, pair, sides, blank) for pair in listed]
    return _written(store, made, answer, check)


def around(rows: Sequence[int], focus: int, every: bool = False) -> list[tuple[int, int]]:
    """The pairs that an answer about a group means: the keeper (or the photo in focus) against the others; `every`
    pair when all were kept."""
    return list(combinations(sorted(rows), 2)) if every else [(focus, row) for row in sorted(rows) if row != focus]


def revoke(store: Store, names: Iterable[str], at: float | None = None) -> list[Label]:
    """Take back answers by the beginning of their names or by the numbers of their labels; what held until now. Raises
    `AnswerError` for a name that no answer has."""
    holding = store.labels.active()
    chosen: dict[int, Label] = {}
    for name in names:
        found = [one for one in holding if str(one.id) == name or (len(name) > 3 and one.answer.startswith(name))]
        if not found:
            raise AnswerError(f"There is no answer {name!r} that still holds. See: keepone learn stats --answers")
        chosen |= {one.id: one for one in found}
    with store.transaction():
        store.labels.revoke(chosen, time.time() if at is None else at)
    return list(chosen.values())


def contradictions(store: Store) -> list[Contradiction]:
    """Answers that cannot all be true. Until a person takes one back, the photos concerned are kept apart."""
    return Memory.of(store).contradictions


def describe(store: Store) -> int:
    """Fill in what is known by now of labelled pairs that had not been compared when they were labelled; how many."""
    open_ones = [one for one in store.labels.active() if one.features is None]
    known = [(one.id, found) for one in open_ones if (found := _measured(store, one.a.content, one.b.content))]
    if known:
        with store.transaction():
            store.labels.describe(known)
    return len(known)


def _account() -> str:
    """The name of the account that this runs under, "" where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _written(store: Store, made: Sequence[Label], answer: str, check: bool) -> Recorded:
    made = [replace(one, answer=answer) for one in made]
    before = {(one.a.content, one.b.content): one for one in store.labels.active()}
    replaced = [before[key] for one in made if (key := (one.a.content, one.b.content)) in before]
    with store.transaction():
        store.labels.revoke([one.id for one in replaced], made[0].created_at)
        ids = store.labels.add(made)
    labels = tuple(replace(one, id=number) for one, number in zip(made, ids, strict=True))
    touched = {one.id for one in labels}
    known = contradictions(store) if check else []
    found = [one for one in known if touched & {label.id for label in (one.against, *one.chain)}]
    return Recorded(answer, labels, tuple(replaced), tuple(found))


def _label(store: Store, pair: tuple[Photo, Photo], sides: Mapping[str, Side], blank: Label) -> Label:
    a, b = pair
    return replace(
        blank,
        a=sides.get(a.content, Side(a.content)),
        b=sides.get(b.content, Side(b.content)),
        features=Measured(store).known(a, b),
        relation=_shown_as(store, pair),
    )


def _measured(store: Store, a: str, b: str) -> dict[str, float] | None:
    places = [store.assets.with_content(content) for content in (a, b)]
    return Measured(store).known(places[0][0], places[1][0]) if all(places) else None


def _shown_as(store: Store, pair: tuple[Photo, Photo]) -> Relation | str:
    """The relation under which the newest run shows these two together, "" when it does not."""
    rows = {photo.signature_row for photo in pair}
    places = [photo.row for photo in store.assets.with_content(pair[0].content)]
    edges: Iterable[Edge] = (edge for one in store.runs.around(places) for edge in one.group.edges)
    return next((edge.relation for edge in edges if {edge.a, edge.b} == rows), "")


def _key(a: Photo, b: Photo) -> tuple[str, str]:
    return (min(a.content, b.content), max(a.content, b.content))


def _refusal(pairs: Sequence[tuple[Photo, Photo]]) -> str:
    if any(not photo.content for pair in pairs for photo in pair):
        return "One of these photos was never read, so nothing can be remembered of it. Run: keepone scan"
    return "These are the same bytes in two places: no answer changes that. Protect a folder to keep both of them."
