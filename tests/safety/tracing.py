"""Real system calls of a real process, counted, killed at, failed and delayed by strace."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Everything that changes a disk; a file that `openat` makes is caught at its first `write` or `fsync`.
CALLS = (
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "utimensat",
    "fchmod",
    "fchown",
    "fsetxattr",
)
_CALL = re.compile(r"^(\d+ +)?(\w+)\(")
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a traced child ended: by a signal, or with what it answered."""

    signal: int
    result: dict[str, Any]

    @property
    def killed(self) -> bool:
        return self.signal == 9


class Server:
    """The process that forks the children."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.safety.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        heard: dict[str, Any] = json.loads(self._process.stdout.readline())
        return heard

    def run(
        self, request: dict[str, Any], strace: Sequence[str] = (), meanwhile: Callable[[int], None] | None = None
    ) -> Ended:
        """Do `request` in a child under `strace` with these arguments; `meanwhile` gets its process
        id once it is on its way."""
        self._say(json.dumps(request))
        pid = self._hear()["pid"]
        tracer = _attach(pid, strace) if strace else None
        self._say("go")
        if meanwhile is not None:
            meanwhile(pid)
        heard = self._hear()
        if tracer is not None:
            tracer.wait(timeout=30)
        return Ended(heard.get("signal", 0), heard.get("result", {}))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()


def _attach(pid: int, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    tracer = subprocess.Popen(["strace", "-qq", "-p", str(pid), *arguments], stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{pid}/status")
    until = time.monotonic() + 20
    while "TracerPid:\t0" in status.read_text():
        assert tracer.poll() is None, "strace could not attach"
        assert time.monotonic() < until, "strace did not attach"
        time.sleep(0.0005)
    return tracer


@contextmanager
def server() -> Iterator[Server]:
    """A server; skips where strace cannot trace."""
    if not sys.platform.startswith("linux") or shutil.which("strace") is None:
        pytest.skip("no strace here: the proof by killing at every system call needs it (Linux)")
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("strace may not trace here")
    started = Server()
    try:
        yield started
    finally:
        started.close()


def counted(started: Server, request: dict[str, Any], log: Path) -> tuple[Ended, Counter[str]]:
    """A clean run and how often it made each of `CALLS`."""
    ended = started.run(request, ["-o", str(log), "-e", f"trace={','.join(CALLS)}"])
    found = (_CALL.match(line) for line in log.read_text(errors="replace").splitlines())
    return ended, Counter(match[2] for match in found if match is not None)


def kill_at(call: str, number: int) -> list[str]:
    """strace arguments that kill the process when it makes this call for the nth time, before it takes effect."""
    return ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}"]


def fail_at(call: str, number: int, error: str, ever_after: bool = False) -> list[str]:
    """strace arguments that let the nth call fail with this error, and with `ever_after` every later one too."""
    when = f"{number}+" if ever_after else str(number)
    return ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]


def hold_at(call: str, number: int, seconds: float) -> list[str]:
    """strace arguments that hold the nth call for a while before it takes effect."""
    wait = int(seconds * 1e6)
    return ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter={wait}:when={number}"]


def sample(points: Sequence[tuple[str, int]], wanted: int) -> list[tuple[str, int]]:
    """`wanted` of the points, evenly spread, always the same; all of them when there are fewer."""
    if len(points) <= wanted:
        return list(points)
    return [points[number * len(points) // wanted] for number in range(wanted)]
