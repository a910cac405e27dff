"""Where an asset lies, and the folder patterns with which people speak of places."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase

from connectors.base import MANAGED, PROTECTED, Asset


def matches(asset: Asset, pattern: str) -> bool:
    """True when the asset lies in a folder of this pattern, or anywhere below one.

    `pattern` is a glob over the folder as its source names it ("Pictures/2024", "*/WhatsApp Images"), or with the
    source's name before it ("phone:DCIM"). Upper and lower case and the two Unicode spellings of one name are the same
    here: a pattern that protects must not miss a folder by its spelling."""
    wanted = _plain(pattern)
    if not wanted:
        return False
    folder = _plain(asset.folder)
    source = unicodedata.normalize("NFC", asset.id.source).casefold()
    parts = folder.split("/") if folder else []
    paths = ["", *("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))]
    return any(fnmatchcase(path, wanted) or fnmatchcase(f"{source}:{path}", wanted) for path in paths)


def first_match(asset: Asset, patterns: Sequence[str]) -> int | None:
    """The index of the first pattern that the asset's folder matches."""
    return next((index for index, pattern in enumerate(patterns) if matches(asset, pattern)), None)


def is_protected(asset: Asset, patterns: Sequence[str]) -> bool:
    """True when nothing may be dropped from where the asset lies: its source says so, or a pattern does."""
    return PROTECTED in asset.flags or first_match(asset, patterns) is not None


def perhaps_one(a: Asset, b: Asset) -> bool:
    """Could these two listings be one photo reached by two ways, as a sync folder and its cloud are?

    Two assets of one source are two, and so are two whose lasting identities are of one kind and differ, and those of a
    source that keeps its photos to itself. Else a name
    that both have, in folders of which one is the tail of the other, is enough to leave it to a person."""
    if a.aliases & b.aliases:
        return True
    if a.id.source == b.id.source or MANAGED in a.flags | b.flags:
        return False
    if _told_apart(a, b) or _plain(a.name) != _plain(b.name):
        return False
    short, long = sorted(([part for part in _plain(one.folder).split("/") if part] for one in (a, b)), key=len)
    return not short or long[-len(short) :] == short


def _told_apart(a: Asset, b: Asset) -> bool:
    """A "path:" token says that the other tokens beside it may change with the spelling of the path."""
    kinds = [{token.partition(":")[0] for token in one.aliases} for one in (a, b)]
    return bool(kinds[0] & kinds[1]) and "path" not in kinds[0] | kinds[1]


def show(asset: Asset) -> str:
    """ "folder/name", for sentences."""
    return f"{asset.folder}/{asset.name}" if asset.folder else asset.name


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().strip("/")
