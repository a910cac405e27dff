"""`keepone demo`: a gallery drawn by code, scanned for real, and measured against what is known of it."""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.config import Config
    from dedupe_app.demo.truth import Figure, Found, Made, Score
    from dedupe_app.library import Library

_NAME = "demo"


@click.command(cls=Command)
@click.option("--keep", "folder", metavar="DIR", help="Draw the gallery here and leave it there.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number draws another gallery.")
@click.option("--apply", "act", is_flag=True, help="Also plan, apply and undo, and prove that all came back.")
@click.option(
    "--onedrive",
    "flavour",
    is_flag=False,
    flag_value="personal",
    type=click.Choice(["personal", "business"]),
    help="Instead, draw into an emulated OneDrive (personal by default) and clean a month of it.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the review page at the end, as at a terminal.")
@click.option("--serve", is_flag=True, help="With --onedrive: leave the drive open for other commands until Ctrl-C.")
@pass_session
def demo(
    session: Session, folder: str | None, seed: int, act: bool, flavour: str | None, no_browser: bool, serve: bool
) -> int:
    """Draw a gallery with known truth, find its duplicates and say how well. Needs no photos and no network.

    At a terminal it ends in the review page of this gallery, until Ctrl-C.
    """
    from dedupe_app.config import absolute

    place = absolute(folder) if folder else Path(tempfile.mkdtemp(prefix="keepone-demo-"))
    if flavour is not None:
        from dedupe_app.cli.demo_cloud import run

        place.mkdir(parents=True, exist_ok=True)
        return run(session, place, flavour, seed, act, serve)
    if serve:
        raise click.UsageError("--serve goes with --onedrive: a gallery on this disk stays anyway.")
    status = _on_disk(session, place, seed, act)
    if status == Exit.OK and not act and not no_browser and _somebody_there(session):
        from dedupe_app.cli.review import open_page

        session.out.say(" The page of this gallery:")
        return open_page(session, _config(session, place))
    return status


def _somebody_there(session: Session) -> bool:
    """True at a terminal: nobody waits for a page in a script or a pipe."""
    return session.out.text and sys.stdin.isatty() and sys.stdout.isatty()


def _on_disk(session: Session, place: Path, seed: int, act: bool) -> int:
    from dedupe_app.demo.gallery import build
    from dedupe_app.library import Library

    began = time.monotonic()
    made = build(place / "gallery", seed)
    took = time.monotonic() - began
    size = sum(file.lstat().st_size for file in (place / "gallery").rglob("*") if file.is_file())
    session.out.say(f" drew {len(made)} files ({size / 1e6:.1f} MB) in {took:.1f} s: {place / 'gallery'}")
    with Library.open(_config(session, place)) as library:
        answer = _scanned(session, library, made)
        if act:
            answer["apply"] = _there_and_back(session, library, place / "gallery")
    answer |= {"gallery": str(place / "gallery"), "data": str(place / "data"), "files": len(made), "seed": seed}
    if not act:
        _say_next(session, place)
    session.out.document(answer)
    return Exit.OK if answer["good"] and answer.get("apply", {"identical": True})["identical"] else Exit.ERROR


def _config(session: Session, place: Path) -> Config:
    """The person's settings, but a data folder and a source of the demo's own."""
    from dedupe_app.config import SourceConfig

    source = SourceConfig(name=_NAME, kind="local", options={"path": str(place / "gallery")})
    return session.loaded.config.model_copy(update={"data": place / "data", "sources": (source,)})


def _scanned(session: Session, library: Library, made: Sequence[Made]) -> dict[str, Any]:
    from dedupe_app.cli.lanes import lane_lines, lane_sums
    from dedupe_app.demo.truth import score
    from dedupe_core.model import LANES

    began = time.monotonic()
    with session.progress() as progress:
        library.scan(progress=progress, pictures=True)
    seconds = time.monotonic() - began
    session.out.say(lane_lines(lane_sums(library), {LANES[level] for level in library.settings.levels}))
    broken = len(library.store.assets.errors())
    session.out.say(f" {broken} unreadable files, each with its reason: keepone scan --errors")
    measured = score(made, _found(library))
    _say_score(session, measured)
    good = not measured.wrong_drops and not measured.false
    return {"seconds": round(seconds, 2), "unreadable": broken, "good": good, **_score_json(measured)}


def _found(library: Library) -> list[Found]:
    from dedupe_app.demo.truth import Found

    return [
        Found(g.relation, g.keep.key, tuple(p.key for p in g.drop), tuple(p.key for p in g.members))
        for g in library.groups()
    ]


def _say_score(session: Session, measured: Score) -> None:
    from dedupe_app.cli.output import number, table

    head = ["relation", "pairs", "found", "recall", "claimed", "precision"]
    rows = [_row(figure) for figure in measured.figures]
    session.out.say(table([head, *rows], right=(1, 2, 3, 4, 5)))
    wrong = f"wrong drops {len(measured.wrong_drops)} · false pairs {len(measured.false)}"
    session.out.say(
        f" {wrong} of {number(measured.strangers)} pairs that are none, look-alikes and a date stamp included"
    )
    for a, b, *_ in (*measured.wrong_drops, *measured.false):
        session.out.say(f"   wrong: {a!r} and {b!r}")
    if session.verbose:
        for a, b, want in measured.missed:
            session.out.say(f"   missed {want}: {a!r} and {b!r}")


def _row(figure: Figure) -> list[object]:
    there = [figure.expected, figure.found, f"{figure.recall:.2f}"] if figure.expected else ["–", "–", "–"]
    return [figure.relation, *there, figure.claimed, f"{figure.precision:.2f}" if figure.claimed else "–"]


def _score_json(measured: Score) -> dict[str, Any]:
    return {
        "relations": {
            figure.relation: {
                "expected": figure.expected,
                "found": figure.found,
                "claimed": figure.claimed,
                "recall": round(figure.recall, 4),
                "precision": round(figure.precision, 4),
            }
            for figure in measured.figures
        },
        "wrong_drops": [list(pair) for pair in measured.wrong_drops],
        "false_pairs": [list(pair) for pair in measured.false],
        "strangers": measured.strangers,
        "missed": [list(pair) for pair in measured.missed],
    }


def _say_next(session: Session, place: Path) -> None:
    data = shlex.quote(str(place / "data"))
    session.out.say(" Next, nothing has been changed so far:")
    for verb in ("review", "groups", f"report {shlex.quote(str(place / 'report.html'))}", "plan", "apply", "undo"):
        session.out.say(f"   {session.program} --data {data} {verb}")


def _there_and_back(session: Session, library: Library, gallery: Path) -> dict[str, Any]:
    """Plan, apply, undo; the gallery must be as it was, to the byte, the name and the time."""
    from dedupe_app.demo.gallery import fingerprints

    before = fingerprints(gallery)
    plan = library.plan()
    done = library.apply(plan, dry_run=False)
    away = len(before) - len(fingerprints(gallery))
    back = library.undo(plan.id)
    same = fingerprints(gallery) == before
    words = f"applied {done.done}, {away} files away · undone {back.restored}"
    session.out.say(f" plan {plan.id[:12]}: {len(plan.steps)} photos · {words}")
    session.out.say(f" the gallery is {'as it was before, byte for byte' if same else 'NOT AS IT WAS BEFORE'}")
    return {"planned": len(plan.steps), "done": done.done, "restored": back.restored, "identical": same}
