"""The stage that gives pictures vectors: decoded and shaped in the guarded workers while the model runs, committed
batch by batch, so that a run that is killed loses one batch.

Which model it is, is decided by a chain (the service, then this machine), and whatever it came to is told: a run goes
on without this level when nothing of the chain works. A library that has all its vectors loads no model at all.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from connectors.base import Connector, ConnectorError
from dedupe_core.embedders import ModelError
from dedupe_core.engine import Engine
from dedupe_core.model import Photo, Progress
from dedupe_core.settings import Settings
from dedupe_core.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dedupe_core.decode import Limits
    from dedupe_core.embedders.preprocess import Preprocess

_TASKS = 8
_COMMIT = 512


class Encoder(Protocol):
    """An `Embedder` that says what input it wants. `how` tells where it runs and in which precision, `batch` how many
    pictures it takes best at once."""

    model: str
    dimension: int
    batch: int
    preprocess: Preprocess

    def embed(self, pictures: Sequence[Any]) -> NDArray[np.float32]: ...

    @property
    def how(self) -> str: ...


class Source(Protocol):
    """One link of the chain: "remote" or "local". `asked` changes whenever another model may come of it; `open` loads
    it and raises `ModelError` with a sentence."""

    @property
    def name(self) -> str: ...

    @property
    def asked(self) -> str: ...

    def open(self) -> Encoder: ...


@dataclass(frozen=True, slots=True)
class Level:
    """Which model gave the vectors of a run: `backend` is "remote", "local", "none" or "off"; `how` tells device and
    precision; `passed` has a sentence for each link of the chain that did not work; `new` and `failed` are pictures."""

    backend: str = "off"
    model: str = ""
    how: str = ""
    passed: tuple[str, ...] = ()
    new: int = 0
    failed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, as the run's summary keeps them."""
        return asdict(self)

    @classmethod
    def of_run(cls, summary: str) -> Level:
        """What a run's summary (JSON) tells; runs of before told nothing."""
        told = json.loads(summary).get("embedding") or {}
        return cls(**{**told, "passed": tuple(told.get("passed", ()))})

    @property
    def sentence(self) -> str:
        """One line for people."""
        if self.backend == "off":
            return "similar pictures by a model: switched off"
        if self.backend == "none":
            return f"similar pictures by a model: not looked for. {' '.join(self.passed)}".rstrip()
        where = f" ({self.how})" if self.how else ""
        told = f" {' '.join(self.passed)}" if self.passed else ""
        return f"similar pictures by {self.model.split('@', 1)[0]}, {self.backend}{where}.{told}"


@dataclass(slots=True)
class _Tally:
    new: int = 0
    failed: int = 0
    passed: list[str] = field(default_factory=list)


class Wanted(NamedTuple):
    """One picture on its way: signature row, path or bytes, and its name in messages."""

    row: int
    source: str | bytes
    key: str


def embed(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    chain: Sequence[Source],
    progress: Progress,
) -> Level:
    """Give every readable picture a vector of the first model of `chain` that works. Never raises for what is wrong
    with a model or a picture."""
    if not chain or settings.embedding.mode == "off" or not {"near", "similar", "series"} & set(settings.levels):
        return Level()
    tally = _Tally()
    for source in chain:
        known = store.embeddings.asked(source.asked)
        if known is not None and not store.embeddings.count_missing(known["id"]):
            with store.transaction():
                store.embeddings.use(known["id"], source.asked)
            return Level(source.name, known["name"], passed=tuple(tally.passed))
        try:
            encoder = source.open()
            with store.transaction():
                model = store.embeddings.model(encoder.model, encoder.dimension)
            _fill(store, connectors, engine, settings, encoder, model, progress, tally)
        except (ModelError, ValueError) as error:
            tally.passed.append(str(error))
            continue
        with store.transaction():
            store.embeddings.use(model, source.asked)
        return Level(source.name, encoder.model, encoder.how, tuple(tally.passed), tally.new, tally.failed)
    return Level("none", passed=tuple(tally.passed), new=tally.new, failed=tally.failed)


