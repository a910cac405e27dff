"""Of a crowd of candidates only what somebody needs is measured, and whatever is left open follows from what was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe_core.features import turned
from dedupe_core.model import Edge, Pair, Relation
from dedupe_core.rounds import WITNESSES, Known, Rounds, close_by_hash, facts_of
from dedupe_core.settings import Settings
from dedupe_core.symmetry import COMPOSED, INVERSE
from tests.core.albums import edge, photo, signature_row

DEFAULT = Settings()
Truth = Callable[[str, str], Relation | None]
NEAR_HASH, FAR_HASH = bytes(256), bytes(range(256))


def known(letters: Iterable[str], far: str = "") -> dict[int, Known]:
    """The first letter is the largest picture and so the likeliest keeper; hashes of `far` are those of no other."""
    found = {}
    for place, letter in enumerate(letters):
        hashes = bytes((byte * 7 + place * 31) % 256 for byte in FAR_HASH) if letter in far else NEAR_HASH
        one = photo(place + 1, letter, width=4000 - place, height=3000, camera="", phashes=hashes)
        found[signature_row(letter)] = Known(one, facts_of([one]))
    return found


def asked(letters: str, truth: Truth, far: str = "", told: list[Edge] | None = None, order: int = 1) -> list[list[str]]:
    """The waves of pairs, when measuring says what is true."""
    pairs = [Pair(signature_row(a), signature_row(b), 20, 0, "hash") for a, b in combinations(sorted(letters), 2)]
    rounds = Rounds(pairs[::order], known(letters, far), DEFAULT, told)
    waves = []
    while wave := rounds.next():
        names = [chr(pair.a) + chr(pair.b) for pair in wave]
        relations = [(name, truth(name[0], name[1])) for name in names]
        rounds.learn(edge(name[0], name[1], relation) for name, relation in relations if relation)
        waves.append(sorted(names))
    return waves


def all_copies(a: str, b: str) -> Relation:
    return "near"


def stamped(a: str, b: str) -> Relation:
    """x and y are date-stamped versions of all the others."""
    return "near" if (a in "xy") == (b in "xy") else "similar"


def test_sixty_copies_cost_a_line_and_no_square() -> None:
    letters = [chr(number) for number in range(65, 125)]
    waves = asked("".join(letters), all_copies)
    assert [len(wave) for wave in waves] == [59]
    assert all(letters[0] in pair for pair in waves[0])


def test_between_copies_and_a_version_that_differs_only_the_leader_is_asked() -> None:
    assert asked("abcdxy", stamped) == [["ab", "ac", "ad", "ax", "ay"], ["xy"]]


def test_the_order_of_candidates_does_not_change_what_is_asked() -> None:
    assert asked("abcdxy", stamped) == asked("abcdxy", stamped, order=-1)


def test_what_is_nothing_like_the_leader_is_still_tried_on_its_copies() -> None:
    waves = asked("abcz", lambda a, b: None if {a, b} == {"a", "z"} else "near")
    assert waves == [["ab", "ac", "az"], ["bz", "cz"]]


def test_a_copy_whose_hash_is_far_has_to_find_friends() -> None:
    """A crop is called a copy of the leader by one comparison alone: a second look comes from the best other copies."""
    first, second = asked("abcdef", all_copies, far="f")
    assert first == ["ab", "ac", "ad", "ae", "af"]
    assert second == ["bf", "cf"]
    assert len(second) == WITNESSES


def test_when_only_the_rest_is_open_one_answer_of_the_leader_settles_it_for_its_copies() -> None:
    told = [edge("a", "b"), edge("a", "c")]
    waves = asked("abcz", lambda a, b: None, told=told)
    assert waves[0] == ["ab", "ac", "az"]
    assert not any({"b", "z"} == set(pair) or {"c", "z"} == set(pair) for wave in waves for pair in wave)


@given(st.data())
def test_who_is_left_unmeasured_is_a_copy_of_one_leader_or_beside_it(data: st.DataObject) -> None:
    letters = "abcdefgh"
    clusters = {letter: data.draw(st.integers(0, 2), label=letter) for letter in letters}

    def truth(a: str, b: str) -> Relation:
        return "near" if clusters[a] == clusters[b] else "similar"

    measured = {pair for wave in asked(letters, truth) for pair in wave}
    leaders = {clusters[letter]: letter for letter in reversed(letters)}
    for a, b in combinations(letters, 2):
        first = leaders[clusters[a]], leaders[clusters[b]]
        needed = a in first or b in first
        if clusters[a] == clusters[b]:
            assert not needed or a + b in measured
    for leader, other in combinations(sorted(leaders.values()), 2):
        assert leader + other in measured


def test_no_pair_is_asked_twice() -> None:
    pairs = [pair for wave in asked("abcdefxy", stamped, far="cf") for pair in wave]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize(("distance", "flat", "is_close"), [(60, False, True), (61, False, False), (0, True, False)])
def test_hashes_stand_for_a_look_only_where_hashes_prove_something(distance: int, flat: bool, is_close: bool) -> None:
    a, b = (facts_of([photo(row, letter, luma_sd=3.0 if flat else 40.0)]) for row, letter in ((1, "a"), (2, "b")))
    assert close_by_hash(a, b, distance, DEFAULT.near.copy_distance) is is_close


def test_symmetries_compose_and_are_undone() -> None:
    import numpy as np

    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for outer in range(8):
        assert COMPOSED[INVERSE[outer]][outer] == 0
        for inner in range(8):
            assert np.array_equal(turned(picture, COMPOSED[outer][inner]), turned(turned(picture, inner), outer))
