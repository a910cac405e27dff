"""The jobs that config.yaml ships, word for word, on the places that they are for: an emulated OneDrive, a Photos
library behind the real photoscript, answers of a person, and the very command that launchd would start."""

from __future__ import annotations

import json
import os
import plistlib
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from dedupe_app.job_examples import SHIPPED
from tests.cloud.conftest import facets, jpeg, on_personal
from tests.cloud.test_photos_flow import engine, kit, library, mac, photos, put
from tests.fakes.graph import BUSINESS, Content, GraphFake
from tests.fakes.photos import SimulatedPhotos, SyntheticLibrary
from tests.onedrive.conftest import description, flavour, graph
from tests.pictures import jpeg as encoded
from tests.pictures import scene
from tests.service.conftest import LAST_MONTH, THIS_MONTH, Home, Keepone, Start, until

__all__ = ["description", "engine", "flavour", "graph", "kit", "library", "mac", "photos"]

JOBS: dict[str, dict[str, Any]] = {job["name"]: job for job in yaml.safe_load(SHIPPED)}


def ship(home: Home, *names: str, **change: Any) -> None:
    """Put shipped jobs into the person's configuration as they are; `change` is for a clock that cannot wait."""
    home.raw["jobs"] = [JOBS[name] | change for name in names]
    home.write()


def due(home: Home, *names: str) -> None:
    """As if these jobs had run last two days ago."""
    with home.store() as store:
        for name in names:
            store.db.execute("UPDATE job_run SET started_at = started_at - 2 * 86400 WHERE job = ?", (name,))


class Drive:
    """The person's OneDrive, known to the configuration as `my-onedrive`."""

    def __init__(self, graph: GraphFake, home: Home) -> None:
        self.graph, self.home = graph, home
        self.sign_in()
        personal = graph.state.flavour.restore
        home.raw["sources"].append(
            {
                "name": "my-onedrive",
                "kind": "onedrive",
                "endpoint": graph.url,
                "tenant": "consumers" if personal else "organizations",
                "state": str(home.base / "state"),
                "token_file": str(home.base / "token"),
                "longest_wait": 1,
            }
        )

    def sign_in(self) -> None:
        (self.home.base / "token").write_text(self.graph.state.token())

    def put(self, path: str, seed: int) -> None:
        known = facets(self.graph.state.flavour)
        self.graph.drive.put(f"Pictures/{path}", Content(jpeg(seed), facets=known), modified=1.7e9)

    def contents(self) -> list[tuple[str, int]]:
        """Contents and times of everything but the reports, wherever it lies."""
        return sorted(what for path, what in self.graph.drive.tree().items() if "duplicates_summary" not in path)

    def there(self) -> set[str]:
        return {path.removeprefix("Pictures/") for path in self.graph.drive.tree() if path.endswith(".jpg")}

    @property
    def writes(self) -> int:
        return sum(seen.method in ("PATCH", "PUT", "DELETE") for seen in self.graph.accounting.seen)


@pytest.fixture
def drive(graph: GraphFake, home: Home) -> Drive:
    return Drive(graph, home)


