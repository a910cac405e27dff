"""`keepone` as a person runs it: a process of its own, or in this one where only the answer matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dedupe_app.cli import main


@dataclass(frozen=True)
class Answer:
    """What a command left: exit status, stdout, stderr."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Keepone = Callable[..., Answer]


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes what belongs to the person who runs it."""
    for name in list(os.environ):
        if name.startswith("KEEPONE_") and name != "KEEPONE_TESTDATA":
            monkeypatch.delenv(name)
    for name, folder in (("XDG_CONFIG_HOME", "conf"), ("XDG_DATA_HOME", "share"), ("HOME", "home")):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def keepone(own_folders: Path, capfd: pytest.CaptureFixture[str]) -> Keepone:
    """`keepone("scan", folder)` in this process, with a data folder of its own."""

    def run(*args: str | Path, data: Path | None = own_folders / "data") -> Answer:
        capfd.readouterr()
        place = [] if data is None else ["--data", str(data)]
        status = main([*place, *map(str, args)])
        out, err = capfd.readouterr()
        return Answer(status, out, err)

    return run


@pytest.fixture
def keepone_process(own_folders: Path) -> Keepone:
    """The same in a process of its own, with pipes for stdout and stderr and nobody at the keyboard."""

    def run(*args: str | Path, data: Path | None = own_folders / "data") -> Answer:
        place = [] if data is None else ["--data", str(data)]
        command = [sys.executable, "-m", "dedupe_app.cli", *place, *map(str, args)]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=120)
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
