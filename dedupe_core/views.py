"""Larger renderings of candidates, fetched a few at a time and kept by content until there are too many of them.

Only pictures that a comparison asks for are fetched: what a source charges for is spent once a content.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from connectors.base import Connector, ConnectorError, SignInRequired, Unavailable
from dedupe_core.model import Photo, Progress
from dedupe_core.store import Store
from dedupe_core.store.other_views import seen_in
from dedupe_core.thumbs import cache_file
from dedupe_core.whole import write_whole

EDGE = 800
"""Long side of the rendering that pictures are compared by: large enough for the coarse picture of every comparison."""

SILENT = "silent"
"""The state of a source that answered the listing and not all that was asked afterwards."""

KEPT_BYTES = 1 << 30
_READERS = 4
FOLDER = "previews"


class Views:
    """The renderings of photos whose bytes are not read."""

    def __init__(self, store: Store, connectors: Mapping[str, Connector]) -> None:
        self._store, self._connectors = store, connectors
        self._folder = None if store.folder is None else store.folder / FOLDER
        self._memory: dict[str, bytes] = {}
        self._silent: set[str] = set()

    def place(self, photo: Photo) -> Photo:
        """The photo itself where its source is read; else another place of the same content that is, or the photo."""
        if self.reads(photo):
            return photo
        others = self._store.assets.with_content(photo.content)
        return next((other for other in others if not other.error and self.reads(other)), photo)

    def reads(self, photo: Photo) -> bool:
        """Are the bytes of its source read, or is it the picture before an edit, which only they show?"""
        connector = self._connectors.get(photo.asset.id.source)
        return connector is not None and (connector.features.reads or seen_in(photo.content) == "original")

    def fetch(self, photos: Iterable[Photo], progress: Progress) -> None:
        """Bring the renderings of these photos here, those that are not here yet. What cannot be had is told; a source
        that does not answer is not asked again."""
        missing = {photo.content: photo for photo in photos if self.kept(photo.content) is None}
        with ThreadPoolExecutor(_READERS, thread_name_prefix="keepone-view") as readers:
            for photo, error in zip(missing.values(), readers.map(self._fetched, missing.values()), strict=True):
                if isinstance(error, SignInRequired | Unavailable):
                    fell_silent(self._store, photo.asset.id.source, error, progress)
                elif error is not None:
                    progress.error(photo.asset.id.key, str(error))

    def kept(self, content: str) -> str | bytes | None:
        """The rendering of a content as a path or bytes; None when it is not here."""
        if self._folder is None:
            return self._memory.get(content)
        file = cache_file(self._folder, content, EDGE).with_suffix(".view")
        return str(file) if file.is_file() else None

    def data(self, content: str) -> bytes | None:
        """The bytes of a rendering that is here."""
        kept = self.kept(content)
        try:
            return Path(kept).read_bytes() if isinstance(kept, str) else kept
        except OSError:
            return None

    def _fetched(self, photo: Photo) -> ConnectorError | OSError | None:
        """None when the rendering is here now, or its source was silent before."""
        source = photo.asset.id.source
        connector = self._connectors.get(source)
        if connector is None:
            return OSError(f"The source {source} is not set up.")
        if source in self._silent:
            return None
        try:
            with connector.preview(photo.asset, EDGE) as stream:
                self._keep(photo.content, stream.read())
        except (SignInRequired, Unavailable) as error:
            self._silent.add(source)
            return error
        except (ConnectorError, OSError) as error:
            return error
        return None

    def _keep(self, content: str, data: bytes) -> None:
        if self._folder is None:
            self._memory[content] = data
            return
        file = cache_file(self._folder, content, EDGE).with_suffix(".view")
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(file, [data])


def fell_silent(store: Store, source: str, error: ConnectorError, progress: Progress) -> None:
    """A source stopped answering in the middle of a run: said once, and remembered so that the next run goes on."""
    progress.error(source, str(error))
    row = next((row["id"] for row in store.assets.sources() if row["name"] == source), None)
    if row is not None:
        store.assets.note(int(row), SILENT, str(error))


def prune(store: Store, most: int = KEPT_BYTES) -> None:
    """Let go of the renderings that were fetched first when they take more than `most` bytes."""
    if store.folder is None:
        return
    files = [(file.stat(), file) for file in (store.folder / FOLDER).glob("*/*.view")]
    total = sum(status.st_size for status, _ in files)
    for status, file in sorted(files, key=lambda one: (one[0].st_mtime, str(one[1]))):
        if total <= most:
            return
        total -= status.st_size
        with contextlib.suppress(OSError):
            Path(file).unlink()
