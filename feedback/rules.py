"""The trust ladder: kinds of copies climb it by a person's approvals and fall by one denial.

    suggest    shown, nothing is chosen
    queue      chosen, waits for one look at all of them
    automatic  may be acted on without a look, as far as an error budget is proved (`certificate`)

A kind of copy is told by what was measured (`kind_of`). The ladder is no state of its own: it is read from the answers
that hold, in the order in which they were given, so that taking one back undoes what it did. Reaching `automatic` means
that nothing here forbids it; `planning.unattended` decides whether anything is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from dedupe_core.sentences import said
from dedupe_core.store.labels import Label
from feedback.certificate import Certificate

Level = Literal["suggest", "queue", "automatic"]
LEVELS: tuple[Level, ...] = ("suggest", "queue", "automatic")
APPROVALS: Mapping[Level, int] = {"suggest": 5, "queue": 20}
"""Approvals without a denial that lead from this level to the next."""

KINDS = ("edited", "bordered", "cropped", "turned", "resized", "saved again")


@dataclass(frozen=True, slots=True)
class Rung:
    """Where a kind of copy stands: `approvals` since it came there or was last denied, and what it takes to climb."""

    kind: str
    level: Level = "suggest"
    approvals: int = 0
    denials: int = 0
    waits_for: str = ""


def kind_of(features: Mapping[str, float]) -> str:
    """How a copy was made, as far as measurements tell; the first of `KINDS` that fits."""
    fits = {
        "edited": features.get("look", 0.0) > 0,
        "bordered": features.get("border", 0.0) > 0.9,
        "cropped": features.get("shared_least", 1.0) < 0.97,
        "turned": features.get("turned", 0.0) > 0,
        "resized": features.get("size_ratio", 0.0) > 0.04,
    }
    return next((kind for kind in KINDS if fits.get(kind)), "saved again")


def ladder(labels: Iterable[Label], acting: Certificate) -> list[Rung]:
    """Every kind of copy with its level, from the answers about pairs that were shown as copies. `acting`: what is
    proved about acting without being asked; without a threshold nobody gets beyond the queue."""
    rungs = {kind: Rung(kind) for kind in KINDS}
    for one in sorted(labels, key=lambda one: (one.created_at, one.id)):
        if one.relation == "near" and one.features:
            kind = kind_of(one.features)
            rungs[kind] = _climbed(rungs[kind]) if one.verdict == "same" else _fallen(rungs[kind])
    return [_held(rung, acting) for rung in rungs.values()]


def _climbed(rung: Rung) -> Rung:
    approvals = rung.approvals + 1
    if approvals >= APPROVALS.get(rung.level, approvals + 1):
        return Rung(rung.kind, LEVELS[LEVELS.index(rung.level) + 1], 0, rung.denials)
    return Rung(rung.kind, rung.level, approvals, rung.denials)


def _fallen(rung: Rung) -> Rung:
    return Rung(rung.kind, LEVELS[max(LEVELS.index(rung.level) - 1, 0)], 0, rung.denials + 1)


def _held(rung: Rung, acting: Certificate) -> Rung:
    if rung.level == "automatic":
        if acting.threshold is not None:
            return rung
        return Rung(rung.kind, "queue", rung.approvals, rung.denials, said("trust.questions", n=acting.missing))
    return Rung(
        rung.kind,
        rung.level,
        rung.approvals,
        rung.denials,
        said("trust.approvals", n=APPROVALS[rung.level] - rung.approvals),
    )
