"""Long work that a page starts: one at a time, in a thread with its own library, told by events, stopped on request."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from dedupe_app.config import Config
from dedupe_app.library import Library
from dedupe_app.progress import Meter
from dedupe_app.web.events import Hub
from dedupe_app.web.telling import codes, failure
from dedupe_core.stopping import Stopped

State = Literal["running", "done", "failed", "stopped"]
Task = Callable[[Library, Meter], dict[str, Any]]
_BETWEEN = 0.4  # seconds between two events
_KEPT = 20


class Busy(Exception):
    """Something else is at work: `kind` says what."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"KeepOne is busy ({kind}). Wait for it, or stop it.")
        self.kind = kind


@dataclass(slots=True)
class Job:
    """One piece of work. `status` is the progress event, `result` what it answered, `error` the sentence when it
    failed."""

    id: str
    kind: str
    about: str
    began: float
    state: State = "running"
    status: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def to_json(self) -> dict[str, Any]:
        """The job as the page gets it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "about": self.about,
            "began": self.began,
            "state": self.state,
            "stopping": self.stop.is_set() and self.state == "running",
            "status": self.status,
            "result": self.result,
            "error": self.error,
            "said": codes(error=self.error),
        }


class Jobs:
    """The work of this server."""

    def __init__(self, config: Config, hub: Hub, changed: Callable[[], None]) -> None:
        self.config = config
        self._hub = hub
        self._changed = changed
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._thread: threading.Thread | None = None

    def use(self, config: Config) -> None:
        """Work by another configuration from the next job on."""
        self.config = config

    def start(self, kind: str, about: str, task: Task, config: Config | None = None) -> Job:
        """Begin, with another configuration if one is given. Raises `Busy` while something is under way."""
        with self._lock:
            running = next((job for job in self._jobs.values() if job.state == "running"), None)
            if running is not None:
                raise Busy(running.kind)
            job = Job(secrets.token_hex(6), kind, about, time.time())
            self._jobs[job.id] = job
            while len(self._jobs) > _KEPT:
                del self._jobs[next(iter(self._jobs))]
            self._thread = threading.Thread(
                target=self._run, args=(job, task, config), name=f"keepone-{kind}", daemon=True
            )
            self._thread.start()
        return job

    def get(self, job: str) -> Job | None:
        """The job of that id."""
        return self._jobs.get(job)

    def all(self) -> list[Job]:
        """Every job that is remembered, newest first."""
        return list(reversed(self._jobs.values()))

    def stop(self, job: Job) -> None:
        """Ask it to stop after the photo that it is at; what was done stays done and is in the journal."""
        job.stop.set()
        self._hub.publish("job", job.to_json())

    def close(self, seconds: float = 10.0) -> None:
        """Stop what runs and wait for it a while."""
        for job in self._jobs.values():
            job.stop.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, job: Job, task: Task, config: Config | None) -> None:
        meter = Meter(_Teller(job, self._hub))
        try:
            with Library.open(config or self.config) as library:
                job.result = task(library, meter)
            meter.close()
            job.state = "done"
        except Stopped:
            job.state = "stopped"
        except Exception as error:  # noqa: BLE001 - the border of a job: its error becomes a sentence on the page
            job.state, job.error = "failed", failure(error)[1]
        self._changed()
        self._hub.publish("job", job.to_json())


class _Teller:
    """The face of a job's meter: events, at most a few a second, and the place where a wish to stop is heard."""

    def __init__(self, job: Job, hub: Hub) -> None:
        self._job = job
        self._hub = hub
        self._last = -math.inf

    def begin(self, meter: Meter) -> None:
        """A stage begins."""
        self._tell(meter)

    def step(self, meter: Meter) -> None:
        """Something advanced. Raises `Stopped`: the item before is complete, the next is not begun."""
        if self._job.stop.is_set():
            raise Stopped
        if meter.now - self._last >= _BETWEEN:
            self._tell(meter)

    def end(self, meter: Meter) -> None:
        """The stage's last figures."""
        self._tell(meter)

    def _tell(self, meter: Meter) -> None:
        self._last = meter.now
        self._job.status = {**meter.event(), "rate": round(meter.estimate.rate, 1)}
        self._hub.publish("job", self._job.to_json())
