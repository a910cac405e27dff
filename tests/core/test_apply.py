"""What apply does and refuses, apart from what the disk does to it (tests/safety has that)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

import pytest

from connectors.base import Asset, AssetId, NotFound, Receipt, Refused, Unavailable
from connectors.memory import MemoryConnector
from dedupe_core.apply import PlanRefused
from dedupe_core.model import Plan
from dedupe_core.settings import Settings
from dedupe_core.settle import settle_open
from tests.safety.clouds import SETTINGS, Cloud, without_content


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud()
    for number in range(3):
        made.put(f"{number}.jpg", b"picture %d" % number, "2024")
        made.put(f"{number}.jpg", b"picture %d" % number, "phone")
    made.scan()
    return made


class Odd(MemoryConnector):
    """A source with trouble of its own: each name in `trouble` is a method that runs instead."""

    def __init__(self, **trouble: Callable[..., object]) -> None:
        super().__init__("cloud")
        self.trouble = trouble

    def delete(self, asset: Asset, token: str) -> Receipt:
        self.trouble.get("before delete", lambda: None)()
        receipt = super().delete(asset, token)
        self.trouble.get("after delete", lambda: None)()
        return receipt

    def open(self, asset: Asset) -> BinaryIO:
        if "open" in self.trouble:
            self.trouble["open"](asset)
        return super().open(asset)

    def restore(self, receipt: Receipt) -> Asset:
        self.trouble.get("restore", lambda: None)()
        return super().restore(receipt)


def odd() -> tuple[Cloud, Odd]:
    source = Odd()
    made = Cloud(source=source)
    made.put("a.jpg", b"picture", "2024")
    made.put("a.jpg", b"picture", "phone")
    made.scan()
    return made, source


def settings(**planning: object) -> Settings:
    return Settings.model_validate({"planning": planning})


def test_what_the_plan_says_is_done_once(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m7", "m5"))
    first = cloud.apply(plan)
    assert (first.done, first.failed, first.freed) == (2, 0, 18)
    assert cloud.there() == {"m1", "m5", "m9", "m11"}
    assert cloud.states(plan) == ["intent", "done", "intent", "done"]
    second = cloud.apply(plan)
    assert (second.done, second.count("already")) == (0, 2)
    assert cloud.states(plan) == ["intent", "done", "intent", "done"]


def test_what_went_takes_part_in_nothing_any_more(cloud: Cloud) -> None:
    assert len(cloud.store.assets.exact()) == 3
    cloud.apply(cloud.drop("m3", "m1"))
    assert len(cloud.store.assets.exact()) == 2
    gone = cloud.store.assets.find(AssetId("cloud", "m3"))
    assert gone is not None
    assert gone.row not in {photo.row for photo in cloud.store.assets.all()}


def test_a_dry_run_says_what_would_be_and_touches_nothing(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m7", "m5"))
    cloud.source.change("m5", b"something else")
    told = cloud.apply(plan, dry_run=True)
    assert [outcome.state for outcome in told.outcomes] == ["would", "skipped"]
    assert cloud.states(plan) == []
    assert len(cloud.there()) == 6
    assert cloud.store.plans.all()[0]["state"] == "planned"
    done = cloud.apply(plan)
    assert [outcome.state for outcome in done.outcomes] == ["done", "skipped"]
    assert [o.sentence for o in done.outcomes] == [o.sentence for o in told.outcomes]


def test_an_altered_plan_is_refused(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    other = replace(plan, steps=(replace(plan.steps[0], verb="move", target="elsewhere"),))
    with pytest.raises(PlanRefused, match="altered"):
        cloud.apply(other)
    with pytest.raises(PlanRefused, match="altered"):
        cloud.apply(replace(plan, created_at=plan.created_at + 1))
    assert len(cloud.there()) == 6


def test_an_old_plan_is_refused(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), created_at=time.time() - 15 * 86_400)
    with pytest.raises(PlanRefused, match="15 days old"):
        cloud.apply(plan)
    assert cloud.apply(plan, settings(max_age_days=16)).done == 1


def test_a_plan_of_a_clock_that_ran_ahead_is_not_old(cloud: Cloud) -> None:
    assert cloud.apply(cloud.plan(cloud.step(1, "m3", "m1"), created_at=time.time() + 86_400)).done == 1


@pytest.mark.parametrize("caps", [{"max_items": 1}, {"max_bytes": 17}])
def test_a_plan_above_its_cap_is_refused_as_a_whole(cloud: Cloud, caps: dict[str, int]) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m7", "m5"))
    with pytest.raises(PlanRefused, match="the cap"):
        cloud.apply(plan, settings(**caps))
    assert len(cloud.there()) == 6


def test_only_equal_pictures_go_without_a_person(cloud: Cloud) -> None:
    near = cloud.drop("m3", "m1", "near")
    with pytest.raises(PlanRefused, match="only a person"):
        cloud.apply(near, unattended=True)
    assert cloud.apply(cloud.drop("m3", "m1"), unattended=True).done == 1


def test_a_photo_in_a_protected_folder_stays(cloud: Cloud) -> None:
    result = cloud.apply(cloud.drop("m3", "m1"), settings(protected=["PHONE"]))
    assert (result.done, result.skipped) == (0, 1)
    assert "protected" in result.messages[0]
    cloud.put("p.jpg", b"picture 0", "phone", flags=frozenset({"protected"}))
    cloud.scan()
    result = cloud.apply(cloud.drop("m13", "m1"))
    assert (result.done, result.skipped) == (0, 1)


def test_a_keeper_that_goes_in_the_same_plan_keeps_nothing(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m1", "m5", "near"))
    result = cloud.apply(plan)
    assert [outcome.state for outcome in result.outcomes] == ["skipped", "done"]
    assert "m3" in cloud.there()


def test_what_was_kept_for_a_near_duplicate_does_not_go_for_another(cloud: Cloud) -> None:
    """A is like C and C is like B: with A gone for C, C is all that is left of A."""
    assert cloud.apply(cloud.drop("m3", "m5", "near")).done == 1
    result = cloud.apply(cloud.drop("m5", "m9", "near"))
    assert (result.done, result.skipped) == (0, 1)
    assert "kept for another photo" in result.messages[0]
    assert cloud.apply(cloud.drop("m5", "m7")).done == 1, "equal bytes stand in"


def test_once_it_was_undone_nothing_relies_on_the_keeper(cloud: Cloud) -> None:
    first = cloud.drop("m3", "m5", "near")
    cloud.apply(first)
    cloud.undo(first)
    assert cloud.apply(cloud.drop("m5", "m9", "near")).done == 1


def test_nothing_goes_whose_bytes_nobody_read(cloud: Cloud) -> None:
    result = cloud.apply(cloud.plan(without_content(cloud.step(1, "m3", "m1"))))
    assert (result.done, result.skipped) == (0, 1)


def test_an_exact_copy_with_other_bytes_is_none(cloud: Cloud) -> None:
    result = cloud.apply(cloud.drop("m7", "m1"))
    assert (result.done, result.skipped) == (0, 1)


def test_a_live_movie_that_only_the_victim_has_keeps_it(cloud: Cloud) -> None:
    live = cloud.put("live.heic", b"picture 0", "phone", (("live_video", "live.mov", b"moving"),))
    papers = cloud.put("papers.jpg", b"picture 0", "phone", (("sidecar", "papers.xmp", b"<x/>"),))
    cloud.scan()
    result = cloud.apply(cloud.plan(cloud.step(1, live, "m1"), cloud.step(2, papers, "m1")))
    assert [outcome.state for outcome in result.outcomes] == ["skipped", "done"]
    assert "live_video" in result.messages[0]


def test_a_source_that_is_not_set_up_is_told(cloud: Cloud) -> None:
    other = MemoryConnector("other")
    key = other.put("0.jpg", b"picture 0").key
    plan = cloud.drop("m3", "m1")
    strange = replace(plan.steps[0], keeper=other.look(AssetId("other", key)))
    result = cloud.apply(cloud.plan(strange))
    assert (result.done, result.skipped) == (0, 1)
    assert "other" in result.messages[0]


def test_one_that_changed_stops_no_other(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m7", "m5"))
    cloud.source.change("m3", b"edited")
    result = cloud.apply(plan)
    assert (result.done, result.skipped, result.failed) == (1, 1, 0)
    assert "m3" in cloud.there()


def test_the_journal_tells_a_skipped_step_once(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    cloud.source.change("m3", b"edited")
    for _ in range(3):
        cloud.apply(plan)
    assert cloud.states(plan) == ["refused"]


def test_a_lost_answer_is_looked_after_and_done_once(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    cloud.source.lose_answer()
    assert cloud.apply(plan).done == 1
    assert cloud.states(plan) == ["intent", "done"]
    assert cloud.undo(plan).restored == 1


def test_a_source_that_is_busy_fails_the_step_and_is_tried_again(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    cloud.source.throttle(3)
    first = cloud.apply(plan)
    assert (first.done, first.failed) == (0, 1)
    assert cloud.apply(plan).done == 1


def test_a_source_that_refuses_fails_the_step() -> None:
    cloud, source = odd()

    def refuse() -> None:
        raise Refused("No.")

    source.trouble = {"before delete": refuse}
    plan = cloud.drop("m3", "m1")
    result = cloud.apply(plan)
    assert (result.done, result.failed) == (0, 1)
    assert cloud.states(plan) == ["intent", "failed"]
    source.trouble = {}
    assert cloud.apply(plan).done == 1


def test_an_unknown_end_stays_open_until_it_can_be_settled() -> None:
    cloud, source = odd()

    def break_twice() -> None:
        source.throttle(1)
        raise Unavailable("The connection broke.")

    source.trouble = {"after delete": break_twice}
    plan = cloud.drop("m3", "m1")
    assert cloud.apply(plan).failed == 1
    assert cloud.states(plan) == ["intent"]
    source.trouble = {}
    again = cloud.apply(plan)
    assert (again.done, again.count("already"), again.failed) == (0, 1, 0)
    assert cloud.states(plan) == ["intent", "done"]
    assert again.settled


def test_a_write_of_a_source_that_is_away_is_touched_by_nobody(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1")
    cloud.store.plans.record(plan.id, plan.steps[0], "t1", "intent")
    (told,) = settle_open(cloud.store, {})
    assert "not set up" in told
    assert cloud.states(plan) == ["intent"]
    keeper_of_it = cloud.drop("m1", "m3")
    told_too = settle_open(cloud.store, {})
    assert told_too == (told,)
    cloud.others = {}
    result = cloud.apply(keeper_of_it)
    assert result.settled, "with its source there, it is settled first"


def test_a_keeper_that_another_open_write_takes_keeps_nothing(cloud: Cloud) -> None:
    away = MemoryConnector("away")
    key = away.put("0.jpg", b"picture 0").key
    step = cloud.step(1, "m3", "m1")
    open_step = replace(step, asset=replace(step.keeper, id=AssetId("away", key)))
    plan = cloud.plan(open_step)
    cloud.store.plans.record(plan.id, open_step, "t1", "intent")
    mine = cloud.plan(replace(step, keeper=away.look(AssetId("away", key))))
    cloud.others = {}
    result = cloud.apply(mine)
    assert (result.done, result.skipped) == (0, 1)
    assert "another plan" in result.messages[-1]


def test_a_keeper_that_cannot_be_read_afterwards_brings_its_copy_back() -> None:
    cloud, source = odd()
    opened: list[str] = []

    def vanish(asset: Asset) -> None:
        opened.append(asset.id.key)
        if len(opened) == 3:
            raise NotFound("It is gone.")

    source.trouble = {"open": vanish}
    plan = cloud.drop("m3", "m1")
    result = cloud.apply(plan)
    assert opened[:3] == ["m1", "m3", "m1"]
    assert (result.done, result.skipped) == (0, 1)
    assert "brought back at once" in result.messages[0]
    assert cloud.there() == {"m1", "m3"}
    assert cloud.states(plan) == ["intent", "refused"]
    known = cloud.store.assets.find(AssetId("cloud", "m3"))
    assert known is not None
    assert known.content == plan.steps[0].content, "it is known again without being decoded"


def test_what_cannot_be_brought_back_at_once_is_told_and_can_be_undone() -> None:
    cloud, source = odd()
    opened: list[str] = []

    def vanish(asset: Asset) -> None:
        opened.append(asset.id.key)
        if len(opened) == 3:
            raise NotFound("It is gone.")

    def no() -> None:
        raise Unavailable("Not now.")

    source.trouble = {"open": vanish, "restore": no}
    plan = cloud.drop("m3", "m1")
    result = cloud.apply(plan)
    assert (result.done, result.failed) == (0, 1)
    assert "keepone undo" in result.messages[0]
    source.trouble = {}
    assert cloud.undo(plan).restored == 1
    assert cloud.there() == {"m1", "m3"}


def test_a_file_that_the_disk_cannot_read_is_a_failure() -> None:
    cloud, source = odd()

    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    source.open = lambda asset: Broken()  # type: ignore[method-assign]
    result = cloud.apply(cloud.drop("m3", "m1"))
    assert (result.done, result.failed) == (0, 1)
    assert "Input/output error" in result.messages[0]


def _five(source: Odd) -> tuple[Cloud, Plan]:
    cloud = Cloud(source=source)
    for index in range(5):
        cloud.put(f"{index}.jpg", b"picture %d" % index)
        cloud.put(f"{index} copy.jpg", b"picture %d" % index)
    cloud.scan()
    keys = sorted(cloud.there(), key=lambda key: int(key[1:]))
    return cloud, cloud.plan(*(cloud.step(n, keys[2 * n + 1], keys[2 * n]) for n in range(5)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_photo_under_way(number: int) -> None:
    source = Odd()
    cloud, plan = _five(source)
    source.trouble = {"after delete": lambda: os.kill(os.getpid(), number)}
    before = signal.getsignal(number)
    result = cloud.apply(plan)
    assert signal.getsignal(number) is before
    assert "Stopped" in result.stopped
    assert result.done == 1
    assert cloud.states(plan) == ["intent", "done"]
    source.trouble = {}
    again = cloud.apply(plan)
    assert (again.stopped, again.done, again.count("already")) == ("", 4, 1)


def test_a_photo_under_way_that_takes_too_long_after_a_signal_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedupe_core.apply.PATIENCE", -1.0)
    source = Odd()
    cloud, plan = _five(source)
    source.trouble = {"after delete": lambda: os.kill(os.getpid(), signal.SIGTERM)}
    assert cloud.apply(plan).done == 0
    assert cloud.states(plan) == ["intent", "refused"]
    assert len(cloud.there()) == 10
    assert not cloud.store.plans.open_intents()


def test_tagging_puts_nothing_away(cloud: Cloud) -> None:
    plan = cloud.drop("m3", "m1", verb="tag", target="KeepOne duplicates")
    assert cloud.apply(plan).done == 1
    assert len(cloud.store.assets.exact()) == 3
    assert cloud.source.look(AssetId("cloud", "m3")).labels == {"KeepOne duplicates"}
    assert cloud.undo(plan).restored == 1
    assert cloud.source.look(AssetId("cloud", "m3")).labels == frozenset()


def test_an_undone_step_is_not_done_again_by_the_same_plan(cloud: Cloud) -> None:
    plan = cloud.plan(cloud.step(1, "m3", "m1"), cloud.step(2, "m7", "m5"))
    cloud.apply(plan)
    cloud.undo(plan, [1])
    again = cloud.apply(plan)
    assert [outcome.state for outcome in again.outcomes] == ["skipped", "already"]
    assert "m3" in cloud.there()


def test_the_default_settings_need_no_argument(cloud: Cloud) -> None:
    assert cloud.apply(cloud.drop("m3", "m1"), SETTINGS).messages == ()
