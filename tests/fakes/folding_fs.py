"""A file system on which upper and lower case, and the two Unicode spellings of a name, are the same, and on which
inode numbers change at every look: what sshfs, rclone, gvfs and many network shares are like.

It shows a folder of the real disk at a mount point and speaks the kernel's FUSE protocol (linux/fuse.h, version 7.31)
itself, so that it needs no library; it needs Linux and the right to mount. Run as

    python -m tests.fakes.folding_fs BACKING MOUNTPOINT

it prints "ready" and serves until the mount point is unmounted.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import stat
import struct
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_IN = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
_ENTRY = struct.Struct("<QQQQII")
_SETATTR = struct.Struct("<IIQQQQQQIIIIIIII")
_IO = struct.Struct("<QQIIQII")
_DIRENT = struct.Struct("<QQII")
_BUFFER = 1 << 20
_LIBC = ctypes.CDLL(None, use_errno=True)


def folded(name: bytes) -> str:
    """A name as this file system compares it."""
    return unicodedata.normalize("NFC", os.fsdecode(name)).casefold()


def text(body: bytes) -> bytes:
    """The name at the end of a request."""
    return body.split(b"\0", 1)[0]


class FoldingFileSystem:
    """The nodes are spellings: two spellings of one file are two nodes, and nothing tells that they are one."""

    def __init__(self, backing: bytes) -> None:
        self._paths = {1: backing}
        self._spelled: dict[tuple[int, bytes], int] = {}
        self._next = itertools.count(2)
        self._inodes = itertools.count(1000)
        self._answers: dict[int, Callable[[int, bytes], bytes]] = {
            1: lambda node, body: self._entry(node, text(body)),
            3: lambda node, body: struct.pack("<QII", 0, 0, 0) + self._attributes(self._paths[node]),
            4: self._setattr,
            9: self._mkdir,
            10: self._unlink,
            11: self._rmdir,
            12: lambda node, body: self._rename(node, struct.unpack_from("<Q", body)[0], 0, body[8:]),
            14: self._open,
            15: self._read,
            16: self._write,
            17: lambda node, body: struct.pack("<5Q4I24x", 1 << 20, 1 << 19, 1 << 19, 9999, 9999, 4096, 255, 4096, 0),
            18: self._release,
            20: self._fsync,
            25: lambda node, body: b"",
            26: lambda node, body: struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 17, 0, 0, 0, 1 << 17, 1, 0, 0, 0),
            27: lambda node, body: struct.pack("<QII", 0, 0, 0),
            28: self._readdir,
            29: lambda node, body: b"",
            30: lambda node, body: b"",
            35: self._create,
            45: self._rename2,
        }

    def serve(self, device: int) -> None:
        """Answer the kernel until it hangs up."""
        while True:
            try:
                request = os.read(device, _BUFFER)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return
            _, opcode, unique, node, *_ = _IN.unpack_from(request)
            if opcode in (2, 36, 42):
                continue
            status, answer = self._answer(opcode, node, request[_IN.size :])
            with suppress(FileNotFoundError):
                os.write(device, _OUT.pack(_OUT.size + len(answer), -status, unique) + answer)

    def _answer(self, opcode: int, node: int, body: bytes) -> tuple[int, bytes]:
        method = self._answers.get(opcode)
        if method is None:
            return errno.ENOSYS, b""
        try:
            return 0, method(node, body)
        except OSError as error:
            return error.errno or errno.EIO, b""
        except KeyError:
            return errno.ESTALE, b""

    def _real(self, parent: int, name: bytes) -> bytes:
        """The path on the disk that a name means; the name itself where nothing has it."""
        folder = self._paths[parent]
        wanted = folded(name)
        known = next((there for there in os.listdir(folder) if folded(there) == wanted), name)
        return os.path.join(folder, known)

    def _attributes(self, path: bytes) -> bytes:
        s = os.lstat(path)
        times = [int(t // 10**9) for t in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        rests = [int(t % 10**9) for t in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        inode = s.st_ino if stat.S_ISDIR(s.st_mode) else next(self._inodes)
        facts = (s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0)
        return _ATTR.pack(inode, s.st_size, s.st_blocks, *times, *rests, *facts)

    def _entry(self, parent: int, name: bytes) -> bytes:
        path = self._real(parent, name)
        attributes = self._attributes(path)
        node = self._spelled.setdefault((parent, name), 0) or next(self._next)
        self._spelled[parent, name] = node
        self._paths[node] = path
        return _ENTRY.pack(node, 0, 0, 0, 0, 0) + attributes

    def _unlink(self, parent: int, body: bytes) -> bytes:
        os.unlink(self._real(parent, text(body)))
        return b""

    def _rmdir(self, parent: int, body: bytes) -> bytes:
        os.rmdir(self._real(parent, text(body)))
        return b""

    def _mkdir(self, parent: int, body: bytes) -> bytes:
        mode = struct.unpack_from("<I", body)[0]
        os.mkdir(self._real(parent, text(body[8:])), mode)
        return self._entry(parent, text(body[8:]))

    def _create(self, parent: int, body: bytes) -> bytes:
        flags, mode = struct.unpack_from("<II", body)
        name = text(body[16:])
        handle = os.open(self._real(parent, name), flags & ~os.O_NOFOLLOW | os.O_CREAT, mode)
        return self._entry(parent, name) + struct.pack("<QII", handle, 1, 0)

    def _open(self, node: int, body: bytes) -> bytes:
        flags = struct.unpack_from("<I", body)[0]
        return struct.pack("<QII", os.open(self._paths[node], flags & ~(os.O_NOFOLLOW | os.O_APPEND)), 1, 0)

    def _read(self, node: int, body: bytes) -> bytes:
        handle, offset, size, *_ = _IO.unpack_from(body)
        return os.pread(handle, size, offset)

    def _write(self, node: int, body: bytes) -> bytes:
        handle, offset, size, *_ = _IO.unpack_from(body)
        return struct.pack("<II", os.pwrite(handle, body[_IO.size : _IO.size + size], offset), 0)

    def _release(self, node: int, body: bytes) -> bytes:
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    def _fsync(self, node: int, body: bytes) -> bytes:
        os.fsync(struct.unpack_from("<Q", body)[0])
        return b""

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size, _, atime, mtime, _, arest, mrest, _, mode, _, uid, gid, _ = _SETATTR.unpack_from(body)
        path = self._paths[node]
        if valid & 1:
            os.chmod(path, stat.S_IMODE(mode))
        if valid & 6:
            os.chown(path, uid if valid & 2 else -1, gid if valid & 4 else -1)
        if valid & 8:
            os.truncate(path, size)
        if valid & 48:
            seen = os.lstat(path)
            os.utime(
                path,
                ns=(
                    atime * 10**9 + arest if valid & 16 else seen.st_atime_ns,
                    mtime * 10**9 + mrest if valid & 32 else seen.st_mtime_ns,
                ),
            )
        return struct.pack("<QII", 0, 0, 0) + self._attributes(path)

    def _readdir(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = _IO.unpack_from(body)
        found = b""
        for number, name in enumerate(sorted(os.listdir(self._paths[node])), 1):
            if number <= offset:
                continue
            kind = stat.S_IFMT(os.lstat(os.path.join(self._paths[node], name)).st_mode) >> 12
            line = _DIRENT.pack(next(self._inodes), number, len(name), kind) + name
            line += b"\0" * (-len(line) % 8)
            if len(found) + len(line) > size:
                break
            found += line
        return found

    def _rename2(self, parent: int, body: bytes) -> bytes:
        new_parent, flags = struct.unpack_from("<QI", body)
        return self._rename(parent, new_parent, flags, body[16:])

    def _rename(self, parent: int, new_parent: int, flags: int, names: bytes) -> bytes:
        old, new = names.split(b"\0")[:2]
        source, target = self._real(parent, old), self._real(new_parent, new)
        if flags & 1 and os.path.lexists(target):
            raise OSError(errno.EEXIST, "there")
        os.rename(source, os.path.join(os.path.dirname(target), new))
        for node, path in list(self._paths.items()):
            if path == source or path.startswith(source + b"/"):
                self._paths[node] = os.path.join(os.path.dirname(target), new) + path[len(source) :]
        return b""


def main(backing: str, mountpoint: str) -> None:
    """Mount and serve."""
    device = os.open("/dev/fuse", os.O_RDWR)
    root = stat.S_IFMT(os.stat(backing).st_mode)
    options = f"fd={device},rootmode={root:o},user_id={os.getuid()},group_id={os.getgid()},allow_other"
    if _LIBC.mount(b"folding", os.fsencode(mountpoint), b"fuse", 6, options.encode()) != 0:
        failed = ctypes.get_errno()
        raise SystemExit(os.strerror(failed))
    print("ready", flush=True)
    FoldingFileSystem(os.fsencode(Path(backing).resolve())).serve(device)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
