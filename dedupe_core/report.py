"""The report: one HTML file that needs no network, no server and no KeepOne to be read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from connectors.base import Connector
from dedupe_core.embed import Level
from dedupe_core.engine import Engine
from dedupe_core.model import LANES, RELATIONS, Choice, Lane, Photo, Relation
from dedupe_core.report_cards import GroupCard, freed_bytes, group_card
from dedupe_core.store import Store
from dedupe_core.tables import Lookup, score
from dedupe_core.thumbs import thumbnails
from dedupe_core.whole import write_whole
from dedupe_core.words import bytes_text, count_text, readable, time_text

LANE_WORDS: Mapping[Lane, tuple[str, str]] = {
    "identical": ("Identical", "the same bytes: safe to accept in bulk"),
    "same": ("Same picture", "verified copies: look once"),
    "similar": ("Similar", "needs your eyes"),
    "sets": ("Bursts & sets", "shots of one series: pick the best"),
}
ERROR_LIMIT = 500
_TOGETHER = 32  # groups whose thumbnails are drawn and held at a time


class ReportError(Exception):
    """The report cannot be written there; the message is a sentence with the next step."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source as the report names it; `scanned_at` is naive local time."""

    name: str
    kind: str
    photos: int
    bytes: int
    scanned_at: datetime | None = None
    state: str = "ok"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report tells besides its groups. `levels` are the relations that were looked for; `errors` the photos
    that could not be read, with the reason; `notes` whatever else a reader must know."""

    levels: tuple[Relation, ...]
    sources: tuple[SourceFacts, ...] = ()
    errors: tuple[tuple[Photo, str], ...] = ()
    notes: tuple[str, ...] = ()
    title: str = "KeepOne report"
    made_at: datetime = field(default_factory=datetime.now)


@dataclass(slots=True)
class _Tally:
    """Sums of one lane, or of everything."""

    name: str
    title: str
    meaning: str
    groups: int = 0
    photos: int = 0
    dropped: int = 0
    freed: int = 0
    shown: int = 0


def facts_of(store: Store, levels: Sequence[Relation]) -> Facts:
    """The facts as the store knows them."""
    sources = tuple(
        SourceFacts(
            row["name"],
            row["kind"],
            row["assets"],
            row["bytes"],
            datetime.fromtimestamp(row["scanned_at"]) if row["scanned_at"] else None,
            row["state"],
            row["note"],
        )
        for row in store.assets.sources()
    )
    latest = store.runs.latest()
    level = Level.of_run(latest["summary"]) if latest is not None else Level()
    notes = (level.sentence,) if level.backend != "off" else ()
    return Facts(tuple(levels), sources, tuple(store.assets.errors()), notes)


def write_html(
    choices: Iterable[Choice],
    photos: Lookup,
    connectors: Mapping[str, Connector],
    out: Path,
    facts: Facts,
    engine: Engine,
    *,
    limit: int = 1000,
    edge: int = 200,
    cache_folder: Path | None = None,
) -> int:
    """Write the report to `out` and return how many groups it shows: at most `limit` (0: all), shared fairly among the
    lanes, those that free most first; it says how many were left out. Thumbnails have a long side of `edge` pixels.
    `photos` gives photos by row (`store.assets.photos`); `engine` draws the thumbnails. The file is complete or not
    there at all. Raises `ReportError`."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise ReportError(f"A report is an HTML page: give it a name such as {out.with_suffix('.html').name}.")
    weighed, lanes = _weigh(choices, photos)
    chosen = _fair_share(weighed, limit or len(weighed))
    for choice in chosen:
        lanes[LANES[choice.group.relation]].shown += 1
    pictures: dict[int, bytes] = {}

    def drawn(some: Iterable[Photo]) -> dict[int, bytes]:
        return thumbnails(some, connectors, edge, cache_folder, engine)

    cards = _cards(chosen, photos, connectors, drawn, pictures)
    context = _context(facts, list(lanes.values()), len(chosen), len(weighed) - len(chosen))
    chunks = (
        _environment()
        .get_template("report.html.j2")
        .generate(**context, cards=cards, picture=lambda row: _data_uri(pictures[row]))
    )
    try:
        write_whole(out, (chunk.encode("utf-8", "backslashreplace") for chunk in chunks))
    except OSError as error:
        raise ReportError(f"The report cannot be written to {out}: {error.strerror or error}.") from error
    return len(chosen)


