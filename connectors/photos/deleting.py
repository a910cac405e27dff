"""Into Recently Deleted, together with the person: the one removal that Photos allows a program.

No program can bring these photos back; the person can, for 30 days, in Recently Deleted, on every device that shares
the library. So this is never done unattended, every photo is proved again just before, macOS asks once for each batch,
and afterwards the library is read again to tell what really happened.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.base import CLOUD_ONLY, FAVORITE, PROTECTED, SHARED, Asset, AssetId, ConnectorError, Part, Refused
from connectors.photos.connector import PhotosConnector
from connectors.photos.fingerprint import DIGEST, digest_of
from connectors.photos.library import is_system_library
from connectors.photos.photokit import PhotoKit

BATCH = 500
WARNING = (
    "These photos go to Recently Deleted of Photos, on all devices that share this library. KeepOne cannot bring them "
    "back; you can, for 30 days: Photos > Recently Deleted > Recover."
)
_SECONDS, _EVERY = 20.0, 1.0


@dataclass(frozen=True, slots=True)
class Removal:
    """One photo that goes, and the one that stays for it."""

    asset: Asset
    keeper: Asset


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one removal. `deleted`: it is in Recently Deleted. `unknown`: Photos said yes, and the library
    does not show it yet; look there before anything is done again."""

    asset: Asset
    state: Literal["deleted", "stays", "refused", "unknown"]
    sentence: str = ""


def by_launchd() -> bool:
    """Was this process started by launchd, where nobody can answer a question?"""
    return os.environ.get("XPC_SERVICE_NAME", "0") not in ("", "0") and not os.environ.get("TERM")


def delete(
    connector: PhotosConnector,
    removals: Sequence[Removal],
    asked: bool,
    record: Callable[[Removal, Outcome | None], None],
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[Outcome]:
    """Prove, ask and look, batch by batch. `asked` says that a person saw `WARNING` and said yes in a terminal or on
    the page. `record` is told of each removal before its batch and after it. A no ends the run: what was not asked yet
    stays. Raises `Refused` before anything is done when nobody asked or PhotoKit serves another library."""
    photokit = _permitted(connector, asked)
    going = {removal.asset.id for removal in removals}
    said_no = ""
    for batch in _batches(removals):
        if said_no:
            yield from _told(batch, "refused", said_no, record)
            continue
        proved, stays = _proved(connector, batch, going)
        yield from stays
        if not proved:
            continue
        for removal in proved:
            record(removal, None)
        try:
            photokit.delete([removal.asset.id.key for removal in proved])
        except Refused as error:
            said_no = str(error)
            yield from _told(proved, "refused", said_no, record)
        except ConnectorError as error:
            yield from _seen(connector, proved, record, wait, str(error))
        else:
            yield from _seen(connector, proved, record, wait, "")


def _permitted(connector: PhotosConnector, asked: bool) -> PhotoKit:
    if not asked or by_launchd():
        raise Refused("Photos are only deleted when a person asks for it, in a terminal or on the page.")
    if connector.options.read_only or connector.photokit is None:
        raise Refused(f"{connector.name} cannot delete: it is read_only, or this is no Mac.")
    if not is_system_library(connector.library):
        raise Refused(
            f"{connector.library.name} is not the system's library, and only from that can photos be deleted. Tag them "
            "into an album instead, or make it the system's library: Photos > Settings > Use as System Photo Library."
        )
    return connector.photokit


def _batches(removals: Sequence[Removal]) -> Iterator[list[Removal]]:
    todo = iter(removals)
    while batch := list(itertools.islice(todo, BATCH)):
        yield batch


def _proved(
    connector: PhotosConnector, batch: Sequence[Removal], going: set[AssetId]
) -> tuple[list[Removal], list[Outcome]]:
    now = connector.look_at([asset for removal in batch for asset in (removal.asset, removal.keeper)])
    proved, stays = [], []
    for removal in batch:
        why = _why_not(connector, removal, now, going)
        if why:
            stays.append(Outcome(removal.asset, "stays", why))
        else:
            proved.append(removal)
    return proved, stays


def _why_not(connector: PhotosConnector, removal: Removal, now: dict[str, Asset], going: set[AssetId]) -> str:
    """The sentence that keeps a photo where it is; "" when it may go."""
    victim, keeper = now.get(removal.asset.id.key), now.get(removal.keeper.id.key)
    name = removal.asset.name
    if victim is None or victim.revision != removal.asset.revision:
        return f"{name} changed or is gone. Scan again."
    if keeper is None or keeper.revision != removal.keeper.revision or keeper.id.source != victim.id.source:
        return f"{removal.keeper.name}, which was to stay for {name}, changed or is gone. Scan again."
    if victim.id == keeper.id or keeper.id in going:
        return f"{removal.keeper.name}, which was to stay for {name}, is to be deleted itself."
    if victim.flags & {FAVORITE, PROTECTED, SHARED}:
        return f"{name} is a favourite, shared or protected: it stays."
    if victim.burst:
        return f"{name} stands for a whole burst, which would go with it: it stays."
    if any(part.role == "edit" and not _same_edit(part, keeper) for part in victim.parts):
        return f"{name} has an edit of its own: it stays."
    lost = {part.role for part in victim.parts} - {part.role for part in keeper.parts}
    if lost:
        return f"{name} has something that {keeper.name} lacks ({', '.join(sorted(lost))}): it stays."
    if "missing" in keeper.flags:
        return f"The original of {keeper.name}, which was to stay, is neither here nor in iCloud."
    return _bytes_differ(connector, keeper) or _bytes_differ(connector, victim)


def _same_edit(edit: Part, keeper: Asset) -> bool:
    return bool(edit.revision) and any(part.role == "edit" and part.revision == edit.revision for part in keeper.parts)


def _bytes_differ(connector: PhotosConnector, asset: Asset) -> str:
    """Where the original is here, it is read now and has to be what its fingerprint says."""
    if CLOUD_ONLY in asset.flags or not asset.digests:
        return "" if asset.digests else f"{asset.name} has no fingerprint, so nothing is proved about its bytes."
    path = connector.path(asset)
    if path is None:
        return ""
    try:
        with path.open("rb") as stream:
            same = digest_of(stream) == asset.digests[DIGEST]
    except OSError as error:
        return f"{asset.name} cannot be read: {error.strerror or error}."
    return "" if same else f"The file of {asset.name} is not what Photos has recorded: it is damaged or was changed."


def _seen(
    connector: PhotosConnector,
    proved: Sequence[Removal],
    record: Callable[[Removal, Outcome | None], None],
    wait: Callable[[float], None],
    error: str,
) -> Iterator[Outcome]:
    """Read the library again, patiently: Photos writes it a moment later."""
    waited = 0.0
    while True:
        there = connector.look_at([removal.asset for removal in proved])
        if error or not there or waited >= _SECONDS:
            break
        wait(_EVERY)
        waited += _EVERY
    for removal in proved:
        gone = removal.asset.id.key not in there
        state: Literal["deleted", "stays", "unknown"] = "deleted" if gone else "stays" if error else "unknown"
        said = "" if gone else error or "Photos said yes, and its library does not show it yet. Look into it later."
        outcome = Outcome(removal.asset, state, said)
        record(removal, outcome)
        yield outcome


def _told(
    removals: Sequence[Removal],
    state: Literal["refused"],
    said: str,
    record: Callable[[Removal, Outcome | None], None],
) -> Iterator[Outcome]:
    for removal in removals:
        outcome = Outcome(removal.asset, state, said)
        record(removal, outcome)
        yield outcome
