"""Signatures of photos whose originals are not read: from the small renderings that their sources keep.

A medium rendering serves the hash and the measures; comparing takes a larger one of candidates only (`views.py`). A
photo of which its source has no rendering is counted, asked for again after a week, and never ends a run; a source that
does not answer is left alone until the next run.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from connectors.base import Asset, Connector, ConnectorError, NotFound, Refused, Unsupported
from dedupe_core import signing
from dedupe_core.counts import FingerprintCounts
from dedupe_core.engine import Engine
from dedupe_core.look import look_at_preview
from dedupe_core.model import Photo, Progress
from dedupe_core.reading import limits_of
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.tasks import RECIPE, Look, Task
from dedupe_core.views import fell_silent

EDGE = 176
"""Long side that serves the perceptual hash: within 5 of 64 bits of the original's for all of 400 photos."""

_READERS = 4
_AHEAD = 16
_BATCH = 16
_COMMIT = 200
_FORMATS = {"jpg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "tif": "TIFF", "heic": "HEIF", "heif": "HEIF", "hif": "HEIF"}


def signatures(
    store: Store, connectors: Mapping[str, Connector], engine: Engine, settings: Settings, progress: Progress
) -> FingerprintCounts:
    """Give every content that only a source's rendering shows a signature."""
    sources = {
        name: connector
        for name, connector in connectors.items()
        if connector.features.preview and not connector.features.reads
    }
    if not sources:
        return FingerprintCounts()
    progress.stage("looking at previews", None)
    run = _Run(store, sources, progress)
    look = functools.partial(look_at_preview, limits=limits_of(settings.limits))
    with ThreadPoolExecutor(_READERS, thread_name_prefix="keepone-preview") as readers:
        try:
            for outcome in engine.map(look, _batches(run.tasks(readers))):
                run.take(outcome.value or Look(outcome.item.row, error=outcome.error))
        finally:
            run.commit()
    return FingerprintCounts(previewed=run.previewed, unseen=store.work.count_blanks())


def facts_of(asset: Asset) -> dict[str, Any]:
    """The fields of a signature that a listing tells."""
    ending = PurePosixPath(asset.name).suffix.lstrip(".").lower()
    kind = asset.media_type.rpartition("/")[2].lower()
    return {
        "format": _FORMATS.get(ending, _FORMATS.get(kind, (ending or kind).upper())),
        "width": asset.width or 0,
        "height": asset.height or 0,
        "taken_at": asset.taken_at,
        "camera": asset.camera,
        "place": asset.place,
        "burst": asset.burst,
        "edited": any(part.role == "edit" for part in asset.parts),
    }


class _Run:
    """What is under way, and what came back and is not yet written."""

    def __init__(self, store: Store, sources: Mapping[str, Connector], progress: Progress) -> None:
        self.store, self.sources, self.progress = store, sources, progress
        self.previewed = 0
        self._photos: dict[int, Photo] = {}
        self._looks: list[Look] = []
        self._blanks: list[str] = []
        self._silent: set[str] = set()

    def tasks(self, readers: ThreadPoolExecutor) -> Iterator[Task]:
        """A task a content, its rendering fetched a few ahead."""
        fetching: deque[tuple[Photo, Future[bytes | ConnectorError | OSError | None]]] = deque()
        for photo in self.store.work.unpreviewed(RECIPE, self.sources):
            fetching.append((photo, readers.submit(self._fetch, photo.asset)))
            if len(fetching) > _AHEAD:
                yield from self._fetched(*fetching.popleft())
        for waiting in fetching:
            yield from self._fetched(*waiting)

    def take(self, seen: Look) -> None:
        """One rendering was looked at."""
        photo = self._photos[seen.row]
        self.progress.advance(1, 0, photo.asset.id.key)
        if seen.facts is None:
            del self._photos[seen.row]
            self._blank(photo)
        else:
            self._looks.append(seen)
            self.previewed += 1
        if len(self._looks) + len(self._blanks) >= _COMMIT:
            self.commit()

    def commit(self) -> None:
        """Write what came back, in one transaction."""
        contents = {seen.row: self._photos.pop(seen.row).content for seen in self._looks}
        with self.store.transaction():
            if self._looks:
                self.store.signatures.put(signing.signatures(self._looks, contents), RECIPE)
            self.store.work.put_blanks(self._blanks, RECIPE)
        self._looks, self._blanks = [], []

    def _fetch(self, asset: Asset) -> bytes | ConnectorError | OSError | None:
        """The rendering; the reason when there is none now; None where the source was silent before."""
        source = asset.id.source
        if source in self._silent:
            return None
        try:
            with self.sources[source].preview(asset, EDGE) as stream:
                return stream.read()
        except (ConnectorError, OSError) as error:
            return error

    def _fetched(self, photo: Photo, future: Future[bytes | ConnectorError | OSError | None]) -> Iterator[Task]:
        found = future.result()
        if isinstance(found, bytes):
            self._photos[photo.row] = photo
            asset = replace(photo.asset, camera=photo.camera)
            yield Task(photo.row, found, preview=facts_of(asset))
        elif isinstance(found, Refused | NotFound | Unsupported | OSError):
            self._blank(photo)
        elif found is not None and photo.asset.id.source not in self._silent:
            self._silent.add(photo.asset.id.source)
            fell_silent(self.store, photo.asset.id.source, found, self.progress)

    def _blank(self, photo: Photo) -> None:
        self._blanks.append(photo.content)


def _batches(tasks: Iterator[Task]) -> Iterator[list[Task]]:
    batch: list[Task] = []
    for task in tasks:
        batch.append(task)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
