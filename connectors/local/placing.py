"""Moving a unit's files: out of their places into the unit's folder, and from there to new places or back.

Everything is decided by looking at what is there, so each of these may be repeated after a crash at any point.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from connectors.base import Changed, Refused
from connectors.local import files
from connectors.local.unit import OWN, PRIVATE, Item, Unit, exists, joined, rewrite


def begun(root: int, unit: Unit) -> bool:
    """True when something of the unit is in its folder, or has arrived where a move brings it."""
    targets = unit.targets or ("",) * len(unit.items)
    return any(
        _slot_facts(root, unit, item) is not None or (target and _placed(root, unit, item, target))
        for item, target in zip(unit.items, targets, strict=True)
    )


def take(root: int, unit: Unit) -> None:
    """Rename every item that is still at its old place into its slot. The unit's folder is ours alone, so nothing can
    be overwritten; whatever stood under the name is taken as a whole, and `check` looks at it afterwards. Raises
    `Changed` when something else stands there."""
    targets = unit.targets or ("",) * len(unit.items)
    waiting = [
        item
        for item, target in zip(unit.items, targets, strict=True)
        if _slot_facts(root, unit, item) is None and not (target and _placed(root, unit, item, target))
    ]
    for item in waiting:  # what needs space comes before the first file is touched
        with files.open_folder(root, files.split(unit.slot(item))[0], make=True, mode=PRIVATE):
            pass
    for item in waiting:
        _take(root, unit, item)


def _take(root: int, unit: Unit, item: Item) -> None:
    folder, name = files.split(item.path)
    slots, _ = files.split(unit.slot(item))
    with files.open_folder(root, folder) as source, files.open_folder(root, slots) as slot:
        if not item.is_at(files.facts(source, name)):
            raise Changed(f"{item.path} changed at this moment. It was left as it is; scan again.")
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=slot)
        files.sync_folder(slot)
        files.sync_folder(source)


def check(root: int, unit: Unit) -> None:
    """What was taken is what was seen, and the photo's bytes are those that were proved. Raises `Changed`."""
    for item in unit.items:
        folder, name = files.split(unit.slot(item))
        found = _slot_facts(root, unit, item)
        if found is None and unit.targets:
            continue  # a move that a crash interrupted had brought it to its new place already
        with files.open_folder(root, folder) as slot:
            if not item.is_at(found) or (item.sha256 and files.sha256(slot, name) != item.sha256):
                raise Changed(f"{item.path} changed at this moment. It was left as it is; scan again.")


def place(root: int, unit: Unit, targets: Sequence[str]) -> None:
    """Bring every item that is in its slot to its target, all or nothing as far as the file system lets us: first what
    needs space (copies to another device, proved), then the names, last the removal of what was copied. Raises
    `FileExistsError` when a name was taken in the meantime."""
    waiting = [pair for pair in zip(unit.items, targets, strict=True) if _slot_facts(root, unit, pair[0]) is not None]
    for step in (_bring_near, _enter, _leave):
        for item, target in waiting:
            step(root, unit, item, target)


def give_back(root: int, unit: Unit) -> tuple[str, ...]:
    """Everything of the unit that is in its folder, or at the targets of a move, goes to where it came from; the places
    that the items have then. A name that is taken gives "name (restored)". Doing it again changes nothing."""
    if unit.verb == "move":
        _unplace(root, unit)
    while True:
        back = _places_back(root, unit)
        if back != (unit.back or tuple(item.path for item in unit.items)):
            unit = replace(unit, back=back)
            rewrite(root, unit)
        try:
            place(root, unit, back)
        except FileExistsError:
            continue
        files.prune(root, unit.folder)
        return back


def free_places(
    root: int, unit: Unit, folders: Sequence[str], marks: Iterator[str], waiting: Sequence[bool]
) -> tuple[str, ...]:
    """Names for all items of a unit that nothing has yet, in the given folders, with the first mark that suits all."""
    stem = files.split(unit.items[0].path)[1].rpartition(".")[0]
    for mark in marks:
        places = tuple(
            joined(folder, files.marked(name, stem, mark) if mark else name)
            for folder, name in zip(folders, (files.split(item.path)[1] for item in unit.items), strict=True)
        )
        if all(
            not wait or _free(root, unit, item, place)
            for item, place, wait in zip(unit.items, places, waiting, strict=True)
        ):
            return places
    raise Refused(f"No free name for {unit.items[0].path}.")


def restored_marks() -> Iterator[str]:
    """What is put behind the name of a photo that comes back to a place that is taken."""
    yield " (restored)"
    yield from (f" (restored {number})" for number in range(2, 10_000))


