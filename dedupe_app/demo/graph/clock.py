"""Time that only moves when somebody sleeps, shared by the emulator and the client under test."""

from __future__ import annotations

import threading


class VirtualClock:
    """POSIX seconds; `sleep` moves them on at once. Several sleepers at the same time overlap, as they do in life."""

    def __init__(self, start: float = 1_782_000_000.25) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        """The present moment."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Come back `seconds` later."""
        with self._lock:
            target = self._now + seconds
            self.slept.append(seconds)
        with self._lock:
            self._now = max(self._now, target)

    def advance(self, seconds: float) -> None:
        """Time passes without anybody waiting for it."""
        with self._lock:
            self._now += seconds
