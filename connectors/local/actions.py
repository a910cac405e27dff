"""The writes of local folders: put away, move, bring back, settle. Each is one `unit`, all or nothing.

What is put away is renamed inside its own volume into a quarantine folder that a person can read and empty without our
program; with `trash: system` it goes to the system's trash instead, from where only the person can bring it back.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from connectors.base import (
    Asset,
    AssetId,
    Changed,
    Connector,
    ConnectorError,
    NotFound,
    Receipt,
    Refused,
    Unavailable,
    Unsupported,
    Verb,
)
from connectors.local import files
from connectors.local.placing import begun, check, free_places, give_back, place, restored_marks, take
from connectors.local.unit import (
    OWN,
    Unit,
    UnitVerb,
    build,
    claim,
    exists,
    forget,
    home_of,
    load,
    note,
    record_of,
    unit_from,
)

_SENTENCES = {
    errno.ENOSPC: "the disk is full. Make room and run it again.",
    errno.EDQUOT: "the disk quota is used up. Make room and run it again.",
    errno.EROFS: "the disk is read-only. Make it writable, or protect this folder in the configuration.",
    errno.EACCES: "there is no permission to write there. Change the folder's rights, or protect it.",
    errno.EPERM: "the system does not permit it. Change the folder's rights, or protect it.",
    errno.EXDEV: "it lies behind a mount that looks like the same disk. Make that folder a source of its own.",
    errno.EIO: "the disk reports an error. Check the disk before anything else.",
    errno.ELOOP: "a symbolic link stands in its path.",
    errno.ENOTDIR: "a symbolic link or a file stands in its path.",
    errno.EEXIST: "its new name was taken at this very moment. Run it again.",
}


class _TrashOption(Protocol):
    @property
    def trash(self) -> str: ...


class LocalActions(Connector):
    """What `LocalConnector` can do to files. It provides `root`, `options.trash`, `look` and `open`."""

    root: Path
    options: _TrashOption

    def delete(self, asset: Asset, token: str) -> Receipt:
        """Into the quarantine (or the system's trash). When `asset.digests` has a sha256, the bytes that were taken are
        held against it and anything else is put back. `receipt.after["frees"]` tells what emptying would free."""
        if self.options.trash == "system":
            return self._to_system_trash(asset, token)
        with self._at_work(asset.name) as root:
            unit = self._seen(root, asset, token, "delete")
            with _all_or_nothing(root, unit):
                _carry(root, unit)
        return _receipt(unit)

    def move(self, asset: Asset, folder: str, token: str) -> Receipt:
        """Into `folder` (below the root), by rename inside a volume, else by a copy that was read back equal."""
        files.components(folder)
        with self._at_work(asset.name) as root:
            unit = self._seen(root, asset, token, "move")
            if folder == files.split(asset.id.key)[0]:
                raise Refused(f"{asset.name} is in {folder or 'the top folder'} already.")
            count = len(unit.items)
            targets = free_places(root, unit, [folder] * count, _numbered(), [True] * count)
            unit = replace(unit, targets=targets)
            _refuse_without_room(root, unit, folder)
            with _all_or_nothing(root, unit):
                _carry(root, unit)
        return _receipt(unit)

    def restore(self, receipt: Receipt) -> Asset:
        """Back to the old place; `name (restored)` when that is taken. Raises `NotFound` when the quarantine was
        emptied, `Changed` when a moved photo was changed at its new place, `Unsupported` for the system's trash."""
        name = str(receipt.before["name"])
        if receipt.after.get("trash") == "system":
            raise Unsupported(f"{name} went to the system's trash: take it out there.")
        unit = unit_from(receipt.before["unit"])
        with self._at_work(name) as root:
            back = _bring_back(root, unit) if unit.verb == "delete" else self._move_back(root, unit)
        return self.look(AssetId(self.name, back[0]))

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        """By looking: what was begun is finished when everything is still as it was seen, else it is given back."""
        del target  # the unit's own record has it
        if verb not in ("delete", "move"):
            raise Unsupported(f"{self.name} has no labels.")
        with self._at_work(asset.name) as root:
            if verb == "delete" and self.options.trash == "system":
                return self._settle_system_trash(root, asset, token)
            home = home_of(root, files.split(asset.id.key)[0])
            unit = load(root, home, verb, token)
            if unit is not None and begun(root, unit) and _finished(root, unit):
                return _receipt(unit)
            forget(root, home, verb, token)
        return None

    def quarantine_size(self) -> tuple[int, int]:
        """(photos, bytes) that lie in the quarantines of this source; bytes of every file, companions included."""
        photos = size = 0
        for home in self._homes():
            shelf = self.root / home / OWN / "quarantine"
            units = [unit for unit in shelf.iterdir() if unit.is_dir()] if shelf.is_dir() else []
            for unit in units:
                sizes = [file.lstat().st_size for file in unit.rglob("*") if not file.is_dir()]
                photos, size = photos + bool(sizes), size + sum(sizes)
        return photos, size

    def _homes(self) -> set[str]:
        try:
            lines = (self.root / OWN / "homes.jsonl").read_text("utf-8").splitlines()
        except OSError:
            lines = []
        homes = {""}
        for line in lines:
            with suppress(ValueError):
                homes.add(str(json.loads(line)))
        return homes

    @contextmanager
    def _at_work(self, name: str) -> Iterator[int]:
        """The root as a descriptor; what the operating system says becomes a sentence."""
        try:
            root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"The folder {self.root} cannot be reached: {error.strerror}.") from error
        try:
            yield root
        except OSError as error:
            raise _refusal(error, name) from error
        finally:
            os.close(root)

    def _seen(self, root: int, asset: Asset, token: str, verb: UnitVerb) -> Unit:
        """The unit of an asset that is still as it was seen, companions included. Looking at the files comes before
        looking at the asset, so that a change between the two cannot go unnoticed."""
        names = [name for key in self._keys(asset) for name in files.components(key)]
        if any(name == OWN or name.endswith(".photoslibrary") for name in names):
            raise Refused(f"{asset.id.key} lies in a folder that is not for this source to touch.")
        if asset.id.source != self.name or not asset.id.key:
            raise Refused(f"{asset.id.key!r} is no photo of {self.name}.")
        unit = build(root, token, verb, self._keys(asset), asset.digests.get("sha256", ""))
        now = self.look(asset.id)
        if now.revision != asset.revision:
            raise Changed(f"{asset.name} changed since it was seen. Scan again.")
        if set(now.parts) != set(asset.parts):
            raise Changed(f"The companions of {asset.name} changed since they were seen. Scan again.")
        return replace(unit, revision=asset.revision)

    @staticmethod
    def _keys(asset: Asset) -> list[str]:
        return [asset.id.key, *(part.key for part in asset.parts)]

    def _move_back(self, root: int, moved: Unit) -> tuple[str, ...]:
        """A move in the other direction, under a token of its own, so that it too is all or nothing."""
        origins = tuple(item.path for item in moved.items)
        token = f"{moved.token}-back"
        home = home_of(root, files.split(moved.targets[0])[0])
        before = load(root, home, "move", token)
        if before is not None and begun(root, before) and _finished(root, before):
            return _moved_back(root, moved, before)
        if exists(root, moved.targets[0]) is None and moved.items[0].is_at(exists(root, origins[0])):
            return origins
        forget(root, home, "move", token)
        unit = build(root, token, "move", moved.targets)
        if any(not old.is_at(exists(root, new.path)) for old, new in zip(moved.items, unit.items, strict=True)):
            raise Changed(f"{moved.targets[0]} changed since it was moved: it stays there.")
        unit = replace(unit, targets=_origins(root, moved, unit))
        with _all_or_nothing(root, unit):
            _carry(root, unit)
        return _moved_back(root, moved, unit)

    def _to_system_trash(self, asset: Asset, token: str) -> Receipt:
        with self._at_work(asset.name) as root:
            unit = self._seen(root, asset, token, "delete")
            folder, name = files.split(asset.id.key)
            with files.open_folder(root, folder) as parent:
                if unit.items[0].sha256 and files.sha256(parent, name) != unit.items[0].sha256:
                    raise Changed(f"{asset.name} changed since it was seen. Scan again.")
            self._send_away(root, unit)
        return _receipt(unit, system=True)

    def _send_away(self, root: int, unit: Unit) -> None:
        """The photo first: while it is there, nothing has happened; once it is gone, the companions follow."""
        from send2trash import send2trash

        for number, item in enumerate(unit.items):
            if exists(root, item.path) is None:
                continue
            try:
                send2trash(str(self.root / item.path))
            except OSError as error:
                if number == 0:
                    raise
                raise Unavailable(f"{unit.items[0].path} is in the system's trash, but {item.path} is not.") from error

    def _settle_system_trash(self, root: int, asset: Asset, token: str) -> Receipt | None:
        if exists(root, asset.id.key) is not None:
            return None
        rest = [key for key in self._keys(asset)[1:] if exists(root, key) is not None]
        if rest:
            self._send_away(root, build(root, token, "delete", rest))
        before = {"key": asset.id.key, "name": asset.name, "folder": asset.folder, "revision": asset.revision}
        return Receipt("delete", before, {"trash": "system", "frees": asset.size}, token)


