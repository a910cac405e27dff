"""The operating system says no, at every call: victim and keeper are safe, the run says that it failed, and when the
fault is gone the work gets done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.safety.test_kill import FAR, PHOTOS, Stage, stage_apply, stage_undo
from tests.safety.tracing import Server, counted, fail_at, sample
from tests.safety.world import Drop, lost

FAULTS = {
    "renameat": ("EXDEV", "EACCES", "EROFS", "EIO", "ENOSPC"),
    "renameat2": ("EXDEV", "EACCES", "EROFS", "EIO", "ENOSPC"),
    "linkat": ("EXDEV", "EACCES", "EIO"),
    "mkdirat": ("ENOSPC", "EROFS", "EACCES"),
    "unlinkat": ("EIO", "EACCES"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO",),
    "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC", "EIO"),
    "utimensat": ("EACCES",),
    "openat": ("EACCES", "EIO", "EMFILE", "ENOSPC"),
}


Prepare = Callable[[], Stage]


def _put_away_in_the_end(stage: Stage, **how: Any) -> None:
    """Without the fault: what was put back has another change time, so the plan of it may be out of date; a new scan
    and a new plan put it away. Nothing fails any more."""
    world = stage.world
    second = world.apply(stage.plan)
    assert second.failed == 0, second.messages
    world.scan()
    left = [key for key in world.tree() if Path(key).parent == Path("phone") and key.endswith(".jpg")]
    fresh = world.plan([Drop(key, key.replace("phone", "2024/06"), **how) for key in left])
    third = world.apply(fresh)
    assert (third.done, third.failed, third.skipped) == (len(left), 0, 0), third.messages


def _brought_back_in_the_end(stage: Stage, **how: Any) -> None:
    del how
    assert stage.world.undo(stage.plan).failed == 0
    assert stage.world.tree() == stage.before


def _points(children: Server, prepare: Prepare, log: Path) -> list[tuple[str, int, str]]:
    _, calls = counted(children, prepare().request, log)
    children.run(prepare().request, ["-o", str(log), "-e", "trace=openat"])
    seen = {**calls, "openat": log.read_text(errors="replace").count("openat(")}
    return [
        (call, number, error)
        for call, errors in FAULTS.items()
        for number in range(1, seen.get(call, 0) + 1)
        for error in errors
    ]


def fail_everywhere(
    children: Server,
    log: Path,
    prepare: Prepare,
    in_the_end: Callable[..., None],
    wanted: int,
    ever_after: bool,
    how: Any,
) -> int:
    """Let calls of a run fail, at `wanted` points; how many runs met a fault that cost them something."""
    points = _points(children, prepare, log)
    hurt = 0
    for _, position in sample([("", number) for number in range(len(points))], wanted):
        call, number, error = points[position]
        stage = prepare()
        ended = children.run(stage.request, fail_at(call, number, error, ever_after))
        where = f"{call} number {number} fails with {error}: {ended}"
        assert not lost(stage.before, stage.world), where
        assert "error" not in ended.result, where
        keepers = {key: facts for key, facts in stage.before.items() if key.startswith("2024")}
        assert keepers.items() <= stage.world.tree().items(), where
        if ended.result.get("done") != PHOTOS:
            hurt += 1
            assert ended.result.get("failed") or ended.result.get("settled") or "refused" in ended.result, where
        try:
            in_the_end(stage, **how)
        except AssertionError as failed:
            raise AssertionError(where) from failed
        assert not lost(stage.before, stage.world), where
    print(f"{min(wanted, len(points))} of {len(points)} faults, {hurt} of them cost a step, 0 lost")
    return hurt


HERE = [
    pytest.param(stage_apply, _put_away_in_the_end, {}, 60, id="removal"),
    pytest.param(stage_undo, _brought_back_in_the_end, {}, 30, id="undo of a removal"),
]
ELSEWHERE = [
    pytest.param(stage_apply, _put_away_in_the_end, FAR, 40, id="move to another disk"),
    pytest.param(stage_undo, _brought_back_in_the_end, FAR, 30, id="undo of a move to another disk"),
]
ALWAYS = pytest.mark.parametrize("ever_after", [False, True], ids=["once", "from then on"])
Made = Callable[..., Stage]
End = Callable[..., None]


@ALWAYS
@pytest.mark.parametrize(("make", "in_the_end", "how", "points"), HERE)
def test_a_failing_call_loses_nothing_and_is_told(
    swift: Path, children: Server, make: Made, in_the_end: End, how: Any, points: int, ever_after: bool
) -> None:
    prepare = partial(make, swift, **how)
    assert fail_everywhere(children, swift / "log", prepare, in_the_end, points, ever_after, how) > points // 4


@pytest.mark.root
@pytest.mark.parametrize(("make", "in_the_end", "how", "points"), ELSEWHERE)
def test_a_failing_call_between_two_disks_loses_nothing_and_is_told(
    swift: Path,
    mount_memory: Callable[[Path], Path],
    children: Server,
    make: Made,
    in_the_end: End,
    how: Any,
    points: int,
) -> None:
    mount_memory(swift / "photos" / "far")
    prepare = partial(make, swift, ("far",), **how)
    assert fail_everywhere(children, swift / "log", prepare, in_the_end, points, True, how) > points // 4


@pytest.mark.slow
@pytest.mark.timeout(3600)
@ALWAYS
@pytest.mark.parametrize(("make", "in_the_end", "how", "points"), HERE)
def test_a_thousand_calls_may_fail(
    tmp_path: Path, children: Server, make: Made, in_the_end: End, how: Any, points: int, ever_after: bool
) -> None:
    fail_everywhere(children, tmp_path / "log", partial(make, tmp_path, **how), in_the_end, 1000, ever_after, how)


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.timeout(3600)
@ALWAYS
@pytest.mark.parametrize(("make", "in_the_end", "how", "points"), ELSEWHERE)
def test_hundreds_of_calls_between_two_disks_may_fail(
    tmp_path: Path,
    mount_memory: Callable[[Path], Path],
    children: Server,
    make: Made,
    in_the_end: End,
    how: Any,
    points: int,
    ever_after: bool,
) -> None:
    mount_memory(tmp_path / "photos" / "far")
    prepare = partial(make, tmp_path, ("far",), **how)
    fail_everywhere(children, tmp_path / "log", prepare, in_the_end, 500, ever_after, how)
