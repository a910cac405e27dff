"""The journal: every write is announced before and reported after, in the database and in a file of JSON lines.

The database is what KeepOne itself believes; `journal.jsonl` beside it says the same to a person or a script without
our program. The line in the database comes first; lines that a crash kept from the file are added at the next start.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from connectors.base import Receipt
from dedupe_core.model import Entry, JournalState, Plan, Step
from dedupe_core.store import Store, StoreError
from dedupe_core.store.codec import dumps

FILE = "journal.jsonl"
_TAIL = 1 << 16


class JournalError(StoreError):
    """The journal cannot be written, so nothing may be touched; the message is a sentence with the next step."""


@contextmanager
def written() -> Iterator[None]:
    """Around every write of the journal and of what belongs to it. Raises `JournalError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise JournalError(
            f"The journal cannot be written ({error}); nothing more was touched. Make room in the data folder, then "
            "run it again."
        ) from error


def record(
    store: Store,
    plan: str,
    step: Step,
    token: str,
    state: JournalState,
    receipt: Receipt | None = None,
    note: str = "",
    also: Callable[[], object] | None = None,
) -> Entry:
    """Append one line; it is on the disk, in both places, when this returns. `also` happens in the same transaction.
    Raises `JournalError`."""
    with written():
        with store.transaction():
            entry = store.plans.record(plan, step, token, state, None if receipt is None else asdict(receipt), note)
            if also is not None:
                also()
        if store.folder is not None:
            _append(store.folder / FILE, [_line(entry, step)])
    return entry


def catch_up(store: Store) -> int:
    """Add to the file what the database has and the file lacks; how many lines that were. Raises `JournalError`."""
    if store.folder is None:
        return 0
    file = store.folder / FILE
    with written():
        missing = store.plans.journal(after=_last_seq(file))
        plans: dict[str, Plan | None] = {name: store.plans.get(name) for name in {entry.plan for entry in missing}}
        _append(file, [_line(entry, _step(plans[entry.plan], entry.step)) for entry in missing])
    return len(missing)


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The file's lines in order; what a crash tore is passed over."""
    if not file.exists():
        return
    with file.open("rb") as stream:
        for line in stream:
            if (known := _parsed(line)) is not None:
                yield known


def receipt_of(entry: Entry) -> Receipt:
    """The receipt that a line carries. Raises `ValueError` when it has none."""
    if entry.receipt is None:
        raise ValueError(f"journal line {entry.seq} has no receipt")
    raw = entry.receipt
    return Receipt(raw["verb"], raw["before"], raw["after"], raw["token"])


def _line(entry: Entry, step: Step | None) -> dict[str, Any]:
    line: dict[str, Any] = {"seq": entry.seq, "time": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(entry.at))}
    line |= {"state": entry.state, "source": entry.source, "key": entry.key, "plan": entry.plan, "step": entry.step}
    line |= {"token": entry.token, "note": entry.note}
    if step is not None and entry.state == "intent":
        line |= _intent(step)
    if entry.receipt is not None:
        line["receipt"] = entry.receipt
    return line


def _intent(step: Step) -> Mapping[str, Any]:
    """What is going to be done, and for the sake of which photo."""
    keeper = {"source": step.keeper.id.source, "key": step.keeper.id.key, "content": step.keeper_content}
    facts = {"content": step.content, "size": step.asset.size, "revision": step.asset.revision}
    facts["parts"] = [part.key for part in step.asset.parts]
    return {"verb": step.verb, "target": step.target, **facts, "keeper": keeper, "relation": step.relation}


def _step(plan: Plan | None, number: int) -> Step | None:
    return plan.step(number) if plan else None


def _append(file: Path, lines: list[dict[str, Any]]) -> None:
    """A line that a crash tore is closed first, so that it spoils no other."""
    if not lines:
        return
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        data = "".join(dumps(line) + "\n" for line in lines).encode()
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            data = b"\n" + data
        while data:
            data = data[os.write(handle, data) :]
        _sync(handle)
    finally:
        os.close(handle)


def _sync(handle: int) -> None:
    """As SQLite's `fullfsync`: fsync does not flush the drive on macOS."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)


def _last_seq(file: Path) -> int:
    """The highest number in the file's tail; 0 when there is no file."""
    try:
        with file.open("rb") as stream:
            start = max(0, file.stat().st_size - _TAIL)
            stream.seek(start)
            lines = stream.read().splitlines()
    except FileNotFoundError:
        return 0
    found = [known["seq"] for line in lines if (known := _parsed(line)) is not None]
    if found or not start:
        return max(found, default=0)
    return max((line["seq"] for line in read_lines(file)), default=0)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        known = json.loads(line)
    except ValueError:
        return None
    return known if isinstance(known, dict) and isinstance(known.get("seq"), int) else None
