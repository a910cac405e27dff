"""How far a run is: one meter with rate and remaining time, shown as a bar to people and as events to programs.

The events have the fields of restic's status messages, so that existing tools can read them.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from dedupe_app.cli.output import Output

_MEMORY = 60.0  # seconds after which a moment's speed counts for 1/e in the rate
_FIRST_GUESS = 5.0  # seconds before which a remaining time is a guess that only annoys
_LEAST_SHARE = 0.02
_BETWEEN_EVENTS = 0.5  # seconds


class Estimate:
    """Rate and remaining time of one stage: an exponentially weighted mean over the last minute, without the bias of a
    cold start because the weights are summed too."""

    def __init__(self, total: int | None, now: float) -> None:
        self.total = total
        self.done = 0
        self.began = self._last = now
        self._weight = 0.0
        self._work = 0.0
        self._pending = 0

    def advance(self, items: int, now: float) -> None:
        """`items` more are done at `now` (monotonic seconds)."""
        self.done += items
        self._pending += items
        passed = now - self._last
        if passed >= 0.1:
            fade = math.exp(-passed / _MEMORY)
            self._weight = self._weight * fade + passed
            self._work = self._work * fade + self._pending
            self._last, self._pending = now, 0

    @property
    def rate(self) -> float:
        """Items a second, 0 while unknown."""
        return self._work / self._weight if self._weight else 0.0

    def average(self, now: float) -> float:
        """Items a second over the whole stage: what its last line says."""
        return self.done / (now - self.began) if now > self.began else 0.0

    @property
    def share(self) -> float | None:
        """Done of total in [0, 1], None when the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    def remaining(self, now: float) -> float | None:
        """Seconds left; None before 5 s and 2 %, when nobody can know."""
        share = self.share
        if share is None or not self.rate or now - self.began < _FIRST_GUESS or share < _LEAST_SHARE:
            return None
        return max(0.0, ((self.total or 0) - self.done) / self.rate)


class Face(Protocol):
    """What a meter shows itself on."""

    def begin(self, meter: Meter) -> None:
        """A stage begins."""
        ...

    def step(self, meter: Meter) -> None:
        """Something advanced."""
        ...

    def end(self, meter: Meter) -> None:
        """The stage is over."""
        ...


class Meter:
    """The `Progress` that stages report to. It counts; a `Face` shows. Every figure is the current stage's, except the
    seconds and the errors, which are the whole run's."""

    def __init__(self, face: Face, clock: Callable[[], float] = time.monotonic) -> None:
        self._face = face
        self._clock = clock
        self.began = clock()
        self.name = ""
        self.estimate = Estimate(None, self.began)
        self.size = 0
        self.current = ""
        self.errors = 0
        self.failures: list[tuple[str, str]] = []

    @property
    def now(self) -> float:
        """The meter's clock."""
        return self._clock()

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; the one before is over."""
        self.close()
        self.name, self.size, self.current = name, 0, ""
        self.estimate = Estimate(total, self._clock())
        self._face.begin(self)

    def advance(self, items: int = 1, size: int = 0, current: str = "") -> None:
        """`items` more are done, `size` bytes."""
        self.estimate.advance(items, self._clock())
        self.size += size
        self.current = current or self.current
        self._face.step(self)

    def error(self, item: str, reason: str) -> None:
        """One item failed; the first hundred are kept for whoever asks."""
        self.errors += 1
        if len(self.failures) < 100:
            self.failures.append((item, reason))
        self._face.step(self)

    def close(self) -> None:
        """The last stage is over."""
        if self.name:
            self._face.end(self)
            self.name = ""

    def event(self) -> dict[str, Any]:
        """The state as a status message."""
        now, share = self._clock(), self.estimate.share
        remaining = self.estimate.remaining(now)
        return {
            "message_type": "status",
            "stage": self.name,
            "seconds_elapsed": round(now - self.began, 1),
            "seconds_remaining": None if remaining is None else round(remaining),
            "percent_done": None if share is None else round(share, 4),
            "total_files": self.estimate.total,
            "files_done": self.estimate.done,
            "total_bytes": None,
            "bytes_done": self.size,
            "error_count": self.errors,
            "current_files": [self.current] if self.current else [],
        }


class Events:
    """One JSON object a line, at most two a second, and one at the end of each stage."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._last = -math.inf

    def begin(self, meter: Meter) -> None:
        """The first event of a stage."""
        self._tell(meter)

    def step(self, meter: Meter) -> None:
        """An event when half a second has passed."""
        if meter.now - self._last >= _BETWEEN_EVENTS:
            self._tell(meter)

    def end(self, meter: Meter) -> None:
        """The stage's last figures."""
        self._tell(meter)

    def _tell(self, meter: Meter) -> None:
        self._last = meter.now
        self._out.event(meter.event())


