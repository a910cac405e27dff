"""Runs of jobs: the service's own memory of what ran when and how it ended, so that nothing is missed or done twice."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dedupe_core.store.codec import dumps

RUNNING = "running"


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job. `why`: by hand, schedule, folder, retry …; `state`: running, done, parked …; `note` is the
    sentence for a person; `summary` what it did, in numbers. Times are POSIX seconds."""

    id: int
    job: str
    why: str
    started_at: float
    finished_at: float | None = None
    state: str = RUNNING
    note: str = ""
    plan: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)


class JobRuns:
    """The table of job runs."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def begin(self, job: str, why: str) -> int:
        """A run starts. One that was killed before is closed, since the caller holds the folder's lock."""
        self.close_killed()
        row = self.db.execute("INSERT INTO job_run (job, why, started_at) VALUES (?, ?, ?)", (job, why, time.time()))
        return int(row.lastrowid or 0)

    def close_killed(self) -> None:
        """Runs that never came to their last line are told as killed. For those who know that none is under way."""
        self.db.execute(
            "UPDATE job_run SET state = 'killed', finished_at = ?, note = ? WHERE state = 'running'",
            (time.time(), "It was killed. What it had done is in the journal; the next run goes on from there."),
        )

    def will_do(self, run: int, plan: str) -> None:
        """The plan that a run is about to act on, so that the next run can finish it after a kill."""
        self.db.execute("UPDATE job_run SET plan = ? WHERE id = ?", (plan, run))

    def finish(self, run: int, state: str, note: str, plan: str, summary: Mapping[str, Any]) -> None:
        """A run ended, however it did."""
        self.db.execute(
            "UPDATE job_run SET finished_at = ?, state = ?, note = ?, plan = ?, summary = ? WHERE id = ?",
            (time.time(), state, note, plan, dumps(dict(summary)), run),
        )

    def note(self, job: str, why: str, state: str, note: str) -> int:
        """A run that could not even begin."""
        now = time.time()
        row = self.db.execute(
            "INSERT INTO job_run (job, why, started_at, finished_at, state, note) VALUES (?, ?, ?, ?, ?, ?)",
            (job, why, now, now, state, note),
        )
        return int(row.lastrowid or 0)

    def last(self, job: str, *states: str) -> JobRun | None:
        """The newest run of a job, or the newest that ended in one of the states."""
        marks = ",".join("?" * len(states))
        where = f"AND state IN ({marks})" if states else ""
        row = self.db.execute(f"SELECT * FROM job_run WHERE job = ? {where} ORDER BY id DESC LIMIT 1", (job, *states))  # noqa: S608
        found = row.fetchone()
        return None if found is None else _run(found)

    def history(self, job: str | None = None, limit: int = 50) -> list[JobRun]:
        """Runs, newest first."""
        rows = self.db.execute(
            "SELECT * FROM job_run WHERE ? IS NULL OR job = ? ORDER BY id DESC LIMIT ?", (job, job, limit)
        )
        return [_run(row) for row in rows]

    def counts(self) -> list[tuple[str, str, int]]:
        """(job, state, how many runs) of all time that is remembered."""
        rows = self.db.execute("SELECT job, state, COUNT(*) FROM job_run GROUP BY job, state ORDER BY job, state")
        return [(str(job), str(state), int(count)) for job, state, count in rows]

    def journal_counts(self) -> list[tuple[str, int]]:
        """(state, how many lines) of the journal."""
        rows = self.db.execute("SELECT state, COUNT(*) FROM journal GROUP BY state ORDER BY state")
        return [(str(state), int(count)) for state, count in rows]

    def said_since(self, moment: float) -> bool:
        """Did somebody say or take back something about two photos since then (POSIX seconds)?"""
        row = self.db.execute("SELECT 1 FROM label WHERE created_at >= ?1 OR revoked_at >= ?1 LIMIT 1", (moment,))
        return row.fetchone() is not None

    def forget_older(self, keep: int = 5000) -> None:
        """Old runs go; plans and the journal stay."""
        self.db.execute("DELETE FROM job_run WHERE id <= (SELECT MAX(id) FROM job_run) - ?", (keep,))


def _run(row: sqlite3.Row) -> JobRun:
    return JobRun(
        id=int(row["id"]),
        job=str(row["job"]),
        why=str(row["why"]),
        started_at=float(row["started_at"]),
        finished_at=row["finished_at"],
        state=str(row["state"]),
        note=str(row["note"]),
        plan=str(row["plan"]),
        summary=json.loads(row["summary"]),
    )
