"""The reference connector: every ability of the contract, no input or output. Read this one before writing your own.

Photos live in a dictionary under keys that never change, as a cloud's ids do; a log of changes gives cursors. The other
side of the source (another program, another phone) acts through `put`, `change`, `remove`, `expire`, and trouble on the
way through `lose_answer` and `throttle`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from threading import RLock
from typing import Any, BinaryIO, ClassVar

from pydantic import Field

from connectors.base import (
    Asset,
    AssetId,
    Changed,
    Connector,
    Features,
    NotFound,
    Options,
    Page,
    Part,
    PartRole,
    Receipt,
    Refused,
    Unavailable,
    Verb,
)


class MemoryOptions(Options):
    """Keys of a `kind: memory` source."""

    page: int = Field(100, ge=1, description="photos on one page of a listing")


@dataclass(frozen=True, slots=True)
class _Photo:
    """One photo as the source keeps it; a change makes a new one. `parts` are (role, name, bytes)."""

    key: str
    name: str
    folder: str
    data: bytes
    version: int
    parts: tuple[tuple[PartRole, str, bytes], ...] = ()
    labels: frozenset[str] = frozenset()
    facts: Mapping[str, Any] = field(default_factory=dict)


class MemoryConnector(Connector):
    """Photos in memory, for tests and as an example."""

    kind: ClassVar[str] = "memory"
    Options: ClassVar[type[Options]] = MemoryOptions

    def __init__(self, name: str, options: MemoryOptions | None = None) -> None:
        self.name = name
        self.features = Features(
            delta=True, preview=True, delete=True, restore=True, move=True, tag=True, report=True, guarded=True
        )
        self.reports: dict[str, bytes] = {}
        self._page = (options or MemoryOptions()).page
        self._photos: dict[str, _Photo] = {}
        self._trash: dict[str, _Photo] = {}
        self._log: list[str] = []
        self._oldest = 0
        self._done: dict[str, Receipt] = {}
        self._numbers = itertools.count(1)
        self._answer_lost = False
        self._retry_after: float | None = None
        self._lock = RLock()

    def put(
        self,
        name: str,
        data: bytes,
        folder: str = "",
        parts: tuple[tuple[PartRole, str, bytes], ...] = (),
        **facts: Any,
    ) -> AssetId:
        """A new photo. `facts` are fields of `Asset` (taken_at, digests, flags …)."""
        with self._lock:
            key = f"m{next(self._numbers)}"
            labels = frozenset(facts.pop("labels", ()))
            self._keep(_Photo(key, name, folder, data, next(self._numbers), parts, labels, facts))
            return AssetId(self.name, key)

    def change(self, key: str, data: bytes) -> None:
        """Somebody edits a photo."""
        with self._lock:
            self._keep(replace(self._photos[key], data=data, version=next(self._numbers)))

    def remove(self, key: str) -> None:
        """Somebody deletes a photo for good."""
        with self._lock:
            del self._photos[key]
            self._log.append(key)

    def expire(self) -> None:
        """The source forgets its log: every cursor until now is worthless."""
        with self._lock:
            self._log.append("")
            self._oldest = len(self._log)

    def lose_answer(self) -> None:
        """The next write happens, and the connection breaks before its answer."""
        self._answer_lost = True

    def throttle(self, seconds: float) -> None:
        """The next request is turned away: come back after so many seconds."""
        self._retry_after = seconds

    def photos(self) -> dict[str, dict[str, Any]]:
        """What lies where: folder/name -> everything that a write may change."""
        with self._lock:
            return {
                f"{p.folder}/{p.name}": {"key": p.key, "data": p.data, "parts": p.parts, "labels": sorted(p.labels)}
                for p in self._photos.values()
            }

    def scan(self, cursor: str | None) -> Iterator[Page]:
        """The log since the cursor, or everything."""
        with self._lock:
            self._let_in()
            since = int(cursor) if cursor and cursor.isdecimal() else -1
            whole = not self._oldest <= since <= len(self._log)
            keys = list(self._photos) if whole else list(dict.fromkeys(self._log[since:]))
            assets = [self._asset(self._photos[key]) for key in keys if key in self._photos]
            gone = tuple(key for key in keys if key and key not in self._photos)
            now = str(len(self._log))
        for start in range(0, len(assets) - self._page, self._page):
            yield Page(tuple(assets[start : start + self._page]), walked=self._page)
        rest = tuple(assets[max(0, len(assets) - 1) // self._page * self._page :])
        yield Page(rest, gone, now, restart=whole, walked=len(rest))

    def look(self, asset_id: AssetId) -> Asset:
        """The photo as it is now."""
        with self._lock:
            self._let_in()
            return self._asset(self._find(asset_id.key))

    def open(self, asset: Asset) -> BinaryIO:
        """Its bytes."""
        with self._lock:
            self._let_in()
            return BytesIO(self._seen(asset).data)

    def preview(self, asset: Asset, edge: int) -> BinaryIO:
        """The original: it has every pixel that a smaller rendering could have."""
        del edge
        return self.open(asset)

    def delete(self, asset: Asset, token: str) -> Receipt:
        """Into the trash, parts and all."""
        with self._lock:
            self._let_in()
            photo = self._seen(asset)
            self._trash[photo.key] = self._photos.pop(photo.key)
            self._log.append(photo.key)
            return self._answer("delete", photo, photo, token)

    def move(self, asset: Asset, folder: str, token: str) -> Receipt:
        """Into another folder, under a free name."""
        with self._lock:
            self._let_in()
            photo = self._seen(asset)
            if photo.folder == folder:
                raise Refused(f"{photo.name} is in {folder or 'the top folder'} already.")
            moved = replace(photo, folder=folder, name=self._free(folder, photo.name))
            self._keep(moved)
            return self._answer("move", photo, moved, token)

    def tag(self, asset: Asset, label: str, on: bool, token: str) -> Receipt:
        """A label on or off."""
        with self._lock:
            self._let_in()
            photo = self._seen(asset)
            tagged = replace(photo, labels=photo.labels | {label} if on else photo.labels - {label})
            self._keep(tagged)
            return self._answer("tag", photo, tagged, token)

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        """The source remembers every token, and no write of it can be half done."""
        del verb, asset, target
        with self._lock:
            self._let_in()
            return self._done.get(token)

    def restore(self, receipt: Receipt) -> Asset:
        """Back to what `before` says, unless that happened already."""
        with self._lock:
            self._let_in()
            key, before, after = str(receipt.before["key"]), receipt.before, receipt.after
            if receipt.token not in self._done and key in self._photos:
                return self._asset(self._photos[key])
            photo = self._trash.pop(key, None) or self._find(key)
            self._done.pop(receipt.token, None)
            labels = photo.labels - (set(after["labels"]) - set(before["labels"])) | frozenset(before["labels"])
            photo = replace(photo, labels=labels)
            if receipt.verb != "tag" and (key not in self._photos or photo.folder != before["folder"]):
                self._photos.pop(key, None)
                photo = replace(photo, folder=before["folder"], name=self._free(before["folder"], before["name"]))
            self._keep(photo)
            return self._asset(photo)

    def report(self, name: str, data: bytes) -> None:
        """Keep a report; a newer one of the same name replaces it."""
        self.reports[name] = data

    def _let_in(self) -> None:
        if self._retry_after is not None:
            seconds, self._retry_after = self._retry_after, None
            raise Unavailable(f"{self.name} is busy. Try again in {seconds:g} seconds.", seconds)

    def _find(self, key: str) -> _Photo:
        photo = self._photos.get(key)
        if photo is None:
            raise NotFound(f"{key} is not in {self.name} any more.")
        return photo

    def _seen(self, asset: Asset) -> _Photo:
        if asset.id.source != self.name:
            raise Refused(f"{asset.name} belongs to {asset.id.source}, not to {self.name}.")
        photo = self._find(asset.id.key)
        now = self._asset(photo)
        if now.revision != asset.revision or set(now.parts) != set(asset.parts):
            raise Changed(f"{photo.name} changed since it was seen. Scan again.")
        return photo

    def _keep(self, photo: _Photo) -> None:
        self._photos[photo.key] = photo
        self._log.append(photo.key)

    def _free(self, folder: str, name: str) -> str:
        taken = {photo.name for photo in self._photos.values() if photo.folder == folder}
        stem, dot, suffix = name.rpartition(".")
        numbered = (f"{stem or suffix} ({n}){dot}{suffix if stem else ''}" for n in itertools.count(2))
        return next(free for free in itertools.chain([name], numbered) if free not in taken)

    def _answer(self, verb: Verb, before: _Photo, after: _Photo, token: str) -> Receipt:
        receipt = Receipt(verb, _place(before), _place(after), token)
        self._done[token] = receipt
        if self._answer_lost:
            self._answer_lost = False
            raise Unavailable(f"The connection to {self.name} broke. Try again.")
        return receipt

    def _asset(self, photo: _Photo) -> Asset:
        parts = tuple(Part(role, f"{photo.key}/{name}", str(len(data)), len(data)) for role, name, data in photo.parts)
        return Asset(
            AssetId(self.name, photo.key),
            str(photo.version),
            photo.name,
            photo.folder,
            len(photo.data),
            parts=parts,
            labels=photo.labels,
            **photo.facts,
        )


def _place(photo: _Photo) -> dict[str, Any]:
    return {"key": photo.key, "name": photo.name, "folder": photo.folder, "labels": sorted(photo.labels)}
