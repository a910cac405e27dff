"""A unit: one photo and its companions on the way, all or nothing.

    <home>/.keepone/quarantine/README.txt       for a person without our program
    <home>/.keepone/quarantine/list.jsonl       what went in and out, a line each
    <home>/.keepone/quarantine/<token>.json     where the unit's files came from, written before the first is touched
    <home>/.keepone/quarantine/<token>/2024/06/IMG_1.JPG        the files, at the places that they had below `home`

`home` is the root, or the top of the file system that is mounted inside it: a rename never leaves its volume. Moves
pass through `<home>/.keepone/moves/` in the same way, so every write is: claim, take, check, place. A unit that was
left half done is known by looking at its own folder and is given back whole.

*Item* is one file of a unit, *slot* its place in the unit's folder, *target* the place that it is to have in the end.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from connectors.base import Changed, NotFound, Refused
from connectors.local import files

OWN = ".keepone"
UnitVerb = Literal["delete", "move"]
_SHELF: Mapping[UnitVerb, str] = {"delete": "quarantine", "move": "moves"}
PRIVATE = 0o700
_README = """\
KeepOne put photos here because a better copy of each is kept elsewhere. Nothing here is needed twice, nothing here is
the only copy, and nothing here is ever removed by KeepOne itself.

To bring everything back with KeepOne:      keepone undo
To bring everything back without KeepOne:   each folder beside this file holds one photo and its companions under the
path that they had below the folder that contains ".keepone". From that folder, run:
    for unit in .keepone/quarantine/*/; do cp -anv "$unit." .; done
(-n never overwrites.) list.jsonl tells what came from where, one line a photo; <token>.json tells all facts of one.

To make the space free: wait until you are sure (30 days are a good rule), then remove the folders by hand.
"""


@dataclass(frozen=True, slots=True)
class Item:
    """One file as it was before the write; `path` is below the root, times in nanoseconds, attributes in base64."""

    path: str
    size: int
    mode: int
    mtime_ns: int
    atime_ns: int
    links: int = 1
    sha256: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def is_at(self, found: os.stat_result | None) -> bool:
        """True when what `lstat` found is a regular file of this size and time."""
        return (
            found is not None
            and stat.S_ISREG(found.st_mode)
            and (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """One write on one photo with its companions (the photo is the first item). `back` is where the items were
    brought back to, once that was decided."""

    token: str
    verb: UnitVerb
    home: str
    revision: str
    made_at: float
    items: tuple[Item, ...]
    targets: tuple[str, ...] = ()
    back: tuple[str, ...] = ()

    @property
    def shelf(self) -> str:
        """The folder of all units of this verb in this home."""
        return joined(self.home, f"{OWN}/{_SHELF[self.verb]}")

    @property
    def folder(self) -> str:
        """This unit's own folder."""
        return joined(self.shelf, self.token)

    def slot(self, item: Item) -> str:
        """The place of an item in the unit's folder."""
        return joined(self.folder, item.path[len(self.home) :].lstrip("/"))

    @property
    def frees(self) -> int:
        """Bytes that emptying the unit's folder would free: a file with another hard link frees none."""
        return sum(item.size for item in self.items if item.links == 1) if self.verb == "delete" else 0


def joined(folder: str, name: str) -> str:
    """`folder/name`, without a slash when one is empty."""
    return f"{folder}/{name}" if folder and name else folder or name


def home_of(root: int, folder: str) -> str:
    """The highest folder at or above `folder`, inside the root, that is on the same device. Folders that are no longer
    there count as being where their parent is."""
    names = files.components(folder)
    devices: list[int] = []
    for depth in range(len(names) + 1):
        try:
            with files.open_folder(root, "/".join(names[:depth])) as handle:
                devices.append(os.fstat(handle).st_dev)
        except FileNotFoundError:
            break
    top = len(devices) - 1
    while top and devices[top - 1] == devices[-1]:
        top -= 1
    return "/".join(names[:top])


def build(root: int, token: str, verb: UnitVerb, paths: Sequence[str], sha256: str = "") -> Unit:
    """Look at the files of a unit; `sha256` is what the first must hold. Raises `NotFound` when the photo is missing,
    `Changed` when a companion is, `Refused` when one is no regular file or the token is no plain name."""
    if len(files.components(token)) != 1 or token.endswith(".json"):
        raise Refused(f"{token!r} is no token.")
    items = (_photo(root, paths[0], sha256), *(_companion(root, path) for path in paths[1:]))
    home = home_of(root, files.split(paths[0])[0])
    if any(home and not item.path.startswith(home + "/") for item in items):
        raise Refused(f"{paths[0]} and its companions lie on different disks: they stay where they are.")
    return Unit(token, verb, home, "", time.time(), items)


def _photo(root: int, path: str, sha256: str) -> Item:
    try:
        return _item(root, path, sha256)
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there. Scan again.") from error


def _companion(root: int, path: str) -> Item:
    try:
        return _item(root, path)
    except FileNotFoundError as error:
        raise Changed(f"{path} is no longer there. Scan again.") from error


def _item(root: int, path: str, sha256: str = "") -> Item:
    folder, name = files.split(path)
    with files.open_folder(root, folder) as parent, files.open_regular(parent, name) as handle:
        seen = os.fstat(handle)
        attributes = files.attributes_text(handle)
    mode = stat.S_IMODE(seen.st_mode)
    return Item(path, seen.st_size, mode, seen.st_mtime_ns, seen.st_atime_ns, seen.st_nlink, sha256, attributes)


def claim(root: int, unit: Unit) -> None:
    """Make the unit's folder and its record; after this the unit can be found again. Raises `FileExistsError` when the
    token was used before."""
    with files.open_folder(root, unit.shelf, make=True, mode=PRIVATE) as shelf:
        if unit.verb == "delete" and files.facts(shelf, "README.txt") is None:
            _open_shelf(root, unit, shelf)
        files.write_new(shelf, f"{unit.token}.json", _record(unit))
        try:
            os.mkdir(unit.token, PRIVATE, dir_fd=shelf)
            files.sync_folder(shelf)
        except OSError:
            os.unlink(f"{unit.token}.json", dir_fd=shelf)
            raise


def _open_shelf(root: int, unit: Unit, shelf: int) -> None:
    with suppress(FileExistsError):
        files.write_new(shelf, "README.txt", _README.encode())
    if unit.home:
        with suppress(OSError), files.open_folder(root, OWN, make=True, mode=PRIVATE) as own:
            files.append(own, "homes.jsonl", json.dumps(unit.home).encode() + b"\n")


def record_of(unit: Unit) -> dict[str, Any]:
    """The unit as plain JSON values, for receipts."""
    raw: dict[str, Any] = json.loads(_record(unit))
    return raw


def _record(unit: Unit) -> bytes:
    return (json.dumps(asdict(unit), indent=1, ensure_ascii=True) + "\n").encode()


def load(root: int, home: str, verb: UnitVerb, token: str) -> Unit | None:
    """The unit of a token, None when it was never claimed. A torn record was never acted on."""
    try:
        with (
            files.open_folder(root, joined(home, f"{OWN}/{_SHELF[verb]}")) as shelf,
            files.open_regular(shelf, f"{token}.json") as handle,
            os.fdopen(os.dup(handle), "rb") as stream,
        ):
            raw = json.loads(stream.read())
    except (FileNotFoundError, ValueError):
        return None
    return unit_from(raw)


def unit_from(raw: Mapping[str, Any]) -> Unit:
    """The unit of a record."""
    items = tuple(Item(**item) for item in raw["items"])
    return Unit(**{**raw, "items": items, "targets": tuple(raw["targets"]), "back": tuple(raw["back"])})


def rewrite(root: int, unit: Unit) -> None:
    """Replace the record of a unit by one with the places that its items are brought back to."""
    with files.open_folder(root, unit.shelf) as shelf:
        with suppress(FileNotFoundError):
            os.unlink(f"{unit.token}.json.new", dir_fd=shelf)
        files.write_new(shelf, f"{unit.token}.json.new", _record(unit))
        os.rename(f"{unit.token}.json.new", f"{unit.token}.json", src_dir_fd=shelf, dst_dir_fd=shelf)
        files.sync_folder(shelf)


def forget(root: int, home: str, verb: UnitVerb, token: str) -> None:
    """Remove the record of a unit that did not happen. What should still lie in its folder stays there."""
    shelf = joined(home, f"{OWN}/{_SHELF[verb]}")
    files.prune(root, joined(shelf, token))
    with suppress(FileNotFoundError), files.open_folder(root, shelf) as handle:
        for record in (f"{token}.json.new", f"{token}.json"):
            with suppress(FileNotFoundError):
                os.unlink(record, dir_fd=handle)


def note(root: int, unit: Unit, did: str, places: Sequence[str]) -> None:
    """A line in the list for people. The records tell everything too, so a full disk or a torn line spoils nothing."""
    line = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "did": did,
        "token": unit.token,
        "from": [item.path for item in unit.items],
        "to": list(places),
    }
    with suppress(OSError), files.open_folder(root, unit.shelf) as shelf:
        files.append(shelf, "list.jsonl", json.dumps(line, ensure_ascii=True).encode() + b"\n")


def exists(root: int, path: str) -> os.stat_result | None:
    """What `lstat` says of a path below the root, None when nothing has it."""
    folder, name = files.split(path)
    try:
        with files.open_folder(root, folder) as parent:
            return files.facts(parent, name)
    except FileNotFoundError:
        return None
