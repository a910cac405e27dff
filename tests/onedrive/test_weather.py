"""Bad weather loses nothing: whatever happens to requests and answers, the tree is the old one or the new one, a second
run finishes what was left, and a third writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.base import ConnectorError, SignInRequired, Unavailable
from connectors.onedrive import OneDriveConnector
from dedupe_app.demo.graph.faults import STORM
from tests.fakes.graph import GraphFake
from tests.onedrive.conftest import Make, listed

JUNE, THERE = "Pictures/2024/06", "Pictures/2024/06/duplicates"
FAULTS: Mapping[str, dict[str, Any]] = {
    "429 integer": {"kind": "status", "status": 429, "headers": {"Retry-After": "17"}},
    "429 fraction": {"kind": "status", "status": 429, "headers": {"Retry-After": "2.128"}},
    "429 date": {"kind": "status", "status": 429, "headers": {"Retry-After": "date+33"}},
    "429 silent": {"kind": "status", "status": 429, "code": "activityLimitReached", "inner": "throttledRequest"},
    "429 reset": {"kind": "status", "status": 429, "headers": {"Retry-After": "1", "RateLimit-Reset": "45"}},
    "429 denied": {"kind": "status", "status": 429, "code": "accessDenied", "headers": {"Retry-After": "200"}},
    "503": {"kind": "status", "status": 503, "headers": {"Retry-After": "9"}},
    "500": {"kind": "status", "status": 500, "code": "InternalServerError"},
    "504": {"kind": "status", "status": 504, "code": "generalException"},
    "dropped": {"kind": "drop"},
    "lost": {"kind": "lost"},
    "reset in mid-body": {"kind": "reset"},
    "truncated": {"kind": "truncated"},
    "html": {"kind": "html"},
    "throttle page": {"kind": "throttle_page"},
}


def gallery(graph: GraphFake, count: int = 6) -> None:
    for number in range(count):
        graph.drive.put(f"{JUNE}/IMG_{number}.jpg", f"picture {number}".encode(), modified=1e9 + number)
    graph.drive.put(f"{JUNE}/IMG_0.xmp", b"sidecar", modified=1e9)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("on", ["graph GET .*delta", "graph PATCH", "graph POST .*children", "graph GET .*items/"])
def test_one_fault_anywhere_changes_nothing_in_the_outcome(
    graph: GraphFake, cloud: OneDriveConnector, fault: str, on: str
) -> None:
    gallery(graph, 2)
    graph.weather.add(**FAULTS[fault], on=on, times=2)
    before = graph.drive.tree()
    asset = listed(cloud)[f"{JUNE}/IMG_0.jpg"]
    receipt = cloud.move(asset, THERE, "t")
    moved = {path.replace(f"{JUNE}/IMG_0", f"{THERE}/IMG_0"): what for path, what in before.items()}
    assert graph.drive.tree() == moved
    graph.weather.add(**FAULTS[fault], on=on.replace("delta", "items"), times=2)
    assert cloud.restore(receipt) == asset
    assert graph.drive.tree() == before


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 40))])
def test_a_storm_ends_in_the_old_tree_or_the_new_one_and_the_next_run_finishes(
    graph: GraphFake, make: Make, seed: int
) -> None:
    gallery(graph)
    before = graph.drive.tree()
    graph.weather.storm(seed, 0.35, STORM)
    moved = {}
    for _ in range(30):
        cloud = make()
        try:
            for path, asset in listed(cloud).items():
                if path == f"{JUNE}/IMG_5.jpg":
                    continue
                settled = cloud.settle("move", asset, THERE, "t")
                moved[path] = settled or cloud.move(asset, THERE, "t")
        except ConnectorError:
            continue
        break
    graph.weather.clear()
    after = graph.drive.tree()
    assert set(after.values()) == set(before.values())
    assert sorted(path for path in after if not path.startswith(THERE)) == [f"{JUNE}/IMG_5.jpg"]
    assert sorted(after) == sorted(
        [*(f"{THERE}/IMG_{n}.jpg" for n in range(5)), f"{THERE}/IMG_0.xmp", f"{JUNE}/IMG_5.jpg"]
    )
    writes = graph.accounting.count("PATCH")
    assert set(listed(make())) == {f"{JUNE}/IMG_5.jpg"}
    assert graph.accounting.count("PATCH") == writes


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 20))])
def test_undo_in_a_storm_brings_everything_back(graph: GraphFake, make: Make, seed: int) -> None:
    gallery(graph)
    before = graph.drive.tree()
    cloud = make()
    receipts = [cloud.move(asset, THERE, "t") for asset in listed(cloud).values()]
    graph.weather.storm(seed, 0.35, STORM)
    for receipt in receipts:
        for _ in range(20):
            try:
                cloud.restore(receipt)
                break
            except Unavailable:
                continue
    graph.weather.clear()
    assert graph.drive.tree() == before


def test_a_lost_answer_is_settled_by_looking_and_written_once(graph: GraphFake, cloud: OneDriveConnector) -> None:
    gallery(graph, 2)
    asset = listed(cloud)[f"{JUNE}/IMG_1.jpg"]
    graph.weather.add("lost", on="graph PATCH")
    cloud.move(asset, THERE, "t")
    assert graph.accounting.count("PATCH") == 1


def test_nobody_sends_while_everybody_has_to_wait(graph: GraphFake, cloud: OneDriveConnector) -> None:
    gallery(graph, 2)
    graph.weather.add("status", on="delta", status=429, headers={"Retry-After": "100.5"})
    start = graph.clock.now()
    list(cloud.scan(None))
    assert graph.clock.now() - start == pytest.approx(100.5, abs=0.01)


def test_a_very_long_wait_ends_the_run_and_is_remembered_by_the_next(graph: GraphFake, make: Make) -> None:
    gallery(graph, 2)
    graph.weather.add("status", on="delta", status=429, code="accessDenied", headers={"Retry-After": "3360"})
    with pytest.raises(Unavailable) as error:
        list(make().scan(None))
    assert error.value.retry_after == pytest.approx(3360, abs=1)
    calls = graph.accounting.calls["graph"]
    with pytest.raises(Unavailable):
        list(make().scan(None))
    assert graph.accounting.calls["graph"] == calls
    graph.clock.advance(3361)
    assert listed(make())


def test_the_time_budget_of_a_run_ends_it_and_the_next_goes_on(graph: GraphFake, make: Make) -> None:
    gallery(graph, 6)
    graph.feed.most = 2
    graph.weather.add("status", on="delta", status=503, headers={"Retry-After": "50"}, times=3, skip=1)
    with pytest.raises(Unavailable, match="next run"):
        list(make(budget_minutes=1).scan(None))
    graph.clock.advance(100)
    assert len(listed(make(budget_minutes=1))) == 6


def test_a_sign_in_that_ends_for_good_asks_for_a_person(graph: GraphFake, make: Make) -> None:
    class Stubborn:
        def token(self, refused: str | None = None) -> str:
            return "worthless"

    with pytest.raises(SignInRequired, match="keepone login"):
        list(make(tokens=Stubborn()).scan(None))


def test_being_offline_is_later_and_not_a_sign_in(graph: GraphFake, make: Make) -> None:
    cloud = make()
    graph.weather.add("drop", times=99)
    with pytest.raises(Unavailable):
        list(cloud.scan(None))


def test_a_link_to_another_host_is_not_followed_with_a_token(graph: GraphFake, cloud: OneDriveConnector) -> None:
    gallery(graph, 6)
    graph.feed.most = 2
    graph.state.base = graph.state.content_base
    with pytest.raises(Unavailable, match="another host"):
        list(cloud.scan(None))
    assert graph.accounting.calls["content"] == 0


def test_a_full_drive_and_a_locked_file_are_sentences(graph: GraphFake, cloud: OneDriveConnector) -> None:
    gallery(graph, 2)
    asset = listed(cloud)[f"{JUNE}/IMG_1.jpg"]
    graph.weather.add("status", on="graph PATCH", status=507, code="insufficientStorage")
    with pytest.raises(ConnectorError, match="full"):
        cloud.move(asset, THERE, "t")
    graph.drive.items[asset.id.key].locked = True
    with pytest.raises(ConnectorError, match="locked"):
        cloud.move(asset, THERE, "t")


def test_several_readers_share_the_gate(graph: GraphFake, cloud: OneDriveConnector) -> None:
    from concurrent.futures import ThreadPoolExecutor

    gallery(graph, 6)
    assets = list(listed(cloud).values())
    graph.weather.add("status", on="graph GET .*items/", status=429, headers={"Retry-After": "60"}, skip=5)
    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(cloud.look, [asset.id for asset in assets * 4]))
    assert {asset.id for asset in again} == {asset.id for asset in assets}
    assert graph.accounting.most_at_once <= 4
