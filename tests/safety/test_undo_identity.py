"""Whatever was put away and moved, in whatever order: undo gives back the tree that was there, in bytes, names, times,
modes and extended attributes, under every name that a file system allows."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dedupe_core.model import Plan
from tests.safety.world import Drop, World, lost

HOSTILE = (
    "new\nline",
    "caf\udce9",
    "-rf",
    "quo'te\"s",
    "back\\slash",
    "$(touch x)",
    "`id`",
    " spaces ",
    "👨‍👩‍👧 emoji",
    ";rm x",
    "%s%n",
    "*",
    "a" * 251,
    "é" * 125,
    "con",
    "tab\there",
    "[brackets]",
    "#hash?",
    "~",
    "IMG_0001",
)
FOLDERS = ("2024/06", "phone", "Año nuevo/WhatsApp Images", "x/y/z")
NAMES = st.sampled_from(HOSTILE if sys.platform == "linux" else HOSTILE[2:])


@st.composite
def photos(draw: st.DrawFn) -> tuple[tuple[str, int, int, int, bool], ...]:
    """(key, group, mode, age, with sidecar) of some photos: members of one group hold the same bytes."""
    places = st.tuples(st.sampled_from(FOLDERS), NAMES).map(lambda place: f"{place[0]}/{place[1]}.jpg")
    keys = draw(st.lists(places, min_size=2, max_size=9, unique=True))
    modes = st.sampled_from((0o644, 0o600, 0o444, 0o755))
    return tuple(
        (key, draw(st.integers(0, 2)), draw(modes), draw(st.integers(-10_000, 1_500_000_000)), draw(st.booleans()))
        for key in keys
    )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("delete"), st.integers(0, 20)),
        st.tuples(st.just("move"), st.integers(0, 20)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
        st.tuples(st.just("undo one"), st.integers(0, 5)),
    ),
    min_size=1,
    max_size=6,
)


def _put_away(world: World, verb: str, choice: int) -> Plan | None:
    """A plan that drops all but one of a group, and its execution."""
    world.scan()
    groups: dict[str, list[str]] = {}
    with world.store() as store:
        for photo in store.assets.all():
            groups.setdefault(photo.content, []).append(photo.asset.id.key)
    several = [keys for keys in groups.values() if len(keys) > 1]
    if not several:
        return None
    keys = several[choice % len(several)]
    keeper = keys[choice % len(keys)]
    target = "put away/duplicates" if choice % 2 else "gone"
    where = {"verb": "move", "target": target} if verb == "move" else {}
    plan = world.plan([Drop(key, keeper, **where) for key in keys if key != keeper])  # type: ignore[arg-type]
    result = world.apply(plan)
    assert (result.failed, result.skipped) == (0, 0), result.messages
    return plan


def _history(base: Path, made: tuple[tuple[str, int, int, int, bool], ...], steps: list[tuple[str, int]]) -> None:
    world = World(base / "photos", base / "data")
    for number, (key, group, mode, age, sidecar) in enumerate(made):
        world.write(key, bytes([65 + group]) * 500, float(age), mode, b"tag %d" % number)
        if sidecar and len(key.rpartition("/")[2].encode("utf-8", "surrogateescape")) < 250:
            world.write(key + ".xmp", b"<x/>%d" % number, float(age) + 0.5)
    before = world.tree()
    plans: list[Plan] = []
    for verb, choice in steps:
        if verb in ("delete", "move"):
            if (plan := _put_away(world, verb, choice)) is not None:
                plans.append(plan)
        elif plans:
            plan = plans[choice % len(plans)]
            undone = world.undo(plan, None if verb == "undo" else [1])
            assert undone.failed == 0, undone.messages
        assert not lost(before, world)
    for plan in reversed(plans):
        assert world.undo(plan).failed == 0
    assert world.tree() == before
    left = [key for key in world.tree(own=True) if ".keepone" in key]
    assert {Path(key).name for key in left} <= {"README.txt", "list.jsonl"}, left


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(made=photos(), steps=STEPS)
def test_undo_gives_back_the_tree_that_was_there(
    made: tuple[tuple[str, int, int, int, bool], ...], steps: list[tuple[str, int]]
) -> None:
    _in_memory(made, steps)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=photos(), steps=STEPS)
def test_undo_gives_back_the_tree_after_a_thousand_histories(
    made: tuple[tuple[str, int, int, int, bool], ...], steps: list[tuple[str, int]]
) -> None:
    _in_memory(made, steps)


def _in_memory(made: tuple[tuple[str, int, int, int, bool], ...], steps: list[tuple[str, int]]) -> None:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="keepone-") as folder:
        _history(Path(folder), made, steps)
