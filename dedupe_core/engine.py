"""Maps pure functions over batches in guarded worker processes, or over any `concurrent.futures.Executor`.

    with Engine() as engine:
        for outcome in engine.map(function, batches):
            outcome.item, outcome.value, outcome.error

`function(item)` is a module-level function, or `functools.partial` of one; what its module imports is paid by every
worker. An item whose function raises, hangs, takes too much memory or kills its process costs exactly itself: the
worker is replaced and the rest of its batch goes on. One thread of this process serves each worker.
"""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Generic, TypeVar

from dedupe_core import worker

T = TypeVar("T")
R = TypeVar("R")

_START = """import gc, sys
gc.disable()
sys.path[:] = sys.argv[5:]
from dedupe_core.worker import main
main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4].split())"""
_START_SECONDS = 60.0
_START_ATTEMPTS = 3
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # glibc: the memory of one picture serves the next; given back and taken again it costs a twentieth of a comparison
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
}
_AHEAD = 2
"""Batches a worker that are drawn from the caller and not yet answered."""


class EngineError(Exception):
    """The workers cannot be started at all; the message is a sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T, R]):
    """What became of one item: `value` when `error` is empty, else the one-sentence reason."""

    item: T
    value: R | None
    error: str = ""


class Engine:
    """Guarded local workers, or somebody else's `executor` (dask …), which guards its own processes.

    `workers`: 0 is one a core. `seconds`: what one item may take. `memory_mb`: what one worker may take.
    """

    def __init__(
        self, *, workers: int = 0, seconds: float = 20.0, memory_mb: int = 1024, executor: Executor | None = None
    ) -> None:
        self.workers = workers or cores()
        self._limits = (memory_mb << 20, seconds)
        self._executor = executor
        self._jobs: _Jobs = queue.SimpleQueue()
        self._servers: list[_Server] = []

    @property
    def spreads(self) -> bool:
        """True when the workers may be other machines, so that work which one machine does in threads pays there."""
        return self._executor is not None

    def start(self, *modules: str) -> None:
        """Start the workers now, and let them import these modules while they wait for their first batch, so that
        their imports overlap with ours; otherwise `map` starts them."""
        if self._executor is None and not self._servers:
            self._jobs = queue.SimpleQueue()
            self._servers = [_Server(self._jobs, _Terms(*self._limits, modules)) for _ in range(self.workers)]

    def map(self, function: Callable[[T], R], batches: Iterable[Sequence[T]]) -> Iterator[Outcome[T, R]]:
        """The outcome of every item as it comes, in no fixed order. `batches` is drawn from lazily in the caller's
        thread; two batches a worker are under way. Leaving the iterator early drops what was not begun."""
        if self._executor is not None:
            yield from _over(self._executor, function, batches, _AHEAD * self.workers)
            return
        self.start()
        call = _Call(function)
        try:
            waiting = 0
            for batch in batches:
                self._jobs.put(_Job(call, tuple(batch)))
                waiting += 1
                while waiting >= _AHEAD * self.workers:
                    yield from call.next()
                    waiting -= 1
            for _ in range(waiting):
                yield from call.next()
        finally:
            call.dropped = True

    def close(self) -> None:
        """End the workers at once, whatever they are doing."""
        for _ in self._servers:
            self._jobs.put(None)
        for server in self._servers:
            server.stop()
        self._servers = []

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Call:
    """One `map` under way: its function and the answered batches."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.answers: queue.SimpleQueue[list[Outcome[Any, Any]] | EngineError] = queue.SimpleQueue()
        self.dropped = False

    def next(self) -> list[Outcome[Any, Any]]:
        """The outcomes of the next batch that is done."""
        answer = self.answers.get()
        if isinstance(answer, EngineError):
            raise answer
        return answer


@dataclass(frozen=True, slots=True)
class _Job:
    call: _Call
    items: tuple[Any, ...]


_Jobs = queue.SimpleQueue[_Job | None]


@dataclass(frozen=True, slots=True)
class _Terms:
    """How a worker is started: bytes that it may take, seconds that an item may take, modules that it imports."""

    memory: int
    seconds: float
    modules: tuple[str, ...]


