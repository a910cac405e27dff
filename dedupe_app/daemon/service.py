"""The daemon itself: one loop over events. A schedule, a folder, a person or a retry asks for a job; one job runs at a
time, in a process of its own; SIGTERM parks it.

Nothing that counts lives in this process: schedules are in the configuration, what ran is in the store, and what a run
was doing is in the journal. So it may be killed at any moment, and the next start goes on.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dedupe_app.config import Config, ConfigError, Loaded
from dedupe_app.daemon.calendar import Calendar, pause
from dedupe_app.daemon.logs import open_log, say
from dedupe_app.daemon.page import Page
from dedupe_app.daemon.runner import Ended, Run
from dedupe_app.daemon.watch import Settling, Watcher, watched
from dedupe_core.store import Store, StoreError, hold

TICK = 15.0  # seconds between looks at the clock, the configuration file and the answers of people
PAGE_PAUSE = 60.0  # seconds that a page has to have lived before it is started again
_JUMP = 5.0  # seconds by which the clock may differ from the time that passed before it counts as a sleep
_RETRIED = ("unavailable", "busy")
LOCK = "daemon.lock"
LOG = Path("logs") / "daemon.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for the loop: kind, job and details."""

    kind: str
    job: str = ""
    why: str = ""
    ended: Ended | None = None
    folder: Path | None = None


@dataclass(slots=True)
class Health:
    """What the status server tells. `beat` is the monotonic time of the loop's last round."""

    beat: float = field(default_factory=time.monotonic)
    ready: bool = False
    stopping: bool = False
    config_error: str = ""
    running: str = ""
    retries: dict[str, int] = field(default_factory=dict)
    next_times: dict[str, float] = field(default_factory=dict)


