"""What happens, told to every open page: server-sent events with numbers, so that a page that lost its connection
gets what it missed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

KEPT = 200
_BEAT = 15.0
"""Seconds of silence after which a comment keeps the connection alive."""


class Hub:
    """Events from any thread to any number of listeners in the server's loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._kept: deque[tuple[int, str, str]] = deque(maxlen=KEPT)
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._closed = False

    def publish(self, name: str, value: dict[str, Any]) -> None:
        """Tell everybody. `name` is the event's type."""
        with self._lock:
            self._last += 1
            self._kept.append((self._last, name, json.dumps(value)))
            self._wake()

    def close(self) -> None:
        """End every stream; the server stops."""
        with self._lock:
            self._closed = True
            self._wake()

    async def stream(self, after: int | None) -> AsyncIterator[str]:
        """Events later than `after` (None: from now on), as the wire has them."""
        woken = asyncio.Event()
        me = (asyncio.get_running_loop(), woken)
        with self._lock:
            self._listeners.add(me)
            seen = self._last if after is None else after
        try:
            yield ": here\n\n"
            while not self._closed:
                woken.clear()
                for number, name, data in self._since(seen):
                    seen = number
                    yield f"id: {number}\nevent: {name}\ndata: {data}\n\n"
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(woken.wait(), _BEAT)
                    continue
                yield ": still here\n\n"
        finally:
            with self._lock:
                self._listeners.discard(me)

    def _since(self, number: int) -> list[tuple[int, str, str]]:
        with self._lock:
            return [event for event in self._kept if event[0] > number]

    def _wake(self) -> None:
        for loop, woken in self._listeners:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(woken.set)
