"""Albums in Photos: found, made, filled and emptied by uuid, each time read back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.base import ConnectorError, NotFound, Refused, Unavailable
from connectors.photos import labels
from connectors.photos.library import Library, is_system_library
from connectors.photos.options import PhotosOptions
from connectors.photos.photokit import AUTHORIZED, PhotoKit
from connectors.photos.script import Script

CHUNK = 50
"""So many photos Photos is asked to add in one call."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Opened:
    """An album that is there; `made` when it was made just now."""

    label: str
    key: str
    made: bool = False


class Albums:
    """The albums of one library."""

    def __init__(self, library: Library, options: PhotosOptions, script: Script, photokit: PhotoKit | None) -> None:
        self._library, self._options = library, options
        self._script, self._photokit = script, photokit

    def open(self, label: str, make: bool = True) -> Opened | None:
        """The album of a label; made when it is missing and wanted."""
        album = labels.parse(label)
        if not isinstance(album, labels.Album):
            raise Refused(f"{label} is a keyword, not an album.")
        found = self._script.album(album.folders, album.title)
        if found is not None or not make:
            return None if found is None else Opened(label, found)
        return Opened(label, self._script.make_album(album.folders, album.title), made=True)

    def again(self, key: str, label: str) -> Opened | None:
        """The album of a receipt: by uuid, else by name, because an album that was rebuilt has another uuid."""
        return Opened(label, key) if self._script.has_album(key) else self.open(label, make=False)

    def members(self, album: Opened) -> frozenset[str]:
        """Who is in it."""
        return self._script.members(album.key)

    def add(self, album: Opened, keys: Collection[str]) -> dict[str, str]:
        """Add photos and read back. Gives the sentence of each that Photos did not take; raises when Photos itself
        does not answer or may not be asked."""
        failed: dict[str, str] = {}
        for _ in range(_TRIES):
            here = self._script.members(album.key)
            missing = [key for key in keys if key not in here and key not in failed]
            if not missing:
                return failed
            for chunk in _chunks(missing):
                failed |= self._add(album.key, chunk)
        here = self._script.members(album.key)
        left = {key: "Photos did not take it into the album. Try again." for key in keys if key not in here}
        return left | failed

    def _add(self, album: str, keys: Sequence[str]) -> dict[str, str]:
        """One item that Photos does not hand out spoils the whole call; so then each half is tried alone."""
        try:
            self._script.add(album, keys)
        except NotFound as error:
            if len(keys) == 1:
                return {keys[0]: str(error)}
            middle = len(keys) // 2
            return self._add(album, keys[:middle]) | self._add(album, keys[middle:])
        return {}

    def take_out(self, album: Opened, keys: Collection[str]) -> None:
        """Take photos out and read back. An album of a person is left only through PhotoKit, which changes nothing
        else; one of ours may be made anew without them, because a script cannot take anything out."""
        here = self._script.members(album.key)
        there = [key for key in keys if key in here]
        if not there:
            return
        if self._photokit_serves():
            assert self._photokit is not None
            self._photokit.take_out(album.key, there)
        elif labels.below(album.label, self._options.folder):
            self._rebuild(album, frozenset(there))
        else:
            raise Refused(
                f"Taking a photo out of the album {album.label} needs access to Photos. Allow it in System Settings > "
                "Privacy & Security > Photos, or take it out by hand."
            )
        now = self.again(album.key, album.label)
        if now is not None and self._script.members(now.key) & set(there):
            raise Unavailable(f"Photos did not take the photo out of {album.label}. Try again.", 60)

    def drop_if_empty(self, album: Opened) -> None:
        """Take away an album of ours in which nothing is left."""
        if not self._script.members(album.key):
            self._script.drop_album(album.key)

    def _photokit_serves(self) -> bool:
        if self._photokit is None or not is_system_library(self._library.path):
            return False
        try:
            return self._photokit.authorization() == AUTHORIZED
        except ConnectorError:
            return False

    def _rebuild(self, album: Opened, without: frozenset[str]) -> None:
        """A new album beside the old one; the old one goes only when the new one was read back whole."""
        meant = labels.parse(album.label)
        assert isinstance(meant, labels.Album)
        stay = self._script.members(album.key) - without
        if not stay:
            self._script.drop_album(album.key)
            return
        fresh = Opened(album.label, self._script.make_album(meant.folders, f"{meant.title} (being renewed)"))
        failed = self.add(fresh, sorted(stay))
        if failed:
            self._script.drop_album(fresh.key)
            raise Unavailable(f"The album {album.label} could not be renewed and was left as it is. Try again.", 60)
        self._script.drop_album(album.key)
        self._script.rename_album(fresh.key, meant.title)


def _chunks(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]
