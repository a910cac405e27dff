"""kill -9 at every system call that changes a disk: nothing is lost, a second run finishes, a third changes nothing.

The child is a real process under strace; the point is the n-th call of one name in a run, and the process dies before
that call takes effect. `make test` takes points spread evenly over all; the slow tests take every one.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dedupe_core.model import Plan
from tests.safety.tracing import Server, counted, hold_at, kill_at, sample
from tests.safety.world import Drop, Facts, World, lost

PHOTOS = 3


@dataclass(slots=True)
class Stage:
    """A world that is ready to be killed in: what to ask of the child, and what was there before."""

    world: World
    plan: Plan
    request: dict[str, Any]
    before: dict[str, Facts]
    finished: Callable[[], None]


def _photos(world: World, size: int = 3000) -> None:
    for number in range(PHOTOS):
        data = bytes([65 + number]) * size
        world.write(f"2024/06/IMG_{number}.jpg", data)
        world.write(f"phone/IMG_{number}.jpg", data, age=5000.5, mode=0o640, attribute=b"tag")
        world.write(f"phone/IMG_{number}.jpg.xmp", b"<x:xmpmeta/>" + bytes([48 + number]), age=4000.25)


def _drops(**how: Any) -> list[Drop]:
    return [Drop(f"phone/IMG_{number}.jpg", f"2024/06/IMG_{number}.jpg", **how) for number in range(PHOTOS)]


def _fresh(base: Path, empty: tuple[str, ...] = ()) -> World:
    """An empty world in `base`; folders named in `empty` are mount points, which are emptied and stay."""
    shutil.rmtree(base / "data", ignore_errors=True)
    root = base / "photos"
    root.mkdir(exist_ok=True)
    for entry in root.iterdir():
        if entry.name in empty:
            for inner in entry.iterdir():
                shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
        else:
            shutil.rmtree(entry)
    return World(root, base / "data")


def _request(world: World, plan: Plan, do: str) -> dict[str, Any]:
    return {"do": do, "root": str(world.root), "data": str(world.data), "plan": plan.id}


def stage_apply(base: Path, empty: tuple[str, ...] = (), **how: Any) -> Stage:
    world = _fresh(base, empty)
    _photos(world)
    world.scan()
    before = world.tree()
    plan = world.plan(_drops(**how))

    def finished() -> None:
        second = world.apply(plan)
        assert second.failed == 0, second.messages
        assert second.skipped == 0, second.messages
        assert second.done + second.count("already") == PHOTOS
        kept = {key: facts for key, facts in before.items() if key.startswith("2024")}
        moved = {f"{how['target']}/{Path(key).name}": f for key, f in before.items() if key not in kept} if how else {}
        assert world.tree() == kept | moved
        assert not lost(before, world)
        everything = world.tree(own=True)
        third = world.apply(plan)
        assert (third.done, third.count("already")) == (0, PHOTOS)
        assert world.tree(own=True) == everything

    return Stage(world, plan, _request(world, plan, "apply"), before, finished)


def stage_undo(base: Path, empty: tuple[str, ...] = (), **how: Any) -> Stage:
    stage = stage_apply(base, empty, **how)
    assert stage.world.apply(stage.plan).done == PHOTOS

    def finished() -> None:
        second = stage.world.undo(stage.plan)
        assert second.failed == 0, second.messages
        assert stage.world.tree() == stage.before
        everything = stage.world.tree(own=True)
        assert stage.world.undo(stage.plan).restored == 0
        assert stage.world.tree(own=True) == everything

    return Stage(stage.world, stage.plan, _request(stage.world, stage.plan, "undo"), stage.before, finished)


def kill_everywhere(children: Server, prepare: Callable[[], Stage], log: Path, wanted: int) -> int:
    """Kill at `wanted` points (all when there are fewer) and hold the world to its promises after each."""
    stage = prepare()
    ended, calls = counted(children, stage.request, log)
    assert ended.result.get("done") == PHOTOS, ended
    points = [(call, number) for call in sorted(calls) for number in range(1, calls[call] + 1)]
    killed = 0
    for call, number in sample(points, wanted):
        stage = prepare()
        ended = children.run(stage.request, kill_at(call, number))
        killed += ended.killed
        where = f"killed at {call} number {number}"
        assert not lost(stage.before, stage.world), where
        try:
            stage.finished()
        except AssertionError as error:
            raise AssertionError(where) from error
    assert killed >= 0.9 * min(wanted, len(points)), f"only {killed} of {len(points)} points were reached"
    print(f"killed at {killed} of {len(points)} points, 0 lost")
    return killed


NEAR = {"verb": "move", "target": "phone/duplicates"}
FAR = {"verb": "move", "target": "far/duplicates"}
HERE = [
    pytest.param(stage_apply, {}, 80, id="removal"),
    pytest.param(stage_undo, {}, 50, id="undo of a removal"),
    pytest.param(stage_apply, NEAR, 30, id="move"),
    pytest.param(stage_undo, NEAR, 30, id="undo of a move"),
]
ELSEWHERE = [
    pytest.param(stage_apply, FAR, 50, id="move to another disk"),
    pytest.param(stage_undo, FAR, 40, id="undo of a move to another disk"),
]
Prepare = Callable[..., Stage]
ALL = 1_000_000


@pytest.mark.parametrize(("prepare", "how", "points"), HERE)
def test_a_kill_loses_nothing_and_a_second_run_finishes(
    swift: Path, children: Server, prepare: Prepare, how: dict[str, Any], points: int
) -> None:
    kill_everywhere(children, lambda: prepare(swift, **how), swift / "log", points)


@pytest.mark.root
@pytest.mark.parametrize(("prepare", "how", "points"), ELSEWHERE)
def test_a_kill_between_two_disks_loses_nothing_and_a_second_run_finishes(
    swift: Path,
    mount_memory: Callable[[Path], Path],
    children: Server,
    prepare: Prepare,
    how: dict[str, Any],
    points: int,
) -> None:
    mount_memory(swift / "photos" / "far")
    kill_everywhere(children, lambda: prepare(swift, ("far",), **how), swift / "log", points)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("prepare", "how", "points"), HERE)
def test_a_kill_at_every_call_loses_nothing(
    tmp_path: Path, children: Server, prepare: Prepare, how: dict[str, Any], points: int
) -> None:
    kill_everywhere(children, lambda: prepare(tmp_path, **how), tmp_path / "log", ALL)


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("prepare", "how", "points"), ELSEWHERE)
def test_a_kill_at_every_call_between_two_disks_loses_nothing(
    tmp_path: Path,
    mount_memory: Callable[[Path], Path],
    children: Server,
    prepare: Prepare,
    how: dict[str, Any],
    points: int,
) -> None:
    mount_memory(tmp_path / "photos" / "far")
    kill_everywhere(children, lambda: prepare(tmp_path, ("far",), **how), tmp_path / "log", ALL)


def test_sigterm_ends_a_real_run_cleanly_and_the_next_goes_on(swift: Path, children: Server) -> None:
    world = World(swift / "photos", swift / "data")
    for number in range(40):
        world.write(f"2024/{number}.jpg", bytes([number]) * 20_000)
        world.write(f"phone/{number}.jpg", bytes([number]) * 20_000)
    world.scan()
    before = world.tree()
    plan = world.plan([Drop(f"phone/{number}.jpg", f"2024/{number}.jpg") for number in range(40)])

    def meanwhile(pid: int) -> None:
        until = time.monotonic() + 20
        while len(list(world.root.glob(".keepone/quarantine/*/phone/*.jpg"))) < 3:
            assert time.monotonic() < until, "the run never got so far"
        os.kill(pid, signal.SIGTERM)

    ended = children.run(_request(world, plan, "apply"), hold_at("renameat", 10, 0.2), meanwhile)
    assert ended.signal == 0, "it ended by itself"
    assert 3 <= ended.result["done"] < 40
    assert any("Stopped" in sentence for sentence in ended.result["said"])
    with world.store() as store:
        assert not store.plans.open_intents()
    again = world.apply(plan)
    assert again.done + again.count("already") == 40
    assert not lost(before, world)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_hundreds_of_kills_at_random_moments_lose_nothing(tmp_path: Path, children: Server) -> None:
    """Worlds of 80 photos are put away and brought back, killed again and again on the way: as many worlds as it takes,
    because a fast machine is done before most of the kills."""
    chance = random.Random(8)
    kills = 0
    for round_ in range(30):
        if kills >= 100:
            break
        base = tmp_path / str(round_)
        world = World(base / "photos", base / "data")
        for number in range(80):
            data = number.to_bytes(2, "big") * 2000
            world.write(f"2024/{number}.jpg", data)
            world.write(f"phone/{number}.jpg", data, attribute=b"tag")
        world.scan()
        before = world.tree()
        plan = world.plan([Drop(f"phone/{number}.jpg", f"2024/{number}.jpg") for number in range(80)])
        for do in ("apply", "undo"):
            killed = True
            while killed:
                killed = _killed_after(children, _request(world, plan, do), chance.uniform(0.01, 0.1))
                kills += killed
                assert not lost(before, world)
        assert world.tree() == before
    print(f"{kills} kills, 0 lost")
    assert kills >= 100


def _killed_after(children: Server, request: dict[str, Any], seconds: float) -> bool:
    def meanwhile(pid: int) -> None:
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    return children.run(request, meanwhile=meanwhile).killed
