"""The inside of one guarded worker process: takes batches from its connection, answers item by item.

`engine.py` starts it as a fresh interpreter, so that nothing of the parent (locks, threads, its main script) comes
along, on every system alike. What holds here:

- Memory: on Linux the kernel refuses what exceeds the limit (RLIMIT_DATA counts heap and private maps, all that a
  decoder can grow); a decoder then fails with an error or dies, which is the parent's business. Elsewhere the kernel
  does not enforce it, so that a thread looks at the peak ten times a second and ends the process.
- Time: the parent kills a worker whose item takes too long. If the parent itself was killed in that very moment, the
  alarm ends the worker; an idle worker ends when its connection closes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

TOO_MUCH_MEMORY = 77
"""Exit status of a worker that exceeded its memory where the kernel does not refuse it."""
_GRACE = 10
_RESERVE = 64 << 20
"""Program text and libraries that a process has in memory beside its data."""


def main(handle: int, memory: int, seconds: float, modules: Iterable[str] = ()) -> None:
    """Serve the connection `handle` until it closes. Messages in: (function, items); out: (value, error) an item. The
    `modules` are imported ahead of the first message, which will need them."""
    connection: Connection[Any, Any] = Connection(handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    limit_memory(memory)
    connection.send("ready")
    _silence()
    for module in modules:
        with contextlib.suppress(ImportError):  # the first batch that needs it says so
            import_module(module)
    gc.freeze()  # what was just imported stays: looking for garbage in it would be a tenth of the start
    gc.enable()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            _serve(connection, int(seconds) + _GRACE)


def _serve(connection: Connection[Any, Any], alarm: int) -> None:
    """One batch. A batch that cannot be understood is answered with the reason alone."""
    try:
        function, items = connection.recv()
    except (ImportError, AttributeError, TypeError) as error:
        connection.send(f"{type(error).__name__}: {error}")
        return
    for item in items:
        signal.alarm(alarm)
        connection.send(answer(function, item))
    signal.alarm(0)


def answer(function: Any, item: Any) -> tuple[Any, str]:
    """(value, "") or (None, one sentence): the border of a job, where anything may have been raised."""
    try:
        return function(item), ""
    except MemoryError:
        return None, "The picture needs more memory than a worker may take."
    except Exception as error:  # noqa: BLE001
        text = " ".join(str(error).split())[:200]
        return None, f"{type(error).__name__}: {text}" if text else type(error).__name__


def limit_memory(memory: int) -> None:
    """Hold this process to `memory` bytes."""
    if sys.platform == "linux":
        soft = memory - _RESERVE
        resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))
    else:
        threading.Thread(target=_watch, args=(memory,), daemon=True).start()


def _watch(memory: int) -> None:
    unit = 1 if sys.platform == "darwin" else 1024
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit < memory:
        time.sleep(0.1)
    os._exit(TOO_MUCH_MEMORY)


def _silence() -> None:
    """What decoders print about broken files goes nowhere: the parent reports the error itself."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
