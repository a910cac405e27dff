"""Everything KeepOne remembers, in one SQLite file; all SQL of the project is in this package.

`Store` opens the file and hands out its rooms: `assets` (what the sources list), `signatures` (what the bytes say),
`work` (what is still to be read), `other_views` (the two views of edited photos), `evidence` (what comparisons
measured), `runs` (groups and choices), `plans` (plans and the journal), `decisions` (what a person said of groups),
`labels` (what people said of pairs).
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType

from dedupe_core.store.assets import Assets
from dedupe_core.store.decisions import Decisions
from dedupe_core.store.digests import Digests
from dedupe_core.store.embeddings import Embeddings
from dedupe_core.store.evidence import EvidenceCache
from dedupe_core.store.jobs import JobRuns
from dedupe_core.store.labels import Labels
from dedupe_core.store.other_views import OtherViews
from dedupe_core.store.plans import Plans
from dedupe_core.store.runs import Runs
from dedupe_core.store.schema import MIGRATIONS
from dedupe_core.store.searches import Searches
from dedupe_core.store.signatures import Signatures
from dedupe_core.store.work import Work


class StoreError(Exception):
    """The data folder cannot be used; the message is a sentence with the next step."""


class Locked(StoreError):
    """Another KeepOne works on this data folder."""


class Store:
    """The data folder, opened. `Store(None)` lives in memory, for tests and one-off questions.

    Reading needs no lock; whoever scans, plans or applies holds `writing()` so that command line, daemon and launchd
    never run two pipelines on one folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._lent_to: int | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.db = sqlite3.connect(
            ":memory:" if folder is None else folder / "keepone.sqlite3", isolation_level=None, check_same_thread=False
        )
        self.db.row_factory = sqlite3.Row
        _configure(self.db)
        _migrate(self.db, None if folder is None else folder / "keepone.sqlite3")
        self.assets = Assets(self.db)
        self.signatures = Signatures(self.db)
        self.evidence = EvidenceCache(self.db)
        self.searches = Searches(self.db)
        self.embeddings = Embeddings(self.db)
        self.runs = Runs(self.db)
        self.plans = Plans(self.db)
        self.labels = Labels(self.db)
        self.work = Work(self.db, self.assets)
        self.other_views = OtherViews(self.db, self.assets, self.signatures)
        self.digests = Digests(self.db)
        self.jobs = JobRuns(self.db)
        self.decisions = Decisions(self.db)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A short write transaction; everything in it happens or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:  # a full disk may have rolled it back already
                self.db.execute("ROLLBACK")
            raise

    @contextmanager
    def writing(self, who: str, lend: bool = False) -> Iterator[None]:
        """Hold the data folder's one lock. Raises `Locked` with the holder's name when somebody else has it. With
        `lend`, `writing` by the same thread inside needs no lock of its own: a job holds it from its first stage to its
        last."""
        if self.folder is None or self._lent_to == threading.get_ident():
            yield
            return
        with hold(self.folder / "lock", who):
            self._lent_to = threading.get_ident() if lend else None
            try:
                yield
            finally:
                self._lent_to = None

    def check(self) -> str:
        """ "ok", or what SQLite finds wrong with the file."""
        row = self.db.execute("PRAGMA quick_check(1)").fetchone()
        return str(row[0])

    def version(self) -> int:
        """Changes when another connection committed something."""
        return int(self.db.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def hold(file: Path, who: str) -> Iterator[None]:
    """Hold a lock of a data folder for as long as this process lives and the context lasts. Raises `Locked` with the
    holder's name when somebody else has it."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if not _try_lock(handle):
            holder = os.pread(handle, 200, 0).decode(errors="replace") if hasattr(os, "pread") else ""
            raise Locked(
                f"Another KeepOne is at work in {file.parent} ({holder or 'unknown'}). Wait for it, or stop it."
            )
        os.ftruncate(handle, 0)
        os.write(handle, f"{who}, process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode())
        yield
    finally:
        os.close(handle)


def _configure(db: sqlite3.Connection) -> None:
    """WAL and FULL: a commit is on the disk when it returns; macOS needs F_FULLFSYNC for that (fsync(2))."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA busy_timeout = 10000")
    if sys.platform == "darwin":
        db.execute("PRAGMA fullfsync = ON")
        db.execute("PRAGMA checkpoint_fullfsync = ON")


def _migrate(db: sqlite3.Connection, file: Path | None) -> None:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise StoreError(
            f"The database is of a newer KeepOne (version {version}). Update KeepOne, or use another --data folder."
        )
    for number in range(version, len(MIGRATIONS)):
        if file is not None and version:
            with closing(sqlite3.connect(file.with_name(f"{file.name}.before-{number + 1}"))) as copy:
                db.backup(copy)
        db.execute("BEGIN IMMEDIATE")
        try:
            if int(db.execute("PRAGMA user_version").fetchone()[0]) == number:  # else another start was faster
                for statement in _statements(MIGRATIONS[number]):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number + 1}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one (`executescript` would end the transaction that they belong to)."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
