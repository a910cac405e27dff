"""What launchd and systemd are given: rendered exactly so, checked key by key, installed by the current verbs."""

from __future__ import annotations

import json
import plistlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dedupe_app import launchd, systemd
from dedupe_app.agents import DAEMON, Agent, AgentError, chosen
from dedupe_app.config import Loaded, build
from dedupe_app.when import WrongSchedule, parse
from tests.service.conftest import Home, Keepone

GOLDEN = Path(__file__).parent / "golden"
PYTHON = "/opt/keepone/bin/python"
ANN = "/Users/ann"
JOBS = [
    {"name": "onedrive-months", "schedule": "daily at 03:00"},
    {"name": "photos-albums", "schedule": "weekly on sunday at 04:30"},
    {"name": "often", "schedule": "every 30 minutes"},
    {"name": "odd", "schedule": "every 50 minutes"},
    {"name": "workdays", "schedule": "15 8,20 * * mon-fri"},
    {"name": "again", "schedule": "after feedback"},
    {"name": "by-hand"},
]


@pytest.fixture
def ann(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """A person whose home is /Users/ann."""
    monkeypatch.setenv("HOME", ANN)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    raw = {"data": f"{ANN}/Library/Application Support/keepone", "jobs": JOBS}
    return Loaded(build(raw, "the test"), Path(f"{ANN}/.config/keepone/config.yaml"), {})


@pytest.mark.parametrize("name", ["onedrive-months", "photos-albums", "often", "odd", "workdays", DAEMON])
def test_an_agent_is_written_exactly_so(ann: Loaded, name: str) -> None:
    made = launchd.agent(ann, name, PYTHON)
    (file, data), *_ = made.files.items()
    assert file == Path(f"{ANN}/Library/LaunchAgents/{made.label}.plist")
    assert data == (GOLDEN / file.name).read_bytes()


@pytest.mark.parametrize("name", ["onedrive-months", "odd", "workdays", DAEMON])
def test_units_are_written_exactly_so(ann: Loaded, name: str) -> None:
    for file, data in systemd.agent(ann, name, PYTHON).files.items():
        assert file.parent == Path(f"{ANN}/.config/systemd/user")
        assert data == (GOLDEN / file.name).read_bytes()


@pytest.mark.parametrize("name", [job["name"] for job in JOBS[:5]] + [DAEMON])
def test_nothing_of_an_agent_is_left_to_a_shell(ann: Loaded, name: str) -> None:
    """launchd expands nothing, so no word in braces, no ~ and no $ may be left; and no secret has a place in it."""
    (data,) = launchd.agent(ann, name, PYTHON).files.values()
    values = plistlib.loads(data)
    assert list(launchd.problems(values)) == []
    assert not {"{", "}", "$", "~"} & set(json.dumps(values["ProgramArguments"]).replace("[", "").replace("]", ""))
    assert values["ProgramArguments"][0] == PYTHON
    assert "EnvironmentVariables" not in values


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"Lable": "x"}, "no key Lable"),
        ({"Nice": True}, "Nice is bool"),
        ({"RunAtLoad": 1}, "RunAtLoad is int"),
        ({"Label": ""}, "Label is missing"),
        ({"ProgramArguments": ["python"]}, "no absolute path"),
        ({"ProgramArguments": [PYTHON, "~/x"]}, "would not be expanded"),
        ({"ProgramArguments": [PYTHON, 3]}, "no text"),
        ({"StandardOutPath": "$HOME/log"}, "absolute path"),
        ({"StartCalendarInterval": {"Hour": 24}}, "Hour is 24"),
        ({"StartCalendarInterval": [{"Minutes": 3}]}, "knows no Minutes"),
        ({"ProcessType": "Quiet"}, "ProcessType"),
        ({"KeepAlive": True, "StartInterval": 3}, "means nothing"),
    ],
)
def test_a_wrong_key_is_found(ann: Loaded, change: dict[str, Any], wrong: str) -> None:
    (data,) = launchd.agent(ann, "often", PYTHON).files.values()
    found = list(launchd.problems({**plistlib.loads(data), **change}))
    assert any(wrong in problem for problem in found), found


