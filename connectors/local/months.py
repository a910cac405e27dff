"""Month folders as a scope: with the template "{year}/{month:02d}" and June 2024, only 2024/06 is walked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Position = Literal["inside", "above", "outside"]


class Months:
    """The folders of some months. Without months everything is inside."""

    def __init__(self, template: str, months: Iterable[tuple[int, int]]) -> None:
        self.folders = tuple(template.format(year=year, month=month).strip("/") for year, month in sorted(set(months)))

    def position(self, folder: str) -> Position:
        """Where a folder lies: inside a month, on the way to one, or outside of all."""
        if not self.folders:
            return "inside"
        below = f"{folder}/"
        if any(below.startswith(f"{wanted}/") for wanted in self.folders):
            return "inside"
        if not folder or any(f"{wanted}/".startswith(below) for wanted in self.folders):
            return "above"
        return "outside"


def parse_month(text: str) -> tuple[int, int]:
    """ "2024-06" as (2024, 6). Raises `ValueError` with a sentence."""
    year, dash, month = text.strip().partition("-")
    if not (dash and year.isdecimal() and len(year) == 4 and month.isdecimal() and 1 <= int(month) <= 12):
        raise ValueError(f"{text!r} is no month: write it like 2024-06.")
    return int(year), int(month)
