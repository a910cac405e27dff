"""One listing of a folder tree, as changes since the last one.

A folder whose names, sizes, times and inode numbers are what they were costs one `scandir` and one `lstat` a file, and
nothing more. What could not be read stays as it was known. What is gone is told at the very end, when the whole tree
has answered and has proved to be the tree that was known.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from connectors.base import EDITED, FAVORITE, PROTECTED, Asset, AssetId, Page, Part, Unavailable, Unread
from connectors.local import takeout
from connectors.local.aliases import forget_mounts, steady, tokens
from connectors.local.companions import Found, gather
from connectors.local.cursor import Known, Memory, digest, pack, short_print, unpack
from connectors.local.names import MEDIA_TYPES, burst, split
from connectors.local.reading import Asking
from connectors.local.rules import Rules, join
from connectors.local.unit import OWN
from connectors.local.walk import Entry, Folder, walk

PAGE = 2000


class Listing:
    """One listing. `pages` is read once."""

    def __init__(self, source: str, root: Path, rules: Rules, cursor: str | None) -> None:
        self._source = source
        self._root = os.fspath(root)
        self._rules = rules
        self._volume = _volume(self._root)
        whole = not rules.months.folders
        before = unpack(cursor)
        usable = before is not None and before.rules == rules.digest and (before.complete or not whole)
        self._before = before if before is not None and usable else Memory(rules.digest, self._volume, False)
        self._restart = whole and not usable
        self._now = Memory(rules.digest, self._volume, whole or self._before.complete)
        self._gone: list[str] = []
        self._assets: list[Asset] = []
        self._unread: list[Unread] = []
        self._walked = 0
        self._cursor = cursor if usable else None

    def pages(self) -> Iterator[Page]:
        """The pages of the listing; the last one carries the cursor. Raises `Unavailable`."""
        forget_mounts()
        for folder in walk(self._root, self._rules.enter, self._rules.wanted):
            if folder.unread:
                self._keep_unread(folder)
            elif self._rules.wanted(folder.path):
                yield from self._read(folder)
            if len(self._assets) + self._walked >= PAGE:
                yield self._page()
        self._forget_missing()
        self._refuse_the_absurd()
        if self._assets or self._walked or self._unread:
            yield self._page()
        while len(self._gone) > PAGE:
            yield Page(gone=tuple(self._gone[:PAGE]))
            del self._gone[:PAGE]
        yield Page(gone=tuple(self._gone), cursor=self._new_cursor(), restart=self._restart)

    def _page(self) -> Page:
        page = Page(tuple(self._assets), unread=tuple(self._unread), walked=self._walked)
        self._assets, self._unread, self._walked = [], [], 0
        return page

    def _new_cursor(self) -> str:
        """The same text when nothing changed: packing costs more than reading."""
        same = self._now == self._before and self._cursor is not None
        return self._cursor if same and self._cursor is not None else pack(self._now)

    def _read(self, folder: Folder) -> Iterator[Page]:
        known = self._before.folders.get(folder.path)
        apart = folder.device != self._volume[0]
        if known is not None and known.apart and not apart and folder.bare:
            self._keep_unread(replace(folder, unread="Its disk is not mounted"))
            return
        for name, reason in folder.broken:
            self._unread.append(Unread(join(folder.path, name), reason))
        stamp = digest(folder.lines) if folder.lines else ""
        if known is not None and known.digest == stamp and not folder.broken:
            self._now.folders[folder.path] = known
            self._walked += known.count
            return
        if known is not None or folder.lines or folder.broken or apart:
            yield from self._read_changed(folder, stamp, known or Known(""))

    def _read_changed(self, folder: Folder, stamp: str, known: Known) -> Iterator[Page]:
        here = f"{self._root}/{folder.path}" if folder.path else self._root
        asking = Asking(here, known.proofs)
        before = known.by_name()
        now: dict[str, str] = {}
        for found in gather(map(Entry.parse, folder.lines), asking):
            if not self._rules.lists(folder.path, found):
                continue
            asset = self.asset(folder.path, found)
            now[asset.name] = mark = _print_of(asset)
            self._walked += 1
            if before.get(asset.name) != mark:
                self._assets.append(asset)
            if len(self._assets) >= PAGE:
                yield self._page()
        for name, _ in folder.broken:
            # A file that could not be looked at is unknown, and its folder is read again until it can be.
            stamp = "?"
            if name in before:
                now[name] = before[name]
        self._gone += [join(folder.path, name) for name in before.keys() - now.keys()]
        apart = folder.device != self._volume[0]
        self._now.folders[folder.path] = Known(stamp, "/".join(now), "".join(now.values()), asking.proved, apart)

    def asset(self, folder: str, found: Found) -> Asset:
        """The asset of what was found in a folder."""
        return build(self._source, self._root, self._rules, folder, found)

    def _keep_unread(self, folder: Folder) -> None:
        """What lies below a folder that did not answer is as it was."""
        if not folder.path:
            raise Unavailable(
                f"{self._root} cannot be read ({folder.unread.lower()}). Connect the disk or allow access, then scan."
            )
        self._unread.append(Unread(folder.path, folder.unread))
        below = f"{folder.path}/"
        for path, known in self._before.folders.items():
            if path == folder.path or path.startswith(below):
                self._now.folders[path] = known

    def _forget_missing(self) -> None:
        """Folders that were known and were not met again: gone, unless this listing never looked there."""
        for path in self._before.folders.keys() - self._now.folders.keys():
            known = self._before.folders[path]
            if self._rules.wanted(path):
                self._gone += [join(path, name) for name in known.by_name()]
            else:
                self._now.folders[path] = known
        self._gone.sort()

    def _refuse_the_absurd(self) -> None:
        """An empty root, or another volume in its place, is a mount that is missing and no deletion. Our own quarantine
        proves that the volume is the right one."""
        if os.path.lexists(f"{self._root}/{OWN}"):
            return
        if not _holds_anything(self._root):
            raise Unavailable(f"{self._root} is empty: is its disk connected? Nothing was forgotten.")
        known = self._before.photos()
        if known == 0 or len(self._gone) < known:
            return
        if self._now.photos() == 0:
            raise Unavailable(
                f"{self._root} has none of its {known:,} photos any more: is its disk connected? "
                "Nothing was forgotten. If they really are gone, remove the source."
            )
        if not self._same_volume():
            raise Unavailable(
                f"Another volume seems to be mounted at {self._root}: none of the {known:,} known photos is there. "
                "Nothing was forgotten. If this is right, add it as a source of its own."
            )

    def _same_volume(self) -> bool:
        device, inode, system = self._before.volume
        now_device, now_inode, now_system = self._volume
        return inode == now_inode and (device == now_device or (system == now_system and system != 0))


def build(source: str, root: str, rules: Rules, folder: str, found: Found) -> Asset:
    """The asset of what was found in a folder (relative to `root`)."""
    entry, facts = found.primary, found.facts
    key = join(folder, entry.name)
    fixed = steady(entry.device, f"{root}/{key}")
    flags = {
        name
        for name, on in ((EDITED, found.edited), (FAVORITE, facts.favorite), (PROTECTED, rules.protects(key)))
        if on
    }
    parts = sorted((role, join(folder, p.name), p.revision(fixed), p.size) for role, p in found.parts)
    return Asset(
        AssetId(source, key),
        entry.revision(fixed),
        entry.name,
        folder,
        entry.size,
        MEDIA_TYPES.get(split(entry.name)[1], ""),
        modified_at=entry.modified / 1e9 if facts.moment is None else facts.moment,
        taken_at=takeout.local_time(entry.name, facts.moment),
        parts=tuple(Part(*part) for part in parts),
        flags=frozenset(flags),
        place=facts.place,
        title=facts.title,
        description=facts.description,
        burst=burst(entry.name),
        aliases=tokens(f"{root}/{key}", entry.device, entry.inode),
        faces=len(facts.people),
        people=frozenset(facts.people),
    )


def _holds_anything(root: str) -> bool:
    with os.scandir(root) as entries:
        return any(not entry.name.startswith(".") for entry in entries)


def _print_of(asset: Asset) -> str:
    """Eight characters that change with anything that the listing says of the asset."""
    parts = [f"{part.role} {part.key} {part.revision}" for part in asset.parts]
    said = [asset.modified_at, asset.taken_at, asset.place, asset.title, asset.description, asset.burst]
    return short_print(f"{asset.revision}\n{parts}\n{sorted(asset.flags)}\n{sorted(asset.aliases)}\n{said}")


def _volume(root: str) -> tuple[int, int, int]:
    """(device, inode, file system id) of the root. Raises `Unavailable` when it is no folder or does not answer."""
    try:
        here = Path(root).stat()
        system = int(getattr(os.statvfs(root), "f_fsid", 0))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unavailable(f"{root} cannot be reached ({reason}). Connect the disk, or correct the path.") from error
    if not stat.S_ISDIR(here.st_mode):
        raise Unavailable(f"{root} is not a folder. Correct the path of this source.")
    return here.st_dev, here.st_ino, system
