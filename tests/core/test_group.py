"""Grouping of photos: levels that stand on each other, what may share a group, and what may be dropped from it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import PROTECTED
from dedupe_core.group import group
from dedupe_core.material import Material
from dedupe_core.model import RELATIONS, Choice, Edge, Evidence, Judge, NoFeedback, Photo
from dedupe_core.settings import Grouping, Settings
from tests.core.albums import Apart, World, content_of, edge, material, photo, shown, signature_row, worlds

METHODS = ("complete", "average", "components", "dbscan")
DEFAULT = Settings()


def names(found: Material, judge: Judge | None = None, wanted: Settings = DEFAULT) -> dict[str, list[list[str]]]:
    """Members by relation, as content letters (with the row for exact copies), the keeper first."""
    told: dict[str, list[list[str]]] = {}
    for choice in group(found, wanted, judge or NoFeedback()):
        rows = [choice.keep, *(row for row in choice.group.members if row != choice.keep)]
        told.setdefault(choice.group.relation, []).append([found.photos[row].asset.name for row in rows])
    return told


def one_each(letters: str, **facts: Any) -> list[Photo]:
    return [photo(row, letter, f"{letter}.jpg", **facts) for row, letter in enumerate(letters, 1)]


def linked(*pairs: str, **how: Any) -> list[Edge]:
    return [edge(pair[0], pair[1], **how) for pair in pairs]


def test_a_stamped_version_of_a_photo_with_thirty_copies_is_one_pair_to_look_at() -> None:
    photos = [photo(row, "a", f"a{row:02}.jpg") for row in range(1, 32)] + [photo(40, "s", "s.jpg")]
    told = names(material(photos, [edge("a", "s", "similar")]))
    assert [len(members) for members in told["exact"]] == [31]
    assert told["similar"] == [["a01.jpg", "s.jpg"]]


def test_levels_stand_on_each_other() -> None:
    photos = [
        photo(1, "a", "a.jpg", pixels="p"),
        photo(2, "a", "a (1).jpg", pixels="p"),
        photo(3, "b", "b.jpg", pixels="p", exif_fields=3),
        photo(4, "c", "c.jpg", exif_fields=2),
        photo(5, "d", "d.jpg", exif_fields=1),
        photo(6, "e", "e.jpg"),
    ]
    edges = [*linked("ac", "bc"), edge("c", "d", "similar"), edge("c", "e", "series")]
    assert names(material(photos, edges)) == {
        "exact": [["a.jpg", "a (1).jpg"]],
        "pixels": [["a.jpg", "b.jpg"]],
        "near": [["a.jpg", "c.jpg"]],
        "similar": [["a.jpg", "d.jpg"]],
        "series": [["a.jpg", "e.jpg"]],
    }


def test_a_chain_never_loses_the_last_photo_like_its_first() -> None:
    photos = [*one_each("abc")]
    choices = group(material(photos, linked("ab", "bc")), DEFAULT, NoFeedback())
    by_row = {row: one.content for row, one in enumerate(photos, 1)}
    for choice in choices:
        for row in choice.drop:
            assert {by_row[row], by_row[choice.keep]} in (
                {content_of("a"), content_of("b")},
                {content_of("b"), content_of("c")},
            )
    dropped = {row for choice in choices for row in choice.drop}
    assert not dropped & {choice.keep for choice in choices}
    near = [choice.group.members for choice in choices if choice.group.relation == "near"]
    assert len(near) == 1
    assert len(near[0]) == 2


def test_two_crops_of_one_photo_are_both_its_copies() -> None:
    photos = [photo(1, "a", "a.jpg"), photo(2, "b", "b.jpg", width=3000), photo(3, "c", "c.jpg", width=3000)]
    of_a = [edge("a", letter, overlap_a=0.7, overlap_b=1.0, margin_a=0.3) for letter in "bc"]
    each_other = edge(
        "b", "c", "similar", overlap_a=0.6, overlap_b=0.6, blocks=60, block_median=0.95, block_p10=0.8, difference=0.2
    )
    (choice,) = group(material(photos, [*of_a, each_other]), DEFAULT, NoFeedback())
    assert (choice.keep, choice.drop) == (1, (2, 3))


def test_a_copy_that_contradicts_another_copy_is_only_looked_at() -> None:
    photos = [photo(1, "a", "a.jpg"), photo(2, "b", "b.jpg"), photo(3, "c", "c.jpg")]
    edges = [edge("a", "b", score=0.95), edge("a", "c"), edge("b", "c", "similar", difference=1.5)]
    near, similar = group(material(photos, edges), DEFAULT, NoFeedback())
    assert (near.group.members, near.drop) == ((1, 2), (2,))
    assert (similar.group.relation, similar.group.members, similar.drop) == ("similar", (1, 3), ())


def test_a_copy_that_contradicted_another_copy_still_does_when_that_one_was_put_away() -> None:
    photos = [photo(1, "a", "a.jpg"), photo(3, "c", "c.jpg")]
    different = edge("b", "c", "similar").evidence
    seen = {frozenset((content_of("b"), content_of("c"))): different}
    known = material(
        photos,
        linked("ac"),
        measured=lambda a, b: seen.get(frozenset((a, b))),
        put_away={content_of("a"): (content_of("b"),)},
    )
    assert names(known) == {"similar": [["a.jpg", "c.jpg"]]}


def test_those_that_one_photo_refused_do_not_form_groups_without_it() -> None:
    photos = one_each("abcd")
    edges = [
        edge("a", "b", score=0.95),
        *linked("ac", "ad", "cd"),
        edge("b", "c", "similar"),
        edge("b", "d", "similar"),
    ]
    assert names(material(photos, edges)) == {"near": [["a.jpg", "b.jpg"]], "similar": [["a.jpg", "c.jpg", "d.jpg"]]}


def test_a_photo_that_another_refused_still_leads_its_own_copies() -> None:
    photos = one_each("abcd")
    edges = [edge("a", "b", score=0.95), *linked("ac", "cd"), edge("b", "c", "similar")]
    told = names(material(photos, edges))
    assert sorted(told["near"]) == [["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"]]
    assert told["similar"] == [["a.jpg", "c.jpg"]]


def test_one_photo_reached_by_two_ways_is_never_its_own_duplicate() -> None:
    photos = [photo(1, "a", "a.jpg"), photo(2, "a", "a.jpg", source="phone"), photo(3, "a", "copy.jpg")]
    (choice,) = group(material(photos, aliased=[(1, 2)]), DEFAULT, NoFeedback())
    assert choice.group.members == (1, 3)
    assert not group(material(photos[:2], aliased=[(1, 2)]), DEFAULT, NoFeedback())


def test_a_photo_is_protected_when_one_of_the_ways_to_it_is() -> None:
    ways = [photo(1, "a", "a.jpg"), photo(2, "a", "a.jpg", source="phone", flags=frozenset({PROTECTED}))]
    best = photo(3, "b", "b.jpg", flags=frozenset({PROTECTED}))
    (choice,) = group(material([*ways, best], linked("ab"), aliased=[(1, 2)]), DEFAULT, NoFeedback())
    assert choice.drop == ()


def test_a_person_keeps_pictures_apart_but_never_equal_bytes() -> None:
    photos = [photo(1, "a"), photo(2, "a"), photo(3, "b", pixels="p"), photo(4, "c", pixels="p")]
    judge = Apart.of("aa", "ab", "bc")
    told = group(material(photos, linked("ab")), DEFAULT, judge)
    assert [choice.group.relation for choice in told] == ["exact"]


def test_what_people_say_of_an_edge_is_asked_before_grouping() -> None:
    class Demotes(NoFeedback):
        def weigh(self, edge: Edge, a: Photo, b: Photo) -> Edge | None:
            return replace(edge, relation="similar") if "c" in a.content + b.content else None

    told = names(material(one_each("abc"), linked("ab", "ac")), Demotes())
    assert told == {"similar": [["a.jpg", "c.jpg"]]}


def test_unreadable_and_unread_photos_take_no_part() -> None:
    broken = photo(2, "a", error="cut off")
    unread = replace(photo(3, "a"), content="")
    assert not group(material([photo(1, "a"), broken, unread]), DEFAULT, NoFeedback())


def test_only_the_levels_that_were_asked_for_are_shown() -> None:
    photos = [photo(1, "a"), photo(2, "a"), photo(3, "b")]
    wanted = Settings(levels=("near",))
    assert set(names(material(photos, linked("ab")), wanted=wanted)) == {"near"}


def test_what_a_comparison_found_counts_also_where_it_led_to_no_edge() -> None:
    crops = Evidence(
        inliers=90, overlap_a=0.5, overlap_b=0.5, blocks=40, block_median=0.93, block_p10=0.7, difference=0.1
    )
    photos = [photo(1, "a", "a.jpg"), photo(2, "b", "b.jpg"), photo(3, "c", "c.jpg")]
    other = Evidence(inliers=3)
    for found, size in ((crops, 3), (other, 2), (replace(crops, difference=1.2), 2), (replace(crops, flat=True), 2)):
        known = material(photos, linked("ab", "ac"), measured=lambda a, b, found=found: found)
        first = group(known, DEFAULT, NoFeedback())[0]
        assert len(first.group.members) == size


def test_the_same_members_have_the_same_id_in_every_run_and_other_members_another() -> None:
    a, b, c = photo(1, "a"), photo(2, "a"), photo(3, "a")
    (first,), (again,) = (group(material(found), DEFAULT, NoFeedback()) for found in ([a, b], [b, a]))
    (more,) = group(material([a, b, c]), DEFAULT, NoFeedback())
    assert first.group.id == again.group.id != more.group.id
    assert len(first.group.id) == 10


def test_a_photo_seen_only_through_a_copy_is_told_so_and_its_size_is_not_judged_by_it() -> None:
    photos = [
        photo(1, "a", "a.jpg"),
        photo(2, "b", "b.jpg", width=400, height=300, size=60_000),
        photo(3, "s", "s.jpg"),
    ]
    seen = edge("b", "s", "similar", overlap_a=1.0, overlap_b=0.2)
    similar = [
        c
        for c in group(material(photos, [*linked("ab"), seen]), DEFAULT, NoFeedback())
        if c.group.relation == "similar"
    ]
    (found,) = similar[0].group.edges
    assert {found.a, found.b} == {signature_row("a"), signature_row("s")}
    assert found.sentence.endswith("(seen on its copy b.jpg)")
    assert found.evidence.overlap_b == 0


# properties of random libraries ----------------------------------------------------------------------------------


def of(world: World, method: str = "complete") -> list[Choice]:
    return group(world.material, Settings(grouping=Grouping(method=method)), world.judge)


def direct(world: World, choice: Choice, row: int) -> bool:
    """Is this member joined to the keeper by equal bytes, equal pixels, or an accepted edge between contents that have
    the pixels of the two?"""
    a, b = world.by_row[row], world.by_row[choice.keep]
    if choice.group.relation == "exact":
        return a.content == b.content
    if choice.group.relation == "pixels":
        return bool(a.pixels) and a.pixels == b.pixels
    alike = [
        {one.signature_row for one in world.photos if one.content == x.content or (x.pixels and one.pixels == x.pixels)}
        for x in (a, b)
    ]
    return any(
        e.relation == "near" and ((e.a in alike[0] and e.b in alike[1]) or (e.b in alike[0] and e.a in alike[1]))
        for e in world.edges
    )


@given(worlds(), st.sampled_from(METHODS))
@settings(max_examples=150)
def test_every_drop_is_proved_against_its_own_keeper(world: World, method: str) -> None:
    for choice in of(world, method):
        assert choice.keep in choice.group.members
        assert set(choice.drop) <= set(choice.group.members) - {choice.keep}
        assert choice.group.relation not in ("similar", "series") or not choice.drop
        assert set(choice.reasons) == set(choice.group.members) - {choice.keep}
        assert all(choice.reasons.values())
        assert choice.reason
        assert all(direct(world, choice, row) for row in choice.drop)


@given(worlds(), st.sampled_from(METHODS))
@settings(max_examples=150)
def test_what_a_level_drops_is_in_no_later_group_and_in_one_group_of_a_relation_only(world: World, method: str) -> None:
    gone: set[int] = set()
    for relation in RELATIONS:
        choices = [choice for choice in of(world, method) if choice.group.relation == relation]
        members = [row for choice in choices for row in choice.group.members]
        assert len(members) == len(set(members))
        assert not gone & set(members)
        gone |= {row for choice in choices for row in choice.drop}


@given(worlds(), st.sampled_from(METHODS))
@settings(max_examples=150)
def test_what_people_keep_apart_shares_no_group_except_by_equal_bytes(world: World, method: str) -> None:
    for choice in of(world, method):
        for a, b in combinations((world.by_row[row].content for row in choice.group.members), 2):
            assert a == b or not world.judge.apart(a, b)


@given(worlds(), st.sampled_from(METHODS))
@settings(max_examples=150)
def test_protected_damaged_and_other_shots_are_never_dropped(world: World, method: str) -> None:
    for choice in of(world, method):
        keeper = world.by_row[choice.keep]
        for row in choice.drop:
            one = world.by_row[row]
            assert PROTECTED not in one.asset.flags
            if choice.group.relation != "exact":
                assert one.signature is not None
                assert not one.signature.damage
                assert not (keeper.signature and keeper.signature.damage)
            if choice.group.relation == "pixels":
                assert None in (one.taken_at, keeper.taken_at) or one.taken_at == keeper.taken_at


@given(worlds())
@settings(max_examples=150)
def test_no_copies_of_a_group_were_measured_as_two_shots(world: World) -> None:
    shots = {frozenset((e.a, e.b)) for e in world.edges if e.relation == "series"}
    for choice in of(world):
        if choice.group.relation == "near":
            rows = [world.by_row[row].signature_row for row in choice.group.members]
            assert not [pair for pair in combinations(rows, 2) if frozenset(pair) in shots]


@given(worlds(), st.sampled_from(METHODS), st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_the_order_of_rows_edges_and_names_changes_nothing(world: World, method: str, chance: random.Random) -> None:
    other = shuffled(world, chance)
    assert shown(of(world, method), world.by_row) == shown(of(other, method), other.by_row)


def shuffled(world: World, chance: random.Random) -> World:
    """The same library as another scan would number it: other rows, other signature rows, other order."""
    rows = chance.sample(range(1, 1000), len(world.photos))
    signatures = {one.signature_row: None for one in world.photos}
    new = dict(zip(signatures, chance.sample(range(1, 1000), len(signatures)), strict=True))
    row_of = {one.row: row for one, row in zip(world.photos, rows, strict=True)}
    photos = [replace(one, row=row_of[one.row], signature_row=new[one.signature_row]) for one in world.photos]
    edges = [replace(e, a=new[e.a], b=new[e.b]) for e in world.edges]
    return replace(
        world,
        photos=tuple(mixed(photos, chance)),
        edges=tuple(mixed(edges, chance)),
        aliased=tuple(mixed([(row_of[b], row_of[a]) for a, b in world.aliased], chance)),
    )


def mixed(items: Iterable[Any], chance: random.Random) -> Sequence[Any]:
    known = list(items)
    chance.shuffle(known)
    return known


@given(worlds(plain=True))
@settings(max_examples=300)
def test_a_second_run_on_what_is_left_drops_nothing_more(world: World) -> None:
    first = of(world)
    gone = {row for choice in first for row in choice.drop}
    left = [one for one in world.photos if one.row not in gone]
    put_away: dict[str, tuple[str, ...]] = {}
    for choice in first:
        keeper = world.by_row[choice.keep].content
        others = {world.by_row[row].content for row in choice.drop} - {keeper}
        put_away[keeper] = (*put_away.get(keeper, ()), *sorted(others))
    again = replace(world.material, photos={one.row: one for one in left}, put_away=put_away)
    assert not [choice.drop for choice in group(again, DEFAULT, world.judge) if choice.drop]


@pytest.mark.parametrize("method", METHODS)
def test_a_burst_of_a_thousand_copies_is_one_group(method: str) -> None:
    letters = [f"c{number}" for number in range(250)]
    photos = [
        photo(number, letter, f"{letter}.jpg", exif_fields=1000 - number) for number, letter in enumerate(letters)
    ]
    edges = [edge(a, b, score=0.9) for a, b in combinations(letters, 2)]
    (choice,) = group(material(photos, edges), Settings(grouping=Grouping(method=method)), NoFeedback())
    assert len(choice.drop) == len(letters) - 1
