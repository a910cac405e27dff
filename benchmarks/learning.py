"""What the learner learns from 0 to 80 answers of three people, and whether a promised error budget is kept.

    python benchmarks/learning.py [--testdata ../shared/testdata] [--keep DIR] [--only curves|budget] [--order shown]

People answer about pairs that the shipped gates show, of one half of the scenes and sources, in twelve fixed random
orders; what they would say about every labelled pair of the other half is what counts. In turns they meet a pair that
is the same to them and one that is not (`--order shown`: whatever comes of what is shown). A pair counts as taken for
the same when the gates show it and the answers do not speak against it, so that 0 answers are the shipped thresholds.

`balanced` is the mean of the shares of both sides that are right, `recall` the share of the same that is found before
more than one in a hundred of what was found is wrong; `score` is `balanced` of the learned score alone, without gates.
Beside it: a threshold of the hash distance and one of a cosine, each moved to where it separates the answers best, and
seed 002's rule (reference features.md 1.3), which lowers the cosine of whatever resembles a rejected pair.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from feedback_pairs import Labelled, default_testdata, pairs
from numpy.typing import NDArray

from feedback.certificate import Audited, certify
from feedback.features import features
from feedback.judge import HIDDEN_BELOW
from feedback.learner import Example, Model, fit, shipped

COUNTS = (0, 5, 10, 20, 40, 80)
SEEDS = 12
FLIPPED = 0.1
BUDGETS = (0.05, 0.02)
AUDITS, TAUGHT = 400, 40
_COPIES = frozenset(("copy", "edit", "crop", "geom", "overlay", "combo"))
PEOPLE = {
    "copies only": _COPIES,
    "bursts too": _COPIES | {"burst"},
    "keep my edits apart": frozenset(("copy", "crop", "geom")),
}
"""The kinds of pairs that each calls the same."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said so far: places of pairs in the table, and whether they are the same to her."""

    places: Sequence[int]
    same: Sequence[bool]


