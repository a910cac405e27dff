"""The job that runs unattended: duplicates into albums, and out of them when they are none any more.

The albums are `<folder>/<date>/Keepers` and `<folder>/<date>/Redundant`. A photo that is in one of them, of whatever
date, is not added again; one that is no longer wanted leaves. So a second run adds nothing, and the newest date holds
what is new. Nothing is deleted and no album of a person is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from connectors.base import Asset, NotFound, Receipt
from connectors.photos import labels
from connectors.photos.albums import Opened
from connectors.photos.connector import PhotosConnector

Role = Literal["Keepers", "Redundant"]
Record = Callable[[Asset, str, bool, Receipt | None], None]
"""Told of every change: before it without a receipt, after it with one. Asset, label, on or off."""

_ROLES: tuple[Role, ...] = ("Keepers", "Redundant")
_WORDS: Mapping[Role, str] = {"Keepers": "keepone:keep", "Redundant": "keepone:redundant"}


@dataclass(slots=True)
class Tagged:
    """What a run did. `failed` has a sentence for each photo (by uuid) that stayed as it was."""

    added: int = 0
    left: int = 0
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def tag_duplicates(
    connector: PhotosConnector,
    keepers: Collection[Asset],
    redundant: Collection[Asset],
    listed: Collection[Asset],
    day: date,
    record: Record,
    words: bool = False,
) -> Tagged:
    """Make the albums say what the newest groups say. `listed` is the newest listing of the whole source: who of it is
    in one of our albums and is wanted there no more leaves. `words` sets keywords too. A photo that changed or that
    Photos does not hand out is one line in the result; Photos not answering ends the run with its error."""
    result = Tagged()
    wanted = {"Keepers": {a.id.key: a for a in keepers}, "Redundant": {a.id.key: a for a in redundant}}
    for role in _ROLES:
        _leave(connector, role, [a for a in listed if a.id.key not in wanted[role]], record, result)
        _join(connector, role, list(wanted[role].values()), day, record, result)
        if words:
            _set_words(connector, role, wanted[role], listed, record, result)
    return result


def in_role(asset: Asset, role: Role, folder: str) -> list[str]:
    """The labels of our albums of this role that the asset is in."""
    return sorted(label for label in asset.labels if labels.below(label, folder) and label.endswith(f"/{role}"))


def _join(
    connector: PhotosConnector, role: Role, assets: Collection[Asset], day: date, record: Record, result: Tagged
) -> None:
    folder = connector.options.folder
    now = connector.look_at(assets)
    todo = []
    for asset in assets:
        here = now.get(asset.id.key)
        if here is None or here.revision != asset.revision:
            result.failed[asset.id.key] = f"{asset.name} changed in Photos since it was compared. Scan again."
        elif in_role(here, role, folder):
            result.unchanged += 1
        else:
            todo.append(here)
    todo = [asset for asset in todo if _is_there(connector, asset, result)]
    if todo:
        _add(connector, f"{folder}/{day.isoformat()}/{role}", todo, record, result)


def _add(connector: PhotosConnector, label: str, todo: list[Asset], record: Record, result: Tagged) -> None:
    writing = connector.writing
    album = writing.albums.open(label, make=False)
    before = writing.albums.members(album) if album else frozenset()
    for asset in todo:
        record(asset, label, True, None)
    album = album or writing.albums.open(label)
    assert album is not None
    failed = writing.albums.add(album, [asset.id.key for asset in todo])
    for asset in todo:
        if asset.id.key in failed:
            result.failed[asset.id.key] = failed[asset.id.key]
        elif asset.id.key in before:
            result.unchanged += 1
        else:
            result.added += 1
            record(asset, label, True, writing.joined(asset, album))


def _leave(connector: PhotosConnector, role: Role, others: list[Asset], record: Record, result: Tagged) -> None:
    folder, writing = connector.options.folder, connector.writing
    leaving: dict[str, list[Asset]] = {}
    for asset in others:
        for label in in_role(asset, role, folder):
            leaving.setdefault(label, []).append(asset)
    for label, assets in leaving.items():
        album = writing.albums.open(label, make=False)
        if album is None:
            continue
        for asset in assets:
            record(asset, label, False, None)
        writing.albums.take_out(album, [asset.id.key for asset in assets])
        _told(connector, album, assets, record, result)
        _tidy(connector, album)


def _told(connector: PhotosConnector, album: Opened, assets: list[Asset], record: Record, result: Tagged) -> None:
    for asset in assets:
        result.left += 1
        record(asset, album.label, False, connector.writing.left(asset, album))


def _tidy(connector: PhotosConnector, album: Opened) -> None:
    now = connector.writing.albums.again(album.key, album.label)
    if now is not None:
        connector.writing.albums.drop_if_empty(now)


def _set_words(
    connector: PhotosConnector,
    role: Role,
    wanted: Mapping[str, Asset],
    listed: Collection[Asset],
    record: Record,
    result: Tagged,
) -> None:
    label = labels.keyword_label(_WORDS[role])
    changes = [(a, False) for a in listed if label in a.labels and a.id.key not in wanted]
    here = {a.id.key for a in listed if label in a.labels}
    changes += [(a, True) for key, a in wanted.items() if key not in here and key not in result.failed]
    for asset, on in changes:
        record(asset, label, on, None)
        try:
            record(asset, label, on, connector.tag(asset, label, on, ""))
        except NotFound as error:
            result.failed[asset.id.key] = str(error)


def _is_there(connector: PhotosConnector, asset: Asset, result: Tagged) -> bool:
    """The right library is open, and hands this photo out."""
    try:
        connector.writing.check(asset)
    except NotFound as error:
        result.failed[asset.id.key] = str(error)
        return False
    return True
