"""Keys as they are pressed, one by one, without Enter and without an echo."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterator

import click

_PARTS = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO.|.", re.DOTALL)
"""An arrow or function key is a sequence that begins with Escape; whatever comes faster than it is read is not lost."""


def keys() -> Generator[str]:
    """Every key until the terminal goes away or Ctrl-C is pressed. The terminal is as it was before when this ends."""
    try:
        import termios
        import tty
    except ImportError:  # Windows, where click reads the console
        yield from _pressed()
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSADRAIN)  # the other ways throw away what was typed already
    try:
        while some := _some(terminal):
            yield from _PARTS.findall(some)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _some(terminal: int) -> str:
    """What was typed since; "" when nobody is there any more."""
    try:
        return os.read(terminal, 256).decode("utf-8", "replace").replace("\x04", "")
    except (OSError, KeyboardInterrupt):
        return ""


def _pressed() -> Iterator[str]:
    while True:
        try:
            yield click.getchar()
        except (EOFError, KeyboardInterrupt):
            return
