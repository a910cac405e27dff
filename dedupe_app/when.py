"""When a job runs, as people write it and as each clock wants it: our daemon, launchd and systemd.

    daily at 03:00 · weekly on sunday at 03:00 · monthly on 1 at 03:00 · every 30 minutes · after feedback
    0 3 * * *      the five fields of cron: minute, hour, day of the month, month, day of the week (0 is Sunday)

What is wrong is refused with the nearest right form, because a clean-up that was meant for 3 a.m. must not run at noon.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Kind = Literal["cron", "every", "feedback"]
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
AFTER_FEEDBACK = "after feedback"
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_LAUNCHD = ("Minute", "Hour", "Day", "Month", "Weekday")
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_MOST_ENTRIES = 100  # calendar entries in one plist
_TIME = re.compile(r"(?<![\d:])(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm)?(?![\d:])", re.IGNORECASE)
_EXAMPLES = "'daily at 03:00', 'weekly on sunday at 03:00', 'every 30 minutes' or '0 3 * * *'"


class WrongSchedule(ValueError):
    """The text is no schedule; the message names the nearest right form."""


@dataclass(frozen=True, slots=True)
class When:
    """`fields` are the values of minute, hour, day, month and weekday (0 is Sunday), None for any; `seconds` is the
    interval of "every"."""

    text: str
    kind: Kind
    seconds: int = 0
    fields: tuple[tuple[int, ...] | None, ...] = ()

    def cron(self) -> dict[str, str]:
        """The fields in the words of APScheduler, whose week days have names because it counts from Monday."""
        minute, hour, day, month, weekday = self.fields
        names = None if weekday is None else ",".join(DAYS[number][:3] for number in weekday)
        joined = [None if one is None else ",".join(map(str, one)) for one in (minute, hour, day, month)]
        words = ("minute", "hour", "day", "month")
        return {word: value or "*" for word, value in (*zip(words, joined, strict=True), ("day_of_week", names))}

    def launchd(self) -> dict[str, object]:
        """StartCalendarInterval or StartInterval. Raises `WrongSchedule` for what launchd cannot do."""
        if self.kind == "feedback":
            raise WrongSchedule(f"{AFTER_FEEDBACK!r} needs the daemon: keepone schedule install --daemon")
        if self.kind == "every":
            return _calendar_of(self.seconds) or {"StartInterval": self.seconds}
        named = [(key, values) for key, values in zip(_LAUNCHD, self.fields, strict=True) if values is not None]
        entries = [
            dict(zip((key for key, _ in named), values, strict=True))
            for values in itertools.product(*(values for _, values in named))
        ]
        if len(entries) > _MOST_ENTRIES:
            raise WrongSchedule(f"{self.text!r} is {len(entries)} times for launchd; write it like 'every 30 minutes'.")
        return {"StartCalendarInterval": entries[0] if len(entries) == 1 else entries}

    def systemd(self) -> tuple[tuple[str, str], ...]:
        """The lines of a timer unit. Raises `WrongSchedule` for what a timer cannot do."""
        if self.kind == "feedback":
            raise WrongSchedule(f"{AFTER_FEEDBACK!r} needs the daemon: keepone schedule install --daemon")
        if self.kind == "every":
            return (("OnActiveSec", "60"), ("OnUnitInactiveSec", str(self.seconds)))
        minute, hour, day, month, weekday = (
            None if one is None else ",".join(f"{value:02d}" for value in one) for one in self.fields
        )
        days = "" if weekday is None else ",".join(DAYS[n][:3].title() for n in self.fields[4] or ()) + " "
        return (("OnCalendar", f"{days}*-{month or '*'}-{day or '*'} {hour or '*'}:{minute or '*'}:00"),)


def _calendar_of(seconds: int) -> dict[str, object] | None:
    """An interval as times of day, where it fits into an hour or a day: launchd runs those once after a sleep, and
    skips an interval that ends in one (launchd.plist(5))."""
    if seconds % 60 == 0 and 3600 % seconds == 0:
        return {"StartCalendarInterval": [{"Minute": minute} for minute in range(0, 60, seconds // 60)]}
    if seconds % 3600 == 0 and 86_400 % seconds == 0:
        return {"StartCalendarInterval": [{"Hour": hour, "Minute": 0} for hour in range(0, 24, seconds // 3600)]}
    return None


def parse(text: str) -> When:
    """The schedule that a text means. Raises `WrongSchedule`."""
    plain = " ".join(text.strip().lower().split())
    if plain == AFTER_FEEDBACK:
        return When(plain, "feedback")
    if plain.startswith("@") or (len(plain.split()) >= 5 and _looks_like_cron(plain)):
        return _cron(_MACROS.get(plain, plain), text)
    found = _interval(plain) or _calendar(plain)
    if found is None:
        raise WrongSchedule(f"{text!r} is no schedule.{nearest(plain)}")
    return found


def _looks_like_cron(plain: str) -> bool:
    return all(re.fullmatch(r"[\d*/,?#lw-]+|[\d,-]*[a-z]{3}([,-][a-z]{3})*", word) for word in plain.split())


def _interval(plain: str) -> When | None:
    found = re.fullmatch(r"every (?:(\d{1,5}) )?(second|minute|hour|day)s?", plain)
    if found is None or (found[1] is not None and not int(found[1])):
        return None
    return When(plain, "every", int(found[1] or 1) * UNITS[found[2]])


def _calendar(plain: str) -> When | None:
    found = re.fullmatch(r"(daily|weekly on ([a-z]+)|monthly on (?:the )?(\d{1,2})) at (\d{2}):(\d{2})", plain)
    if found is None or int(found[4]) > 23 or int(found[5]) > 59:
        return None
    if (found[2] and found[2] not in DAYS) or (found[3] and not 1 <= int(found[3]) <= 28):
        return None
    day = (int(found[3]),) if found[3] else None
    weekday = (DAYS.index(found[2]),) if found[2] else None
    return When(plain, "cron", 0, ((int(found[5]),), (int(found[4]),), day, None, weekday))


def _cron(plain: str, text: str) -> When:
    words = plain.split()
    if len(words) != 5:
        shorter = f" Without seconds it is '{' '.join(words[1:6]).replace('?', '*')}'." if len(words) in (6, 7) else ""
        raise WrongSchedule(f"{text!r} has {len(words)} fields; cron has five.{shorter or nearest(plain)}")
    fields = tuple(_field(word, *about, text=text) for word, about in zip(words, _FIELDS, strict=True))
    if fields[2] is not None and fields[4] is not None:
        raise WrongSchedule(
            f"{text!r} names both a day of the month and a day of the week, which every clock reads differently. "
            "Make two jobs of it."
        )
    return When(plain, "cron", 0, fields)


def _field(word: str, name: str, low: int, high: int, text: str) -> tuple[int, ...] | None:
    if word == "*":
        return None
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step = part.partition("/")
        try:
            first, last = _span(span, name, low, high, bool(slash))
            if not low <= first <= last <= high:
                raise ValueError
            found.update(range(first, last + 1, int(step) if slash else 1))
        except ValueError as error:
            raise WrongSchedule(
                f"{text!r}: {part!r} is no {name}; it goes from {low} to {high}.{nearest(text)}"
            ) from error
    return tuple(sorted({value % 7 for value in found} if name == "weekday" else found))


def _span(span: str, name: str, low: int, high: int, stepped: bool) -> tuple[int, int]:
    if span == "*":
        return low, high
    first, dash, last = span.partition("-")
    begin = _number(first, name)
    return begin, _number(last, name) if dash else high if stepped else begin


def _number(word: str, name: str) -> int:
    if name == "month" and word in MONTHS:
        return MONTHS.index(word) + 1
    if name == "weekday" and word in (day[:3] for day in DAYS):
        return [day[:3] for day in DAYS].index(word)
    return int(word)


def nearest(text: str) -> str:
    """ " Did you mean …?" with a right form made of what can be understood of the text."""
    words = [word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 2]
    guess = _guessed_interval(text, words) or _guessed_time(text, words)
    return f" Did you mean {guess!r}?" if guess else f" Write it like {_EXAMPLES}."


def _close(words: Sequence[str], known: Mapping[str, str]) -> str:
    """The first meaning that one of the words comes close to."""
    for word in words:
        if near := get_close_matches(word, known, 1, 0.8):
            return known[near[0]]
    return ""


def _guessed_interval(text: str, words: Sequence[str]) -> str:
    known = {name: unit for unit in UNITS for name in (unit, f"{unit}s")} | {"min": "minute", "mins": "minute"}
    known |= {"hourly": "hour", "hrs": "hour", "sec": "second", "secs": "second"}
    unit = _close(words, known)
    number = re.search(r"\d+", text)
    if not unit or (unit == "day" and number is None):
        return ""
    count = max(1, int(number[0])) if number else 1
    return f"every {count} {unit}s" if count > 1 else f"every {unit}"


def _guessed_time(text: str, words: Sequence[str]) -> str:
    every = _close(words, {"daily": "daily", "nightly": "daily", "night": "daily", "weekly": "weekly"})
    day = _close(words, {name: day for day in DAYS for name in (day, f"{day}s")})
    day = day or next((day for day in DAYS if day[:3] in words), "")
    clock = _clock(text)
    if day or every == "weekly":
        return f"weekly on {day or 'sunday'} at {clock or '03:00'}"
    return f"daily at {clock or '03:00'}" if every or (clock and "at" in text) else ""


def _clock(text: str) -> str:
    """The first time of day in the text, "" when there is none."""
    for found in _TIME.finditer(text):
        hour = int(found[1]) % 12 + 12 * (found[3].lower() == "pm") if found[3] else int(found[1])
        if hour < 24 and int(found[2] or 0) < 60:
            return f"{hour:02d}:{int(found[2] or 0):02d}"
    return ""
