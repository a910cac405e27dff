"""What the learner learns from 0 to 80 answers of three people, and whether a promised error budget is kept.

    python benchmarks/learning.py [--testdata ../shared/testdata] [--keep DIR] [--only curves|calibration|budget]
                                  [--order drawn|all|shown|turns]

The pool is the one that the reference's figures (quality.md 8.5) fit: the labelled pairs of one scene, bursts and hard
negatives, and the variants with their sources; pairs of two scenes, which are easier, are left out. Each of twelve
seeds splits scenes and sources into two halves. Of the one half come the answers, one by one in a fixed random order,
and the prior is fitted on it alone; every pair of the other half counts in the figures. Pull, reach and votes are the
shipped ones. The reach was chosen by splitting the answering halves again, which together cover all scenes; the others
with all these photos in view. Only four scenes have hard negatives: a half in which no two are different to the person
has no balanced accuracy and is left out of its mean.

`--order drawn`: every answer is about a variant or about a pair of pairs.csv, one half each, and uniformly random among
these. Of all pairs one in sixteen is a burst, so that three of four orders would have none among their first five; the
reference's figures at five answers need such a balance too. `all`: uniformly random among all pairs; `shown`: the same
among those that the shipped gates show; `turns`: among these, in turns, pairs that are the same to the person and pairs
that are not, which needs the true answers.

A pair counts as taken for the same when the gates show it and the answers do not speak against it, so that 0 answers
are the shipped thresholds by construction. `balanced` is the mean of the shares of both sides that are right, `recall`
the share of the same that is found before more than one in a hundred of what was found is wrong; `score` is `balanced`
of the learned score alone, without gates. Beside it: a threshold of the hash distance and one of a cosine, each moved
to where it separates the answers best, and seed 002's rule (reference features.md 1.3), which lowers the cosine of
whatever resembles a rejected pair.

An error budget is a share of the pairs above the promised threshold. Some of the shown pairs of the half that counts
are drawn at random and audited, and those alone prove the promise; whether it was kept is seen on all the others, which
no audit saw. Where nothing is promised nothing is broken.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from feedback_pairs import Labelled, default_testdata, pairs
from feedback_prior import prior_of
from numpy.typing import NDArray

from feedback.certificate import Audited, certify
from feedback.features import features
from feedback.judge import HIDDEN_BELOW
from feedback.learner import Example, Model, Prior, fit

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
    """The labelled pairs as columns. Equal pixels are left out: nobody is asked about them. `pool`: the pairs that
    answers and figures are about."""

    def __init__(self, found: Sequence[Labelled]) -> None:
        self.pairs = [one for one in found if not one.evidence.pixels_equal]
        self.features = [features(one.evidence, one.a, one.b) for one in self.pairs]
        self.kinds = np.array([one.kind for one in self.pairs])
        self.pool: Bools = self.kinds != "other"
        self.variants: Bools = np.isin(self.kinds, list(_COPIES))
        self.relations = np.array([one.edge.relation if one.edge else "" for one in self.pairs])
        self.shown: Bools = self.relations != ""
        self.hashes: Floats = np.array([-min(one.evidence.distance, 128) / 128 for one in self.pairs])
        self.vectors = np.stack([one.vectors for one in self.pairs])
        self.cosines: Floats = np.einsum("nd,nd->n", self.vectors[:, 0], self.vectors[:, 1]).astype(np.float64)

    def halves(self, among: Bools, draw: np.random.Generator) -> tuple[Bools, Bools]:
        """Two halves of the scenes and sources of some pairs; a pair of two halves is in neither."""
        names = sorted({scene for place in np.flatnonzero(among) for scene in self.pairs[place].scenes})
        first = {names[at] for at in draw.permutation(len(names))[: len(names) // 2]}
        inside = [[scene in first for scene in one.scenes] for one in self.pairs]
        return among & np.array([all(row) for row in inside]), among & np.array([not any(row) for row in inside])


@dataclass(frozen=True, slots=True)
class Split:
    """A table in two halves. `teach`: the pairs that answers are about; `test`: those that count; `prior`: fitted
    without the scenes of the second half; `z`: all pairs, standardised by it."""

    table: Table
    teach: Bools
    test: Bools
    prior: Prior
    z: Floats

    def taught(self, told: Answers) -> Model:
        """The model after these answers."""
        known = [Example(self.table.features[at], same) for at, same in zip(told.places, told.same, strict=True)]
        return fit(known, self.prior)


def split_of(table: Table, draw: np.random.Generator) -> Split:
    """Scenes and sources in two halves, and the prior of the first."""
    first, second = table.halves(np.ones(len(table.pairs), bool), draw)
    prior = prior_of([table.pairs[at] for at in np.flatnonzero(first)])
    z = np.array([prior.standardised(told) for told in table.features])
    return Split(table, first & table.pool, second & table.pool, prior, z)


def answers(split: Split, same: Bools, draw: np.random.Generator, order: str, flipped: float) -> Answers:
    """The longest list of answers that is revealed, in one fixed random order; some of them are slips."""
    places = _order(split, same, draw, order)[: max(COUNTS)]
    slips = draw.random(len(places)) < flipped
    return Answers(places, [bool(same[place]) != bool(slip) for place, slip in zip(places, slips, strict=True)])


def _order(split: Split, same: Bools, draw: np.random.Generator, order: str) -> list[int]:
    asked = split.teach if order in ("drawn", "all") else split.teach & split.table.shown
    if order == "turns":
        sides = [draw.permutation(np.flatnonzero(asked & side)).tolist() for side in (same, ~same)]
        return [place for turn in zip(*sides, strict=False) for place in turn]
    places: list[int] = draw.permutation(np.flatnonzero(asked)).tolist()
    if order != "drawn":
        return places
    kept: dict[bool, list[int]] = {True: [], False: []}
    for place in places:
        kept[bool(split.table.variants[place])].append(place)
    drawn = []
    for heads in draw.random(len(places)) < 0.5:
        kind = bool(heads) if kept[bool(heads)] else not heads
        drawn.append(kept[kind].pop())
    return drawn


Judged = tuple[Bools, Floats]
Rule = Callable[[Split, Answers], Judged]
"""For the pairs that count: taken for the same or not, and a score by which they can be ranked."""


def learner(split: Split, told: Answers) -> Judged:
    """What the program does: the gates show, and the answers may speak against it."""
    model, shown, z = split.taught(told), split.table.shown[split.test], split.z[split.test]
    scores = model.logits(z)
    kept: Bools = shown & np.isnan(model.rejections(z, HIDDEN_BELOW))
    return kept, np.where(shown, scores, scores.min() - 1)


def shipped_thresholds(split: Split, told: Answers) -> Judged:
    """The gates alone, whatever was answered; ranked by the shipped score."""
    return learner(split, first(told, 0))


def score_alone(split: Split, told: Answers) -> Judged:
    """The learned score without the gates."""
    scores = split.taught(told).logits(split.z[split.test])
    return scores >= 0, scores


def threshold(column: str) -> Rule:
    """A threshold of one number, moved to where it separates the answers best; before any, where it separates variants
    best from all others of the half that teaches."""

    def rule(split: Split, told: Answers) -> Judged:
        values: Floats = getattr(split.table, column)
        least = separating(values[split.teach], split.table.variants[split.teach])
        if len(set(told.same)) == 2:
            least = separating(values[list(told.places)], np.array(told.same))
        return values[split.test] >= least, values[split.test]

    return rule


def seed_002(split: Split, told: Answers) -> Judged:
    """Every rejected pair takes a tenth of the largest cosine between its photos and this pair's, where that is above
    0.85. Cosines are stretched so that 0.85 is the best threshold before any answer, as it is meant there."""
    table = split.table
    best = separating(table.cosines[split.teach], table.variants[split.teach])

    def stretched(cosines: Floats) -> Floats:
        return 1 - (1 - cosines) * 0.15 / (1 - best)

    adjusted = stretched(table.cosines[split.test])
    vectors = table.vectors[split.test]
    for place, same in zip(told.places, told.same, strict=True):
        if not same:
            cross = np.einsum("nad,bd->nab", vectors, table.vectors[place]).max(axis=(1, 2)).astype(np.float64)
            found = stretched(cross)
            adjusted = adjusted - np.where(found > 0.85, 0.1 * found, 0.0)
    return np.clip(adjusted, 0, 1) >= 0.85, adjusted


RULES: dict[str, Rule] = {
    "shipped thresholds": shipped_thresholds,
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
    """Mean of the shares of both sides that are right; NaN where a side has no pair."""
    if same.all() or not same.any():
        return float("nan")
    return float((taken[same].mean() + 1 - taken[~same].mean()) / 2)


def recall(scores: Floats, same: Bools, precision: float = 0.99) -> float:
    """The share of the same above the lowest score down to which this precision holds; equal scores stay together."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(same[order])
    cut = np.append(np.diff(scores[order]) != 0, True) & (right / np.arange(1, len(order) + 1) >= precision)
    return float(right[cut].max() / same.sum()) if cut.any() else 0.0


