"""Plans and the journal. A plan is written once; the journal only grows."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

from dedupe_core.model import Entry, JournalState, Plan, Step
from dedupe_core.sentences import Said, packed, unpacked
from dedupe_core.store.codec import asset_from_json, asset_to_json, decode_name, dumps, encode_name


class Plans:
    """Plans and journal rows."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def put(self, plan: Plan, run: int | None = None) -> None:
        """Keep a plan; the same plan again changes nothing."""
        self.db.execute(
            "INSERT INTO plan (id, created_at, run, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (plan.id, plan.created_at, run, dumps(plan_to_json(plan))),
        )

    def get(self, prefix: str) -> Plan | None:
        """The plan whose id begins with `prefix`, if exactly one does; the newest when `prefix` is empty."""
        rows = self.db.execute(
            "SELECT body FROM plan WHERE id LIKE ? || '%' ORDER BY created_at DESC", (prefix,)
        ).fetchall()
        if not rows or (prefix and len(rows) > 1):
            return None
        return plan_from_json(json.loads(rows[0]["body"]))

    def all(self) -> list[sqlite3.Row]:
        """id, created_at, run, state of every plan, newest first."""
        return self.db.execute("SELECT id, created_at, run, state FROM plan ORDER BY created_at DESC").fetchall()

    def set_state(self, plan: str, state: str) -> None:
        """'planned', 'applying', 'applied', 'undoing', 'undone', or 'replaced' by a newer one that nobody began."""
        self.db.execute("UPDATE plan SET state = ? WHERE id = ?", (state, plan))

    def record(
        self,
        plan: str,
        step: Step,
        token: str,
        state: JournalState,
        receipt: Mapping[str, Any] | None = None,
        note: str = "",
    ) -> Entry:
        """Append one line; it is on the disk when this returns (when no transaction is open around it)."""
        now = time.time()
        raw = None if receipt is None else dumps(dict(receipt))
        cursor = self.db.execute(
            "INSERT INTO journal (at, plan, step, token, state, source, key, receipt, note) VALUES (?,?,?,?,?,?,?,?,?)",
            (now, plan, step.number, token, state, step.asset.id.source, encode_name(step.asset.id.key), raw, note),
        )
        return Entry(
            int(cursor.lastrowid or 0),
            now,
            plan,
            step.number,
            token,
            state,
            step.asset.id.source,
            step.asset.id.key,
            receipt,
            note,
        )

    def journal(self, plan: str | None = None, after: int = 0) -> list[Entry]:
        """Journal lines in order, of one plan or of all, with a `seq` higher than `after`."""
        rows = self.db.execute(
            "SELECT * FROM journal WHERE (? IS NULL OR plan = ?) AND seq > ? ORDER BY seq", (plan, plan, after)
        )
        return [_entry(row) for row in rows]

    def states(self, plan: str) -> dict[int, Entry]:
        """The last line of each step of a plan."""
        return {entry.step: entry for entry in self.journal(plan)}

    def moved(self, source: str) -> set[str]:
        """Keys at which photos of this source lie because a plan moved them and nobody brought them back: what we put
        away is never listed as if it were new, whatever the folder is called."""
        rows = self.db.execute(
            """SELECT receipt FROM journal
               WHERE source = ? AND state = 'done' AND json_extract(receipt, '$.verb') = 'move'
                 AND (plan, step) NOT IN (SELECT plan, step FROM journal WHERE state = 'undone')""",
            (source,),
        )
        return {str(json.loads(row[0])["after"]["key"]) for row in rows}

    def tagged(self, source: str) -> dict[str, tuple[str, int]]:
        """Keys of photos of this source that a plan tagged and nobody brought back, with the plan and its step."""
        rows = self.db.execute(
            """SELECT key, plan, step FROM journal
               WHERE source = ? AND state = 'done' AND json_extract(receipt, '$.verb') = 'tag'
                 AND (plan, step) NOT IN (SELECT plan, step FROM journal WHERE state = 'undone')""",
            (source,),
        )
        return {decode_name(row[0]): (str(row[1]), int(row[2])) for row in rows}

    def open_intents(self) -> list[Entry]:
        """Last lines that are an intent: writes of which nobody knows yet whether they happened."""
        rows = self.db.execute(
            """SELECT journal.* FROM journal JOIN (SELECT MAX(seq) AS seq FROM journal GROUP BY plan, step) AS last
               ON last.seq = journal.seq WHERE state IN ('intent', 'undo_intent') ORDER BY journal.seq"""
        )
        return [_entry(row) for row in rows]


def plan_id(created_at: float, steps: Sequence[Step], gifts: Sequence[Step] = ()) -> str:
    """The id of a plan: 16 hexadecimal digits of the sha256 over when it was made and every step, so that a plan that
    was altered no longer has its id."""
    body = plan_to_json(Plan("", created_at, tuple(steps), gifts=tuple(gifts)))
    parts = [body["created_at"], body["steps"], *([body["gifts"]] if gifts else [])]
    return hashlib.sha256(dumps(parts).encode()).hexdigest()[:16]


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """A plan as a document that can be kept, read and applied elsewhere."""
    return {
        "id": plan.id,
        "created_at": plan.created_at,
        "skipped": dict(plan.skipped),
        "steps": [_step_to_json(step) for step in plan.steps],
        **({"gifts": [_step_to_json(step) for step in plan.gifts]} if plan.gifts else {}),
    }


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "asset": asset_to_json(step.asset),
        "content": step.content,
        "verb": step.verb,
        "target": step.target,
        "keeper": asset_to_json(step.keeper),
        "keeper_content": step.keeper_content,
        "relation": step.relation,
        "group": step.group,
        "reason": str(step.reason),
        **({"said": packed(step.reason)} if isinstance(step.reason, Said) else {}),
    }


def plan_from_json(raw: Mapping[str, Any]) -> Plan:
    """The inverse of `plan_to_json`. Raises `KeyError` or `TypeError` for what is no plan."""
    if not isinstance(raw, Mapping):
        raise TypeError("a plan is an object")
    steps, gifts = (tuple(_step_from_json(step) for step in raw.get(which, ())) for which in ("steps", "gifts"))
    return Plan(raw["id"], raw["created_at"], steps, raw.get("skipped", {}), gifts)


def _step_from_json(raw: Mapping[str, Any]) -> Step:
    known = {name: value for name, value in raw.items() if name != "said"}
    assets = {name: asset_from_json(raw[name]) for name in ("asset", "keeper")}
    return Step(**{**known, **assets, "reason": _reason(raw)})


def _reason(raw: Mapping[str, Any]) -> str:
    """The reason with its code. A plan may come from somebody's file: what says something else there than its reason
    is not believed."""
    plain = str(raw["reason"])
    try:
        told = unpacked(str(raw.get("said", "")))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return plain
    return told if told == plain else plain


def _entry(row: sqlite3.Row) -> Entry:
    receipt = None if row["receipt"] is None else json.loads(row["receipt"])
    return Entry(
        row["seq"],
        row["at"],
        row["plan"],
        row["step"],
        row["token"],
        row["state"],
        row["source"],
        decode_name(row["key"]),
        receipt,
        row["note"],
    )
