"""What a person decided about groups, and the groups as a list that is fast to look through.

A decision is kept under the *mark* of its group, a digest of the contents in it, so it holds when photos are renamed,
moved, or listed again by another run. Nothing is ever overwritten: the newest decision that was not taken back counts,
and taking it back makes the one before count again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dedupe_core.store.codec import decode_name, dumps

DecisionVerb = Literal["keep", "keep_all", "not_duplicates", "skip"]
Place = tuple[str, str, str]
"""(source, key, content) of a photo as it was when somebody decided."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer to one group. `keep` and `drop` are its photos; `size` the bytes that go with `drop`; `token` names
    the act, which may have decided many groups at once; `answer` the labels that it made, "" for none. `id` is 0 before
    it is written."""

    group: str
    mark: str
    verb: DecisionVerb
    keep: tuple[Place, ...]
    drop: tuple[Place, ...]
    size: int
    token: str
    at: float = 0.0
    id: int = 0
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A member of a group as lists need it: `row` is the asset's, `size` counts its parts, `there` says that it is
    believed to be there."""

    row: int
    role: str
    source: str
    key: str
    content: str
    size: int
    taken: float | None
    there: bool


@dataclass(frozen=True, slots=True)
class Outline:
    """A group as lists need it, without its evidence."""

    id: str
    relation: str
    score: float
    keep: int
    members: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Trait:
    """What a list can be filtered by, of one photo. `labels` are albums and keywords, `faces` counts the people that
    its source found in it, `people` names those it knows; `format` is "" while nobody knows it."""

    row: int
    name: str
    folder: str
    labels: tuple[str, ...]
    faces: int
    format: str
    people: tuple[str, ...] = ()


