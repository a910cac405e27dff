"""Bad weather: what may go wrong with one request, and when."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["status", "drop", "lost", "reset", "truncated", "html", "throttle_page", "call"]


@dataclass
class Fault:
    """`kind` happens to the requests whose "host METHOD path" matches `on`, `times` times after `skip` of them.

    status: that status with `code`, `headers`; drop: closed before anything happened; lost: done, but no answer;
    reset: the connection breaks in mid-body; truncated: half of the JSON with a matching length; html: a sign-in page
    with 200; throttle_page: 302 to Throttle.htm; call: `run` is called and the request goes on as usual (drop and lost
    call it too, before the connection is closed)."""

    kind: Kind
    on: str = ""
    times: int = 1
    skip: int = 0
    status: int = 503
    code: str = "serviceNotAvailable"
    inner: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    run: Callable[[], None] | None = None
    hits: int = 0


class Weather:
    """The faults in force. `storm` adds random ones: each request is hit with probability `rate`."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._dice = random.Random(0)  # noqa: S311 - the same dice in every run
        self.rate = 0.0
        self.kinds: tuple[Fault, ...] = ()
        self.in_a_row = 0

    def add(self, kind: Kind, on: str = "", **how: object) -> Fault:
        """Let it happen."""
        fault = Fault(kind, on, **how)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def storm(self, seed: int, rate: float, kinds: tuple[Fault, ...]) -> None:
        """Random faults from now on, never more than two in a row."""
        self._dice, self.rate, self.kinds = random.Random(seed), rate, kinds  # noqa: S311 - the same dice in every run

    def clear(self) -> None:
        """Fair weather."""
        self.faults.clear()
        self.rate = 0.0

    def strike(self, what: str) -> Fault | None:
        """The fault that hits this request, if any."""
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.on, what):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    fault.hits += 1
                    return fault
            if self.rate and self.in_a_row < 2 and self._dice.random() < self.rate:
                self.in_a_row += 1
                return self._dice.choice(self.kinds)
            self.in_a_row = 0
            return None


STORM = (
    Fault("status", status=429, code="activityLimitReached", headers={"Retry-After": "7"}),
    Fault("status", status=429, code="TooManyRequests", headers={"Retry-After": "2.128"}),
    Fault("status", status=429, code="activityLimitReached", inner="throttledRequest"),
    Fault("status", status=503, headers={"Retry-After": "11"}),
    Fault("status", status=503),
    Fault("status", status=500, code="InternalServerError"),
    Fault("status", status=502, code="BadGateway"),
    Fault("status", status=504, code="generalException"),
    Fault("drop"),
    Fault("lost"),
    Fault("reset"),
    Fault("truncated"),
    Fault("html"),
    Fault("throttle_page"),
)