class Service:
    """The loop. `reload` gives the configuration anew, or raises `ConfigError`."""

    def __init__(self, loaded: Loaded, reload: Callable[[], Loaded]) -> None:
        self.config: Config = loaded.config
        self.health = Health()
        self._file = loaded.file
        self._reload = reload
        self._stamp = _stamp(self._file)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._waiting: dict[str, str] = {}
        self._run: Run | None = None
        self._calendar = Calendar(lambda job, why: self._events.put(Event("asked", job, why)))
        self._settling = Settling(self.config.service.settle_seconds)
        self._watcher: Watcher | None = None
        self._folders: dict[Path, set[str]] = {}
        self._page: Page | None = None
        self._page_began = 0.0
        self._clock = (time.time(), time.monotonic())

    def ask(self, job: str, why: str) -> None:
        """Let a job run soon. May be called from any thread."""
        self._events.put(Event("asked", job, why))

    def serve(self) -> None:
        """Work until SIGTERM or SIGINT. Raises `Locked` when another daemon serves this data folder."""
        with hold(self.config.data / LOCK, "keepone daemon"), self._signals():
            self._settle()
            self._arrange()
            self._hear()
            self._calendar.start()
            self.health.ready = True
            say("ready", pid=os.getpid(), jobs=[job.name for job in self.config.jobs], file=str(self._file or ""))
            try:
                self._next()
                while not self.health.stopping:
                    self._round()
            finally:
                self._end()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals become events: nothing is interrupted in the middle."""
        kinds = {signal.SIGTERM: "stop", signal.SIGINT: "stop", signal.SIGHUP: "reload"}
        before = {
            number: signal.signal(number, lambda number, _: self._events.put(Event(kinds[signal.Signals(number)])))
            for number in kinds
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _settle(self) -> None:
        """What was ended in the middle goes on right away."""
        with self._store() as store:
            last_runs = [] if store is None else [store.jobs.last(job.name) for job in self.config.jobs]
            for last in last_runs:
                if last is None or last.state not in ("running", "killed", "parked") or last.summary.get("late"):
                    continue
                self._queue(last.job, "goes on")
                say("a run was ended in the middle; it goes on", job=last.job, state=last.state)

    def _arrange(self) -> None:
        """Schedules and watches as the configuration wants them."""
        self._calendar.set_jobs(self.config.jobs, self._last_starts())
        self._settling.seconds = self.config.service.settle_seconds
        self._folders = watched(self.config)
        if self._watcher is not None and self._watcher.folders != frozenset(self._folders):
            self._watcher.stop()
            self._watcher = None
        if self._folders and self._watcher is None:
            self._watcher = Watcher(self._folders, lambda folder: self._events.put(Event("changed", folder=folder)))
        self._show_page()

    def _last_starts(self) -> dict[str, float | None]:
        with self._store() as store:
            if store is None:
                return {}
            found = {job.name: store.jobs.last(job.name) for job in self.config.jobs}
        return {name: run.started_at if run else None for name, run in found.items()}

    @contextmanager
    def _store(self) -> Iterator[Store | None]:
        """The store, or None while it cannot be opened (a full disk, a disk that is away)."""
        try:
            store = Store(self.config.data)
        except (StoreError, sqlite3.Error, OSError) as error:
            say("the data folder cannot be used now", logging.ERROR, reason=str(error))
            yield None
            return
        with store:
            yield store

    def _round(self) -> None:
        """Wait for one event, handle it, and look around."""
        wait = self._settling.wait()
        try:
            event = self._events.get(timeout=TICK if wait is None else min(TICK, wait))
            self._handle(event)
        except queue.Empty:
            pass
        if time.monotonic() - self._clock[1] >= TICK:
            self._look_around()
        for job in self._settling.due():
            self._queue(job, "folder")
        self._next()
        self.health.beat = time.monotonic()
        self.health.next_times = self._calendar.next_times()

    def _handle(self, event: Event) -> None:
        if event.kind == "stop":
            self.health.stopping = True
        elif event.kind == "reload":
            self._configure()
        elif event.kind == "asked":
            self._queue(event.job, event.why)
        elif event.kind == "changed" and event.folder is not None:
            self._settling.changed(self._folders.get(event.folder, ()))
        elif event.kind == "ended" and event.ended is not None:
            self._ended(event.ended)

    def _look_around(self) -> None:
        """The clock, the configuration file, and what people said since."""
        wall, steady = time.time(), time.monotonic()
        if abs((wall - self._clock[0]) - (steady - self._clock[1])) > _JUMP:
            say("the clock jumped, as after a sleep", seconds=round(wall - self._clock[0]))
            self._calendar.wake()
        self._clock = (wall, steady)
        if _stamp(self._file) != self._stamp:
            self._configure()
        self._hear()
        if self._page is not None and steady - self._page_began > PAGE_PAUSE:
            words = self._page.died()
            if words is not None:
                say("the page ended and is started again", logging.WARNING, reason=words)
                self._show_page()

    def _hear(self) -> None:
        """Jobs that run after feedback, when somebody said something since they ran last."""
        waiting = [job for job in self.config.jobs if job.when is not None and job.when.kind == "feedback"]
        if not waiting:
            return
        with self._store() as store:
            if store is None:
                return
            for job in waiting:
                last = store.jobs.last(job.name)
                if job.name != self.health.running and store.jobs.said_since(last.started_at if last else 0.0):
                    self._queue(job.name, "feedback")

    def _show_page(self) -> None:
        """The review page with the configuration as it is now, when it is wanted."""
        if self._page is not None:
            self._page.stop()
            self._page = None
        if self.config.service.page:
            self._page, self._page_began = Page(self.config, self._file), time.monotonic()
            say("the page is served; open it with: keepone review", port=self.config.service.page, pid=self._page.pid)

    def _configure(self) -> None:
        """Take the changed configuration; a broken one changes nothing, and that is said."""
        self._stamp = _stamp(self._file)
        try:
            loaded = self._reload()
        except ConfigError as error:
            self.health.config_error = str(error)
            say("the configuration is broken; the old one is kept", logging.ERROR, reason=str(error))
            return
        if loaded.config.data != self.config.data:
            self.health.config_error = "The data folder changed; start the daemon again for that."
            say("the data folder changed; the old configuration is kept", logging.ERROR)
            return
        self.health.config_error = ""
        self.config, self._file = loaded.config, loaded.file
        self._arrange()
        say("configured", jobs=[job.name for job in self.config.jobs])

    def _queue(self, job: str, why: str) -> None:
        """Each job waits once, however often it is asked for."""
        if any(one.name == job for one in self.config.jobs):
            self._waiting.setdefault(job, why)

    def _next(self) -> None:
        if self._run is not None or not self._waiting or self.health.stopping:
            return
        job, why = next(iter(self._waiting.items()))
        del self._waiting[job]
        try:
            self._run = Run(self.config, job, why, lambda ended: self._events.put(Event("ended", ended=ended)))
        except OSError as error:
            say("a run could not start", logging.ERROR, job=job, reason=str(error))
            self._again(job, None)
            return
        self.health.running = job
        say("started", job=job, why=why, pid=self._run.pid)

    def _ended(self, ended: Ended) -> None:
        self._run, self.health.running = None, ""
        report = ended.report or self._without_report(ended)
        facts = {key: report.get(key) for key in ("put_away", "waiting", "failed", "seconds", "note", "plan")}
        level = logging.WARNING if report["state"] not in ("done", "waiting", "parked") else logging.INFO
        say("ended", level, job=ended.job, state=report["state"], **facts)
        if report["state"] in _RETRIED or ended.report is None:
            self._again(ended.job, report.get("retry_after"))
        else:
            self.health.retries.pop(ended.job, None)
            self._calendar.forget_retry(ended.job)

    def _without_report(self, ended: Ended) -> dict[str, Any]:
        """A run that was killed or could not even start: that is remembered as well as it can be."""
        told = f"It ended with status {ended.status}" + (f": {ended.words.splitlines()[-1]}" if ended.words else "")
        with self._store() as store:
            if store is not None:
                try:
                    store.jobs.close_killed()
                    store.jobs.note(ended.job, "daemon", "failed", told)
                except sqlite3.Error as error:
                    say("the data folder cannot be written", logging.ERROR, reason=str(error))
        return {"state": "failed", "note": told}

    def _again(self, job: str, asked: float | None) -> None:
        """Try later: offline, throttled, locked, or fallen over."""
        attempt = self.health.retries.get(job, 0)
        seconds = pause(attempt, self.config.service.retry_seconds, self.config.service.retry_longest, asked)
        self.health.retries[job] = attempt + 1
        self._calendar.retry(job, seconds)
        say("tries again later", job=job, seconds=round(seconds, 1), attempt=attempt + 1)

    def _end(self) -> None:
        """Park the run under way; one that does not park in time is killed, which its journal survives."""
        self._calendar.stop()
        if self._page is not None:
            self._page.hang_up()
        run = self._run
        if run is not None:
            run.park()
            if not self._wait_for_end(self.config.service.park_seconds):
                say("the run did not park in time and was killed", logging.WARNING, job=run.job)
                run.kill()
                self._wait_for_end(1.0)
        if self._watcher is not None:
            self._watcher.stop()
        if self._page is not None:
            self._page.stop()
        say("stopped")

    def _wait_for_end(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                return False
            if event.ended is not None:
                state = (event.ended.report or {}).get("state", "killed")
                say("ended", job=event.ended.job, state=state)
                return True
        return False


def run_service(loaded: Loaded, reload: Callable[[], Loaded], port: int | None = None, log: Path | None = None) -> None:
    """Serve in the foreground until a signal. `port` and `log` take the place of the configuration's."""
    from dedupe_app.daemon.status import StatusServer

    config = loaded.config
    if port is not None:
        config = config.model_copy(update={"service": config.service.model_copy(update={"port": port})})
    open_log(log or config.data / LOG, config.service.log_mb)
    service = Service(replace(loaded, config=config), reload)
    with StatusServer(service) if config.service.port else _nothing():
        service.serve()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _stamp(file: Path | None) -> tuple[int, int] | None:
    """What changes when a file is written anew; None when there is none."""
    try:
        facts = file.stat() if file is not None else None
    except OSError:
        return None
    return (facts.st_mtime_ns, facts.st_size) if facts is not None else None
