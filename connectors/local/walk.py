"""Our own walk: every error is recorded, so that what could not be read is unknown and never empty.

`os.walk` gives an empty listing for a dead mount and hides errors; this walk gives each folder as it was read, or the
reason why it was not. Links are never followed, hidden names never listed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Errors of one damaged file; every other error means that the folder as a whole cannot be believed.
_ONE_FILE = {errno.EIO, errno.EOVERFLOW, errno.EINVAL, errno.EBADMSG, getattr(errno, "EUCLEAN", errno.EIO)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file, as `lstat` has it."""

    name: str
    size: int
    modified: int
    changed: int
    inode: int
    device: int

    @classmethod
    def of(cls, name: str, seen: os.stat_result) -> Entry:
        """The entry of a stat result."""
        return cls(name, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_dev)

    @classmethod
    def parse(cls, line: str) -> Entry:
        """The inverse of `line`."""
        name, size, modified, changed, inode, device = line.split("/")
        return cls(name, int(size), int(modified), int(changed), int(inode), int(device))

    @property
    def line(self) -> str:
        """Name and facts in one text; no name holds a slash, so nothing in it is ambiguous."""
        return f"{self.name}/{self.size}/{self.modified}/{self.changed}/{self.inode}/{self.device}"

    def revision(self, steady: bool) -> str:
        """Changes whenever the bytes may have changed. The inode number takes part only where it is lasting."""
        return f"{self.size}-{self.modified}-{self.changed}-{self.inode if steady else 0}"


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder as it was read. `lines` are those of `Entry`, sorted; `broken` are files that could not be looked
    at, with the reason; `unread` is the reason why the whole folder is unknown, "" when it is known; `bare` says that
    nothing visible is in it; `device` is where it lies."""

    path: str
    lines: list[str]
    broken: tuple[tuple[str, str], ...] = ()
    unread: str = ""
    bare: bool = False
    device: int = 0


Enter = Callable[[str, str], bool]
Wanted = Callable[[str], bool]
_Above = tuple[int, int, "_Above | None"]


def walk(root: str, enter: Enter, wanted: Wanted) -> Iterator[Folder]:
    """Every folder from `root` (relative path "") down, parents first, in the order of names.

    `enter(path, name)` decides about each subfolder, `wanted(path)` whether the files of a folder are looked at.
    Raises nothing: a folder that fails is given with its reason.
    """
    todo: list[tuple[str, _Above | None]] = [("", None)]
    while todo:
        path, above = todo.pop()
        full = f"{root}/{path}" if path else root
        try:
            here = Path(full).stat(follow_symlinks=not path)
            if _inside_itself(here, above):
                yield Folder(path, [], unread="it contains itself")
                continue
            lines, inner, broken = _read(full, wanted(path))
        except OSError as error:
            yield Folder(path, [], unread=error.strerror or str(error))
            continue
        yield Folder(path, lines, broken, bare=not (lines or inner or broken), device=here.st_dev)
        chain = (here.st_dev, here.st_ino, above)
        below = f"{path}/" if path else ""
        todo.extend((below + name, chain) for name in sorted(inner, reverse=True) if enter(below + name, name))


def _read(full: str, files: bool) -> tuple[list[str], list[str], tuple[tuple[str, str], ...]]:
    lines: list[str] = []
    inner: list[str] = []
    broken: list[tuple[str, str]] = []
    with os.scandir(full) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    inner.append(name)
                elif files and entry.is_file(follow_symlinks=False):
                    s = entry.stat(follow_symlinks=False)
                    lines.append(f"{name}/{s.st_size}/{s.st_mtime_ns}/{s.st_ctime_ns}/{s.st_ino}/{s.st_dev}")
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in _ONE_FILE:
                    raise
                broken.append((name, error.strerror or str(error)))
    lines.sort()
    return lines, inner, tuple(broken)


def _inside_itself(here: os.stat_result, above: _Above | None) -> bool:
    while above is not None and here.st_ino:
        device, inode, above = above
        if (device, inode) == (here.st_dev, here.st_ino):
            return True
    return False
