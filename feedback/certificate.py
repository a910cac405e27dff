"""Thresholds with a promise: "at most 1 wrong in 100 above this", as far as answers prove it.

The bound on the share of wrong pairs is Clopper and Pearson's (1934): with k wrong of n audited pairs the true share
is, with confidence 1 - α, at most BetaInv(1 - α; k + 1, n - k). Thresholds are tested from strict to loose and the
first that fails ends the test, so that testing many needs no correction (fixed sequence, Maurer, Hothorn and Lehmacher
1995). The sequence begins where a faultless sample would be large enough to pass; this depends on the scores alone,
never on the answers. Only pairs that were drawn at random count (`origin` audit), and only with scores of a model that
never saw them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dedupe_core.store.labels import Label
from feedback.judge import examples
from feedback.learner import fit

CONFIDENCE = 0.95
LANES: Mapping[str, tuple[str, ...]] = {"suggest": ("near", "similar", "series"), "act": ("near",)}
"""What is promised, and the relations whose pairs it is about."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One pair that was drawn at random: its score, and whether it was wrong to show it as belonging together."""

    score: float
    wrong: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """`threshold`: the loosest score above which the share of wrong pairs is proved to be within `budget`; None when
    the answers do not prove it for any. `audited` pairs lie above it (or there are in all), `wrong` of them were wrong,
    and `bound` is what this proves. `missing`: how many more random answers are needed at least, if all are right."""

    budget: float
    threshold: float | None
    audited: int
    wrong: int
    bound: float
    missing: int

    def sentence(self) -> str:
        """The promise, or what is missing for it."""
        if self.threshold is not None:
            return f"above {self.threshold:.2f} at most {self.bound:.1%} are wrong ({self.wrong} of {self.audited})"
        return f"off: {self.missing:,} more answers to random questions are needed for {self.budget:.1%}"


def upper_bound(wrong: int, audited: int, confidence: float = CONFIDENCE) -> float:
    """The largest share of wrong pairs that `wrong` of `audited` still allow."""
    if audited <= 0 or wrong >= audited:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(wrong + 1, audited - wrong, confidence))


def needed(budget: float, wrong: int = 0, confidence: float = CONFIDENCE) -> int:
    """How many audited pairs prove the budget with `wrong` wrong ones: for none 59 (5 %), 299 (1 %), 2,995 (0.1 %)."""
    low, high = wrong, wrong + 1
    while upper_bound(wrong, high, confidence) > budget:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if upper_bound(wrong, middle, confidence) <= budget else (middle, high)
    return high


def certify(audits: Iterable[Audited], budget: float, confidence: float = CONFIDENCE) -> Certificate:
    """The loosest threshold that these pairs prove for the budget."""
    ranked = sorted(audits, key=lambda one: -one.score)
    total, wrong = len(ranked), sum(one.wrong for one in ranked)
    found = Certificate(budget, None, total, wrong, upper_bound(wrong, total, confidence), 0)
    for end in _ends(ranked, needed(budget, 0, confidence)):
        above = sum(one.wrong for one in ranked[:end])
        bound = upper_bound(above, end, confidence)
        if bound > budget:
            break
        found = Certificate(budget, ranked[end - 1].score, end, above, bound, 0)
    if found.threshold is not None:
        return found
    return Certificate(budget, None, total, wrong, found.bound, max(needed(budget, wrong, confidence) - total, 1))


def certificates(labels: Sequence[Label], budget: float, confidence: float = CONFIDENCE) -> dict[str, Certificate]:
    """What the answers of a library prove, for suggesting and for acting without being asked."""
    audits = [one for one in labels if one.origin == "audit" and one.features]
    model = fit(examples(one for one in labels if one.origin != "audit"))
    return {
        lane: certify(
            (
                Audited(model.probability(one.features or {}), one.verdict != "same")
                for one in audits
                if one.relation in of
            ),
            budget,
            confidence,
        )
        for lane, of in LANES.items()
    }


def _ends(ranked: Sequence[Audited], first: int) -> list[int]:
    """Where the sample may be cut: after `first` pairs at least, in ten steps, and never between equal scores."""
    total = len(ranked)
    steps = [first + round((total - first) * step / 10) for step in range(11)] if total >= first else []
    ends = []
    for end in steps:
        while end < total and ranked[end].score == ranked[end - 1].score:
            end += 1  # noqa: PLW2901 - moved past its equals
        if end not in ends:
            ends.append(end)
    return ends
