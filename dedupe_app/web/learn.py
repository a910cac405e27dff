"""Routes of learning: what was said about pairs, what follows for the groups, and making the groups again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from dedupe_app import learning
from dedupe_app.library import Library
from dedupe_app.progress import Meter
from dedupe_app.web.answers import Answer
from dedupe_app.web.house_shapes import JobShape, LearnShape, ReanalysisShape, RegroupedShape, RungShape
from dedupe_app.web.recognise import recognised
from dedupe_app.web.shapes import Problem
from dedupe_app.web.telling import codes
from dedupe_core.words import readable
from feedback.reanalyse import Reanalysis

router = APIRouter()
_SHOWN = 50


@router.get("/learn")
def learned(desk: Answer) -> LearnShape:
    """What was said so far, what contradicts itself, and where each kind of copy stands."""
    with desk.store_lock() as library:
        known = learning.learned(library)
    rungs = [
        RungShape(
            kind=rung.kind,
            level=rung.level,
            approvals=rung.approvals,
            denials=rung.denials,
            waits_for=readable(rung.waits_for),
            said=codes(waits_for=rung.waits_for),
        )
        for rung in known.rungs
    ]
    return LearnShape(answers=dict(known.answers), contradictions=len(known.contradictions), rungs=rungs)


@router.post("/feedback/preview", responses={409: {"model": Problem}})
def preview(desk: Answer) -> ReanalysisShape:
    """What the groups would be by what was said; nothing is kept."""
    with desk.store_lock() as library:
        return _shape(library, learning.reanalyse(library, preview=True))


@router.post("/feedback/reanalyse", status_code=202, responses={409: {"model": Problem}})
def reanalyse(desk: Answer) -> JobShape:
    """Make the groups again by what was said. No photo is opened."""

    def work(library: Library, meter: Meter) -> dict[str, Any]:
        meter.stage("grouping", None)
        found = learning.reanalyse(library)
        return {"groups": len(found.choices), "read": 0, "changed": len(found.changes)}

    return JobShape(**desk.jobs.start("reanalyse", "", work).to_json())


def _shape(library: Library, found: Reanalysis) -> ReanalysisShape:
    kept = [change.before or change.after for change in found.changes[:_SHOWN]]
    photos = library.store.assets.photos(choice.keep for choice in kept if choice)
    names = [photos[choice.keep].asset.name if choice and choice.keep in photos else "" for choice in kept]
    return ReanalysisShape(
        hidden=found.count("hidden"),
        new=found.count("new"),
        changed=found.count("changed"),
        touched=len(found.touched),
        groups=[
            RegroupedShape(
                kind=change.kind,
                name=readable(name),
                why=readable(change.why),
                said=codes(why=recognised(change.why)),
            )
            for change, name in zip(found.changes, names, strict=False)
        ],
    )
