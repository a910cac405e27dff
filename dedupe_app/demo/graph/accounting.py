"""Every request that reached the emulator, and the sums that tests and benchmarks ask for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

SETTLE = 0.25  # real seconds in which requests that were already under way may still arrive after a throttling answer


@dataclass(frozen=True, slots=True)
class Seen:
    """One request: where it went, what it asked, what it got."""

    host: str
    method: str
    target: str
    status: int
    sent: int
    at: float
    authorized: bool
    inside: bool


@dataclass
class Accounting:
    """The log. `violations` are requests that the OpenAPI description does not know."""

    seen: list[Seen] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    units: int = 0
    permanent_deletes: int = 0
    originals: int = 0
    running: int = 0
    most_at_once: int = 0
    keep: bool = True
    bytes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    closed: dict[str, tuple[float, float]] = field(default_factory=dict)
    inside_window: int = 0
    credentials_at_content: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, host: str, now: float) -> bool:
        """A request arrives; True when it comes inside a window in which it should not."""
        with self.lock:
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
            until, since = self.closed.get(host, (0.0, 0.0))
            inside = now < until and time.monotonic() - since > SETTLE
            self.inside_window += inside
            return inside

    def leave(self, record: Seen, units: int) -> None:
        """A request is answered."""
        with self.lock:
            self.running -= 1
            self.units += units
            self.bytes[record.host] += record.sent
            self.calls[record.host] += 1
            if record.host == "content" and record.authorized:
                self.credentials_at_content += 1
            if self.keep:
                self.seen.append(record)

    def close_until(self, host: str, until: float) -> None:
        """A host gave a throttling answer: no request to it before `until` (virtual time)."""
        with self.lock:
            self.closed[host] = (max(self.closed.get(host, (0.0, 0.0))[0], until), time.monotonic())

    def count(self, method: str = "", contains: str = "", host: str = "graph") -> int:
        """How many requests of a kind there were."""
        return sum(
            1
            for one in self.seen
            if one.host == host and (not method or one.method == method) and contains in one.target
        )

    def reset(self) -> None:
        """Count from here."""
        with self.lock:
            self.seen.clear()
            self.bytes.clear()
            self.calls.clear()
            self.units = self.most_at_once = self.originals = 0
