"""Labels of an asset: albums and keywords in one set of words.

An album is its path, "Folder/Album"; a keyword has "#" before it. A slash inside a name is written "//", and an album
whose path begins with "#" gets a slash before it, so that every name survives the round trip.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BETWEEN = re.compile(r"(?<!/)/(?!/)")


@dataclass(frozen=True, slots=True)
class Album:
    """An album as a label names it."""

    folders: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword as a label names it."""

    word: str


def album_label(folders: Sequence[str], title: str) -> str:
    """The label of an album."""
    path = "/".join(name.replace("/", "//") for name in (*folders, title))
    return f"/{path}" if path.startswith("#") else path


def keyword_label(word: str) -> str:
    """The label of a keyword."""
    return f"#{word}"


def parse(label: str) -> Album | Keyword:
    """What a label means."""
    if label.startswith("#"):
        return Keyword(label[1:])
    path = label[1:] if label.startswith("/#") else label
    *folders, title = (name.replace("//", "/") for name in _BETWEEN.split(path))
    return Album(tuple(folders), title)


def below(label: str, folder: str) -> bool:
    """True for an album inside `folder`, and for an album that is called so."""
    return label == folder or label.startswith(folder + "/")
