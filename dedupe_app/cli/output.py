"""Where words go. What was asked for goes to stdout; talk (progress, summaries, what comes next) goes to stdout too
while a person looks at it, and to stderr as soon as stdout is a pipe, a file or carries JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click


class ReaderLeft(Exception):
    """Whoever read our output has seen enough (`keepone groups | head`)."""


class Output:
    """The two streams of one invocation. `mode` is "text", "json" (a document) or "json-lines" (one object a line)."""

    def __init__(self, mode: str = "text", quiet: bool = False, color: bool | None = None) -> None:
        self.mode = mode
        self.quiet = quiet
        self.color = color
        self.told_document = False

    @property
    def text(self) -> bool:
        """True when people read, not programs."""
        return self.mode == "text"

    def say(self, text: str = "") -> None:
        """Talk: what is being done and what comes next. Nothing with --quiet."""
        if not self.quiet:
            self._echo(text, not self.text or not sys.stdout.isatty())

    def show(self, text: str = "") -> None:
        """What was asked for, for people. Nothing in the JSON modes, where `document` carries it."""
        if self.text:
            self._echo(text)

    def warn(self, text: str) -> None:
        """What a person must see: always on stderr."""
        self._echo(text, True)

    def document(
        self, value: Mapping[str, Any], lines: Iterable[Mapping[str, Any]] = (), kind: str = "summary"
    ) -> None:
        """The answer for programs: one document, or with --json-lines the `lines` and then the rest as last object."""
        if self.mode == "json":
            self._line(value)
        elif self.mode == "json-lines":
            listed = list(lines)
            for line in listed:
                self._line(line)
            rest = {key: item for key, item in value.items() if not (listed and isinstance(item, list))}
            self._line({"message_type": kind, **rest})

    def event(self, value: Mapping[str, Any]) -> None:
        """One object of a stream; only with --json-lines."""
        if self.mode == "json-lines":
            self._line(value)
            sys.stdout.flush()

    def _line(self, value: Mapping[str, Any]) -> None:
        """ASCII only, so that names with bytes that are not UTF-8 survive as escapes."""
        self.told_document = True
        self._echo(json.dumps(value, ensure_ascii=True, default=str))

    def _echo(self, text: str, err: bool = False) -> None:
        try:
            click.echo(text, err=err, color=self.color)
        except BrokenPipeError as error:
            raise ReaderLeft from error

    def bold(self, text: str) -> str:
        """Emphasised where the terminal can."""
        return click.style(text, bold=True)

    def paint(self, text: str, color: str) -> str:
        """Coloured where the terminal can."""
        return click.style(text, fg=color)


def table(rows: Sequence[Sequence[object]], right: Sequence[int] = (), indent: str = " ") -> str:
    """Aligned columns; the columns named in `right` are numbers."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(click.unstyle(row[at])) for row in cells) for at in range(len(cells[0]))] if cells else []
    return "\n".join(
        (indent + "  ".join(_padded(cell, widths[at], at in right) for at, cell in enumerate(row))).rstrip()
        for row in cells
    )


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - len(click.unstyle(cell)))
    return space + cell if right else cell + space


def number(value: int) -> str:
    """1234567 as "1 234 567"."""
    return f"{value:,}".replace(",", " ")
