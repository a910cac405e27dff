"""`keepone delete`: what was tagged in Apple Photos goes to its Recently Deleted, with the person at the keyboard."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.photos_removal import Removed
    from dedupe_core.model import Plan

_LISTED = 20


@click.command(cls=Command)
@click.argument("plan", required=False, default="", metavar="[PLAN]")
@click.option("--dry-run", is_flag=True, help="Only show what would be asked of Photos.")
@pass_session
def delete(session: Session, plan: str, dry_run: bool) -> int:
    """Delete from Apple Photos what plans have tagged (PLAN: only this one), in a terminal and by your own hand: macOS
    asks once for each 500. Photos that stay first take over what the others have and they lack.

    KeepOne cannot bring deleted photos back. You can, for 30 days: Photos > Recently Deleted > Recover.
    """
    from dedupe_app.photos_removal import recycle, tagged

    with session.library() as library:
        made = tagged(library, plan)
        if not made:
            session.out.say(" nothing to delete · keepone apply tags duplicates in Photos first")
            session.out.document({"deleted": 0, "plans": []})
            return Exit.OK
        for name, one in made.items():
            _show(session, name, one)
        if dry_run:
            session.out.say(" nothing was changed")
            session.out.document({"deleted": 0, "plans": [_json(name, one, None) for name, one in made.items()]})
            return Exit.OK
        done = {name: recycle(library, name, one, True) for name, one in made.items() if _agreed(one)}
    for removed in done.values():
        _tell(session, removed)
    deleted = sum(removed.count("deleted") for removed in done.values())
    rows = [_json(name, one, done.get(name)) for name, one in made.items()]
    session.out.document({"deleted": deleted, "plans": rows})
    return Exit.OK if deleted == sum(len(one.steps) for one in made.values()) else Exit.SOME_FAILED


def _show(session: Session, name: str, made: Plan) -> None:
    from connectors.photos.deleting import WARNING
    from dedupe_core.gifts import told
    from dedupe_core.words import readable

    say = session.out.say
    listed = made.steps if session.verbose else made.steps[:_LISTED]
    say(f" {name}: {len(made.steps)} photos")
    for step in listed:
        say(f"   {readable(step.asset.name)} goes, {readable(step.keeper.name)} stays: {readable(step.reason)}")
    if len(listed) < len(made.steps):
        say(f"   … {len(made.steps) - len(listed)} more (-v lists all)")
    for line in told(made):
        say(f"   before that, {readable(line)}")
    session.out.warn(f" {WARNING}")


def _agreed(made: Plan) -> bool:
    """The person types the number; a pipe, a job and launchd never do."""
    from connectors.base import Refused
    from connectors.photos.deleting import by_launchd

    if not sys.stdin.isatty() or by_launchd():
        raise Refused("Photos are only deleted by a person in a terminal. --dry-run shows what would be asked.")
    count = len(made.steps)
    answer = click.prompt(f" Type {count} to delete them", default="", show_default=False, err=True)
    return str(answer).strip() == str(count)


def _tell(session: Session, removed: Removed) -> None:
    from dedupe_core.words import readable

    for line in (*removed.troubles, *(f"{o.asset.name}: {o.sentence}" for o in removed.outcomes if o.sentence)):
        session.out.say(f"   {readable(line)}")
    counts = {state: removed.count(state) for state in ("deleted", "stays", "refused", "unknown")}
    session.out.say(" " + " · ".join(f"{state} {count}" for state, count in counts.items() if count))


def _json(name: str, made: Plan, removed: Removed | None) -> dict[str, object]:
    outcomes = removed.outcomes if removed is not None else ()
    rows = [{"key": one.asset.id.key, "state": one.state, "sentence": one.sentence} for one in outcomes]
    return {"source": name, "plan": made.id, "photos": len(made.steps), "outcomes": rows}
