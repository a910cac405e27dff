"""Routes of plans: made of what was decided, looked through, done once it is confirmed, and taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from dedupe_app.library import Library
from dedupe_app.progress import Meter
from dedupe_app.web.answers import Answer
from dedupe_app.web.deciding import note, planned
from dedupe_app.web.desk import photo_id
from dedupe_app.web.house_shapes import JobShape
from dedupe_app.web.recognise import recognised
from dedupe_app.web.shapes import (
    ApplyIn,
    CountedShape,
    PlanIn,
    PlanPart,
    PlanShape,
    Problem,
    SpareIn,
    StepPage,
    StepShape,
)
from dedupe_app.web.telling import codes, notes, refuse
from dedupe_core.model import Entry, Plan, Step
from dedupe_core.sentences import Said
from dedupe_core.store.plans import plan_to_json
from dedupe_core.words import readable

router = APIRouter()
MANY = 100
"""Above this, or with more than one source, the number has to be typed."""
_AWAY = ("done", "undo_failed", "undo_intent")


@router.post("/plans")
def make(desk: Answer, said: PlanIn) -> PlanShape:
    """A plan of everything that was decided. Plans that wait and were not begun are withdrawn: there is one at a
    time."""
    with desk.shelf() as shelf:
        return _shape(desk.library, planned(desk.library, shelf, said.action), "planned")


@router.post("/plans/{plan_id}/spare", responses={404: {"model": Problem}, 409: {"model": Problem}})
def spare(desk: Answer, plan_id: str, said: SpareIn) -> PlanShape:
    """Let one photo of a plan stay: the decision about its group is changed, and the plan is made again."""
    with desk.shelf() as shelf:
        found, state = _known(desk.library, plan_id)
        step = next((one for one in found.steps if one.number == said.number), None)
        if step is None or state != "planned":
            raise refuse(409, "plan_begun")
        photo, card = desk.library.store.assets.find(step.asset.id), shelf.cards.get(step.group)
        if photo is None or card is None or card.decision is None or photo.row not in card.drop:
            raise refuse(409, "decided_since")
        stay = {*card.keep, photo.row}
        note(desk.library.store, shelf, [(card, "keep" if len(stay) < len(card.members) else "keep_all", stay)])
    return make(desk, PlanIn(action="move" if step.verb == "move" else "delete"))


@router.get("/plans")
def plans(desk: Answer, limit: Annotated[int, Query(ge=1, le=100)] = 50) -> list[PlanShape]:
    """Plans with what became of them, newest first; those that were withdrawn are left out."""
    with desk.store_lock() as library:
        rows = [row for row in library.store.plans.all() if row["state"] != "withdrawn"][:limit]
        found = [(library.store.plans.get(row["id"]), str(row["state"])) for row in rows]
        return [_shape(library, plan, state) for plan, state in found if plan is not None]


@router.get("/plans/{plan_id}", responses={404: {"model": Problem}})
def plan(desk: Answer, plan_id: str) -> PlanShape:
    """One plan."""
    with desk.store_lock() as library:
        return _shape(library, *_known(library, plan_id))


@router.get("/plans/{plan_id}/items", responses={404: {"model": Problem}})
def items(
    desk: Answer,
    plan_id: str,
    cursor: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    q: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
) -> StepPage:
    """The steps of a plan with the photo that stays for each, and what became of it. `q` is looked for in names,
    folders and reasons; `state` keeps the steps whose last state it is."""
    with desk.store_lock() as library:
        found, _ = _known(library, plan_id)
        last = library.store.plans.states(found.id)
        steps = [step for step in found.steps if _matches(step, q.casefold(), state, last.get(step.number))]
        shown = [_step(library, step, last.get(step.number)) for step in steps[cursor : cursor + limit]]
        after = cursor + limit if cursor + limit < len(steps) else None
        return StepPage(items=shown, next=after, total=len(steps))


@router.get("/plans/{plan_id}/export", responses={404: {"model": Problem}})
def export(desk: Answer, plan_id: str) -> JSONResponse:
    """The plan as `keepone apply FILE` reads it."""
    with desk.store_lock() as library:
        found, _ = _known(library, plan_id)
    name = f"keepone-plan-{found.id[:12]}.json"
    body = plan_to_json(found)
    return _Ascii(body, headers={"content-disposition": f'attachment; filename="{name}"'})


@router.post("/plans/{plan_id}/apply", status_code=202, responses={404: {"model": Problem}, 409: {"model": Problem}})
def apply(desk: Answer, plan_id: str, said: ApplyIn) -> JobShape:
    """Do what the plan says: each photo is proved once more, every step is in the journal, and it can be taken back.
    `confirm_count` must be the number of its photos."""
    with desk.store_lock() as library:
        found, state = _known(library, plan_id)
    if state not in ("planned", "applying"):
        raise refuse(409, "plan_done")
    if said.confirm_count != len(found.steps):
        raise refuse(409, "plan_count", is_now=len(found.steps), said=said.confirm_count)

    def work(library: Library, meter: Meter) -> dict[str, Any]:
        result = library.apply(found, progress=meter)
        return {
            "plan": found.id,
            "done": result.done,
            "skipped": result.skipped,
            "failed": result.failed,
            "freed": result.freed,
            "messages": notes(result),
        }

    return JobShape(**desk.jobs.start("apply", found.id, work).to_json())


@router.post("/runs/{plan_id}/undo", status_code=202, responses={404: {"model": Problem}, 409: {"model": Problem}})
def undo(desk: Answer, plan_id: str) -> JobShape:
    """Bring back what a plan put away, through the sources that have it."""
    with desk.store_lock() as library:
        found, _ = _known(library, plan_id)

    def work(library: Library, meter: Meter) -> dict[str, Any]:
        result = library.undo(found.id, progress=meter)
        counts = {"restored": result.restored, "failed": result.failed}
        return {"plan": found.id, **counts, "messages": notes(result)}

    return JobShape(**desk.jobs.start("undo", found.id, work).to_json())


class _Ascii(JSONResponse):
    """JSON in ASCII, so that bytes of a name that are not UTF-8 survive as escapes."""

    def render(self, content: Any) -> bytes:
        import json

        return json.dumps(content, ensure_ascii=True, indent=1).encode("ascii")


def _known(library: Library, plan_id: str) -> tuple[Plan, str]:
    state = next((str(row["state"]) for row in library.store.plans.all() if row["id"] == plan_id), None)
    found = library.store.plans.get(plan_id) if state is not None else None
    if found is None or state is None:
        raise refuse(404, "no_plan")
    return found, state


def _shape(library: Library, plan: Plan, state: str) -> PlanShape:
    last = library.store.plans.states(plan.id)
    counts: Counter[str] = Counter(entry.state for entry in last.values())
    parts = _parts(library, plan)
    many = len(plan.steps) > MANY or len({part.source for part in parts}) > 1
    return PlanShape(
        id=plan.id,
        created_at=plan.created_at,
        state=state,
        photos=len(plan.steps),
        bytes=plan.bytes,
        parts=parts,
        reasons=[_counted(*one) for one in Counter(_ground(step.reason) for step in plan.steps).most_common(12)],
        skipped=[_counted(reason, count) for reason, count in plan.skipped.items()],
        outcomes=dict(counts),
        away=sum(counts[one] for one in _AWAY),
        type_number=many,
    )


def _counted(reason: str, photos: int) -> CountedShape:
    return CountedShape(reason=readable(reason), photos=photos, said=codes(reason=recognised(reason)))


def _ground(reason: str) -> str:
    """The rule of a sentence, without the values of this one photo."""
    while isinstance(reason, Said):
        inner = reason.values.get("rule") or reason.values.get("why")
        if not isinstance(inner, str):
            return reason
        reason = inner
    return reason.partition(":")[0]


def _parts(library: Library, plan: Plan) -> list[PlanPart]:
    connectors = library.connectors()
    sums: dict[tuple[str, str, str], list[int]] = {}
    for step in plan.steps:
        target = step.target.rpartition("/")[2] if step.verb == "move" else ""
        entry = sums.setdefault((step.asset.id.source, step.verb, target), [0, 0])
        entry[0] += 1
        entry[1] += Plan("", 0, (step,)).bytes
    return [
        PlanPart(
            source=readable(source),
            action=verb,
            target=readable(target),
            photos=photos,
            bytes=size,
            restore=source in connectors and connectors[source].features.restore,
        )
        for (source, verb, target), (photos, size) in sorted(sums.items())
    ]


def _matches(step: Step, text: str, state: str, last: Entry | None) -> bool:
    if state and (last.state if last else "") != state:
        return False
    words = (step.asset.id.source, step.asset.folder, step.asset.name, step.reason, step.keeper.name)
    return not text or any(text in word.casefold() for word in words)


def _step(library: Library, step: Step, last: Entry | None) -> StepShape:
    pictures = _pictures(library, step)
    return StepShape(
        number=step.number,
        photo=pictures.get("photo"),
        name=readable(step.asset.name),
        folder=readable(step.asset.folder),
        source=readable(step.asset.id.source),
        size=Plan("", 0, (step,)).bytes,
        keeper=pictures.get("keeper"),
        keeper_name=readable(step.keeper.name),
        keeper_folder=readable(step.keeper.folder),
        relation=step.relation,
        reason=readable(step.reason),
        group=step.group,
        state=last.state if last else "",
        note=readable(last.note) if last else "",
        said=codes(reason=recognised(step.reason), note=recognised(last.note if last else "")),
    )


def _pictures(library: Library, step: Step) -> Mapping[str, str]:
    found = {name: library.store.assets.find(asset.id) for name, asset in _both(step)}
    return {name: photo_id(photo) for name, photo in found.items() if photo is not None}


def _both(step: Step) -> tuple[tuple[str, Any], tuple[str, Any]]:
    return ("photo", step.asset), ("keeper", step.keeper)
