"""The core's apply on OneDrive: killed anywhere, in any weather, and with a world that changes under the plan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.base import Asset
from dedupe_app.demo.graph.drive import Item
from dedupe_app.demo.graph.faults import STORM
from dedupe_core.apply import ApplyResult, apply
from dedupe_core.model import Plan, Silent, Step
from dedupe_core.scan import scan
from dedupe_core.settings import Scanning, Settings
from dedupe_core.store import Store
from dedupe_core.store.plans import plan_id
from dedupe_core.undo import undo
from tests.fakes.graph import GraphFake
from tests.onedrive.applying import run
from tests.onedrive.conftest import Make

JUNE, THERE = "Pictures/2024/06", "Pictures/2024/06/duplicates"
ROOT = Path(__file__).parents[2]


def content(asset: Asset) -> str:
    algorithm = "sha256" if "sha256" in asset.digests else "quickxor"
    return f"{algorithm}:{asset.digests[algorithm]}"


class Case:
    """A drive with three copies of one photo, one with a sidecar, and a stored plan that keeps the first."""

    def __init__(self, graph: GraphFake, make: Make, folder: Path) -> None:
        self.graph, self.make, self.folder = graph, make, folder
        for number, name in enumerate(("A.jpg", "B #1.jpg", "C.jpg")):
            graph.drive.put(f"{JUNE}/{name}", b"the same photo", modified=1e9 + number)
        graph.drive.put(f"{JUNE}/C.xmp", b"sidecar", modified=1e9)
        graph.drive.put(f"{THERE}/C.jpg", b"foreign", modified=1e9)
        self.before = graph.drive.tree()
        with Store(folder) as store:
            cloud = make()
            scan(store, cloud, Scanning(), Silent())
            photos = {photo.asset.name: photo.asset for photo in store.assets.all()}
            store.plans.put(self._plan(photos))

    @staticmethod
    def _plan(photos: dict[str, Asset]) -> Plan:
        keeper = photos["A.jpg"]
        steps = tuple(
            Step(n, photos[name], content(photos[name]), "move", THERE, keeper, content(keeper), "exact", "g", "same")
            for n, name in enumerate(("B #1.jpg", "C.jpg"), 1)
        )
        now = time.time()
        return Plan(plan_id(now, steps), now, steps)

    @property
    def arguments(self) -> list[str]:
        tenant = "consumers" if self.graph.state.flavour.restore else "organizations"
        return [self.graph.url, self.graph.state.token(), tenant]

    def apply(self) -> ApplyResult:
        with Store(self.folder) as store, store.writing("test"):
            plan = store.plans.get("")
            assert plan
            return apply(store, {"cloud": self.make()}, plan, Settings())

    def undo(self) -> None:
        with Store(self.folder) as store, store.writing("test"):
            plan = store.plans.get("")
            assert plan
            assert undo(store, {"cloud": self.make()}, plan).failed == 0

    def killed(self, on: str, skip: int, after: bool) -> bool:
        """Apply in a process that dies at the request number `skip`; False when it came to the end before."""
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.onedrive.applying", str(self.folder), *self.arguments], cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def kill() -> None:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()

        if after:
            fault = self.graph.weather.add("lost", on=on, skip=skip, run=kill)
        else:
            fault = self.graph.weather.add("drop", on=on, skip=skip, run=kill)
        child.wait(60)
        self.graph.weather.clear()
        return fault.hits > 0

    def check_done(self) -> None:
        now = self.graph.drive.tree()
        assert set(now.values()) == set(self.before.values())
        assert sum(path.startswith(THERE) for path in now) == 4
        assert {path for path in now if not path.startswith(THERE)} == {f"{JUNE}/A.jpg"}
        assert now[f"{THERE}/C.jpg"] == self.before[f"{THERE}/C.jpg"]


@pytest.fixture
def case(graph: GraphFake, make: Make, tmp_path: Path) -> Case:
    return Case(graph, make, tmp_path / "data")


def test_a_plan_is_applied_and_undone_to_the_very_tree(case: Case) -> None:
    result = case.apply()
    assert (result.done, result.failed, result.skipped) == (2, 0, 0), result.messages
    case.check_done()
    writes = case.graph.accounting.count("PATCH")
    assert case.apply().done == 0
    assert case.graph.accounting.count("PATCH") == writes
    case.undo()
    assert case.graph.drive.tree() == case.before


def killing(case: Case, on: str, skip: int, after: bool) -> None:
    assert case.killed(on, skip, after)
    assert set(case.graph.drive.tree().values()) == set(case.before.values())
    result = run(case.folder, *case.arguments)
    assert result.failed == 0, result.messages
    again = run(case.folder, *case.arguments)
    assert again.failed == 0, again.messages
    case.check_done()
    writes = case.graph.accounting.count("PATCH")
    assert run(case.folder, *case.arguments).done == 0
    assert case.graph.accounting.count("PATCH") == writes
    case.undo()
    assert case.graph.drive.tree() == case.before


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("write", range(3))
def test_a_kill_at_a_write_is_settled_by_the_next_run(case: Case, write: int, after: bool) -> None:
    killing(case, "graph PATCH", write, after)


@pytest.mark.slow
@pytest.mark.parametrize("request_number", range(25))
def test_a_kill_at_any_request_is_settled_by_the_next_run(case: Case, request_number: int) -> None:
    killing(case, "^graph ", request_number, after=True)


Change = Callable[[GraphFake, Item], object]
CHANGES: dict[str, Change] = {
    "deleted": lambda graph, item: graph.drive.recycle(item),
    "moved": lambda graph, item: graph.drive.relocate(item, graph.drive.folder("Elsewhere"), item.name),
    "changed": lambda graph, item: graph.drive.put(f"{JUNE}/{item.name}", b"other photo"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_moves_when_the_keeper_changed_under_the_plan(case: Case, change: str) -> None:
    keeper = case.graph.drive.find(f"{JUNE}/A.jpg")
    assert keeper
    CHANGES[change](case.graph, keeper)
    then = case.graph.drive.tree()
    result = case.apply()
    assert (result.done, result.skipped) == (0, 2), result.messages
    assert case.graph.drive.tree() == then


@pytest.mark.parametrize("change", CHANGES)
def test_a_keeper_that_goes_during_the_move_brings_the_photo_back(case: Case, change: str) -> None:
    keeper = case.graph.drive.find(f"{JUNE}/A.jpg")
    assert keeper
    case.graph.weather.add("call", on="graph PATCH", run=lambda: CHANGES[change](case.graph, keeper))
    result = case.apply()
    assert result.done == 0, result.messages
    assert f"{JUNE}/B #1.jpg" in case.graph.drive.tree()
    assert f"{JUNE}/C.jpg" in case.graph.drive.tree()


def test_a_bumped_tag_is_no_change(case: Case) -> None:
    for item in list(case.graph.drive.walk()):
        case.graph.drive.touch(item)
    assert case.apply().done == 2
    case.check_done()


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_during_apply_ends_in_the_same_tree(case: Case, seed: int) -> None:
    case.graph.weather.storm(seed, 0.3, STORM)
    for _ in range(15):
        result = case.apply()
        if result.done + result.count("already") == 2 and not result.failed:
            break
    case.graph.weather.clear()
    case.apply()
    case.check_done()
    case.undo()
    assert case.graph.drive.tree() == case.before
