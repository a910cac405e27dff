"""`run_job` on a real folder: what a job may look at, what it may do alone, and what waits for a person."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from datetime import date
from pathlib import Path

import pytest

from dedupe_app.config import ConfigError
from dedupe_app.library import Library
from dedupe_app.turns import WrongMonths, months
from dedupe_core.store import Store
from tests.service.conftest import THIS_MONTH, Home, Keepone, command, until

COPIES = {f"{THIS_MONTH}/a copy.jpg", "2019/01/b copy.jpg"}


def test_a_trusted_job_puts_exact_copies_away_and_a_second_run_finds_nothing(home: Home) -> None:
    before = home.there()
    home.job(action="delete", trust=["exact"])
    first, second = home.run(), home.run()
    assert (first.state, first.put_away, first.failed) == ("done", 2, 0)
    assert home.there() == before - COPIES
    assert (second.state, second.put_away, second.waiting) == ("done", 0, 0)
    assert set(home.contents().values()) == {1, 2}, "what went lies in the quarantine"


def test_without_trust_the_plan_waits_for_a_person(home: Home, keepone: Keepone) -> None:
    before = home.there()
    home.job(action="delete")
    report = home.run()
    assert (report.state, report.waiting, report.put_away) == ("waiting", 2, 0)
    assert home.there() == before
    assert keepone("apply", report.plan[:12], "--yes").returncode == 0
    assert home.there() == before - COPIES


def test_what_the_whole_configuration_forbids_no_job_may_do(home: Home) -> None:
    home.raw["planning"] = {"unattended": []}
    home.job(action="delete", trust=["exact", "pixels"])
    before = home.there()
    assert home.run().state == "waiting"
    assert home.there() == before


def test_near_copies_wait_whatever_a_job_is_trusted_with(home: Home) -> None:
    home.picture("2019/01/b small.jpg", 2, quality=40)
    home.job(action="delete", trust=["exact", "pixels"])
    report = home.run()
    assert report.put_away == 2
    assert (home.photos / "2019/01/b small.jpg").exists()
    assert report.groups.get("near", 0) >= 1
    assert (report.state, report.waiting) == ("waiting", 1)
    assert report.waits != report.plan
    assert report.waits[:12] in report.sentence()


def test_a_job_leaves_one_plan_to_a_person_and_not_one_a_night(home: Home) -> None:
    home.picture("2019/01/b small.jpg", 2, quality=40)
    home.job(action="delete", trust=["exact"])
    first = home.run()
    home.picture("2019/01/c small.jpg", 3, quality=40)
    second = home.run()
    assert (first.waiting, second.waiting) == (1, 2)
    with home.store() as store:
        states = {str(row["id"]): str(row["state"]) for row in store.plans.all()}
    assert (states[first.waits], states[second.waits]) == ("replaced", "planned")


def test_trust_in_equal_bytes_is_no_trust_in_equal_pixels(home: Home) -> None:
    """Putting away an exact copy brings those along that it was kept for, unless the job is not trusted with them."""
    from PIL import Image

    first = home.photos / "2019/01/b.jpg"
    with Image.open(first) as picture:
        picture.save(home.photos / "2019/01/b lossless.png")
        picture.save(home.photos / "2019/01/b lossless 2.png", compress_level=1)
    home.job(action="delete", trust=["exact"])
    report = home.run()
    assert report.put_away == 2
    assert (home.photos / "2019/01/b lossless.png").exists()
    assert (home.photos / "2019/01/b lossless 2.png").exists()
    with home.store() as store:
        plan = store.plans.get(report.plan)
    assert plan is not None
    assert {step.relation for step in plan.steps} == {"exact"}


def test_a_job_acts_only_in_its_months(home: Home) -> None:
    home.job(action="delete", trust=["exact"], months="2019-01")
    assert home.run().put_away == 1
    assert (home.photos / f"{THIS_MONTH}/a copy.jpg").exists()
    assert not (home.photos / "2019/01/b copy.jpg").exists()


def test_the_last_months_are_counted_from_today(home: Home) -> None:
    home.job(action="delete", trust=["exact"], months="last 2")
    report = home.run()
    assert f"{date.today():%Y-%m}" in report.months
    assert not (home.photos / f"{THIS_MONTH}/a copy.jpg").exists()
    assert (home.photos / "2019/01/b copy.jpg").exists()


def test_turns_go_through_a_long_span_and_begin_anew(home: Home) -> None:
    home.job(action="nothing", months="2019-01..2019-05 in turns of 2")
    seen = [home.run().months for _ in range(4)]
    assert seen == [("2019-01", "2019-02"), ("2019-03", "2019-04"), ("2019-05",), ("2019-01", "2019-02")]


def test_a_turn_that_was_parked_comes_again(home: Home) -> None:
    home.job(action="nothing", months="2019-01..2019-04 in turns of 2")
    assert home.run(stop=lambda: True).state == "parked"
    assert home.run().months == ("2019-01", "2019-02")


@pytest.mark.parametrize("text", ["last", "2019-13", "2019-05..2019-01", "2019-01..2019-02 in turns of 0", "June"])
def test_months_that_are_none_are_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(WrongMonths, match=r"Write it like|at least one"):
        months(text, date(2024, 6, 15))


def test_a_job_acts_only_in_its_folders(home: Home) -> None:
    home.job(action="delete", trust=["exact"], folders=["2019/*"])
    assert home.run().put_away == 1
    assert (home.photos / f"{THIS_MONTH}/a copy.jpg").exists()


def test_a_job_acts_only_in_its_sources(home: Home) -> None:
    other = home.base / "phone"
    other.mkdir()
    for name in ("x.jpg", "y.jpg"):
        (other / name).write_bytes((home.photos / "2019/01/c.jpg").read_bytes())
    home.raw["sources"].append({"name": "phone", "kind": "local", "path": str(other)})
    home.job(action="delete", trust=["exact"], sources=["phone"])
    before = home.there()
    report = home.run()
    assert home.there() == before
    assert report.put_away == 1, "only phone was listed, and one of the two stays"


def test_a_job_with_an_unknown_source_or_name_says_so(home: Home) -> None:
    home.job(action="nothing", sources=["galery"])
    report = home.run()
    assert report.state == "failed"
    assert "galery" in report.note
    with pytest.raises(ConfigError, match="'nightly'"):
        home.run("nigthly")


def test_moving_is_an_action_of_its_own(home: Home) -> None:
    home.job(action="move", trust=["exact"])
    assert home.run().put_away == 2
    assert (home.photos / "2019/01/duplicates/b copy.jpg").exists()
    assert home.run().put_away == 0, "what was moved is not found again"


def test_a_run_above_its_cap_touches_nothing_and_leaves_the_plan_to_a_person(home: Home, keepone: Keepone) -> None:
    before = home.there()
    home.job(action="delete", trust=["exact"], max_items=1)
    report = home.run()
    assert (report.state, report.waiting) == ("cap reached", 2)
    assert home.there() == before
    answer = keepone("jobs", "run", "nightly")
    assert answer.returncode == 1
    assert "more than the job's 1 photos" in answer.stdout + answer.stderr
    assert keepone("apply", report.plan[:12], "--yes").returncode == 0
    assert home.there() == before - COPIES


def test_bytes_have_a_cap_too(home: Home) -> None:
    before = home.there()
    home.job(action="delete", trust=["exact"], max_bytes=10)
    assert home.run().state == "cap reached"
    assert home.there() == before


def test_time_has_a_cap_and_the_next_run_goes_on(home: Home) -> None:
    home.job(action="delete", trust=["exact"], max_minutes=1e-9)
    report = home.run()
    assert report.state == "parked"
    assert "minutes are over" in report.note
    home.job(action="delete", trust=["exact"])
    assert home.run().put_away == 2


def test_a_vanished_source_stops_the_job_and_nothing_counts_as_gone(home: Home) -> None:
    home.job(action="delete", trust=["exact"])
    home.raw["jobs"][0]["action"], home.raw["jobs"][0]["trust"] = "nothing", []
    assert home.run().state == "done"
    home.photos.rename(home.base / "unplugged")
    home.job(action="delete", trust=["exact"])
    report = home.run()
    assert report.state == "unavailable"
    assert report.trouble
    (home.base / "unplugged").rename(home.photos)
    assert home.run().put_away == 2


def test_a_source_that_lost_a_tenth_stops_every_action(home: Home) -> None:
    for number in range(20):
        home.picture(f"2018/05/{number}.jpg", 50 + number)
    home.job(action="nothing", levels=["exact"])
    home.run()
    for number in range(15):
        (home.photos / f"2018/05/{number}.jpg").unlink()
    home.job(action="delete", trust=["exact"], levels=["exact"])
    before = home.there()
    report = home.run()
    assert report.state == "source vanished"
    assert "--accept-loss" in report.note
    assert home.there() == before


def test_somebody_else_at_work_is_a_state_that_names_them(home: Home) -> None:
    home.job(action="nothing")
    home.run()
    with Store(home.data) as store, store.writing("scan"):
        report = home.run()
    assert report.state == "busy"
    assert f"scan, process {os.getpid()}" in report.note
    with Store(home.data) as store:
        assert store.jobs.last("nightly", "busy") is not None


def test_a_job_holds_the_lock_from_its_first_stage_to_its_last(home: Home) -> None:
    """The command line, started in the middle of a job, is told who is at work."""
    home.job(action="delete", trust=["exact"])
    answers = []

    class Asking:
        def stage(self, name: str, total: int | None) -> None:
            done = subprocess.run(command(home, "plan"), capture_output=True, text=True, check=False)
            answers.append((done.returncode, "job nightly" in done.stderr))

        def advance(self, items: int = 1, size: int = 0, current: str = "") -> None: ...

        def error(self, item: str, reason: str) -> None: ...

    assert home.run(progress=Asking()).put_away == 2
    assert len(answers) >= 3
    assert set(answers) == {(11, True)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_in_the_middle_is_finished_by_the_next(home: Home, number: int) -> None:
    for copy in range(40):
        home.copy(f"2019/01/b ({copy}).jpg", "2019/01/b.jpg")
    before = home.contents()
    home.job(action="delete", trust=["exact"], levels=["exact"])
    process = subprocess.Popen(command(home, "jobs", "run", "nightly"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: list(home.photos.glob(".keepone/quarantine/**/*.jpg")))
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGTERM else -number)
    left = home.there()
    report = home.run()
    assert report.state == "done"
    assert home.contents() == before
    assert len(home.there()) == 3
    with home.store() as store:
        states = [run.state for run in reversed(store.jobs.history("nightly"))]
        assert store.plans.open_intents() == []
        assert states == ["parked" if number == signal.SIGTERM else "killed", "done"]
        waiting = {row["state"] for row in store.plans.all()}
    assert waiting == {"applied"}
    assert len(left) < 45


def test_what_a_job_did_can_be_undone(home: Home, keepone: Keepone) -> None:
    before = home.there()
    home.job(action="delete", trust=["exact"])
    report = home.run()
    assert keepone("undo", report.plan[:12]).returncode == 0
    assert home.there() == before


def test_a_report_job_writes_the_page_and_changes_nothing(home: Home) -> None:
    before = home.there()
    home.job(action="report")
    report = home.run()
    assert home.there() == before
    assert (report.state, report.put_away) == ("done", 0)
    page = Path(report.page)
    assert page == home.data / "reports" / "nightly.html"
    assert "a copy.jpg" in page.read_text("utf-8")
    changed = page.stat().st_mtime_ns
    assert home.run().page == ""
    assert page.stat().st_mtime_ns == changed, "nothing new, nothing written"


def test_notable_runs_are_lines_in_the_report_folder(home: Home) -> None:
    home.job(action="delete", trust=["exact"])
    home.run()
    home.run()
    lines = [json.loads(line) for line in (home.data / "reports" / "runs.jsonl").read_text("utf-8").splitlines()]
    assert [(line["job"], line["put_away"]) for line in lines] == [("nightly", 2)]


def test_reanalysing_opens_no_photo(home: Home) -> None:
    home.job(action="nothing")
    home.job("again", action="reanalyse")
    home.run()
    for file in home.photos.rglob("*.jpg"):
        file.chmod(0)
    home.photos.rename(home.base / "elsewhere")
    report = home.run("again")
    assert (report.state, report.read, report.walked) == ("done", 0, 0)
    with Library.open(home.config) as library:
        assert sum(1 for _ in library.store.runs.choices()) == 2


def test_the_command_line_lists_runs_and_remembers(home: Home, keepone: Keepone) -> None:
    home.job(action="delete", trust=["exact"], schedule="daily at 03:00")
    assert "never ran" in keepone("jobs", "list").stdout
    answer = keepone("jobs", "run", "nightly", "--json")
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["put_away"] == 2
    listed = json.loads(keepone("jobs", "list", "--json").stdout)["jobs"]
    assert listed[0]["last"]["state"] == "done"
    history = json.loads(keepone("jobs", "history", "nightly", "--json").stdout)["runs"]
    assert [run["why"] for run in history] == ["by hand"]
    wrong = keepone("jobs", "run", "nigthly")
    assert wrong.returncode == 2
    assert "'nightly'" in wrong.stderr
