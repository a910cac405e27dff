"""Taking back: newest first, once, never over anything; what cannot come back keeps nothing else from coming."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.base import AssetId, Receipt
from tests.safety.clouds import Cloud
from tests.safety.world import Drop, World


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud()
    for number in range(3):
        made.put(f"{number}.jpg", b"picture %d" % number, "2024")
        made.put(f"{number}.jpg", b"picture %d" % number, "phone")
    made.scan()
    return made


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "photos", tmp_path / "data")
    for number in range(3):
        made.write(f"2024/{number}.jpg", b"picture %d" % number * 99)
        made.write(f"phone/{number}.jpg", b"picture %d" % number * 99, age=5000)
    made.scan()
    return made


def test_undo_brings_back_newest_first_and_once(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m7", "m5"))
    cloud.apply(plan)
    first = cloud.undo(plan)
    assert (first.restored, first.failed) == (2, 0)
    assert [outcome.step for outcome in first.outcomes] == [2, 1]
    assert len(cloud.there()) == 6
    assert cloud.states(plan)[4:] == ["undo_intent", "undone", "undo_intent", "undone"]
    assert cloud.store.plans.all()[0]["state"] == "undone"
    second = cloud.undo(plan)
    assert (second.restored, second.outcomes) == (0, ())


def test_undo_of_a_plan_that_nobody_applied_does_nothing(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    assert cloud.undo(plan).outcomes == ()
    assert cloud.store.plans.all()[0]["state"] == "planned"


def test_one_step_can_be_undone_alone(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m7", "m5"))
    cloud.apply(plan)
    assert cloud.undo(plan, [1]).restored == 1
    assert "m3" in cloud.there()
    assert "m7" not in cloud.there()
    assert cloud.store.plans.all()[0]["state"] == "applied"
    assert cloud.undo(plan).restored == 1


def test_what_came_back_is_known_again_without_being_decoded(world: World) -> None:
    plan = world.plan([Drop("phone/0.jpg", "2024/0.jpg")])
    with world.store() as store:
        before = world.photo(store, "phone/0.jpg")
    world.apply(plan)
    with world.store() as store:
        assert [photo.asset.id.key for photo in store.assets.with_content(before.content)] == ["2024/0.jpg"]
    world.undo(plan)
    with world.store() as store:
        after = world.photo(store, "phone/0.jpg")
        assert (after.content, after.row) == (before.content, before.row)
        assert not list(store.assets.unread())
        connector = world.connectors()["home"]
        assert connector.look(AssetId("home", "phone/0.jpg")) == after.asset
    world.scan()
    with world.store() as store:
        assert world.photo(store, "phone/0.jpg").content == before.content


def test_one_that_cannot_come_back_keeps_no_other_from_coming(world: World) -> None:
    plan = world.plan([Drop(f"phone/{n}.jpg", f"2024/{n}.jpg") for n in range(3)])
    world.apply(plan)
    (lost_one,) = (world.root / ".keepone" / "quarantine").glob("*/phone/1.jpg")
    lost_one.unlink()
    result = world.undo(plan)
    assert (result.restored, result.failed) == (2, 1)
    assert "no longer in the quarantine" in result.messages[0]
    assert (world.root / "phone/0.jpg").exists()
    assert (world.root / "phone/2.jpg").exists()
    again = world.undo(plan)
    assert (again.restored, again.failed) == (0, 1)


def test_undo_never_overwrites_and_says_under_which_name_the_photo_came_back(world: World) -> None:
    plan = world.plan([Drop("phone/0.jpg", "2024/0.jpg")])
    world.apply(plan)
    world.write("phone/0.jpg", b"another picture")
    world.write("phone/0 (restored).jpg", b"and another")
    result = world.undo(plan)
    assert result.restored == 1
    assert "phone/0 (restored 2).jpg" in result.messages[0]
    assert (world.root / "phone/0.jpg").read_bytes() == b"another picture"
    assert (world.root / "phone/0 (restored).jpg").read_bytes() == b"and another"
    assert (world.root / "phone/0 (restored 2).jpg").read_bytes() == b"picture 0" * 99
    assert world.undo(plan).restored == 0


def test_a_folder_that_was_removed_in_the_meantime_is_made_again(world: World) -> None:
    plan = world.plan([Drop(f"phone/{n}.jpg", f"2024/{n}.jpg") for n in range(3)])
    before = world.tree()
    world.apply(plan)
    (world.root / "phone").rmdir()
    assert world.undo(plan).restored == 3
    assert world.tree() == before


def test_a_moved_photo_that_was_edited_at_its_new_place_stays_there(world: World) -> None:
    plan = world.plan([Drop("phone/0.jpg", "2024/0.jpg", verb="move", target="phone/duplicates")])
    world.apply(plan)
    world.write("phone/duplicates/0.jpg", b"edited since")
    result = world.undo(plan)
    assert (result.restored, result.failed) == (0, 1)
    assert "changed since it was moved" in result.messages[0]
    assert (world.root / "phone/duplicates/0.jpg").read_bytes() == b"edited since"


def test_a_root_that_is_away_is_tried_again_when_it_is_back(world: World) -> None:
    plan = world.plan([Drop("phone/0.jpg", "2024/0.jpg")])
    before = world.tree()
    connectors = world.connectors()
    world.apply(plan)
    away = world.root.with_name("away")
    world.root.rename(away)
    result = world.undo(plan, connectors=connectors)
    assert (result.restored, result.failed) == (0, 1)
    assert "cannot be reached" in result.messages[0]
    away.rename(world.root)
    assert world.undo(plan).restored == 1
    assert world.tree() == before


def test_a_source_without_restore_says_where_to_look(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    cloud.apply(plan)
    cloud.source.features = type(cloud.source.features)(delete=True, restore=False)
    result = cloud.undo(plan)
    assert (result.restored, result.failed) == (0, 1)
    assert "its own trash" in result.messages[0]


def test_an_undo_that_was_interrupted_is_finished_by_the_next_command(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    cloud.apply(plan)
    done = cloud.store.plans.journal(plan.id)[-1]
    cloud.store.plans.record(plan.id, plan.steps[0], done.token, "undo_intent")
    assert done.receipt is not None
    cloud.source.restore(Receipt("delete", done.receipt["before"], done.receipt["after"], done.token))
    result = cloud.undo(plan)
    assert (result.restored, result.failed) == (0, 0)
    assert "interrupted undo was finished" in result.settled[0]
    assert cloud.states(plan)[-1] == "undone"