def curves(table: Table, order: str) -> Iterator[str]:
    """A line a person and rule: balanced accuracy / recall at 99 % precision, means of the seeds."""
    made = [split_of(table, np.random.default_rng(seed)) for seed in range(SEEDS)]
    yield f"{'':38}" + "".join(f"{count:>12}" for count in COUNTS)
    for person, kinds in PEOPLE.items():
        for flipped in (0.0, FLIPPED):
            found: dict[tuple[str, int], list[tuple[float, float]]] = {}
            for seed, split in enumerate(made):
                same = np.isin(split.table.kinds, list(kinds))
                told = answers(split, same, np.random.default_rng((seed, 1)), order, flipped)
                for count, (name, rule) in product(COUNTS, RULES.items()):
                    taken, scores = rule(split, first(told, count))
                    result = balanced(taken, same[split.test]), recall(scores, same[split.test])
                    found.setdefault((name, count), []).append(result)
            yield f"{person}, {flipped:.0%} slips"
            for name in RULES:
                means = [np.nanmean(found[name, count], axis=0) for count in COUNTS]
                yield f"  {name:36}" + "".join(f"{a:>7.3f}/{b:.2f}" for a, b in means)


def calibration(table: Table) -> Iterator[str]:
    """A line a person and relation: the mean probability that the score gives to the shown pairs that count, the share
    that is the same, and the mean distance of the two in ten bins of equal width; after answers about shown pairs in
    uniformly random order."""
    made = [split_of(table, np.random.default_rng(seed)) for seed in range(SEEDS)]
    for person, kinds in PEOPLE.items():
        same = np.isin(table.kinds, list(kinds))
        for count in (0, 20, 80):
            found: dict[str, list[tuple[Floats, Bools]]] = {}
            for seed, split in enumerate(made):
                told = first(answers(split, same, np.random.default_rng((seed, 1)), "shown", 0.0), count)
                chances = 1 / (1 + np.exp(-split.taught(told).logits(split.z[split.test])))
                for relation in ("near", "similar", "series"):
                    some = table.relations[split.test] == relation
                    found.setdefault(relation, []).append((chances[some], same[split.test][some]))
            yield f"  {person:20} {count:>3} answers  " + "  ".join(map(_calibrated, found, found.values()))


