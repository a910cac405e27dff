"""`keepone schedule`: jobs started by the system itself, launchd on macOS and systemd elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Group, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.agents import Agent

_SYSTEM = click.option(
    "--system", type=click.Choice(["launchd", "systemd"]), help="For which system; this one by default."
)
_DAEMON = click.option("--daemon", is_flag=True, help="The daemon, which runs all jobs, instead of single jobs.")
_JOBS = click.argument("jobs", nargs=-1, metavar="[JOB]...")


@click.group(cls=Group)
def schedule() -> None:
    """Let the system start jobs by itself: launchd on macOS, systemd elsewhere."""


def _system(system: str | None) -> str:
    return system or ("launchd" if sys.platform == "darwin" else "systemd")


def _agents(session: Session, system: str, jobs: tuple[str, ...], daemon: bool) -> list[Agent]:
    from dedupe_app import agents, launchd, systemd

    make: Callable[..., Agent] = launchd.agent if system == "launchd" else systemd.agent
    return [make(session.loaded, name) for name in agents.chosen(session.loaded.config, jobs, daemon)]


def _host(system: str) -> Any:
    """What talks to the system."""
    from dedupe_app.launchd import Launchd
    from dedupe_app.systemd import Systemd

    return Launchd() if system == "launchd" else Systemd()


@schedule.command("install")
@_JOBS
@_DAEMON
@click.option("--now", is_flag=True, help="Also run each at once, to see that it works.")
@pass_session
def install(session: Session, jobs: tuple[str, ...], daemon: bool, now: bool) -> int:
    """Install jobs (all that have a schedule by default) or the daemon; an older one is replaced."""
    system = _system(None)
    found = _agents(session, system, jobs, daemon)
    session.loaded.config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    host = _host(system)
    for one in found:
        host.install(one, now)
        session.out.say(f" installed {one.name}: {next(iter(one.files))}")
    session.out.document({"installed": [_named(one) for one in found]})
    return Exit.OK


@schedule.command("remove")
@_JOBS
@_DAEMON
@pass_session
def remove(session: Session, jobs: tuple[str, ...], daemon: bool) -> int:
    """Remove jobs (all that have a schedule by default) or the daemon from the system."""
    system = _system(None)
    host = _host(system)
    gone = [one for one in _agents(session, system, jobs, daemon) if host.remove(one)]
    for one in gone:
        session.out.say(f" removed {one.name}")
    if not gone:
        session.out.say(" nothing was installed")
    session.out.document({"removed": [_named(one) for one in gone]})
    return Exit.OK


@schedule.command("status")
@_JOBS
@_DAEMON
@pass_session
def status(session: Session, jobs: tuple[str, ...], daemon: bool) -> int:
    """Say of each job (or the daemon) whether the system starts it, and how it last ended there."""
    from dedupe_app.cli.output import table

    system = _system(None)
    host = _host(system)
    states = [host.state(one) for one in _agents(session, system, jobs, daemon)]
    rows = [[one.name, _words(one), one.told] for one in states]
    session.out.show(table(rows))
    listed = [asdict(one) for one in states]
    session.out.document({"agents": listed}, ({"message_type": "agent", **one} for one in listed))
    return Exit.OK


def _words(state: Any) -> str:
    if not state.installed:
        return "not installed"
    if not state.current:
        return "out of date: keepone schedule install"
    return "loaded" if state.loaded else "not loaded: keepone schedule install"


@schedule.command("print")
@_JOBS
@_DAEMON
@_SYSTEM
@pass_session
def print_(session: Session, jobs: tuple[str, ...], daemon: bool, system: str | None) -> int:
    """Print what would be installed, and install nothing."""
    found = _agents(session, _system(system), jobs, daemon)
    for one in found:
        for file, data in one.files.items():
            session.out.say(f" {file}")
            session.out.show(data.decode("utf-8", "backslashreplace"))
    session.out.document({"agents": [_named(one) for one in found]})
    return Exit.OK


def _named(one: Agent) -> dict[str, Any]:
    files = {str(file): data.decode("utf-8", "backslashreplace") for file, data in one.files.items()}
    return {"name": one.name, "label": one.label, "files": files}
