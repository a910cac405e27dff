"""What launchd and systemd have in common for us: which jobs they start, by which command, and where that is written.

Templates are in the folder `launchd` of the repository, and inside the wheel beside this package. Nothing secret is
ever written: an agent names the configuration file and the data folder, and the run reads them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dedupe_app.config import Config, ConfigError, Loaded
from dedupe_app.when import AFTER_FEEDBACK

Runner = Callable[[Sequence[str]], tuple[int, str]]
"""Runs a command: its status, and what it printed."""
DAEMON = "daemon"
_SECONDS = 30.0


class AgentError(ConfigError):
    """An agent cannot be made or installed; the message is a sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One thing that the system starts: files by where they go, and the name that the system knows it by."""

    name: str
    label: str
    files: dict[Path, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentState:
    """How an agent is doing. `installed`: its files are there; `current`: they are what would be written now."""

    name: str
    label: str
    installed: bool
    current: bool
    loaded: bool
    told: str = ""


def template(name: str) -> bytes:
    """A template by its file name."""
    for folder in (Path(__file__).parent / "templates", Path(__file__).parents[1] / "launchd"):
        if (folder / name).is_file():
            return (folder / name).read_bytes()
    raise AgentError(f"The template {name} is missing. Install KeepOne again: pip install --force-reinstall keepone")


def command(loaded: Loaded, executable: str | None = None) -> list[str]:
    """The words that start KeepOne with this configuration, all paths absolute. The interpreter is named as it was
    started: a virtual environment's link stays the link."""
    words = [executable or sys.executable, "-m", "dedupe_app.cli", "--quiet"]
    if loaded.file is not None:
        words += ["--config", str(loaded.file.absolute())]
    return [*words, "--data", str(loaded.config.data.absolute())]


def chosen(config: Config, names: Sequence[str], daemon: bool) -> list[str]:
    """The jobs that are meant: those named, or all that have a schedule; or the daemon alone, which runs all of them.
    Raises `ConfigError`."""
    if daemon:
        if names:
            raise AgentError("The daemon runs all jobs; name jobs, or give --daemon, not both.")
        return [DAEMON]
    found = [config.job(name) for name in names] or [job for job in config.jobs if job.schedule]
    if not found:
        raise AgentError("No job has a schedule yet. Give one a `schedule:` in config.yaml (docs/service.md).")
    for job in found:
        if not job.schedule:
            raise AgentError(f"Job {job.name!r} has no schedule. Add one, like: schedule: daily at 03:00")
        if job.schedule == AFTER_FEEDBACK and names:
            raise AgentError(f"Job {job.name!r} runs after feedback, which needs: keepone schedule install --daemon")
        if job.name == DAEMON:
            raise AgentError("A job must not be called 'daemon'; give it another name.")
    return [job.name for job in found if job.schedule != AFTER_FEEDBACK]


def run(words: Sequence[str]) -> tuple[int, str]:
    """Run a command of the system; one that is not there or does not answer has status 127."""
    try:
        done = subprocess.run(list(words), capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, (done.stdout + done.stderr).strip()


def take_away(files: Sequence[Path]) -> bool:
    """Remove files of an agent; True when one was there."""
    there = [file for file in files if file.exists()]
    for file in there:
        file.unlink()
    return bool(there)