class Decisions:
    """Decisions, and the outline of a run's groups to which they belong."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def put(self, decisions: Iterable[Decision]) -> None:
        """Write decisions, in the order given."""
        self.db.executemany(
            """INSERT INTO decision (grp, mark, verb, kept, dropped, size, token, at, answer)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (d.group, d.mark, d.verb, dumps(d.keep), dumps(d.drop), d.size, d.token, d.at or time.time(), d.answer)
                for d in decisions
            ],
        )

    def active(self) -> Iterator[Decision]:
        """The decision that counts for each mark, oldest first."""
        yield from self._read(
            """SELECT * FROM decision WHERE id IN
                 (SELECT MAX(id) FROM decision WHERE revoked_at IS NULL GROUP BY mark) ORDER BY id"""
        )

    def of(self, mark: str) -> Decision | None:
        """The decision that counts for a mark."""
        query = "SELECT * FROM decision WHERE mark = ? AND revoked_at IS NULL ORDER BY id DESC LIMIT 1"
        return next(self._read(query, (mark,)), None)

    def revoke(self, token: str) -> list[str]:
        """Take back everything that was decided in one act; the marks that this concerns, none when it was done
        before or never was."""
        rows = self.db.execute("SELECT mark FROM decision WHERE token = ? AND revoked_at IS NULL", (token,)).fetchall()
        self.db.execute(
            "UPDATE decision SET revoked_at = ? WHERE token = ? AND revoked_at IS NULL", (time.time(), token)
        )
        return [str(row[0]) for row in rows]

    def set_answer(self, decision: int, answer: str) -> None:
        """The labels of a decision that counts again were made anew."""
        self.db.execute("UPDATE decision SET answer = ? WHERE id = ?", (answer, decision))

    def known(self, token: str) -> bool:
        """Was anything ever decided in this act?"""
        return self.db.execute("SELECT 1 FROM decision WHERE token = ? LIMIT 1", (token,)).fetchone() is not None

    def last(self) -> int:
        """The id of the newest decision, 0 when there is none."""
        return int(self.db.execute("SELECT COALESCE(MAX(id), 0) FROM decision").fetchone()[0])

    def acts(self, before: int | None = None, limit: int = 50) -> list[sqlite3.Row]:
        """Acts, newest first: token, at, groups, the key of a photo that stays, photos that go, bytes, verb, the last
        decision's id, revoked."""
        return self.db.execute(
            """SELECT token, MAX(id) AS last, MAX(at) AS at, COUNT(*) AS groups, MIN(grp) AS grp, MIN(verb) AS verb,
                 json_extract(MIN(kept), '$[0][1]') AS key,
                 SUM(json_array_length(dropped)) AS photos, SUM(size) AS size, MAX(revoked_at) AS revoked_at
               FROM decision GROUP BY token HAVING ? IS NULL OR MAX(id) < ? ORDER BY last DESC LIMIT ?""",
            (before, before, limit),
        ).fetchall()

    def outlines(self, run: int) -> Iterator[Outline]:
        """Every group of a run with its members, in the order of the groups' ids."""
        rows = self.db.execute(
            """SELECT grp.id, grp.relation, grp.score, grp.keep, member.asset, member.role, source.name, asset.key,
                 COALESCE(asset.content, '') AS content, asset.size, asset.gone_at IS NULL AS there, signature.taken,
                 CASE WHEN json_type(asset.facts, '$.parts') IS NULL THEN 0 ELSE
                   (SELECT SUM(json_extract(value, '$[3]')) FROM json_each(asset.facts, '$.parts')) END AS parts
               FROM grp JOIN member ON member.run = grp.run AND member.grp = grp.id
               JOIN asset ON asset.id = member.asset JOIN source ON source.id = asset.source
               LEFT JOIN signature ON signature.content = asset.content
               WHERE grp.run = ? ORDER BY grp.id, member.asset""",
            (run,),
        )
        found: list[Listed] = []
        head: tuple[str, str, float, int] | None = None
        for group, relation, score, keep, row, role, source, key, content, size, there, taken, parts in rows:
            if head is not None and head[0] != group:
                yield Outline(*head, tuple(found))
                found = []
            head = (group, relation, score, keep)
            found.append(Listed(row, role, source, decode_name(key), content, size + parts, taken, bool(there)))
        if head is not None:
            yield Outline(*head, tuple(found))

    def traits(self, run: int) -> Iterator[Trait]:
        """What lists can be filtered by, of every photo in a run's groups."""
        rows = self.db.execute(
            """SELECT DISTINCT asset.id, asset.name, asset.folder, json_extract(asset.facts, '$.labels') AS labels,
                 COALESCE(json_extract(asset.facts, '$.faces'), 0) AS faces,
                 json_extract(asset.facts, '$.people') AS people,
                 json_extract(asset.facts, '$.media_type') AS media,
                 json_extract(signature.facts, '$.format') AS format
               FROM member JOIN asset ON asset.id = member.asset
               LEFT JOIN signature ON signature.content = asset.content WHERE member.run = ?""",
            (run,),
        )
        for row, name, folder, labels, faces, people, media, seen in rows:
            kind = seen or (media or "").rpartition("/")[2].upper()
            named, known = (tuple(json.loads(one or "[]")) for one in (labels, people))
            yield Trait(row, decode_name(name), decode_name(folder), named, faces, kind, known)

    def gone(self) -> int:
        """How many assets went away: changes whenever a photo goes or comes back."""
        return int(self.db.execute("SELECT COUNT(gone_at) FROM asset").fetchone()[0])

    def _read(self, query: str, values: Sequence[object] = ()) -> Iterator[Decision]:
        for row in self.db.execute(query, values):
            yield Decision(
                group=row["grp"],
                mark=row["mark"],
                verb=row["verb"],
                keep=_places(row["kept"]),
                drop=_places(row["dropped"]),
                size=row["size"],
                token=row["token"],
                at=row["at"],
                id=row["id"],
                answer=row["answer"],
            )


def mark_of(contents: Iterable[str]) -> str:
    """What a group's decisions are kept under: the same contents, as often as they occur, give the same mark."""
    digest = hashlib.sha256("\n".join(sorted(contents)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:24]


def assigned(decision: Decision, members: Sequence[Place]) -> tuple[list[int], list[int]] | None:
    """(positions that stay, positions that go) of `members` under a decision: first those at the place where they were,
    then those of the same content elsewhere; whoever was not there stays. None when nobody would stay."""
    gone: set[int] = set()
    left = dict(enumerate(members))
    missing: dict[bool, list[Place]] = {True: [], False: []}
    for goes, places in ((False, decision.keep), (True, decision.drop)):
        for place in places:
            at = next((at for at, member in left.items() if member == place), None)
            if at is None:
                missing[goes].append(place)
                continue
            del left[at]
            if goes:
                gone.add(at)
    for goes in (False, True):
        for _, _, content in missing[goes]:
            at = next((at for at, member in left.items() if member[2] == content), None)
            if at is not None:
                del left[at]
                if goes:
                    gone.add(at)
    stay = [at for at in range(len(members)) if at not in gone]
    return (stay, sorted(gone)) if stay else None


def _places(raw: str) -> tuple[Place, ...]:
    return tuple((source, key, content) for source, key, content in json.loads(raw))