class _Server:
    """The thread that feeds one worker, watches it and replaces it."""

    def __init__(self, jobs: _Jobs, terms: _Terms) -> None:
        self._jobs = jobs
        self._terms = terms
        self._worker: _Worker | None = _Worker(terms)
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, name="keepone-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Kill the worker and end the thread, which alone closes what the worker held: two that close one handle could
        hit whatever got its number meanwhile."""
        self._stopped = True
        worker = self._worker
        if worker is not None:
            worker.end()
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            if not job.call.dropped:
                job.call.answers.put(self._answered(job))
        self._bury()

    def _answered(self, job: _Job) -> list[Outcome[Any, Any]] | EngineError:
        try:
            return self._answer(job)
        except EngineError as error:
            return error
        except Exception as error:  # noqa: BLE001  a function or an item that cannot be sent, which the caller has to know
            return EngineError(f"A batch cannot be handed to a worker: {type(error).__name__}: {error}")

    def _answer(self, job: _Job) -> list[Outcome[Any, Any]]:
        """Every item answered once: where a worker ends, the item it was at has its reason and the rest goes on."""
        done: list[Outcome[Any, Any]] = []
        while len(done) < len(job.items) and not self._stopped:
            reason = self._alive().run(job.call.function, job.items[len(done) :], done)
            if reason:
                self._bury()
                done.append(Outcome(job.items[len(done)], None, reason))
        return done

    def _alive(self) -> _Worker:
        """The worker, or another one in place of one that ended. Raises `EngineError` when none can be started."""
        for attempt in range(1, _START_ATTEMPTS + 1):
            self._worker = self._worker or _Worker(self._terms)
            if self._worker.is_ready():
                return self._worker
            if attempt == _START_ATTEMPTS or self._stopped:
                raise EngineError(f"A worker process cannot start: {self._worker.last_words()}")
            self._bury()
        raise AssertionError

    def _bury(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None


class _Worker:
    """One process (see `worker.py`) and this side of its connection."""

    def __init__(self, terms: _Terms) -> None:
        self._seconds = terms.seconds
        self._connection: Connection[Any, Any]
        self._connection, theirs = Pipe()
        self._complaint: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        arguments = [str(theirs.fileno()), str(terms.memory), str(terms.seconds), " ".join(terms.modules)]
        arguments += [entry or str(Path.cwd()) for entry in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, *arguments],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._complaint,
            env={**os.environ, **_ENVIRONMENT},
        )
        theirs.close()
        self._answers = selectors.DefaultSelector()  # kept, because `Connection.poll` makes one for every answer
        self._answers.register(self._connection, selectors.EVENT_READ)
        self._ready = False

    def is_ready(self) -> bool:
        """True once the process has told that its imports are done and its limits set; waits for that."""
        if not self._ready:
            with contextlib.suppress(EOFError, OSError):
                self._ready = bool(self._answers.select(_START_SECONDS)) and self._connection.recv() == "ready"
        return self._ready

    def run(self, function: Callable[[Any], Any], items: Sequence[Any], done: list[Outcome[Any, Any]]) -> str:
        """Answer items into `done`; "" when all are, else why the next one ended the worker."""
        try:
            self._connection.send((function, items))
            for item in items:
                if not self._answers.select(self._seconds):
                    return f"This took longer than {self._seconds:g} seconds."
                answer = self._connection.recv()
                if isinstance(answer, str):
                    raise EngineError(f"A worker does not understand its task: {answer}")
                done.append(Outcome(item, *answer))
        except (EOFError, OSError):
            return self._epitaph()
        return ""

    def end(self) -> None:
        """End the process now; whoever reads from it sees that."""
        self._process.kill()

    def kill(self) -> None:
        """End the process and give back its handles. One that hangs in the kernel is left to the kernel."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._answers.close()
        self._connection.close()
        self._complaint.close()

    def last_words(self) -> str:
        """Why a process did not get ready."""
        self._process.kill()
        status = self._process.wait(timeout=5)
        self._complaint.seek(0)
        lines = self._complaint.read()[-2000:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with status {status}."

    def _epitaph(self) -> str:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "The decoder stopped answering."
        if status == worker.TOO_MUCH_MEMORY:
            return "The picture needs more memory than a worker may take."
        name = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"The decoder crashed on this file ({name})."


def _over(
    executor: Executor, function: Callable[[T], R], batches: Iterable[Sequence[T]], ahead: int
) -> Iterator[Outcome[T, R]]:
    """The same over an executor: a batch that fails as a whole is tried again item by item."""
    under_way: dict[Future[list[tuple[Any, str]]], tuple[T, ...]] = {}
    for batch in batches:
        items = tuple(batch)
        under_way[executor.submit(run_batch, function, items)] = items
        while len(under_way) >= ahead:
            yield from _finished(executor, function, under_way)
    while under_way:
        yield from _finished(executor, function, under_way)


def _finished(
    executor: Executor, function: Callable[[T], R], under_way: dict[Future[list[tuple[Any, str]]], tuple[T, ...]]
) -> Iterator[Outcome[T, R]]:
    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
        items = under_way.pop(future)
        error = future.exception()
        if error is None:
            yield from (Outcome(item, *answer) for item, answer in zip(items, future.result(), strict=True))
        elif len(items) == 1:
            yield Outcome(items[0], None, f"The worker failed on this file ({type(error).__name__}).")
        else:
            under_way.update({executor.submit(run_batch, function, (item,)): (item,) for item in items})


def run_batch(function: Callable[[T], R], items: Sequence[T]) -> list[tuple[Any, str]]:
    """One batch inside an executor's worker."""
    return [worker.answer(function, item) for item in items]


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
