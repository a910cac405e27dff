"""`keepone status` and `keepone runs`: where things stand, and what was done."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.job_model import JobConfig
    from dedupe_app.library import Library
    from dedupe_core.store.jobs import JobRun


@click.command(cls=Command)
@pass_session
def status(session: Session) -> int:
    """Show sources, groups and open plans."""
    from dedupe_app.cli.lanes import lane_lines, lane_sums, lanes_json
    from dedupe_app.cli.output import number, table
    from dedupe_app.cli.sources import with_figures
    from dedupe_core.embed import Level
    from dedupe_core.model import LANES
    from dedupe_core.words import bytes_text

    out = session.out
    with session.library() as library:
        sources = with_figures(session)
        sums, latest = lane_sums(library), library.store.runs.latest()
        unread = len(library.store.assets.errors())
        plans = _plans(library)
        level = Level.of_run(latest["summary"]) if latest is not None else Level()
        jobs = [(job, library.store.jobs.last(job.name)) for job in library.config.jobs]
    rows = [[s["name"], number(s["photos"]), "photos", bytes_text(s["bytes"]), _seen(s), s["note"]] for s in sources]
    out.show(table(rows, right=(1, 3)) if rows else " no sources yet · keepone scan ~/Pictures")
    if latest is not None:
        out.show(lane_lines(sums, set(LANES.values())))
        if level.backend != "off":
            out.show(f" {level.sentence}")
    if unread:
        out.show(f" {number(unread)} unreadable (keepone scan --errors)")
    if jobs:
        out.show(table([_job(job, last) for job, last in jobs]))
    waiting = [plan for plan in plans if plan["state"] in ("planned", "applying", "undoing")]
    for plan in waiting:
        short = plan["id"][:12]
        out.show(f" plan {short} is {plan['state']}: {number(plan['steps'])} photos · keepone apply {short}")
    out.document(
        {
            "data": str(session.loaded.config.data),
            "sources": sources,
            "last_run": latest["finished_at"] if latest else None,
            "lanes": lanes_json(sums),
            "model": level.to_json(),
            "unreadable": unread,
            "jobs": [{"name": job.name, "last": asdict(last) if last else None} for job, last in jobs],
            "plans": waiting,
        }
    )
    return Exit.OK


def _job(job: JobConfig, last: JobRun | None) -> list[str]:
    """The line of a job: how it ended, and what a person has to know of that."""
    from dedupe_core.words import readable

    if last is None:
        return [f"job {job.name}", "never ran", job.schedule]
    return [f"job {job.name}", f"{last.state} {stamp(last.finished_at or last.started_at)}", readable(last.note)]


def _seen(source: dict[str, Any]) -> str:
    if source["state"] not in ("ok", "new"):
        return str(source["state"])
    return f"scanned {stamp(source['scanned_at'])}" if source["scanned_at"] else "not scanned yet"


def stamp(seconds: float) -> str:
    """A POSIX time as local time for people."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


@click.command(cls=Command)
@pass_session
def runs(session: Session) -> int:
    """List plans with what became of them, newest first."""
    from dedupe_app.cli.output import number, table

    with session.library() as library:
        plans = _plans(library)
    rows = [
        [p["id"][:12], stamp(p["created_at"]), p["state"], number(p["steps"]), "photos", _outcome(p["outcomes"])]
        for p in plans
    ]
    session.out.show(table(rows, right=(3,)) if rows else " no plans yet · keepone plan")
    session.out.document({"runs": plans}, ({"message_type": "run", **plan} for plan in plans))
    return Exit.OK


def _outcome(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(outcomes.items()))


def _plans(library: Library) -> list[dict[str, Any]]:
    found = []
    for row in library.store.plans.all():
        plan = library.store.plans.get(row["id"])
        outcomes = Counter(entry.state for entry in library.store.plans.states(row["id"]).values())
        found.append(
            {
                "id": row["id"],
                "created_at": row["created_at"],
                "state": row["state"],
                "steps": len(plan.steps) if plan else 0,
                "bytes": plan.bytes if plan else 0,
                "outcomes": dict(outcomes),
            }
        )
    return found
