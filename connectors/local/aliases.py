"""Tokens of physical identity: two assets that share one are one photo reached by two ways.

Every file carries "inode:<device>:<number>": hard links, bind mounts, overlapping roots and a second spelling of a
case-insensitive volume all meet there. Some file systems make inode numbers up as they go (most FUSE ones, FAT,
shares): one file may show another number under another spelling of its path. There every file carries
"path:<real path, NFC, case folded>" too. So two files that differ only in case are two photos where inode numbers
prove it, and are taken for one, and never removed unasked, where nothing does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from connectors.local.names import folded

# Not wrong to be in this list: it only costs a second token and leaves the inode number out of the revision.
_UNSTEADY = ("fuse", "vfat", "msdos", "exfat", "9p", "virtiofs", "cifs", "smb", "webdav", "davfs", "macfuse", "osxfuse")
_ESCAPE = re.compile(r"\\([0-7]{3})")
_MAC_MOUNT = re.compile(r"^.* on (/.*) \(([^,)]+)", re.MULTILINE)


def tokens(path: str, device: int, inode: int) -> frozenset[str]:
    """The tokens of one file; `path` is its real path, None of whose folders is a link."""
    if inode and steady(device, path):
        return frozenset((f"inode:{device}:{inode}",))
    known = {f"path:{folded(path)}"}
    if inode:
        known.add(f"inode:{device}:{inode}")
    return frozenset(known)


def steady(device: int, path: str) -> bool:
    """True when inode numbers of this device name files for good."""
    known = _STEADY.get(device)
    if known is None:
        known = _STEADY[device] = not _file_system(path).startswith(_UNSTEADY)
    return known


_STEADY: dict[int, bool] = {}


def _file_system(path: str) -> str:
    """The type of the file system that holds `path`: that of the nearest mount point above it; "" where unknown."""
    best, kind = "", ""
    for point, type_ in _mounts():
        if len(point) >= len(best) and f"{path}/".startswith(point.rstrip("/") + "/"):
            best, kind = point, type_
    return kind


@lru_cache(maxsize=1)
def _mounts() -> tuple[tuple[str, str], ...]:
    if sys.platform == "darwin":
        listing = subprocess.run(["/sbin/mount"], capture_output=True, check=False).stdout
        return parse_mount(os.fsdecode(listing))
    try:
        return parse_mountinfo(os.fsdecode(Path("/proc/self/mountinfo").read_bytes()))
    except OSError:
        return ()


def parse_mountinfo(text: str) -> tuple[tuple[str, str], ...]:
    """(mount point, type) of each line of /proc/self/mountinfo (proc(5)); later mounts cover earlier ones."""
    found = []
    for line in text.splitlines():
        fields = line.split(" ")
        if "-" in fields[6:]:
            point = _ESCAPE.sub(lambda code: chr(int(code[1], 8)), fields[4])
            found.append((point, fields[fields.index("-", 6) + 1]))
    return tuple(found)


def parse_mount(text: str) -> tuple[tuple[str, str], ...]:
    """(mount point, type) of each line that mount(8) of macOS prints: "/dev/disk3s5 on /Volumes/X (apfs, local)"."""
    return tuple((found[1], found[2]) for found in _MAC_MOUNT.finditer(text))


def forget_mounts() -> None:
    """A scan begins: what was mounted may have changed."""
    _mounts.cache_clear()
    _STEADY.clear()