def _carry(root: int, unit: Unit) -> None:
    """The whole way of a unit; what of it was gone already is passed over."""
    take(root, unit)
    check(root, unit)
    if unit.verb == "move":
        place(root, unit, unit.targets)
        files.prune(root, unit.folder)
        note(root, unit, "moved", unit.targets)
    else:
        note(root, unit, "put away", [unit.slot(item) for item in unit.items])


def _refuse_without_room(root: int, unit: Unit, folder: str) -> None:
    """A copy to another disk that cannot fit is not begun. Raises `OSError`."""
    with (
        files.open_folder(root, files.split(unit.items[0].path)[0]) as here,
        files.open_folder(root, folder, True) as to,
    ):
        room = os.fstatvfs(to)
        far = os.fstat(here).st_dev != os.fstat(to).st_dev
    if far and room.f_bavail * room.f_frsize < sum(item.size for item in unit.items):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _finished(root: int, unit: Unit) -> bool:
    """Carry on with a unit that was left half done; False when it was given back instead."""
    try:
        _carry(root, unit)
    except (OSError, ConnectorError):
        give_back(root, unit)
        return False
    return True


@contextmanager
def _all_or_nothing(root: int, unit: Unit) -> Iterator[None]:
    """What goes wrong inside leaves everything where it was; what cannot even be given back now is settled later."""
    try:
        claim(root, unit)
    except FileExistsError as error:
        raise Refused(f"The token {unit.token} was used before.") from error
    try:
        yield
    except BaseException as error:
        try:
            back = give_back(root, unit)
            forget(root, unit.home, unit.verb, unit.token)
        except (OSError, ConnectorError) as second:
            raise Unavailable(
                f"{unit.items[0].path} could not be put back yet ({second}). It is safe in {unit.folder}, and the next "
                "start of KeepOne settles it."
            ) from error
        if back != tuple(item.path for item in unit.items):
            raise Changed(
                f"{unit.items[0].path} changed at this moment; what was there now lies at {back[0]}."
            ) from error
        raise


