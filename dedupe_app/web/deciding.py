"""Noting what a person decides, and taking it back: the same for the page and for the terminal. What she said about one
group that she looked at is also an answer that the groups learn from; what was accepted in bulk teaches nothing."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from dedupe_app.library import Library
from dedupe_app.web.shelf import Card, Shelf
from dedupe_core.decided import Verdict, decided_plan, verdict
from dedupe_core.model import Plan
from dedupe_core.store import Store
from dedupe_core.store.decisions import Decision, DecisionVerb, Place, assigned
from feedback.labels import AnswerError, Said, around, revoke, say

Answer = tuple[Card, DecisionVerb, set[int]]
"""A group, what is said of it, and the rows that stay."""
_TOGETHER = 2000  # decisions a transaction: short enough for others to write between
_CROWD = 12  # photos above which an answer speaks of the keeper and each other, not of every pair


def note(store: Store, shelf: Shelf, answers: Sequence[Answer]) -> str:
    """Write decisions as one act and put them on the shelf; the token that takes them back. Raises `ValueError` when
    nobody of a group would stay."""
    if any(not stay for _, _, stay in answers):
        raise ValueError("one photo of each group stays")
    token, now, looked = secrets.token_urlsafe(9), time.time(), len(answers) == 1
    for start in range(0, len(answers), _TOGETHER):
        some = [_decision(store, *answer, token, now, looked) for answer in answers[start : start + _TOGETHER]]
        with store.transaction():
            store.decisions.put(some)
            last = store.decisions.last()
        for number, decision in enumerate(some, last - len(some) + 1):
            shelf.decide(shelf.cards[decision.group], replace(decision, id=number))
    return token


def take_back(store: Store, shelf: Shelf, token: str) -> tuple[int, list[Card]] | None:
    """Take an act back; how many decisions that were, and the groups that it concerned. What was decided before it
    counts again. Doing it twice changes nothing more. None when there never was such an act."""
    touched = shelf.decided_in(token)
    with store.transaction():
        revoked = store.decisions.revoke(token)
    if not revoked and not store.decisions.known(token):
        return None
    for card in touched:
        _unsay(store, card.decision)
        before = store.decisions.of(card.decision.mark) if card.decision else None
        if before is not None and before.answer:
            held = assigned(before, [(one.source, one.key, one.content) for one in card.members])
            stay = {card.members[at].row for at in held[0]} if held else set()
            before = replace(before, answer=_say(store, card, before.verb, stay))
            store.decisions.set_answer(before.id, before.answer)
        shelf.decide(card, before)
    return len(revoked), touched


def planned(library: Library, shelf: Shelf, action: Literal["delete", "move"] | None = None) -> Plan:
    """A plan of everything that was decided, kept for `apply`. Plans that wait and were not begun are withdrawn: there
    is one at a time."""
    store = library.store
    with store.writing("plan"):
        for row in store.plans.all():
            if row["state"] == "planned":
                store.plans.set_state(row["id"], "withdrawn")
        features = {name: connector.features for name, connector in library.connectors().items()}
        plan = decided_plan(store, library.settings, _verdicts(store, shelf), action, features=features)
        if plan.steps:
            store.plans.put(plan, shelf.run)
    return plan


def _verdicts(store: Store, shelf: Shelf) -> Iterator[Verdict]:
    for card in shelf.cards.values():
        choice = store.runs.one(shelf.run, card.group.id) if card.decision is not None and card.drop else None
        if choice is None or card.decision is None:
            continue
        read = verdict(choice, card.decision, store.assets.photos(member.row for member in card.members))
        if read is not None and read.drop:
            yield read


def suggested(card: Card) -> Answer:
    """The group as it is shown: what the marks say, or that everything stays."""
    gone = set(card.drop)
    return card, "keep" if gone else "keep_all", {member.row for member in card.members} - gone


def everybody(card: Card, verb: DecisionVerb) -> Answer:
    """An answer by which all of a group stay."""
    return card, verb, {member.row for member in card.members}


def _decision(
    store: Store, card: Card, verb: DecisionVerb, stay: set[int], token: str, now: float, looked: bool
) -> Decision:
    _unsay(store, card.decision)
    places: dict[bool, list[Place]] = {True: [], False: []}
    for member in card.members:
        places[member.row in stay].append((member.source, member.key, member.content))
    size = sum(member.size for member in card.members if member.row not in stay)
    answer = _say(store, card, verb, stay) if looked or verb == "not_duplicates" else ""
    keep, drop = tuple(places[True]), tuple(places[False])
    return Decision(card.group.id, card.mark, verb, keep, drop, size, token, now, answer=answer)


def _say(store: Store, card: Card, verb: DecisionVerb, stay: set[int]) -> str:
    """What a decision teaches: "not duplicates" of its pairs, and that a verified copy which goes is the same as the
    one that stays. The answer's name; "" where there is nothing to say, as of equal bytes, and of two shots of one
    series, where what goes is no copy."""
    rows = [member.row for member in card.members]
    focus = card.group.keep if card.group.keep in (stay or rows) else min(stay or rows)
    apart = verb == "not_duplicates"
    if not apart and (verb != "keep" or card.group.relation != "near"):
        return ""
    told = (
        around(rows, focus, every=len(rows) <= _CROWD) if apart else [(focus, row) for row in rows if row not in stay]
    )
    photos = store.assets.photos(rows)
    try:
        pairs = [(photos[a], photos[b]) for a, b in told]
        return say(store, pairs, "not_similar" if apart else "same", Said(origin="group"), check=False).answer
    except AnswerError:
        return ""


def _unsay(store: Store, decision: Decision | None) -> None:
    """The labels of a decision that no longer counts; those that somebody took back already are gone anyway."""
    if decision is not None and decision.answer:
        try:
            revoke(store, [decision.answer])
        except AnswerError:
            return
