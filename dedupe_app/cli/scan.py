"""`keepone scan`: list, look, compare, group. No source is changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.cli.lanes import Sums
    from dedupe_app.cli.output import Output
    from dedupe_app.config import Config
    from dedupe_app.library import Library, Narrow
    from dedupe_core.pipeline import RunReport
    from dedupe_core.scan import ScanCounts

Wanted = dict[str, Any]
_LEVELS = ("exact", "pixels", "near", "similar", "series")
_STATES = {"needs login": Exit.SIGN_IN, "unavailable": Exit.TEMPORARY, "halted": Exit.ERROR}


@click.command(cls=Command)
@click.argument("places", nargs=-1, metavar="[SOURCE|PATH]...")
@click.option("--month", "months", multiple=True, metavar="YYYY-MM", help="Only this month's folder; may be repeated.")
@click.option("--album", "albums", multiple=True, metavar="NAME", help="Only this album (Photos); may be repeated.")
@click.option("--person", "persons", multiple=True, metavar="NAME", help="Only photos of this person (Photos).")
@click.option("--keyword", "keywords", multiple=True, metavar="WORD", help="Only photos with this keyword (Photos).")
@click.option("--since", metavar="DATE", help="List only photos of this date (2024, 2024-06, 2024-06-18) or later.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Look at no more than N photos of each source: a trial."
)
@click.option("--level", type=click.Choice(_LEVELS), help="How far to look: exact, then pixels, near, similar, series.")
@click.option("--estimate", is_flag=True, help="Only list, and say how long a scan would take.")
@click.option("--errors", is_flag=True, help="List the photos that could not be read; without PATH nothing is scanned.")
@click.option("--retry", is_flag=True, help="Try the unreadable photos again.")
@click.option("--offline", is_flag=True, help="Leave out sources that would need the network.")
@click.option(
    "--accept-loss", multiple=True, metavar="SOURCE", help="Believe that this many photos of SOURCE are gone."
)
@click.option("--review", is_flag=True, help="Open the review page at once and scan there; groups appear as found.")
@click.option("--engine", metavar="URL", help="Let a Dask cluster do the work: dask://HOST:8786.")
@click.option("--check", is_flag=True, help="Exit with status 10 when duplicates were found.")
@click.option("--fail-if-empty", is_flag=True, help="Exit with status 4 when there was no photo at all.")
@pass_session
def scan(session: Session, places: tuple[str, ...], **wanted: Any) -> int:
    """Look for duplicates in folders or sources, all sources by default. Nothing is changed.

    A folder that was never named before is remembered as a source of the data folder.
    """
    from dedupe_app.scope import scope_from
    from dedupe_app.sources import known_sources, with_paths

    config, names = with_paths(_at_level(session.loaded.config, wanted["level"]), places)
    named = (wanted[name] for name in ("albums", "persons", "keywords"))
    scope = scope_from(wanted["months"], wanted["since"], wanted["limit"], wanted["offline"], *named)
    narrow = scope.narrower(known_sources(config))
    if not known_sources(config):
        raise click.UsageError("There is nothing to scan yet. Name a folder: keepone scan ~/Pictures")
    if wanted["review"]:
        from dedupe_app.cli.review import open_page
        from dedupe_app.web.house import begin_scan

        return open_page(session, config, begin=lambda desk: begin_scan(desk, names or None, narrow))
    with session.library(config) as library:
        library.cluster = wanted["engine"] or ""
        if wanted["errors"] and not places:
            return _errors(session, library)
        if wanted["estimate"]:
            from dedupe_app.cli.estimate import tell

            return tell(session, library, names or None, narrow)
        return _scan(session, library, names, narrow, wanted)


def _at_level(config: Config, level: str | None) -> Config:
    """The configuration with the relations up to `level`, in the order from cheap to dear."""
    if level is None:
        return config
    levels = _LEVELS[: _LEVELS.index(level) + 1]
    return config.model_copy(update={"settings": config.settings.model_copy(update={"levels": levels})})


def _scan(session: Session, library: Library, names: tuple[str, ...], narrow: Narrow | None, wanted: Wanted) -> int:
    from dedupe_app.cli.lanes import lane_sums

    out, began = session.out, time.monotonic()
    if wanted["retry"]:
        library.store.assets.clear_errors()
    with session.progress() as progress:
        report = library.scan(names or None, progress, accept_loss=wanted["accept_loss"], narrow=narrow)
    sums = lane_sums(library)
    answer = _answer(library, report, sums, time.monotonic() - began)
    _say(session, library, report, sums, answer)
    if wanted["errors"]:
        _show_errors(out, answer["errors"])
    out.document(answer)
    return _status(library, report, answer, wanted)


def _answer(library: Library, report: RunReport, sums: Sums, seconds: float) -> dict[str, Any]:
    """What a scan did, for programs."""
    from dedupe_app.cli.lanes import lanes_json

    return {
        "run": report.run,
        "seconds": round(seconds, 2),
        "sources": [_source(counts) for counts in report.scans],
        "photos": sum(row["assets"] for row in library.store.assets.sources()),
        "bytes": sum(row["bytes"] for row in library.store.assets.sources()),
        "read": report.read,
        "known": report.known,
        "unchanged": report.unchanged,
        "unseen": report.unseen,
        "relations": dict(report.groups),
        "model": report.level.to_json(),
        "lanes": lanes_json(sums),
        "errors": list(error_rows(library)),
    }


def _source(counts: ScanCounts) -> dict[str, Any]:
    unread = [{"folder": item.folder, "reason": item.reason} for item in counts.unread]
    return {
        "name": counts.source,
        "walked": counts.walked,
        "changed": counts.changed,
        "gone": counts.gone,
        "halted": counts.halted,
        "unread": unread,
    }


def error_rows(library: Library) -> Iterator[dict[str, str]]:
    """Every photo that could not be read, with the reason."""
    for photo, reason in library.errors():
        yield {"source": photo.source, "key": photo.key, "path": photo.path, "reason": reason}


def _say(session: Session, library: Library, report: RunReport, sums: Sums, answer: dict[str, Any]) -> None:
    """The summary: what was listed, what was not, the lanes, what comes next."""
    from dedupe_app.cli.lanes import lane_lines
    from dedupe_app.cli.output import number
    from dedupe_app.progress import duration
    from dedupe_core.model import LANES
    from dedupe_core.words import bytes_text, readable

    out = session.out
    gone = sum(counts.gone for counts in report.scans)
    listed = [f" {number(answer['photos'])} photos ({bytes_text(answer['bytes'])}) in {duration(answer['seconds'])}"]
    listed += [f"{number(report.known)} already known"] if report.known else []
    listed += [f"{number(report.read)} looked at"] if report.read else []
    listed += [f"{number(gone)} gone"] if gone else []
    out.say(" · ".join(listed))
    for counts in report.scans:
        if counts.halted:
            out.warn(f" {readable(counts.source)}: {readable(counts.halted)}")
        for item in counts.unread:
            place = f"{readable(counts.source)}: {readable(item.folder) or 'its root'}"
            out.warn(f" {place} was not read: {readable(item.reason)}")
    if answer["errors"]:
        out.say(f" {number(len(answer['errors']))} unreadable (keepone scan --errors)")
    if report.level.backend != "off":
        out.say(f" {readable(report.level.sentence)}")
    if report.unseen:
        out.say(f" {number(report.unseen)} without a preview: their source's digests were compared, and nothing else")
    out.say(lane_lines(sums, {LANES[level] for level in library.settings.levels}))
    out.say(" Next: keepone plan          nothing has been changed.")


def _show_errors(out: Output, errors: Sequence[dict[str, str]]) -> None:
    from dedupe_app.cli.groups import shown
    from dedupe_core.words import readable

    for error in errors:
        out.show(f" {shown(error['path'])}: {readable(error['reason'])}")


def _errors(session: Session, library: Library) -> int:
    """Only the list of what could not be read, from the last scan."""
    errors = list(error_rows(library))
    _show_errors(session.out, errors)
    if not errors:
        session.out.say(" every photo could be read")
    session.out.document({"errors": errors}, ({"message_type": "error", **error} for error in errors))
    return Exit.SOME_FAILED if errors else Exit.OK


def _status(library: Library, report: RunReport, answer: dict[str, Any], wanted: Wanted) -> int:
    """The worst of what happened; duplicates only count with --check."""
    halted = {counts.source for counts in report.scans if counts.halted}
    states = {str(row["state"]) for row in library.store.assets.sources() if row["name"] in halted}
    for state, code in _STATES.items():
        if state in states:
            return code
    if halted:
        return Exit.ERROR
    if answer["errors"] or any(counts.unread for counts in report.scans):
        return Exit.SOME_FAILED
    if wanted["check"] and any(report.groups.values()):
        return Exit.DUPLICATES
    return Exit.NOTHING_TO_DO if wanted["fail_if_empty"] and not answer["photos"] else Exit.OK