@on_personal
def test_onedrive_months_are_synced_and_cleaned(drive: Drive, home: Home, keepone: Keepone) -> None:
    for month in (THIS_MONTH, LAST_MONTH, "2019/01"):
        for name in ("A.jpg", "A copy.jpg"):
            drive.put(f"{month}/{name}", 1 + int(month[-2:]))
    drive.put(f"{THIS_MONTH}/B.jpg", 30)
    ship(home, "onedrive-months")
    before, everything = drive.there(), drive.contents()
    answer = keepone("jobs", "run", "onedrive-months", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["put_away"] == 2
    copies = {f"{month}/A copy.jpg" for month in (THIS_MONTH, LAST_MONTH)}
    moved = {f"{month}/duplicates/A copy.jpg" for month in (THIS_MONTH, LAST_MONTH)}
    assert drive.there() == before - copies | moved, "the year 2019 is not this job's"
    assert drive.contents() == everything
    assert [path for path in drive.graph.drive.tree() if "duplicates_summary" in path], "a report lies in the drive"
    writes = drive.writes
    again = keepone("jobs", "run", "onedrive-months", "--json")
    assert json.loads(again.stdout)["put_away"] == 0
    assert drive.writes == writes, "the second run writes nothing"
    assert keepone("undo", json.loads(answer.stdout)["plan"]).returncode == 0
    assert drive.there() == before
    assert drive.graph.accounting.originals == 0


@pytest.mark.parametrize("flavour", [BUSINESS], ids=["business"], indirect=True)
def test_a_business_drive_that_proves_no_equal_bytes_leaves_the_copies_to_a_person(
    drive: Drive, home: Home, keepone: Keepone
) -> None:
    """Its one digest is weak: what it calls equal is shown, planned and never moved without asking."""
    for name in ("A.jpg", "A copy.jpg"):
        drive.put(f"{THIS_MONTH}/{name}", 1)
    ship(home, "onedrive-months")
    before = drive.graph.drive.tree()
    report = home.run("onedrive-months")
    assert (report.state, report.put_away, report.waiting) == ("waiting", 0, 1)
    assert drive.graph.drive.tree() == before
    again = home.run("onedrive-months")
    with home.store() as store:
        planned = [str(row["id"]) for row in store.plans.all() if row["state"] == "planned"]
    assert planned == [again.waits], "one plan waits, however often the job runs"
    assert keepone("apply", again.waits[:12], "--yes").returncode == 0
    assert f"{THIS_MONTH}/duplicates/A copy.jpg" in drive.there()
    assert home.run("onedrive-months").state == "done"


@on_personal
def test_onedrive_years_are_cleaned_in_turns_of_half_a_year(drive: Drive, home: Home) -> None:
    for month in ("2015/03", "2015/08"):
        for name in ("A.jpg", "A copy.jpg"):
            drive.put(f"{month}/{name}", int(month[-2:]))
    ship(home, "onedrive-years")
    first, second = home.run("onedrive-years"), home.run("onedrive-years")
    assert [(run.months[0], run.months[-1]) for run in (first, second)] == [
        ("2015-01", "2015-06"),
        ("2015-07", "2015-12"),
    ]
    assert [run.put_away for run in (first, second)] == [1, 1]
    assert {path for path in drive.there() if "duplicates" in path} == {
        "2015/03/duplicates/A copy.jpg",
        "2015/08/duplicates/A copy.jpg",
    }
    assert drive.graph.accounting.originals == 0


@on_personal
def test_a_login_that_expired_at_night_is_a_state_and_the_rest_goes_on(
    drive: Drive, home: Home, keepone: Keepone, start: Start
) -> None:
    drive.put(f"{THIS_MONTH}/A.jpg", 1)
    ship(home, "onedrive-months", "nightly")
    home.raw["jobs"][1]["sources"] = ["gallery"]
    home.raw["service"]["port"] = port = _free_port()
    home.write()
    assert home.run("onedrive-months").state == "done"
    assert home.run("nightly").state == "done"
    due(home, "onedrive-months", "nightly")
    drive.graph.state.revoke()
    daemon = start().ready()
    until(lambda: len(daemon.runs("nightly", "done")) == 2)
    until(lambda: daemon.runs("onedrive-months", "needs login"))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    assert 'keepone_job_state{job="onedrive-months",state="needs login"} 1.0' in metrics
    assert 'keepone_source_state{source="my-onedrive",state="needs login"} 1.0' in metrics
    shown = keepone("status").stdout
    assert shown.count("needs login") == 2, "of the source and of the job"
    assert "degraded" in _get(f"http://127.0.0.1:{port}/healthz")
    drive.sign_in()
    assert home.run("onedrive-months").state == "done"
    assert "needs login" not in keepone("status").stdout
    assert daemon.stop() == 0
    assert drive.there() == {f"{THIS_MONTH}/A.jpg"}


@on_personal
def test_a_drive_that_asks_for_patience_is_left_alone_as_long_as_it_asked(
    drive: Drive, home: Home, start: Start
) -> None:
    for name in ("A.jpg", "A copy.jpg"):
        drive.put(f"{THIS_MONTH}/{name}", 1)
    home.raw["service"] |= {"retry_seconds": 0.1, "retry_longest": 0.2}
    ship(home, "onedrive-months", schedule="every 1 hours")
    fault = drive.graph.weather.add("status", on="graph GET", status=429, headers={"Retry-After": "4"}, times=10_000)
    daemon = start().ready()
    waits = until(lambda: daemon.said("tries again later"))
    assert waits[0]["seconds"] >= 2, "the drive's own word counts, not our fifth of a second"
    assert daemon.runs("onedrive-months", "unavailable")
    drive.graph.weather.clear()
    drive.graph.clock.advance(3600)
    until(lambda: daemon.runs("onedrive-months", "done"))
    assert fault.hits
    assert daemon.runs("onedrive-months", "done")[0].summary["put_away"] == 1
    assert daemon.runs("onedrive-months", "done")[0].why == "retry"


def redundant(library: SyntheticLibrary) -> list[str]:
    """Who is in our album of redundant photos."""
    found = [keys for name, keys in library.albums().items() if name.endswith("/Redundant")]
    return sorted(key for keys in found for key in keys)


@pytest.fixture
def apple(home: Home, library: SyntheticLibrary, photos: SimulatedPhotos, mac: None) -> Home:
    """The person's Photos library, known to the configuration as `my-photos`."""
    home.raw["sources"].append(
        {"name": "my-photos", "kind": "photos", "path": str(library.path), "state": str(home.base / "state")}
    )
    ship(home, "photos-albums")
    return home


def test_photos_duplicates_go_into_an_album_once(apple: Home, library: SyntheticLibrary) -> None:
    pair = [put(library, name, jpeg(5)) for name in ("A.jpg", "B.jpg")]
    put(library, "C.jpg", jpeg(6))
    first = apple.run("photos-albums")
    assert (first.state, first.put_away, first.freed) == ("done", 1, 0), "nothing is freed by a tag"
    (tagged,) = redundant(library)
    assert tagged in pair
    albums = library.albums()
    second = apple.run("photos-albums")
    assert (second.state, second.put_away, second.untagged, second.waiting) == ("done", 0, 0, 0)
    assert library.albums() == albums
    late = put(library, "D.jpg", jpeg(6))
    third = apple.run("photos-albums")
    assert third.put_away == 1
    assert tagged in redundant(library)
    assert len(redundant(library)) == 2
    assert late in library.albums() or late  # it, or C, whichever is kept


def test_a_photo_that_is_redundant_no_more_leaves_the_album(apple: Home, library: SyntheticLibrary) -> None:
    pair = [put(library, name, jpeg(5)) for name in ("A.jpg", "B.jpg")]
    put(library, "C.jpg", jpeg(6))
    apple.run("photos-albums")
    (tagged,) = redundant(library)
    (kept,) = set(pair) - {tagged}
    library.set(kept, ZTRASHEDSTATE=1)
    report = apple.run("photos-albums")
    assert (report.state, report.untagged, report.failed) == ("done", 1, 0), report
    assert redundant(library) == []
    assert "out of the albums again" in report.sentence()
    assert apple.run("photos-albums").untagged == 0
    library.set(kept, ZTRASHEDSTATE=0)
    assert apple.run("photos-albums").put_away == 1, "its better copy came back, and it is redundant again"
    assert len(redundant(library)) == 1


def test_what_a_source_cannot_say_now_leaves_no_album(apple: Home, library: SyntheticLibrary) -> None:
    for name in ("A.jpg", "B.jpg"):
        put(library, name, jpeg(5))
    apple.run("photos-albums")
    tagged = redundant(library)
    away = library.path.with_name("away.photoslibrary")
    library.path.rename(away)
    assert apple.run("photos-albums").state == "unavailable"
    away.rename(library.path)
    assert redundant(library) == tagged


def test_not_similar_makes_the_groups_anew_without_opening_a_photo(home: Home, keepone: Keepone, start: Start) -> None:
    home.photos.joinpath("2019/01/b small.jpg").write_bytes(encoded(scene(2).resize((300, 200)), 60))
    ship(home, "nightly", "reanalyse")
    assert home.run("nightly").groups.get("near") == 1
    daemon = start().ready()
    until(lambda: daemon.runs("nightly"))
    for file in home.photos.rglob("*.jpg"):
        file.rename(file.with_suffix(".away"))
    (group,) = json.loads(keepone("groups", "--relation", "near", "--json").stdout)["groups"]
    assert keepone("learn", "not-similar", group["id"], "--every").returncode == 0
    run = until(lambda: daemon.runs("reanalyse", "done"))[0]
    assert run.why == "feedback"
    assert "hidden" in run.note
    assert json.loads(keepone("groups", "--relation", "near", "--json").stdout)["groups"] == []
    assert daemon.stop() == 0
    again = start().ready()
    _quiet(again.log)
    assert len(again.runs("reanalyse")) == 1, "what was heard is not heard again"


def test_what_was_said_while_nobody_served_is_heard_at_the_next_start(
    home: Home, keepone: Keepone, start: Start
) -> None:
    ship(home, "nightly", "reanalyse")
    home.run("nightly")
    photo, other = (str(home.photos / name) for name in ("2019/01/b.jpg", "2019/01/c.jpg"))
    assert keepone("learn", "not-similar", photo, other).returncode == 0
    daemon = start().ready()
    until(lambda: daemon.runs("reanalyse", "done"))


def test_what_launchd_is_given_runs_every_night(home: Home, keepone: Keepone) -> None:
    """The very words, folder and files of the plist of the shipped job, with nothing else in the environment."""
    ship(home, "nightly")
    shown = keepone("schedule", "print", "nightly", "--system", "launchd")
    values = plistlib.loads(shown.stdout.encode())
    assert values["StartCalendarInterval"] == {"Hour": 2, "Minute": 0}
    home.data.mkdir()
    log = Path(values["StandardOutPath"])
    log.parent.mkdir(parents=True)
    before = home.contents()
    for _ in range(2):
        with log.open("ab") as out:
            done = subprocess.run(
                values["ProgramArguments"],
                cwd=values["WorkingDirectory"],
                env={"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
            )
        assert done.returncode == 0, log.read_text()
    assert home.contents() == before
    assert "a copy.jpg" in (home.data / "reports" / "nightly.html").read_text("utf-8")
    with home.store() as store:
        assert [run.state for run in store.jobs.history("nightly")] == ["done", "done"]


def test_schedule_install_gives_systemd_a_command_that_runs(
    home: Home, keepone: Keepone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`systemctl` is a script here that writes down how it was called; the unit's own command is then started."""
    ship(home, "nightly")
    (tmp_path / "bin").mkdir()
    told = tmp_path / "told"
    stand_in = tmp_path / "bin" / "systemctl"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(told))}\n')
    stand_in.chmod(0o755)
    path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    assert keepone("schedule", "install", env=path).returncode == 0
    assert "--user enable --now keepone-job-nightly.timer" in told.read_text()
    units = Path(os.environ["XDG_CONFIG_HOME"]) / "systemd" / "user"
    (line,) = [one for one in (units / "keepone-job-nightly.service").read_text().splitlines() if "ExecStart=" in one]
    done = subprocess.run(shlex.split(line.removeprefix("ExecStart=")), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (home.data / "reports" / "nightly.html").exists()
    assert "nightly" in keepone("schedule", "status", env=path).stdout
    assert keepone("schedule", "remove", env=path).returncode == 0
    assert list(units.glob("keepone-*")) == []


def _quiet(log: Callable[[], list[dict[str, Any]]]) -> None:
    """Wait until a daemon that has just started looked around once more."""
    import time

    time.sleep(3)
    assert log()


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def _free_port() -> int:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


assert date.today().year > 2019, "the old month of these tests is an old month"


def test_three_answers_give_a_configuration_whose_one_job_works(home: Home, keepone: Keepone, tmp_path: Path) -> None:
    file = str(tmp_path / "answered.yaml")
    said = ["--path", str(home.photos), "--extras", "quarantine", "-o", file]
    for answer, left in (("--ask", home.there()), ("--automatic", home.there())):
        made = keepone("init", *said, answer, "--force", "--data", str(tmp_path / answer))
        assert made.returncode == 0, made.stderr
        words = [sys.executable, "-m", "dedupe_app.cli", "--config", file, "jobs", "run", "nightly", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert json.loads(done.stdout)["state"] == "done", done.stderr
        assert len(home.there()) == len(left) - (2 if answer == "--automatic" else 0)
