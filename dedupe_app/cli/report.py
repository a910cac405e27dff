"""`keepone report` and `keepone export`: the groups for other eyes and other programs."""

from __future__ import annotations

from pathlib import Path

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, chosen_relations, pass_session

_LANES = click.Choice(["identical", "same", "similar", "sets"])
_SUFFIX = {"csv": "csv", "json": "json", "jsonl": "jsonl"}


@click.command(cls=Command)
@click.argument("out", metavar="FILE.html", type=click.Path(dir_okay=False))
@click.option("--lane", "lanes", multiple=True, type=_LANES, help="Only this lane; may be given more than once.")
@click.option("--limit", type=click.IntRange(0), default=1000, show_default=True, help="At most N groups; 0 is all.")
@pass_session
def report(session: Session, out: str, lanes: tuple[str, ...], limit: int) -> int:
    """Write one HTML page with all groups, their photos and reasons. It needs no network."""
    from dedupe_app.reporting import choices, write_report

    file = Path(out)
    with session.library() as library:
        shown = write_report(library, file, choices(library, chosen_relations(lanes)), limit)
    session.out.say(f" wrote {file} with {shown} groups")
    session.out.document({"file": str(file.absolute()), "groups": shown})
    return Exit.OK


@click.command(cls=Command)
@click.argument("form", metavar="csv|json|jsonl", type=click.Choice(list(_SUFFIX)))
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.option("--lane", "lanes", multiple=True, type=_LANES, help="Only this lane; may be given more than once.")
@pass_session
def export(session: Session, form: str, folder: str, lanes: tuple[str, ...]) -> int:
    """Write the groups, one row a photo, into DIR as groups.csv, groups.json or groups.jsonl."""
    from dedupe_app.reporting import choices, rows
    from dedupe_core import tables

    write = {"csv": tables.write_csv, "json": tables.write_json, "jsonl": tables.write_json_lines}[form]
    file = Path(folder) / f"groups.{_SUFFIX[form]}"
    file.parent.mkdir(parents=True, exist_ok=True)
    with session.library() as library:
        found = list(choices(library, chosen_relations(lanes)))
        with file.open("w", encoding="utf-8", newline="") as stream:
            write(rows(library, found), stream)
    session.out.say(f" wrote {file} with {len(found)} groups")
    session.out.document({"file": str(file.absolute()), "groups": len(found)})
    return Exit.OK