class Table:
    """The labelled pairs as columns. Equal pixels are left out: nobody is asked about them."""

    def __init__(self, found: Sequence[Labelled]) -> None:
        self.pairs = [one for one in found if not one.evidence.pixels_equal]
        self.features = [features(one.evidence, one.a, one.b) for one in self.pairs]
        self.z: Floats = np.array([shipped().standardised(told) for told in self.features])
        self.kinds = np.array([one.kind for one in self.pairs])
        self.shown: Bools = np.array([one.edge is not None for one in self.pairs])
        self.near: Bools = np.array([one.edge is not None and one.edge.relation == "near" for one in self.pairs])
        self.hashes: Floats = np.array([-min(one.evidence.distance, 128) / 128 for one in self.pairs])
        self.vectors = np.stack([one.vectors for one in self.pairs])
        self.cosines: Floats = np.einsum("nd,nd->n", self.vectors[:, 0], self.vectors[:, 1]).astype(np.float64)

    def split(self, draw: np.random.Generator) -> tuple[Bools, Bools]:
        """Two halves of the scenes and sources; a pair of two halves is in neither."""
        names = sorted({scene for one in self.pairs for scene in one.scenes})
        first = {names[at] for at in draw.permutation(len(names))[: len(names) // 2]}
        inside = [[scene in first for scene in one.scenes] for one in self.pairs]
        return np.array([all(row) for row in inside]), np.array([not any(row) for row in inside])


def answers(table: Table, train: Bools, same: Bools, draw: np.random.Generator, order: str, flipped: float) -> Answers:
    """The longest list of answers that is revealed, in one fixed random order; some of them are slips."""
    asked = train & table.shown
    sides = [draw.permutation(np.flatnonzero(asked & side)) for side in (same, ~same)]
    if order == "shown":
        places = draw.permutation(np.flatnonzero(asked))
    else:
        places = np.array([place for turn in zip(*sides, strict=False) for place in turn])
    chosen = [int(place) for place in places[: max(COUNTS)]]
    slips = draw.random(len(chosen)) < flipped
    return Answers(chosen, [bool(same[place]) != bool(slip) for place, slip in zip(chosen, slips, strict=True)])


Judged = tuple[Bools, Floats]
Rule = Callable[[Table, Answers, Bools], Judged]
"""For the pairs of a mask: taken for the same or not, and a score by which they can be ranked."""


def taught(table: Table, told: Answers) -> Model:
    """The model after these answers."""
    return fit(
        [Example(table.features[place], same) for place, same in zip(told.places, told.same, strict=True)],
    )


def learner(table: Table, told: Answers, test: Bools) -> Judged:
    """What the program does: the gates show, and the answers may speak against it."""
    model, shown = taught(table, told), table.shown[test]
    scores = model.logits(table.z[test])
    kept: Bools = shown & np.isnan(model.rejections(table.z[test], HIDDEN_BELOW))
    return kept, np.where(shown, scores, scores.min() - 1)


def score_alone(table: Table, told: Answers, test: Bools) -> Judged:
    """The learned score without the gates."""
    scores = taught(table, told).logits(table.z[test])
    return scores >= 0, scores


def threshold(column: str) -> Rule:
    """A threshold of one number, moved to where it separates the answers best; before any, where it separates the kinds
    best that are the same to everybody from other scenes."""

    def rule(table: Table, told: Answers, test: Bools) -> Judged:
        values: Floats = getattr(table, column)
        start = separating(values, np.isin(table.kinds, list(_COPIES)))
        least = start
        if len(set(told.same)) == 2:
            least = separating(values[list(told.places)], np.array(told.same))
        return values[test] >= least, values[test]

    return rule


def seed_002(table: Table, told: Answers, test: Bools) -> Judged:
    """Every rejected pair takes a tenth of the largest cosine between its photos and this pair's, where that is above
    0.85. Cosines are stretched so that 0.85 is the best threshold before any answer, as it is meant there."""
    best = separating(table.cosines, np.isin(table.kinds, list(_COPIES)))

    def stretched(cosines: Floats) -> Floats:
        return 1 - (1 - cosines) * 0.15 / (1 - best)

    adjusted = stretched(table.cosines[test])
    vectors = table.vectors[test]
    for place, same in zip(told.places, told.same, strict=True):
        if not same:
            cross = np.einsum("nad,bd->nab", vectors, table.vectors[place]).max(axis=(1, 2)).astype(np.float64)
            found = stretched(cross)
            adjusted = adjusted - np.where(found > 0.85, 0.1 * found, 0.0)
    return np.clip(adjusted, 0, 1) >= 0.85, adjusted


RULES: dict[str, Rule] = {
    "gates and answers": learner,
    "score alone": score_alone,
    "hash threshold": threshold("hashes"),
    "cosine threshold": threshold("cosines"),
    "seed 002": seed_002,
}


def separating(values: Floats, same: Bools) -> float:
    """The threshold with the best balanced accuracy."""
    order = np.argsort(-values, kind="stable")
    right, wrong = np.cumsum(same[order]) / same.sum(), np.cumsum(~same[order]) / (~same).sum()
    return float(values[order][int(np.argmax(right - wrong))])


def balanced(taken: Bools, same: Bools) -> float:
    """Mean of the shares of both sides that are right."""
    return float((taken[same].mean() + 1 - taken[~same].mean()) / 2)


def recall(scores: Floats, same: Bools, precision: float = 0.99) -> float:
    """The share of the same above the lowest score down to which this precision holds; equal scores stay together."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(same[order])
    cut = np.append(np.diff(scores[order]) != 0, True) & (right / np.arange(1, len(order) + 1) >= precision)
    return float(right[cut].max() / same.sum()) if cut.any() else 0.0


def curves(table: Table, order: str) -> Iterator[str]:
    """A line a person and rule: balanced accuracy / recall at 99 % precision, means of the seeds."""
    yield f"{'':38}" + "".join(f"{count:>12}" for count in COUNTS)
    for person, kinds in PEOPLE.items():
        same = np.isin(table.kinds, list(kinds))
        for flipped in (0.0, FLIPPED):
            found: dict[tuple[str, int], list[tuple[float, float]]] = {}
            for seed in range(SEEDS):
                draw = np.random.default_rng(seed)
                train, test = table.split(draw)
                told = answers(table, train, same, draw, order, flipped)
                for count in COUNTS:
                    few = Answers(told.places[:count], told.same[:count])
                    for name, rule in RULES.items():
                        taken, scores = rule(table, few, test)
                        result = balanced(taken, same[test]), recall(scores, same[test])
                        found.setdefault((name, count), []).append(result)
            yield f"{person}, {flipped:.0%} slips"
            for name in RULES:
                means = [np.mean(found[name, count], axis=0) for count in COUNTS]
                yield f"  {name:36}" + "".join(f"{a:>7.3f}/{b:.2f}" for a, b in means)


def budget(table: Table, splits: int = 100) -> Iterator[str]:
    """How often a promised share of wrong pairs is kept, among the pairs that were not audited."""
    for person, kinds in PEOPLE.items():
        same = np.isin(table.kinds, list(kinds))
        for share in BUDGETS:
            kept, promised, freed = 0, 0, []
            for seed in range(splits):
                outcome = _promise(table, same, share, np.random.default_rng(1000 + seed))
                kept += outcome is None or outcome[0] <= share
                promised += outcome is not None
                freed += [outcome[1]] if outcome is not None else []
            reach = f"{np.mean(freed):.0%} of what is shown" if freed else "nothing"
            yield (
                f"  {person:20} at most {share:.0%} wrong: kept in {kept} of {splits}, "
                f"promised in {promised}, then for {reach}"
            )


def _promise(table: Table, same: Bools, share: float, draw: np.random.Generator) -> tuple[float, float] | None:
    """One library: a few answers teach, others are drawn at random to audit, and the rest shows whether the promise is
    kept. (share of wrong pairs above the threshold, share of the rest that lies above); None when none is promised."""
    train, test = table.split(draw)
    model = taught(table, _first(answers(table, train, same, draw, "turns", 0.0), TAUGHT))
    places = draw.permutation(np.flatnonzero(test & table.shown))
    scores = model.logits(table.z[places])
    wrong = ~same[places]
    audits = [Audited(float(s), bool(w)) for s, w in zip(scores[:AUDITS], wrong[:AUDITS], strict=True)]
    proved = certify(audits, share)
    if proved.threshold is None:
        return None
    above = scores[AUDITS:] >= proved.threshold
    return float(wrong[AUDITS:][above].mean()) if above.any() else 0.0, float(above.mean())


def _first(told: Answers, count: int) -> Answers:
    return Answers(told.places[:count], told.same[:count])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=Path, default=default_testdata())
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=("curves", "budget"))
    parser.add_argument("--order", choices=("turns", "shown"), default="turns")
    options = parser.parse_args()
    table = Table(pairs(options.testdata / "photos", options.keep))
    print(f"{len(table.pairs):,} labelled pairs, {int(table.shown.sum()):,} of them shown; {SEEDS} seeds\n")
    if options.only != "budget":
        print("balanced accuracy / recall at 99 % precision, by number of answers")
        for line in curves(table, options.order):
            print(line, flush=True)
    if options.only != "curves":
        print(f"\nerror budgets, {AUDITS} random answers each")
        for line in budget(table):
            print(line, flush=True)


if __name__ == "__main__":
    main()