def _bring_back(root: int, unit: Unit) -> tuple[str, ...]:
    unit = load(root, unit.home, unit.verb, unit.token) or unit
    waiting = any(exists(root, unit.slot(item)) is not None for item in unit.items)
    back = give_back(root, unit)
    if exists(root, back[0]) is None:
        raise NotFound(f"{unit.items[0].path} is no longer in the quarantine, and not at its old place either.")
    if waiting:
        note(root, unit, "brought back", back)
    if back == tuple(item.path for item in unit.items):
        _forget_undone(root, unit)
    return back


def _moved_back(root: int, moved: Unit, unit: Unit) -> tuple[str, ...]:
    if unit.targets == tuple(item.path for item in moved.items):
        _forget_undone(root, moved, unit)
    return unit.targets


def _forget_undone(root: int, *units: Unit) -> None:
    """Everything is as it was: no record is needed to find it again."""
    for unit in units:
        with suppress(OSError):
            forget(root, unit.home, unit.verb, unit.token)


def _origins(root: int, moved: Unit, unit: Unit) -> tuple[str, ...]:
    """Where the items of a move came from, or free names there."""
    old = tuple(item.path for item in moved.items)
    if all(exists(root, path) is None for path in old):
        return old
    named = replace(unit, items=tuple(replace(new, path=path) for new, path in zip(unit.items, old, strict=True)))
    folders = [files.split(path)[0] for path in old]
    return free_places(root, named, folders, restored_marks(), [True] * len(old))


def _numbered() -> Iterator[str]:
    return itertools.chain([""], (f" ({number})" for number in range(2, 10_000)))


def _receipt(unit: Unit, system: bool = False) -> Receipt:
    folder, name = files.split(unit.items[0].path)
    before = {"key": unit.items[0].path, "name": name, "folder": folder, "revision": unit.revision}
    if system:
        return Receipt("delete", before, {"trash": "system", "frees": unit.frees}, unit.token)
    places: Sequence[str] = unit.targets or [unit.slot(item) for item in unit.items]
    after = {"key": places[0], "paths": list(places), "frees": unit.frees}
    return Receipt(unit.verb, {**before, "unit": record_of(unit)}, after, unit.token)


def _refusal(error: OSError, name: str) -> ConnectorError:
    if isinstance(error, FileNotFoundError):
        return Changed(f"{name} or its folder went away at this moment. Scan again.")
    reason = _SENTENCES.get(error.errno or 0, f"{error.strerror or error}.")
    return Refused(f"{name} stays where it is: {reason}")
