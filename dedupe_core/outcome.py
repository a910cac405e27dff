"""What became of one step of a plan, for the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dedupe_core.model import Step
from dedupe_core.places import show

OutcomeState = Literal["done", "already", "would", "skipped", "failed"]
STOPPED = "Stopped as you asked; what was done is in the journal, and the same command goes on from here."


@dataclass(frozen=True, slots=True)
class Outcome:
    """`freed` are the bytes that emptying the trash or quarantine will free; `shown` is the photo as people know it."""

    step: int
    source: str
    key: str
    state: OutcomeState
    sentence: str = ""
    freed: int = 0
    shown: str = ""


def outcome(step: Step, state: OutcomeState, sentence: str = "", freed: int = 0) -> Outcome:
    """The outcome of a step."""
    return Outcome(step.number, step.asset.id.source, step.asset.id.key, state, sentence, freed, show(step.asset))
