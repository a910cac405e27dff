"""When a run has to end: it was asked to, or its time is over."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dedupe_core.model import Progress
from dedupe_core.stopping import Stop, Stopped


class Watch:
    """A `Progress` that ends the run when it is asked to or its time is over."""

    def __init__(self, shown: Progress, asked: Stop, seconds: float) -> None:
        self.shown = shown
        self._asked = asked
        self._seconds = seconds
        self._began = time.monotonic()

    @property
    def passed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def stop(self) -> bool:
        """True as soon as the run is to end."""
        return self._asked() or self.late

    @property
    def late(self) -> bool:
        """True when the job's own time is over."""
        return self.passed > self._seconds

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins."""
        self._end_if_asked()
        self.shown.stage(name, total)

    def advance(self, items: int = 1, size: int = 0, current: str = "") -> None:
        """Some more are done."""
        self._end_if_asked()
        self.shown.advance(items, size, current)

    def error(self, item: str, reason: str) -> None:
        """One item failed."""
        self.shown.error(item, reason)

    def _end_if_asked(self) -> None:
        if self.stop():
            raise Stopped


@contextmanager
def parked_by_signals() -> Iterator[None]:
    """Inside, the first SIGTERM or SIGINT raises `Stopped`, wherever the run is; more of them change nothing. (`apply`
    takes signals itself, between two photos.) In threads other than the main one signals are somebody else's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told = threading.Event()

    def park(number: int, frame: FrameType | None) -> None:
        del number, frame
        if not told.is_set():
            told.set()
            raise Stopped

    before = {number: signal.signal(number, park) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
