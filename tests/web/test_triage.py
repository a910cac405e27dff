"""`keepone review --tty` at a real terminal: what a person sees and presses, and what is decided by it."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dedupe_app.cli.triage import KEYS, legend
from dedupe_app.library import Library
from tests.web.demo_place import demo_config, demo_desk, demo_place

pty = pytest.importorskip("pty", reason="this system has no terminals of this kind")
SECONDS = 90


class Terminal:
    """The command at a terminal of ours, without colours as over a poor line."""

    def __init__(self, config: Path) -> None:
        self.ours, self.theirs = pty.openpty()
        env = {**os.environ, "TERM": "dumb", "NO_COLOR": "1", "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
        command = [sys.executable, "-m", "dedupe_app.cli", "-c", str(config), "review", "--tty"]
        self.as_it_was = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, env=env)
        self.seen = ""
        self._told = 0
        self._read = codecs.getincrementaldecoder("utf-8")()

    def until(self, words: str) -> str:
        """What came until these words (a pattern) came."""
        end = time.monotonic() + SECONDS
        while not (found := re.compile(words).search(self.seen, self._told)):
            if time.monotonic() > end or not self._more():
                pytest.fail(f"{words!r} never came after:\n{self.seen[self._told :]}")
        part, self._told = self.seen[self._told : found.end()], found.end()
        return part

    def _more(self) -> bool:
        while not select.select([self.ours], [], [], 0.2)[0]:
            if self.process.poll() is not None:
                return False
        try:
            self.seen += self._read.decode(os.read(self.ours, 65_536))
        except OSError:
            return False
        return True

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def ended(self) -> int:
        self.until(r"Next: .*")
        return self.process.wait(SECONDS)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    demo_desk().close()
    place = demo_place()
    file = tmp_path / "config.yaml"
    file.write_text(f"data: {place / 'data'}\nsources: [{{name: demo, kind: local, path: {place / 'gallery'}}}]\n")
    before = files()
    yield file
    assert files() == before, "deciding touched a photo"
    demo_desk().close()


@pytest.fixture
def terminal(config: Path) -> Iterator[Terminal]:
    one = Terminal(config)
    yield one
    one.process.kill()
    one.process.wait()
    for end in (one.ours, one.theirs):
        with contextlib.suppress(OSError):
            os.close(end)


def files() -> dict[str, int]:
    found = (demo_place() / "gallery").rglob("*")
    return {str(file): file.stat().st_size for file in found if file.is_file() and ".keepone" not in file.parts}


def verbs() -> list[str]:
    with Library.open(demo_config(demo_place())) as library:
        return [decision.verb for decision in library.store.decisions.active()]


def test_each_answer_is_saved_at_once_and_the_last_one_can_be_taken_back(terminal: Terminal) -> None:
    assert "accept as shown" in terminal.until("1 of [0-9]+")
    assert re.search(r"trash.*\n.*kB.*×", terminal.until("Enter: .*trash"))
    terminal.press("\r")
    terminal.until(r"→ \d+ photos? marked, .*\n")
    terminal.until("2 of .*")
    assert verbs() == ["keep"]
    terminal.press("n")
    terminal.until("→ not duplicates")
    terminal.until("3 of .*")
    assert verbs() == ["keep", "not_duplicates"]
    terminal.press("u")
    terminal.until("→ taken back")
    terminal.until("2 of .*")
    assert verbs() == ["keep"]
    terminal.press("j")
    terminal.until("3 of .*")
    terminal.press("\x1b[A")
    terminal.until("2 of .*")
    terminal.press("q")
    assert terminal.ended() == 0
    assert verbs() == ["keep"]
    assert "\x1b" not in terminal.seen, "a colour or a movement, where none was wanted"
    assert "Nothing has been put away" in terminal.seen


def test_a_photo_is_chosen_by_its_number_and_the_last_one_stays(terminal: Terminal) -> None:
    first = terminal.until("Enter: .*trash").count(" trash ")
    for number in range(1, 9):
        terminal.press(str(number))
    terminal.press("?1")
    assert first >= 1
    terminal.until("one photo of each group stays")
    terminal.press("aq")
    assert terminal.ended() == 0
    assert verbs() == ["keep_all"]


def test_keys_that_come_faster_than_they_are_read_are_not_lost(terminal: Terminal) -> None:
    terminal.until("Enter: .*trash")
    terminal.press("ssssssssss" + "uuu" + "q")
    assert terminal.ended() == 0
    assert verbs() == ["skip"] * 7


def test_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.until("Enter: .*trash")
    terminal.press("\r")
    terminal.until("→ .*marked")
    during = termios.tcgetattr(terminal.theirs)
    terminal.process.send_signal(2)
    assert terminal.ended() == 0
    assert verbs() == ["keep"]
    assert during[3] != terminal.as_it_was[3]
    assert termios.tcgetattr(terminal.theirs)[3] == terminal.as_it_was[3]


def test_what_was_decided_becomes_a_plan_from_the_command_line(terminal: Terminal, config: Path) -> None:
    terminal.until("Enter: .*trash")
    terminal.press("\r\rq")
    terminal.ended()
    assert "keepone plan --decided" in terminal.seen
    marked = int(re.findall(r"(\d+) photos? marked", terminal.seen)[-1])
    command = [sys.executable, "-m", "dedupe_app.cli", "-c", str(config), "--json", "plan", "--decided"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f'"photos": {marked},' in told


def test_the_legend_has_every_key() -> None:
    assert all(shown in legend() and told in legend() for shown, _, _, told in KEYS)
    sent = [key for _, keys, _, _ in KEYS for key in keys]
    assert len(sent) == len(set(sent))
