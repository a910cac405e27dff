"""Glob patterns over relative POSIX paths.

A pattern without "/" matches any single name on the way ("Screenshots", "*.png"); one with "/" matches from the root,
where "*" stays inside one folder and "**" crosses folders. A matched folder covers everything below it. Case does not
matter, because cameras write IMG.JPG where people write *.jpg.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKENS = re.compile(r"(\*\*/|\*\*|\*|\?|\[[^\]/]+\])")


class Patterns:
    """Several patterns as one question: does this path, or a folder on its way, match? Raises `ValueError` with a
    sentence for a pattern that is none."""

    def __init__(self, patterns: Iterable[str]) -> None:
        kept = [_expression(pattern) for pattern in patterns if pattern.strip("/")]
        self._match = re.compile("|".join(kept), re.IGNORECASE | re.DOTALL) if kept else None

    def __bool__(self) -> bool:
        return self._match is not None

    def match(self, path: str) -> bool:
        """True when one of the patterns matches `path` or a folder above it."""
        return self._match is not None and self._match.match(path) is not None


def _expression(pattern: str) -> str:
    anchor = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    expression = anchor + "".join(map(_piece, _TOKENS.split(pattern.strip("/")))) + "(?:/|$)"
    try:
        re.compile(expression)
    except re.error as error:
        raise ValueError(
            f"{pattern!r} is no pattern ({error.msg}). Write it like 'Screenshots' or 'Trips/**/*.png'."
        ) from error
    return expression


def _piece(text: str) -> str:
    if text == "**/":
        return "(?:.*/)?"
    if text == "**":
        return ".*"
    if text == "*":
        return "[^/]*"
    if text == "?":
        return "[^/]"
    if len(text) > 2 and text[0] == "[" and text[-1] == "]":
        inner = text[1:-1].replace("\\", "\\\\").replace("^", "\\^")
        return "[^" + inner[1:] + "]" if inner[0] == "!" and len(inner) > 1 else f"[{inner}]"
    return re.escape(text)