def shape(wanted: Wanted, preprocess: Preprocess, limits: Limits | None = None) -> bytes:
    """What a worker does with one picture: the bytes of the model's input. Raises `Unreadable`."""
    from dedupe_core import decode
    from dedupe_core.embedders.preprocess import prepared

    return prepared(wanted.source, preprocess, limits or decode.LIMITS).tobytes()


def _fill(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    encoder: Encoder,
    model: int,
    progress: Progress,
    tally: _Tally,
) -> None:
    """Every picture without a vector. The model has a thread of its own: the next batch is decoded meanwhile."""
    from dedupe_core.reading import limits_of

    progress.stage("encoding", store.embeddings.count_missing(model))
    task = functools.partial(shape, preprocess=encoder.preprocess, limits=limits_of(settings.limits))
    found: list[tuple[list[int], NDArray[np.float32]]] = []
    with ThreadPoolExecutor(1, thread_name_prefix="keepone-model") as thread:
        running: Future[tuple[list[int], NDArray[np.float32]]] | None = None
        try:
            for batch in _batches(_shaped(store, connectors, engine, model, task, progress, tally), encoder.batch):
                ahead = thread.submit(_encoded, encoder, batch)
                if running is not None:
                    found.append(running.result())
                running = ahead
                if sum(len(rows) for rows, _ in found) >= _COMMIT:
                    _keep(store, model, found, tally)
            if running is not None:
                found.append(running.result())
        finally:
            _keep(store, model, found, tally)


def _shaped(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    model: int,
    task: functools.partial[bytes],
    progress: Progress,
    tally: _Tally,
) -> Iterator[tuple[int, bytes]]:
    for outcome in engine.map(task, _tasks(store, connectors, model, progress, tally)):
        progress.advance(1, current=outcome.item.key)
        if outcome.value is None:
            tally.failed += 1
            progress.error(outcome.item.key, outcome.error)
        else:
            yield outcome.item.row, outcome.value


def _encoded(encoder: Encoder, batch: Sequence[tuple[int, bytes]]) -> tuple[list[int], NDArray[np.float32]]:
    import numpy as np

    size = encoder.preprocess.size
    pictures = [np.frombuffer(levels, np.uint8).reshape(size, size, 3) for _, levels in batch]
    return [row for row, _ in batch], encoder.embed(pictures)


def _keep(store: Store, model: int, found: list[tuple[list[int], NDArray[np.float32]]], tally: _Tally) -> None:
    with store.transaction():
        for rows, vectors in found:
            store.embeddings.put(model, rows, vectors)
            tally.new += len(rows)
    found.clear()


def _batches(shaped: Iterable[tuple[int, bytes]], size: int) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    for one in shaped:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _tasks(
    store: Store, connectors: Mapping[str, Connector], model: int, progress: Progress, tally: _Tally
) -> Iterator[list[Wanted]]:
    batch: list[Wanted] = []
    for row in store.embeddings.missing(model):
        wanted = _wanted(store, connectors, row, progress, tally)
        if wanted is not None:
            batch.append(wanted)
        if len(batch) == _TASKS:
            yield batch
            batch = []
    if batch:
        yield batch


def _wanted(
    store: Store, connectors: Mapping[str, Connector], row: int, progress: Progress, tally: _Tally
) -> Wanted | None:
    """The first place of a content that can be reached now; contents whose source is away wait for the next run."""
    reason = ""
    for photo in store.assets.photos(store.assets.rows_by_signature([row])[row]).values():
        connector = connectors.get(photo.asset.id.source)
        if connector is None:
            continue
        try:
            return Wanted(row, _bytes_of(connector, photo), photo.asset.id.key)
        except (ConnectorError, OSError) as error:
            reason = f"{photo.asset.id.key}: {error}"
    if reason:
        tally.failed += 1
        progress.error(*reason.split(": ", 1))
    return None


def _bytes_of(connector: Connector, photo: Photo) -> str | bytes:
    if not connector.features.reads:
        with connector.preview(photo.asset, 1024) as stream:
            return stream.read()
    path = connector.path(photo.asset)
    if path is not None:
        return str(path)
    with connector.open(photo.asset) as stream:
        return stream.read()
