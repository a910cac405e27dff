from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from dedupe_core.store.labels import Label, Verdict
from feedback.certificate import Audited, Certificate, certificates, certify, needed, upper_bound
from feedback.features import features
from feedback.judge import examples
from feedback.learner import fit, shipped
from feedback.rules import APPROVALS, KINDS, kind_of, ladder
from tests.feedback.libraries import label
from tests.feedback.test_learner import EDITED, PLAIN, A, B

PROVED = Certificate(0.01, 0.8, 400, 0, 0.0075, 0)
OPEN = Certificate(0.01, None, 20, 0, 0.14, 279)


def test_the_bound_is_clopper_and_pearsons() -> None:
    for budget, pairs in ((0.05, 59), (0.02, 149), (0.01, 299), (0.005, 598), (0.001, 2995)):
        assert needed(budget) == pairs
        assert upper_bound(0, pairs) <= budget < upper_bound(0, pairs - 1)
    assert upper_bound(3, 100) == pytest.approx(0.0757, abs=1e-3)
    assert upper_bound(0, 0) == 1.0


def test_too_few_answers_promise_nothing_and_say_how_many_are_missing() -> None:
    found = certify([Audited(0.9, False)] * 40, 0.01)
    assert (found.threshold, found.missing) == (None, 259)
    assert "259 more answers" in found.sentence()


def test_enough_faultless_answers_promise_the_budget_down_to_their_lowest_score() -> None:
    found = certify([Audited(0.5 + n / 1000, False) for n in range(400)], 0.01)
    assert found.threshold == 0.5
    assert found.bound <= 0.01


def test_the_threshold_stops_where_wrong_pairs_begin() -> None:
    audits = [Audited(0.9 + n / 10_000, False) for n in range(400)] + [Audited(0.5, n % 2 == 0) for n in range(100)]
    found = certify(audits, 0.01)
    assert found.threshold is not None
    assert found.threshold >= 0.9


def test_a_wrong_pair_at_the_top_promises_nothing() -> None:
    audits = [Audited(1.0, True)] * 20 + [Audited(0.5, False)] * 200
    assert certify(audits, 0.05).threshold is None


def test_the_promise_is_kept_in_nearly_all_samples() -> None:
    """Scores of which the low ones are often wrong; one in twenty samples may break a 95 % promise."""
    draw = random.Random(1)
    broken = 0
    for _ in range(200):
        audits = []
        for _ in range(300):
            score = draw.random()
            audits.append(Audited(score, draw.random() < 0.25 * (1 - score) ** 2))
        found = certify(audits, 0.05)
        if found.threshold is not None:
            broken += 0.25 * (1 - found.threshold) ** 2 / 3 > 0.05
    assert broken <= 16


def strangers(draw: random.Random, count: int) -> list[tuple[dict[str, float], bool]]:
    """Pairs of a library as the learner sees them, and whether its owner, who keeps edits apart, calls them wrong. Mild
    edits look like copies, so that no score parts the two."""
    found = []
    for _ in range(count):
        edited = draw.random() < 0.3
        tone = draw.lognormvariate(1.2, 1.0) if edited else draw.lognormvariate(-1.5, 0.7)
        shared = draw.uniform(0.6, 1.0)
        evidence = replace(PLAIN, overlap_b=shared, tone=tone, colour=tone / 2, difference=draw.uniform(0, 0.4))
        found.append((features(evidence, A, B), edited))
    return found


def test_the_promised_budget_is_kept_in_at_least_95_of_100_random_splits() -> None:
    """Of 3,000 pairs 40 teach, 200 are audited, and all others tell how many were wrong above the promised threshold.
    With the bare share of wrong audits instead of its bound, more than five of the same promises are broken."""
    pairs = strangers(random.Random(3), 3000)
    z = np.array([shipped().standardised(told) for told, _ in pairs])
    wrong = np.array([bad for _, bad in pairs])
    kept, promised = 0, 0
    for seed in range(100):
        places = random.Random(seed).sample(range(len(pairs)), len(pairs))
        said = [(at, "pair" if number < 40 else "audit") for number, at in enumerate(places[:240])]
        labels = [_said(at, *pairs[at], origin) for at, origin in said]
        proved = certificates(labels, 0.1)["suggest"]
        if proved.threshold is None:
            kept += 1
            continue
        promised += 1
        scores = fit(examples(labels[:40])).logits(z[places[240:]])
        above = 1 / (1 + np.exp(-scores)) >= proved.threshold
        kept += bool(wrong[places[240:]][above].mean() <= 0.1)
    assert kept >= 95
    assert promised >= 50, "a promise that is never made is easily kept"


def _said(at: int, told: dict[str, float], wrong: bool, origin: str) -> Label:
    verdict: Verdict = "not_similar" if wrong else "same"
    return label(f"a{at}", f"b{at}", verdict, features=told, relation="near", origin=origin)


def test_only_random_answers_are_evidence_of_how_often_the_program_is_wrong() -> None:
    plain = features(PLAIN, A, B)
    told: list[Label] = [label(f"a{n}", f"b{n}", "same", features=plain, relation="near") for n in range(80)]
    assert certificates(told, 0.05)["act"].audited == 0
    audits = [label(f"a{n}", f"b{n}", "same", features=plain, relation="near", origin="audit") for n in range(80)]
    assert certificates(audits, 0.05)["act"].threshold is not None


def approvals(count: int, start: float = 0) -> list[Label]:
    known = features(PLAIN, A, B)
    return [label(f"a{n}", f"b{n}", "same", start + n, features=known, relation="near") for n in range(count)]


def denial(at: float) -> Label:
    return label("x", "y", "not_similar", at, features=features(PLAIN, A, B), relation="near")


def level(labels: list[Label], proved: Certificate = PROVED) -> str:
    return next(rung.level for rung in ladder(labels, proved) if rung.kind == kind_of(features(PLAIN, A, B)))


def test_a_kind_of_copy_climbs_by_approvals() -> None:
    first, second = APPROVALS["suggest"], APPROVALS["queue"]
    assert level(approvals(first - 1)) == "suggest"
    assert level(approvals(first)) == "queue"
    assert level(approvals(first + second)) == "automatic"


def test_a_kind_of_copy_falls_by_one_denial() -> None:
    enough = APPROVALS["suggest"] + APPROVALS["queue"]
    assert level([*approvals(enough), denial(1000)]) == "queue"
    assert level([*approvals(enough), denial(1000), denial(1001)]) == "suggest"


def test_without_a_proved_budget_nothing_gets_beyond_the_queue() -> None:
    enough = APPROVALS["suggest"] + APPROVALS["queue"]
    (rung,) = [one for one in ladder(approvals(enough), OPEN) if one.level != "suggest"]
    assert rung.level == "queue"
    assert rung.waits_for == "279 answers to random questions"


def test_other_kinds_of_copies_do_not_climb_along() -> None:
    others = [one for one in ladder(approvals(40), PROVED) if one.kind != kind_of(features(PLAIN, A, B))]
    assert {one.level for one in others} == {"suggest"}
    assert len(others) == len(KINDS) - 1
    assert kind_of(features(EDITED, A, B)) == "edited"
