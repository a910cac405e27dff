"""Health, readiness and Prometheus metrics, on this machine only.

`/healthz` says that the loop turns, `/readyz` that jobs can run, `/metrics` what they did. Nothing here changes
anything, no name of a photo is told, and a page of the web cannot ask: the Host has to be this machine.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from dedupe_app.daemon.logs import say
from dedupe_app.job_model import TROUBLE, is_loopback
from dedupe_core.store import Store, StoreError

if TYPE_CHECKING:
    from dedupe_app.daemon.service import Service

STALE = 60.0  # seconds without a round of the loop after which it counts as hung
_GOOD = ("done", "waiting")


class StatusServer:
    """A small server beside the loop. Use as a context manager. A port that is taken is said and costs only this."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> StatusServer:
        port = self._service.config.service.port
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self._service))
        except OSError as error:
            say("health and metrics are not served", reason=f"port {port}: {error.strerror}")
            return self
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(5.0,), name="keepone-status", daemon=True).start()
        say("health and metrics are served", port=self._server.server_address[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.server_close()


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    registry = CollectorRegistry()
    registry.register(_Figures(service))

    class Handler(BaseHTTPRequestHandler):
        """GET only."""

        server_version = "keepone"
        sys_version = ""

        def do_GET(self) -> None:
            """Answer one of the three pages."""
            host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
            if not is_loopback(host):
                self._answer(403, "text/plain", b"only this machine may ask\n")
            elif self.path == "/healthz":
                self._say(*_healthy(service))
            elif self.path == "/readyz":
                self._say(*_ready(service))
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            else:
                self._answer(404, "text/plain", b"/healthz /readyz /metrics\n")

        def _say(self, good: bool, text: str) -> None:
            self._answer(200 if good else 503, "text/plain; charset=utf-8", f"{text}\n".encode())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class calls
            """Questions are no news."""

    return Handler


def _healthy(service: Service) -> tuple[bool, str]:
    """Does the loop turn? A broken configuration or a source in trouble is no reason to restart us: `degraded`."""
    silent = time.monotonic() - service.health.beat
    if silent > STALE:
        return False, f"hung for {silent:.0f} s"
    return True, "degraded" if service.health.config_error or _in_trouble(service) else "ok"


def _ready(service: Service) -> tuple[bool, str]:
    """Can jobs run?"""
    if service.health.stopping or not service.health.ready:
        return False, "stopping" if service.health.stopping else "starting"
    try:
        with Store(service.config.data):
            return True, "ready"
    except (StoreError, sqlite3.Error, OSError):
        return False, "the data folder cannot be used"


def _in_trouble(service: Service) -> bool:
    try:
        with Store(service.config.data) as store:
            last = [store.jobs.last(job.name) for job in service.config.jobs]
    except (StoreError, sqlite3.Error, OSError):
        return True
    return any(run is not None and run.state in TROUBLE for run in last)


class _Figures(Collector):
    """Read from the store whenever they are asked for, so that they survive a restart and are never out of date."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Any]:
        """All families."""
        health = self._service.health
        yield _gauge("keepone_config_broken", "1 while a broken configuration is ignored", bool(health.config_error))
        yield _gauge("keepone_job_running", "1 while a job runs", bool(health.running))
        retries = GaugeMetricFamily("keepone_job_retries", "tries since the job last ended well", labels=["job"])
        coming = GaugeMetricFamily("keepone_job_next_timestamp_seconds", "when the job is due", labels=["job"])
        for name, count in list(health.retries.items()):
            retries.add_metric([name], count)
        for name, moment in list(health.next_times.items()):
            coming.add_metric([name], moment)
        yield from (retries, coming)
        try:
            with Store(self._service.config.data) as store:
                yield from self._of_jobs(store)
                yield from _of_sources(store)
                yield from _of_plans(store)
        except (StoreError, sqlite3.Error, OSError):
            yield _gauge("keepone_store_up", "1 while the data folder can be used", False)
        else:
            yield _gauge("keepone_store_up", "1 while the data folder can be used", True)

    def _of_jobs(self, store: Store) -> Iterator[Any]:
        runs = CounterMetricFamily("keepone_job_runs", "runs by how they ended", labels=["job", "state"])
        for name, state, count in store.jobs.counts():
            runs.add_metric([name, state], count)
        success = GaugeMetricFamily("keepone_job_last_success_timestamp_seconds", "last good end", labels=["job"])
        took = GaugeMetricFamily("keepone_job_last_duration_seconds", "how long the last run took", labels=["job"])
        states = GaugeMetricFamily("keepone_job_state", "1 for the state of the last run", labels=["job", "state"])
        for job in self._service.config.jobs:
            good, last = store.jobs.last(job.name, *_GOOD), store.jobs.last(job.name)
            if good is not None and good.finished_at:
                success.add_metric([job.name], good.finished_at)
            if last is not None:
                states.add_metric([job.name, last.state], 1)
                took.add_metric([job.name], (last.finished_at or time.time()) - last.started_at)
        yield from (runs, success, took, states)


def _of_sources(store: Store) -> Iterator[Any]:
    photos = GaugeMetricFamily("keepone_source_photos", "photos of a source", labels=["source"])
    states = GaugeMetricFamily("keepone_source_state", "1 for the state of a source", labels=["source", "state"])
    for row in store.assets.sources():
        photos.add_metric([row["name"]], row["assets"])
        states.add_metric([row["name"], row["state"]], 1)
    yield from (photos, states)


def _of_plans(store: Store) -> Iterator[Any]:
    steps = CounterMetricFamily("keepone_journal_lines", "lines of the journal by state", labels=["state"])
    for state, count in store.jobs.journal_counts():
        steps.add_metric([state], count)
    yield steps
    intents = store.plans.open_intents()
    yield _gauge("keepone_open_intents", "writes of which nobody knows yet whether they happened", len(intents))
    oldest = time.time() - min((entry.at for entry in intents), default=time.time())
    yield _gauge("keepone_oldest_open_intent_seconds", "age of the oldest of them", oldest)
    waiting = sum(row["state"] == "planned" for row in store.plans.all())
    yield _gauge("keepone_plans_waiting", "plans that nobody applied yet", waiting)


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value=float(value))
