"""The one seam to Photos itself: photoscript's calls, each answered by a value or by a sentence.

Photos drops adds without a word, answers late, and refuses single items. So nothing here believes an answer that can be
read back, nothing is tried again by itself, and Photos is never killed: photoscript's own retry, which does that after
a time-out, is switched off before the first call.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from connectors.base import NotFound, Refused, Unavailable

Place = tuple[float, float]

_CODE = re.compile(r"\((-\d+)\)")
_PHOTO, _ALBUM = "/L0/001", "/L0/040"
_NO_EVENTS, _TIMED_OUT, _NO_OBJECT, _CANCELLED, _NOT_RUNNING = -1743, -1712, -1728, -128, -600
_LATER = 60.0
_UNSAFE = frozenset('"\\\r\n')


@dataclass(frozen=True, slots=True)
class Facts:
    """What Photos itself says of one photo at this moment. Without a place, `place` is None."""

    keywords: tuple[str, ...]
    favorite: bool
    title: str
    description: str
    place: Place | None


class Script:
    """Photos, by uuid. Methods raise `NotFound`, `Refused`, `Unavailable`; whether a write that timed out happened is
    unknown until it is read back."""

    def __init__(self) -> None:
        self._module: ModuleType | None = None
        self._application: Any = None

    def check(self, key: str, name: str) -> None:
        """The photo is in the library that Photos has open, and is the one that is meant."""
        with _sentences():
            found = str(self._photo(key).filename)
        if _composed(found) != _composed(name):
            raise Refused(f"The photo {key} is called {found} in Photos, not {name}. Is another library open there?")

    def facts(self, key: str) -> Facts:
        """Keywords, favourite, title, description and place."""
        with _sentences():
            photo = self._photo(key)
            latitude, longitude = photo.location
            place = None if latitude is None or longitude is None else (float(latitude), float(longitude))
            words = tuple(sorted(str(word) for word in photo.keywords))
            return Facts(words, bool(photo.favorite), str(photo.title), str(photo.description), place)

    def write(self, key: str, field: str, value: Any) -> None:
        """Set one of the fields of `Facts`, and read it back. Raises `Unavailable` when Photos did not take it."""
        with _sentences():
            photo = self._photo(key)
            if field == "keywords":
                photo.keywords = list(value)
            elif field == "place":
                photo.location = value
            else:
                setattr(photo, field, value)
        if not _same(getattr(self.facts(key), field), value):
            raise Unavailable(f"Photos did not take the new {field}. Try again in a minute.", _LATER)

    def album(self, folders: Sequence[str], title: str) -> str | None:
        """The uuid of an album; None when there is none of that name there."""
        with _sentences():
            library = self._photos()
            if not folders:
                found = library.album(title, top_level=True)
                return None if found is None else str(found.uuid)
            folder = library.folder(folders[0], top_level=True)
            for name in folders[1:]:
                folder = None if folder is None else folder.folder(name)
            found = None if folder is None else folder.album(title)
            return None if found is None else str(found.uuid)

    def make_album(self, folders: Sequence[str], title: str) -> str:
        """A new album, its folders made when missing. Names become part of a script, so quotes are refused."""
        for name in (*folders, title):
            if _UNSAFE & set(name):
                raise Refused(f"The album name {name!r} has a quote in it. Make that album by hand in Photos.")
        with _sentences():
            library = self._photos()
            made = library.make_album_folders(title, list(folders)) if folders else library.create_album(title)
            return str(made.uuid)

    def has_album(self, album: str) -> bool:
        """Is there still an album of this uuid?"""
        try:
            self._album(album)
        except NotFound:
            return False
        return True

    def members(self, album: str) -> frozenset[str]:
        """The uuids of the photos in an album."""
        self._album(album)
        with _sentences():
            identifiers = self._run("albumPhotes", album + _ALBUM)
        return frozenset(str(one).split("/")[0] for one in identifiers)

    def add(self, album: str, keys: Collection[str]) -> None:
        """Ask for these photos to be in the album. What Photos answers is not believed: look at `members`."""
        if keys:
            with _sentences():
                self._run("albumAdd", album + _ALBUM, [key + _PHOTO for key in keys])

    def rename_album(self, album: str, title: str) -> None:
        """Call an album so."""
        handle = self._album(album)
        with _sentences():
            handle.name = title

    def drop_album(self, album: str) -> None:
        """Take an album away; its photos stay in the library."""
        handle = self._album(album)
        with _sentences():
            self._photos().delete_album(handle)

    def version(self) -> str:
        """Photos' own version; starts Photos when it does not run."""
        with _sentences():
            return str(self._photos().version)

    def _photo(self, key: str) -> Any:
        self._photos()
        try:
            return self._script().Photo(key)
        except ValueError as error:
            raise NotFound(f"Photos does not let the photo {key} be changed: it is gone, or only shared.") from error

    def _album(self, album: str) -> Any:
        with _sentences():
            self._photos()
            try:
                return self._script().Album(album)
            except ValueError as error:
                raise NotFound("The album is not in Photos any more. Run it again to have a new one.") from error

    def _run(self, handler: str, *values: Any) -> Any:
        return self._script().script_loader.run_script(handler, *values)

    def _photos(self) -> Any:
        if self._application is None:
            self._application = self._script().PhotosLibrary()
        return self._application

    def _script(self) -> Any:
        if self._module is None:
            try:
                import photoscript
            except ImportError as error:
                raise Refused(f"Changing Photos needs photoscript ({error}). pip install 'keepone[apple]'") from error
            photoscript.script_loader.configure_run_script(retry_enabled=False)
            self._module = photoscript
        return self._module


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, tuple) and wanted is not None and found and isinstance(found[0], float):
        return all(abs(a - b) < 1e-5 for a, b in zip(found, wanted, strict=True))
    return sorted(found) == sorted(wanted) if isinstance(found, tuple) and wanted is not None else bool(found == wanted)


@contextmanager
def _sentences() -> Iterator[None]:
    """What goes wrong inside a script, as one of our errors."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ != "AppleScriptError":
            raise
        raise explained(str(error)) from error


def explained(said: str) -> NotFound | Refused | Unavailable:
    """The error that a message of AppleScript stands for."""
    codes = [int(code) for code in _CODE.findall(said)]
    code = codes[-1] if codes else _TIMED_OUT if "timed out" in said else 0
    if code == _NO_EVENTS:
        return Refused(
            f"Photos may not be controlled by {Path(sys.executable).resolve()}. In System Settings > Privacy & "
            "Security > Automation, switch Photos on below the program that runs KeepOne."
        )
    if code == _TIMED_OUT:
        return Unavailable("Photos did not answer in time. Look whether it shows a question, and try again.", _LATER)
    if code == _NO_OBJECT:
        return NotFound("Photos does not hand this item out: it is gone, or it is only shared with you.")
    if code == _NOT_RUNNING:
        return Unavailable("Photos is not running and could not be started. Open it, and try again.", _LATER)
    if code == _CANCELLED:
        return Unavailable("Photos did not start in time, or somebody said no. Open it, and try again.", _LATER)
    return Unavailable(f"Photos could not do it ({said.strip()[-200:]}). Try again in a minute.", _LATER)
