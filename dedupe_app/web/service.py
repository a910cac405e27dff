"""What runs by itself, as the page shows it: each job with how it last ended, and what needs a person."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from dedupe_app.job_model import TROUBLE
from dedupe_app.web.answers import Answer
from dedupe_app.web.recognise import recognised_notes
from dedupe_app.web.shapes import Shape, ToldShape
from dedupe_app.web.telling import codes
from dedupe_core.words import readable

router = APIRouter()


class JobRunShape(Shape):
    """A job of the configuration and its last run. `state` is "never ran", "running", or how it ended ("done",
    "waiting", "needs login", "source vanished", "cap reached" …); `trouble` says that it needs a person."""

    name: str
    action: str
    schedule: str
    state: str
    trouble: bool
    note: str
    said: dict[str, ToldShape] = Field(default_factory=dict)
    at: float | None
    plan: str
    put_away: int
    waiting: int


@router.get("/service")
def service(desk: Answer) -> list[JobRunShape]:
    """The jobs in the order of the configuration."""
    found = []
    with desk.store_lock() as library:
        places = [str(row["name"]) for row in library.store.assets.sources()]
        for job in library.config.jobs:
            last = library.store.jobs.last(job.name)
            note = last.note if last else ""
            found.append(
                JobRunShape(
                    name=job.name,
                    action=job.action,
                    schedule=job.schedule,
                    state=last.state if last else "never ran",
                    trouble=last is not None and last.state in TROUBLE,
                    note=readable(note),
                    said=codes(note=recognised_notes(note, places)),
                    at=(last.finished_at or last.started_at) if last else None,
                    plan=last.plan if last else "",
                    put_away=int(last.summary.get("put_away", 0)) if last else 0,
                    waiting=int(last.summary.get("waiting", 0)) if last else 0,
                )
            )
    return found
