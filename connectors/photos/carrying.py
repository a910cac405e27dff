"""What a photo takes over from copies that go, as Photos knows it: albums and keywords are labels no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.photos import labels

WORDS: Mapping[str, str] = {"Keepers": "keepone:keep", "Redundant": "keepone:redundant"}
"""The keywords that go with our albums, where they are wanted."""


@dataclass(frozen=True, slots=True)
class Carry:
    """What is added to a photo; an empty field adds nothing. Nothing that it has is ever replaced."""

    keywords: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    favorite: bool = False
    title: str = ""
    description: str = ""
    place: tuple[float, float] | None = None


def carry_of(gifts: Mapping[str, Any], folder: str, words: bool) -> Carry:
    """The contract's gifts. `words`: albums of ours (below `folder`) bring their keyword with them."""
    given = [str(label) for label in gifts.get("labels", ())]
    albums = tuple(label for label in given if not label.startswith("#"))
    ours = [WORDS[role] for label in albums if (role := role_of(label, folder)) and words]
    place = gifts.get("place")
    return Carry(
        keywords=(*(label[1:] for label in given if label.startswith("#")), *ours),
        albums=albums,
        favorite=bool(gifts.get("favorite")),
        title=str(gifts.get("title", "")),
        description=str(gifts.get("description", "")),
        place=(float(place[0]), float(place[1])) if place else None,
    )


def role_of(label: str, folder: str) -> str:
    """ "Keepers" or "Redundant" for an album of ours, else ""."""
    role = label.rpartition("/")[2]
    return role if role in WORDS and labels.below(label, folder) else ""
