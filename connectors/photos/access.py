"""What `keepone doctor` asks about Photos: may we read, may we script, may we use PhotoKit, and who is "we"?

macOS grants these to a program by its binary. From a terminal that is the terminal; from launchd it is the Python that
runs KeepOne, and an update of it loses the grant. Nothing here waits for a person: each question has a time limit.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.base import ConnectorError
from connectors.photos.deleting import by_launchd
from connectors.photos.library import Library, is_system_library
from connectors.photos.options import PhotosOptions
from connectors.photos.photokit import AUTHORIZED, NAMES, PhotoKit
from connectors.photos.script import explained
from connectors.photos.snapshot import Snapshot

_LONGEST = 20.0
_ASK = ("osascript", "-e", 'tell application "Photos" to version')
Run = Callable[[Sequence[str], float], tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be so. `sentence` says how it is, or what to do."""

    name: str
    good: bool
    sentence: str


def checks(options: PhotosOptions, photokit: PhotoKit | None = None, run: Run | None = None) -> list[Check]:
    """Every check that this machine allows, in the order in which a person would set things right."""
    found = [library(options)]
    if sys.platform == "darwin" or run is not None:
        found.append(automation(run or _run))
    if sys.platform == "darwin" or photokit is not None:
        found.append(access(options, photokit or PhotoKit()))
    return found


def library(options: PhotosOptions) -> Check:
    """The library is there, may be read, and is of a known version."""
    name = "reading the Photos library"
    try:
        place = Library("doctor", options)
        snapshot = Snapshot(place.path)
    except ConnectorError as error:
        return Check(name, False, str(error))
    model = snapshot.model
    snapshot.close()
    return Check(name, True, f"{place.path} can be read (model {model}).")


def automation(run: Run) -> Check:
    """Photos answers scripts. Starts Photos when it does not run."""
    name = "changing albums in Photos (Automation)"
    try:
        code, said = run(_ASK, _LONGEST)
    except subprocess.TimeoutExpired:
        return Check(name, False, f"Photos did not answer in {_LONGEST:.0f} seconds: is it asking something? {who()}")
    except OSError as error:
        return Check(name, False, f"osascript cannot be run ({error.strerror}).")
    if code:
        return Check(name, False, f"{explained(said)} {who()}")
    return Check(name, True, f"Photos {said.strip()} answers. {who()}")


def access(options: PhotosOptions, photokit: PhotoKit) -> Check:
    """PhotoKit may change the library; needed for deleting, and for leaving albums of a person."""
    name = "deleting and leaving albums (Photos access)"
    try:
        place = Library("doctor", options).path
        status = photokit.authorization()
    except ConnectorError as error:
        return Check(name, False, str(error))
    if status != AUTHORIZED:
        advice = "In System Settings > Privacy & Security > Photos choose Full Access."
        return Check(name, False, f"Access {NAMES.get(status, 'is unknown')}. {advice} {who()}")
    if not is_system_library(place):
        return Check(name, False, f"{place.name} is not the system's library: KeepOne can tag in it, and not delete.")
    return Check(name, True, f"Access is granted, and {place.name} is the system's library. {who()}")


def who() -> str:
    """Which program's switch it is."""
    binary = Path(sys.executable).resolve()
    if by_launchd():
        return f"The switch is that of {binary}, because launchd started it; after an update of Python flip it again."
    return f"The switch is that of your terminal; for jobs that launchd starts it is that of {binary}."


def _run(command: Sequence[str], seconds: float) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr
