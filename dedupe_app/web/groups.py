"""Routes of the review: summary, lists of groups, one group, decisions one by one and in bulk, and taking them back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from dedupe_app.web import cards
from dedupe_app.web.answers import Answer, refuse
from dedupe_app.web.deciding import everybody, note, suggested, take_back
from dedupe_app.web.desk import Desk, photo_id, row_of
from dedupe_app.web.shapes import (
    ActPage,
    ActShape,
    BulkIn,
    BulkOut,
    CompareShape,
    Conflict,
    DecisionIn,
    DecisionOut,
    FactShape,
    Filter,
    GroupPage,
    GroupShape,
    Histogram,
    Problem,
    Summary,
    ThresholdIn,
    UndoIn,
    UndoOut,
)
from dedupe_app.web.shelf import SORTS, STATUSES, Card, Shelf, Wanted
from dedupe_core.report_cards import group_card
from dedupe_core.words import readable

router = APIRouter()
_SAMPLE = 6
_STEPS = 20
_WHOLE = 0.985  # of a picture on the other: less is not edge on edge
_GONE = "This list is of an earlier run. Load the page again."
Words = Annotated[str, Query(max_length=200)]


@router.get("/summary")
def summary(desk: Answer) -> Summary:
    """Where things stand."""
    with desk.shelf() as shelf:
        return cards.summary(desk.library, shelf)


@router.get("/groups", responses={410: {"model": Problem}})
def groups(
    desk: Answer,
    lane: Annotated[str, Query(pattern="^(|identical|same|similar|sets)$")] = "",
    status: Annotated[str, Query(pattern=f"^({'|'.join(STATUSES)})$")] = "open",
    sort: Annotated[str, Query(pattern=f"^({'|'.join((*SORTS, 'decided'))})$")] = "bytes",
    source: Words = "",
    q: Words = "",
    year: Annotated[int, Query(ge=0, le=9999)] = 0,
    min_score: Annotated[float, Query(ge=0, le=1)] = 0.0,
    min_bytes: Annotated[int, Query(ge=0, le=2**53)] = 0,
    across: bool = False,
    cursor: Annotated[str, Query(max_length=60)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> GroupPage:
    """A part of a list of groups. Without a cursor a new list is made; a cursor names a list and a place in it."""
    with desk.shelf() as shelf:
        if cursor:
            name, _, number = cursor.partition(".")
            ids, at = desk.list_of(name), int(number) if number.isascii() and number.isdigit() else -1
            if ids is None or at < 0:
                raise refuse(410, _GONE)
        else:
            wanted = Wanted(lane, status, sort, source, q, year, min_score, min_bytes, across)
            name, ids = desk.new_list(wanted)
            at = 0
        part = ids[at : at + limit]
        after = f"{name}.{at + limit}" if at + limit < len(ids) else None
        return GroupPage(items=cards.shown(desk.library, shelf, part), next=after, total=len(ids), list=name)


@router.get("/groups/{group_id}", responses={404: {"model": Problem}})
def group(desk: Answer, group_id: str) -> GroupShape:
    """One group as it is now."""
    with desk.shelf() as shelf:
        return _shape(desk, shelf, _card(shelf, group_id))


@router.get("/compare", responses={404: {"model": Problem}})
def compare(desk: Answer, group_id: Words, a: Words, b: Words) -> CompareShape:
    """Two photos of a group: where they differ, and how they lie on each other."""
    with desk.shelf() as shelf:
        card = _card(shelf, group_id)
        choice = desk.library.store.runs.one(shelf.run, card.group.id)
        by_id = {photo_id(p): p for p in desk.library.store.assets.photos(m.row for m in card.members).values()}
        if choice is None or a not in by_id or b not in by_id:
            raise refuse(404, "These photos are not in this group any more. Load the page again.")
        pair = {by_id[one].row: by_id[one] for one in (a, b)}
        told = {p.row: p for p in group_card(0, choice, pair, desk.library.connectors()).photos}
    facts = [FactShape(name=f.name, value=readable(f.value), delta=f.delta) for f in told[by_id[b].row].facts]
    laid = cards.edge_between(choice, by_id[a], by_id[b])
    matrix = desk.darkroom.laid_on(by_id[a], by_id[b], laid[3] if laid else 0) if _may_be_cropped(card, laid) else None
    return CompareShape(
        differences=facts,
        evidence=readable(told[by_id[b].row].evidence or told[by_id[a].row].evidence),
        symmetry=laid[3] if laid else 0,
        scale=laid[2] if laid else None,
        overlap_a=laid[0] if laid else None,
        overlap_b=laid[1] if laid else None,
        matrix=list(matrix) if matrix else None,
    )


def _may_be_cropped(card: Card, laid: tuple[float, float, float, int] | None) -> bool:
    """Do two pictures perhaps not lie on each other edge on edge?"""
    if card.group.relation in ("exact", "pixels"):
        return False
    return laid is None or min(laid[:2]) < _WHOLE


@router.post(
    "/decisions",
    responses={404: {"model": Problem}, 409: {"model": Conflict}},
    response_model=DecisionOut,
)
def decide(desk: Answer, said: DecisionIn) -> DecisionOut | JSONResponse:
    """Note a decision. Saying the same twice is saying it once; a version that is no longer true is answered with the
    group as it is."""
    with desk.shelf() as shelf:
        card = _card(shelf, said.group_id)
        stay = _stay(desk, card, said)
        if stay is None:
            return _conflict(desk, shelf, card, "A photo of this group changed. Look at it again.")
        if not stay:
            raise refuse(422, "One photo of each group stays. Choose which.")
        if card.decision is None or card.decision.verb != said.verb or set(card.keep) != stay:
            if said.version != card.version:
                return _conflict(desk, shelf, card, "This group changed meanwhile. Look at it again.")
            note(desk.library.store, shelf, [(card, said.verb, stay)])
        assert card.decision is not None
        token = card.decision.token
        return DecisionOut(
            undo_token=token, group=_shape(desk, shelf, card), summary=cards.summary(desk.library, shelf)
        )


@router.post("/decisions/bulk", responses={409: {"model": Problem}})
def bulk(desk: Answer, said: BulkIn) -> BulkOut:
    """Decide all open groups of a filter as suggested, or keep everything in them; first dry, then for real."""
    with desk.shelf() as shelf:
        found = [shelf.cards[one] for one in shelf.find(_wanted(said.filter))]
        able = [card for card in found if card.drop or said.verb == "keep_all"]
        if not said.dry_run and said.expected_groups != len(able):
            raise refuse(409, f"It is {len(able)} groups now, not {said.expected_groups}. Look at them again.")
        accept = said.verb == "accept"
        photos = sum(len(card.drop) for card in able) if accept else 0
        size = sum(card.freed for card in able) if accept else 0
        token = None
        if not said.dry_run and able:
            answers = [suggested(card) if accept else everybody(card, "keep_all") for card in able]
            token = note(desk.library.store, shelf, answers)
        return BulkOut(
            groups=len(able),
            photos=photos,
            bytes=size,
            left_open=len(found) - len(able),
            sample=cards.shown(desk.library, shelf, (card.group.id for card in _spread(able))),
            undo_token=token,
            summary=cards.summary(desk.library, shelf),
        )


@router.post("/undo", responses={404: {"model": Problem}})
def undo(desk: Answer, said: UndoIn) -> UndoOut:
    """Take back an act. What was decided before it counts again; doing it twice changes nothing more."""
    with desk.shelf() as shelf:
        back = take_back(desk.library.store, shelf, said.undo_token)
        if back is None:
            raise refuse(404, "There is no such decision.")
        count, touched = back
        return UndoOut(
            count=count,
            groups=cards.shown(desk.library, shelf, (card.group.id for card in touched[:_SAMPLE])),
            summary=cards.summary(desk.library, shelf),
        )


@router.get("/decisions")
def decisions(
    desk: Answer,
    cursor: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ActPage:
    """What was decided, act by act, newest first."""
    with desk.store_lock() as library:
        rows = library.store.decisions.acts(cursor, limit)
    items = [
        ActShape(
            undo_token=row["token"],
            at=row["at"],
            group=row["grp"],
            name=readable(str(row["key"]).rpartition("/")[2]),
            groups=row["groups"],
            photos=row["photos"] or 0,
            bytes=row["size"] or 0,
            verb=row["verb"],
            revoked=row["revoked_at"] is not None,
        )
        for row in rows
    ]
    return ActPage(items=items, next=int(rows[-1]["last"]) if len(rows) == limit else None)


@router.post("/thresholds/preview")
def threshold(desk: Answer, said: ThresholdIn) -> Histogram:
    """How many groups of a lane have at least this score, without a scan: only what was found is counted."""
    with desk.shelf() as shelf:
        lane = [card for card in shelf.cards.values() if card.lane == said.lane and not card.decided]
        steps = [0] * _STEPS
        for card in lane:
            steps[max(0, min(_STEPS - 1, int(card.group.score * _STEPS)))] += 1
        above = [card for card in lane if card.group.score >= said.value]
        return Histogram(groups=len(above), photos=sum(len(card.members) for card in above), histogram=steps)


def _card(shelf: Shelf, group: str) -> Card:
    card = shelf.cards.get(group)
    if card is None:
        raise refuse(404, "This group is not there any more. Load the page again.")
    return card


def _shape(desk: Desk, shelf: Shelf, card: Card) -> GroupShape:
    found = cards.group_shape(desk.library, shelf.run, card)
    if found is None:
        raise refuse(404, "This group is not there any more. Load the page again.")
    return found


def _conflict(desk: Desk, shelf: Shelf, card: Card, sentence: str) -> JSONResponse:
    body = Conflict(error=sentence, group=cards.group_shape(desk.library, shelf.run, card))
    return JSONResponse(body.model_dump(mode="json"), 409)


def _stay(desk: Desk, card: Card, said: DecisionIn) -> set[int] | None:
    """The rows that stay by what was said; None when an id names no photo of the group as it is now."""
    members = {member.row for member in card.members}
    if said.verb != "keep":
        return members
    rows = {one: row_of(one) for one in said.keep}
    photos = desk.library.store.assets.photos(row for row in rows.values() if row in members)
    for one, row in rows.items():
        if row is None or row not in photos or photo_id(photos[row]) != one:
            return None
    return {row for row in rows.values() if row is not None}


def _wanted(asked: Filter) -> Wanted:
    return Wanted(
        lane=asked.lane,
        source=asked.source,
        text=asked.text,
        year=asked.year,
        min_score=asked.min_score,
        min_bytes=asked.min_bytes,
        across=asked.across,
    )


def _spread(found: list[Card]) -> list[Card]:
    """Some from the whole length of the list, not only its head."""
    step = max(1, len(found) // _SAMPLE)
    return found[::step][:_SAMPLE]
