"""Children that are cheap to start and to kill: this process has everything imported, and forks one for each request.

A request is a line of JSON on standard input: {"do": "apply" | "undo", "root", "data", "plan", "roots"}. The answer is
a line with the child's process id; the child waits until the next line comes, so that a tracer can be attached to it.
Then the job runs, and a last line tells how the child ended: {"signal": 9} or {"code": 0, "result": {...}}.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sqlite3
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from dedupe_core.apply import PlanRefused
from dedupe_core.store import StoreError
from tests.safety.world import World

_PR_SET_PTRACER = 0x59616D61


def job(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked, as a command would."""
    roots = {name: Path(path) for name, path in request.get("roots", {}).items()}
    world = World(Path(request["root"]), Path(request["data"]), roots)
    try:
        with world.store() as store:
            plan = store.plans.get(request["plan"])
        assert plan is not None
        if request["do"] == "apply":
            applied = world.apply(plan)
            return {
                "done": applied.done,
                "failed": applied.failed,
                "skipped": applied.skipped,
                "said": applied.messages,
            }
        undone = world.undo(plan)
        told = {"done": undone.restored, "failed": undone.failed, "said": undone.messages}
        return {**told, "settled": undone.settled}
    except (StoreError, PlanRefused, sqlite3.Error, OSError) as error:  # what the command line makes a sentence of
        return {"refused": f"{type(error).__name__}: {error}"}


def child(request: dict[str, Any], go: int, answer: socket.socket) -> None:
    """Never returns. The answer goes by `sendto`, which no test counts or faults."""
    code = 0
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        os.read(go, 1)
        result = job(request)
    except BaseException:  # noqa: BLE001  the border of the child: whatever it was, the test is told
        code, result = 1, {"error": traceback.format_exc()}
    answer.sendall(json.dumps(result).encode())
    os._exit(code)


def serve() -> None:
    """Answer requests until standard input ends."""
    for line in sys.stdin:
        go, told = os.pipe()
        heard, answer = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            child(json.loads(line), go, answer)
        os.close(go)
        answer.close()
        print(json.dumps({"pid": pid}), flush=True)
        sys.stdin.readline()
        with suppress(BrokenPipeError):  # killed before it began
            os.write(told, b"!")
        with heard, heard.makefile("rb") as stream:
            said = stream.read()
        os.close(told)
        _, status = os.waitpid(pid, 0)
        ended: dict[str, Any] = {"signal": os.WTERMSIG(status)} if os.WIFSIGNALED(status) else {}
        if not ended:
            ended = {"code": os.WEXITSTATUS(status), "result": json.loads(said or b"{}")}
        print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    serve()
