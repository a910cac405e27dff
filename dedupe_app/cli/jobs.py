"""`keepone jobs`: what runs by itself, run by hand, and what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Group, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.job_model import JobConfig
    from dedupe_core.store.jobs import JobRun

_STATUS = {
    "parked": Exit.INTERRUPTED,
    "cap reached": Exit.ERROR,
    "needs login": Exit.SIGN_IN,
    "source vanished": Exit.ERROR,
    "unavailable": Exit.TEMPORARY,
    "some failed": Exit.SOME_FAILED,
    "failed": Exit.ERROR,
    "busy": Exit.LOCKED,
}


@click.group(cls=Group)
def jobs() -> None:
    """List, run and look back at jobs: what runs by itself."""


@jobs.command("list")
@pass_session
def list_(session: Session) -> int:
    """List the jobs of the configuration with their last run."""
    from dedupe_app.cli.output import table

    config = session.loaded.config
    last = _last_runs(session)
    rows = [
        [
            job.name,
            job.action,
            _trust(job),
            job.schedule or ("on change" if job.watch else "by hand"),
            _ended(last, job),
        ]
        for job in config.jobs
    ]
    session.out.show(table(rows) if rows else " no jobs yet · config.yaml shows four to copy (docs/service.md)")
    listed = [{**job.model_dump(mode="json"), "last": _json(last.get(job.name))} for job in config.jobs]
    session.out.document({"jobs": listed}, ({"message_type": "job", **job} for job in listed))
    return Exit.OK


def _last_runs(session: Session) -> dict[str, JobRun]:
    """The newest run of each job; none when there is no database yet."""
    from dedupe_app.sources import DATABASE
    from dedupe_core.store import Store

    config = session.loaded.config
    if not (config.data / DATABASE).exists():
        return {}
    with Store(config.data) as store:
        found = {job.name: store.jobs.last(job.name) for job in config.jobs}
    return {name: run for name, run in found.items() if run is not None}


def _trust(job: JobConfig) -> str:
    return f"trusted with {', '.join(job.trust)}" if job.trust else "asks"


def _ended(last: dict[str, JobRun], job: JobConfig) -> str:
    run = last.get(job.name)
    return told(run) if run else "never ran"


def told(run: JobRun) -> str:
    """ "done 2024-06-18 03:00"."""
    from dedupe_app.cli.status import stamp

    return f"{run.state} {stamp(run.finished_at or run.started_at)}"


def _json(run: JobRun | None) -> dict[str, Any] | None:
    from dataclasses import asdict

    return None if run is None else asdict(run)


@jobs.command("run")
@click.argument("name")
@pass_session
def run(session: Session, name: str) -> int:
    """Run a job now, with the trust and the caps that it has. launchd and systemd call this too."""
    from dedupe_app.jobs import run_job
    from dedupe_app.notify import notify

    config = session.loaded.config
    with session.progress() as progress:
        report = run_job(config, name, progress=progress)
    notify(config, report)
    session.out.say(f" {report.sentence()}")
    for sentence in report.trouble:
        session.out.warn(f" {sentence}")
    session.out.document(report.to_json(), kind="job")
    return _STATUS.get(report.state, Exit.OK)


@jobs.command("history")
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many runs.")
@pass_session
def history(session: Session, name: str | None, limit: int) -> int:
    """List what ran, newest first."""
    from dedupe_app.cli.output import table
    from dedupe_core.words import readable

    if name:
        session.loaded.config.job(name)
    with session.library() as library:
        found = library.store.jobs.history(name, limit)
    rows = [[told(run), run.job, run.why, readable(run.note)] for run in found]
    session.out.show(table(rows) if rows else " no job ran yet · keepone jobs run NAME")
    listed = [_json(run) or {} for run in found]
    session.out.document({"runs": listed}, ({"message_type": "job_run", **one} for one in listed))
    return Exit.OK
