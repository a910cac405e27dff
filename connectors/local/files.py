"""The few operations that change a person's disk, each safe by itself: nothing overwrites, nothing below the root
follows a symbolic link, and what has returned is on the disk.

Folders are held as descriptors that were opened one component after the other without following links, so a folder
that is exchanged for a link in the meantime cannot lead a write elsewhere.
"""

from __future__ import annotations

import base64
import ctypes
import ctypes.util
import errno
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from connectors.base import Refused

NAME_MAX = 255
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REGULAR = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PRIVATE = 0o700
_CHUNK = 1 << 20
_NO_EXCLUSIVE_RENAME = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_NO_HARD_LINKS = {errno.EPERM, errno.EMLINK, *_NO_EXCLUSIVE_RENAME}
_Rename = Callable[[int, bytes, int, bytes, int], int]


def components(path: str) -> list[str]:
    """The names of a relative POSIX path. Raises `Refused` for anything that could leave the root."""
    names = path.split("/") if path else []
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise Refused(f"{path!r} is no path inside this folder.")
    return names


def split(path: str) -> tuple[str, str]:
    """(folder, name) of a relative POSIX path."""
    folder, _, name = path.rpartition("/")
    return folder, name


@contextmanager
def open_folder(base: int | Path, path: str = "", make: bool = False, mode: int = 0o777) -> Iterator[int]:
    """A descriptor of `path` below `base`. Only `base` itself, when it is a `Path`, may be reached through links.
    With `make`, what is missing is made and is on the disk."""
    handle = os.dup(base) if isinstance(base, int) else os.open(base, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for name in components(path):
            if make:
                make_folder(handle, name, mode)
            inner = os.open(name, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def make_folder(parent: int, name: str, mode: int = 0o777) -> None:
    """Make a folder when it is missing."""
    with suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=parent)
        sync_folder(parent)


def sync(handle: int) -> None:
    """The file's bytes are on the disk. macOS needs F_FULLFSYNC for that: its fsync does not flush the drive."""
    if sys.platform == "darwin":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def sync_folder(handle: int) -> None:
    """The folder's names are on the disk. Some network file systems know no fsync of folders: there it is nothing."""
    try:
        sync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


@contextmanager
def open_regular(folder: int, name: str) -> Iterator[int]:
    """A descriptor of a regular file; never blocks on a FIFO and never follows a link. Raises `Refused`."""
    handle = os.open(name, _REGULAR, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Refused(f"{name} is not a regular file.")
        yield handle
    finally:
        os.close(handle)


def facts(folder: int, name: str) -> os.stat_result | None:
    """What `lstat` says of a name, None when nothing has it."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def sha256(folder: int, name: str) -> str:
    """Hexadecimal digest of a regular file's bytes as they are now."""
    with open_regular(folder, name) as handle:
        return _sha256(handle)


def _sha256(handle: int) -> str:
    digest = hashlib.sha256()
    while block := os.read(handle, _CHUNK):
        digest.update(block)
    return digest.hexdigest()


def write_new(folder: int, name: str, data: bytes) -> None:
    """A new private file with these bytes, on the disk when this returns. Raises `FileExistsError`."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with _closing(handle, folder, name):
        _write_all(handle, data)
        sync(handle)
    sync_folder(folder)


@contextmanager
def _closing(handle: int, folder: int, name: str) -> Iterator[None]:
    """Closes a file that is being made; nothing is left of it when that fails."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(handle)


def append(folder: int, name: str, line: bytes) -> None:
    """One more line at the end of a file of ours, on the disk when this returns."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        _write_all(handle, line)
        sync(handle)
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def rename_new(folder: int, name: str, target: int, new: str) -> None:
    """Rename a file of ours to a name that nothing has. Raises `FileExistsError` and never overwrites.

    One system call where the kernel and the file system offer it; else a hard link and the removal of the old name;
    else the name is first taken by an empty file of ours. Only for files in folders of ours: between the two calls of
    the second way somebody else's new file could stand under the old name.
    """
    if _rename_exclusive is not None:
        if _rename_exclusive(folder, os.fsencode(name), target, os.fsencode(new), _EXCLUSIVE) == 0:
            return
        failed = ctypes.get_errno()
        if failed not in _NO_EXCLUSIVE_RENAME:
            raise OSError(failed, os.strerror(failed), new)
    try:
        os.link(name, new, src_dir_fd=folder, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _rename_onto_own(folder, name, target, new)
    else:
        os.unlink(name, dir_fd=folder)


def _rename_onto_own(folder: int, name: str, target: int, new: str) -> None:
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target)
    os.close(handle)
    try:
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=target)
    except OSError:
        os.unlink(new, dir_fd=target)
        raise


def _native_rename() -> tuple[_Rename | None, int]:
    library = ctypes.CDLL(None, use_errno=True)
    symbol, flag = ("renameatx_np", 0x4) if sys.platform == "darwin" else ("renameat2", 0x1)
    function = getattr(library, symbol, None)
    if function is None:
        return None, flag
    function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    function.restype = ctypes.c_int
    return function, flag


_rename_exclusive, _EXCLUSIVE = _native_rename()


def copy_new(folder: int, name: str, target: int, new: str) -> None:
    """A copy with times, mode, owner and extended attributes, on the disk and read back equal when this returns.
    Raises `FileExistsError`, or `Refused` when the copy could not be proved; then nothing is left of it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open_regular(folder, name) as source:
        handle = os.open(new, flags, 0o600, dir_fd=target)
        with _closing(handle, target, new):
            digest = _copy_bytes(source, handle)
            sync(handle)
            _prove_copy(handle, digest, name)
            _copy_facts(source, handle)
            sync(handle)
    sync_folder(target)


def _copy_bytes(source: int, target: int) -> str:
    digest = hashlib.sha256()
    while block := os.read(source, _CHUNK):
        digest.update(block)
        _write_all(target, block)
    return digest.hexdigest()


def _prove_copy(handle: int, digest: str, name: str) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.lseek(handle, 0, os.SEEK_SET)
    if _sha256(handle) != digest:
        raise Refused(f"The copy of {name} reads back different: the disk it went to is not to be trusted.")


def _copy_facts(source: int, target: int) -> None:
    """Attributes while the copy may still be written, then owner, mode (a change of owner clears bits of it), times."""
    seen, made = os.fstat(source), os.fstat(target)
    if sys.platform == "darwin":
        _copy_facts_darwin(source, target)
    else:
        for name, value in attributes(source).items():
            _set_attribute(target, name, value)
    if (seen.st_uid, seen.st_gid) != (made.st_uid, made.st_gid):
        try:
            os.fchown(target, seen.st_uid, seen.st_gid)
        except PermissionError as error:
            raise Refused("A copy on the other disk would not have the same owner: the photo stays.") from error
    os.fchmod(target, stat.S_IMODE(seen.st_mode))
    os.utime(target, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _set_attribute(target: int, name: str, value: bytes) -> None:
    try:
        os.setxattr(target, name, value)
    except OSError as error:
        if name.startswith("user."):
            raise Refused(f"The other disk cannot hold the extended attribute {name}: the photo stays.") from error


def _copy_facts_darwin(source: int, target: int) -> None:
    """fcopyfile(3) with COPYFILE_ACL | COPYFILE_XATTR: resource forks and tags are extended attributes there."""
    library = ctypes.CDLL(ctypes.util.find_library("System"), use_errno=True)
    if library.fcopyfile(source, target, None, ctypes.c_uint32(1 << 0 | 1 << 2)) != 0:
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed))


def attributes(handle: int) -> dict[str, bytes]:
    """Extended attributes by name, where Python can read them (Linux) and the file system has them."""
    if sys.platform != "linux":
        return {}
    try:
        return {name: os.getxattr(handle, name) for name in os.listxattr(handle)}
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENODATA, errno.EPERM, errno.EACCES):
            return {}
        raise


def attributes_text(handle: int) -> dict[str, str]:
    """Extended attributes for a JSON record, values in base64."""
    return {name: base64.b64encode(value).decode() for name, value in attributes(handle).items()}


def marked(name: str, stem: str, mark: str) -> str:
    """`name` with `mark` behind its stem: `stem` where the name begins with it (so that a sidecar keeps its photo's
    name), else its own. Shortened from the stem's end to what a file system holds."""
    own = stem if stem and name.startswith(stem) else _stem(name)
    rest = name[len(own) :]
    while own and len(os.fsencode(f"{own}{mark}{rest}")) > NAME_MAX:
        own = own[:-1]
    return f"{own}{mark}{rest}"


def _stem(name: str) -> str:
    dot = name.rfind(".")
    return name[:dot] if dot > 0 else name


def prune(base: int, path: str) -> None:
    """Remove the folder `path` below `base` and the folders in it as far as they are empty."""
    try:
        with open_folder(base, path) as folder:
            for entry in os.listdir(folder):
                found = facts(folder, entry)
                if found is not None and stat.S_ISDIR(found.st_mode):
                    prune(folder, entry)
        parent, name = split(path)
        with open_folder(base, parent) as above:
            os.rmdir(name, dir_fd=above)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
