"""Planning: only what is proved goes, the last copy stays over all groups, plans and sources; nothing is touched."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import EDITED, PROTECTED, AssetId, Part
from dedupe_core.apply import check_plan
from dedupe_core.group import decide
from dedupe_core.model import Choice, Edge, Evidence, Judge, NoFeedback, Photo, Plan, Step
from dedupe_core.plan import PlanError, make_plan, tally
from dedupe_core.rules import RULES
from dedupe_core.settings import Grouping, Planning, Settings
from dedupe_core.store import Store
from dedupe_core.verify import RECIPE
from tests.core.albums import Apart, World, content_of, edge, fill, photo, restated, worlds

DEFAULT = Settings()
NOW = 1_750_000_000.0


@pytest.fixture
def store() -> Iterator[Store]:
    with Store(None) as opened:
        yield opened


def grouped(
    store: Store,
    photos: Iterable[Photo],
    edges: Sequence[Edge] = (),
    judge: Judge | None = None,
    wanted: Settings = DEFAULT,
) -> list[Choice]:
    """Fill the store, group, and keep the run as the pipeline does."""
    known = list(photos)
    stored = fill(store, known)
    return regrouped(store, restated(edges, known, stored), judge, wanted)


def regrouped(
    store: Store, edges: Sequence[Edge], judge: Judge | None = None, wanted: Settings = DEFAULT
) -> list[Choice]:
    choices = decide(store, edges, wanted, judge or NoFeedback())
    run = store.runs.begin()
    store.runs.put(run, choices)
    store.runs.finish(run, "mark", {})
    return choices


def planned(store: Store, wanted: Settings = DEFAULT, **how: Any) -> Plan:
    return make_plan(store, wanted, **how)


def told(plan: Plan) -> dict[str, tuple[str, str]]:
    """Name of the photo that goes: (name of the photo that stays, relation)."""
    return {step.asset.name: (step.keeper.name, step.relation) for step in plan.steps}


def done(store: Store, plan: Plan) -> None:
    """What `apply` leaves in the store."""
    store.plans.put(plan)
    for step in plan.steps:
        store.plans.record(plan.id, step, f"t{step.number}", "done", {"verb": step.verb})
        found = store.assets.find(step.asset.id)
        assert found is not None
        store.assets.mark_gone([found.row])
    store.plans.set_state(plan.id, "applied")


def test_without_a_run_the_next_step_is_said(store: Store) -> None:
    with pytest.raises(PlanError, match="keepone scan"):
        planned(store)


def test_a_plan_says_who_goes_for_whom_and_why(store: Store) -> None:
    small = photo(2, "b", "b.jpg", width=1600, height=1200, size=400_000, folder="2024/06")
    grouped(store, [photo(1, "a", "a.jpg"), small], [edge("a", "b")])
    (step,) = planned(store).steps
    assert (step.number, step.verb, step.target, step.relation) == (1, "delete", "", "near")
    assert (step.asset.name, step.content) == ("b.jpg", content_of("b"))
    assert (step.keeper.name, step.keeper_content) == ("a.jpg", content_of("a"))
    assert step.reason == "larger picture: 4032 × 3024 against 1600 × 1200"


def test_moving_goes_into_the_folder_inside_the_photos_own(store: Store) -> None:
    grouped(store, [photo(1, "a", "a.jpg"), photo(2, "a", "b.jpg", folder="d/06"), photo(3, "a", "c.jpg")])
    assert {step.target for step in planned(store, action="move").steps} == {"duplicates", "d/06/duplicates"}
    other = Settings(planning=Planning(action="move", folder="twins"))
    assert {step.target for step in planned(store, other).steps} == {"twins", "d/06/twins"}


def test_only_the_asked_relations_and_groups_are_planned(store: Store) -> None:
    photos = [photo(1, "a", "a.jpg"), photo(2, "a", "z.jpg"), photo(3, "b", "b.jpg", exif_fields=3)]
    photos += [photo(4, "c", "c.jpg"), photo(5, "c", "d.jpg"), photo(6, "s", "s.jpg")]
    choices = grouped(store, photos, [edge("a", "b"), edge("a", "s", "similar"), edge("c", "s", "series")])
    assert set(told(planned(store))) == {"z.jpg", "b.jpg", "d.jpg"}
    assert set(told(planned(store, relations=("near",)))) == {"b.jpg"}
    assert set(told(planned(store, relations=("exact",)))) == {"z.jpg", "d.jpg"}
    assert not planned(store, relations=("similar", "series")).steps
    (first,) = [choice.group.id for choice in choices if choice.group.relation == "near"]
    assert set(told(planned(store, groups=(first[:6],)))) == {"b.jpg"}
    assert not planned(store, groups=("nothing",)).steps


def test_unattended_jobs_plan_equal_bytes_and_pixels_only(store: Store) -> None:
    photos = [photo(1, "a", "a.jpg"), photo(2, "a", "z.jpg"), photo(3, "b", "b.jpg", exif_fields=3)]
    grouped(store, photos, [edge("a", "b")])
    assert told(planned(store, unattended=True)) == {"z.jpg": ("a.jpg", "exact")}
    only = Settings(planning=Planning(unattended=()))
    assert not planned(store, only, unattended=True).steps


def test_where_the_keeper_of_equal_files_gives_way_all_go_for_the_better_copy(store: Store) -> None:
    photos = [photo(1, "a", "a.jpg"), photo(2, "b", "b.jpg", exif_fields=3), photo(3, "b", "c.jpg", exif_fields=3)]
    grouped(store, photos, [edge("a", "b")])
    plan = planned(store)
    assert told(plan) == {"b.jpg": ("a.jpg", "near"), "c.jpg": ("a.jpg", "near")}
    assert plan.steps[1].reason == "more metadata: 30 fields against 3 fields (same bytes as b.jpg)"
    assert told(planned(store, relations=("exact",))) == {"c.jpg": ("b.jpg", "exact")}
    assert told(planned(store, relations=("near",))) == told(plan)


def test_a_protected_place_is_never_dropped_from_also_when_it_became_one_after_the_run(store: Store) -> None:
    grouped(store, [photo(1, "a", "a.jpg"), photo(2, "a", "b.jpg", folder="keep/x")])
    wanted = Settings(planning=Planning(protected=("keep",)))
    plan = planned(store, wanted)
    assert not plan.steps
    assert plan.skipped == {"in a protected place": 1}
    assert planned(store).steps


def test_a_photo_that_changed_since_it_was_grouped_is_not_planned(store: Store) -> None:
    grouped(store, [photo(1, "a", "a.jpg"), photo(2, "a", "b.jpg"), photo(3, "a", "c.jpg")])
    rows = {one.asset.name: one.row for one in store.assets.all()}
    store.assets.set_content(rows["b.jpg"], content_of("x"))
    store.assets.set_error(rows["c.jpg"], "cut off")
    plan = planned(store)
    assert not plan.steps
    assert plan.skipped == {"changed since the groups were made": 2}


def test_a_keeper_that_went_away_keeps_its_copies(store: Store) -> None:
    grouped(store, [photo(1, "a", "a.jpg"), photo(2, "a", "b.jpg"), photo(3, "a", "c.jpg")])
    rows = {one.asset.name: one.row for one in store.assets.all()}
    store.assets.mark_gone([rows["a.jpg"]])
    assert not planned(store).steps


def test_what_a_person_kept_apart_since_the_run_is_not_planned(store: Store) -> None:
    grouped(store, [photo(1, "a"), photo(2, "b")], [edge("a", "b")])
    plan = planned(store, judge=Apart.of("ab"))
    assert not plan.steps
    assert plan.skipped == {"kept apart by you": 1}


def test_what_may_be_one_photo_reached_by_two_ways_is_left_to_a_person(store: Store) -> None:
    here = photo(1, "a", "a.jpg", folder="2024/06", aliases=frozenset({"inode:1:7"}))
    cloud = photo(2, "a", "A.JPG", "drive", folder="Pictures/2024/06", aliases=frozenset({"graph:d:1"}))
    grouped(store, [here, cloud])
    plan = planned(store)
    assert not plan.steps
    assert plan.skipped == {"perhaps the same photo as its keeper, reached by two ways": 1}


@pytest.mark.parametrize(
    "other",
    [
        photo(2, "a", "other.jpg", "drive", folder="Pictures/2024/06", aliases=frozenset({"graph:d:1"})),
        photo(2, "a", "a.jpg", "drive", folder="Pictures/2023/06", aliases=frozenset({"graph:d:1"})),
        photo(2, "a", "a.jpg", "disk", folder="2024/06", aliases=frozenset({"inode:1:8"})),
        photo(2, "a", "a.jpg", "home", folder="other/2024/06"),
    ],
    ids=["another name", "another folder", "told apart by inode", "one source"],
)
def test_what_cannot_be_one_photo_is_planned(store: Store, other: Photo) -> None:
    grouped(store, [photo(1, "a", "a.jpg", folder="2024/06", aliases=frozenset({"inode:1:7"})), other])
    assert len(planned(store).steps) == 1


def test_an_inode_that_changes_with_the_spelling_of_a_path_proves_nothing(store: Store) -> None:
    here = photo(1, "a", "a.jpg", aliases=frozenset({"inode:1:7", "path:/m/a.jpg"}))
    there = photo(2, "a", "a.jpg", "disk", aliases=frozenset({"inode:2:8", "path:/n/a.jpg"}))
    grouped(store, [here, there])
    assert not planned(store).steps


def test_caps_stop_with_the_key_that_raises_them(store: Store) -> None:
    grouped(store, [photo(row, "a", f"{row}.jpg", size=1000) for row in range(1, 8)])
    with pytest.raises(PlanError, match=r"6 photos would go, more than planning\.max_items = 5"):
        planned(store, Settings(planning=Planning(max_items=5)))
    with pytest.raises(PlanError, match=r"6\.0 kB would go, more than planning\.max_bytes = 5\.0 kB"):
        planned(store, Settings(planning=Planning(max_bytes=5000)))
    assert len(planned(store, Settings(planning=Planning(max_items=6, max_bytes=6000))).steps) == 6


def test_unattended_jobs_have_smaller_caps(store: Store) -> None:
    grouped(store, [photo(row, "a", f"{row:03}.jpg", size=1) for row in range(502)])
    with pytest.raises(PlanError, match="501 photos would go, more than the cap of unattended jobs = 500"):
        planned(store, unattended=True)
    assert len(planned(store).steps) == 501


def test_the_parts_of_a_photo_count_as_its_bytes(store: Store) -> None:
    movie = (Part("live_video", "a.mov", "1", 500),)
    grouped(store, [photo(row, "a", f"{row}.jpg", size=1000, parts=movie) for row in (1, 2)])
    assert planned(store).bytes == 1500


def test_the_same_plan_asked_for_twice_is_one_plan_until_it_is_applied(store: Store) -> None:
    grouped(store, [photo(1, "a"), photo(2, "a")])
    first = planned(store)
    store.plans.put(first)
    assert planned(store).id == first.id
    store.plans.set_state(first.id, "undone")
    assert planned(store, now=first.created_at + 60).id != first.id


def test_a_plan_passes_the_check_of_apply(store: Store) -> None:
    grouped(store, [photo(1, "a"), photo(2, "a")])
    check_plan(planned(store), DEFAULT)


def test_what_an_earlier_plan_kept_for_another_photo_does_not_go_for_a_third(store: Store) -> None:
    a, b, c = photo(1, "a", "a.jpg", exif_fields=9), photo(2, "b", "b.jpg", exif_fields=3), photo(3, "c", "c.jpg")
    grouped(store, [a, b], [edge("a", "b")])
    first = planned(store)
    assert told(first) == {"b.jpg": ("a.jpg", "near")}
    done(store, first)
    stored = fill(store, [c])
    regrouped(store, restated([edge("a", "c")], [a, c], stored))
    plan = planned(store)
    assert not plan.steps
    assert plan.skipped == {"kept for another photo by an earlier plan": 1}


def test_equal_files_that_went_before_bind_nobody(store: Store) -> None:
    a, b, c = photo(1, "a", "a.jpg", exif_fields=3), photo(2, "a", "b.jpg", exif_fields=3), photo(3, "c", "c.jpg")
    grouped(store, [a, b])
    done(store, planned(store))
    stored = fill(store, [c])
    regrouped(store, restated([edge("a", "c")], [a, c], stored))
    assert told(planned(store)) == {"a.jpg": ("c.jpg", "near")}


def test_what_came_back_frees_its_keeper(store: Store) -> None:
    a, b, c = photo(1, "a", "a.jpg", exif_fields=9), photo(2, "b", "b.jpg", exif_fields=3), photo(3, "c", "c.jpg")
    grouped(store, [a, b], [edge("a", "b")])
    first = planned(store)
    done(store, first)
    store.plans.record(first.id, first.steps[0], "t1", "undone")
    stored = fill(store, [b, c])
    regrouped(store, restated([edge("a", "c")], [a, c], stored))
    assert told(planned(store)) == {"a.jpg": ("c.jpg", "near")}


def test_a_photo_that_goes_by_a_waiting_plan_is_nobodys_keeper(store: Store) -> None:
    grouped(store, [photo(1, "a", "a.jpg"), photo(2, "a", "b.jpg")])
    a, b = (store.assets.find(AssetId("home", name)) for name in ("a.jpg", "b.jpg"))
    assert a is not None
    assert b is not None
    turned = Step(1, a.asset, a.content, "delete", "", b.asset, b.content, "exact", "g", "by hand")
    store.plans.put(Plan("by hand", planned(store).created_at, (turned,)))
    plan = planned(store)
    assert not plan.steps
    assert plan.skipped == {"its keeper goes by another plan": 1}
    regrouped(store, [])  # a newer run: the plan from the old groups binds nobody any more
    assert planned(store).steps


def test_a_plan_in_numbers(store: Store) -> None:
    photos = [
        photo(1, "a", "a.jpg", size=5),
        photo(2, "a", "a (1).jpg", size=5),
        photo(3, "a", "a (2).jpg", "phone", size=5),
    ]
    photos += [photo(4, "b", "b.jpg", exif_fields=3, size=2)]
    grouped(store, photos, [edge("a", "b")])
    assert tally(planned(store)) == {
        "relation": {"exact": (2, 10), "near": (1, 2)},
        "reason": {"name without a copy mark": (2, 10), "more metadata": (1, 2)},
        "source": {"home": (2, 7), "phone": (1, 5)},
    }


# properties of random libraries ----------------------------------------------------------------------------------

METHODS = ("complete", "average", "components", "dbscan")
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def library(world: World, method: str = "complete") -> tuple[Store, Settings, list[Edge]]:
    wanted = Settings(grouping=Grouping(method=method), planning=Planning(protected=("keep",)))
    store = Store(None)
    unique = list({one.asset.id: one for one in world.photos}.values())
    contents = sorted({one.content for one in unique})
    found = world.material.measured
    store.evidence.put([(a, b, found(a, b) or Evidence()) for a, b in combinations(contents, 2)], RECIPE)
    edges = restated(world.edges, unique, fill(store, unique))
    regrouped(store, edges, world.judge, wanted)
    return store, wanted, edges


def alike(store: Store, edges: Sequence[Edge], step: Step) -> bool:
    """Is the photo that goes joined to the one that stays by bytes, pixels, or one accepted edge of its pixels?"""
    if step.content == step.keeper_content:
        return True
    photos = list(store.assets.all()) + list(store.assets.all(gone=True))
    pixels = {one.content: one.pixels or one.content for one in photos}
    if pixels[step.content] == pixels[step.keeper_content]:
        return True
    shows = {one.signature_row: pixels[one.content] for one in photos}
    joined = {frozenset((shows[e.a], shows[e.b])) for e in edges if e.relation == "near"}
    return frozenset((pixels[step.content], pixels[step.keeper_content])) in joined


@given(worlds(), st.sampled_from(METHODS))
@MANY
def test_the_last_copy_stays_and_every_step_is_proved_against_what_stays(world: World, method: str) -> None:
    store, wanted, edges = library(world, method)
    with store:
        plan = make_plan(store, wanted, judge=world.judge)
        going = {step.asset.id for step in plan.steps}
        assert len(going) == len(plan.steps)
        assert [step.number for step in plan.steps] == list(range(1, len(plan.steps) + 1))
        staying = {one.content for one in store.assets.all() if one.asset.id not in going}
        for step in plan.steps:
            assert step.keeper.id not in going
            assert step.keeper_content in staying
            assert alike(store, edges, step)
            assert step.relation != "exact" or step.content == step.keeper_content


@given(worlds(), st.sampled_from(METHODS))
@MANY
def test_nothing_protected_edited_or_kept_apart_is_in_a_plan(world: World, method: str) -> None:
    store, wanted, _ = library(world, method)
    with store:
        for step in make_plan(store, wanted, judge=world.judge).steps:
            assert PROTECTED not in step.asset.flags
            assert step.asset.folder != "keep"
            assert step.content == step.keeper_content or not world.judge.apart(step.content, step.keeper_content)
            if step.content != step.keeper_content and step.relation == "near":
                assert (EDITED in step.asset.flags) <= (EDITED in step.keeper.flags)


@given(worlds(), st.sampled_from(METHODS), st.randoms(use_true_random=False))
@MANY
def test_the_same_library_scanned_in_another_order_gives_the_same_plan(
    world: World, method: str, chance: random.Random
) -> None:
    mixed = replace(world, photos=shuffled(world.photos, chance), edges=shuffled(world.edges, chance))
    first_of = {one.asset.id: one for one in reversed(world.photos)}
    mixed = replace(mixed, photos=tuple(one for one in mixed.photos if first_of[one.asset.id] is one))
    world = replace(world, photos=tuple(one for one in world.photos if first_of[one.asset.id] is one))
    plans = []
    for each in (world, mixed):
        store, wanted, _ = library(each, method)
        with store:
            plans.append(make_plan(store, wanted, judge=world.judge, now=NOW))
    assert plans[0].steps == plans[1].steps
    assert plans[0].id == plans[1].id


def shuffled(items: Sequence[Any], chance: random.Random) -> tuple[Any, ...]:
    return tuple(chance.sample(list(items), len(items)))


@given(worlds(), st.sampled_from(METHODS))
@MANY
def test_after_a_plan_is_applied_the_same_groups_have_nothing_more_to_go(world: World, method: str) -> None:
    store, wanted, _ = library(world, method)
    with store:
        done(store, make_plan(store, wanted, judge=world.judge))
        assert not make_plan(store, wanted, judge=world.judge).steps


@given(worlds(plain=True))
@MANY
def test_after_a_plan_is_applied_another_run_finds_nothing_more_to_go(world: World) -> None:
    store, wanted, edges = library(world)
    with store:
        done(store, make_plan(store, wanted, judge=world.judge))
        live = {one.signature_row for one in store.assets.all()}
        regrouped(store, [e for e in edges if e.a in live and e.b in live], world.judge, wanted)
        assert not make_plan(store, wanted, judge=world.judge).steps


@given(worlds())
@MANY
def test_applied_one_relation_after_the_other_no_content_loses_its_last_likeness(world: World) -> None:
    store, wanted, edges = library(world)
    with store:
        gone: list[Step] = []
        for relation in ("exact", "near", "pixels", "near"):
            plan = make_plan(store, wanted, relations=(relation,), judge=world.judge, now=NOW + len(gone))
            done(store, plan)
            gone += plan.steps
            live = {one.signature_row for one in store.assets.all()}
            regrouped(store, [e for e in edges if e.a in live and e.b in live], world.judge, wanted)
        staying = {one.content for one in store.assets.all()}
        for step in gone:
            assert any(alike(store, edges, replace(step, keeper_content=content)) for content in staying)


def test_the_reasons_of_a_plan_begin_with_the_words_of_a_rule(store: Store) -> None:
    photos = [photo(1, "a", "a.jpg"), photo(2, "a", "a (1).jpg"), photo(3, "b", "b.jpg", exif_fields=3)]
    grouped(store, photos, [edge("a", "b")])
    labels = {rule.label for rule in RULES}
    assert {step.reason.partition(":")[0] for step in planned(store).steps} <= labels
