"""Routes around the review: sources and scans, jobs and events, rules, the doctor, the page's own facts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from connectors.base import Connector, ConnectorError
from dedupe_app.config import Config
from dedupe_app.doctor import examine, version
from dedupe_app.library import Library, Narrow
from dedupe_app.progress import Meter
from dedupe_app.views import photo_view
from dedupe_app.web import cards
from dedupe_app.web.answers import Answer
from dedupe_app.web.desk import Desk
from dedupe_app.web.house_shapes import (
    About,
    ChangeShape,
    CheckShape,
    JobShape,
    RuleShape,
    RulesIn,
    RulesOut,
    RulesSaved,
    SourceShape,
    UnreadShape,
)
from dedupe_app.web.recognise import recognised
from dedupe_app.web.saving import flow
from dedupe_app.web.shapes import Problem
from dedupe_app.web.telling import codes, failure, note, refusal, refuse
from dedupe_app.web.texts import languages
from dedupe_app.web.work import Job
from dedupe_core.keep import choose
from dedupe_core.model import Choice, Photo
from dedupe_core.rules import RULES, UnknownRule, resolve
from dedupe_core.sentences import said
from dedupe_core.words import readable

router = APIRouter()
_TRIED = 2000  # groups that a preview of rules looks at


@router.get("/about")
def about(desk: Answer) -> About:
    """What the page needs at its start; the token goes with every change."""
    with desk.shelf() as shelf:
        known = cards.summary(desk.library, shelf)
    return About(
        token=desk.script_token,
        version=version(),
        data=readable(str(desk.config.data)),
        run=known.run,
        languages=languages(),
        summary=known,
    )


@router.get("/sources")
def sources(desk: Answer) -> list[SourceShape]:
    """The places of photos, and what is the matter with them."""
    with desk.store_lock() as library:
        problems = {row["name"]: _problem(library, row["name"]) for row in library.store.assets.sources()}
        return [
            SourceShape(
                id=row["id"],
                name=readable(row["name"]),
                kind=row["kind"],
                state=row["state"],
                note=readable(row["note"]),
                scanned_at=row["scanned_at"],
                photos=row["assets"],
                bytes=row["bytes"],
                problem=problems[row["name"]],
                said=codes(problem=problems[row["name"]], note=recognised(row["note"])),
            )
            for row in library.store.assets.sources()
        ]


def _problem(library: Library, name: str) -> str:
    try:
        return "" if name in library.connectors() else refusal("not_set_up")
    except ConnectorError as error:
        return failure(error)[1]


@router.post("/sources/scan", status_code=202, responses={409: {"model": Problem}})
def scan_all(desk: Answer) -> JobShape:
    """Scan every source."""
    return JobShape(**begin_scan(desk, None).to_json())


@router.post("/sources/{source_id}/scan", status_code=202, responses={404: {"model": Problem}, 409: {"model": Problem}})
def scan(desk: Answer, source_id: int) -> JobShape:
    """Scan one source. Nothing is changed in it."""
    with desk.store_lock() as library:
        name = next((row["name"] for row in library.store.assets.sources() if row["id"] == source_id), None)
    if name is None:
        raise refuse(404, "no_source")
    return JobShape(**begin_scan(desk, [name]).to_json())


def begin_scan(
    desk: Desk, names: Sequence[str] | None, narrow: Narrow | None = None, config: Config | None = None
) -> Job:
    """Scan these sources, all by default, as work of the page; `config` is another one than the page's. Raises `Busy`
    while something is under way."""

    def work(library: Library, meter: Meter) -> dict[str, Any]:
        report = library.scan(names, meter, narrow=narrow, pictures=True)
        halted = [said("step.at", place=one.source, what=one.halted) for one in report.scans if one.halted]
        groups = sum(report.groups.values())
        return {
            "read": report.read,
            "known": report.known,
            "failed": report.failed,
            "groups": groups,
            "halted": [note(one) for one in halted],
            "messages": [note(one) for one in report.level.passed],
        }

    return desk.jobs.start("scan", readable(", ".join(names or ())), work, config)


@router.get("/unreadable")
def unreadable(desk: Answer, limit: Annotated[int, Query(ge=1, le=500)] = 200) -> list[UnreadShape]:
    """Photos that could not be read, with the reason."""
    with desk.store_lock() as library:
        return [
            UnreadShape(
                source=readable(photo.asset.id.source),
                path=readable(photo.asset.id.key),
                reason=readable(reason),
                said=codes(reason=recognised(reason)),
            )
            for photo, reason in library.store.assets.errors()[:limit]
        ]


@router.get("/jobs")
def jobs(desk: Answer) -> list[JobShape]:
    """The work of this server, newest first."""
    return [JobShape(**job.to_json()) for job in desk.jobs.all()]


@router.get("/jobs/{job_id}", responses={404: {"model": Problem}})
def job(desk: Answer, job_id: str) -> JobShape:
    """One job, for a page that cannot listen to events."""
    found = desk.jobs.get(job_id)
    if found is None:
        raise refuse(404, "no_job")
    return JobShape(**found.to_json())


@router.post("/jobs/{job_id}/stop", responses={404: {"model": Problem}})
def stop(desk: Answer, job_id: str) -> JobShape:
    """Stop after the photo that it is at. What was done stays done; starting it again goes on from there."""
    found = desk.jobs.get(job_id)
    if found is None:
        raise refuse(404, "no_job")
    desk.jobs.stop(found)
    return JobShape(**found.to_json())


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "events, until the page goes"}},
)
async def events(desk: Answer, last_event_id: Annotated[str | None, Header(max_length=20)] = None) -> StreamingResponse:
    """What happens: `job` (a job's state) and `groups` (the groups changed)."""
    after = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else None
    stream: AsyncIterator[str] = desk.hub.stream(after)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@router.get("/rules")
def rules(desk: Answer) -> list[RuleShape]:
    """Who stays: the rules that are asked, in order, then the others."""
    used = resolve(desk.library.settings.keeping.rules)
    listed = [RuleShape(name=rule.name, tells=rule.tells, order=at) for at, rule in enumerate(used, 1)]
    return listed + [RuleShape(name=rule.name, tells=rule.tells, order=None) for rule in RULES if rule not in used]


@router.post("/rules/preview")
def preview(desk: Answer, said: RulesIn) -> RulesOut:
    """Which groups would keep another photo under another order. Nothing is changed."""
    keeping = desk.library.settings.keeping.model_copy(
        update={"rules": tuple(said.rules), "folders": tuple(said.folders)}
    )
    try:
        resolve(keeping.rules)
    except UnknownRule as error:
        raise refuse(422, "rule", detail=str(error)) from error
    changes, looked_at = [], 0
    with desk.shelf() as shelf:
        library = desk.library
        connectors, protected = library.connectors(), library.settings.planning.protected
        for card in list(shelf.cards.values())[:_TRIED]:
            choice = library.store.runs.one(shelf.run, card.group.id)
            photos = library.store.assets.photos(choice.group.members) if choice else {}
            if choice is None or len(photos) < len(choice.group.members):
                continue
            looked_at += 1
            again = choose(choice.group, photos, keeping, protected)
            if again.keep != choice.keep:
                changes.append(_change(again, choice, photos, connectors))
        return RulesOut(looked_at=looked_at, total=len(shelf.cards), changes=changes[:200])


def _change(
    again: Choice, choice: Choice, photos: Mapping[int, Photo], connectors: Mapping[str, Connector]
) -> ChangeShape:
    keeps, kept = (readable(photo_view(photos[row], None, connectors).path) for row in (again.keep, choice.keep))
    reason, told = readable(again.reason), codes(reason=recognised(again.reason))
    return ChangeShape(group=choice.group.id, keeps=keeps, kept=kept, reason=reason, said=told)


@router.post("/rules")
def save(desk: Answer, said: RulesIn) -> RulesSaved:
    """Let the configuration's file say another order, and nothing else in it change. It counts from the next scan on;
    what was decided stays."""
    try:
        resolve(tuple(said.rules))
    except UnknownRule as error:
        raise refuse(422, "rule", detail=str(error)) from error
    lists = {"rules": said.rules} | ({"folders": said.folders} if said.folders else {})
    lines = "\n".join(["keeping:", *(f"  {key}: {flow(values)}" for key, values in lists.items())])
    return RulesSaved(
        saved=desk.keep_by(lists), file=readable(str(desk.loaded.file)) if desk.loaded.file else "", lines=lines
    )


@router.get("/doctor")
def doctor(desk: Answer) -> list[CheckShape]:
    """Is this installation fit for work?"""
    known = [(check, recognised(check.text), recognised(check.fix)) for check in examine(desk.loaded)]
    return [CheckShape(**check.to_json(), said=codes(text=text, fix=fix)) for check, text, fix in known]


@router.get("/healthz")
def health(desk: Answer) -> dict[str, str]:
    """The server answers and its database is sound."""
    with desk.store_lock() as library:
        return {"status": library.store.check()}
