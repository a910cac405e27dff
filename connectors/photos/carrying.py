"""What a keeper takes over from the copies that go: decided from listings alone, so that it can be shown before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.base import FAVORITE, Asset
from connectors.photos import labels

OWN_WORDS = "keepone:"


@dataclass(frozen=True, slots=True)
class Carry:
    """What is added to the keeper; an empty field adds nothing. Nothing that the keeper has is ever replaced."""

    keywords: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    favorite: bool = False
    title: str = ""
    description: str = ""
    place: tuple[float, float] | None = None

    def __bool__(self) -> bool:
        return any((self.keywords, self.albums, self.favorite, self.title, self.description, self.place))


def preview(keeper: Asset, others: Sequence[Asset], folder: str) -> Carry:
    """What the keeper lacks and one of the others has, the first in the given order where they differ. Albums below
    `folder` and keywords of ours are no one's metadata."""
    theirs = {label for other in others for label in other.labels} - keeper.labels
    words = sorted(label[1:] for label in theirs if label.startswith("#"))
    albums = (label for label in theirs if not label.startswith("#") and not labels.below(label, folder))
    return Carry(
        keywords=tuple(word for word in words if not word.startswith(OWN_WORDS)),
        albums=tuple(sorted(albums)),
        favorite=FAVORITE not in keeper.flags and any(FAVORITE in other.flags for other in others),
        title="" if keeper.title else next((other.title for other in others if other.title), ""),
        description="" if keeper.description else next((one.description for one in others if one.description), ""),
        place=None if keeper.place else next((other.place for other in others if other.place), None),
    )


def sentences(keeper: Asset, carry: Carry) -> Iterator[str]:
    """What will be done, a line each."""
    for album in carry.albums:
        yield f"{keeper.name} is added to the album {album}."
    if carry.keywords:
        yield f"{keeper.name} gets the keywords {', '.join(carry.keywords)}."
    if carry.favorite:
        yield f"{keeper.name} becomes a favourite."
    for name, text in (("title", carry.title), ("description", carry.description)):
        if text:
            yield f"{keeper.name} gets the {name} “{text}”."
    if carry.place:
        yield f"{keeper.name} gets the place {carry.place[0]:.5f}, {carry.place[1]:.5f}."
