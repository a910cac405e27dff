"""What the engine's tests give to workers: importable, and as bad as decoders can be."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def moody(task: tuple[str, int]) -> int:
    """Return the number, or do what the word says."""
    word, number = task
    if word == "raise":
        raise ValueError(f"number {number}\nis not liked")
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "crash":
        ctypes.string_at(0)
    if word == "leave":
        os._exit(3)
    if word == "hang":
        time.sleep(60)
    if word == "hold":
        hold_the_lock(60)
    if word == "eat":
        return len(bytearray(8 << 30))
    return number


def hold_the_lock(seconds: int) -> None:
    """Sleep inside C without giving the interpreter's lock back, as a decoder that hangs may do."""
    ctypes.PyDLL(None).sleep(seconds)


def process(number: int) -> tuple[int, int]:
    return number, os.getpid()


def loaded(_: int) -> list[str]:
    """The top-level modules of the worker."""
    return sorted({name.partition(".")[0] for name in sys.modules})


def slowly(task: tuple[str, float]) -> None:
    """Leave a trace at the beginning and at the end."""
    path, seconds = task
    Path(path).write_text(str(os.getpid()))
    time.sleep(seconds)
    Path(path).with_suffix(".end").touch()


def grow(megabytes: int) -> int:
    """Take memory and really write to it."""
    block = bytearray(megabytes << 20)
    block[:: 1 << 12] = b"x" * len(range(0, len(block), 1 << 12))
    return len(block)
