from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe_core.model import Evidence
from dedupe_core.store.evidence import turned
from feedback.features import NAMES, SIGNS, features
from feedback.judge import Answers
from feedback.learner import LEAST_VOTES, MOST_MOVED, Example, excess, fit, shipped
from tests.core.albums import content_of, edge, photo
from tests.feedback.libraries import label

COPY = Evidence(5, inliers=200, overlap_a=1, overlap_b=1, block_median=0.98, block_p10=0.9, blocks=60, difference=0.1)
EDITED = replace(COPY, tone=40.0, colour=20.0, detail=0.1)
PLAIN = replace(COPY, tone=0.5, colour=0.5, detail=0.01, margin_a=0.0, margin_b=0.0)
A, B = photo(1, "a"), photo(2, "b")
VALUES = st.dictionaries(st.sampled_from(NAMES), st.floats(-5, 5), min_size=3)
ANSWERS = st.lists(st.builds(Example, VALUES, st.booleans(), st.floats(0.1, 1)), min_size=1, max_size=8)


def rejected(times: int = 6) -> list[Example]:
    return [Example(features(EDITED, A, B), same=False)] * times + [Example(features(PLAIN, A, B), same=True)] * times


def test_without_answers_the_shipped_model_counts() -> None:
    model, prior = fit([]), shipped()
    assert (model.weights, model.bias) == (prior.weights, prior.bias)
    assert model.rejects(features(EDITED, A, B), below=1.0) is None


def test_the_shipped_model_takes_copies_for_copies_and_strangers_for_strangers() -> None:
    assert fit([]).probability(features(PLAIN, A, B)) > 0.9
    assert fit([]).probability(features(Evidence(128), A, B)) < 0.5


def test_a_few_rejected_edits_teach_to_keep_edits_apart_and_copies_together() -> None:
    model = fit(rejected())
    assert model.probability(features(EDITED, A, B)) < 0.5 < model.probability(features(PLAIN, A, B))
    assert model.rejects(features(EDITED, A, B), 0.5) is not None
    assert next(name for name, _ in model.reasons(features(EDITED, A, B))) in ("altered", "look", "tone", "colour")


def test_features_are_the_same_whichever_photo_comes_first() -> None:
    hard = photo(2, "b", jpeg_quality=30)
    for grain in (4.0, -4.0):
        one = replace(EDITED, overlap_a=0.7, overlap_b=1.0, margin_a=0.1, margin_b=0.0, grain=grain)
        other = turned(one)
        assert (other.overlap_a, other.grain) == (1.0, -grain)
        assert features(one, A, hard) == features(other, hard, A)


def test_noise_that_a_smaller_or_harder_compressed_file_has_lost_is_no_edit() -> None:
    noisy = replace(PLAIN, grain=-5.0)  # A has more of it
    hard = photo(2, "b", jpeg_quality=30)
    small = photo(2, "b", width=800, height=600)
    assert features(noisy, A, B)["look"] > 0.5
    assert features(noisy, A, hard)["grain"] == features(noisy, A, small)["grain"] == 0
    assert features(replace(PLAIN, grain=5.0), A, hard)["look"] > 0.5, "noise that was added"


@pytest.mark.parametrize("change", [{"tone": 40.0}, {"grain": 6.0}, {"framed_b": True}, {"difference": 1.5}])
def test_whatever_was_edited_is_an_alteration_and_a_plain_copy_is_none(change: dict[str, Any]) -> None:
    assert features(PLAIN, A, B)["altered"] == 0
    assert features(replace(PLAIN, **change), A, B)["altered"] == 1


def test_who_keeps_some_edits_apart_is_understood_about_others_too() -> None:
    framed = features(replace(PLAIN, framed_b=True, overlap_b=0.8), A, B)
    assert fit(rejected()).probability(framed) < fit([]).probability(framed)


def test_what_nobody_measured_says_nothing() -> None:
    assert shipped().standardised({}) == (0.0,) * len(NAMES)


@settings(max_examples=40, deadline=None)
@given(ANSWERS, VALUES, st.sampled_from([name for name, sign in SIGNS.items() if sign]), st.floats(0.1, 4))
def test_more_evidence_for_a_copy_never_lowers_its_score(
    answers: list[Example], pair: dict[str, float], name: str, more: float
) -> None:
    model = fit(answers)
    better = pair | {name: pair.get(name, shipped().mean[NAMES.index(name)]) + more * SIGNS[name]}
    assert model.logit(better) >= model.logit(pair) - 1e-9
    assert model.rejects(better, 0.5) is None or model.rejects(pair, 0.5) is not None


