"""What is recorded when somebody says something, and how it travels."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe_core.model import Choice, Edge, Group, NoFeedback
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.verify import RECIPE
from feedback import judge_of, labels
from feedback.exchange import LONGEST_LINE, ImportRefused, export, import_lines
from feedback.judge import Answers
from feedback.labels import AnswerError, Said, around, say
from tests.core.albums import content_of, edge, photo, restated
from tests.feedback.libraries import by_letter, library

PHOTOS = [photo(number, letter) for number, letter in enumerate("abcde", 1)]
EDGES = [edge("a", "b"), edge("a", "c"), edge("b", "c"), edge("d", "e", "similar", difference=1.5)]


@pytest.fixture
def store() -> Store:
    return library(PHOTOS, EDGES)


def said(store: Store, a: str, b: str, verdict: str = "not_similar", **more: object) -> labels.Recorded:
    known = by_letter(store)
    return say(store, [(known[a], known[b])], verdict, Said(**more))  # type: ignore[arg-type]


def test_an_answer_keeps_who_when_and_why_and_what_was_measured(store: Store) -> None:
    said(store, "b", "a", who="Ada", why="other child", at=5.0)
    (found,) = store.labels.active()
    assert (found.a.content, found.b.content) == (content_of("a"), content_of("b"))
    assert (found.who, found.why, found.created_at, found.weight) == ("Ada", "other child", 5.0, 1.0)
    assert found.features is not None
    assert found.features["blocks"] == 0.95


def test_an_answer_remembers_what_the_pair_was_shown_as(store: Store) -> None:
    stored = restated(EDGES, PHOTOS, {one.row: one for one in store.assets.all()})
    _show(store, stored)
    said(store, "a", "b")
    said(store, "d", "e")
    assert [one.relation for one in store.labels.active()] == ["near", "similar"]


def _show(store: Store, edges: list[Edge]) -> None:
    known = {one.signature_row: one.row for one in store.assets.all()}
    with store.transaction():
        run = store.runs.begin()
        for number, one in enumerate(edges):
            rows = tuple(sorted((known[one.a], known[one.b])))
            store.runs.put(run, [Choice(Group(str(number), one.relation, rows, (one,)), rows[0], (), "")])
        store.runs.finish(run, "mark", {})


def test_another_answer_about_the_same_pair_takes_the_place_of_the_first_and_says_so(store: Store) -> None:
    first = said(store, "a", "b")
    second = said(store, "a", "b", "same")
    assert [one.id for one in second.replaced] == [one.id for one in first.labels]
    assert [one.verdict for one in store.labels.active()] == ["same"]
    assert len(store.labels.all()) == 2


def test_an_answer_that_contradicts_others_says_so_at_once(store: Store) -> None:
    said(store, "a", "b", "same")
    said(store, "b", "c", "same")
    found = said(store, "a", "c")
    assert len(found.contradictions) == 1
    assert len(labels.contradictions(store)) == 1


def test_a_group_that_is_not_similar_means_the_keeper_against_the_others(store: Store) -> None:
    assert around([3, 1, 2], 1) == [(1, 2), (1, 3)]
    assert around([3, 1, 2], 3) == [(3, 1), (3, 2)]
    assert around([3, 1, 2], 1, every=True) == [(1, 2), (1, 3), (2, 3)]


def test_the_pairs_of_one_answer_share_one_vote(store: Store) -> None:
    known = by_letter(store)
    done = say(store, [(known["a"], known["b"]), (known["a"], known["c"])], "not_similar")
    assert [one.weight for one in done.labels] == [0.5, 0.5]
    assert len({one.answer for one in done.labels}) == 1


def test_equal_bytes_cannot_be_told_apart(store: Store) -> None:
    known = by_letter(store)
    with pytest.raises(AnswerError, match="same bytes"):
        say(store, [(known["a"], known["a"])], "not_similar")


def test_an_answer_is_taken_back_by_the_beginning_of_its_name_or_by_number(store: Store) -> None:
    first, second = said(store, "a", "b"), said(store, "d", "e")
    labels.revoke(store, [first.answer[:6], str(second.labels[0].id)])
    assert not store.labels.active()
    assert isinstance(judge_of(store), NoFeedback)
    with pytest.raises(AnswerError, match="no answer"):
        labels.revoke(store, [first.answer])


def test_what_is_measured_later_is_filled_in(store: Store) -> None:
    said(store, "a", "d")
    assert store.labels.active()[0].features is None
    with store.transaction():
        store.evidence.put([(content_of("a"), content_of("d"), EDGES[0].evidence)], RECIPE)
    assert labels.describe(store) == 1
    assert store.labels.active()[0].features is not None


def test_an_export_says_everything_that_an_import_needs(store: Store) -> None:
    said(store, "a", "b", who="Ada", why="two days \N{EM DASH} no copy")
    said(store, "d", "e", "same")
    lines = list(export(store))
    other = library(PHOTOS)
    assert import_lines(other, lines).added == 2
    assert list(export(other)) == lines
    assert [one.features for one in other.labels.active()] == [one.features for one in store.labels.active()]
    there, here = judge_of(other), judge_of(store)
    assert isinstance(there, Answers)
    assert isinstance(here, Answers)
    assert there.version == here.version


def test_importing_twice_changes_nothing(store: Store) -> None:
    said(store, "a", "b")
    lines = list(export(store))
    assert (import_lines(store, lines).added, import_lines(store, lines).known) == (0, 1)


GOOD = {
    "keepone": "label",
    "version": 1,
    "a": {"content": "sha256:a"},
    "b": {"content": "sha256:b"},
    "verdict": "same",
    "created_at": 1.0,
}
BAD = {
    "no json": "{",
    "a list": "[]",
    "another program's line": json.dumps({"name": "x"}),
    "a newer format": json.dumps(GOOD | {"version": 2}),
    "an unknown key": json.dumps(GOOD | {"command": "rm"}),
    "an unknown verdict": json.dumps(GOOD | {"verdict": "maybe"}),
    "one photo": json.dumps(GOOD | {"b": {"content": "sha256:a"}}),
    "the wrong order": json.dumps(GOOD | {"a": {"content": "sha256:c"}}),
    "a path for a content": json.dumps(GOOD | {"a": {"content": "/home/x.jpg"}}),
    "a number as text": json.dumps(GOOD | {"created_at": "1"}),
    "no number": json.dumps(GOOD | {"weight": float("nan")}),
    "infinity": json.dumps(GOOD | {"features": {"hash": float("inf")}}),
    "an unknown feature": json.dumps(GOOD | {"features": {"soul": 1.0}}),
    "a weight above one": json.dumps(GOOD | {"weight": 1e9}),
    "a forged look": json.dumps(GOOD | {"a": {"content": "sha256:a", "look": "x'; DROP TABLE label"}}),
    "nested too deeply": "[" * 19_000,
    "too long": json.dumps(GOOD | {"why": "x" * LONGEST_LINE}),
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD.keys())
def test_a_file_with_one_foreign_line_is_refused_as_a_whole(store: Store, line: str) -> None:
    with pytest.raises(ImportRefused, match="line 2") as refused:
        import_lines(store, [json.dumps(GOOD), line, json.dumps(GOOD)])
    assert "Nothing was imported" in str(refused.value)
    assert not store.labels.all()


def test_bytes_that_are_no_text_are_refused_by_line(store: Store) -> None:
    with pytest.raises(ImportRefused, match="line 1: it is not UTF-8"):
        import_lines(store, [b"\x80\x04\x95pickle", json.dumps(GOOD).encode()])
    assert not store.labels.all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=80), st.binary(max_size=80)), min_size=1, max_size=4))
def test_whatever_is_imported_it_is_taken_whole_or_refused_with_a_sentence(lines: list[str | bytes]) -> None:
    store = Store(None)
    told = ""
    try:
        import_lines(store, lines)
    except ImportRefused as refused:
        told = str(refused)
    assert not told or "line " in told
    assert not store.labels.all()


def test_every_fault_of_a_file_is_named(store: Store) -> None:
    with pytest.raises(ImportRefused) as refused:
        import_lines(store, ["{", json.dumps(GOOD), "[]"])
    assert "line 1" in str(refused.value)
    assert "line 3" in str(refused.value)
    assert "line 2" not in str(refused.value)


def test_an_imported_contradiction_is_shown(store: Store) -> None:
    said(store, "a", "b")
    found = import_lines(store, [json.dumps(GOOD | {"who": "Bo"})])
    assert (found.added, len(found.contradictions)) == (1, 1)
    assert judge_of(store, Settings().learning.hidden_below).apart(content_of("a"), content_of("b"))
