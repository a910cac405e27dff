"""What if: other thresholds, tried on what people said and did already, before they are kept.

Nothing is changed and no photo is opened: the evidence of every pair is in the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dedupe_core.model import Relation
from dedupe_core.relate import relate
from dedupe_core.rounds import Known, known_contents
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.verify import RECIPE
from feedback.features import Measured
from feedback.judge import HIDDEN_BELOW, examples
from feedback.learner import Model, fit

Shown = Relation | Literal["hidden"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A past decision about two contents that would come out otherwise. `decided`: the answer ("same" …) or "put away";
    `right`: does the new outcome fit it? Copies fit "same" and "put away", everything else fits the other answers."""

    a: str
    b: str
    decided: str
    before: Shown
    after: Shown
    right: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """Rules to try: settings of the core, and the probability below which a pair is hidden."""

    settings: Settings
    hidden_below: float = HIDDEN_BELOW


def replay(store: Store, before: Trial, after: Trial) -> tuple[list[Difference], int]:
    """The past decisions that other rules change, by content, and how many were looked at. The learned score takes part
    with all answers, but no answer decides about its own pair directly: it is the rules that are on trial."""
    model = fit(examples(store.labels.active()))
    found, looked_at = [], 0
    for a, b, decided in _decisions(store):
        pair = _known(store, a, b)
        if pair is None:
            continue
        looked_at += 1
        was, would = (_outcome(store, pair, trial, model) for trial in (before, after))
        if was != would:
            found.append(Difference(a, b, decided, was, would, (would in ("pixels", "near")) == (decided in _TOGETHER)))
    return found, looked_at


_TOGETHER = ("same", "put away")


def _decisions(store: Store) -> Iterator[tuple[str, str, str]]:
    """Answers that hold, then photos that were put away for another's sake as copies."""
    for one in store.labels.active():
        yield one.a.content, one.b.content, one.verdict
    for row in store.plans.all():
        states = store.plans.states(row["id"])
        plan = store.plans.get(row["id"]) if states else None
        for step in plan.steps if plan else ():
            entry = states.get(step.number)
            if step.relation == "near" and entry is not None and entry.state == "done":
                yield min(step.content, step.keeper_content), max(step.content, step.keeper_content), "put away"


def _known(store: Store, a: str, b: str) -> tuple[Known, Known] | None:
    rows = [store.labels.row(content) for content in (a, b)]
    if None in rows:
        return None
    known = known_contents(store, [row for row in rows if row is not None])
    if len(known) < 2:
        return None
    first, second = sorted(known)
    return known[first], known[second]


def _outcome(store: Store, pair: tuple[Known, Known], trial: Trial, model: Model) -> Shown:
    a, b = pair
    evidence = store.evidence.get(a.facts.content, b.facts.content, RECIPE)
    edge = None if evidence is None else relate(a.facts, b.facts, evidence, trial.settings)
    if edge is None or edge.relation not in trial.settings.levels:
        return "hidden"
    told = Measured(store)(edge.evidence, a.photo, b.photo)
    if edge.relation == "pixels" or model.rejects(told, trial.hidden_below) is None:
        return edge.relation
    return "similar" if edge.relation == "near" else "hidden"
