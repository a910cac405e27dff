"""Which pairs to ask about next: four of five where the answer teaches most and frees most, one of five at random.

The random ones are the audit: only they say how often the program is wrong (`certificate`), and they keep the learner
honest (quality.md 8.4: asking only about doubtful pairs was worse at 20 and 40 answers). Every open pair is as likely
to be audited as any other, also when its photo is in another question: what the audit promises is a share of pairs.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dedupe_core.model import Choice, NoFeedback, Photo, Relation
from dedupe_core.store import Store
from feedback.features import Measured
from feedback.judge import Answers, judge_of
from feedback.learner import Model, fit
from feedback.memory import Memory

AUDIT_SHARE = 0.2
_ASKABLE: tuple[Relation, ...] = ("near", "similar", "series")


@dataclass(frozen=True, slots=True)
class Question:
    """Are these two the same? `probability` that the person says so; `frees`: bytes that a yes may free; `origin` is
    "question", or "audit" for a random one."""

    a: Photo
    b: Photo
    group: str
    relation: Relation
    probability: float
    frees: int
    origin: str

    @property
    def worth(self) -> float:
        """What the answer teaches (1 where yes and no are equally likely) times what it frees, on a log scale."""
        return (1 - abs(2 * self.probability - 1)) * math.log1p(self.frees)


def questions(store: Store, count: int = 20, seed: str = "") -> list[Question]:
    """The next questions, audits first; no photo of these comes again in another. The same until somebody answers
    one."""
    asked = judge_of(store)
    memory = asked.memory if isinstance(asked, Answers) else Memory([])
    model = asked.model if isinstance(asked, Answers) else fit([])
    version = "" if isinstance(asked, NoFeedback) else getattr(asked, "version", "")
    open_ones = list(_open(store, memory, model))
    draw = random.Random(f"{seed} {version} {len(open_ones)}")  # noqa: S311 - a sample, no secret
    audits = draw.sample(open_ones, min(round(count * AUDIT_SHARE), len(open_ones)))
    taken = {photo.row for one in audits for photo in (one.a, one.b)}
    doubtful = _apart(sorted(open_ones, key=lambda one: (-one.worth, one.group)), count - len(audits), taken)
    return [*(_audit(one) for one in audits), *doubtful]


def _open(store: Store, memory: Memory, model: Model) -> Iterator[Question]:
    """Every edge that the newest run shows and that no answer settles."""
    measured = Measured(store)
    for choice in store.runs.choices(relations=_ASKABLE):
        photos = store.assets.photos(choice.group.members)
        by_signature = {photo.signature_row: photo for photo in photos.values()}
        for edge in choice.group.edges:
            a, b = by_signature.get(edge.a), by_signature.get(edge.b)
            if a is not None and b is not None and not memory.answered(a.content, b.content):
                yield _question(choice, a, b, model.probability(measured(edge.evidence, a, b)))


def _question(choice: Choice, a: Photo, b: Photo, probability: float) -> Question:
    frees = min(a.asset.size, b.asset.size)
    return Question(a, b, choice.group.id, choice.group.relation, probability, frees, "question")


def _apart(ranked: Sequence[Question], count: int, taken: set[int]) -> list[Question]:
    """The first `count` that share no photo with each other or with those taken."""
    found: list[Question] = []
    for one in ranked:
        if len(found) == count:
            break
        if taken.isdisjoint((one.a.row, one.b.row)):
            found.append(one)
            taken |= {one.a.row, one.b.row}
    return found


def _audit(one: Question) -> Question:
    return Question(one.a, one.b, one.group, one.relation, one.probability, one.frees, "audit")