class Recorded:
    """launchctl and systemctl as they answer: what was asked is written down."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.asked: list[list[str]] = []
        self.answers = answers

    def __call__(self, words: Sequence[str]) -> tuple[int, str]:
        self.asked.append(list(words))
        return self.answers.get(words[1] if words[0] == "launchctl" else words[2], (0, ""))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return Loaded(build({"data": str(tmp_path / "data"), "jobs": JOBS}, "the test"), None, {})


def test_launchctl_is_asked_by_its_current_verbs(small: Loaded, tmp_path: Path) -> None:
    runner = Recorded(bootout=(3, "No such process"))
    made = launchd.agent(small, "often")
    launchd.Launchd(runner).install(made, now=True)
    file = tmp_path / "Library" / "LaunchAgents" / "org.keepone.job.often.plist"
    domain = runner.asked[0][2].rpartition("/")[0]
    assert domain.startswith("gui/")
    assert runner.asked == [
        ["launchctl", "bootout", f"{domain}/org.keepone.job.often"],
        ["launchctl", "bootstrap", domain, str(file)],
        ["launchctl", "enable", f"{domain}/org.keepone.job.often"],
        ["launchctl", "kickstart", "-k", f"{domain}/org.keepone.job.often"],
    ]
    assert file.stat().st_mode & 0o777 == 0o644
    assert launchd.installed() == ["org.keepone.job.often"]


def test_an_agent_that_launchctl_refuses_is_an_error_with_the_next_step(small: Loaded) -> None:
    runner = Recorded(bootstrap=(5, "Input/output error"))
    with pytest.raises(AgentError, match=r"status 5: Input/output error.*plutil"):
        launchd.Launchd(runner).install(launchd.agent(small, "often"))


def test_the_whole_session_is_never_unloaded(small: Loaded) -> None:
    """`bootout gui/501` without a label would end everything that a person runs."""
    runner = Recorded()
    host = launchd.Launchd(runner)
    made = launchd.agent(small, "often")
    host.install(made)
    assert host.remove(made)
    assert [words[2].count("/") for words in runner.asked if words[1] == "bootout"] == [2, 2]


def test_removing_takes_the_file_away_and_twice_is_no_error(small: Loaded) -> None:
    made = launchd.agent(small, "often")
    launchd.Launchd(Recorded()).install(made)
    assert launchd.Launchd(Recorded()).remove(made)
    assert not launchd.Launchd(Recorded(bootout=(3, "No such process"))).remove(made)
    assert launchd.installed() == []


def test_the_state_tells_what_is_installed_current_and_loaded(small: Loaded) -> None:
    made = launchd.agent(small, "often")
    host = launchd.Launchd(Recorded(print=(0, "\tstate = not running\n\truns = 3\n\tlast exit code = 5\n\tpath = x")))
    assert not host.state(made).installed
    host.install(made)
    state = host.state(made)
    assert (state.installed, state.current, state.loaded) == (True, True, True)
    assert state.told == "state = not running, runs = 3, last exit code = 5"
    older = Agent(made.name, made.label, dict.fromkeys(made.files, b"other"))
    assert not host.state(older).current
    assert not launchd.Launchd(Recorded(print=(113, "Could not find service"))).state(made).loaded


def test_systemctl_is_asked_for_the_timer(small: Loaded) -> None:
    runner = Recorded(show=(0, "ActiveState=active\nSubState=waiting\nNextElapseUSecRealtime=Sun 03:00"))
    made = systemd.agent(small, "often")
    host = systemd.Systemd(runner)
    host.install(made, now=True)
    assert runner.asked == [
        ["systemctl", "--user", "daemon-reload"],
        ["systemctl", "--user", "enable", "--now", "keepone-job-often.timer"],
        ["systemctl", "--user", "start", "--no-block", "keepone-job-often.service"],
    ]
    assert systemd.installed() == ["keepone-job-often.timer"]
    state = host.state(made)
    assert (state.installed, state.current, state.loaded) == (True, True, True)
    assert host.remove(made)
    assert not host.remove(made)
    assert systemd.installed() == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("name", [job["name"] for job in JOBS[:5]] + [DAEMON])
def test_systemd_itself_takes_the_units(small: Loaded, tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    made = systemd.agent(small, name)
    for file, data in made.files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    paths = [str(file) for file in made.files]
    done = subprocess.run(["systemd-analyze", "verify", "--user", *paths], capture_output=True, text=True, check=False)
    about_us = [line for line in done.stderr.splitlines() if "keepone" in line]
    assert done.returncode == 0 or not about_us, done.stderr


@pytest.mark.parametrize("word", ["/a b/c", 'say "x"', "100%", "$HOME", "back\\slash"])
def test_words_of_a_unit_are_quoted(word: str) -> None:
    quoted = systemd.quoted(word)
    assert quoted.startswith('"') == (set(word) & set(' "\\%$') != set())
    assert "%" not in quoted.replace("%%", "")
    assert "$" not in quoted.replace("$$", "")


def test_what_cannot_be_scheduled_is_refused_with_the_way_that_can(ann: Loaded) -> None:
    with pytest.raises(AgentError, match="--daemon"):
        chosen(ann.config, ["again"], False)
    with pytest.raises(AgentError, match="has no schedule"):
        chosen(ann.config, ["by-hand"], False)
    with pytest.raises(AgentError, match="not both"):
        chosen(ann.config, ["often"], True)
    assert chosen(ann.config, [], False) == ["onedrive-months", "photos-albums", "often", "odd", "workdays"]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("dayly at 3", "daily at 03:00"),
        ("every night at 3am", "daily at 03:00"),
        ("every 30 mins", "every 30 minutes"),
        ("evry 2 huors", "every 2 hours"),
        ("sundays 4:30", "weekly on sunday at 04:30"),
        ("weekly at 5pm", "weekly on sunday at 17:00"),
        ("hourly", "every hour"),
        ("0 0 3 * * ?", "0 3 * * *"),
        ("sometimes", "daily at 03:00"),
        ("61 3 * * *", "0 to 59"),
        ("0 3 1 * 1", "two jobs"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_nearest_right_form(text: str, right: str) -> None:
    with pytest.raises(WrongSchedule) as refused:
        parse(text)
    assert right in str(refused.value)
    if right[:5] in ("daily", "every", "weekl", "0 3 *"):
        parse(right)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("daily at 03:05", ((5,), (3,), None, None, None)),
        ("*/20 1-3 * * *", ((0, 20, 40), (1, 2, 3), None, None, None)),
        ("0 3 * jan,dec *", ((0,), (3,), None, (1, 12), None)),
        ("0 3 * * 7", ((0,), (3,), None, None, (0,))),
        ("@monthly", ((0,), (0,), (1,), None, None)),
    ],
)
def test_right_schedules_mean_what_they_say(text: str, fields: object) -> None:
    assert parse(text).fields == fields


def test_sunday_is_sunday_on_every_clock() -> None:
    """cron counts from Sunday, APScheduler from Monday, launchd from Sunday: names are safe."""
    when = parse("0 3 * * 0")
    assert when.cron()["day_of_week"] == "sun"
    assert when.launchd() == {"StartCalendarInterval": {"Minute": 0, "Hour": 3, "Weekday": 0}}
    assert when.systemd() == (("OnCalendar", "Sun *-*-* 03:00:00"),)


def test_the_command_line_prints_what_it_would_install(home: Home, keepone: Keepone) -> None:
    home.job(action="nothing", schedule="daily at 03:00")
    shown = keepone("schedule", "print", "nightly", "--system", "launchd")
    assert shown.returncode == 0
    values = plistlib.loads(shown.stdout.encode())
    assert values["StartCalendarInterval"] == {"Hour": 3, "Minute": 0}
    assert values["ProgramArguments"][-3:] == ["jobs", "run", "nightly"]
    assert str(home.file) in values["ProgramArguments"]
    home.job("second", action="nothing")
    refused = keepone("schedule", "print", "second")
    assert (refused.returncode, "has no schedule" in refused.stderr) == (2, True)


def test_what_an_agent_starts_really_runs(home: Home) -> None:
    """The very words of the plist, from the folder / and with nothing in the environment."""
    home.job(action="delete", trust=["exact"], levels=["exact"], schedule="daily at 03:00")
    home.data.mkdir()
    loaded = Loaded(home.config, home.file, {})
    (data,) = launchd.agent(loaded, "nightly").files.values()
    words = plistlib.loads(data)["ProgramArguments"]
    done = subprocess.run(words, cwd=home.data, env={"HOME": str(home.base)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    with home.store() as store:
        last = store.jobs.last("nightly")
    assert last is not None
    assert last.summary["put_away"] == 2
