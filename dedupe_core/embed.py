"""The stage that gives pictures vectors.

Photos that a scan reads anew give the model's input from the very decode of their hash: `Encoding` opens the model when
the first of them is read, tells the workers what it wants, and takes what they hand back while they go on decoding.
What has no vector afterwards (a model that came later, pictures of a cloud) is decoded for it, in the same workers.
Vectors are committed batch by batch, so that a run that is killed loses one batch.

Which model it is, is decided by a chain (the service, then this machine), and whatever it came to is told: a run goes
on without this level when nothing of the chain works. A library that has all its vectors loads no model at all.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from connectors.base import Connector, ConnectorError
from dedupe_core.embedders import ModelError
from dedupe_core.engine import Engine
from dedupe_core.feed import Feed, Tally
from dedupe_core.model import Photo, Progress
from dedupe_core.sentences import Said, said
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.tasks import Also

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dedupe_core.decode import Limits
    from dedupe_core.embedders.preprocess import Preprocess
    from dedupe_core.thumbs import Room
    from dedupe_core.views import Views

_TASKS = 8
_PRUNED = 1000
"""Renderings of a cloud's photos that are fetched before those of long ago are let go."""


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
            return said("level.off")
        told = said("level.none") if self.backend == "none" else self._used()
        for one in self.passed:
            told = said("level.also", what=told, more=one)
        return told

    def _used(self) -> Said:
        where = said(f"backend.{self.backend}") if self.backend in ("local", "remote") else self.backend
        model = self.model.split("@", 1)[0]
        if self.how:
            return said("level.by_how", model=model, backend=where, how=self.how)
        return said("level.by", model=model, backend=where)


class Wanted(NamedTuple):
    """One picture on its way: signature row, path or bytes, and its name in messages."""

    row: int
    source: str | bytes
    key: str


class Extra(NamedTuple):
    """What the decode of a content gave beside its signature, and what it had been asked for."""

    content: str
    levels: bytes
    miniature: bytes
    also: Also


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
    with Encoding(store, settings, chain, progress) as encoding:
        return encoding.finish(connectors, engine)


class _Opened(NamedTuple):
    source: Source
    encoder: Encoder
    model: int
    feed: Feed


class Encoding:
    """The models of a chain during one run: `also` and `take` while photos are read, `finish` afterwards. `pictures`:
    the decode gives the page's small pictures as well."""

    def __init__(
        self, store: Store, settings: Settings, chain: Sequence[Source], progress: Progress, pictures: bool = False
    ) -> None:
        off = settings.embedding.mode == "off" or not {"near", "similar", "series"} & set(settings.levels)
        self._store, self._settings, self._progress = store, settings, progress
        self._links = [] if off else list(chain)
        self._off = not self._links
        self._pictures = pictures
        self._tally = Tally()
        self._passed: list[str] = []
        self._now: _Opened | None = None
        self._room: Room | None = None

    def __enter__(self) -> Encoding:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def also(self) -> Also | None:
        """What a decode shall give beside the hash: for the first model that works, which is loaded at the first call,
        and for people. None when nobody wants anything."""
        opened = self._opened()
        if opened is None and not self._pictures:
            return None
        edge = self._edge() if self._pictures else 0
        return Also(opened.encoder.preprocess if opened else None, edge) if opened or edge else None

    def _edge(self) -> int:
        """Of the small pictures; 0 when their room is used up."""
        from dedupe_core.thumbs import EDGE, Room

        self._room = self._room or Room(self._store.folder)
        return EDGE if self._room.left > 0 else 0

    def take(self, extras: Sequence[Extra]) -> None:
        """Inputs of contents that have a signature now, and their small pictures."""
        rows = self._store.signatures.rows(extra.content for extra in extras)
        for extra in extras:
            if self._room is not None and extra.miniature:
                self._room.keep(extra.content, extra.miniature)
        fitting = {rows[one.content]: one for one in extras if one.levels and one.content in rows and self._fits(one)}
        if self._now is None or not fitting:
            return
        try:
            for row in self._store.embeddings.lacking(self._now.model, fitting):
                self._now.feed.add(row, fitting[row].levels)
        except (ModelError, ValueError) as error:
            self._pass(error)

    def finish(self, connectors: Mapping[str, Connector], engine: Engine) -> Level:
        """Give a vector to all pictures that have none, of the first model that works. Never raises for what is wrong
        with a model or a picture."""
        if self._off:
            return Level()
        while self._links:
            known = None if self._now else self._store.embeddings.asked(self._links[0].asked)
            if known is not None and not self._store.embeddings.count_missing(known["id"]):
                return self._used(self._links[0], int(known["id"]), Level(self._links[0].name, known["name"]))
            opened = self._opened()
            if opened is None:
                break
            try:
                opened.feed.flush()
                self._fill(opened, connectors, engine)
            except (ModelError, ValueError) as error:
                self._pass(error)
                continue
            tally = self._tally
            level = Level(opened.source.name, opened.encoder.model, opened.encoder.how, (), tally.new, tally.failed)
            return self._used(opened.source, opened.model, level)
        return Level("none", passed=tuple(self._passed), new=self._tally.new, failed=self._tally.failed)

    def _fits(self, extra: Extra) -> bool:
        """Was it made for the model that runs now, and not for one that failed meanwhile?"""
        return self._now is not None and extra.also.preprocess == self._now.encoder.preprocess

    def _opened(self) -> _Opened | None:
        """The first link of the chain that works, loaded."""
        while self._now is None and self._links:
            try:
                encoder = self._links[0].open()
                with self._store.transaction():
                    model = self._store.embeddings.model(encoder.model, encoder.dimension)
            except (ModelError, ValueError) as error:
                self._pass(error)
                continue
            feed = Feed(self._store, encoder, model, self._tally)
            self._now = _Opened(self._links[0], encoder, model, feed)
        return self._now

    def _pass(self, error: Exception) -> None:
        """The first link does not work: on with the next one."""
        self._passed.append(str(error))
        self._links.pop(0)
        self._close()

    def _used(self, source: Source, model: int, level: Level) -> Level:
        with self._store.transaction():
            self._store.embeddings.use(model, source.asked)
        return replace(level, passed=tuple(self._passed))

    def _close(self) -> None:
        opened, self._now = self._now, None
        if opened is not None:
            opened.feed.close()

    def _fill(self, opened: _Opened, connectors: Mapping[str, Connector], engine: Engine) -> None:
        """Every picture without a vector. The model has a thread of its own: the next batch is decoded meanwhile."""
        from dedupe_core.reading import limits_of

        missing = self._store.embeddings.count_missing(opened.model)
        if not missing:
            return
        self._progress.stage("encoding", missing)
        limits = limits_of(self._settings.limits)
        task = functools.partial(shape, preprocess=opened.encoder.preprocess, limits=limits)
        waiting = _Waiting(self._store, connectors, opened.model, self._progress, self._tally)
        for outcome in engine.map(task, waiting.batches()):
            self._progress.advance(1, current=outcome.item.key)
            if outcome.value is None:
                self._tally.failed += 1
                self._progress.error(outcome.item.key, outcome.error)
            else:
                opened.feed.add(outcome.item.row, outcome.value)
        opened.feed.flush()


