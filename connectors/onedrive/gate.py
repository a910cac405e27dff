"""One gate for all requests to one drive: when OneDrive asks for patience, everybody waits.

Facts behind it: Retry-After comes as seconds, as fractions of them and as a date, and sometimes not at all; throttled
requests count against the limit; RateLimit headers appear from 80 % of use on.
"""

from __future__ import annotations

import email.utils
import json
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from connectors.base import Unavailable

UNSAID = 120.0  # the wait when a throttling answer names none; what Microsoft's own samples use
REMEMBER_FROM = 5.0
_BASE, _CAP = 1.0, 60.0


class Clock(Protocol):
    """POSIX seconds, and waiting."""

    def now(self) -> float:
        """The present moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Come back later."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """POSIX seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait: the longer of Retry-After (integer, fraction or date) and
    RateLimit-Reset; None when it names neither. `headers` compare without case."""
    waits = [_seconds(headers[name], now) for name in ("Retry-After", "RateLimit-Reset") if name in headers]
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _seconds(value: str, now: float) -> float | None:
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError):
        return None


class Gate:
    """`with gate.turn():` waits until a request may go. `memory` keeps a long wait for the next process."""

    def __init__(
        self, clock: Clock, at_once: int = 4, longest: float = 300, budget: float | None = None,
        memory: Path | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock
        self._longest = longest
        self._deadline = None if budget is None else clock.now() + budget
        self._memory = memory
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(at_once)
        self._until = self._remembered()
        self._spacing = 0.0
        self._dice = random.Random()  # noqa: S311 (jitter, not a secret)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A request may go now. Raises `Unavailable` when that would take too long, or the run's time is used up."""
        with self._slots:
            self._wait()
            yield

    def _wait(self) -> None:
        if self._spacing:
            self.clock.sleep(self._spacing)
        while True:
            now = self.clock.now()
            with self._lock:
                left = self._until - now
            self._believe(now, left)
            if left <= 0:
                return
            self.clock.sleep(left)

    def _believe(self, now: float, left: float) -> None:
        if self._deadline is not None and now + max(left, 0) > self._deadline:
            raise Unavailable("The time for this run is used up; the next run goes on from here.", max(left, 0.0))
        if left > self._longest:
            raise Unavailable(f"OneDrive asks to wait {left / 60:.0f} minutes; the next run goes on from here.", left)

    def close(self, headers: Mapping[str, str]) -> None:
        """A throttling answer came: nobody sends before the time it names."""
        now = self.clock.now()
        asked = asked_wait(headers, now)
        wait = UNSAID if asked is None else asked
        with self._lock:
            self._until = max(self._until, now + wait)
        if wait >= REMEMBER_FROM:
            self._remember()

    def note(self, headers: Mapping[str, str]) -> None:
        """Slow down when less than a fifth of the allowance is left, so that throttling never begins."""
        try:
            limit, left = float(headers["RateLimit-Limit"]), float(headers["RateLimit-Remaining"])
            reset = float(headers["RateLimit-Reset"])
        except (KeyError, ValueError):
            return
        self._spacing = min(reset / max(left, 1.0), _CAP) if left < limit / 5 else self._spacing / 2

    def pause(self, attempt: int) -> None:
        """The wait before another try of one request: exponential from 1 to 60 seconds, with jitter."""
        self.clock.sleep(min(_CAP, _BASE * 2**attempt) * self._dice.uniform(0.75, 1.25))

    def _remembered(self) -> float:
        if self._memory is None or not self._memory.is_file():
            return 0.0
        try:
            until = float(json.loads(self._memory.read_text())["until"])
        except (ValueError, KeyError, TypeError):
            return 0.0
        return until if until - self.clock.now() < 86400 else 0.0

    def _remember(self) -> None:
        if self._memory is None:
            return
        self._memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._memory.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"until": self._until}))
        fresh.replace(self._memory)
