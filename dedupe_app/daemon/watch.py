"""Local folders under watch: a change asks for the jobs that want it, once the folder has been quiet for a while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from dedupe_app.config import Config
from dedupe_app.daemon.logs import say
from dedupe_app.sources import known_sources, local_path

_LONGEST = 20  # a folder that never gets quiet is looked at after so many times the settle time
_POLL_MS = 500
_TIMEOUT_MS = 60_000


def watched(config: Config) -> dict[Path, set[str]]:
    """Folder -> names of the jobs that want to know of changes in it."""
    found: dict[Path, set[str]] = {}
    for source in known_sources(config):
        folder = local_path(source)
        wanted = {job.name for job in config.jobs if job.watch and (not job.sources or source.name in job.sources)}
        if folder is not None and wanted:
            found.setdefault(folder, set()).update(wanted)
    return found


def is_ours(path: str) -> bool:
    """True for what we or others hide: our quarantine and records are no news of photos."""
    return any(part.startswith(".") for part in Path(path).parts)


class Watcher:
    """One thread that tells of changed folders. `changed` is called from it."""

    def __init__(self, folders: Collection[Path], changed: Callable[[Path], None]) -> None:
        self.folders = frozenset(folders)
        self._changed = changed
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keepone-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more changes are told."""
        self._over.set()
        self._thread.join(timeout=2)

    def _watch(self) -> None:
        from watchfiles import watch

        while not self._over.is_set():
            there = [folder for folder in self.folders if folder.is_dir()]
            if not there:
                self._over.wait(30)
                continue
            try:
                changes = watch(
                    *there,
                    watch_filter=None,
                    step=_POLL_MS,
                    rust_timeout=_TIMEOUT_MS,
                    stop_event=self._over,
                    raise_interrupt=False,
                    ignore_permission_denied=True,
                )
                for found in changes:
                    self._tell(path for _, path in found)
            except (OSError, RuntimeError) as error:  # no watches left, a folder that vanished, a share that hung up
                say("folders cannot be watched; their jobs run by schedule", logging.WARNING, reason=str(error))
                self._over.wait(300)

    def _tell(self, paths: Iterable[str]) -> None:
        told = list(paths)
        for folder in self.folders:
            below = [path for path in told if Path(path).is_relative_to(folder)]
            if any(not is_ours(str(Path(path).relative_to(folder))) for path in below):
                self._changed(folder)


class Settling:
    """Which jobs wait for a folder to become quiet. Times are monotonic seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._since: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def changed(self, jobs: Collection[str], now: float | None = None) -> None:
        """Something changed that these jobs want to know."""
        moment = time.monotonic() if now is None else now
        for job in jobs:
            self._since.setdefault(job, moment)
            self._last[job] = moment

    def due(self, now: float | None = None) -> list[str]:
        """The jobs whose folders are quiet now, or never get quiet; each is named once."""
        moment = time.monotonic() if now is None else now
        found = [job for job in self._last if self._at(job) <= moment]
        for job in found:
            del self._last[job], self._since[job]
        return found

    def wait(self, now: float | None = None) -> float | None:
        """Seconds until the next is due, None when nothing waits."""
        moment = time.monotonic() if now is None else now
        return max(0.0, min(map(self._at, self._last)) - moment) if self._last else None

    def _at(self, job: str) -> float:
        return min(self._last[job] + self.seconds, self._since[job] + _LONGEST * self.seconds)