class Lines:
    """One line a stage, for logs and pipes."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def begin(self, meter: Meter) -> None:
        """Nothing yet."""

    def step(self, meter: Meter) -> None:
        """Nothing in between: a log is no bar."""

    def end(self, meter: Meter) -> None:
        """What the stage did."""
        self._out.say(f" {stage_line(meter)}")


def stage_line(meter: Meter) -> str:
    """ "hashing 6 308 done, 212/s, 3 errors"."""
    from dedupe_app.cli.output import number

    parts = [f"{number(meter.estimate.done)} done"] if meter.estimate.done else ["done"]
    if meter.estimate.done and meter.now - meter.estimate.began >= 1:
        parts.append(f"{meter.estimate.average(meter.now):.0f}/s")
    return f"{meter.name} {', '.join(parts)}"


class Bar:
    """A bar with count, rate and remaining time, on a terminal."""

    def __init__(self, color: bool = True) -> None:
        self._color = color
        self._shown: RichProgress | None = None
        self._last = -math.inf

    def begin(self, meter: Meter) -> None:
        """A bar that runs to and fro while the total is unknown."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._shown = Progress(
            TextColumn(" {task.description:<12}"),
            BarColumn(22),
            TextColumn("{task.fields[told]}", markup=False),
            console=Console(stderr=True, no_color=not self._color),
            refresh_per_second=5,
        )
        self._shown.add_task(meter.name, total=meter.estimate.total, told="")
        self._shown.start()

    def step(self, meter: Meter) -> None:
        """Drawn at most ten times a second, whatever the stage does."""
        if meter.now - self._last >= 0.1:
            self._last = meter.now
            self._draw(meter)

    def end(self, meter: Meter) -> None:
        """The bar stays as it ended."""
        if self._shown is not None:
            self._draw(meter)
            self._shown.stop()
            self._shown = None

    def _draw(self, meter: Meter) -> None:
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], completed=meter.estimate.done, told=bar_text(meter))


def bar_text(meter: Meter) -> str:
    """ "43%  2 731/6 308  212/s  17 s left  3 errors"."""
    from dedupe_app.cli.output import number

    estimate, now = meter.estimate, meter.now
    told = [f"{estimate.share:4.0%}"] if estimate.share is not None else []
    told.append(number(estimate.done) + (f"/{number(estimate.total)}" if estimate.total else ""))
    rate = estimate.average(now) if estimate.share == 1 else estimate.rate
    if rate:
        told.append(f"{rate:.0f}/s")
    remaining = estimate.remaining(now)
    if remaining is not None:
        told.append(f"{duration(remaining)} left")
    if meter.errors:
        told.append(f"{number(meter.errors)} unreadable")
    return "  ".join(told)


def duration(seconds: float) -> str:
    """ "17 s", "4 min", "2 h 05 min"."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


class Nothing:
    """No sign of life, with --quiet."""

    def begin(self, meter: Meter) -> None:
        """Nothing."""

    def step(self, meter: Meter) -> None:
        """Nothing."""

    def end(self, meter: Meter) -> None:
        """Nothing."""


def meter(out: Output) -> Meter:
    """The meter that fits where the words go."""
    if out.mode == "json-lines":
        return Meter(Events(out))
    if out.quiet:
        return Meter(Nothing())
    return Meter(Bar(out.color is not False) if sys.stderr.isatty() else Lines(out))
