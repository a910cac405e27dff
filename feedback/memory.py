"""The hard memory: what follows from what people said, absolute where they said it.

Photos are told apart by what they show: contents with equal pixels, or with one look, are one photo to this memory.
`same` joins photos, step by step; what is kept apart from one of the joined is kept apart from all of them. `alternate`
(related, but both stay) keeps apart as well: the pair is answered and comes up no more.

Where answers contradict each other (a is b, b is c, a is not c), nothing is resolved in silence: the pair that somebody
keeps apart stays apart, which loses no photo, nothing is concluded from the joined side about this pair, and the
contradiction is shown until a person takes one of the answers back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dedupe_core.store import Store
from dedupe_core.store.labels import Label, Side


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`against` keeps two photos apart that the answers of `chain` join."""

    against: Label
    chain: tuple[Label, ...]


@dataclass(slots=True)
class _Classes:
    """Union-find over texts (Tarjan 1975), with path halving; the smallest name leads a class, whatever the order."""

    leader: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str:
        while (above := self.leader.get(name, name)) != name:
            self.leader[name] = name = self.leader.get(above, above)
        return name

    def join(self, a: str, b: str) -> None:
        first, second = sorted((self.find(a), self.find(b)))
        self.leader[second] = first


class Memory:
    """Answers that hold, with everything that follows from them. The order in which they were given changes nothing."""

    def __init__(self, labels: Sequence[Label], relatives: Iterable[Side] = ()) -> None:
        self.labels = labels
        self._photo = _photos([side for one in labels for side in (one.a, one.b)], relatives)
        self._joined = _Classes()
        for one in labels:
            if one.verdict == "same":
                self._joined.join(*self._ends(one))
        self._apart: set[tuple[str, str]] = set()
        self._said: set[tuple[str, str]] = set()
        self._contents: set[tuple[str, str]] = set()
        self._same = {_ordered(*self._ends(one)) for one in labels if one.verdict == "same"}
        self.contradictions: list[Contradiction] = []
        for one in labels:
            if one.verdict != "same":
                self._keep_apart(one)

    @classmethod
    def of(cls, store: Store) -> Memory:
        """The memory of a library as it is now."""
        return cls.known_to(store, store.labels.active())

    @classmethod
    def known_to(cls, store: Store, labels: Sequence[Label]) -> Memory:
        """These answers, and the photos of a library that they speak of under whatever content they have now."""
        named = store.labels.sides({side.content for one in labels for side in (one.a, one.b)})
        told = [side for one in labels for side in (one.a, one.b)]
        return cls(labels, [*named.values(), *store.labels.relatives([*told, *named.values()])])

    def __len__(self) -> int:
        return len(self.labels)

    def knows(self, content: str) -> bool:
        """Did anybody say anything about this photo?"""
        return content in self._photo

    def apart(self, a: str, b: str) -> bool:
        """Two contents that may share no group, except by equal bytes."""
        one, other = self._photo.get(a), self._photo.get(b)
        if one is None or other is None or a == b:
            return False
        if one == other:
            return _ordered(a, b) in self._contents
        ends = _ordered(one, other)
        return ends in self._said or _ordered(self._joined.find(one), self._joined.find(other)) in self._apart

    def said_same(self, a: str, b: str) -> bool:
        """Did a person say of exactly these two photos that they are the same, and nobody the opposite?"""
        one, other = self._photo.get(a), self._photo.get(b)
        if one is None or other is None:
            return False
        return _ordered(one, other) in self._same and not self.apart(a, b)

    def answered(self, a: str, b: str) -> bool:
        """Is there nothing left to ask about these two: answered, or following from answers?"""
        one, other = self._photo.get(a), self._photo.get(b)
        if one is None or other is None:
            return False
        return self.apart(a, b) or self._joined.find(one) == self._joined.find(other)

    def _ends(self, label: Label) -> tuple[str, str]:
        return self._photo[label.a.content], self._photo[label.b.content]

    def _keep_apart(self, label: Label) -> None:
        a, b = self._ends(label)
        if a == b:
            self._contents.add(_ordered(label.a.content, label.b.content))
            return
        self._said.add(_ordered(a, b))
        classes = self._joined.find(a), self._joined.find(b)
        if classes[0] == classes[1]:
            self.contradictions.append(Contradiction(label, self._chain(a, b)))
        else:
            self._apart.add(_ordered(*classes))

    def _chain(self, a: str, b: str) -> tuple[Label, ...]:
        """The shortest way of `same` answers from a to b."""
        steps: dict[str, list[tuple[str, Label]]] = {}
        for one in self.labels:
            if one.verdict == "same":
                x, y = self._ends(one)
                steps.setdefault(x, []).append((y, one))
                steps.setdefault(y, []).append((x, one))
        ways: dict[str, tuple[Label, ...]] = {a: ()}
        waiting = deque([a])
        while waiting and b not in ways:
            here = waiting.popleft()
            for there, label in sorted(steps.get(here, ()), key=lambda step: step[0]):
                if there not in ways:
                    ways[there] = (*ways[here], label)
                    waiting.append(there)
        return ways[b]


def _photos(named: Iterable[Side], relatives: Iterable[Side]) -> dict[str, str]:
    """For each content the photo that it is: the first of the contents that share its pixels or its look."""
    classes = _Classes()
    first: dict[str, str] = {}
    sides = sorted({*named, *relatives}, key=lambda side: (side.content, side.pixels, side.look))
    for side in sides:
        for mark in (side.pixels and f"pixels {side.pixels}", side.look and f"look {side.look}"):
            if mark:
                classes.join(side.content, first.setdefault(mark, side.content))
    return {side.content: classes.find(side.content) for side in sides}


def _ordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a <= b else (b, a)
