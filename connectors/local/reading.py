"""Opening files so that nothing blocks, nothing follows a link, and what is read is what was seen."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from connectors.base import Changed, ConnectorError, NotFound, Refused, Unavailable
from connectors.local import proofs, takeout
from connectors.local.cursor import short_print
from connectors.local.walk import Entry

_DEAD = {
    getattr(errno, name)
    for name in ("ENOTCONN", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ETIMEDOUT", "ENODEV")
    if hasattr(errno, name)
}


def open_regular(path: str) -> BinaryIO:
    """A regular file for reading. A FIFO, a device and a link are refused at once (`OSError` with ELOOP or ENXIO)."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.ENXIO, "it is not a regular file")
        os.set_blocking(handle, True)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def as_seen(path: str, entry: Entry) -> BinaryIO | None:
    """The file of an entry, None when it cannot be read or is no longer what the entry says."""
    try:
        handle = open_regular(path)
    except OSError:
        return None
    if Entry.of(entry.name, os.fstat(handle.fileno())) == entry:
        return handle
    handle.close()
    return None


def sentence(error: OSError, path: str) -> ConnectorError:
    """The connector's error for an error of the operating system."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound(f"{path} is not there any more.")
    if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
        return Changed(f"{path} is not a regular file any more.")
    reason = (error.strerror or str(error)).lower()
    if error.errno in _DEAD:
        return Unavailable(f"{path} cannot be reached ({reason}). Connect the disk or the share, and try again.")
    return Refused(f"{path} cannot be read: {reason}.")


@dataclass(slots=True)
class Asking:
    """The companion questions of one folder, asked of the files. An answer is remembered by the print of both files, so
    that the same question is not asked of the same bytes again; a file that cannot be read gives no answer to keep."""

    folder: str
    known: Mapping[str, bool]
    proved: dict[str, bool] = field(default_factory=dict)

    def live(self, photo: Entry, movie: Entry) -> bool:
        """Are these a Live Photo?"""
        return self._ask("live", photo, movie)

    def shot(self, raw: Entry, jpeg: Entry) -> bool:
        """Are these one shot?"""
        return self._ask("shot", raw, jpeg)

    def takeout(self, sidecar: Entry) -> takeout.Facts | None:
        """What does this JSON say?"""
        if sidecar.size > takeout.MAX_JSON:
            return None
        handle = as_seen(f"{self.folder}/{sidecar.name}", sidecar)
        if handle is None:
            return None
        try:
            with handle:
                return takeout.parse(handle.read(takeout.MAX_JSON))
        except OSError:
            return None

    def _ask(self, question: str, a: Entry, b: Entry) -> bool:
        key = short_print(f"{question}\n{a.line}\n{b.line}")
        answer = self.known.get(key)
        if answer is None:
            answer = self._answer(question, a, b)
        if answer is not None:
            self.proved[key] = answer
        return bool(answer)

    def _answer(self, question: str, a: Entry, b: Entry) -> bool | None:
        first, second = as_seen(f"{self.folder}/{a.name}", a), as_seen(f"{self.folder}/{b.name}", b)
        try:
            if first is None or second is None:
                return None
            if question == "shot":
                return proofs.one_shot(first, second)
            return proofs.live_pair(first, second, abs(a.modified - b.modified) / 1e9)
        except OSError:
            return None
        finally:
            for handle in (first, second):
                if handle is not None:
                    handle.close()
