"""A copy of the library's database, taken without creating or changing one byte inside the library.

Even a read-only SQLite connection writes beside a database in WAL mode, so nothing is opened there: Photos.sqlite and
its -wal are copied, and the copy counts when neither changed meanwhile. The -shm is left out; SQLite makes a new one.
"""

from __future__ import annotations

import errno
import plistlib
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from connectors.base import Refused, Unavailable

Stamp = tuple[tuple[int, int], ...]

_FILES = ("Photos.sqlite", "Photos.sqlite-wal")
_TRIES = 6
_PATIENCE = 0.25
_KNOWN_MODELS = (range(13000, 19000), range(19063, 20000), range(270_000_000, 271_000_000))


class Snapshot:
    """The database as it was at one moment. `database` is a Photos.sqlite without a WAL; `model` its version."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self._folder = tempfile.TemporaryDirectory(prefix="keepone-photos-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name) / "database"
        folder.mkdir()
        self.database = folder / "Photos.sqlite"
        try:
            self.stamp = _copy(library, folder)
            self.model = _fold(self.database, library)
        except BaseException:
            self.close()
            raise

    def fresh(self) -> bool:
        """False when the library's database changed since."""
        return stamp(self.library) == self.stamp

    def close(self) -> None:
        """Take the copy away."""
        self._folder.cleanup()


def stamp(library: Path) -> Stamp:
    """Length and modification time of the database's files; changes with every write of Photos. Raises `Unavailable`
    when the library is not there and `Refused` when it is no library or may not be read."""
    found = []
    for name in _FILES:
        try:
            status = (library / "database" / name).stat()
        except FileNotFoundError:
            found.append((-1, -1))
            continue
        except OSError as error:
            raise _refused(library, error) from error
        found.append((status.st_size, status.st_mtime_ns))
    if found[0][0] < 0:
        raise _not_there(library)
    return tuple(found)


def _copy(library: Path, folder: Path) -> Stamp:
    for attempt in range(_TRIES):
        before = stamp(library)
        try:
            for name, (size, _) in zip(_FILES, before, strict=True):
                (folder / name).write_bytes(b"")
                if size > 0:
                    shutil.copyfile(library / "database" / name, folder / name)
            shutil.copyfile(library / "database" / "photos.db", folder / "photos.db")
        except FileNotFoundError as error:
            if Path(str(error.filename)).name != "photos.db":
                continue
        except OSError as error:
            raise _refused(library, error) from error
        if stamp(library) == before:
            return before
        time.sleep(_PATIENCE * (attempt + 1))
    raise Unavailable(f"Photos is busy writing to {library.name}. Try again in a minute.", 60)


def _fold(database: Path, library: Path) -> int:
    """Fold the WAL into the copy and give the model version."""
    try:
        with closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA journal_mode=DELETE").fetchone()
            row = db.execute("SELECT Z_PLIST FROM Z_METADATA ORDER BY Z_VERSION DESC").fetchone()
        model = int(plistlib.loads(row[0])["PLModelVersion"])
    except (sqlite3.Error, plistlib.InvalidFileException, KeyError, TypeError, ValueError) as error:
        raise Refused(
            f"The database of {library.name} cannot be read ({error}): it is damaged or was copied by half. "
            "Open the library once in Photos, or copy it again while Photos is closed."
        ) from error
    if not any(model in known for known in _KNOWN_MODELS):
        raise Refused(
            f"{library.name} was written by a version of Photos that KeepOne does not know (model {model}). "
            "Look for a newer KeepOne: pip install --upgrade 'keepone[apple]'"
        )
    return model


def _not_there(library: Path) -> Unavailable | Refused:
    if not library.is_dir():
        return Unavailable(f"There is no Photos library at {library}. Connect its disk, or correct the path.")
    if (library / "database" / "photos.db").is_file():
        return Refused(f"{library.name} is of Photos 4 or older. Open it once in a newer Photos, which converts it.")
    return Refused(f"{library} is no Photos library: it has no database/Photos.sqlite. Name another folder.")


def _refused(library: Path, error: OSError) -> Unavailable | Refused:
    if error.errno in (errno.EPERM, errno.EACCES):
        return Refused(
            f"{library.name} may not be read. In System Settings > Privacy & Security > Full Disk Access, switch on "
            f"the program that runs KeepOne (a terminal, or {Path(sys.executable).resolve()} when launchd starts it)."
        )
    if error.errno == errno.ENOSPC:
        return Unavailable(f"No room in {tempfile.gettempdir()} for a copy of the database. Make room, and try again.")
    return Unavailable(f"{library.name} cannot be read now: {error.strerror or error}.")
