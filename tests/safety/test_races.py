"""Keeper and victim change between the plan and the removal, at every boundary of a step and inside the rename itself.

The seven mutations are those with which the file dedupers of the day lose photos: never may the last copy of a content
go (LOST), never what the person made of the victim in the meantime (NEW).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from connectors.base import Asset, AssetId, Connector, Receipt
from connectors.local import LocalConnector, LocalOptions
from tests.safety.tracing import Server, hold_at
from tests.safety.world import SOURCE, Drop, World, lost

KEEPER, VICTIM = "2024/06/IMG_1.jpg", "phone/IMG_1.jpg"
BYTES = b"\xff\xd8 the only picture of that day " * 200
Mutation = Callable[[Path], bytes | None]


def remove(path: Path) -> bytes | None:
    path.unlink()
    return None


def overwrite(path: Path) -> bytes | None:
    new = b"something else " * 300
    path.write_bytes(new)
    return new


def overwrite_keeping_time(path: Path) -> bytes | None:
    seen = path.stat()
    new = bytes(reversed(path.read_bytes()))
    path.write_bytes(new)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    return new


def truncate(path: Path) -> bytes | None:
    os.truncate(path, 0)
    return b""


def replace(path: Path) -> bytes | None:
    """As most programs save: a new file, renamed over the old one."""
    new = b"an edited picture " * 250
    other = path.with_name(".saving")
    other.write_bytes(new)
    other.replace(path)
    return new


def replace_keeping_time_and_size(path: Path) -> bytes | None:
    seen = path.stat()
    new = bytes(reversed(path.read_bytes()))
    other = path.with_name(".saving")
    other.write_bytes(new)
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.replace(path)
    return new


OF_KEEPER: dict[str, Mutation] = {
    "removed": remove,
    "overwritten": overwrite,
    "overwritten, time kept": overwrite_keeping_time,
    "truncated": truncate,
    "replaced": replace,
    "replaced, time and size kept": replace_keeping_time_and_size,
}
OF_VICTIM: dict[str, Mutation] = {
    "edited": overwrite,
    "edited, time kept": overwrite_keeping_time,
    "truncated": truncate,
    "saved anew": replace,
    "saved anew, time and size kept": replace_keeping_time_and_size,
}


class Meddled(LocalConnector):
    """Calls `meddle` once, when `moment` comes: "look 1" is before the first look, "open 2" before the second opening,
    "delete 1" before the removal, "deleted 1" after it."""

    def __init__(self, name: str, options: LocalOptions, moment: str, meddle: Callable[[], object]) -> None:
        super().__init__(name, options)
        self._moment, self._meddle = moment, meddle
        self._count: dict[str, int] = {}
        self.came = False

    def _reach(self, what: str) -> None:
        self._count[what] = self._count.get(what, 0) + 1
        if f"{what} {self._count[what]}" == self._moment and not self.came:
            self.came = True
            self._meddle()

    def look(self, asset_id: AssetId) -> Asset:
        self._reach("look")
        return super().look(asset_id)

    def open(self, asset: Asset) -> BinaryIO:
        self._reach("open")
        return super().open(asset)

    def delete(self, asset: Asset, token: str) -> Receipt:
        self._reach("delete")
        receipt = super().delete(asset, token)
        self._reach("deleted")
        return receipt


# looks: keeper, victim, victim (by delete); openings: keeper, victim, keeper (afterwards)
MOMENTS = [f"look {n}" for n in (1, 2, 3)] + [f"open {n}" for n in (1, 2, 3)] + ["delete 1", "deleted 1"]


@pytest.fixture
def world(swift: Path) -> World:
    made = World(swift / "photos", swift / "data")
    made.write(KEEPER, BYTES)
    made.write(VICTIM, BYTES, age=2000)
    made.scan()
    return made


def _keys(name: str) -> str:
    return KEEPER if name == "keeper" else VICTIM


def _promise(world: World, new: bytes | None, whose: str) -> None:
    """The picture is still somewhere, and what the person made in the meantime is where they made it."""
    contents = world.contents()
    assert hashlib.sha256(BYTES).hexdigest() in contents, f"LOST: {sorted(world.tree(own=True))}"
    if new is not None:
        at = world.root / _keys(whose)
        assert at.is_file(), f"NEW: {_keys(whose)} went away"
        assert at.read_bytes() == new, f"NEW: {_keys(whose)} is not what the person made"


def _meddled(world: World, moment: str, meddle: Callable[[], object]) -> tuple[Meddled, Mapping[str, Connector]]:
    connector = Meddled(SOURCE, LocalOptions(path=world.root), moment, meddle)
    return connector, {SOURCE: connector}


@pytest.mark.parametrize("mutation", OF_KEEPER)
def test_a_keeper_that_changed_after_the_plan_saves_its_copy(world: World, mutation: str) -> None:
    plan = world.plan([Drop(VICTIM, KEEPER)])
    new = OF_KEEPER[mutation](world.root / KEEPER)
    result = world.apply(plan)
    assert (result.done, result.skipped) == (0, 1), result
    assert (world.root / VICTIM).read_bytes() == BYTES
    _promise(world, new, "keeper")


@pytest.mark.parametrize("mutation", OF_VICTIM)
def test_a_victim_that_changed_after_the_plan_is_not_touched(world: World, mutation: str) -> None:
    plan = world.plan([Drop(VICTIM, KEEPER)])
    new = OF_VICTIM[mutation](world.root / VICTIM)
    result = world.apply(plan)
    assert (result.done, result.skipped) == (0, 1), result
    _promise(world, new, "victim")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("mutation", OF_KEEPER)
def test_a_keeper_that_changes_in_the_middle_of_a_step_saves_its_copy(world: World, mutation: str, moment: str) -> None:
    plan = world.plan([Drop(VICTIM, KEEPER)])
    made: list[bytes | None] = []
    connector, sources = _meddled(world, moment, lambda: made.append(OF_KEEPER[mutation](world.root / KEEPER)))
    result = world.apply(plan, connectors=sources)
    assert connector.came, f"{moment} never came"
    assert result.done == 0, result
    assert (world.root / VICTIM).read_bytes() == BYTES
    _promise(world, made[0], "keeper")


@pytest.mark.parametrize("moment", [m for m in MOMENTS if m not in ("open 3", "deleted 1")])
@pytest.mark.parametrize("mutation", OF_VICTIM)
def test_a_victim_that_changes_in_the_middle_of_a_step_is_not_touched(world: World, mutation: str, moment: str) -> None:
    plan = world.plan([Drop(VICTIM, KEEPER)])
    made: list[bytes | None] = []
    connector, sources = _meddled(world, moment, lambda: made.append(OF_VICTIM[mutation](world.root / VICTIM)))
    result = world.apply(plan, connectors=sources)
    assert connector.came, f"{moment} never came"
    assert (result.done, result.skipped) == (0, 1), result
    _promise(world, made[0], "victim")


@pytest.mark.parametrize("moment", ["open 3", "deleted 1"])
def test_a_new_file_under_the_name_of_a_photo_that_just_went_stays(world: World, moment: str) -> None:
    plan = world.plan([Drop(VICTIM, KEEPER)])
    connector, sources = _meddled(world, moment, lambda: world.write(VICTIM, b"a new picture"))
    assert world.apply(plan, connectors=sources).done == 1
    assert connector.came
    assert (world.root / VICTIM).read_bytes() == b"a new picture"
    back = world.undo(plan)
    assert back.restored == 1
    assert "phone/IMG_1 (restored).jpg" in back.messages[-1]
    assert (world.root / VICTIM).read_bytes() == b"a new picture"
    assert (world.root / "phone/IMG_1 (restored).jpg").read_bytes() == BYTES


@pytest.mark.parametrize("whose", ["keeper", "victim"])
@pytest.mark.parametrize("mutation", OF_VICTIM)
def test_a_change_inside_the_very_rename_loses_nothing(
    swift: Path, world: World, children: Server, mutation: str, whose: str
) -> None:
    """The rename is held after every proof and check; the change falls between them and its effect."""
    plan = world.plan([Drop(VICTIM, KEEPER)])
    before = world.tree()
    made: list[bytes | None] = []

    def meanwhile(pid: int) -> None:
        shelf = world.root / ".keepone" / "quarantine"
        until = time.monotonic() + 20
        while not list(shelf.glob("*/phone")):  # the folder for the victim: the rename is what comes next
            assert time.monotonic() < until, "the rename was never reached"
            time.sleep(0.002)
        time.sleep(0.05)
        made.append(OF_VICTIM[mutation](world.root / _keys(whose)))

    request = {"do": "apply", "root": str(world.root), "data": str(world.data), "plan": plan.id}
    ended = children.run(request, hold_at("renameat", 1, 0.5), meanwhile)
    assert ended.result["done"] == 0, ended
    _promise(world, made[0], whose)
    if whose == "keeper":
        assert (world.root / VICTIM).read_bytes() == BYTES
        assert not lost({VICTIM: before[VICTIM]}, world)
