"""One library: its snapshot while that is current, and what is read from it."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.base import Asset, Refused, Unavailable
from connectors.photos import narrow, reading
from connectors.photos.fingerprint import Computed
from connectors.photos.options import PhotosOptions
from connectors.photos.snapshot import Snapshot


class Library:
    """The library behind one source. Asks Photos' files only; nothing in the bundle is ever opened for writing."""

    def __init__(self, name: str, options: PhotosOptions) -> None:
        self.path = (options.path.expanduser() if options.path else system_library()).resolve()
        self._name, self._options = name, options
        self._computed = Computed(options.state / f"{''.join(c if c.isalnum() else '_' for c in name)}.digests.json")
        self._snapshot: Snapshot | None = None

    def all(self) -> Iterator[Asset]:
        """Every candidate of the scope. The database is loaded once and let go with the last asset."""
        snapshot = self._current()
        database = reading.load(snapshot)
        gc.freeze()
        try:
            yield from reading.Reader(self._name, self._options, database, self._computed).assets()
        finally:
            gc.unfreeze()
            self._computed.save()

    def whole(self, key: str) -> tuple[dict[str, Asset], Path | None]:
        """The photo as `some` gives it, and where its original lies: None when that is not on this machine."""
        with self._narrowed([key]) as database:
            return self._read(database, [key]), _paths(database, key)[0]

    def files(self, key: str) -> tuple[Path | None, Path | None]:
        """Where the original and the edited picture lie, each None when it is not on this machine."""
        with self._narrowed([key]) as database:
            return _paths(database, key)

    def some(self, keys: Collection[str]) -> dict[str, Asset]:
        """Those of the keys that are candidates now, whatever the scope."""
        with self._narrowed(keys) as database:
            return self._read(database, keys)

    def _read(self, database: Any, keys: Collection[str]) -> dict[str, Asset]:
        reader = reading.Reader(self._name, self._options, database, self._computed)
        found = {asset.id.key: asset for asset in reader.assets(frozenset(keys))}
        self._computed.save()
        return found

    @contextmanager
    def _narrowed(self, keys: Collection[str]) -> Iterator[Any]:
        """osxphotos' view of these photos and no others."""
        snapshot = self._current()
        with tempfile.TemporaryDirectory(prefix="keepone-photos-") as folder:
            small = Path(folder) / "Photos.sqlite"
            narrow.narrow(snapshot.database, keys, small)
            yield reading.load(snapshot, small)

    def close(self) -> None:
        """Take the snapshot away."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None

    def _current(self) -> Snapshot:
        if self._snapshot is not None and not self._snapshot.fresh():
            self.close()
        if self._snapshot is None:
            self._snapshot = Snapshot(self.path)
        return self._snapshot


def _paths(database: Any, key: str) -> tuple[Path | None, Path | None]:
    photo = next(iter(database.photos(uuid=[key])), None)
    if photo is None:
        return None, None
    original, edited = (Path(path) if path else None for path in (photo.path, photo.path_edited))
    return original, edited


def system_library() -> Path:
    """The system's own library. Raises `Refused` where there is none, `Unavailable` where it is not named."""
    try:
        from osxphotos.utils import get_system_library_path
    except ImportError as error:
        raise Refused("Reading Photos needs osxphotos. Run: pip install 'keepone[apple]'") from error
    found = get_system_library_path()
    if found is None:
        raise Unavailable("The system's Photos library is not known here. Write its path into the source's options.")
    return Path(str(found))


def is_system_library(path: Path) -> bool:
    """Is this the library that PhotoKit would change?"""
    try:
        return system_library().resolve().samefile(path)
    except (Refused, Unavailable, OSError):
        return False


def other_library_open(path: Path) -> Path | None:
    """The library that Photos opened last, when that is known and is not this one: scripts would change that one."""
    from osxphotos.utils import get_last_library_path

    last = get_last_library_path()
    try:
        return None if last is None or Path(last).samefile(path) else Path(last)
    except OSError:
        return Path(str(last))
