"""Fit the prior that ships with the learner, on the developers' half of the evaluation photos, and write
feedback/prior.json.

    python benchmarks/feedback_prior.py [--testdata ../shared/testdata] [--keep DIR] [--dry-run]

What is shipped answers the question of the review: is this pair worth a look? So copies, edits and bursts count as the
same, hard negatives and other scenes as different; kinds weigh alike, however many pairs there are of each. The bias is
chosen so that no pair which the shipped gates accept is scored below one half more often than one in a thousand.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from feedback_pairs import Labelled, default_testdata, pairs

from feedback.features import NAMES, VERSION, features
from feedback.learner import Example, Model, Prior, fit

PULL = dict.fromkeys(NAMES, 30.0)
_DIFFERENT = ("hardneg", "other")
_EACH = 400.0
_LEAST_DEVIATION = 0.05
_ACCEPTED_BELOW_HALF = 0.001
_UNMEASURED = (0.5, 0.25)
"""Mean and deviation of what these photos do not have (the resemblance that a model sees): its weight stays at 0."""


def prior_of(found: Sequence[Labelled]) -> Prior:
    """Means, deviations, weights and bias from these pairs."""
    known = [(one, features(one.evidence, one.a, one.b)) for one in found if not one.evidence.pixels_equal]
    share = Counter(one.kind for one, _ in known)
    mean, deviation = [], []
    for name in NAMES:
        values = [told[name] for _, told in known if name in told]
        weights = [1 / share[one.kind] for one, told in known if name in told]
        if not values or max(values) == min(values):
            mean.append(_UNMEASURED[0] if not values else values[0])
            deviation.append(_UNMEASURED[1] if not values else 1.0)
            continue
        middle = float(np.average(values, weights=weights))
        spread = float(np.sqrt(np.average((np.array(values) - middle) ** 2, weights=weights)))
        mean.append(round(middle, 4))
        deviation.append(round(max(spread, _LEAST_DEVIATION), 4))
    blank = Prior(tuple(mean), tuple(deviation), (0.0,) * len(NAMES), 0.0)
    shown = len(set(share) - set(_DIFFERENT))
    examples = [
        Example(
            told, one.kind not in _DIFFERENT, _EACH / share[one.kind] / (1 if one.kind in _DIFFERENT else shown / 2)
        )
        for one, told in known
    ]
    model = fit(examples, blank, PULL)
    return Prior(blank.mean, blank.deviation, tuple(round(w, 4) for w in model.weights), _bias(model, known))


def _bias(model: Model, known: Sequence[tuple[Labelled, dict[str, float]]]) -> float:
    """The fitted one, raised until next to no accepted pair is below one half."""
    logits = sorted(
        sum(w * z for w, z in zip(model.weights, model.prior.standardised(told), strict=True))
        for one, told in known
        if one.edge is not None
    )
    least = logits[int(len(logits) * _ACCEPTED_BELOW_HALF)]
    return round(max(model.bias, 0.01 - least), 4)


def main() -> None:
    """Fit, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=Path, default=default_testdata())
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    found = pairs(options.testdata / "photos", options.keep)
    prior = prior_of(found)
    for name, weight in sorted(zip(NAMES, prior.weights, strict=True), key=lambda told: -abs(told[1])):
        print(f"  {name:16} {weight:+.3f}")
    print(f"  {'bias':16} {prior.bias:+.3f}")
    told = {
        "version": VERSION,
        "names": NAMES,
        "mean": prior.mean,
        "deviation": prior.deviation,
        "weights": prior.weights,
        "bias": prior.bias,
        "provenance": f"benchmarks/feedback_prior.py, developers' half of the evaluation photos, {len(found)} pairs",
    }
    if not options.dry_run:
        target = Path(__file__).parents[1] / "feedback" / "prior.json"
        target.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
