"""The commands that open the page, run as a person runs them."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+/\?token=[\w-]+")


def started(*words: str, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A command at a terminal without a screen; the process and our end of the terminal."""
    ours, theirs = pty.openpty()
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "KEEPONE_CONFIG")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [sys.executable, "-m", "dedupe_app.cli", *words]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=env)
    os.close(theirs)
    return process, ours


def lines(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            got = os.read(terminal, 65_536)
        except OSError:  # Linux says so when the other end is closed
            return
        if not got:
            return
        yield got


@pytest.mark.slow
@pytest.mark.parametrize("begin", ["demo", "scan"])
def test_at_a_terminal_it_ends_in_the_page_until_ctrl_c(tmp_path: Path, begin: str) -> None:
    words = ("demo", "--keep", "d") if begin == "demo" else ("scan", str(tmp_path / "photos"), "--review")
    (tmp_path / "photos").mkdir()
    process, terminal = started("--data", str(tmp_path / "data"), *words, folder=tmp_path)
    seen = b""
    try:
        for some in lines(terminal):
            seen += some
            if found := ADDRESS.search(seen):
                answer = httpx.get(found.group().decode())
                assert answer.status_code == 303
                break
        else:
            pytest.fail(seen.decode("utf-8", "replace")[-2000:])
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def test_where_nobody_sits_the_demo_opens_no_page() -> None:
    from dedupe_app.cli.demo import _somebody_there
    from dedupe_app.cli.session import Session

    assert not _somebody_there(Session(as_json=True))
    reading = subprocess.run(
        [sys.executable, "-c", "from tests.web.test_from_the_terminal import tell; tell()"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert reading.stdout.strip() == "False"


def tell() -> None:
    """Say whether a demo that runs like this process would open its page."""
    from dedupe_app.cli.demo import _somebody_there
    from dedupe_app.cli.session import Session

    sys.stdout.write(f"{_somebody_there(Session())}\n")
