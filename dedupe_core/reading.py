"""Reading every file that is new or changed, once, and writing down what it says.

Files on this machine are read by the workers themselves; others come through `Connector.open` in a few threads. A
content that has a signature already, under whatever name, is hashed and not decoded: each task carries the known
digests of its length, and a file as long as one that is just being read waits for what that one says. Results are
committed batch by batch, so that a run that is killed loses one batch.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.base import Asset, Changed, Connector, ConnectorError, NotFound, Refused
from dedupe_core import files
from dedupe_core.counts import FingerprintCounts
from dedupe_core.engine import Engine, Outcome
from dedupe_core.identify import NOTHING_WANTED, Wanted, lines_of
from dedupe_core.limits import Limits as DecodeLimits
from dedupe_core.limits import too_long
from dedupe_core.model import Photo, Progress
from dedupe_core.settings import Limits, Settings
from dedupe_core.store import Store
from dedupe_core.tasks import RECIPE, Also, Look, Task, looked_at

if TYPE_CHECKING:
    from dedupe_core.embed import Encoding, Extra

_BATCH_ITEMS = 32
_BATCH_BYTES = 12 << 20
_READERS = 4
_READ_AHEAD = 8
_MOST_WAITING = 1000
"""Uncompressed pictures of one camera are all of one length; waiting would help none of them."""
_COMMIT_ITEMS = 200
_COMMIT_SECONDS = 1.0


def signatures(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    settings: Settings,
    progress: Progress,
    wanted: Wanted = NOTHING_WANTED,
    encoding: Encoding | None = None,
) -> FingerprintCounts:
    """Give every readable asset of `connectors` a content and a signature, and the digests that are `wanted`. What is
    decoded goes to `encoding` as well."""
    reading = {name: connector for name, connector in connectors.items() if connector.features.reads}
    progress.stage("reading", store.work.count_unsigned(RECIPE, reading))
    run = _Run(store, progress, wanted, encoding, skipped=store.work.count_left_out(reading))
    limits = limits_of(settings.limits)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="keepone-read") as readers:
        try:
            for photos in (run.first_of_their_length(store.work.unsigned(RECIPE, reading)), run.those_that_waited()):
                tasks = _tasks(photos, reading, run, readers, limits)
                for outcome in engine.map(functools.partial(looked_at, limits=limits), _batches(tasks)):
                    run.take(outcome)
        finally:
            run.commit()
    return run.counts()


def limits_of(settings: Limits) -> DecodeLimits:
    """The limits that a worker knows."""
    return DecodeLimits(settings.max_pixels, settings.memory_mb << 20)


def _batches(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    """Small enough that all workers end together, large enough that handing over costs nothing."""
    batch: list[Task] = []
    weight = 0
    for task in tasks:
        batch.append(task)
        weight += task.size or len(task.source)
        if len(batch) >= _BATCH_ITEMS or weight >= _BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


@dataclass(slots=True)
class _Run:
    """What is under way, and what came back and is not yet written."""

    store: Store
    progress: Progress
    wanted: Wanted
    encoding: Encoding | None = None
    assets: dict[int, Asset] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)
    committed_at: float = field(default_factory=time.monotonic)
    tally: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("decoded", "known", "failed", "changed"), 0))
    skipped: int = 0
    size: int = 0
    shared: frozenset[int] = field(init=False)
    under_way: set[int] = field(default_factory=set)
    waiting: deque[Photo] = field(default_factory=deque)
    unwritten: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shared = self.store.work.shared_sizes()

    def first_of_their_length(self, photos: Iterable[Photo]) -> Iterator[Photo]:
        """Photos as they come; one that is as long as another that is being read waits until that is back, because it
        may be a copy, which needs no decode. Copies often lie beside each other."""
        for photo in photos:
            while self.waiting and self.waiting[0].asset.size not in self.under_way:
                yield self._begun(self.waiting.popleft())
            if photo.asset.size in self.under_way and len(self.waiting) < _MOST_WAITING:
                self.waiting.append(photo)
            else:
                yield self._begun(photo)

    def those_that_waited(self) -> Iterator[Photo]:
        """The rest of them, once all others are back."""
        while self.waiting:
            yield self.waiting.popleft()

    def _begun(self, photo: Photo) -> Photo:
        if photo.asset.size and photo.asset.size in self.shared:
            self.under_way.add(photo.asset.size)
        return photo

    def task(self, photo: Photo, source: str | bytes) -> Task:
        """The task of one photo, with what of its length is known already."""
        self.assets[photo.row] = photo.asset
        size = photo.asset.size or None
        known = self.store.work.known(photo.asset.size, RECIPE) if photo.asset.size in self.shared else ()
        shas = (*(content.removeprefix("sha256:") for content in known), *self.unwritten.get(photo.asset.size, ()))
        # what may be known by its content needs no decode, and perhaps no model
        also = self.encoding.also() if self.encoding is not None and not shas else None
        return Task(photo.row, source, size, shas, self.wanted.of(photo.asset.size), also=also)

    def take(self, outcome: Outcome[Task, Look]) -> None:
        """One item came back."""
        if outcome.value is not None and outcome.item.also is not None and outcome.value.facts is not None:
            self._put_aside(outcome.value, outcome.item.also)
        self.add(outcome.value or Look(outcome.item.row, error=outcome.error), self.assets.pop(outcome.item.row))

    def add(self, seen: Look, asset: Asset) -> None:
        """Note what was seen, tell it, and write it when there is enough."""
        kind = "changed" if seen.moving else "failed" if seen.error else "decoded" if seen.facts else "known"
        self.tally[kind] += 1
        self.size += asset.size
        self.looks.append(seen)
        self.under_way.discard(asset.size)
        if seen.facts is not None and asset.size in self.shared:
            self.unwritten.setdefault(asset.size, []).append(seen.sha256)
        if seen.sha256 and not seen.moving:
            self.lines += lines_of(seen.digests, asset.size, f"sha256:{seen.sha256}", self.wanted)
        self.progress.advance(1, asset.size, asset.id.key)
        if seen.error or seen.moving:
            self.progress.error(asset.id.key, seen.error or files.MOVING)
        if len(self.looks) >= _COMMIT_ITEMS or time.monotonic() - self.committed_at > _COMMIT_SECONDS:
            self.commit()

    def _put_aside(self, seen: Look, also: Also) -> None:
        from dedupe_core.embed import Extra

        self.extras.append(Extra(f"sha256:{seen.sha256}", seen.levels, seen.miniature, also))

    def commit(self) -> None:
        """Write what came back, in one transaction, and hand on what else was seen."""
        if not self.looks:
            return
        from dedupe_core import signing  # numpy, while the workers read and not before they can

        written = [(seen.row, f"sha256:{seen.sha256}") for seen in self.looks if seen.sha256 and not seen.moving]
        with self.store.transaction():
            self.store.signatures.put(signing.signatures(self.looks), RECIPE)
            self.store.work.set_contents(written)
            self.store.digests.put(self.lines)
            for seen in self.looks:
                if seen.error and not seen.moving:
                    self.store.assets.set_error(seen.row, seen.error)
        self.looks.clear()
        self.lines.clear()
        self.unwritten.clear()
        extras, self.extras = self.extras, []
        if self.encoding is not None and extras:
            self.encoding.take(extras)
        self.committed_at = time.monotonic()

    def counts(self) -> FingerprintCounts:
        """The sums."""
        return FingerprintCounts(
            read=sum(self.tally.values()) - self.tally["changed"],
            skipped=self.skipped,
            bytes=self.size,
            **self.tally,
        )


def _tasks(
    photos: Iterable[Photo],
    connectors: Mapping[str, Connector],
    run: _Run,
    readers: ThreadPoolExecutor,
    limits: DecodeLimits,
) -> Iterator[Task]:
    """Tasks in the order of photos; bytes that only a connector can give are fetched a few ahead."""
    fetching: deque[tuple[Photo, Future[bytes | Look]]] = deque()
    for photo in photos:
        connector = connectors[photo.asset.id.source]
        path = _path(connector, photo.asset)
        if path is not None:
            yield run.task(photo, path)
            continue
        fetching.append((photo, readers.submit(_fetch, connector, photo, limits.longest)))
        if len(fetching) > _READ_AHEAD:
            yield from _fetched(run, *fetching.popleft())
    for waiting in fetching:
        yield from _fetched(run, *waiting)


def _path(connector: Connector, asset: Asset) -> str | None:
    """Where a worker can read the asset. A connector that cannot say is asked to open it, and gives the reason then."""
    try:
        path = connector.path(asset)
    except ConnectorError:
        return None
    return None if path is None else str(path)


def _fetched(run: _Run, photo: Photo, future: Future[bytes | Look]) -> Iterator[Task]:
    fetched = future.result()
    if isinstance(fetched, bytes):
        yield run.task(photo, fetched)
    else:
        run.add(fetched, photo.asset)


def _fetch(connector: Connector, photo: Photo, longest: int) -> bytes | Look:
    """The bytes of one asset, or what is to be said of it without them: a source that is away for the moment or an
    asset that changed is no fault of the file and is looked at again by the next scan."""
    try:
        with connector.open(photo.asset) as stream:
            data = stream.read(longest + 1)
            if len(data) <= longest:
                return data
            return _hashed(photo.row, data, iter(lambda: stream.read(1 << 20), b""), longest)
    except (Changed, NotFound):
        return Look(photo.row, moving=True)
    except Refused as error:
        return Look(photo.row, error=str(error))
    except (ConnectorError, OSError) as error:
        return Look(photo.row, error=str(error), moving=True)


def _hashed(row: int, begin: bytes, rest: Iterator[bytes], longest: int) -> Look:
    digest, size = hashlib.sha256(begin), len(begin)
    for block in rest:
        digest.update(block)
        size += len(block)
    return Look(row, digest.hexdigest(), error=too_long(size, DecodeLimits(memory=longest * 4)))
