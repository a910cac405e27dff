"""`keepone daemon` as a real process: what is due runs once, whatever happens to it nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from dedupe_core.store import Store
from tests.conftest import Mount
from tests.service.conftest import THIS_MONTH, Daemon, Home, Keepone, Start, command, until


def ask(daemon: Daemon, page: str, host: str = "") -> tuple[int, str]:
    """GET a page of the daemon's status server."""
    port = until(lambda: daemon.said("health and metrics are served"))[0]["port"]
    request = urllib.request.Request(f"http://127.0.0.1:{port}{page}", headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def free_port() -> str:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def many(home: Home, count: int = 60) -> None:
    for number in range(count):
        home.copy(f"2019/01/b ({number}).jpg", "2019/01/b.jpg")


def test_a_job_that_is_due_runs_and_acts_within_its_trust(home: Home, start: Start) -> None:
    home.job(action="delete", trust=["exact"], schedule="every 1 seconds")
    before = home.contents()
    daemon = start().ready()
    until(lambda: len(daemon.runs("nightly", "done")) >= 2)
    assert daemon.stop() == 0
    runs = daemon.runs()
    assert [run.summary["put_away"] for run in runs][:2] == [2, 0]
    assert {run.why for run in runs} == {"schedule"}
    assert home.contents() == before


def test_jobs_missed_while_the_machine_slept_run_once(home: Home, start: Start) -> None:
    home.job(action="nothing", levels=["exact"], schedule="every 8 seconds")
    daemon = start().ready()
    first = until(daemon.runs)[0].started_at
    until(lambda: not daemon.said("started") or len(daemon.said("ended")) == len(daemon.said("started")))
    daemon.process.send_signal(signal.SIGSTOP)
    asleep = len(daemon.said("started"))
    time.sleep(first + 20 - time.time())  # it was due twice
    daemon.process.send_signal(signal.SIGCONT)
    time.sleep(2)
    assert len(daemon.said("started")) == asleep + 1


def test_what_was_missed_while_the_machine_was_off_runs_once_at_the_start(home: Home, start: Start) -> None:
    home.job(action="nothing", levels=["exact"], schedule="daily at 03:00")
    home.job("fresh", action="nothing", levels=["exact"], schedule="daily at 03:00")
    assert home.run().state == "done"
    assert home.run("fresh").state == "done"
    with Store(home.data) as store:
        store.db.execute("UPDATE job_run SET started_at = started_at - 3 * 86400 WHERE job = 'nightly'")
    daemon = start().ready()
    until(lambda: len(daemon.runs()) == 2)
    time.sleep(1)
    assert [run.why for run in daemon.runs()] == ["by hand", "schedule"]
    assert len(daemon.runs("fresh")) == 1, "it ran today"


def test_the_second_daemon_on_one_data_folder_says_who_is_there(home: Home, start: Start) -> None:
    home.job(action="nothing")
    first = start().ready()
    second = start()
    assert second.process.wait(timeout=60) == 11
    assert f"keepone daemon, process {first.process.pid}" in second.err.read_text()
    assert first.process.poll() is None


def test_the_command_line_waits_its_turn_and_so_does_the_daemon(home: Home, start: Start) -> None:
    home.raw["service"] |= {"retry_seconds": 0.2, "retry_longest": 0.5}
    home.job(action="delete", trust=["exact"], schedule="every 1 hours")
    with Store(home.data) as store, store.writing("scan"):
        daemon = start().ready()
        until(lambda: len(daemon.said("tries again later")) >= 2)
        assert daemon.runs("nightly", "done") == []
    until(lambda: daemon.runs("nightly", "done"))
    assert daemon.runs("nightly", "done")[0].why == "retry"


@pytest.mark.parametrize("moment", ["listing", "applying"])
def test_sigterm_parks_the_run_within_ten_seconds_and_the_next_start_goes_on(
    home: Home, start: Start, moment: str
) -> None:
    many(home)
    before = home.contents()
    home.job(action="delete", trust=["exact"], levels=["exact"], schedule="every 1 hours")
    daemon = start().ready()
    if moment == "listing":
        until(lambda: daemon.said("started"))
    else:
        until(lambda: list(home.photos.glob(".keepone/quarantine/**/*.jpg")))
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    assert home.contents() == before
    again = start().ready()
    until(lambda: again.runs("nightly", "done"))
    assert again.stop() == 0
    assert len(home.there()) == 3
    assert home.contents() == before


def test_kill_9_of_the_daemon_loses_nothing_and_the_next_start_goes_on(home: Home, start: Start) -> None:
    many(home)
    before = home.contents()
    home.job(action="delete", trust=["exact"], levels=["exact"], schedule="every 1 hours")
    daemon = start().ready()
    until(lambda: list(home.photos.glob(".keepone/quarantine/**/*.jpg")))
    child = daemon.said("started")[0]["pid"]
    daemon.process.kill()
    daemon.process.wait()
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE, 15)
    again = start().ready()
    until(lambda: again.runs("nightly", "done"))
    assert again.stop() == 0
    assert len(home.there()) == 3
    assert home.contents() == before
    with home.store() as store:
        assert store.plans.open_intents() == []


