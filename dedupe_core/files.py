"""Reading a file's bytes so that nothing hangs and nothing half written is believed."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dedupe_core.header import Unreadable

if TYPE_CHECKING:  # the workers import this, and the contract's validation library takes them 100 ms
    from connectors.base import Digest, Hasher

_CHUNK = 1 << 18
MOVING = "The file changed while it was read; the next scan looks again."


class Moving(Exception):
    """The file changed while it was read, or is not as long as it was listed: to be read again by the next scan."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One read of a file: its sha256 in hex, its length, its bytes unless it is too long to be decoded, and the further
    digests that were asked for as (name, value)."""

    sha256: str
    size: int
    data: bytes | None
    digests: tuple[tuple[str, str], ...] = ()


def open_file(path: str | Path) -> io.FileIO:
    """A regular file for reading; never a link, a device or a FIFO, and never blocking. Raises `Unreadable`."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unreadable(f"The file cannot be opened ({reason}).") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Unreadable("This is not a regular file.")
    return io.FileIO(handle, "rb", closefd=True)


def take(path: str | Path, longest: int, size: int | None = None, digests: Sequence[Digest] = ()) -> Taken:
    """Read a file once. A file of more than `longest` bytes is only hashed. Raises `Unreadable` for what is no readable
    regular file, and `Moving` when it changes meanwhile or does not have the `size` that the listing gave."""
    with open_file(path) as file:
        before = state(file)
        if size is not None and before[0] != size:
            raise Moving
        try:
            taken = take_bytes(file.readall(), digests) if before[0] <= longest else hashed(file, digests)
        except OSError as error:
            raise Unreadable(f"The file cannot be read ({error.strerror or error}).") from error
        if state(file) != before or taken.size != before[0]:
            raise Moving
    return taken


def take_bytes(data: bytes, digests: Sequence[Digest] = ()) -> Taken:
    """Bytes that came another way, as if they were a file."""
    further = begun(digests)
    for _, hasher in further:
        hasher.update(data)
    return Taken(hashlib.sha256(data).hexdigest(), len(data), data, ended(further))


def hashed(stream: IO[bytes] | io.FileIO, digests: Sequence[Digest]) -> Taken:
    """The rest of a stream that is not held; the buffer stays in the processor's cache."""
    digest, further, size = hashlib.sha256(), begun(digests), 0
    while block := stream.read(_CHUNK):
        digest.update(block)
        for _, hasher in further:
            hasher.update(block)
        size += len(block)
    return Taken(digest.hexdigest(), size, None, ended(further))


def begun(digests: Sequence[Digest]) -> list[tuple[str, Hasher]]:
    """The digests under way, by name."""
    return [(digest.name, digest.new()) for digest in digests]


def ended(further: Sequence[tuple[str, Hasher]]) -> tuple[tuple[str, str], ...]:
    """Their values."""
    return tuple((name, hasher.text()) for name, hasher in further)


def state(file: io.FileIO) -> tuple[int, int, int]:
    """Length and the two times of an open file: equal before and after means that nobody wrote meanwhile."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
