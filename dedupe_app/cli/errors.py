"""The one place where an error becomes a sentence for a person, with the next step, and an exit status."""

from __future__ import annotations

import errno
import sqlite3

from connectors.base import ConnectorError, SignInRequired, Unavailable
from dedupe_app.cli.codes import Exit
from dedupe_app.config import ConfigError
from dedupe_core.stopping import Stopped
from dedupe_core.store import Locked, StoreError

_NEXT_STEP = {
    errno.ENOSPC: "Free some space and run the same command again; nothing is half done.",
    errno.EDQUOT: "Free some space and run the same command again; nothing is half done.",
    errno.EROFS: "It is on a read-only disk; use --data DIR for a folder that can be written.",
    errno.EACCES: "Check who may read and write it, or run: keepone doctor",
    errno.EPERM: "Check who may read and write it, or run: keepone doctor",
    errno.ENOENT: "Check the path.",
    errno.EIO: "The disk reports a fault; make a backup first, then run: keepone doctor",
}


def explain(error: BaseException) -> tuple[Exit, str]:
    """The exit status and one sentence or two for any error that ends a command."""
    if isinstance(error, (KeyboardInterrupt, Stopped)):
        return Exit.INTERRUPTED, "Interrupted. What was done is saved; run the same command again to go on."
    if isinstance(error, ConfigError):
        return Exit.USAGE, str(error)
    if isinstance(error, Locked):
        return Exit.LOCKED, str(error)
    if isinstance(error, SignInRequired):
        return Exit.SIGN_IN, str(error)
    if isinstance(error, Unavailable):
        return Exit.TEMPORARY, _with_wait(error)
    if isinstance(error, sqlite3.Error):
        return _database(error)
    if isinstance(error, OSError):
        return Exit.ERROR, _system(error)
    if isinstance(error, (StoreError, ConnectorError)) or _speaks_for_itself(error):
        return Exit.ERROR, str(error)
    return Exit.ERROR, (
        f"This is a fault in KeepOne itself ({type(error).__name__}: {error}). The same command with -v shows where; "
        "report it with: keepone doctor --bundle bundle.zip"
    )


def _speaks_for_itself(error: BaseException) -> bool:
    """Errors of our own packages carry sentences for people (PlanError, ReportError …)."""
    module = type(error).__module__.split(".", 1)[0]
    return module in ("dedupe_app", "dedupe_core", "feedback", "connectors")


def _with_wait(error: Unavailable) -> str:
    return f"{error} Try again in {error.retry_after:.0f} s." if error.retry_after else str(error)


def _database(error: sqlite3.Error) -> tuple[Exit, str]:
    if "locked" in str(error):
        return Exit.LOCKED, "Another program holds the database. Wait for it, then run the same command again."
    if "full" in str(error):
        return Exit.ERROR, "The disk of the data folder is full. Free some space and run the same command again."
    return Exit.ERROR, f"The database cannot be used ({error}). Run: keepone doctor"


def _system(error: OSError) -> str:
    from dedupe_core.words import readable

    place = readable(str(error.filename)) if error.filename else "the file system"
    told = (error.strerror or str(error)).rstrip(".")
    step = _NEXT_STEP.get(error.errno or 0, "Run: keepone doctor")
    return f"{place}: {told}. {step}"
