"""Groups as the page shows them: the shelf's card with the facts of its photos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.base import Connector
from dedupe_app.library import Library
from dedupe_app.web.desk import photo_id
from dedupe_app.web.recognise import recognised
from dedupe_app.web.shapes import FactShape, GroupShape, LaneShape, PhotoShape, Summary
from dedupe_app.web.shelf import Card, Shelf
from dedupe_app.web.telling import codes
from dedupe_core.model import Choice, Photo
from dedupe_core.report_cards import Fact, PhotoCard, freed_bytes, group_card
from dedupe_core.words import readable


def shown(library: Library, shelf: Shelf, ids: Iterable[str]) -> list[GroupShape]:
    """The groups of these ids that are still there."""
    cards = [shelf.cards[identity] for identity in ids if identity in shelf.cards]
    choices = library.store.runs.several(shelf.run, (card.group.id for card in cards))
    photos = library.store.assets.photos(member.row for card in cards for member in card.members)
    connectors = library.connectors()
    there = [card for card in cards if card.group.id in choices]
    return [_shape(card, choices[card.group.id], _members(card, photos), connectors) for card in there]


def group_shape(library: Library, shelf: Shelf, card: Card) -> GroupShape | None:
    """One group; None when another process took it away at this moment."""
    return next(iter(shown(library, shelf, [card.group.id])), None)


def _members(card: Card, photos: Mapping[int, Photo]) -> dict[int, Photo]:
    return {member.row: photos[member.row] for member in card.members if member.row in photos}


def _shape(card: Card, choice: Choice, photos: Mapping[int, Photo], connectors: Mapping[str, Connector]) -> GroupShape:
    told = group_card(0, choice, photos, connectors)
    decision = card.decision
    return GroupShape(
        id=card.group.id,
        version=card.version,
        lane=card.lane,
        relation=card.group.relation,
        score=None if card.group.relation in ("exact", "pixels") else round(card.group.score, 3),
        reason=readable(told.reason),
        bytes=card.freed,
        status="decided" if card.decided else "open",
        verb=decision.verb if decision else None,
        undo_token=decision.token if decision else None,
        same=list(told.same),
        said=codes(reason=recognised(told.reason)),
        photos=[_photo(photos[one.row], one, card, choice) for one in told.photos],
    )


def _photo(photo: Photo, told: PhotoCard, card: Card, choice: Choice) -> PhotoShape:
    facts = [fact(one) for one in told.facts]
    return PhotoShape(
        id=photo_id(photo),
        keep=photo.row not in card.drop,
        role="keep" if photo.row == choice.keep else "drop" if photo.row in choice.drop else "review",
        name=readable(told.name),
        folder=readable(photo.asset.folder),
        source=readable(told.source),
        size=freed_bytes(photo),
        width=photo.width,
        height=photo.height,
        chips=list(told.chips),
        facts=facts,
        why=readable(told.reason),
        evidence=readable(told.evidence),
        warning=readable(told.warning),
        said=codes(why=recognised(told.reason), evidence=recognised(told.evidence), warning=recognised(told.warning)),
    )


def fact(told: Fact) -> FactShape:
    """A field in which photos differ, as the page gets it."""
    return FactShape(name=told.name, value=readable(told.value), delta=told.delta, said=codes(value=told.value))


def summary(library: Library, shelf: Shelf) -> Summary:
    """Where things stand."""
    photos, size = shelf.planned
    lanes = {lane: LaneShape(**_plain(total)) for lane, total in shelf.lanes.items()}
    return Summary(
        run=shelf.run,
        lanes=lanes,
        planned_photos=photos,
        planned_bytes=size,
        photos=len(shelf.sizes),
        levels=list(library.settings.levels),
    )


def _plain(total: object) -> dict[str, int]:
    return {name: getattr(total, name) for name in LaneShape.model_fields}


def edge_between(choice: Choice, a: Photo, b: Photo) -> tuple[float, float, float, int] | None:
    """(overlap of a, overlap of b, scale of b onto a, symmetry that turns b onto a) as it was measured."""
    for edge in choice.group.edges:
        if {edge.a, edge.b} != {a.signature_row, b.signature_row} or edge.a == edge.b:
            continue
        seen = edge.evidence
        if edge.a == a.signature_row:
            return seen.overlap_a, seen.overlap_b, seen.scale, seen.symmetry
        return seen.overlap_b, seen.overlap_a, 1 / seen.scale if seen.scale else 1.0, _INVERSE[seen.symmetry]
    return None


_INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)
"""The symmetry that undoes another: quarter turns swap, all others undo themselves."""