ENDED = """
import os, sys
from pathlib import Path
from dedupe_app.config import load
from dedupe_app.jobs import run_job

class Ending:
    def stage(self, name, total):
        self.name, self.at = name, -1
        self.advance()
    def advance(self, items=1, size=0, current=""):
        self.at += 1
        if (self.name, self.at) == (sys.argv[2], int(sys.argv[3])):
            print("struck", flush=True)
            os.kill(os.getpid(), int(sys.argv[4]))
    def error(self, item, reason): ...

run_job(load(Path(sys.argv[1])).config, "nightly", progress=Ending())
"""


STAGES = [("listing", 0), ("reading", 0), ("reading", 2), ("comparing", 0), ("grouping", 0), ("applying", 0)]
STAGES += [("applying", 1), ("applying", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(("stage", "at"), STAGES)
def test_a_run_that_is_ended_in_any_stage_loses_nothing_and_the_daemon_goes_on(
    home: Home, start: Start, stage: str, at: int, number: int
) -> None:
    """At the beginning of each stage, or after so many photos of it."""
    for name in ("2019/01/d.jpg", "2019/01/e.jpg"):
        home.picture(name, 2, quality=50 if "d" in name else 30)
    home.job(action="delete", trust=["exact"], schedule="every 1 hours")
    before = home.contents()
    words = [sys.executable, "-c", ENDED, str(home.file), stage, str(at), str(int(number))]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert "struck" in done.stdout, f"the run has no such moment: {done.stdout}"
    assert done.returncode == (0 if number == signal.SIGTERM else -signal.SIGKILL), done.stderr
    assert home.contents() == before
    with home.store() as store:
        # told to end after its last photo, a run has nothing left to park
        assert store.jobs.history("nightly")[0].state in ("parked", "running", "waiting")
    daemon = start().ready()
    until(lambda: daemon.runs("nightly", "done", "waiting"))
    assert daemon.stop() == 0
    assert home.contents() == before
    assert home.there() == {f"{THIS_MONTH}/a.jpg", *(f"2019/01/{name}.jpg" for name in "bcde")}
    with home.store() as store:
        assert store.plans.open_intents() == []
        assert store.check() == "ok"


def test_kill_9_of_a_run_under_way_loses_nothing(home: Home, start: Start) -> None:
    many(home, 30)
    before = home.contents()
    home.raw["service"] |= {"retry_seconds": 0.2, "retry_longest": 0.2}
    home.job(action="delete", trust=["exact"], levels=["exact"], schedule="every 1 hours")
    daemon = start().ready()
    child = until(lambda: daemon.said("started"))[0]["pid"]
    time.sleep(0.6)
    if psutil.pid_exists(child):
        os.kill(child, signal.SIGKILL)
    until(lambda: daemon.runs("nightly", "done"))
    assert daemon.stop() == 0
    assert len(home.there()) == 3
    assert home.contents() == before


def test_a_broken_configuration_keeps_the_old_one_and_says_so(home: Home, start: Start) -> None:
    home.job(action="nothing", levels=["exact"], schedule="every 1 hours")
    daemon = start("--port", free_port()).ready()
    until(daemon.runs)
    home.file.write_text("jobs: [{name: nightly, shedule: never}]", "utf-8")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.said("the configuration is broken; the old one is kept"))
    assert "job.schedule" in daemon.said("the configuration is broken; the old one is kept")[0]["reason"]
    status, text = ask(daemon, "/healthz")
    assert (status, text.strip()) == (200, "degraded")
    assert "keepone_config_broken 1.0" in ask(daemon, "/metrics")[1]
    home.job("second", action="nothing", levels=["exact"], schedule="every 1 hours")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.runs("second"))
    assert ask(daemon, "/healthz")[1].strip() == "ok"
    assert "keepone_config_broken 0.0" in ask(daemon, "/metrics")[1]


