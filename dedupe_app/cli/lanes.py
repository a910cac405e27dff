"""The groups summed up by lane, as every summary shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dedupe_app.cli.output import number, table
from dedupe_core.model import Lane
from dedupe_core.words import bytes_text

if TYPE_CHECKING:
    from dedupe_app.library import Library
    from dedupe_app.views import GroupView

MEANING: dict[Lane, tuple[str, str]] = {
    "identical": ("Identical", "safe to accept in bulk"),
    "same": ("Same picture", "suggested, look once"),
    "similar": ("Similar", "needs your eyes"),
    "sets": ("Bursts & sets", "pick the best, nothing goes by itself"),
}
NAMES: tuple[Lane, ...] = ("identical", "same", "similar", "sets")


@dataclass(slots=True)
class LaneSum:
    """What one lane holds; `bytes` are those that a plan would put away."""

    groups: int = 0
    photos: int = 0
    drops: int = 0
    bytes: int = 0


Sums = Mapping[Lane, LaneSum]


def lane_sums(library: Library) -> Sums:
    """The newest run's groups by lane."""
    sums: dict[Lane, LaneSum] = {lane: LaneSum() for lane in NAMES}
    for group in library.groups():
        _add(sums[group.lane], group)
    return sums


def _add(lane: LaneSum, group: GroupView) -> None:
    lane.groups += 1
    lane.photos += len(group.members)
    lane.drops += len(group.drop)
    lane.bytes += group.frees


def lane_lines(sums: Sums, looked_for: Iterable[Lane]) -> str:
    """The table of lanes; a lane that was not looked for says so."""
    wanted = set(looked_for)
    rows = []
    for lane, total in sums.items():
        name, meaning = MEANING[lane]
        if lane not in wanted:
            rows.append([name, "–", "", "", "not looked for"])
            continue
        freed = bytes_text(total.bytes) if total.bytes else "–"
        rows.append([name, number(total.groups), "group" if total.groups == 1 else "groups", freed, meaning])
    return table(rows, right=(1, 3))


def lanes_json(sums: Sums) -> dict[str, Any]:
    """The lanes for programs."""
    return {lane: asdict(total) for lane, total in sums.items()}
