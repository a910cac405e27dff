"""Routes of the review: summary, lists of groups, one group, decisions one by one and in bulk, and taking them back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from dedupe_app.web import cards
from dedupe_app.web.answers import Answer
from dedupe_app.web.deciding import everybody, note, suggested, take_back
from dedupe_app.web.desk import Desk, photo_id, row_of
from dedupe_app.web.recognise import recognised
from dedupe_app.web.shapes import (
    ActPage,
    ActShape,
    BulkIn,
    BulkOut,
    CompareShape,
    Conflict,
    DecisionIn,
    DecisionOut,
    FacetsShape,
    GroupPage,
    GroupShape,
    Histogram,
    ListIn,
    Problem,
    Sieve,
    Summary,
    ThresholdIn,
    UndoIn,
    UndoOut,
    ValueShape,
)
from dedupe_app.web.shelf import Card, Shelf
from dedupe_app.web.sieve import MOST, Wanted
from dedupe_app.web.telling import codes, lean, refusal, refuse
from dedupe_core.report_cards import group_card
from dedupe_core.words import readable

router = APIRouter()
_SAMPLE = 6
_STEPS = 20
_WHOLE = 0.985  # of a picture on the other: less is not edge on edge
Words = Annotated[str, Query(max_length=200)]


@router.get("/summary")
def summary(desk: Answer) -> Summary:
    """Where things stand."""
    with desk.shelf() as shelf:
        return cards.summary(desk.library, shelf)


@router.get("/groups", responses={410: {"model": Problem}}, response_model=GroupPage)
def groups(
    desk: Answer,
    asked: Annotated[ListIn, Query()],
) -> Response:
    """A part of a list of groups. Without a cursor a new list is made; a cursor names a list and a place in it."""
    with desk.shelf() as shelf:
        if asked.cursor:
            name, _, number = asked.cursor.partition(".")
            ids, at = desk.list_of(name), int(number) if number.isascii() and number.isdigit() else -1
            if ids is None or at < 0:
                raise refuse(410, "old_list")
        else:
            name, ids = desk.new_list(_wanted(asked))
            at = 0
        part = ids[at : at + asked.limit]
        after = f"{name}.{at + asked.limit}" if at + asked.limit < len(ids) else None
        page = GroupPage(items=cards.shown(desk.library, shelf, part), next=after, total=len(ids), list=name)
    body = page.model_dump_json()  # of its shape already: not looked at again
    if asked.words == "codes":
        body = json.dumps(lean(json.loads(body)), ensure_ascii=False, separators=(",", ":"))
    return Response(body, media_type="application/json")


@router.get("/facets")
def facets(
    desk: Answer, lane: Words = "", status: Annotated[str, Query(pattern="^(open|decided)$")] = "open"
) -> FacetsShape:
    """What the groups of a lane can be filtered by."""
    known = desk.facets(lane, status)
    return FacetsShape(
        sources=_values(_commonest(known.sources)),
        folders=_values(_commonest(known.folders)),
        labels=_values(_commonest(known.labels)),
        formats=_values(_commonest(known.formats)),
        taken=_values(sorted(known.taken.items(), reverse=True)),
        relations=_values(_commonest(known.relations)),
        people=known.people,
        persons=_values(_commonest(known.persons)),
    )


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
            raise refuse(404, "not_in_group")
        pair = {by_id[one].row: by_id[one] for one in (a, b)}
        told = {p.row: p for p in group_card(0, choice, pair, desk.library.connectors()).photos}
    facts = [cards.fact(one) for one in told[by_id[b].row].facts]
    seen = told[by_id[b].row].evidence or told[by_id[a].row].evidence
    laid = cards.edge_between(choice, by_id[a], by_id[b])
    matrix = desk.darkroom.laid_on(by_id[a], by_id[b], laid[3] if laid else 0) if _may_be_cropped(card, laid) else None
    return CompareShape(
        differences=facts,
        evidence=readable(seen),
        said=codes(evidence=recognised(seen)),
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
            return _conflict(desk, shelf, card, "photo_changed")
        if not stay:
            raise refuse(422, "one_stays")
        if card.decision is None or card.decision.verb != said.verb or set(card.keep) != stay:
            if said.version != card.version:
                return _conflict(desk, shelf, card, "group_changed")
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
        found = [shelf.cards[one] for one in desk.sieved(_wanted(said.filter))]
        able = [card for card in found if card.drop or said.verb == "keep_all"]
        if not said.dry_run and said.expected_groups != len(able):
            raise refuse(409, "other_count", now=len(able), was=said.expected_groups)
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
            raise refuse(404, "no_decision")
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
        raise refuse(404, "no_group")
    return card


def _shape(desk: Desk, shelf: Shelf, card: Card) -> GroupShape:
    found = cards.group_shape(desk.library, shelf, card)
    if found is None:
        raise refuse(404, "no_group")
    return found


def _conflict(desk: Desk, shelf: Shelf, card: Card, code: str) -> JSONResponse:
    sentence = refusal(code)
    body = Conflict(error=sentence, said=codes(error=sentence), group=cards.group_shape(desk.library, shelf, card))
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


def _wanted(asked: Sieve) -> Wanted:
    """What a list or a bulk decision asks for; a place in a list is no part of it."""
    return Wanted(**asked.model_dump(exclude={"cursor", "limit", "words"}))


def _commonest(found: Mapping[str, int]) -> list[tuple[str, int]]:
    """What most groups have comes first; of equally many, in the order of their names."""
    return sorted(found.items(), key=lambda one: (-one[1], one[0].casefold(), one[0]))[:MOST]


def _values(found: Iterable[tuple[str, int]]) -> list[ValueShape]:
    return [ValueShape(value=readable(value), groups=count) for value, count in found]


def _spread(found: list[Card]) -> list[Card]:
    """Some from the whole length of the list, not only its head."""
    step = max(1, len(found) // _SAMPLE)
    return found[::step][:_SAMPLE]