def test_a_run_uses_the_configuration_that_was_kept(home: Home, start: Start) -> None:
    home.job(action="nothing", levels=["exact"], schedule="every 2 seconds")
    daemon = start().ready()
    until(daemon.runs)
    home.file.write_text("jobs: [", "utf-8")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.said("the configuration is broken; the old one is kept"))
    seen = len(daemon.runs("nightly", "done"))
    until(lambda: len(daemon.runs("nightly", "done")) > seen)


def test_a_watched_folder_asks_once_it_is_quiet(home: Home, start: Start) -> None:
    home.raw["service"] |= {"settle_seconds": 1}
    home.job(action="delete", trust=["exact"], levels=["exact"], watch=True)
    daemon = start().ready()
    time.sleep(1.5)
    assert daemon.runs() == [], "nothing changed yet"
    for number in range(5):
        home.copy(f"2019/01/new {number}.jpg", "2019/01/c.jpg")
        time.sleep(0.2)
    until(lambda: daemon.runs("nightly", "done"))
    first = daemon.runs("nightly", "done")[0]
    assert first.why == "folder"
    assert first.summary["put_away"] == 7, "all of it was there when the run began"


def test_our_own_quarantine_is_no_news(home: Home, start: Start) -> None:
    home.raw["service"] |= {"settle_seconds": 0.3}
    home.job(action="nothing", levels=["exact"], watch=True)
    daemon = start().ready()
    time.sleep(1.0)
    hidden = home.photos / ".keepone" / "quarantine"
    hidden.mkdir(parents=True)
    (hidden / "x.jpg").write_bytes(b"x")
    time.sleep(3)
    assert daemon.said("started") == []


def test_offline_is_waited_for_with_growing_pauses(home: Home, start: Start) -> None:
    home.raw["service"] |= {"retry_seconds": 0.4, "retry_longest": 30}
    home.job(action="delete", trust=["exact"], levels=["exact"], schedule="every 1 hours")
    home.photos.rename(home.base / "away")
    daemon = start("--port", free_port()).ready()
    until(lambda: len(daemon.said("tries again later")) >= 3)
    pauses = [line["seconds"] for line in daemon.said("tries again later")]
    assert pauses[2] > pauses[0]
    assert ask(daemon, "/healthz") == (200, "degraded\n")
    assert 'keepone_job_state{job="nightly",state="unavailable"} 1.0' in ask(daemon, "/metrics")[1]
    (home.base / "away").rename(home.photos)
    until(lambda: daemon.runs("nightly", "done"))
    assert daemon.runs("nightly", "done")[0].summary["put_away"] == 2
    until(lambda: ask(daemon, "/healthz") == (200, "ok\n"))
    until(lambda: "keepone_job_retries{" not in ask(daemon, "/metrics")[1])


