"""One run of a job in a process of its own, so that the daemon stays small whatever a run needs, and a run that is
killed takes nothing with it.

The daemon hands over its configuration as one line of JSON and keeps the pipe open: when the pipe closes, the daemon is
gone, and the run parks itself instead of working on unseen.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any, TextIO

from dedupe_app.config import Config


def request(config: Config, job: str, why: str) -> str:
    """What a run is told, as one line. Names with bytes that are not UTF-8 survive as escapes."""
    asked = {"config": config.model_dump(mode="json"), "job": job, "why": why}
    return json.dumps(asked, ensure_ascii=True) + "\n"


def main(stdin: TextIO | None = None) -> int:
    """Read a request, run the job, and print the report as the last line."""
    from dedupe_app.jobs import run_job
    from dedupe_app.notify import notify

    stream = stdin or sys.stdin
    asked: dict[str, Any] = json.loads(stream.readline())
    config = Config.model_validate(asked["config"])
    threading.Thread(target=_park_when_alone, args=(stream.fileno(),), name="keepone-parent", daemon=True).start()
    report = run_job(config, asked["job"], asked["why"])
    notify(config, report)
    sys.stdout.write(json.dumps(report.to_json(), ensure_ascii=True) + "\n")
    sys.stdout.flush()
    return 0


def _park_when_alone(handle: int) -> None:
    """Nothing is ever written to the pipe any more: whatever it answers is its end."""
    with suppress(OSError):
        os.read(handle, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
