"""What the doctor says of the service: who starts the jobs, whether that still fits the configuration, and what a job
found wrong."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
import sys
from collections.abc import Iterator

from dedupe_app.agents import DAEMON, Agent, AgentError, AgentState
from dedupe_app.config import Loaded
from dedupe_app.doctor import Check, install_command
from dedupe_app.doctor_words import line
from dedupe_app.job_model import TROUBLE, JobConfig
from dedupe_core.words import readable

_NEEDED = {"apscheduler": "apscheduler", "watchfiles": "watchfiles", "prometheus_client": "prometheus-client"}
_MENDS = {
    "needs login": "keepone login SOURCE",
    "source vanished": line("mend.accept_loss"),
    "cap reached": line("mend.apply"),
    "unavailable": "keepone sources test",
}


def service(loaded: Loaded) -> Iterator[Check]:
    """Everything about jobs; nothing where there are none."""
    jobs = loaded.config.jobs
    if not jobs:
        return
    yield from _packages()
    scheduled = [job for job in jobs if job.schedule or job.watch]
    if scheduled:
        yield from _started(loaded, scheduled)
    yield from _ended(loaded)


def _packages() -> Iterator[Check]:
    missing = [told for name, told in _NEEDED.items() if importlib.util.find_spec(name) is None]
    if missing:
        text = line("daemon_needs", names=", ".join(missing))
        yield Check("service", "warn", text, install_command("'keepone[service]'"))
    else:
        yield Check("service", "ok", line("daemon_has"))


def _started(loaded: Loaded, jobs: list[JobConfig]) -> Iterator[Check]:
    """Does anything start these jobs? The daemon does all of them; launchd and systemd those that are installed."""
    from dedupe_core.store import Locked, hold

    lock = loaded.config.data / "daemon.lock"
    try:
        if lock.exists():
            with hold(lock, "doctor"):
                pass
    except Locked as error:
        who = readable(str(error)).partition("(")[2].partition(")")[0]
        yield Check("jobs are started by", "ok", line("by_daemon", who=who))
        return
    states, told = _installed(loaded, jobs)
    if told:
        yield Check("jobs are started by", "warn", told, "keepone daemon")
        return
    for state in states:
        if not state.current:
            yield Check(f"job {state.name}", "warn", line("older_schedule"), _install(state.name))
        elif not state.loaded:
            yield Check(f"job {state.name}", "warn", line("not_loaded"), _install(state.name))
    if any(state.name == DAEMON for state in states):
        yield Check("jobs are started by", "warn", line("daemon_asleep"), _install(DAEMON))
        return
    left = [job.name for job in jobs if job.name not in {state.name for state in states}]
    if left:
        text = line("by_nobody", jobs=", ".join(left))
        yield Check("jobs are started by", "warn", text, f"keepone schedule install {left[0]}")
    else:
        text = line("by_system", system=_system(), jobs=", ".join(state.name for state in states))
        yield Check("jobs are started by", "ok", text)


def _install(name: str) -> str:
    return "keepone schedule install --daemon" if name == DAEMON else f"keepone schedule install {name}"


def _system() -> str:
    return "launchd" if sys.platform == "darwin" else "systemd"


def _installed(loaded: Loaded, jobs: list[JobConfig]) -> tuple[list[AgentState], str]:
    """The agents that are there, or the sentence that tells why there can be none."""
    from dedupe_app import launchd, systemd

    mac = sys.platform == "darwin"
    if shutil.which("launchctl" if mac else "systemctl") is None:
        return [], line("no_system", system=_system())
    host = launchd.Launchd() if mac else systemd.Systemd()
    make = launchd.agent if mac else systemd.agent
    found = []
    for name in [DAEMON, *(job.name for job in jobs)]:
        try:
            agent: Agent = make(loaded, name)
        except AgentError:
            continue  # "after feedback", or a job that only watches: the daemon's alone
        if any(file.exists() for file in agent.files):
            found.append(host.state(agent))
    return found, ""


def _ended(loaded: Loaded) -> Iterator[Check]:
    """Jobs whose last run found something that a person has to mend."""
    from dedupe_core.store import Store, StoreError

    if not (loaded.config.data / "keepone.sqlite3").exists():
        return
    try:
        with Store(loaded.config.data) as store:
            last = [(job.name, store.jobs.last(job.name)) for job in loaded.config.jobs]
    except (StoreError, sqlite3.Error):
        return  # the database check has said it
    for name, run in last:
        if run is not None and run.state in TROUBLE:
            state = line(f"state.{run.state.replace(' ', '_')}")
            text = line("ended_as", state=state, note=readable(run.note)) if run.note else line("ended", state=state)
            fix = _MENDS.get(run.state, f"keepone jobs run {name}")
            yield Check(f"job {name}", "warn", text, fix, (readable(run.note),))
