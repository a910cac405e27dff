"""The power goes: what is on the disk at that moment is all there is. The disk is a file with ext4 on it; a copy of the
file, taken while the process is held and nothing was synchronised for it, is the disk after the cut."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.safety.tracing import Server
from tests.safety.world import Drop, Facts, World, lost

PHOTOS = 30
FAR: dict[str, Any] = {"verb": "move", "target": "far/duplicates"}

pytestmark = pytest.mark.root


def _run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, text=True)
    if done.returncode != 0:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")


def _disk(image: Path) -> Path:
    with image.open("wb") as stream:
        stream.truncate(48 << 20)
    _run("mkfs.ext4", "-q", "-F", image)
    return image


@contextmanager
def _mounted(*disks: tuple[Path, Path]) -> Iterator[None]:
    points: list[Path] = []
    try:
        for image, point in disks:
            point.mkdir(exist_ok=True)
            _run("mount", "-o", "loop", image, point)
            points.append(point)
        yield
    finally:
        for point in reversed(points):
            subprocess.run(["umount", point], check=True)


def _world(base: Path) -> World:
    return World(base / "photos", base / "data")


def _prepare(world: World, far: bool) -> tuple[dict[str, Facts], dict[str, Any]]:
    for number in range(PHOTOS):
        data = bytes([number]) * 30_000
        world.write(f"2024/06/IMG_{number}.jpg", data)
        world.write(f"phone/IMG_{number}.jpg", data, age=5000.5, attribute=b"tag")
        world.write(f"phone/IMG_{number}.jpg.xmp", b"<x/>%d" % number)
    world.scan()
    how = FAR if far else {}
    plan = world.plan([Drop(f"phone/IMG_{n}.jpg", f"2024/06/IMG_{n}.jpg", **how) for n in range(PHOTOS)])
    os.sync()
    return world.tree(), {"do": "apply", "root": str(world.root), "data": str(world.data), "plan": plan.id}


def _state(pid: int) -> str:
    """The process's state letter; Z when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def _hold(pid: int) -> bool:
    """Stop the process where it is; False when it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    while (state := _state(pid)) not in "TZ":
        time.sleep(0.0002)
    return state == "T"


def _after_the_cut(base: Path, images: list[Path], far: bool, before: dict[str, Facts], plan_id: str) -> None:
    """Start the machine again from what was on its disks."""
    copies = []
    for image in images:
        copies.append(image.with_suffix(".cut"))
        subprocess.run(["cp", "--sparse=always", image, copies[-1]], check=True)
    with _mounted((copies[0], base / "after")):
        world = _world(base / "after")
        with _mounted(*([(copies[1], world.root / "far")] if far else [])):
            missing = lost(before, world)
            assert not missing, f"LOST: {missing}"
            with world.store() as store:
                plan = store.plans.get(plan_id)
                assert plan is not None
            second = world.apply(plan)
            assert (second.failed, second.skipped) == (0, 0), second.messages
            assert second.done + second.count("already") == PHOTOS
            assert not lost(before, world)
            assert world.undo(plan).failed == 0
            assert world.tree() == before


def _cut_and_look(base: Path, far: bool, children: Server, every: float, wanted: int) -> int:
    """Cut the power each time the run has gone on for `every` seconds, `wanted` times at most."""
    images = [_disk(base / name) for name in (("a.img", "b.img") if far else ("a.img",))]
    cuts = 0
    with _mounted((images[0], base / "disk")):
        world = _world(base / "disk")
        world.root.mkdir()
        with _mounted(*([(images[1], world.root / "far")] if far else [])):
            before, request = _prepare(world, far)

            def meanwhile(pid: int) -> None:
                nonlocal cuts
                while cuts < wanted and _hold(pid):
                    _after_the_cut(base, images, far, before, request["plan"])
                    cuts += 1
                    os.kill(pid, signal.SIGCONT)
                    time.sleep(every)

            ended = children.run(request, meanwhile=meanwhile)
            assert ended.result.get("done") == PHOTOS, ended
    print(f"{cuts} power cuts, 0 lost")
    return cuts


@pytest.mark.parametrize("far", [False, True], ids=["removal", "move to another disk"])
def test_a_power_cut_loses_nothing(swift: Path, children: Server, far: bool) -> None:
    assert _cut_and_look(swift, far, children, every=0.03, wanted=5) >= 3


def test_a_naive_move_does_lose_a_photo_in_such_a_cut(swift: Path) -> None:
    """The proof that this proof can fail: copy, remove, and the journal of another file reaches the disk first."""
    image = _disk(swift / "a.img")
    with _mounted((image, swift / "disk")):
        photo = swift / "disk" / "photo.jpg"
        photo.write_bytes(b"the only one" * 1000)
        os.sync()
        shutil.copy2(photo, swift / "disk" / "copy.jpg")
        photo.unlink()
        with (swift / "disk" / "other").open("wb") as other:
            os.fsync(other.fileno())
        cut = Path(shutil.copy(image, swift / "a.cut"))
    with _mounted((cut, swift / "after")):
        left = {path.name: path.stat().st_size for path in (swift / "after").glob("*.jpg")}
    assert left == {"copy.jpg": 0}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("far", [False, True], ids=["removal", "move to another disk"])
def test_a_power_cut_at_any_moment_loses_nothing(swift: Path, children: Server, far: bool) -> None:
    assert _cut_and_look(swift, far, children, every=0.0002, wanted=200) >= 150
