"""The run under way: a child process, told what to do by a pipe, ended by a signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dedupe_app.config import Config
from dedupe_app.daemon.child import request

_LAST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `report` is what it printed, None when it could not even do that; `words` then tell why."""

    job: str
    report: dict[str, Any] | None
    status: int
    words: str = ""


class Run:
    """One child under way. `ended` is called from a thread of its own, once."""

    def __init__(self, config: Config, job: str, why: str, ended: Callable[[Ended], None]) -> None:
        self.job = job
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dedupe_app.daemon.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request(config, job, why))
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; the thread tells why
        threading.Thread(target=self._wait, args=(ended,), name=f"keepone-run-{job}", daemon=True).start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def park(self) -> None:
        """Ask the run to end in good order."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now; the next run goes on from its journal."""
        self._process.kill()

    def _wait(self, ended: Callable[[Ended], None]) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        errors: list[str] = []
        reader = threading.Thread(target=_drain, args=(self._process.stderr, errors), daemon=True)
        reader.start()
        out = self._process.stdout.read()
        status = self._process.wait()
        reader.join(timeout=5)
        ended(Ended(self.job, _report(out), status, "".join(errors)[-_LAST_WORDS:].strip()))


def _drain(stream: Any, kept: list[str]) -> None:
    for line in stream:
        kept.append(line)
        del kept[:-20]


def _report(out: str) -> dict[str, Any] | None:
    lines = out.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and "state" in found else None
