from __future__ import annotations

from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dedupe_core.store.labels import Label, Side, Verdict, look_of
from feedback.memory import Memory
from tests.core.albums import content_of, photo
from tests.feedback.libraries import label

LETTERS = "abcdefg"
VERDICTS: tuple[Verdict, ...] = ("not_similar", "same", "alternate")
ANSWERS = st.lists(
    st.tuples(st.sampled_from(LETTERS), st.sampled_from(LETTERS), st.sampled_from(VERDICTS))
    .filter(lambda one: one[0] != one[1])
    .map(lambda one: label(*one)),
    max_size=12,
)


def apart(memory: Memory, a: str, b: str) -> bool:
    return memory.apart(content_of(a), content_of(b))


def test_what_was_called_not_similar_is_apart_either_way_round() -> None:
    memory = Memory([label("a", "b")])
    assert apart(memory, "a", "b")
    assert apart(memory, "b", "a")
    assert not apart(memory, "a", "c")


def test_a_related_photo_that_stays_is_apart_too() -> None:
    assert apart(Memory([label("a", "b", "alternate")]), "a", "b")


def test_same_and_same_make_same() -> None:
    memory = Memory([label("a", "b", "same"), label("b", "c", "same")])
    assert memory.answered(content_of("a"), content_of("c"))
    assert memory.said_same(content_of("a"), content_of("b"))
    assert not memory.said_same(content_of("a"), content_of("c")), "nobody said so of these two"


def test_what_is_apart_from_one_of_the_same_is_apart_from_all() -> None:
    memory = Memory([label("a", "b", "same"), label("b", "c", "same"), label("c", "x")])
    assert all(apart(memory, letter, "x") for letter in "abc")


def test_not_and_not_say_nothing_about_the_rest() -> None:
    memory = Memory([label("a", "b"), label("b", "c")])
    assert not apart(memory, "a", "c")


def test_a_contradiction_is_shown_with_its_chain_and_the_pair_stays_apart() -> None:
    answers = [label("a", "b", "same", number=1), label("b", "c", "same", number=2), label("a", "c", number=3)]
    memory = Memory(answers)
    (found,) = memory.contradictions
    assert (found.against.id, [one.id for one in found.chain]) == (3, [1, 2])
    assert apart(memory, "a", "c")
    assert not apart(memory, "a", "b")


def test_taking_an_answer_back_ends_the_contradiction() -> None:
    assert not Memory([label("a", "b", "same"), label("a", "c")]).contradictions


def test_equal_pixels_in_another_file_are_the_same_photo() -> None:
    relatives = [Side(content_of("a"), pixels="p"), Side(content_of("z"), pixels="p")]
    assert apart(Memory([label("a", "b")], relatives), "z", "b")


def test_only_a_word_about_these_two_files_parts_equal_pixels() -> None:
    relatives = [Side(content_of(letter), pixels="p") for letter in "abz"]
    memory = Memory([label("a", "b")], relatives)
    assert apart(memory, "a", "b")
    assert not apart(memory, "a", "z")


def test_equal_bytes_are_never_apart() -> None:
    assert not apart(Memory([label("a", "b"), label("a", "b", "same")]), "a", "a")


def test_a_look_differs_with_anything_that_was_measured() -> None:
    hashes = bytes(range(256))
    one = photo(1, "a", phashes=hashes).signature
    assert one is not None
    assert look_of(one)
    for facts in ({"luma_sd": 50.01}, {"width": 4031}, {"phashes": bytes(256)}):
        assert look_of(photo(1, "b", **({"phashes": hashes} | facts)).signature) != look_of(one)
    assert look_of(photo(1, "b", phashes=hashes, exif_fields=99, camera="").signature) == look_of(one)


def test_a_picture_of_one_colour_has_no_look() -> None:
    assert not look_of(photo(1, "a", phashes=bytes(256), luma_sd=0.5).signature)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_answers_changes_nothing(answers: list[Label], random: Random) -> None:
    shuffled = list(answers)
    random.shuffle(shuffled)
    one, other = Memory(answers), Memory(shuffled)
    for a, b in combinations(LETTERS, 2):
        assert apart(one, a, b) == apart(other, a, b)
        assert one.said_same(content_of(a), content_of(b)) == other.said_same(content_of(a), content_of(b))
    assert len(one.contradictions) == len(other.contradictions)


@given(ANSWERS)
def test_every_pair_that_was_called_not_similar_is_apart_whatever_else_was_said(answers: list[Label]) -> None:
    memory = Memory(answers)
    for one in answers:
        if one.verdict != "same":
            assert memory.apart(one.a.content, one.b.content)


@given(ANSWERS)
def test_a_contradiction_is_found_exactly_where_same_answers_join_what_another_parts(answers: list[Label]) -> None:
    memory = Memory(answers)
    for found in memory.contradictions:
        ends = {found.against.a.content, found.against.b.content}
        assert all(one.verdict == "same" for one in found.chain)
        seen = [content for one in found.chain for content in (one.a.content, one.b.content)]
        odd = {content for content in seen if seen.count(content) % 2}
        assert odd == ends
