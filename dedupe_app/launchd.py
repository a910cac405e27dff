"""LaunchAgents: rendered from the templates, checked key by key, installed by the current verbs of launchctl.

There is no schema of launchd's own; `problems` knows the keys that we use, with their types and ranges, from
launchd.plist(5). launchd expands neither `~` nor `$HOME`, so that every path has to be absolute.
"""

from __future__ import annotations

import os
import plistlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dedupe_app.agents import DAEMON, Agent, AgentError, AgentState, Runner, command, run, take_away, template
from dedupe_app.config import Loaded
from dedupe_app.sources import replace_text
from dedupe_app.when import WrongSchedule

PREFIX = "org.keepone."
_KEYS: Mapping[str, tuple[type, ...]] = {
    "Label": (str,),
    "ProgramArguments": (list,),
    "StandardOutPath": (str,),
    "StandardErrorPath": (str,),
    "WorkingDirectory": (str,),
    "ProcessType": (str,),
    "WatchPaths": (list,),
    "RunAtLoad": (bool,),
    "LowPriorityIO": (bool,),
    "LowPriorityBackgroundIO": (bool,),
    "AbandonProcessGroup": (bool,),
    "StartInterval": (int,),
    "Nice": (int,),
    "ThrottleInterval": (int,),
    "ExitTimeOut": (int,),
    "EnvironmentVariables": (dict,),
    "KeepAlive": (bool, dict),
    "StartCalendarInterval": (dict, list),
    "LimitLoadToSessionType": (str, list),
    "Umask": (int, str),
}
_RANGES = {"Minute": (0, 59), "Hour": (0, 23), "Day": (1, 31), "Weekday": (0, 7), "Month": (1, 12)}
_PROCESS_TYPES = ("Background", "Standard", "Adaptive", "Interactive")
_PATHS = ("StandardOutPath", "StandardErrorPath", "WorkingDirectory")
_NOT_LOADED = (3, 36, 113)  # launchctl: no such process, still in progress, could not find service


def folder() -> Path:
    """Where a person's agents are."""
    return Path.home() / "Library" / "LaunchAgents"


def logs() -> Path:
    """Where what an agent prints goes."""
    return Path.home() / "Library" / "Logs" / "keepone"


def agent(loaded: Loaded, name: str, executable: str | None = None) -> Agent:
    """The agent of a job, or of the daemon. Raises `AgentError` for a schedule that launchd cannot keep."""
    label = PREFIX + name if name == DAEMON else f"{PREFIX}job.{name}"
    values = plistlib.loads(template(f"keepone.{DAEMON if name == DAEMON else 'job'}.plist"))
    words = {"{label}": label, "{job}": name, "{logs}": str(logs()), "{data}": str(loaded.config.data.absolute())}
    filled = {key: _filled(value, words, command(loaded, executable)) for key, value in values.items()}
    if name != DAEMON:
        when = loaded.config.job(name).when
        if when is None:
            raise AgentError(f"Job {name!r} has no schedule. Add one, like: schedule: daily at 03:00")
        try:
            filled |= when.launchd()
        except WrongSchedule as error:
            raise AgentError(str(error)) from error
    wrong = list(problems(filled))
    if wrong:
        raise AgentError(f"The agent of {name!r} would be wrong: {'; '.join(wrong)}.")
    return Agent(name, label, {folder() / f"{label}.plist": plistlib.dumps(filled)})


def _filled(value: Any, words: Mapping[str, str], start: list[str]) -> Any:
    if isinstance(value, str):
        for word, meaning in words.items():
            value = value.replace(word, meaning)
        return value
    if isinstance(value, list):
        parts = [start if part == "{command}" else [_filled(part, words, start)] for part in value]
        return [part for some in parts for part in some]
    return value


