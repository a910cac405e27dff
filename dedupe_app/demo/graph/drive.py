"""The tree of one emulated drive: items, names, tags, the change log and the recycle bin."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dedupe_app.demo.graph.clock import VirtualClock
from dedupe_app.demo.graph.contents import Content
from dedupe_app.demo.graph.flavour import Flavour

MIMES = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "heic": "image/heic", "png": "image/png", "bmp": "image/bmp",
    "tif": "image/tiff", "dng": "image/x-adobe-dng", "mov": "video/quicktime", "mp4": "video/mp4",
    "csv": "text/csv", "json": "application/json", "xmp": "application/octet-stream",
}  # fmt: skip
ILLEGAL = set('"*:<>?/\\|')


class GraphError(Exception):
    """An answer that is an error: status, code, inner code and headers."""

    def __init__(self, status: int, code: str, message: str = "", inner: str = "", **headers: str) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status, self.code, self.message, self.inner = status, code, message or code, inner
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(eq=False)
class Item:
    """One driveItem. `facets` are what the server shows beyond the usual ones."""

    id: str
    guid: str
    parent: str
    name: str
    created: float
    modified: float
    fs_created: float
    fs_modified: float
    content: Content | None = None
    folder: bool = True
    facets: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    content_version: int = 1
    seq: int = 0
    deleted: bool = False
    purged: bool = False
    locked: bool = False
    no_hashes: bool = False


class Drive:
    """All items and their order of change. Every method works on live items unless it says otherwise."""

    def __init__(self, flavour: Flavour, clock: VirtualClock) -> None:
        self.flavour, self.clock = flavour, clock
        self.items: dict[str, Item] = {}
        self.children: dict[str, dict[str, str]] = {}
        self.seq = 0
        self.migrated = False
        self.full = False
        self.root = self._add(None, "root", None)

    def _add(self, parent: Item | None, name: str, content: Content | None) -> Item:
        now = self.clock.now()
        number = len(self.items) + 1
        item = Item(
            self.flavour.item_id(number), str(uuid.UUID(int=number)).upper(), parent.id if parent else "", name,
            now, now, now, now, content, content is None,
        )  # fmt: skip
        self.items[item.id] = item
        self.children[item.id] = {}
        if parent:
            self.children[parent.id][name.casefold()] = item.id
        self.touch(item)
        return item

    def touch(self, item: Item, content: bool = False) -> None:
        """Something about the item changed: new tags, and the change log has it last."""
        self.seq += 1
        item.seq = self.seq
        item.version += 1
        item.content_version += content

    def etag(self, item: Item) -> str:
        """The present eTag."""
        return self.flavour.etag(item.guid, item.id, item.version, self.migrated)

    def ctag(self, item: Item) -> str | None:
        """The present cTag; folders of a business drive have none."""
        if item.folder and not self.flavour.folder_ctag:
            return None
        return self.flavour.ctag(item.guid, item.id, item.content_version, self.migrated)

    def path(self, item: Item) -> str:
        """The path from the root, without a leading slash."""
        names = []
        while item.parent:
            names.append(item.name)
            item = self.items[item.parent]
        return "/".join(reversed(names))

    def live(self, item_id: str) -> Item:
        """The item of an id; raises what Graph answers when it is not there."""
        item = self.root if item_id == "root" else self.items.get(item_id)
        if item is None or item.deleted or item.purged:
            raise GraphError(404, "itemNotFound", "The resource could not be found.")
        return item

    def find(self, path: str) -> Item | None:
        """The item at a path, names compared without case."""
        item = self.root
        for name in filter(None, path.split("/")):
            child = self.children[item.id].get(name.casefold())
            if child is None:
                return None
            item = self.items[child]
        return item

    def listing(self, folder: Item) -> list[Item]:
        """Children by name."""
        names = self.children[folder.id]
        return [self.items[names[key]] for key in sorted(names)]

    def walk(self, item: Item | None = None) -> Iterator[Item]:
        """Everything alive below an item, itself first."""
        stack = [item or self.root]
        while stack:
            current = stack.pop()
            yield current
            stack.extend(reversed([self.items[child] for child in self.children[current.id].values()]))

    def check_name(self, name: str) -> None:
        """Raises what Graph answers for a name that it does not take."""
        if not name or ILLEGAL & set(name) or name != name.strip() or name.endswith("."):
            raise GraphError(400, "invalidRequest", "The name contains characters that are not allowed.")

    def _taken(self, parent: Item, name: str, by: Item | None = None) -> bool:
        found = self.children[parent.id].get(name.casefold())
        return found is not None and (by is None or found != by.id)

    def folder(self, path: str) -> Item:
        """The folder at a path, made with its parents when missing."""
        item = self.root
        for name in filter(None, path.split("/")):
            child = self.children[item.id].get(name.casefold())
            item = self.items[child] if child else self._add(item, name, None)
        return item

    def make_folder(self, parent: Item, name: str) -> Item:
        """POST children with conflictBehavior=fail."""
        self.check_name(name)
        if self._taken(parent, name):
            raise GraphError(409, "nameAlreadyExists", "Name already exists")
        return self._add(parent, name, None)

    def put(self, path: str, content: Content | bytes, modified: float | None = None, strange: bool = False) -> Item:
        """A file at a path; parents are made, an older file is replaced. `strange` lets an old name through that the
        service takes no longer."""
        where, _, name = path.rpartition("/")
        parent = self.folder(where)
        if not strange:
            self.check_name(name)
        if self.full:
            raise GraphError(507, "insufficientStorage", "The drive is full.")
        body = Content(content) if isinstance(content, bytes) else content
        found = self.children[parent.id].get(name.casefold())
        item = self.items[found] if found else self._add(parent, name, body)
        item.content, item.modified = body, self.clock.now()
        item.fs_modified = self.clock.now() if modified is None else modified
        self.touch(item, content=True)
        return item

    def relocate(self, item: Item, parent: Item, name: str) -> None:
        """Move and rename; fails when the name is taken."""
        if self._taken(parent, name, item):
            raise GraphError(409, "nameAlreadyExists", "Name already exists")
        self.children[item.parent].pop(item.name.casefold(), None)
        item.parent, item.name = parent.id, name
        self.children[parent.id][name.casefold()] = item.id
        item.modified = self.clock.now()
        self.touch(item, content=self.flavour.rename_moves_ctag)

    def recycle(self, item: Item) -> None:
        """Into the recycle bin, a folder with all that is in it."""
        for one in list(self.walk(item)):
            one.deleted = True
            self.touch(one)
        self.children[item.parent].pop(item.name.casefold(), None)

    def restore(self, item_id: str, parent: Item | None, name: str | None) -> Item:
        """Out of the recycle bin."""
        item = self.items.get(item_id)
        if item is None or not item.deleted or item.purged:
            raise GraphError(404, "itemNotFound", "Item does not exist")
        target = parent or self.live(item.parent)
        if self._taken(target, name or item.name):
            raise GraphError(409, "nameAlreadyExists", "Name already exists")
        item.deleted, item.parent, item.name = False, target.id, name or item.name
        self.children[target.id][item.name.casefold()] = item.id
        self.touch(item)
        return item

    def migrate(self) -> None:
        """The move to another back end: every tag and the root's id change, all other ids stay."""
        self.migrated = True
        for item in self.items.values():
            item.guid = str(uuid.uuid4()).upper()
            item.version += 1
            item.content_version += 1
        old = self.root.id
        self.root.id = f"{self.flavour.drive_id.upper()}!sea8cc6beffdb43d7976fbc7da445c639"
        self.items[self.root.id] = self.items.pop(old)
        self.children[self.root.id] = self.children.pop(old)
        for child in self.children[self.root.id].values():
            self.items[child].parent = self.root.id

    def tree(self) -> dict[str, tuple[str, int]]:
        """Path to (strongest hash, mtime) of every file: what a test compares before and after."""
        return {
            self.path(item): (item.content.hashes["sha256Hash"], int(item.fs_modified))
            for item in self.walk()
            if item.content is not None
        }
