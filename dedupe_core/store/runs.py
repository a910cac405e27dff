"""Runs with their groups and choices. The newest finished run is what commands show and plans are made of."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dedupe_core.model import Choice, Group
from dedupe_core.sentences import packed, unpacked
from dedupe_core.store.codec import dumps, edge_from_json, edge_to_json


class Runs:
    """Runs, groups, members."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def begin(self) -> int:
        """A run starts; it shows nothing until it is finished."""
        return int(self.db.execute("INSERT INTO run (started_at) VALUES (?)", (time.time(),)).lastrowid or 0)

    def finish(self, run: int, fingerprint: str, summary: Mapping[str, Any]) -> None:
        """The run's groups are complete. `fingerprint` tells what they depended on."""
        self.db.execute(
            "UPDATE run SET finished_at = ?, fingerprint = ?, summary = ? WHERE id = ?",
            (time.time(), fingerprint, dumps(dict(summary)), run),
        )

    def latest(self) -> sqlite3.Row | None:
        """The newest finished run."""
        row: sqlite3.Row | None = self.db.execute(
            "SELECT * FROM run WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return row

    def history(self, limit: int = 50) -> list[sqlite3.Row]:
        """Finished runs, newest first."""
        return self.db.execute(
            "SELECT * FROM run WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT ?", (limit,)
        ).fetchall()

    def forget_older(self, keep: int = 5) -> None:
        """Old runs' groups go; plans and the journal stay."""
        self.db.execute("DELETE FROM run WHERE id NOT IN (SELECT id FROM run ORDER BY id DESC LIMIT ?)", (keep,))

    def put(self, run: int, choices: Iterable[Choice]) -> None:
        """Write the groups of a run."""
        for choice in choices:
            group = choice.group
            score = min((edge.score for edge in group.edges), default=1.0)
            self.db.execute(
                "INSERT INTO grp (id, run, relation, keep, score, reason, edges) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    group.id,
                    run,
                    group.relation,
                    choice.keep,
                    score,
                    packed(choice.reason),
                    dumps([edge_to_json(e) for e in group.edges]),
                ),
            )
            self.db.executemany(
                "INSERT INTO member (run, grp, asset, role, reason) VALUES (?, ?, ?, ?, ?)",
                [
                    (run, group.id, row, _role(choice, row), packed(choice.reasons.get(row, "")))
                    for row in group.members
                ],
            )

    def choices(
        self, run: int | None = None, relations: Iterable[str] = (), group: str | None = None
    ) -> Iterator[Choice]:
        """The groups of a run (the newest by default) in the order of relation, score and id."""
        if run is None:
            latest = self.latest()
            if latest is None:
                return
            run = int(latest["id"])
        wanted = set(relations)
        query = """SELECT * FROM grp WHERE run = ? AND (? IS NULL OR id LIKE ? || '%')
          ORDER BY instr('exact pixels near similar series', relation), score DESC, id"""
        for record in self.db.execute(query, (run, group, group)).fetchall():
            if not wanted or record["relation"] in wanted:
                yield self._choice(record)

    def one(self, run: int, group: str) -> Choice | None:
        """The group of exactly this id."""
        record = self.db.execute("SELECT * FROM grp WHERE run = ? AND id = ?", (run, group)).fetchone()
        return None if record is None else self._choice(record)

    def several(self, run: int, groups: Iterable[str]) -> dict[str, Choice]:
        """The groups of these ids that are there, by id."""
        wanted = dumps(list(groups))
        heads = self.db.execute(
            "SELECT * FROM grp WHERE run = ? AND id IN (SELECT value FROM json_each(?))", (run, wanted)
        ).fetchall()
        members: dict[str, list[sqlite3.Row]] = {head["id"]: [] for head in heads}
        for member in self.db.execute(
            """SELECT grp, asset, role, reason FROM member
               WHERE run = ? AND grp IN (SELECT value FROM json_each(?)) ORDER BY grp, asset""",
            (run, wanted),
        ):
            members[member["grp"]].append(member)
        return {head["id"]: _choice(head, members[head["id"]]) for head in heads}

    def around(self, rows: Iterable[int]) -> Iterator[Choice]:
        """The groups of the newest run that hold one of these assets, each once."""
        latest = self.latest()
        if latest is None:
            return
        query = "SELECT grp FROM member WHERE run = ? AND asset = ? ORDER BY grp"
        found = {str(each[0]): None for row in rows for each in self.db.execute(query, (latest["id"], row))}
        for group in found:
            choice = self.one(int(latest["id"]), group)
            if choice is not None:
                yield choice

    def _choice(self, record: sqlite3.Row) -> Choice:
        members = self.db.execute(
            "SELECT asset, role, reason FROM member WHERE run = ? AND grp = ? ORDER BY asset",
            (record["run"], record["id"]),
        ).fetchall()
        return _choice(record, members)


def _choice(record: sqlite3.Row, members: Sequence[sqlite3.Row]) -> Choice:
    edges = tuple(edge_from_json(raw) for raw in json.loads(record["edges"]))
    group = Group(record["id"], record["relation"], tuple(m["asset"] for m in members), edges)
    drop = tuple(m["asset"] for m in members if m["role"] == "drop")
    reasons = {m["asset"]: unpacked(m["reason"]) for m in members if m["reason"]}
    return Choice(group, record["keep"], drop, unpacked(record["reason"]), reasons)


def _role(choice: Choice, row: int) -> str:
    if row == choice.keep:
        return "keep"
    return "drop" if row in choice.drop else "review"
