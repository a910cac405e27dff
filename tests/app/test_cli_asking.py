"""What only happens when a person sits there: questions, and a terminal instead of a pipe."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dedupe_app.demo import formats
from dedupe_app.demo.gallery import fingerprints
from tests.app.conftest import Keepone


def at_a_terminal(folder: Path, *args: str | Path, answers: str = "") -> tuple[int, str]:
    """`keepone` on a terminal of its own, on which `answers` is typed; exit status and what the screen showed."""
    screen, child = pty.openpty()
    command = [sys.executable, "-m", "dedupe_app.cli", *map(str, args)]
    process = subprocess.Popen(
        command,
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(child)
    os.write(screen, answers.encode())
    shown = bytearray()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([screen], [], [], 0.1)[0]:
            try:
                data = os.read(screen, 1 << 16)
            except OSError:
                break
            if not data:
                break
            shown += data
        elif process.poll() is not None:
            break
    status = process.wait(timeout=30)
    os.close(screen)
    return status, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "")


@pytest.fixture
def planned(keepone: Keepone, own_folders: Path) -> Path:
    """Two sources with a copy of one photo each, scanned and planned."""
    for name in ("a", "b"):
        (own_folders / name).mkdir()
        for number in range(2):
            (own_folders / name / f"{number}.jpg").write_bytes(SMALL)
    keepone("scan", "a", "b", "--level", "exact")
    assert keepone("plan", "--json").json["photos"] == 3
    return own_folders


SMALL = formats.jpeg(np.zeros((64, 64, 3), np.uint8) + np.arange(64, dtype=np.uint8)[:, None, None], 80)


def test_more_than_one_source_wants_the_number_typed(planned: Path) -> None:
    before = {name: fingerprints(planned / name) for name in ("a", "b")}
    data = planned / "data"
    status, screen = at_a_terminal(planned, "--data", data, "apply", answers="yes\n")
    assert status == 0
    assert "Type 3" in screen
    assert "nothing was changed" in screen
    assert {name: fingerprints(planned / name) for name in ("a", "b")} == before
    status, screen = at_a_terminal(planned, "--data", data, "apply", answers="3\n")
    assert status == 0
    assert "done 3" in screen
    assert sum(len(fingerprints(planned / name)) for name in ("a", "b")) == 1


def test_one_source_wants_a_yes(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "a").mkdir()
    for number in range(2):
        (own_folders / "a" / f"{number}.jpg").write_bytes(SMALL)
    keepone("scan", "a", "--level", "exact")
    keepone("plan")
    status, screen = at_a_terminal(own_folders, "--data", own_folders / "data", "apply", answers="n\n")
    assert status == 0
    assert "nothing was changed" in screen
    status, screen = at_a_terminal(own_folders, "--data", own_folders / "data", "apply", answers="y\n")
    assert "undo: keepone undo" in screen


def test_init_asks_three_questions(own_folders: Path) -> None:
    (own_folders / "pics").mkdir()
    status, screen = at_a_terminal(own_folders, "init", answers="pics\nfolder\ny\n")
    assert status == 0, screen
    written = (own_folders / "conf" / "keepone" / "config.yaml").read_text()
    assert "action: move" in written
    assert "- exact" in written
    assert str(own_folders / "pics") in written
    assert screen.count("?") >= 3


def test_a_terminal_gets_bars_and_the_talk_on_stdout(own_folders: Path) -> None:
    (own_folders / "a").mkdir()
    (own_folders / "a" / "x.jpg").write_bytes(SMALL)
    status, screen = at_a_terminal(own_folders, "--data", own_folders / "data", "scan", "a", "--level", "exact")
    assert "listing" in screen
    assert "━" in screen
    assert "Next: keepone plan" in screen
    assert status in (0, 3)
