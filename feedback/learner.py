"""The learned score: how likely a person calls two photos the same, from their answers so far.

Logistic regression, fitted as the maximum a posteriori around the shipped prior::

    min_w  Σ c_i log(1 + exp(-y_i (w·z_i + b)))  +  ½ Σ_k λ (w_k - w0_k)²  +  ½ λ_b (b - b0)²

z are the features of `features.py`, standardised by the prior's means and deviations (a feature that nobody measured
counts as the mean, so it says nothing); y is +1 for "same" and -1 for "not similar" and "alternate"; c is the weight of
an answer, which the pairs of one answer about a group share. λ = 0.3 and λ_b = 0.03 pull towards what is shipped: no
answers move nothing, and twenty learn most of what there is to learn (`benchmarks/feedback.py`). Weights of agreement
stay ≥ 0 and of difference ≤ 0 (bounds of L-BFGS-B, Byrd, Lu, Nocedal and Zhu 1995): more evidence for a copy never
lowers its score. The optimum is unique (the penalty is strictly convex), so the order of answers changes nothing, and a
revoked answer leaves no trace. Source of the form: reference `quality.md` 8.2, with a weaker pull; of w0: `prior.json`,
made by `benchmarks/feedback_prior.py`.

Two bounds hold whatever was answered. The answers move the log-odds of no pair by more than `MOST_MOVED`. And they
speak against a pair only when somebody rejected one that it is not clearly better than: see `excess`. Elsewhere the
score is at least the shipped one, so nothing is lost among pairs unlike the rejected ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from feedback.features import NAMES, SIGNS, VERSION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LAMBDA, LAMBDA_BIAS = 0.3, 0.03
MOST_MOVED = 8.0
REACH = 2.0
_FARTHEST = 3.0  # standard deviations: one odd feature makes a pair unlike, but not infinitely so

_SIGNS = tuple(SIGNS.values())

Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One answer as the learner sees it: features by name, whether the two are the same to the person, its weight."""

    features: Mapping[str, float]
    same: bool
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Prior:
    """The shipped model: means and deviations of the features, weights and bias, all in the order of `NAMES`, and where
    they come from."""

    mean: Vector
    deviation: Vector
    weights: Vector
    bias: float
    provenance: str = ""

    def standardised(self, features: Mapping[str, float]) -> Vector:
        """The features as the weights see them, between -3 and 3; 0 for what nobody measured."""
        return tuple(
            max(-_FARTHEST, min(_FARTHEST, (features[name] - mean) / deviation)) if name in features else 0.0
            for name, mean, deviation in zip(NAMES, self.mean, self.deviation, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted model. `rejected`: the standardised pairs that somebody called different; `answers`: how many it has."""

    prior: Prior
    weights: Vector
    bias: float
    rejected: tuple[Vector, ...] = ()
    answers: int = 0

    def logit(self, features: Mapping[str, float]) -> float:
        """The log-odds that a person calls this pair the same, within the bounds that the module promises."""
        z = self.prior.standardised(features)
        shipped_odds, learned = self._odds(z)
        return learned if learned >= shipped_odds or self._no_better_than_a_rejected(z) else shipped_odds

    def probability(self, features: Mapping[str, float]) -> float:
        """The same as a probability."""
        return _sigmoid(self.logit(features))

    def rejects(self, features: Mapping[str, float], below: float) -> float | None:
        """The probability, where the answers brought it below a threshold; None where they say nothing against a pair,
        whatever the shipped model thinks of it."""
        z = self.prior.standardised(features)
        shipped_odds, learned = self._odds(z)
        if learned >= shipped_odds or _sigmoid(learned) >= below or not self._no_better_than_a_rejected(z):
            return None
        return _sigmoid(learned)

    def reasons(self, features: Mapping[str, float], most: int = 3) -> list[tuple[str, float]]:
        """The features through which the answers moved this pair, the strongest first, each with its share of the
        log-odds; those that moved it the way it went."""
        z = self.prior.standardised(features)
        moved = [(w - w0) * value for w, w0, value in zip(self.weights, self.prior.weights, z, strict=True)]
        way = 1.0 if sum(moved) + self.bias - self.prior.bias >= 0 else -1.0
        told = sorted(zip(NAMES, moved, strict=True), key=lambda told: -way * told[1])
        return [(name, amount) for name, amount in told[:most] if way * amount > 0.05]

    def likeness(self, features: Mapping[str, float]) -> float:
        """By how much this pair is better than the rejected one it is nearest to; infinite when there is none."""
        z = self.prior.standardised(features)
        return min((excess(z, other) for other in self.rejected), default=math.inf)

    def _odds(self, z: Vector) -> tuple[float, float]:
        """Shipped and learned log-odds, the second within `MOST_MOVED` of the first."""
        before = _dot(self.prior.weights, z) + self.prior.bias
        after = _dot(self.weights, z) + self.bias
        return before, max(before - MOST_MOVED, min(before + MOST_MOVED, after))

    def _no_better_than_a_rejected(self, z: Vector) -> bool:
        return any(excess(z, other) <= REACH for other in self.rejected)


def excess(z: Vector, rejected: Vector) -> float:
    """By how many standard deviations a pair is better than a rejected one: the length of what it has more of
    agreement, less of difference, or other in a feature that counts either way. Being worse adds nothing, so more
    evidence for a copy never brings a pair nearer to a rejected one."""
    total = 0.0
    for ours, theirs, sign in zip(z, rejected, _SIGNS, strict=True):
        step = (ours - theirs) * sign if sign else ours - theirs
        if step > 0 or not sign:
            total += step * step
    return math.sqrt(total)


@cache
def shipped() -> Prior:
    """The prior that comes with the program. Raises `ValueError` when it is of another version of the features."""
    raw = json.loads(Path(__file__).with_name("prior.json").read_text("utf-8"))
    if raw["version"] != VERSION or tuple(raw["names"]) != NAMES:
        raise ValueError("feedback/prior.json does not fit feedback/features.py; run benchmarks/feedback_prior.py")
    return Prior(tuple(raw["mean"]), tuple(raw["deviation"]), tuple(raw["weights"]), raw["bias"], raw["provenance"])


def fit(examples: Sequence[Example], prior: Prior | None = None, pull: float = LAMBDA) -> Model:
    """The model after these answers; the prior itself when there are none. Pairs that were never compared (no features)
    teach nothing."""
    prior = prior or shipped()
    known = sorted(
        ((prior.standardised(one.features), one.same, one.weight) for one in examples if one.features), reverse=True
    )
    if not known:
        return Model(prior, prior.weights, prior.bias)
    weights, bias = _solved(known, prior, pull)
    rejected = sorted({z for z, same, _ in known if not same})
    return Model(prior, weights, bias, tuple(rejected), len(known))


def _solved(known: Sequence[tuple[Vector, bool, float]], prior: Prior, pull: float) -> tuple[Vector, float]:
    import numpy as np
    from scipy.optimize import minimize

    z = np.array([vector for vector, _, _ in known])
    y = np.array([1.0 if same else -1.0 for _, same, _ in known])
    c = np.array([weight for _, _, weight in known])
    start = np.array([*prior.weights, prior.bias])
    strength = np.array([pull] * len(NAMES) + [pull * LAMBDA_BIAS / LAMBDA])

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = y * (z @ w[:-1] + w[-1])
        slope = -c * y / (1.0 + np.exp(np.clip(margin, -60, 60)))
        value = float((c * np.logaddexp(0.0, -margin)).sum() + 0.5 * (strength * (w - start) ** 2).sum())
        return value, np.append(z.T @ slope, slope.sum()) + strength * (w - start)

    done = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*map(_bound, NAMES), (None, None)])
    return tuple(float(value) for value in done.x[:-1]), float(done.x[-1])


def _bound(name: str) -> tuple[float | None, float | None]:
    sign = SIGNS[name]
    return (0.0 if sign > 0 else None, 0.0 if sign < 0 else None)


def _sigmoid(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, odds))))


def _dot(a: Iterable[float], b: Iterable[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