def problems(values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an agent's keys; nothing when it is fine."""
    for key, value in values.items():
        if key not in _KEYS:
            yield f"launchd knows no key {key}"
        elif not isinstance(value, _KEYS[key]) or (isinstance(value, bool) and bool not in _KEYS[key]):
            yield f"{key} is {type(value).__name__}, not {' or '.join(kind.__name__ for kind in _KEYS[key])}"
    yield from (f"{key} is missing" for key in ("Label", "ProgramArguments") if not values.get(key))
    yield from _wrong_paths(values)
    yield from _wrong_times(values.get("StartCalendarInterval", []))
    if values.get("ProcessType", "Background") not in _PROCESS_TYPES:
        yield f"ProcessType is none of {', '.join(_PROCESS_TYPES)}"
    if values.get("KeepAlive") is True and "StartInterval" in values:
        yield "StartInterval means nothing beside KeepAlive"


def _wrong_paths(values: Mapping[str, Any]) -> Iterator[str]:
    arguments = values.get("ProgramArguments")
    words = arguments if isinstance(arguments, list) else []
    if words and not str(words[0]).startswith("/"):
        yield f"ProgramArguments begins with {words[0]!r}, which is no absolute path"
    for key in _PATHS:
        if isinstance(values.get(key), str) and not values[key].startswith("/"):
            yield f"{key} is no absolute path"
    for text in [*words, *(values.get(key, "") for key in _PATHS)]:
        if not isinstance(text, str):
            yield f"ProgramArguments holds {text!r}, which is no text"
        elif text.startswith("~") or "$" in text:
            yield f"{text!r} would not be expanded by launchd"


def _wrong_times(times: Any) -> Iterator[str]:
    for entry in times if isinstance(times, list) else [times]:
        for key, value in entry.items() if isinstance(entry, dict) else ():
            low, high = _RANGES.get(key, (0, -1))
            if key not in _RANGES:
                yield f"StartCalendarInterval knows no {key}"
            elif isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                yield f"{key} is {value!r}, not {low} to {high}"


class Launchd:
    """This person's agents. `runner` runs launchctl."""

    def __init__(self, runner: Runner = run) -> None:
        self._run = runner
        self._domain = f"gui/{os.getuid()}"

    def install(self, one: Agent, now: bool = False) -> None:
        """Write the agent and load it in place of an older one; `now` starts it at once. Raises `AgentError`."""
        (file, data), *_ = one.files.items()
        logs().mkdir(parents=True, exist_ok=True)
        replace_text(file, data.decode())
        file.chmod(0o644)  # launchd refuses what others may write
        self._run(["launchctl", "bootout", f"{self._domain}/{one.label}"])
        status, told = self._run(["launchctl", "bootstrap", self._domain, str(file)])
        if status:
            raise AgentError(f"launchctl did not take {file} (status {status}: {told}). Look at it with: plutil -lint")
        self._run(["launchctl", "enable", f"{self._domain}/{one.label}"])
        if now:
            self._run(["launchctl", "kickstart", "-k", f"{self._domain}/{one.label}"])

    def remove(self, one: Agent) -> bool:
        """Unload the agent and take its file away; False when there was none. Raises `AgentError`."""
        status, told = self._run(["launchctl", "bootout", f"{self._domain}/{one.label}"])
        if status and status not in _NOT_LOADED:
            raise AgentError(f"launchctl did not let go of {one.label} (status {status}: {told}). Try it once more.")
        return take_away(list(one.files)) or not status

    def state(self, one: Agent) -> AgentState:
        """How the agent is doing."""
        (file, data), *_ = one.files.items()
        there = file.read_bytes() if file.exists() else None
        status, told = self._run(["launchctl", "print", f"{self._domain}/{one.label}"])
        lines = (line.strip() for line in told.splitlines())
        facts = [line for line in lines if line.startswith(("state =", "last exit code =", "runs ="))]
        return AgentState(one.name, one.label, there is not None, there == data, not status, ", ".join(facts))


def installed() -> list[str]:
    """Labels of our agents that are there."""
    return sorted(file.stem for file in folder().glob(f"{PREFIX}*.plist"))
