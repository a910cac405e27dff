"""User timers and services of systemd, rendered from the templates: what LaunchAgents are on macOS."""

from __future__ import annotations

import os
from pathlib import Path

from dedupe_app.agents import DAEMON, Agent, AgentError, AgentState, Runner, command, run, take_away, template
from dedupe_app.config import Loaded
from dedupe_app.sources import replace_text
from dedupe_app.when import WrongSchedule

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@+,")


def folder() -> Path:
    """Where a person's units are."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user"


def agent(loaded: Loaded, name: str, executable: str | None = None) -> Agent:
    """The units of a job, or of the daemon. Raises `AgentError` for a schedule that a timer cannot keep."""
    unit = "keepone-daemon" if name == DAEMON else f"keepone-job-{name}"
    words = {
        "command": " ".join(quoted(word) for word in command(loaded, executable)),
        "data": escaped(str(loaded.config.data.absolute())),
        "job": name,
        "when": "",
    }
    if name == DAEMON:
        return Agent(
            name, f"{unit}.service", {folder() / f"{unit}.service": _rendered("keepone.daemon.service", words)}
        )
    when = loaded.config.job(name).when
    if when is None:
        raise AgentError(f"Job {name!r} has no schedule. Add one, like: schedule: daily at 03:00")
    try:
        words["when"] = "\n".join(f"{key}={value}" for key, value in when.systemd())
    except WrongSchedule as error:
        raise AgentError(str(error)) from error
    files = {
        folder() / f"{unit}.service": _rendered("keepone.job.service", words),
        folder() / f"{unit}.timer": _rendered("keepone.job.timer", words),
    }
    return Agent(name, f"{unit}.timer", files)


def _rendered(name: str, words: dict[str, str]) -> bytes:
    text = template(name).decode()
    for word, meaning in words.items():
        text = text.replace(f"{{{word}}}", meaning)
    return text.encode("utf-8", "surrogateescape")


def quoted(word: str) -> str:
    """A word of ExecStart: quoted where it needs to be, its specifiers and variables taken as text."""
    plain = escaped(word).replace("$", "$$")
    if set(word) <= _PLAIN and word:
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped(path: str) -> str:
    """A path in which systemd sees no specifier."""
    return path.replace("%", "%%")


class Systemd:
    """This person's units. `runner` runs systemctl."""

    def __init__(self, runner: Runner = run) -> None:
        self._run = runner

    def install(self, one: Agent, now: bool = False) -> None:
        """Write the units and start them by their timer; `now` runs the job at once. Raises `AgentError`."""
        for file, data in one.files.items():
            replace_text(file, data.decode("utf-8", "surrogateescape"))
        self._must(["systemctl", "--user", "daemon-reload"])
        self._must(["systemctl", "--user", "enable", "--now", one.label])
        if now:
            self._must(["systemctl", "--user", "start", "--no-block", one.label.replace(".timer", ".service")])

    def remove(self, one: Agent) -> bool:
        """Stop the units and take their files away; False when there were none."""
        self._run(["systemctl", "--user", "disable", "--now", one.label])
        there = take_away(list(one.files))
        self._run(["systemctl", "--user", "daemon-reload"])
        return there

    def state(self, one: Agent) -> AgentState:
        """How the units are doing."""
        there = {file: file.read_bytes() for file in one.files if file.exists()}
        asked = "ActiveState,SubState,LastTriggerUSec,NextElapseUSecRealtime"
        status, told = self._run(["systemctl", "--user", "show", one.label, f"--property={asked}"])
        facts = dict(line.split("=", 1) for line in told.splitlines() if "=" in line) if not status else {}
        active = facts.get("ActiveState") == "active"
        shown = ", ".join(f"{key} = {value}" for key, value in sorted(facts.items()) if value)
        return AgentState(one.name, one.label, bool(there), there == one.files, active, shown)

    def _must(self, words: list[str]) -> None:
        status, told = self._run(words)
        if status:
            raise AgentError(
                f"`{' '.join(words)}` failed (status {status}: {told}). Without systemd, run `keepone daemon` yourself."
            )


def installed() -> list[str]:
    """Names of our units that are there."""
    return sorted(
        file.name for pattern in ("keepone-job-*.timer", "keepone-daemon.service") for file in folder().glob(pattern)
    )
