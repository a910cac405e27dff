"""Groups made again from what is stored: what changes, what must not, and that no photo is opened."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe_core.model import Choice, Evidence, NoFeedback
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.verify import RECIPE
from feedback import judge_of
from feedback.labels import Said, revoke, say
from feedback.questions import questions
from feedback.reanalyse import Reanalysis, keep, reanalyse, regroup
from feedback.replay import Trial, replay
from tests.core.albums import NOON, edge, photo
from tests.feedback.libraries import by_letter, library

DEFAULT = Settings()
LETTERS = "abcdefgh"
EDITED: dict[str, Any] = {"tone": 40.0, "colour": 20.0, "detail": 0.1}
PLAIN: dict[str, Any] = {"tone": 0.4, "colour": 0.4, "detail": 0.01}
PAIRS = [("a", "b"), ("a", "c"), ("b", "c"), ("d", "e"), ("f", "g")]


def home(**edited: bool) -> Store:
    """Three copies, a pair of copies, a pair where a region differs, and one alone; cameras are unknown, so that sizes
    and times say nothing."""
    photos = [photo(number, letter, camera="", width=4000 - number) for number, letter in enumerate(LETTERS, 1)]
    edges = [edge(a, b, **PLAIN) for a, b in PAIRS[:-1]] + [edge("f", "g", "similar", difference=1.5, **EDITED)]
    store = library(photos, edges)
    keep(store, DEFAULT, NoFeedback(), reanalyse(store, DEFAULT, NoFeedback()))
    return store


def answer(store: Store, a: str, b: str, verdict: str = "not_similar", origin: str = "pair") -> str:
    known = by_letter(store)
    return say(store, [(known[a], known[b])], verdict, Said(origin=origin)).answer  # type: ignore[arg-type]


def now(store: Store) -> Reanalysis:
    return reanalyse(store, DEFAULT, judge_of(store))


def shown(choices: list[Choice] | tuple[Choice, ...]) -> list[tuple[object, ...]]:
    return [(one.group.id, one.keep, one.drop, one.reason, sorted(one.reasons.items())) for one in choices]


def test_without_answers_nothing_changes() -> None:
    found = now(home())
    assert found.sentence() == "0 groups hidden, 0 new, 0 changed, 0 of your accepted ones touched"
    assert not found.changes


def test_what_is_hidden_is_named_with_its_reason() -> None:
    store = home()
    answer(store, "d", "e")
    found = now(store)
    assert found.sentence() == "1 group hidden, 0 new, 0 changed, 0 of your accepted ones touched"
    assert found.changes[0].why == "you keep 1 of its 1 pairs apart"


def test_a_preview_keeps_nothing() -> None:
    store = home()
    before = shown(list(store.runs.choices()))
    answer(store, "d", "e")
    now(store)
    assert shown(list(store.runs.choices())) == before


def test_what_was_taken_back_comes_back_as_new() -> None:
    store = home()
    name = answer(store, "d", "e")
    keep(store, DEFAULT, judge_of(store), now(store))
    revoke(store, [name])
    assert now(store).sentence().startswith("0 groups hidden, 1 new")


def test_a_group_that_loses_a_member_is_changed() -> None:
    store = home()
    answer(store, "a", "c")
    found = now(store)
    assert (found.count("hidden"), found.count("changed")) == (0, 1)
    assert "you keep the others apart" in found.changes[0].why


def test_a_group_that_somebody_accepted_and_that_another_answer_parts_is_counted() -> None:
    store = home()
    answer(store, "d", "e", "same")
    rows = {one.content: one.row for one in store.assets.all()}
    keep(store, DEFAULT, judge_of(store), now(store))
    with store.transaction():
        opposite = replace(store.labels.active()[0], verdict="not_similar", who="Bo")
        store.labels.add([opposite])
    found = now(store)
    assert len(rows) == len(LETTERS)
    assert found.sentence().endswith("1 of your accepted ones touched")


def test_learned_answers_hide_pairs_like_the_rejected_ones_and_say_why() -> None:
    photos = [photo(number, f"{kind}{number}", camera="") for kind in "xy" for number in range(10, 20)]
    review = [edge(f"x{n}", f"y{n}", "similar", difference=1.5, **EDITED) for n in range(10, 18)]
    kept = [edge(f"x{n}", f"y{n}", **PLAIN) for n in range(18, 20)]
    store = library([replace(one, row=at) for at, one in enumerate(photos, 1)], [*review, *kept])
    keep(store, DEFAULT, NoFeedback(), reanalyse(store, DEFAULT, NoFeedback()))
    assert len(list(store.runs.choices())) == 10
    for n in range(10, 14):
        answer(store, f"x{n}", f"y{n}")
    for n in range(18, 20):
        answer(store, f"x{n}", f"y{n}", "same")
    found = now(store)
    assert found.count("hidden") == 8, "four were rejected, four are like them"
    assert sum("your answers make it unlikely" in change.why for change in found.changes) == 4
    assert not found.touched


def test_no_photo_is_opened_and_no_source_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    store = home()
    answer(store, "d", "e")

    def opened(*args: object, **more: object) -> None:
        raise AssertionError("a photo was opened")

    for name in ("read", "rgb", "pixel_digest", "open_picture"):
        monkeypatch.setattr(f"dedupe_core.decode.{name}", opened)
    monkeypatch.setattr("builtins.open", opened)
    assert now(store).count("hidden") == 1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(combinations(LETTERS, 2))), st.sampled_from(["not_similar", "same", "alternate"])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_taking_every_answer_back_restores_the_groups_exactly(said: list[tuple[tuple[str, str], str]]) -> None:
    store = home()
    before = shown(regroup(store, DEFAULT, judge_of(store)))
    for (a, b), verdict in said:
        answer(store, a, b, verdict)
    rows = {one.content.removeprefix("sha256:"): one.row for one in store.assets.all()}
    for one in regroup(store, DEFAULT, judge_of(store)):
        for label in store.labels.active():
            ends = {rows[side.content.removeprefix("sha256:")] for side in (label.a, label.b)}
            assert label.verdict == "same" or not ends <= set(one.group.members)
    revoke(store, [str(one.id) for one in store.labels.active()])
    assert shown(regroup(store, DEFAULT, judge_of(store))) == before


def test_questions_ask_what_is_open_and_no_pair_twice() -> None:
    store = home()
    answer(store, "d", "e", "same")
    asked = questions(store, 20)
    pairs = [frozenset((one.a.content[-1], one.b.content[-1])) for one in asked]
    assert frozenset("de") not in pairs
    assert frozenset("fg") in pairs
    assert len(pairs) == len(set(pairs))


def test_no_photo_of_another_question_is_asked_about_again() -> None:
    asked = questions(home(), 20)
    for at, one in enumerate(asked):
        if one.origin == "question":
            others = {photo.row for other in asked[:at] for photo in (other.a, other.b)}
            assert others.isdisjoint((one.a.row, one.b.row))


def test_every_pair_of_a_large_group_is_as_likely_to_be_audited_as_a_pair_alone() -> None:
    """Five copies of one picture are ten pairs, beside ten groups of two: half of the audits are about the five."""
    photos = [photo(at, name, camera="") for at, name in enumerate("abcde", 1)]
    photos += [photo(2 * n + place, f"{kind}{n}", camera="") for n in range(5, 15) for place, kind in enumerate("xy")]
    copies = [edge(a, b, **PLAIN) for a, b in combinations("abcde", 2)]
    store = library(photos, copies + [edge(f"x{n}", f"y{n}", **PLAIN) for n in range(5, 15)])
    keep(store, DEFAULT, NoFeedback(), reanalyse(store, DEFAULT, NoFeedback()))
    crowd, total = 0, 0
    for seed in range(150):
        audited = [one for one in questions(store, 20, str(seed)) if one.origin == "audit"]
        total += len(audited)
        crowd += sum(one.a.content[-1] in "abcde" and one.b.content[-1] in "abcde" for one in audited)
    assert total == 600
    assert 240 < crowd < 360, "five deviations of a binomial of one half"


def test_one_question_of_five_is_drawn_at_random() -> None:
    photos = [
        photo(at, f"{kind}{n}", camera="")
        for at, (kind, n) in enumerate(((k, n) for k in "xy" for n in range(10, 60)), 1)
    ]
    store = library(photos, [edge(f"x{n}", f"y{n}", **PLAIN) for n in range(10, 60)])
    keep(store, DEFAULT, NoFeedback(), reanalyse(store, DEFAULT, NoFeedback()))
    asked = questions(store, 20)
    assert [one.origin for one in asked].count("audit") == 4
    assert len(asked) == 20
    assert [one.group for one in questions(store, 20)] == [one.group for one in asked]


def test_the_worth_of_a_question_is_what_it_teaches_times_what_it_frees() -> None:
    (first, *_) = questions(home(), 1)
    sure, unsure = replace(first, probability=0.99), replace(first, probability=0.5)
    assert unsure.worth > sure.worth
    assert replace(unsure, frees=10**9).worth > replace(unsure, frees=10).worth


def test_a_replay_lists_what_other_thresholds_would_have_decided() -> None:
    photos = [photo(1, "a", camera="", taken_at=NOON), photo(2, "b", camera="")]
    only_by_hash = edge("a", "b", inliers=0, distance=30)
    store = library(photos, [only_by_hash])
    answer(store, "a", "b", "same")
    stricter = DEFAULT.model_copy(update={"near": DEFAULT.near.model_copy(update={"copy_distance": 10})})
    (found,), looked_at = replay(store, Trial(DEFAULT), Trial(stricter))
    assert (found.before, found.after, found.right, looked_at) == ("near", "similar", False, 1)
    assert replay(store, Trial(DEFAULT), Trial(DEFAULT)) == ([], 1)


def test_evidence_is_used_whichever_content_is_named_first() -> None:
    crop = Evidence(
        inliers=200, overlap_a=1.0, overlap_b=0.6, block_median=0.95, block_p10=0.8, blocks=60, difference=0.1
    )
    for names in ("ab", "ba"):
        store = library([photo(1, names[0], camera=""), photo(2, names[1], camera="")], [])
        with store.transaction():
            store.evidence.put([("sha256:" + names[0], "sha256:" + names[1], crop)], RECIPE)
        (choice,) = regroup(store, DEFAULT, NoFeedback())
        (found,) = choice.group.edges
        known = {one.signature_row: one.content for one in store.assets.all()}
        shares = {known[found.a]: found.evidence.overlap_a, known[found.b]: found.evidence.overlap_b}
        assert shares == {"sha256:" + names[0]: 1.0, "sha256:" + names[1]: 0.6}