def _weigh(choices: Iterable[Choice], photos: Lookup) -> tuple[list[tuple[int, Choice]], dict[Lane, _Tally]]:
    """Every group with the bytes that it frees, and the sums of the lanes that have any."""
    weighed: list[tuple[int, Choice]] = []
    lanes = {lane: _Tally(lane, *words) for lane, words in LANE_WORDS.items()}
    for choice in choices:
        dropped = photos(choice.drop)
        freed = sum(freed_bytes(photo) for photo in dropped.values())
        tally = lanes[LANES[choice.group.relation]]
        tally.groups += 1
        tally.photos += len(choice.group.members)
        tally.dropped += len(dropped)
        tally.freed += freed
        weighed.append((freed, choice))
    return weighed, {lane: tally for lane, tally in lanes.items() if tally.groups}


def _fair_share(weighed: Sequence[tuple[int, Choice]], limit: int) -> list[Choice]:
    """At most `limit` groups, lane by lane, those that free most first. A lane that needs less than its share leaves
    the rest to the others, so one full lane never hides another."""
    by_lane: dict[Lane, list[tuple[int, Choice]]] = {lane: [] for lane in LANE_WORDS}
    for item in weighed:
        by_lane[LANES[item[1].group.relation]].append(item)
    quota = dict.fromkeys(by_lane, 0)
    for open_lanes, lane in enumerate(sorted(by_lane, key=lambda lane: len(by_lane[lane]))):
        quota[lane] = min(len(by_lane[lane]), (limit - sum(quota.values())) // (len(by_lane) - open_lanes))
    return [
        choice
        for lane, items in by_lane.items()
        for _, choice in sorted(items, key=lambda item: (-item[0], -score(item[1]), item[1].group.id))[: quota[lane]]
    ]


def _cards(
    chosen: Sequence[Choice],
    photos: Lookup,
    connectors: Mapping[str, Connector],
    drawn: Callable[[Iterable[Photo]], dict[int, bytes]],
    pictures: dict[int, bytes],
) -> Iterator[GroupCard]:
    """Cards in order; `pictures` holds the thumbnails of the few groups that are being written."""
    numbered = enumerate(chosen, start=1)
    while some := list(islice(numbered, _TOGETHER)):
        found = photos(row for _, choice in some for row in choice.group.members)
        pictures.clear()
        pictures.update(drawn(found.values()))
        for number, choice in some:
            mine = {row: found[row] for row in choice.group.members if row in found}
            yield group_card(number, choice, mine, connectors)


def _context(facts: Facts, lanes: Sequence[_Tally], shown: int, left_out: int) -> dict[str, Any]:
    style, script = _resource("report.css"), _resource("report.js")
    totals = _Tally("all", "", "")
    for lane in lanes:
        totals.groups += lane.groups
        totals.dropped += lane.dropped
        totals.freed += lane.freed
    return {
        "facts": facts,
        "lanes": lanes,
        "lane_titles": {lane: title for lane, (title, _) in LANE_WORDS.items()},
        "totals": totals,
        "looked": [relation for relation in RELATIONS if relation in facts.levels],
        "skipped": [relation for relation in RELATIONS if relation not in facts.levels],
        "shown": shown,
        "left_out": left_out,
        "error_limit": ERROR_LIMIT,
        "style": Markup(style),  # noqa: S704 our own file
        "script": Markup(script),  # noqa: S704 our own file
        "style_hash": _csp_hash(style),
        "script_hash": _csp_hash(script),
    }


def _environment() -> Environment:
    """Everything that the template prints is escaped, and made readable first: no name can speak HTML, hide behind
    direction marks or break the file's encoding."""
    environment = Environment(
        loader=DictLoader({"report.html.j2": _resource("report.html.j2")}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: readable(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters.update(size=bytes_text, count=count_text, moment=_moment)
    return environment


def _moment(when: datetime) -> str:
    return time_text(when.replace(microsecond=0))


def _resource(name: str) -> str:
    return (files("dedupe_core") / "report_template" / name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data_uri(picture: bytes) -> Markup:
    return Markup("data:image/webp;base64," + base64.b64encode(picture).decode())  # noqa: S704 base64 of our own picture
