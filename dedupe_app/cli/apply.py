"""`keepone apply` and `keepone undo`: the only commands that change a source, each the other's inverse."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.config import Config
    from dedupe_app.library import Library
    from dedupe_core.apply import ApplyResult
    from dedupe_core.model import Plan
    from dedupe_core.undo import UndoResult

_MANY = 100  # above this, or with more than one source, the number has to be typed
_LISTED = 20


@click.command(cls=Command)
@click.argument("plan", required=False, metavar="[ID|plan.json]")
@click.option("--dry-run", is_flag=True, help="Prove every step, write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--max-items", type=click.IntRange(1), metavar="N", help="Refuse a plan with more photos.")
@click.option("--max-bytes", type=click.IntRange(1), metavar="B", help="Refuse a plan that frees more bytes.")
@click.option("--fail-if-empty", is_flag=True, help="Exit with status 4 when there is nothing to do.")
@pass_session
def apply(session: Session, plan: str | None, dry_run: bool, yes: bool, **wanted: Any) -> int:
    """Put away what a plan says (the newest by default), each photo only after it was proved once more.

    Interrupted or killed, the same command goes on where it was. `keepone undo` brings everything back.
    """
    config = _capped(session.loaded.config, wanted["max_items"], wanted["max_bytes"])
    with session.library(config) as library:
        made = _found(library, plan)
        if made is None or not made.steps:
            return _nothing(session, wanted["fail_if_empty"])
        if not dry_run and not yes and not agreed(made, library):
            session.out.say(" nothing was changed")
            session.out.document({"plan": made.id, "applied": False})
            return Exit.OK
        with session.progress() as progress:
            result = library.apply(made, dry_run=dry_run, progress=progress)
    return told(session, made, result, dry_run)


def _capped(config: Config, items: int | None, size: int | None) -> Config:
    change = {key: value for key, value in (("max_items", items), ("max_bytes", size)) if value is not None}
    planning = config.settings.planning.model_copy(update=change)
    return config.model_copy(update={"settings": config.settings.model_copy(update={"planning": planning})})


def _found(library: Library, word: str | None) -> Plan | None:
    """The plan of a file, of an id's beginning, or the newest, unless that was done already. Raises UsageError."""
    if word is None:
        newest = next(iter(library.store.plans.all()), None)
        waiting = newest is not None and newest["state"] in ("planned", "applying")
        return library.store.plans.get(newest["id"]) if newest is not None and waiting else None
    made = _from_file(Path(word)) if Path(word).is_file() else library.store.plans.get(word)
    if made is None:
        raise click.UsageError(f"There is no plan {word!r}, or more than one begins so. See: keepone runs")
    return made


