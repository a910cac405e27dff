"""The daemon's log: one JSON object a line, turned over by size, without secrets and without the person's name."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

FILES = 5
_SECRETS = re.compile(
    r"""(?ix)
    (?P<before>\b(?:bearer|basic)\s+ | \b(?:access_token|refresh_token|id_token|client_secret|password|code|sig|tempauth
      |token|api_key)["']?\s*[=:]\s*["']?)
    (?P<secret>[^\s"'&,}]+)
    | \beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]+)?
    | (?P<scheme>https?://)[^/\s:@]+:[^/\s@]+@
    """
)


def redacted(text: str) -> str:
    """The text without tokens, passwords and keys, and with `~` for the person's folder."""
    shown = _SECRETS.sub(lambda found: f"{found['before'] or found['scheme'] or ''}[left out]", text)
    home = str(Path.home())
    return shown.replace(home, "~") if len(home) > 1 else shown


class JsonLines(logging.Formatter):
    """{"at": "2024-06-18T03:00:00+0200", "level": "info", "event": "started", …}"""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        clean = {key: redacted(value) if isinstance(value, str) else value for key, value in line.items()}
        return json.dumps(clean, ensure_ascii=True, default=str)


def open_log(file: Path, megabytes: float) -> logging.Logger:
    """The daemon's logger. A log that cannot be written (a full disk) never ends the daemon."""
    logging.raiseExceptions = False
    logger = logging.getLogger("keepone")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setLevel(logging.WARNING)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        size = int(megabytes * 1e6)
        handlers.append(RotatingFileHandler(file, maxBytes=size, backupCount=FILES - 1, encoding="utf-8"))
    except OSError as error:
        logger.addHandler(handlers[0])
        logger.warning("the log cannot be written", extra={"facts": {"reason": str(error)}})
    for handler in handlers:
        handler.setFormatter(JsonLines())
        logger.addHandler(handler)
    return logger


def say(event: str, level: int = logging.INFO, **facts: Any) -> None:
    """Write a line: what happened, and its facts."""
    logging.getLogger("keepone").log(level, event, extra={"facts": facts})
