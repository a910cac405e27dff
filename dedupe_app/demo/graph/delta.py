"""The change feed: sessions of pages, stale repeats, expiry, loops."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from dedupe_app.demo.graph.drive import Drive, GraphError, Item
from dedupe_app.demo.graph.rows import row_of, tombstone

RESYNC = "Resync required. Replace any local items with the server's version."


@dataclass
class Noise:
    """How untidy the feed is: how many rows come first in a stale form, and whether the order is shuffled."""

    stale: int = 0
    shuffle: bool = False
    seed: int = 1
    id_only_deletes: bool = False
    bare_tombstones: bool = False


@dataclass
class Session:
    """One enumeration: (item id, stale) in order, and the change number up to which it is complete."""

    entries: list[tuple[str, bool]]
    seq: int
    deletes: bool
    size: int


@dataclass
class Feed:
    """All sessions of a drive. Page tokens are `epoch-session-offset`, resting tokens `epoch-at-seq`."""

    drive: Drive
    noise: Noise = field(default_factory=Noise)
    epoch: int = 1
    page_size: int = 200
    most: int = 1000
    loop_at: int | None = None
    hide_root: bool = False
    sessions: list[Session] = field(default_factory=list)

    def page(self, token: str | None, top: int | None) -> tuple[list[dict[str, Any]], str | None, str | None]:
        """Rows, the token of the next page, or the token to come back with."""
        if token == "latest":  # noqa: S105 - a place in the feed
            return [], None, f"{self.epoch}-at-{self.drive.seq}"
        if not token:
            return self._from(self._open(0, top), 0)
        epoch, kind, at = self._parse(token)
        if epoch != self.epoch:
            raise GraphError(410, "resyncRequired", RESYNC, resync="resyncChangesApplyDifferences")
        if kind == "at":
            return self._from(self._open(at, top), 0)
        return self._from(int(kind), at)

    @staticmethod
    def _parse(token: str) -> tuple[int, str, int]:
        try:
            epoch, kind, at = token.split("-")
            return int(epoch), kind, int(at)
        except ValueError as error:
            raise GraphError(400, "invalidRequest", "Invalid paging token") from error

    def expire(self) -> None:
        """Every token handed out so far is worth nothing."""
        self.epoch += 1

    def _open(self, since: int, top: int | None) -> int:
        changed = self._changed(since)
        entries = [(item.id, False) for item in changed if item.parent or not self.hide_root]
        dice = random.Random(self.noise.seed)  # noqa: S311 - the same dice in every run
        if self.noise.shuffle:
            dice.shuffle(entries)
        repeatable = [item for item in changed if item.parent and not item.deleted]
        for item in dice.sample(repeatable, min(self.noise.stale, len(repeatable))):
            entries.insert(0, (item.id, True))
        deletes = any(item.deleted for item in changed)
        size = 7 if deletes else min(top or self.page_size, self.most)
        self.sessions.append(Session(entries, self.drive.seq, deletes, size))
        return len(self.sessions) - 1

    def _changed(self, since: int) -> list[Item]:
        if since == 0:
            return list(self.drive.walk())
        changed = [item for item in self.drive.items.values() if item.seq > since and not item.purged]
        return sorted(changed, key=lambda item: item.seq)

    def _from(self, number: int, offset: int) -> tuple[list[dict[str, Any]], str | None, str | None]:
        session = self.sessions[number]
        part = session.entries[offset : offset + session.size]
        rows = [self._row(item_id, stale) for item_id, stale in part]
        end = offset + session.size
        if self.loop_at is not None and offset >= self.loop_at:
            return rows, f"{self.epoch}-{number}-{offset}", None
        if end < len(session.entries):
            return rows, f"{self.epoch}-{number}-{end}", None
        late = [item for item in self._changed(session.seq) if session.seq]
        if late:
            end = len(session.entries)
            session.entries += [(item.id, False) for item in late]
            session.seq = self.drive.seq
            return rows, f"{self.epoch}-{number}-{end}", None
        return rows, None, f"{self.epoch}-at-{session.seq}"

    def _row(self, item_id: str, stale: bool) -> dict[str, Any]:
        item = self.drive.items.get(item_id) or self.drive.root
        if item.deleted and self.noise.bare_tombstones:
            return {"id": item.id}
        if item.deleted and self.noise.id_only_deletes:
            return {"id": item.id, "deleted": {}}
        if item.deleted:
            return tombstone(self.drive, item, True)
        row = row_of(self.drive, item, delta=True)
        if stale:
            row["name"] = f"stale {row['name']}"
            row["eTag"] = row["eTag"] + "0"
            if "size" in row:
                row["size"] += 1
        return row