def _places_back(root: int, unit: Unit) -> tuple[str, ...]:
    waiting = [_slot_facts(root, unit, item) is not None for item in unit.items]
    wanted = unit.back or tuple(item.path for item in unit.items)
    if all(
        not wait or _free(root, unit, item, place)
        for item, place, wait in zip(unit.items, wanted, waiting, strict=True)
    ):
        return wanted
    folders = [files.split(item.path)[0] for item in unit.items]
    fresh = free_places(root, unit, folders, restored_marks(), waiting)
    return tuple(new if wait else old for new, old, wait in zip(fresh, wanted, waiting, strict=True))


def _free(root: int, unit: Unit, item: Item, place: str) -> bool:
    folder, name = files.split(place)
    try:
        with files.open_folder(root, folder) as parent:
            if files.facts(parent, name) is None:
                return True
    except FileNotFoundError:
        return True
    return _twins(root, unit, item, place)


def _slot_facts(root: int, unit: Unit, item: Item) -> os.stat_result | None:
    return exists(root, unit.slot(item))


def _placed(root: int, unit: Unit, item: Item, target: str) -> bool:
    """True when the item has its target, and not only somebody else's file of that name."""
    if exists(root, target) is None:
        return False
    if _slot_facts(root, unit, item) is not None:
        return _twins(root, unit, item, target)
    return not item.is_at(exists(root, item.path))


def _twins(root: int, unit: Unit, item: Item, place: str) -> bool:
    """True when slot and place hold one file under two names, or the copy that a move to another device has made."""
    slot, there = _slot_facts(root, unit, item), exists(root, place)
    if slot is None or there is None:
        return False
    if (slot.st_dev, slot.st_ino) == (there.st_dev, there.st_ino):
        return True
    return unit.verb == "move" and item.is_at(there) and _digest(root, unit.slot(item)) == _digest(root, place)


def _digest(root: int, path: str) -> str:
    folder, name = files.split(path)
    with files.open_folder(root, folder) as parent:
        return files.sha256(parent, name)


@contextmanager
def _both(root: int, unit: Unit, item: Item, target: str) -> Iterator[tuple[int, str, int, str, str]]:
    """(slot's folder, name, target's folder, name, name of the unfinished copy beside the target)"""
    slots, name = files.split(unit.slot(item))
    folder, new = files.split(target)
    with files.open_folder(root, slots) as slot, files.open_folder(root, folder, make=True) as there:
        yield slot, name, there, new, f"{OWN}-{unit.token}-{unit.items.index(item)}.part"


def _bring_near(root: int, unit: Unit, item: Item, target: str) -> None:
    with _both(root, unit, item, target) as (slot, name, there, _, part):
        with suppress(PermissionError):  # somebody else's file keeps the times that a rename leaves it
            os.utime(name, ns=(item.atime_ns, item.mtime_ns), dir_fd=slot, follow_symlinks=False)
        with suppress(FileNotFoundError):  # of a copy that a crash interrupted: it may be torn
            os.unlink(part, dir_fd=there)
        if os.fstat(slot).st_dev != os.fstat(there).st_dev and not _twins(root, unit, item, target):
            files.copy_new(slot, name, there, part)


def _enter(root: int, unit: Unit, item: Item, target: str) -> None:
    if _twins(root, unit, item, target):
        return
    with _both(root, unit, item, target) as (slot, name, there, new, part):
        if files.facts(there, part) is not None:
            files.rename_new(there, part, there, new)
        else:
            _rename_or_copy(slot, name, there, new, part)
        files.sync_folder(there)
        files.sync_folder(slot)


def _rename_or_copy(slot: int, name: str, there: int, new: str, part: str) -> None:
    """One device number and yet no rename: a bind mount stands between the two."""
    try:
        files.rename_new(slot, name, there, new)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        files.copy_new(slot, name, there, part)
        try:
            files.rename_new(there, part, there, new)
        except OSError:
            os.unlink(part, dir_fd=there)
            raise


def _leave(root: int, unit: Unit, item: Item, target: str) -> None:
    if _slot_facts(root, unit, item) is not None and _twins(root, unit, item, target):
        with _both(root, unit, item, target) as (slot, name, *_):
            os.unlink(name, dir_fd=slot)
            files.sync_folder(slot)


def _unplace(root: int, unit: Unit) -> None:
    """Bring the items of a half done move from their targets back into their slots."""
    for item, target in zip(unit.items, unit.targets, strict=True):
        with suppress(FileNotFoundError), _both(root, unit, item, target) as (slot, name, there, new, part):
            if files.facts(slot, name) is not None:
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=there)
            if not _placed(root, unit, item, target):
                continue
            if files.facts(slot, name) is not None:
                os.unlink(new, dir_fd=there)
            elif item.is_at(files.facts(there, new)):
                files.rename_new(there, new, slot, name)
            files.sync_folder(there)
