"""OneDrive through the command line when things go wrong: nothing is lost, and the next run finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dedupe_app.demo.graph.faults import STORM
from tests.cloud.conftest import JUNE, Cloud, Keepone, jpeg
from tests.fakes.graph import BUSINESS, Content, Flavour

LONG = "/".join(["Pictures/2024/06", *(f"{'x' * 60}{n}" for n in range(5))])
HARD = ("IMG #1.jpg", "%41.jpg", "A 🐈 %20 é.jpg", "a'b & c+d=e.jpg")


def pairs(cloud: Cloud, count: int = 3) -> None:
    """So many photos, each there twice."""
    for number in range(count):
        for name in (f"{number}.jpg", f"{number} (1).jpg"):
            cloud.put(f"{JUNE}/{name}", jpeg(100 + number, (320, 240)))


def contents(cloud: Cloud) -> list[str]:
    """What lies in the drive, wherever."""
    return sorted(digest for digest, _ in cloud.tree.values())


def patches(cloud: Cloud) -> int:
    return cloud.graph.accounting.count("PATCH")


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("write", range(3))
def test_a_kill_at_any_write_is_finished_by_the_same_command(
    cloud: Cloud, keepone: Keepone, own_folders: Path, write: int, after: bool
) -> None:
    pairs(cloud)
    before = cloud.tree
    assert keepone("scan").status == 0
    assert keepone("plan").status == 0
    command = [sys.executable, "-m", "dedupe_app.cli", "--data", str(own_folders / "data"), "apply", "--yes"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def kill() -> None:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

    fault = cloud.graph.weather.add("lost" if after else "drop", on="graph PATCH", skip=write, run=kill)
    assert child.wait(60) == -signal.SIGKILL
    assert fault.hits == 1
    assert contents(cloud) == sorted(digest for digest, _ in before.values())
    assert keepone("apply", "--yes").status == 0
    if keepone("plan", "--json").json["steps"]:  # a write that the crash took back waits for a new look
        assert keepone("apply", "--yes").status == 0
    away = [path for path in cloud.tree if path.startswith(f"{JUNE}/duplicates/")]
    assert len(away) == 3
    writes = patches(cloud)
    assert keepone("apply", "--yes").status == 0
    assert patches(cloud) == writes, "a second run writes nothing"
    while keepone("undo", "--fail-if-empty").status == 0:
        pass
    assert cloud.tree == before


def test_a_drive_that_comes_back_nearly_empty_stops_the_scan_until_a_person_believes_it(
    cloud: Cloud, keepone: Keepone
) -> None:
    pairs(cloud, 6)
    cloud.configure(settings={"scanning": {"max_lost_min": 3}})
    assert keepone("scan").status == 0
    for item in list(cloud.graph.drive.walk()):
        if item.content is not None and item.name not in ("0.jpg", "0 (1).jpg"):
            cloud.graph.drive.recycle(item)
    stopped = keepone("scan")
    assert stopped.status == 1
    assert "--accept-loss cloud" in stopped.out + stopped.err
    assert len(keepone("groups", "--json").json["groups"]) == 6, "what was known stays known"
    assert keepone("scan", "--accept-loss", "cloud").status == 0
    assert len(keepone("groups", "--json").json["groups"]) == 1


def test_hard_names_and_long_paths_go_away_and_come_back(cloud: Cloud, keepone: Keepone) -> None:
    assert len(LONG) > 320
    for number, name in enumerate(HARD):
        cloud.put(f"{JUNE}/{name}", jpeg(110 + number, (320, 240)))
        cloud.put(f"{LONG}/{name}", jpeg(110 + number, (320, 240)))
    before = cloud.tree
    for command in (["scan"], ["plan"]):
        assert keepone(*command).status == 0
    applied = keepone("apply", "--yes")
    assert applied.status == 0, applied.err
    assert sum("/duplicates/" in path for path in cloud.tree) == len(HARD)
    assert keepone("undo").status == 0
    assert cloud.tree == before


def test_the_time_of_a_run_is_used_up_and_the_next_goes_on(cloud: Cloud, keepone: Keepone) -> None:
    pairs(cloud)
    cloud.configure(budget_minutes=0.0001)
    cloud.graph.weather.add("status", on="^graph", status=429, headers={"Retry-After": "1"})
    early = keepone("scan")
    assert early.status == 5
    assert "next run goes on" in early.out + early.err
    cloud.graph.clock.advance(60)
    cloud.configure(budget_minutes=5)
    assert keepone("scan").status == 0
    assert len(keepone("groups", "--json").json["groups"]) == 3


def test_the_recycle_bin_is_used_where_it_was_allowed(cloud: Cloud, keepone: Keepone, flavour: Flavour) -> None:
    pairs(cloud, 1)
    before = cloud.tree
    cloud.configure(recycle_bin=True)
    assert keepone("scan").status == 0
    planned = keepone("plan", "--action", "trash")
    assert ("KeepOne cannot undo" in planned.err) == (flavour is BUSINESS)
    assert keepone("apply", "--yes").status == 0
    assert len(cloud.tree) == 1
    undone = keepone("undo")
    if flavour is BUSINESS:
        assert undone.status == 3
        assert "cannot bring photos back itself" in undone.err
    else:
        assert undone.status == 0
        assert cloud.tree == before


def test_a_live_photo_is_never_downloaded_and_goes_only_with_its_movie(cloud: Cloud, keepone: Keepone) -> None:
    still, movie = jpeg(120, (320, 240)), b"movie" * 1000
    for name in ("IMG_1.heic", "IMG_1 (1).heic"):
        cloud.graph.drive.put(f"{JUNE}/{name}", Content(still, movie=movie), modified=1.7e9)
    assert keepone("scan").status == 0
    for command in (["plan"], ["apply", "--yes"]):
        assert keepone(*command).status == 0
    assert cloud.originals == 0
    assert [len(item.content.movie) for item in cloud.graph.drive.walk() if item.content] == [5000, 5000]


@pytest.mark.parametrize("seed", range(2))
def test_a_storm_over_a_whole_month_ends_in_the_same_drive(
    cloud: Cloud, keepone: Keepone, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is the emulator's here, so that all the waiting costs none."""
    from connectors.onedrive import connector

    monkeypatch.setattr(connector, "SystemClock", lambda: cloud.graph.clock)
    pairs(cloud)
    before = contents(cloud)
    cloud.graph.weather.storm(seed, 0.25, STORM)
    for _ in range(8):
        keepone("months", "2024-06", "--gallery", "cloud", "--yes")
    cloud.graph.weather.clear()
    cloud.graph.clock.advance(3600)
    keepone("months", "2024-06", "--gallery", "cloud", "--yes")
    away = [path for path in cloud.tree if path.startswith(f"{JUNE}/duplicates/")]
    photos = sorted(digest for path, (digest, _) in cloud.tree.items() if "duplicates_summary" not in path)
    assert len(away) == 3
    assert photos == before
    writes = patches(cloud)
    last = keepone("months", "2024-06", "--gallery", "cloud", "--yes")
    assert "No duplicates found in 2024/06" in last.err
    assert patches(cloud) == writes
