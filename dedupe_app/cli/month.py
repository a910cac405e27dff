"""`keepone months`: a gallery of month folders, cleaned month by month."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

_MONTH = re.compile(r"(\d{4})[-/](0[1-9]|1[0-2])")


@click.command(cls=Command)
@click.argument("wanted", nargs=-1, required=True, metavar="YYYY-MM...")
@click.option("--gallery", metavar="SOURCE|PATH", help="The gallery; by default the one folder of the configuration.")
@click.option("--undo", is_flag=True, help="Bring back what was moved in these months.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def months(session: Session, wanted: tuple[str, ...], gallery: str | None, undo: bool, yes: bool) -> int:
    """Move the duplicates of each month into `duplicates` in that month's folder, and write its table."""
    from dedupe_app.months import run_deduplication_for_months, undo_deduplication_for_months

    dates = [_month(word) for word in wanted]
    if not undo and not yes and not _agreed(len(dates)):
        session.out.say(" nothing was changed")
        return Exit.OK
    act = undo_deduplication_for_months if undo else run_deduplication_for_months
    config = session.loaded
    results = act(
        dates,
        gallery=gallery,
        data=config.config.data,
        config=config.file,
        say=lambda line: session.out.say(f" {line}"),
        one_line=True,
    )
    rows = [{**asdict(result), "table": str(result.table or "")} for result in results]
    session.out.document({"months": rows}, ({"message_type": "month", **row} for row in rows))
    return Exit.SOME_FAILED if any(result.left or result.skipped for result in results) else Exit.OK


def _month(word: str) -> tuple[int, int]:
    match = _MONTH.fullmatch(word)
    if match is None:
        raise click.UsageError(f"{word!r} is no month: write it like 2024-06.")
    return int(match[1]), int(match[2])


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("There is nobody to ask. Say --yes to move the duplicates.")
    return click.confirm(f" Move the duplicates of {count} month{'' if count == 1 else 's'} aside?", err=True)
