"""Inputs on their way through a model and its vectors on their way into the store.

The model runs in a thread of its own, so that the next batch is decoded and gathered meanwhile; one batch waits at
most, so that memory is bounded however much faster pictures come.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dedupe_core.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dedupe_core.embed import Encoder

_COMMIT = 512


@dataclass(slots=True)
class Tally:
    """Pictures that got a vector, and those that could not."""

    new: int = 0
    failed: int = 0


class _Answer(NamedTuple):
    rows: list[int]
    vectors: NDArray[np.float32]


class Feed:
    """One model of the store (`model` is its row) and the encoder that gives its vectors."""

    def __init__(self, store: Store, encoder: Encoder, model: int, tally: Tally) -> None:
        self._store, self._encoder, self._model, self._tally = store, encoder, model, tally
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keepone-model")
        self._batch: list[tuple[int, bytes]] = []
        self._running: Future[_Answer] | None = None
        self._found: list[_Answer] = []

    def add(self, row: int, levels: bytes) -> None:
        """One input, uint8 (size, size, 3), of a signature row. Waits where the model is behind. Raises what the
        encoder raises, of this batch or of the one before."""
        self._batch.append((row, levels))
        if len(self._batch) >= self._encoder.batch:
            self._send()

    def flush(self) -> None:
        """Wait for all vectors and keep them."""
        if self._batch:
            self._send()
        self._answered()
        self._keep()

    def close(self) -> None:
        """Keep what came back, and drop what is under way."""
        self._batch, self._running = [], None
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._keep()

    def _send(self) -> None:
        batch, self._batch = self._batch, []
        ahead = self._thread.submit(_encoded, self._encoder, batch)
        self._answered()
        self._running = ahead
        if sum(len(answer.rows) for answer in self._found) >= _COMMIT:
            self._keep()

    def _answered(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            self._found.append(running.result())

    def _keep(self) -> None:
        found, self._found = self._found, []
        if found:
            with self._store.transaction():
                for rows, vectors in found:
                    self._store.embeddings.put(self._model, rows, vectors)
            self._tally.new += sum(len(rows) for rows, _ in found)


def _encoded(encoder: Encoder, batch: Sequence[tuple[int, bytes]]) -> _Answer:
    import numpy as np

    size = encoder.preprocess.size
    pictures = [np.frombuffer(levels, np.uint8).reshape(size, size, 3) for _, levels in batch]
    return _Answer([row for row, _ in batch], encoder.embed(pictures))
