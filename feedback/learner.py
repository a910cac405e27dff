"""The learned score: how likely a person calls two photos the same, from their answers so far.

Logistic regression, fitted as the maximum a posteriori around the shipped prior::

    min_w  Σ c_i log(1 + exp(-y_i (w·z_i + b)))  +  ½ Σ_k λ_k (w_k - w0_k)²  +  ½ λ_b (b - b0)²

z are the features of `features.py`, standardised by the prior's means and deviations (a feature that nobody measured
counts as the mean, so it says nothing); y is +1 for "same" and -1 for "not similar" and "alternate"; c is the weight of
an answer, which the pairs of one answer about a group share. λ = 1 and λ_b = 0.1 pull towards what is shipped; matters
of taste (`TASTES`: edits, frames, changed regions, times) are held by a tenth of that, because there the shipped model
can know least. No answers move nothing, and twenty learn most of what there is to learn
(`benchmarks/learning.py`). Weights of agreement stay ≥ 0 and of difference ≤ 0 (bounds of L-BFGS-B, Byrd, Lu, Nocedal
and Zhu 1995): more evidence for a copy never lowers its score. The optimum is unique (the penalty is strictly convex),
so the order of answers changes nothing, and a revoked answer leaves no trace. The form is the maximum a posteriori of
logistic regression with a Gaussian prior (Bishop 2006, 4.5); w0 is `prior.json`, made by
`benchmarks/feedback_prior.py`.

Two bounds hold whatever was answered. The answers move the log-odds of no pair by more than `MOST_MOVED`. And they
speak against a pair only when rejections worth `LEAST_VOTES` answers are of pairs that it is not clearly better than
(see `excess`): a click or two, meant or not, move nothing but what they were about. Elsewhere the score is at least the
shipped one, so nothing is lost among pairs unlike the rejected ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedback.features import NAMES, SIGNS, VERSION

TASTES = ("look", "border", "altered", "local_difference", "same_time", "other_time")
PULL: Mapping[str, float] = {name: 0.1 if name in TASTES else 1.0 for name in NAMES}
PULL_BIAS = 0.1
MOST_MOVED = 8.0
LEAST_VOTES = 3.0
REACH = 4.5
_FARTHEST = 3.0  # standard deviations: one odd feature makes a pair unlike, but not infinitely so
_ROUNDING = 1e-9
_AT_ONCE = 256

_SIGNS = np.array(list(SIGNS.values()), np.float64)

Vector = tuple[float, ...]
Array = NDArray[np.float64]


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
    """A fitted model. `rejected`: the standardised pairs that somebody called different, each with the share of an
    answer that it is worth; `answers`: how many it has."""

    prior: Prior
    weights: Vector
    bias: float
    rejected: tuple[tuple[Vector, float], ...] = ()
    answers: int = 0
    _stacked: tuple[Array, Array] | None = field(default=None, compare=False, repr=False)

    def logits(self, z: Array) -> Array:
        """The log-odds (n,) that a person calls these standardised pairs (n, d) the same, within the bounds that the
        module promises."""
        before, after = self._odds(z)
        lower = after < before
        lower[lower] = ~self._spoken_against(z[lower])
        return np.where(lower, before, after)

    def rejections(self, z: Array, below: float) -> Array:
        """The probabilities (n,) of standardised pairs (n, d), where the answers brought them below a threshold; NaN
        where they say nothing against a pair, whatever the shipped model thinks of it."""
        before, after = self._odds(z)
        chances = 1.0 / (1.0 + np.exp(-np.clip(after, -60, 60)))
        lower = (after < before) & (chances < below)
        lower[lower] = self._spoken_against(z[lower])
        return np.where(lower, chances, np.nan)

    def logit(self, features: Mapping[str, float]) -> float:
        """The log-odds of one pair."""
        return float(self.logits(self._one(features))[0])

    def probability(self, features: Mapping[str, float]) -> float:
        """The same as a probability."""
        return _sigmoid(self.logit(features))

    def rejects(self, features: Mapping[str, float], below: float) -> float | None:
        """The probability of one pair, where the answers brought it below a threshold; None otherwise."""
        found = float(self.rejections(self._one(features), below)[0])
        return None if math.isnan(found) else found

    def reasons(self, features: Mapping[str, float], most: int = 3) -> list[tuple[str, float]]:
        """The features through which the answers moved this pair, the strongest first, each with its share of the
        log-odds; those that moved it the way it went."""
        z = self.prior.standardised(features)
        moved = [(w - w0) * value for w, w0, value in zip(self.weights, self.prior.weights, z, strict=True)]
        way = 1.0 if sum(moved) + self.bias - self.prior.bias >= 0 else -1.0
        told = sorted(zip(NAMES, moved, strict=True), key=lambda told: -way * told[1])
        return [(name, amount) for name, amount in told[:most] if way * amount > 0.05]

    def votes(self, z: Array) -> Array:
        """How many answers (n,) rejected a pair that these standardised ones (n, d) are not clearly better than."""
        if self._stacked is None:
            return np.zeros(len(z))
        pairs, worth = self._stacked
        rows = [(excess(z[at : at + _AT_ONCE, None], pairs) <= REACH) @ worth for at in range(0, len(z), _AT_ONCE)]
        return np.concatenate(rows) if rows else np.zeros(0)

    def _one(self, features: Mapping[str, float]) -> Array:
        return np.array([self.prior.standardised(features)])

    def _odds(self, z: Array) -> tuple[Array, Array]:
        """Shipped and learned log-odds, the second within `MOST_MOVED` of the first."""
        before = z @ np.array(self.prior.weights) + self.prior.bias
        after = z @ np.array(self.weights) + self.bias
        return before, np.clip(after, before - MOST_MOVED, before + MOST_MOVED)

    def _spoken_against(self, z: Array) -> NDArray[np.bool_]:
        against: NDArray[np.bool_] = self.votes(z) >= LEAST_VOTES - _ROUNDING
        return against


def excess(z: Array, rejected: Array) -> Array:
    """By how many standard deviations pairs (…, d) are better than rejected ones (n, d), float64 (…, n): the length of
    what they have more of agreement, less of difference, or other in a feature that counts either way. Being worse adds
    nothing, so more evidence for a copy never brings a pair nearer to a rejected one."""
    step = z - rejected
    better = np.where(_SIGNS == 0, step, np.maximum(step * _SIGNS, 0.0))
    lengths: Array = np.sqrt((better * better).sum(axis=-1))
    return lengths


@cache
def shipped() -> Prior:
    """The prior that comes with the program. Raises `ValueError` when it is of another version of the features."""
    raw = json.loads(Path(__file__).with_name("prior.json").read_text("utf-8"))
    if raw["version"] != VERSION or tuple(raw["names"]) != NAMES:
        raise ValueError("feedback/prior.json does not fit feedback/features.py; run benchmarks/feedback_prior.py")
    return Prior(tuple(raw["mean"]), tuple(raw["deviation"]), tuple(raw["weights"]), raw["bias"], raw["provenance"])


def fit(examples: Sequence[Example], prior: Prior | None = None, pull: Mapping[str, float] = PULL) -> Model:
    """The model after these answers; the prior itself when there are none. Pairs that were never compared (no features)
    teach nothing. `pull`: λ of each feature."""
    prior = prior or shipped()
    known = sorted(
        ((prior.standardised(one.features), one.same, one.weight) for one in examples if one.features), reverse=True
    )
    if not known:
        return Model(prior, prior.weights, prior.bias)
    weights, bias = _solved(known, prior, pull)
    rejected = [(z, weight) for z, same, weight in known if not same]
    stacked = (np.array([z for z, _ in rejected]), np.array([worth for _, worth in rejected])) if rejected else None
    return Model(prior, weights, bias, tuple(rejected), len(known), stacked)


def _solved(
    known: Sequence[tuple[Vector, bool, float]], prior: Prior, pull: Mapping[str, float]
) -> tuple[Vector, float]:
    from scipy.optimize import minimize

    z = np.array([vector for vector, _, _ in known])
    y = np.array([1.0 if same else -1.0 for _, same, _ in known])
    c = np.array([weight for _, _, weight in known])
    start = np.array([*prior.weights, prior.bias])
    strength = np.array([*(pull[name] for name in NAMES), PULL_BIAS])

    def loss(w: Array) -> tuple[float, Array]:
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
