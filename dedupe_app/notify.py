"""How a run reaches the person: a notification on the desktop, and a webhook. Only what is new is told.

No name of a photo or folder leaves this machine: the webhook gets the job, its state and numbers. It goes over https,
or to this machine itself, and never where a redirect sends it.
"""

from __future__ import annotations

import http.client
import json
import logging
import shutil
import ssl
import subprocess
import sys
from contextlib import suppress
from urllib.parse import urlsplit

from dedupe_app.config import Config
from dedupe_app.job_model import TROUBLE, is_private, without_secrets
from dedupe_app.job_reports import JobReport
from dedupe_core.store import Store

_SECONDS = 10.0
_SCRIPT = (
    "on run argv",
    "display notification (item 1 of argv) with title (item 2 of argv)",
    "end run",
)
_LOG = logging.getLogger("keepone.notify")


def notify(config: Config, report: JobReport) -> bool:
    """Tell the person of a run that is worth it. True when something was told. What goes wrong is a line in the log:
    a message that does not arrive never fails a run."""
    if not _is_news(config, report):
        return False
    if config.service.desktop:
        _on_desktop(f"KeepOne: {report.job}", _short(report))
    if config.service.webhook:
        try:
            post(config.service.webhook, payload(report))
        except (OSError, http.client.HTTPException, ValueError) as error:
            _LOG.warning("the webhook at %s failed: %s", without_secrets(config.service.webhook), error)
    return True


def _is_news(config: Config, report: JobReport) -> bool:
    """Something was done, or the run ended otherwise than the run before it."""
    if report.put_away or report.failed:
        return True
    with Store(config.data) as store:
        runs = [run for run in store.jobs.history(report.job, 3) if run.state not in ("running", "busy")]
    before = runs[1].state if len(runs) > 1 else "done"
    notable = (*TROUBLE, "waiting")
    return report.state != before and (report.state in notable or (report.state == "done" and before in TROUBLE))


def _short(report: JobReport) -> str:
    """The run in words that may stand on a locked screen: no names of folders or photos."""
    if report.state in TROUBLE and not report.put_away:
        return f"{report.state}. See: keepone status"
    told = [f"{report.put_away} photos put away"] if report.put_away else []
    told += [f"{report.waiting} wait for you"] if report.waiting else []
    told += [f"{report.failed} failed"] if report.failed else []
    return ", ".join(told) or "all is well again"


def payload(report: JobReport) -> dict[str, object]:
    """What the webhook gets; `text` is what chat services show."""
    return {
        "text": f"KeepOne {report.job}: {_short(report)}",
        "job": report.job,
        "state": report.state,
        "put_away": report.put_away,
        "bytes": report.freed,
        "waiting": report.waiting,
        "skipped": report.skipped,
        "failed": report.failed,
        "seconds": report.seconds,
    }


def post(url: str, body: dict[str, object]) -> int:
    """POST a document and return the status. Raises `ValueError` for an address that is neither https nor loopback and
    for an answer that is no success (a redirect is none), `OSError` when nobody answers."""
    if not is_private(url):
        raise ValueError("it is neither https nor this machine")
    parts = urlsplit(url)
    host, path = parts.hostname or "", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=_SECONDS)
    try:
        connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise ValueError(f"it answered with status {status}")
    return status


def _on_desktop(title: str, text: str) -> None:
    """By the means that the system has; silently nothing where there is no desktop."""
    command = desktop_command(title, text)
    if command is None:
        return
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS)


def desktop_command(title: str, text: str) -> list[str] | None:
    """The command that shows a notification, None where there is none. Texts are arguments, never script."""
    if sys.platform == "darwin":
        return ["osascript", *(word for line in _SCRIPT for word in ("-e", line)), text, title]
    found = shutil.which("notify-send")
    return [found, "--app-name=KeepOne", "--", title, text] if found else None