def _from_file(file: Path) -> Plan:
    from dedupe_core.store.plans import plan_from_json

    try:
        return plan_from_json(json.loads(file.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"{file} is not a plan of KeepOne. Make one: keepone plan -o {file}") from error


def _nothing(session: Session, fail: bool) -> int:
    session.out.say(" nothing to do · keepone plan makes a plan")
    session.out.document({"plan": None, "outcomes": []})
    return Exit.NOTHING_TO_DO if fail else Exit.OK


def agreed(made: Plan, library: Library) -> bool:
    """Ask; above a hundred photos or one source the number has to be typed."""
    from dedupe_app.cli.output import number
    from dedupe_app.cli.plan import plural, target_words
    from dedupe_core.words import bytes_text

    count = len(made.steps)
    if not sys.stdin.isatty():
        raise click.UsageError("There is nobody to ask. Say --yes to put the photos away, or --dry-run to look.")
    text = f" Put {number(count)} {plural(made)} ({bytes_text(made.bytes)}) into {target_words(made, library)}?"
    if count > _MANY or len({step.asset.id.source for step in made.steps}) > 1:
        return str(click.prompt(f"{text} Type {count}", default="", show_default=False, err=True)).strip() == str(count)
    return click.confirm(text, err=True)


def told(session: Session, made: Plan, result: ApplyResult, dry_run: bool) -> int:
    """Say what became of a plan, and the status of it."""
    short = made.id[:12]
    say_result(session, result, "done", f" · {_size(result.freed)}" if result.freed else "")
    if result.done:
        session.out.say(f" undo: keepone undo {short}")
    elif dry_run:
        session.out.say(f" Next: keepone apply {short}   nothing has been changed.")
    answer = {"plan": made.id, "applied": not dry_run, "dry_run": dry_run, "bytes": result.freed}
    return _answer(session, result, answer)


def _size(size: int) -> str:
    from dedupe_core.words import bytes_text

    return bytes_text(size)


@click.command(cls=Command)
@click.argument("plan", required=False, metavar="[PLAN]")
@click.option("--fail-if-empty", is_flag=True, help="Exit with status 4 when there is nothing to bring back.")
@pass_session
def undo(session: Session, plan: str | None, fail_if_empty: bool) -> int:
    """Bring back what a plan put away: place, name, times. The plan that was applied last by default."""
    with session.library() as library:
        made = _found(library, plan) if plan else _last_applied(library)
        if made is None:
            session.out.say(" nothing to bring back · keepone runs lists the plans")
            session.out.document({"plan": None, "counts": {}, "outcomes": []})
            return Exit.NOTHING_TO_DO if fail_if_empty else Exit.OK
        with session.progress() as progress:
            result = library.undo(made.id, progress=progress)
    say_result(session, result, "brought back", "")
    status = _answer(session, result, {"plan": made.id})
    return Exit.NOTHING_TO_DO if fail_if_empty and not result.outcomes else status


def _last_applied(library: Library) -> Plan | None:
    """The newest plan of which something is away."""
    for row in library.store.plans.all():
        states = {entry.state for entry in library.store.plans.states(row["id"]).values()}
        if states & {"done", "intent", "undo_intent", "undo_failed"}:
            return library.store.plans.get(row["id"])
    return None


def say_result(session: Session, result: ApplyResult | UndoResult, done: str, more: str) -> None:
    """The photos that stay with their reasons (all of them with -v), then the counts."""
    from dedupe_app.cli.output import number
    from dedupe_core.words import readable

    say = session.out.say
    for sentence in result.settled:
        say(f" {readable(sentence)}")
    marked = [item for item in result.outcomes if item.sentence and item.state != "already"]
    for item in marked if session.verbose else marked[:_LISTED]:
        say(f"   {item.state}  {readable(item.key)}: {readable(item.sentence)}")
    if len(marked) > _LISTED and not session.verbose:
        say(f"   … {len(marked) - _LISTED} more (-v lists all)")
    words = {"done": done, "would": "would go", "already": "done before", "skipped": "skipped", "failed": "failed"}
    counts: Counter[str] = Counter(item.state for item in result.outcomes)
    say(
        " "
        + (" · ".join(f"{words[state]} {number(counts[state])}" for state in words if counts[state]) or "nothing to do")
        + more
    )
    if result.stopped:
        session.out.warn(f" {result.stopped}")


def _answer(session: Session, result: ApplyResult | UndoResult, answer: dict[str, Any]) -> int:
    counts: Counter[str] = Counter(item.state for item in result.outcomes)
    lines = [{"message_type": "outcome", **asdict(item)} for item in result.outcomes]
    answer |= {"counts": dict(counts), "stopped": result.stopped, "settled": list(result.settled), "outcomes": lines}
    session.out.document(answer, lines)
    return status_of(result)


def status_of(result: ApplyResult | UndoResult) -> int:
    """130 when a person stopped it, 3 when something stays that should have gone, else 0."""
    if result.stopped and not result.failed:
        return Exit.INTERRUPTED
    return Exit.SOME_FAILED if any(item.state in ("failed", "skipped") for item in result.outcomes) else Exit.OK