def test_health_and_metrics_answer_this_machine_only(home: Home, start: Start) -> None:
    home.job(action="delete", trust=["exact"], levels=["exact"], schedule="every 1 hours")
    daemon = start("--port", free_port()).ready()
    until(daemon.runs)
    assert ask(daemon, "/readyz") == (200, "ready\n")
    metrics = ask(daemon, "/metrics")[1]
    assert 'keepone_job_runs_total{job="nightly",state="done"} 1.0' in metrics
    assert 'keepone_journal_lines_total{state="done"} 2.0' in metrics
    assert "keepone_open_intents 0.0" in metrics
    assert "a copy.jpg" not in metrics
    assert ask(daemon, "/metrics", host="evil.example")[0] == 403
    assert ask(daemon, "/nothing")[0] == 404
    listening = [c.laddr.ip for c in psutil.Process(daemon.process.pid).net_connections() if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


def test_a_disk_that_is_full_stops_the_run_and_not_the_daemon(home: Home, start: Start, mount: Mount) -> None:
    mount(home.data, "-t", "tmpfs", "-o", "size=600k", "none")
    many(home)
    before = home.contents()
    home.raw["service"] |= {"retry_seconds": 0.3, "retry_longest": 0.5}
    home.job(action="delete", trust=["exact"], levels=["exact"], schedule="every 1 seconds")
    daemon = start("--log", str(home.base / "log.jsonl"))
    log = home.base / "log.jsonl"
    until(lambda: any(line.get("state") == "failed" for line in map(json.loads, _text(log).splitlines())))
    assert daemon.process.poll() is None
    assert home.contents() == before
    subprocess.run(["mount", "-o", "remount,size=64m", str(home.data)], check=True)
    until(lambda: len(home.there()) == 3)
    assert home.contents() == before
    assert daemon.stop() == 0


def _text(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


def test_status_shows_what_a_job_found_wrong(home: Home, keepone: Keepone) -> None:
    home.job(action="delete", trust=["exact"], max_items=1)
    home.run()
    shown = keepone("status").stdout
    assert "nightly" in shown
    assert "cap reached" in shown
    assert json.loads(keepone("status", "--json").stdout)["jobs"][0]["last"]["state"] == "cap reached"


def test_a_run_parks_when_its_daemon_is_gone(home: Home) -> None:
    """The pipe is the leash: closed without a word, the run ends in good order."""
    from dedupe_app.daemon.child import request

    many(home)
    home.job(action="delete", trust=["exact"], levels=["exact"])
    child = subprocess.Popen(
        [sys.executable, "-m", "dedupe_app.daemon.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    child.stdin.write(request(home.config, "nightly", "test"))
    child.stdin.flush()
    until(lambda: list(home.photos.glob(".keepone/quarantine/**/*.jpg")))
    out, _ = child.communicate(timeout=30)
    assert json.loads(out.splitlines()[-1])["state"] == "parked"


def test_two_starts_at_once_on_a_new_data_folder_make_one_database(home: Home) -> None:
    home.job(action="nothing", levels=["exact"])
    runs = [subprocess.Popen(command(home, "jobs", "run", "nightly"), stderr=subprocess.PIPE) for _ in range(4)]
    ended = [(run.communicate(timeout=120)[1].decode(), run.returncode) for run in runs]
    assert {status for _, status in ended} <= {0, 11}, ended
    assert 0 in {status for _, status in ended}
    with home.store() as store:
        assert store.check() == "ok"


def test_the_daemon_serves_the_review_page_beside_itself(home: Home, start: Start, keepone: Keepone) -> None:
    import httpx

    home.job(action="delete", trust=["exact"], levels=["exact"], max_items=1)
    home.run()
    home.raw["service"] |= {"page": int(free_port())}
    home.write()
    daemon = start().ready()
    until((home.data / "page.json").exists)
    assert (home.data / "page.json").stat().st_mode & 0o077 == 0
    address = json.loads(keepone("review", "--no-browser", "--json").stdout)["address"]
    with httpx.Client(follow_redirects=True) as client:
        assert client.get(address).status_code == 200
        until((home.data / "page.json").exists)
        assert address not in (home.data / "page.json").read_text(), "it works once; the next one lies there"
        (job,) = client.get(f"http://127.0.0.1:{home.raw['service']['page']}/api/v1/service").json()
    assert (job["name"], job["state"], job["trouble"], job["waiting"]) == ("nightly", "cap reached", True, 2)
    page = daemon.said("the page is served; open it with: keepone review")[0]["pid"]
    assert "token" not in (home.data / "logs" / "daemon.jsonl").read_text("utf-8")
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    assert not psutil.pid_exists(page)
    assert not (home.data / "page.json").exists()


def test_the_page_ends_with_a_daemon_that_is_killed(home: Home, start: Start) -> None:
    home.job(action="nothing")
    home.raw["service"] |= {"page": int(free_port())}
    home.write()
    daemon = start().ready()
    until((home.data / "page.json").exists)
    page = daemon.said("the page is served; open it with: keepone review")[0]["pid"]
    daemon.process.kill()
    daemon.process.wait()
    until(lambda: not psutil.pid_exists(page), 15)
    assert not (home.data / "page.json").exists()
