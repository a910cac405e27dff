"""Which months a job looks at: the last few, some by name, or a long span in turns, one turn a run.

last 2 · 2024-06 · 2024-06, 2024-08 · 2019-01..2023-12 · 2019-01..2023-12 in turns of 6
"""

from __future__ import annotations

import re
from datetime import date

_MONTH = r"\d{4}-\d{2}"
_SPAN = re.compile(rf"({_MONTH})(?:\.\.({_MONTH}))?")
_TURNS = re.compile(r"(.+?) in turns of (\d{1,3})")
_LAST = re.compile(r"last (\d{1,3})(?: months?)?|last month")
FORMS = "'last 2', '2024-06', '2019-01..2023-12' or '2019-01..2023-12 in turns of 6'"


class WrongMonths(ValueError):
    """The text names no months; the message shows the right forms."""


def months(text: str, today: date, before: str = "") -> tuple[str, ...]:
    """The months ("2024-06") of this run, in order. `before` is the last month of the turn before ("" for none): the
    next turn begins behind it; after the last comes the first again. () is every month. Raises `WrongMonths`."""
    plain = " ".join(text.lower().split())
    if not plain:
        return ()
    last = _LAST.fullmatch(plain)
    if last:
        return _back(today, int(last[1] or 1)) if last[1] else _back(today, 2)[:1]
    turned = _TURNS.fullmatch(plain)
    found = sorted({month for part in (turned[1] if turned else plain).split(",") for month in _span(part, text)})
    if turned is None:
        return tuple(found)
    size = int(turned[2])
    if not size:
        raise WrongMonths(f"{text!r}: a turn has at least one month.")
    start = next((place for place, month in enumerate(found) if month > before), 0) if before else 0
    return tuple(found[start : start + size])


def _span(part: str, text: str) -> list[str]:
    found = _SPAN.fullmatch(part.strip())
    if found is None:
        raise WrongMonths(f"{text!r} names no months. Write it like {FORMS}.")
    first, last = _number(found[1], text), _number(found[2] or found[1], text)
    if last < first:
        raise WrongMonths(f"{text!r} ends before it begins. Write it like '{found[2]}..{found[1]}'.")
    return [_name(number) for number in range(first, last + 1)]


def _back(today: date, count: int) -> tuple[str, ...]:
    """This month and those before it, `count` in all."""
    now = today.year * 12 + today.month - 1
    return tuple(_name(number) for number in range(now - max(1, count) + 1, now + 1))


def _number(month: str, text: str) -> int:
    year, number = int(month[:4]), int(month[5:])
    if not 1 <= number <= 12 or not year:
        raise WrongMonths(f"{text!r}: {month} is no month. Write it like {FORMS}.")
    return year * 12 + number - 1


def _name(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
