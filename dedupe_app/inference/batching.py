"""Requests that arrive together run together: one thread owns the model, takes what is waiting, and answers each.

The queue is bounded in pictures. What does not fit is refused at once, with the time after which to ask again, instead
of making everybody wait.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedupe_core.embedders import ModelError

Model = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Busy(Exception):
    """The queue is full; `retry_after` seconds is what its work takes."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"too many pictures are waiting; try again in {retry_after:.0f} s")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class _Request:
    pictures: NDArray[np.uint8]
    answer: Future[NDArray[np.float32]]


class Batcher:
    """`submit` from any thread; `batch` pictures run at once, `most` may wait, the first waits up to `linger` seconds
    for company."""

    def __init__(self, model: Model, batch: int = 32, most: int = 512, linger: float = 0.004) -> None:
        self._model = model
        self._batch, self._most, self._linger = batch, most, linger
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._seconds_a_picture = 0.02
        self.runs = 0
        self._thread = threading.Thread(target=self._serve, name="keepone-batch", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Pictures in the queue."""
        with self._changed:
            return sum(len(request.pictures) for request in self._waiting)

    def submit(self, pictures: NDArray[np.uint8]) -> Future[NDArray[np.float32]]:
        """Pictures (n, size, size, 3); the answer is (n, dimension). Raises `Busy`."""
        answer: Future[NDArray[np.float32]] = Future()
        with self._changed:
            ahead = sum(len(request.pictures) for request in self._waiting)
            if self._closed or (ahead and ahead + len(pictures) > self._most) or len(pictures) > self._most:
                raise Busy(max(1.0, ahead * self._seconds_a_picture))
            self._waiting.append(_Request(pictures, answer))
            self._changed.notify()
        return answer

    def close(self) -> None:
        """Finish what runs, refuse what waits."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=30)
        for request in self._waiting:
            request.answer.cancel()

    def _serve(self) -> None:
        while requests := self._next():
            live = [request for request in requests if request.answer.set_running_or_notify_cancel()]
            if live:
                self._run(live)

    def _next(self) -> list[_Request]:
        """Whole requests, together at most a batch; one that is larger comes alone. Empty when it is over."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return []
            until = time.monotonic() + self._linger
            while sum(len(r.pictures) for r in self._waiting) < self._batch and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            taken = [self._waiting.popleft()]
            count = len(taken[0].pictures)
            while self._waiting and count + len(self._waiting[0].pictures) <= self._batch:
                taken.append(self._waiting.popleft())
                count += len(taken[-1].pictures)
            return taken

    def _run(self, requests: list[_Request]) -> None:
        began = time.monotonic()
        pictures = np.concatenate([request.pictures for request in requests])
        self.runs += 1
        try:
            found = self._model(pictures)
        except (ModelError, RuntimeError, ValueError) as error:
            for request in requests:
                request.answer.set_exception(error)
            return
        self._seconds_a_picture = (time.monotonic() - began) / len(pictures)
        at = 0
        for request in requests:
            request.answer.set_result(found[at : at + len(request.pictures)])
            at += len(request.pictures)
