"""`keepone groups` and `keepone show`: what the last scan found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, chosen_relations, pass_session

if TYPE_CHECKING:
    from dedupe_app.library import Library
    from dedupe_app.views import GroupView, PhotoView

_LANES = click.Choice(["identical", "same", "similar", "sets"])


@click.command(cls=Command)
@click.option("--lane", "lanes", multiple=True, type=_LANES, help="Only this lane; may be given more than once.")
@click.option(
    "--relation", "relations", multiple=True, metavar="NAME", help="Only exact, pixels, near, similar or series."
)
@click.option("--min-score", type=click.FloatRange(0, 1), default=0.0, help="Only groups with at least this score.")
@click.option("--source", metavar="NAME", help="Only groups with a photo of this source.")
@click.option("--against", metavar="PATH", help="Only groups that join this source or folder with something else.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write one row a photo to FILE (- is stdout).")
@click.option("--jsonl", "jsonl_file", metavar="FILE", help="Write one group a line to FILE (- is stdout).")
@click.option("--check", is_flag=True, help="Exit with status 10 when there are groups.")
@click.option("--fail-if-empty", is_flag=True, help="Exit with status 4 when there are none.")
@pass_session
def groups(session: Session, relations: tuple[str, ...], lanes: tuple[str, ...], **wanted: Any) -> int:
    """List the groups that the last scan found."""
    _reject_unknown(relations)
    with session.library() as library:
        chosen = relations or chosen_relations(lanes)
        found = [
            g for g in library.groups(chosen, wanted["min_score"], wanted["source"]) if _joins(g, wanted["against"])
        ]
        _write_files(library, found, wanted["csv_file"], wanted["jsonl_file"])
    as_json = [group.to_json() for group in found]
    if not (wanted["csv_file"] == "-" or wanted["jsonl_file"] == "-"):
        session.out.show(
            "\n\n".join(group_text(session, group) for group in found)
            or " no groups · keepone scan PATH looks for some"
        )
        session.out.document({"groups": as_json}, ({"message_type": "group", **group} for group in as_json))
    if wanted["check"] and found:
        return Exit.DUPLICATES
    return Exit.NOTHING_TO_DO if wanted["fail_if_empty"] and not found else Exit.OK


def _reject_unknown(relations: tuple[str, ...]) -> None:
    from dedupe_core.model import RELATIONS

    for relation in relations:
        if relation not in RELATIONS:
            raise click.UsageError(f"There is no relation {relation!r}; there are {', '.join(RELATIONS)}.")


def _joins(group: GroupView, against: str | None) -> bool:
    """True for groups with photos on both sides of `against` (a source's name or a folder)."""
    if against is None:
        return True
    inside = [_inside(photo, against) for photo in group.members]
    return any(inside) and not all(inside)


def _inside(photo: PhotoView, place: str) -> bool:
    from dedupe_app.config import absolute

    return photo.source == place or Path(photo.path).is_relative_to(absolute(place))


def _write_files(library: Library, found: list[GroupView], csv_file: str | None, jsonl_file: str | None) -> None:
    if csv_file:
        from dedupe_app.reporting import choices, rows
        from dedupe_core import tables

        table = rows(library, choices(library, groups={group.id for group in found}))
        with _opened(csv_file) as stream:
            tables.write_csv(table, stream)
    if jsonl_file:
        with _opened(jsonl_file) as stream:
            stream.writelines(json.dumps(group.to_json()) + "\n" for group in found)


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    """A file to write text to; "-" is stdout."""
    if name == "-":
        yield sys.stdout
        return
    with Path(name).open("w", encoding="utf-8", newline="") as stream:
        yield stream


def group_text(session: Session, group: GroupView) -> str:
    """A group as people read it: why, and a line for each photo."""
    from dedupe_app.cli.output import table
    from dedupe_core.words import bytes_text

    out = session.out
    frees = f" · frees {bytes_text(group.frees)}" if group.frees else ""
    head = f" {out.bold(group.id[:12])}  {group.relation}  score {group.score:.3f}{frees}  {group.reason}"
    return (
        head + "\n" + table([_row(session, photo, group.reason) for photo in group.members], right=(2, 3), indent="   ")
    )


def _row(session: Session, photo: PhotoView, known: str) -> list[str]:
    from dedupe_core.words import bytes_text

    color = {"keep": "green", "drop": "yellow"}.get(photo.role, "cyan")
    size = f"{photo.width} × {photo.height}" if photo.width else ""
    reason = "" if photo.reason == known else photo.reason
    return [session.out.paint(f"{photo.role:<6}", color), shown(photo.path), size, bytes_text(photo.size), reason]


def shown(path: str) -> str:
    """A path as people read it: relative below the working directory, with nothing that could disturb a terminal."""
    from dedupe_core.words import readable

    try:
        return readable(str(Path(path).relative_to(Path.cwd())))
    except (ValueError, OSError):
        return readable(path)


@click.command(cls=Command)
@click.argument("group", metavar="GROUP", nargs=-1, required=True)
@click.option("--montage", metavar="FILE", help="Write the photos side by side as a picture.")
@click.option("--distances", is_flag=True, help="Show how far each two of the photos are from each other.")
@pass_session
def show(session: Session, group: tuple[str, ...], montage: str | None, distances: bool) -> int:
    """Show one group with its evidence. GROUP is the beginning of its id, or, with --distances, any files."""
    if distances and (len(group) > 1 or Path(group[0]).is_file()):
        return _show_files(session, [Path(name) for name in group])
    if len(group) > 1:
        raise click.UsageError("One group at a time; several files with --distances.")
    return _show_group(session, group[0], montage, distances)


def _show_files(session: Session, files: list[Path]) -> int:
    from dedupe_app.distances import heat_map, of_files

    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise click.UsageError(f"There is no file {shown(str(missing))}.")
    with session.library() as library:
        table = of_files(library, files)
    session.out.show(heat_map(session.out, table, [shown(str(file)) for file in files]))
    session.out.document({"files": [str(file) for file in files], "distances": table.to_json()})
    return Exit.OK


def _show_group(session: Session, group: str, montage: str | None, distances: bool) -> int:
    from dedupe_app.distances import between, heat_map

    with session.library() as library:
        found = list(library.groups(group=group))
        if len(found) != 1:
            told = "There is no group" if not found else f"{len(found)} groups begin with"
            raise click.UsageError(f"{told} {group!r}. See: keepone groups")
        if montage:
            _write_montage(found[0], Path(montage))
        table = between(library, [photo.row for photo in found[0].members]) if distances else None
    session.out.show(group_text(session, found[0]))
    for sentence in found[0].evidence:
        session.out.show(f"   evidence: {sentence}")
    for edge in found[0].edges:
        session.out.show(f"   {_measured(edge)}")
    if table is not None:
        session.out.show(heat_map(session.out, table, [shown(photo.path) for photo in found[0].members]))
    session.out.document(found[0].to_json() | ({"distances": table.to_json()} if table is not None else {}))
    return Exit.OK


def _measured(edge: Any) -> str:
    e = edge.evidence
    parts = [f"hash distance {e.distance} of 256"] if e.distance < 256 else []
    if e.inliers:
        parts.append(
            f"{e.inliers} matching points, {max(e.overlap_a, e.overlap_b):.0%} shared, blocks {e.block_median:.2f}"
        )
    if e.fine is not None:
        parts.append(f"{e.fine:.0%} of fine blocks agree")
    if e.changed:
        parts.append(f"{e.changed:.1%} of the picture differs")
    return f"{edge.relation}, score {edge.score:.3f}: {', '.join(parts) or 'equal bytes'}; capture times {edge.timing}"


def _write_montage(group: GroupView, file: Path) -> None:
    """The members side by side, 320 px each."""
    from PIL import Image

    from dedupe_core.decode import Unreadable, rgb

    width = 320
    sheet = Image.new("RGB", (width * len(group.members), width), "white")
    for at, photo in enumerate(group.members):
        try:
            sheet.paste(Image.fromarray(rgb(Path(photo.path).read_bytes(), width)), (at * width, 0))
        except (OSError, Unreadable):
            continue  # its place stays white; the listing names it
    sheet.save(file)
