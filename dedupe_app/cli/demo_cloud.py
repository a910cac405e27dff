"""`keepone demo --onedrive`: the OneDrive way on a drive of this machine, without an account or a network."""

from __future__ import annotations

import shlex
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Session

if TYPE_CHECKING:
    from dedupe_app.demo.cloud import Drawn
    from dedupe_app.demo.graph import GraphFake
    from dedupe_app.library import Library

NAME = "cloud"


def run(session: Session, place: Path, flavour: str, seed: int, act: bool, serve: bool) -> int:
    """Start the emulated drive, scan it, show its groups and what that cost; with `act` clean June and bring it back;
    with `serve` leave the drive open for other commands."""
    from dedupe_app.demo import graph as emulator
    from dedupe_app.demo.cloud import fill

    with emulator.GraphFake(emulator.PERSONAL if flavour == "personal" else emulator.BUSINESS) as graph:
        began = time.monotonic()
        drawn = fill(graph, seed)
        what = f"{drawn.files} photos ({drawn.bytes / 1e6:.1f} MB), drawn in {time.monotonic() - began:.1f} s"
        session.out.say(f" a {flavour} OneDrive on loopback with {what}")
        _configure(graph, place, flavour)
        answer = _scanned(session, graph, place, drawn)
        if act:
            answer["month"] = _cleaned(session, graph, place)
        answer |= {"data": str(place / "data"), "seed": seed, "flavour": flavour}
        _say_next(session, place, act, serve)
        session.out.document(answer)
        if serve:
            _wait()
    return Exit.OK if answer["good"] and answer.get("month", {"identical": True})["identical"] else Exit.ERROR


def _configure(graph: GraphFake, place: Path, flavour: str) -> None:
    """A config.yaml like a person's own, but that the token lies in a file and the address is this machine."""
    import yaml

    (place / "token").write_text(graph.state.token())
    source = {
        "name": NAME,
        "kind": "onedrive",
        "tenant": "consumers" if flavour == "personal" else "organizations",
        "endpoint": graph.url,
        "token_file": str(place / "token"),
        "state": str(place / "state"),
    }
    (place / "config.yaml").write_text(yaml.safe_dump({"data": str(place / "data"), "sources": [source]}))


def _library(place: Path) -> Library:
    from dedupe_app.config import load
    from dedupe_app.library import Library

    return Library.open(load(place / "config.yaml").config)


def _scanned(session: Session, graph: GraphFake, place: Path, drawn: Drawn) -> dict[str, Any]:
    from dedupe_app.cli.groups import group_text
    from dedupe_app.cli.lanes import lane_lines, lane_sums
    from dedupe_core.model import LANES

    began = time.monotonic()
    with _library(place) as library:
        with session.progress() as progress:
            library.scan(progress=progress)
        groups = list(library.groups())
        session.out.show("\n\n".join(group_text(session, group) for group in groups))
        session.out.say(lane_lines(lane_sums(library), {LANES[level] for level in library.settings.levels}))
    drops = sum(len(group.drop) for group in groups)
    session.out.say(f" {drops} of {drawn.copies} copies found in {len(groups)} groups")
    return {
        "files": drawn.files,
        "bytes": drawn.bytes,
        "seconds": round(time.monotonic() - began, 2),
        "groups": len(groups),
        "copies": drawn.copies,
        "found": drops,
        "good": drops == drawn.copies,
        **_cost(session, graph, drawn),
    }


def _cost(session: Session, graph: GraphFake, drawn: Drawn) -> dict[str, Any]:
    """What the drive was asked for so far."""
    books = graph.accounting
    calls, fetched = books.calls["graph"], sum(books.bytes.values())
    share = 100 * fetched / drawn.bytes
    session.out.say(
        f" OneDrive answered {calls} calls and sent {fetched / 1e6:.2f} MB, {share:.1f} % of its photos' bytes; "
        f"originals downloaded: {books.originals}"
    )
    return {"calls": calls, "fetched": fetched, "originals": books.originals}


def _cleaned(session: Session, graph: GraphFake, place: Path) -> dict[str, Any]:
    """Clean June, as `keepone months 2024-06` does, and bring everything back; nothing may be lost on the way."""
    from dedupe_app.demo.cloud import MONTH
    from dedupe_app.months import run_deduplication_for_months, undo_deduplication_for_months

    def say(line: str) -> None:
        session.out.say(f" {line}")

    before = graph.drive.tree()
    chosen = {"gallery": NAME, "config": place / "config.yaml", "say": say, "one_line": True}
    (done,) = run_deduplication_for_months([MONTH], **chosen)  # type: ignore[arg-type]
    between = graph.drive.tree()
    away = sorted(path for path in between if "/duplicates/" in path)
    reports = sorted(path for path in between.keys() - before.keys() if "/duplicates_summary/" in path)
    for path in (*away, *reports):
        session.out.say(f"   {path}")
    (back,) = undo_deduplication_for_months([MONTH], **chosen)  # type: ignore[arg-type]
    after = {path: what for path, what in graph.drive.tree().items() if path not in reports}
    same = after == before
    session.out.say(f" the drive is {'as it was before: places, names, bytes and times' if same else 'NOT AS IT WAS'}")
    return {"moved": done.moved, "groups": done.groups, "restored": back.moved, "reports": reports, "identical": same}


def _say_next(session: Session, place: Path, act: bool, serve: bool) -> None:
    if not serve:
        more = "" if act else " --apply cleans its month and brings it back;"
        session.out.say(f" The drive is gone now.{more} --serve leaves it open for your own commands.")
        return
    config = shlex.quote(str(place / "config.yaml"))
    session.out.say(" The drive stays open until you press Ctrl-C. In another terminal:")
    for verb in ("estimate", "scan", "groups", "review", "plan", "apply", "undo", "months 2024-06 --gallery cloud"):
        session.out.say(f"   {session.program} --config {config} {verb}")


def _wait() -> None:
    """Until the person has seen enough."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