def _calibrated(relation: str, found: Sequence[tuple[Floats, Bools]]) -> str:
    chances, same = (np.concatenate([one[place] for one in found]) for place in (0, 1))
    bins = np.minimum((chances * 10).astype(int), 9)
    apart = sum(abs(float((chances[bins == n] - same[bins == n]).sum())) for n in range(10)) / len(chances)
    return f"{relation}: says {chances.mean():.2f}, is {same.mean():.2f}, off by {apart:.2f}"


def budget(table: Table, order: str, splits: int = 100) -> Iterator[str]:
    """How often a promised share of wrong pairs is kept, among the pairs that were not audited."""
    outcomes: dict[tuple[str, float], list[tuple[float, float] | None]] = {}
    for seed in range(splits):
        split = split_of(table, np.random.default_rng(1000 + seed))
        for (person, kinds), share in product(PEOPLE.items(), BUDGETS):
            same = np.isin(table.kinds, list(kinds))
            promise = _promise(split, same, share, np.random.default_rng((seed, 2)), order)
            outcomes.setdefault((person, share), []).append(promise)
    for (person, share), found in outcomes.items():
        promised = [one for one in found if one is not None]
        broken = sum(wrong > share for wrong, _ in promised)
        reach = f"{np.mean([freed for _, freed in promised]):.0%} of what is shown" if promised else "nothing"
        yield (
            f"  {person:20} at most {share:.0%} wrong: kept in {splits - broken} of {splits} "
            f"(promised in {len(promised)}, then for {reach}; broken in {broken})"
        )


def _promise(
    split: Split, same: Bools, share: float, draw: np.random.Generator, order: str
) -> tuple[float, float] | None:
    """One library: a few answers teach, others are drawn at random to audit, and the rest shows whether the promise is
    kept. (share of wrong pairs above the threshold, share of the rest that lies above); None when none is promised."""
    model = split.taught(first(answers(split, same, draw, order, 0.0), TAUGHT))
    places = draw.permutation(np.flatnonzero(split.test & split.table.shown))
    scores = model.logits(split.z[places])
    wrong = ~same[places]
    audits = [Audited(float(s), bool(w)) for s, w in zip(scores[:AUDITS], wrong[:AUDITS], strict=True)]
    proved = certify(audits, share)
    if proved.threshold is None:
        return None
    above = scores[AUDITS:] >= proved.threshold
    return float(wrong[AUDITS:][above].mean()) if above.any() else 0.0, float(above.mean())


def first(told: Answers, count: int) -> Answers:
    return Answers(told.places[:count], told.same[:count])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=Path, default=default_testdata())
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=("curves", "calibration", "budget"))
    parser.add_argument("--order", choices=("drawn", "all", "shown", "turns"), default="drawn")
    options = parser.parse_args()
    table = Table(pairs(options.testdata / "photos", options.keep))
    print(f"{int(table.pool.sum()):,} labelled pairs, {int((table.pool & table.shown).sum()):,} of them shown")
    if options.only in (None, "curves"):
        print(f"\n{SEEDS} seeds; balanced accuracy / recall at 99 % precision, by number of answers")
        for line in curves(table, options.order):
            print(line, flush=True)
    if options.only in (None, "calibration"):
        print(f"\nprobabilities by relation, {SEEDS} seeds")
        for line in calibration(table):
            print(line, flush=True)
    if options.only in (None, "budget"):
        print(f"\nerror budgets, {AUDITS} random answers each")
        for line in budget(table, options.order):
            print(line, flush=True)


if __name__ == "__main__":
    main()
