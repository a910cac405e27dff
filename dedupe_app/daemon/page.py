"""The review page beside the daemon, in a process of its own, so that the daemon stays as small as it is.

The page's address works once and not for long. So a fresh one always lies in the data folder, for its owner's eyes
only; `keepone review` takes it, which makes the page write the next.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from dedupe_app.config import Config, Loaded
from dedupe_app.sources import replace_text

FILE = "page.json"
_FRESH = 600.0  # seconds after which an address that nobody took is replaced; it is good for 900
_TAKEN = 60.0  # seconds that an address that was taken has, to be opened
_TRY = 0.3


class Page:
    """The page's process, seen from the daemon."""

    def __init__(self, config: Config, file: Path | None) -> None:
        self._words = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - open till the end
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dedupe_app.daemon.page"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        asked = {"config": config.model_dump(mode="json"), "file": str(file) if file else None}
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asked, ensure_ascii=True) + "\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def died(self) -> str | None:
        """Its last words when it ended by itself, None while it serves."""
        if self._process.poll() is None:
            return None
        self._words.seek(0)
        lines = self._words.read().strip().splitlines()
        return lines[-1] if lines else f"status {self._process.returncode}"

    def hang_up(self) -> None:
        """Let it end; nothing that was decided is lost."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def stop(self) -> None:
        """End it, and wait until it did."""
        self.hang_up()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._words.close()


def take(data: Path) -> tuple[str, int] | None:
    """The address of the page that a daemon serves for this data folder, and its port; it works once. None when no
    daemon serves one."""
    try:
        found = json.loads((data / FILE).read_text("utf-8"))
        with socket.create_connection(("127.0.0.1", int(found["port"])), timeout=_TRY):
            (data / FILE).unlink()
        return str(found["address"]), int(found["port"])
    except (OSError, ValueError, KeyError):
        return None


def main(stdin: TextIO | None = None) -> int:
    """Serve the page until the pipe from the daemon closes."""
    from dedupe_app.web.desk import Desk
    from dedupe_app.web.server import PortTaken, Server

    stream = stdin or sys.stdin
    asked: dict[str, Any] = json.loads(stream.readline())
    config = Config.model_validate(asked["config"])
    desk = Desk(Loaded(config, Path(asked["file"]) if asked["file"] else None, {}))
    over = threading.Event()
    try:
        server = Server(desk, config.service.page)
        threading.Thread(target=_end_when_alone, args=(stream.fileno(), server, over), daemon=True).start()
        server.run(lambda: _renew(server, config.data / FILE, over))
    except PortTaken as taken:
        sys.stderr.write(f"{taken}\n")
        return 1
    finally:
        over.set()
        desk.close()
        (config.data / FILE).unlink(missing_ok=True)
    return 0


def _end_when_alone(handle: int, server: Any, over: threading.Event) -> None:
    """Nothing more is ever written to the pipe: whatever it answers is its end."""
    with suppress(OSError):
        os.read(handle, 1)
    over.set()
    server.stop()


def _renew(server: Any, file: Path, over: threading.Event) -> None:
    """Keep an address in the file that nobody used yet. The one that somebody took stays good until it was used, or
    for a minute: the next one ends it."""
    written = taken = 0.0
    while not over.wait(0.5):
        now = time.monotonic()
        taken = 0.0 if file.exists() else taken or now
        if server.keys.unused and now - (taken or written) < (_TAKEN if taken else _FRESH):
            continue
        with suppress(OSError):  # a full disk: the next time
            replace_text(file, json.dumps({"address": server.address(), "port": server.port}))
            written, taken = now, 0.0


if __name__ == "__main__":
    sys.exit(main())
