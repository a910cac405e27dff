"""Photos as AppleScript sees it: the one part of the way from our code to the library that is not the real one.

photoscript is the real package. Its script's handlers are answered here from a library on the disk, so that what was
written is found there by the next snapshot. Photos' habits can be called up: adds that are dropped without a word, a
call that is refused, an answer that is lost after the write happened.
"""

from __future__ import annotations

import importlib
import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.fakes.photos.library import SyntheticLibrary

MISSING = object()
_FOLDER = re.compile(r'folder id\("([^"]+)"\)')


class ScriptError(Exception):
    """What NSAppleScript reports, in the words that py-applescript gives it."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(f"Photos got an error: {said} ({code}) app='Photos' range=100-120")


def timed_out() -> ScriptError:
    return ScriptError("AppleEvent timed out.", -1712)


def not_allowed() -> ScriptError:
    return ScriptError("Not authorized to send Apple events to Photos.", -1743)


def no_object(key: str) -> ScriptError:
    return ScriptError(f'Can’t get media item id "{key}".', -1728)


class SimulatedPhotos:
    """The application, with one library open. `calls` is every handler that was called."""

    def __init__(self, library: SyntheticLibrary) -> None:
        self.library = library
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.dropped: Counter[str] = Counter()
        self.withheld: set[str] = set()
        self.unset: set[str] = set()
        self._faults: dict[str, list[Exception]] = {}
        self._lost = False

    def fail(self, handler: str, *errors: Exception) -> None:
        """The next calls of a handler end so."""
        self._faults.setdefault(handler, []).extend(errors)

    def drop_adds(self, key: str, times: int) -> None:
        """So many adds of this photo are answered and not made."""
        self.dropped[key] += times

    def withhold(self, key: str) -> None:
        """A photo that exists and that Photos does not hand out to an add."""
        self.withheld.add(key)

    def lose_answer(self) -> None:
        """The next write happens, and no answer comes."""
        self._lost = True

    def called(self, handler: str) -> int:
        """How often a handler was called."""
        return sum(name == handler for name, _ in self.calls)

    def call(self, handler: str, *values: Any) -> Any:
        """One event."""
        self.calls.append((handler, values))
        waiting = self._faults.get(handler)
        if waiting:
            raise waiting.pop(0)
        answer = getattr(self, f"on_{handler}")(*values)
        if self._lost and ("Set" in handler or handler == "albumAdd"):
            self._lost = False
            raise timed_out()
        return answer

    def on_photosLibraryWaitForPhotos(self, seconds: int) -> bool:
        return True

    def on_photosLibraryVersion(self) -> str:
        return "10.0"

    def on_photoExists(self, key: str) -> bool:
        try:
            return bool(self.library.value(_uuid(key), "ZTRASHEDSTATE") == 0)
        except KeyError:
            return False

    def on_photoFilename(self, key: str) -> str:
        return str(self._attribute(key, "ZORIGINALFILENAME"))

    def on_photoKeywords(self, key: str) -> Any:
        return self.library.keywords(_uuid(key)) or MISSING

    def on_photoSetKeywords(self, key: str, words: list[str]) -> Any:
        if _uuid(key) in self.unset:
            return None
        self.library.set_keywords(_uuid(key), list(words))
        return words

    def on_photoFavorite(self, key: str) -> bool:
        return bool(self.library.value(_uuid(key), "ZFAVORITE"))

    def on_photoSetFavorite(self, key: str, on: bool) -> bool:
        self.library.set(_uuid(key), ZFAVORITE=int(on))
        return on

    def on_photoName(self, key: str) -> Any:
        return self._attribute(key, "ZTITLE") or MISSING

    def on_photoSetName(self, key: str, title: str) -> str:
        self.library.attribute(_uuid(key), ZTITLE=title or None)
        return title

    def on_photoDescription(self, key: str) -> Any:
        return self.library.description(_uuid(key)) or MISSING

    def on_photoSetDescription(self, key: str, text: str) -> str:
        self.library.describe(_uuid(key), text)
        return text

    def on_photoLocation(self, key: str) -> list[Any]:
        place = [self.library.value(_uuid(key), column) for column in ("ZLATITUDE", "ZLONGITUDE")]
        return [MISSING, MISSING] if place == [-180.0, -180.0] else place

    def on_photoSetLocation(self, key: str, place: tuple[Any, Any]) -> Any:
        latitude, longitude = (-180.0 if one is MISSING else one for one in place)
        self.library.set(_uuid(key), ZLATITUDE=latitude, ZLONGITUDE=longitude)
        return place

    def on_albumByName(self, title: str, top: bool) -> Any:
        sql = "SELECT ZUUID FROM ZGENERICALBUM WHERE ZKIND = 2 AND ZTRASHEDSTATE = 0 AND ZTITLE = ?"
        rows = self.library.ask(sql + (" AND ZPARENTFOLDER = 1" if top else "") + " ORDER BY Z_PK", title)
        return f"{rows[0][0]}/L0/040" if rows else 0

    def on_albumExists(self, album: str) -> bool:
        return bool(self.library.ask("SELECT 1 FROM ZGENERICALBUM WHERE ZKIND = 2 AND ZUUID = ?", _uuid(album)))

    def on_albumName(self, album: str) -> Any:
        return self.library.ask("SELECT ZTITLE FROM ZGENERICALBUM WHERE ZUUID = ?", _uuid(album))[0][0]

    def on_albumSetName(self, album: str, title: str) -> None:
        with self.library.writing() as db:
            db.execute("UPDATE ZGENERICALBUM SET ZTITLE = ? WHERE ZUUID = ?", (title, _uuid(album)))

    def on_albumPhotes(self, album: str) -> list[str]:
        return [f"{key}/L0/001" for key in self.library.in_album(self._row(album))]

    def on_albumAdd(self, album: str, items: list[str]) -> list[str]:
        keys = [_uuid(item) for item in items]
        for key in keys:
            if key in self.withheld or not self.on_photoExists(key):
                raise no_object(key)
        for key in keys:
            if self.dropped[key]:
                self.dropped[key] -= 1
            else:
                self.library.put_in(self._row(album), key)
        return items

    def on_photosLibraryCreateAlbum(self, title: str) -> str:
        return self._made(title, 2, 1) + "/L0/040"

    def on_photosLibraryCreateAlbumAtFolder(self, title: str, folder: str) -> str:
        return self._made(title, 2, self._row(_first(folder))) + "/L0/040"

    def on_photosLibraryDeleteAlbum(self, album: str) -> None:
        row = self._row(album)
        with self.library.writing() as db:
            db.execute(f"DELETE FROM {self.library.names.albums} WHERE {self.library.names.album_side} = ?", (row,))
            db.execute("DELETE FROM ZGENERICALBUM WHERE Z_PK = ?", (row,))

    def on_photosLibraryGetFolderIDStringForName(self, title: str, top: bool) -> Any:
        sql = "SELECT ZUUID FROM ZGENERICALBUM WHERE ZKIND = 4000 AND ZPARENTFOLDER = 1 AND ZTITLE = ?"
        rows = self.library.ask(sql, title)
        return f'folder id("{rows[0][0]}/L0/020")' if rows else MISSING

    def on_photosLibraryCreateFolder(self, title: str) -> str:
        return f'folder id("{self._made(title, 4000, 1)}/L0/020")'

    def on_photosLibraryCreateFolderAtFolder(self, title: str, folder: str) -> str:
        return f'folder id("{self._made(title, 4000, self._row(_first(folder)))}/L0/020") of {folder}'

    def on_folderExists(self, folder: str) -> bool:
        return bool(self.library.ask("SELECT 1 FROM ZGENERICALBUM WHERE ZUUID = ?", _uuid(_first(folder))))

    def on_folderName(self, folder: str) -> Any:
        return self.library.ask("SELECT ZTITLE FROM ZGENERICALBUM WHERE ZUUID = ?", _uuid(_first(folder)))[0][0]

    def on_folderFolders(self, folder: str) -> list[str]:
        return [f'folder id("{key}/L0/020") of {folder}' for key in self._inside(folder, 4000)]

    def on_folderAlbums(self, folder: str) -> list[str]:
        return [f"{key}/L0/040" for key in self._inside(folder, 2)]

    def _inside(self, folder: str, kind: int) -> list[str]:
        sql = (
            "SELECT ZUUID FROM ZGENERICALBUM WHERE ZPARENTFOLDER = ? AND ZKIND = ? AND ZTRASHEDSTATE = 0 ORDER BY Z_PK"
        )
        return [str(row[0]) for row in self.library.ask(sql, self._row(_first(folder)), kind)]

    def _made(self, title: str, kind: int, parent: int) -> str:
        row = self.library.make_container(title, kind, parent)
        return str(self.library.ask("SELECT ZUUID FROM ZGENERICALBUM WHERE Z_PK = ?", row)[0][0])

    def _row(self, container: str) -> int:
        rows = self.library.ask("SELECT Z_PK FROM ZGENERICALBUM WHERE ZUUID = ?", _uuid(container))
        if not rows:
            raise no_object(container)
        return int(rows[0][0])

    def _attribute(self, key: str, column: str) -> Any:
        sql = f"SELECT {column} FROM ZADDITIONALASSETATTRIBUTES WHERE ZASSET = ?"
        return self.library.ask(sql, self.library.row(_uuid(key)))[0][0]


def _uuid(identifier: str) -> str:
    return identifier.split("/")[0]


def _first(folder: str) -> str:
    return str(_FOLDER.findall(folder)[0])


class _AppleScript:
    """The class of py-applescript: compiles a source, calls its handlers."""

    current: SimulatedPhotos | None = None

    def __init__(self, source: str) -> None:
        self.handlers = set(re.findall(r"^on (\w+)\(", source, re.MULTILINE))

    def call(self, handler: str, *values: Any) -> Any:
        assert handler in self.handlers, f"photoscript's script has no handler {handler}"
        assert self.current is not None
        return self.current.call(handler, *values)


@contextmanager
def script_engine(forbid: Callable[..., Any]) -> Iterator[Callable[[SimulatedPhotos], None]]:
    """The real photoscript on this engine; gives the function that says which Photos is running. `forbid` is what
    photoscript would start programs with."""
    fake = ModuleType("applescript")
    fake.AppleScript, fake.ScriptError, fake.kMissingValue = _AppleScript, ScriptError, MISSING  # type: ignore[attr-defined]
    before = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name.split(".")[0] in ("applescript", "photoscript")
    }
    version = platform.mac_ver
    sys.modules["applescript"] = fake
    platform.mac_ver = lambda *_: ("15.7.1", ("", "", ""), "arm64")
    try:
        loader = importlib.import_module("photoscript.script_loader")
    finally:
        platform.mac_ver = version
    loader.subprocess = SimpleNamespace(run=forbid, PIPE=subprocess.PIPE)  # type: ignore[attr-defined]
    try:
        yield lambda photos: setattr(_AppleScript, "current", photos)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in ("applescript", "photoscript")]:
            del sys.modules[name]
        sys.modules.update(before)
        _AppleScript.current = None
