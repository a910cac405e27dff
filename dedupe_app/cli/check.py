"""`keepone check PATH --against SOURCE`: is everything on this card already in my library?"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.apply import agreed, say_result, status_of
from dedupe_app.cli.codes import Exit
from dedupe_app.cli.groups import shown
from dedupe_app.cli.plan import with_action
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.checking import CardCheck, Checked

VERDICTS = {
    "exact": "already there, byte for byte",
    "pixels": "already there, same pixels",
    "better": "a better copy is there",
    "worse": "a smaller copy is there: this one is better",
    "missing": "not there",
    "unreadable": "cannot be read",
}


@click.command(cls=Command)
@click.argument("path", metavar="PATH")
@click.option("--against", required=True, metavar="SOURCE", help="The library: a source's name or a folder.")
@click.option("--action", type=click.Choice(["trash", "move"]), help="Put away what is already there, undoably.")
@click.option("--to", "folder", metavar="FOLDER", help="With --action move: the folder's name.")
@click.option("--yes", is_flag=True, help="With --action: do not ask.")
@click.option("--missing", is_flag=True, help="List only what is not there.")
@pass_session
def check(session: Session, path: str, against: str, **wanted: Any) -> int:
    """Say of each photo in PATH whether it is in SOURCE already.

    The status is 0 when every photo is there, 10 when some are not, 3 when some could not be read.
    """
    from dedupe_app.checking import CardCheck
    from dedupe_app.sources import resolve, with_paths

    if wanted["folder"] and wanted["action"] != "move":
        raise click.UsageError("--to names the folder of --action move.")
    config, (library_name,) = with_paths(session.loaded.config, [against])
    (card,) = resolve(config, [path])
    config = with_action(config, wanted["action"], wanted["folder"])
    library_source = resolve(config, [library_name])[0]
    with session.library(config) as home, CardCheck(home, card, library_source) as beside:
        with session.progress() as progress:
            found = beside.run(progress)
        answer = _said(session, found, wanted["missing"])
        status = _status(found)
        if wanted["action"]:
            status = _put_away(session, beside, wanted, answer)
    lines = [{"message_type": "photo", **photo} for photo in answer["photos"]]
    session.out.document(answer, lines)
    return status


def _said(session: Session, found: Sequence[Checked], only_missing: bool) -> dict[str, Any]:
    from dedupe_core.words import readable

    counts: Counter[str] = Counter(checked.verdict for checked in found)
    for checked in found:
        if not (only_missing and checked.there):
            match = f" = {shown(checked.match.path)}" if checked.match else ""
            session.out.show(f" {checked.verdict:<10} {shown(checked.photo.path)}{match}  {readable(checked.sentence)}")
    total = " · ".join(f"{VERDICTS[verdict]} {counts[verdict]}" for verdict in VERDICTS if counts[verdict])
    session.out.say(f" {len(found)} photos · {total}" if found else " no photos there")
    return {"counts": dict(counts), "complete": all(item.there for item in found), "photos": [_json(i) for i in found]}


def _json(checked: Checked) -> dict[str, Any]:
    return {
        "path": checked.photo.path,
        "verdict": checked.verdict,
        "match": checked.match.path if checked.match else None,
        "sentence": checked.sentence,
    }


def _status(found: Sequence[Checked]) -> int:
    if any(checked.verdict == "unreadable" for checked in found):
        return Exit.SOME_FAILED
    return Exit.OK if all(checked.there for checked in found) else Exit.DUPLICATES


def _put_away(session: Session, beside: CardCheck, wanted: dict[str, Any], answer: dict[str, Any]) -> int:
    """Plan, ask, apply; the journal lies in the check's own data folder, and so does the way back."""
    made = beside.plan("delete" if wanted["action"] == "trash" else "move")
    answer |= {"plan": made.id, "planned": len(made.steps), "data": str(beside.library.config.data)}
    if not made.steps:
        session.out.say(" nothing to put away")
        return Exit.OK
    if not wanted["yes"] and not agreed(made, beside.library):
        session.out.say(" nothing was changed")
        return Exit.OK
    with session.progress() as progress:
        result = beside.library.apply(made, progress=progress)
    answer["outcomes"] = [asdict(outcome) for outcome in result.outcomes]
    say_result(session, result, "put away", "")
    session.out.say(f" undo: keepone --data {shlex.quote(str(beside.library.config.data))} undo")
    return status_of(result)