def shape(wanted: Wanted, preprocess: Preprocess, limits: Limits | None = None) -> bytes:
    """What a worker does with one picture: the bytes of the model's input. Raises `Unreadable`."""
    from dedupe_core import decode
    from dedupe_core.embedders.preprocess import prepared

    return prepared(wanted.source, preprocess, limits or decode.LIMITS).tobytes()


class _Waiting:
    """Pictures without a vector, and where they can be had now."""

    def __init__(
        self, store: Store, connectors: Mapping[str, Connector], model: int, progress: Progress, tally: Tally
    ) -> None:
        self._store, self._connectors, self._model = store, connectors, model
        self._progress, self._tally = progress, tally
        self._fetched = 0

    def batches(self) -> Iterator[list[Wanted]]:
        """Tasks for workers. Renderings of what is not read come a batch at a time, through the cache from which they
        are compared as well."""
        from dedupe_core.views import Views

        views = Views(self._store, self._connectors)
        rows = self._store.embeddings.missing(self._model)
        while some := list(itertools.islice(rows, _TASKS)):
            places = {row: self._place(row, views) for row in some}
            unread = [photo for photo in places.values() if photo is not None and not views.reads(photo)]
            if unread:
                self._bring(views, unread)
            batch = [self._wanted(row, photo, views) for row, photo in places.items() if photo is not None]
            yield [wanted for wanted in batch if wanted is not None]

    def _place(self, row: int, views: Views) -> Photo | None:
        """The first place of a content that is connected now, rather one that is read; contents whose source is away
        wait for the next run."""
        found = self._store.assets.photos(self._store.assets.rows_by_signature([row])[row]).values()
        there = [photo for photo in found if photo.asset.id.source in self._connectors]
        return next((photo for photo in there if views.reads(photo)), there[0] if there else None)

    def _bring(self, views: Views, photos: Sequence[Photo]) -> None:
        from dedupe_core.views import prune

        views.fetch(photos, self._progress)
        if self._fetched // _PRUNED < (self._fetched + len(photos)) // _PRUNED:
            prune(self._store)
        self._fetched += len(photos)

    def _wanted(self, row: int, photo: Photo, views: Views) -> Wanted | None:
        key = photo.asset.id.key
        if not views.reads(photo):
            data = views.data(photo.content)
            self._tally.failed += data is None
            return None if data is None else Wanted(row, data, key)
        try:
            return Wanted(row, _bytes_of(self._connectors[photo.asset.id.source], photo), key)
        except (ConnectorError, OSError) as error:
            self._tally.failed += 1
            self._progress.error(key, str(error))
        return None


def _bytes_of(connector: Connector, photo: Photo) -> str | bytes:
    path = connector.path(photo.asset)
    if path is not None:
        return str(path)
    with connector.open(photo.asset) as stream:
        return stream.read()
