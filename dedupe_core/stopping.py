"""Ctrl-C and SIGTERM as a wish: what is under way is finished or taken back, then the run stops cleanly."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Stop = Callable[[], bool]


class Stopped(Exception):
    """The person, or the system, wants us to stop."""


def never() -> bool:
    """The stop of a caller that is never stopped."""
    return False


def patiently(stop: Stop, seconds: float) -> Stop:
    """`stop`, but only once it has been asked for so long: what is nearly done may be finished."""
    told: list[float] = []

    def answer() -> bool:
        if not told and stop():
            told.append(time.monotonic())
        return bool(told) and time.monotonic() - told[0] > seconds

    return answer


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Inside, SIGINT and SIGTERM only make the yielded question answer yes. In threads other than the main one, where
    Python takes no signals, it always answers no."""
    if threading.current_thread() is not threading.main_thread():
        yield never
        return
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
