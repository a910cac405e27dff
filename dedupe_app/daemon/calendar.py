"""When jobs are due: APScheduler over the configuration, and what was missed while the machine was off.

Nothing is kept by the scheduler itself: schedules come from the configuration, and when a job ran last comes from the
store. A job that was missed, however often, runs once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from dedupe_app.job_model import JobConfig
from dedupe_app.when import When

Ask = Callable[[str, str], None]
"""Told a job's name and why it is due."""


class Calendar:
    """Schedules of jobs and single retries. `ask` is called from the scheduler's thread and has to return at once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self) -> None:
        """From now on jobs come due."""
        self._scheduler.start()

    def set_jobs(self, jobs: Iterable[JobConfig], last: Mapping[str, float | None]) -> None:
        """These jobs and no others. `last`: when each began last (POSIX seconds), so that what was missed since is
        made up for once, now."""
        wanted = {job.name: job.when for job in jobs if job.when is not None and job.when.kind != "feedback"}
        for known in self._scheduler.get_jobs():
            if known.id.startswith("job:") and known.id.removeprefix("job:") not in wanted:
                self._scheduler.remove_job(known.id)
        for name, when in wanted.items():
            trigger = _trigger(when)
            self._scheduler.add_job(
                self._ask,
                trigger,
                args=(name, "schedule"),
                id=f"job:{name}",
                replace_existing=True,
                next_run_time=_first(trigger, when, last.get(name), datetime.now(self._scheduler.timezone)),
            )

    def retry(self, name: str, seconds: float) -> None:
        """Ask for a job once more, later; another such wish takes this one's place."""
        moment = datetime.now(self._scheduler.timezone) + timedelta(seconds=seconds)
        self._scheduler.add_job(
            self._ask, DateTrigger(moment), args=(name, "retry"), id=f"retry:{name}", replace_existing=True
        )

    def forget_retry(self, name: str) -> None:
        """The job ended well meanwhile."""
        if self._scheduler.get_job(f"retry:{name}") is not None:
            self._scheduler.remove_job(f"retry:{name}")

    def next_times(self) -> dict[str, float]:
        """When each job is due next (POSIX seconds)."""
        found: dict[str, float] = {}
        for job in self._scheduler.get_jobs():
            moment, name = job.next_run_time, job.id.partition(":")[2]
            if moment is not None:
                found[name] = min(found.get(name, float("inf")), moment.timestamp())
        return found

    def wake(self) -> None:
        """Look at the clock again: after a sleep of the machine the scheduler's own wait is too long by the sleep."""
        self._scheduler.wakeup()

    def stop(self) -> None:
        """Nothing comes due any more."""
        if self._scheduler.running:
            self._scheduler.pause()
            self._scheduler.shutdown(wait=False)


def _trigger(when: When) -> Any:
    if when.kind == "every":
        return IntervalTrigger(seconds=when.seconds)
    return CronTrigger(**when.cron())


def _first(trigger: Any, when: When, last: float | None, now: datetime) -> datetime:
    """The first time: now when the job was missed since it ran last, or never ran and runs at intervals."""
    if last is None:
        last = now.timestamp() - when.seconds
    before = datetime.fromtimestamp(last, now.tzinfo)
    due: datetime = before + timedelta(seconds=when.seconds)
    if when.kind == "cron":
        due = trigger.get_next_fire_time(before, before + timedelta(seconds=1))
    return max(due, now)


def pause(attempt: int, first: float, longest: float, asked: float | None = None) -> float:
    """Seconds until the next try: doubled each time, with full jitter so that many machines do not come back at once
    (half of it is kept, so that a try is never immediate), and never sooner than the source asked for."""
    limit = min(longest, first * float(2 ** min(attempt, 30)))
    return max(limit * random.uniform(0.5, 1.0), asked or 0.0)  # noqa: S311 - spreads load, guards nothing
