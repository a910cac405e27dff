"""Groups as the page shows them: the shelf's card with the facts of its photos."""

from __future__ import annotations

from collections.abc import Iterable

from dedupe_app.library import Library
from dedupe_app.web.desk import photo_id
from dedupe_app.web.shapes import FactShape, GroupShape, LaneShape, PhotoShape, Summary
from dedupe_app.web.shelf import Card, Shelf
from dedupe_core.model import Choice, Photo
from dedupe_core.report_cards import PhotoCard, freed_bytes, group_card
from dedupe_core.words import readable


def shown(library: Library, shelf: Shelf, ids: Iterable[str]) -> list[GroupShape]:
    """The groups of these ids that are still there."""
    cards = (shelf.cards[identity] for identity in ids if identity in shelf.cards)
    found = (group_shape(library, shelf.run, card) for card in cards)
    return [group for group in found if group is not None]


def group_shape(library: Library, run: int, card: Card) -> GroupShape | None:
    """One group; None when another process took it away at this moment."""
    choice = library.store.runs.one(run, card.group.id)
    if choice is None:
        return None
    photos = library.store.assets.photos(member.row for member in card.members)
    told = group_card(0, choice, photos, library.connectors())
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
        photos=[_photo(photos[one.row], one, card, choice) for one in told.photos],
    )


def _photo(photo: Photo, told: PhotoCard, card: Card, choice: Choice) -> PhotoShape:
    facts = [FactShape(name=f.name, value=readable(f.value), delta=f.delta) for f in told.facts]
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
    )


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