@settings(max_examples=30, deadline=None)
@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_answers_changes_nothing(answers: list[Example], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(answers)
    random.shuffle(shuffled)
    assert fit(shuffled) == fit(answers)


@settings(max_examples=40, deadline=None)
@given(ANSWERS, VALUES)
def test_no_answers_move_a_pair_beyond_the_stated_bounds(answers: list[Example], pair: dict[str, float]) -> None:
    model = fit(answers)
    before = fit([]).logit(pair)
    assert before - MOST_MOVED - 1e-9 <= model.logit(pair) <= before + MOST_MOVED + 1e-9
    if model.votes(np.array([shipped().standardised(pair)]))[0] < LEAST_VOTES - 1e-6:
        assert model.logit(pair) >= before - 1e-9
        assert model.rejects(pair, 1.0) is None


@given(VALUES, VALUES)
def test_being_worse_than_a_rejected_pair_is_no_difference_from_it(
    pair: dict[str, float], other: dict[str, float]
) -> None:
    prior = shipped()
    one, two = (np.array(prior.standardised(told)) for told in (pair, other))
    signs = np.array(list(SIGNS.values()))
    worse = np.where(signs > 0, np.minimum(one, two), np.where(signs < 0, np.maximum(one, two), two))
    assert excess(worse, two[None]) == 0
    assert excess(one, two[None]) >= 0
    assert excess(one, one[None]) == 0


def test_one_answer_about_a_crowd_weighs_as_much_as_one_about_a_pair() -> None:
    edited = features(EDITED, A, B)
    crowd = fit([Example(edited, same=False, weight=0.1)] * 10)
    alone = fit([Example(edited, same=False)])
    assert crowd.logit(edited) == pytest.approx(alone.logit(edited), abs=0.01)


def answers(evidence: Evidence, times: int = 6) -> Answers:
    made = [label(f"{n}x", f"{n}y", "not_similar", features=features(evidence, A, B)) for n in range(times)] + [
        label(f"{n}p", f"{n}q", "same", features=features(PLAIN, A, B)) for n in range(times)
    ]
    return Answers(made)


def test_a_copy_that_the_answers_make_unlikely_is_left_for_review_and_never_hidden() -> None:
    near = replace(edge("a", "b"), evidence=EDITED)
    weighed = answers(EDITED).weigh(near, A, B)
    assert weighed is not None
    assert (weighed.relation, weighed.evidence) == ("similar", EDITED)
    assert "your answers" in weighed.sentence


def test_a_pair_for_review_that_the_answers_make_unlikely_is_hidden() -> None:
    assert answers(EDITED).weigh(replace(edge("a", "b", "similar"), evidence=EDITED), A, B) is None


def test_equal_bytes_and_pixels_are_no_matter_of_opinion() -> None:
    for relation in ("exact", "pixels"):
        one = replace(edge("a", "b", relation), evidence=EDITED)
        assert answers(EDITED).weigh(one, A, B) is one


def test_pairs_unlike_the_rejected_ones_keep_their_edges() -> None:
    for relation in ("near", "similar", "series"):
        one = replace(edge("a", "b", relation), evidence=PLAIN)
        assert answers(EDITED).weigh(one, A, B) is one


def test_answers_never_make_an_edge_stronger_but_by_a_word_about_these_two() -> None:
    generous = Answers([label("p", "q", "same", features=features(EDITED, A, B)) for _ in range(20)])
    one = edge("a", "b", "similar", difference=1.5)
    assert generous.weigh(one, A, B) is one
    said = Answers([label("a", "b", "same")])
    weighed = said.weigh(one, A, B)
    assert weighed is not None
    assert weighed.relation == "near"


def test_a_damaged_twin_stays_for_review_whatever_was_said() -> None:
    said = Answers([label("a", "b", "same")])
    weighed = said.weigh(edge("a", "b", "similar", damaged_twin=True), A, B)
    assert weighed is not None
    assert weighed.relation == "similar"


def test_the_version_changes_with_every_answer_and_with_nothing_else() -> None:
    one, other = label("a", "b"), label("c", "d", "same")
    versions = {Answers(some).version for some in ([one], [other], [one, other], [other, one])}
    assert len(versions) == 3
    assert Answers([replace(one, id=9)]).version == Answers([one]).version


def test_judging_by_memory_needs_no_model() -> None:
    said = Answers([label("a", "b")])
    assert said.apart(content_of("a"), content_of("b"))
    assert not said.apart(content_of("a"), content_of("c"))
    assert fit([]).rejects({}, 1.0) is None


@settings(max_examples=40, deadline=None)
@given(VALUES, ANSWERS, st.floats(0.1, 1))
def test_a_click_or_two_move_no_other_pair(rejected: dict[str, float], told: list[Example], weight: float) -> None:
    """Whatever two answers rejected, and whatever else was called the same: nothing like it is hidden or held back."""
    agreed = [Example(one.features, True, one.weight) for one in told]
    model = fit([Example(rejected, False, weight), Example(rejected, False), *agreed])
    for pair in (rejected, *(one.features for one in told)):
        assert model.rejects(pair, below=1.0) is None
        assert model.logit(pair) >= fit([]).logit(pair) - 1e-9
