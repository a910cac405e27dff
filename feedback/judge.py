"""The Judge that the pipeline gets: the memory is absolute, the learned score moves pairs between review and hidden.

What it does to an edge, in this order:

- equal pixels stay as they are; only a person's own word on the very two pictures keeps them apart;
- where a person said "the same", a pair that was left for review because not all of it agreed becomes a copy: his word
  stands for the missing proof (a twin that is probably damaged, and shots taken at two times, stay where they are);
- a copy that the answers make unlikely is left for review: the answers tighten what acts and never create it;
- a pair for review that the answers make unlikely is hidden.

Without an answer that speaks against a pair like it (`learner`), an edge is never touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from connectors.base import Connector
from dedupe_core.engine import Engine
from dedupe_core.model import Edge, Judge, NoFeedback, Photo, Progress
from dedupe_core.sentences import said, share_of
from dedupe_core.store import Store
from dedupe_core.store.codec import dumps
from dedupe_core.store.labels import Label
from feedback.features import VERSION, Measured
from feedback.learner import Example, Model, fit, shipped
from feedback.memory import Memory

HIDDEN_BELOW = 0.5
"""A pair more likely different than the same is not shown. The prior is fitted so that one half is one half."""

_TOLD = said("edge.you_said")


class Answers:
    """A judge made of answers. Which photos of the library they speak of is looked up when grouping first asks, because
    a run that begins with this judge may find these photos on its way."""

    def __init__(self, labels: Sequence[Label], store: Store | None = None, threshold: float = HIDDEN_BELOW) -> None:
        self.labels = labels
        self.store = store
        self.threshold = threshold

    @property
    def version(self) -> str:
        """Changes whenever an answer does: part of a run's mark."""
        depends = [VERSION, self.threshold, shipped().weights, sorted(map(_lasting, self.labels))]
        return hashlib.sha256(dumps(depends).encode()).hexdigest()[:16]

    @cached_property
    def memory(self) -> Memory:
        """What follows from the answers."""
        return Memory(self.labels) if self.store is None else Memory.known_to(self.store, self.labels)

    @cached_property
    def model(self) -> Model:
        """The learned score."""
        return fit(examples(self.labels))

    @cached_property
    def measured(self) -> Measured:
        """Where the features of a pair come from."""
        return Measured(self.store)

    def prepare(self, store: Store, connectors: Mapping[str, Connector], engine: Engine, progress: Progress) -> None:
        """Before a scan groups: find the photos that the answers are about under the contents that they have now."""
        from feedback.identify import identify

        identify(store, connectors, engine, self.labels, progress)
        self.__dict__.pop("memory", None)

    def apart(self, a: str, b: str) -> bool:
        """Did people say, directly or by what follows, that these two contents are not the same, or both stay?"""
        return self.memory.apart(a, b)

    def weigh(self, edge: Edge, a: Photo, b: Photo) -> Edge | None:
        """The edge as the answers leave it; None hides it."""
        if edge.relation in ("exact", "pixels"):
            return edge
        if self.memory.said_same(a.content, b.content):
            return _confirmed(edge)
        if not self.model.rejected:
            return edge
        features = self.measured(edge.evidence, a, b)
        probability = self.model.rejects(features, self.threshold)
        if probability is None:
            return edge
        if edge.relation == "near":
            return replace(edge, relation="similar", sentence=_also(edge, self._why(features, probability)))
        return None

    def explain(self, edge: Edge, a: Photo, b: Photo) -> str:
        """Why the answers speak against this edge, "" when they do not."""
        features = self.measured(edge.evidence, a, b)
        probability = self.model.rejects(features, self.threshold)
        return "" if probability is None else self._why(features, probability)

    def _why(self, features: dict[str, float], probability: float) -> str:
        share = share_of(probability, f"{probability:.0%}")
        told = [said(f"feature.{name}") for name, _ in self.model.reasons(features)]
        if not told:
            return said("why.unlikely", share=share)
        why = told[-1]
        for one in reversed(told[:-1]):
            why = said("why.and", one=one, other=why)
        return said("why.unlikely_as", share=share, why=why)


def judge_of(store: Store, hidden_below: float = HIDDEN_BELOW) -> Judge:
    """The judge of a library as its answers are now; one that says nothing while nobody said anything."""
    labels = store.labels.active()
    return Answers(labels, store, hidden_below) if labels else NoFeedback()


def examples(labels: Iterable[Label]) -> list[Example]:
    """Answers as the learner takes them."""
    return [Example(one.features or {}, one.verdict == "same", one.weight) for one in labels]


def _also(edge: Edge, more: str) -> str:
    return said("edge.also", what=edge.sentence, more=more) if edge.sentence else more


def _confirmed(edge: Edge) -> Edge:
    sentence = _also(edge, _TOLD)
    proved = edge.evidence.difference is not None and not edge.evidence.damaged_twin
    if edge.relation == "similar" and proved and edge.timing != "differ":
        return replace(edge, relation="near", sentence=sentence)
    return replace(edge, sentence=sentence)


def _lasting(label: Label) -> list[object]:
    """What of a label the groups depend on."""
    pair = [[side.content, side.pixels, side.look] for side in (label.a, label.b)]
    return [dumps(pair), label.verdict, label.weight, dumps(label.features)]
