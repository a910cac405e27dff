"""What the page works with: one library for questions, guarded by a lock, the shelf of its groups, the lists that pages
look through, and the darkroom that draws pictures."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dedupe_app.config import Config, Loaded
from dedupe_app.library import Library
from dedupe_app.reporting import thumbnail_folder
from dedupe_app.sources import replace_text
from dedupe_app.web.events import Hub
from dedupe_app.web.saving import with_list
from dedupe_app.web.shelf import Shelf, lay
from dedupe_app.web.sieve import Facets, Traits, Wanted, facets, sieved
from dedupe_app.web.work import Jobs
from dedupe_core.model import Photo
from dedupe_core.thumbs import cache_file, thumbnails

EDGES = (320, 1600, 4096)
_FINE = EDGES[1]
_LISTS = 40
_LOOK_AGAIN = 1.0  # seconds between two looks at what other connections wrote


class Desk:
    """Everything behind the routes. `loaded` is the configuration with the places its values came from."""

    def __init__(self, loaded: Loaded, config: Config | None = None) -> None:
        self.loaded = loaded
        self.config = config or loaded.config
        self.script_token = ""
        self.hub = Hub()
        self.library = Library.open(self.config)
        self.darkroom = Darkroom(self.library)
        self.jobs = Jobs(self.config, self.hub, self._work_ended)
        self._lock = threading.RLock()
        self._shelf = lay(self.library.store)
        self._lists: OrderedDict[str, list[str]] = OrderedDict()
        self._version = self._data_version()
        self._looked = time.monotonic()
        self._traits: Traits = {}
        self._traits_of = -1
        self._facets: dict[tuple[str, str], Facets] = {}
        self._facets_of: Shelf | None = None

    @contextmanager
    def shelf(self) -> Iterator[Shelf]:
        """The shelf as it is now; nobody else reads or writes through this library meanwhile."""
        with self._lock:
            self._refresh()
            yield self._shelf

    @contextmanager
    def store_lock(self) -> Iterator[Library]:
        """The library for a question that needs no shelf."""
        with self._lock:
            yield self.library

    def new_list(self, wanted: Wanted) -> tuple[str, list[str]]:
        """A list of group ids that stays as it is while groups are decided; its name serves as cursor."""
        name = f"{self._shelf.run:x}-{secrets.token_hex(4)}"
        self._lists[name] = self.sieved(wanted)
        while len(self._lists) > _LISTS:
            self._lists.popitem(last=False)
        return name, self._lists[name]

    def sieved(self, wanted: Wanted) -> list[str]:
        """Ids of the groups that are asked for, in order."""
        with self._lock:
            return sieved(self._shelf.cards.values(), wanted, self._known_traits() if wanted.needs_traits else {})

    def facets(self, lane: str, status: str) -> Facets:
        """What there is to ask for in a lane. Only what is asked for first in a run takes long."""
        with self._lock:
            shelf, traits = self._shelf, self._known_traits()
            cards = list(shelf.cards.values())
        wanted = (lane, "decided" if status == "decided" else "open")
        if self._facets_of is not shelf:
            self._facets, self._facets_of = {}, shelf
        if wanted not in self._facets:
            mine = (card for card in cards if (not lane or card.lane == lane) and card.decided == (status == "decided"))
            self._facets[wanted] = facets(mine, traits)
        return self._facets[wanted]

    def _known_traits(self) -> Traits:
        run = self._shelf.run
        if self._traits_of != run:
            self._traits = {trait.row: trait for trait in self.library.store.decisions.traits(run)}
            self._traits_of = run
        return self._traits

    def list_of(self, name: str) -> list[str] | None:
        """The list of that name, None when it is forgotten or of another run."""
        found = self._lists.get(name)
        if found is not None:
            self._lists.move_to_end(name)
        return found

    def lay_again(self) -> None:
        """Photos went or came back, or a run ended."""
        with self._lock:
            self._shelf = lay(self.library.store)
            self._version = self._data_version()

    def keep_by(self, lists: Mapping[str, list[str]]) -> bool:
        """Write lists of the section `keeping` into the configuration's file and work by them from now on. False, and
        nothing is changed, where there is no file, where the file could not be changed without losing something, and
        where the environment or the command line says otherwise anyway."""
        file = self.loaded.file
        if file is None or any(not _of_file(self.loaded.origin(f"keeping.{key}")) for key in lists):
            return False
        text: str | None = file.read_text("utf-8")
        for key, values in lists.items():
            text = with_list(text, "keeping", key, values) if text is not None else None
        if text is None:
            return False
        replace_text(file.resolve(), text)
        keeping = self.config.settings.keeping.model_copy(update={key: tuple(one) for key, one in lists.items()})
        settings = self.config.settings.model_copy(update={"keeping": keeping})
        self.config = self.config.model_copy(update={"settings": settings})
        self.jobs.use(self.config)
        with self._lock:
            self.library.config, self.library.settings = self.config, settings
        return True

    def close(self) -> None:
        """End the work, give back the sources, the workers and the database."""
        self.jobs.close()
        self.hub.close()
        self.darkroom.close()
        with self._lock:
            self.library.close()

    def _refresh(self) -> None:
        """What another process or a job wrote may have made other groups."""
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN:
            return
        self._looked = now
        version = self._data_version()
        if version == self._version:
            return
        self._version = version
        store = self.library.store
        latest = store.runs.latest()
        if (int(latest["id"]) if latest else 0, store.decisions.gone()) != (self._shelf.run, self._shelf.gone):
            self._shelf = lay(store)

    def _data_version(self) -> int:
        return self.library.store.version()

    def _work_ended(self) -> None:
        self.lay_again()
        self.hub.publish("groups", {"run": self._shelf.run})


class NoPicture(Exception):
    """A photo cannot be shown; the message is the reason in one sentence."""


def _no_picture(reason: str, edge: int) -> bytes:
    del edge
    raise NoPicture(reason)


class Darkroom:
    """Draws pictures in guarded workers, once for each content; what is drawn is kept."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._engine = library.engine()
        self._starting = threading.Lock()
        self.folder = thumbnail_folder(library)

    def kept(self, photo: Photo, edge: int) -> Path | None:
        """The file of a picture that was drawn before."""
        if ":" not in photo.content or photo.error:
            return None
        file = cache_file(self.folder, photo.content, edge)
        return file if file.is_file() else None

    def draw(self, photo: Photo, edge: int) -> bytes:
        """A WebP picture. Raises `NoPicture` with the reason where there is none to be had."""
        with self._starting:
            self._engine.start()
        connectors = self._library.connectors()
        return thumbnails([photo], connectors, edge, self.folder, self._engine, _no_picture)[photo.row]

    def laid_on(self, first: Photo, second: Photo, symmetry: int) -> tuple[float, ...] | None:
        """Where the second, turned, lies on the first, as `aligning.laid_on` has it; None where one cannot be shown."""
        from dedupe_app.web.aligning import laid_on

        for photo in (first, second):
            if self.kept(photo, _FINE) is None:
                with suppress(NoPicture):
                    self.draw(photo, _FINE)
        files = [self.kept(photo, _FINE) for photo in (first, second)]
        if files[0] is None or files[1] is None:
            return None
        return laid_on(files[0].read_bytes(), files[1].read_bytes(), symmetry)

    def close(self) -> None:
        """End the workers."""
        self._engine.close()


def _of_file(origin: str) -> bool:
    return origin == "default" or origin.startswith("file ")


def photo_id(photo: Photo) -> str:
    """The opaque id of a photo, bound to what it holds: it names nothing any more when the photo changed."""
    asset = photo.asset
    bound = "\n".join((asset.id.source, asset.id.key, asset.revision, photo.content))
    return f"{photo.row}-{hashlib.sha256(bound.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def row_of(identity: str) -> int | None:
    """The row that an id speaks of; whether it is still the same photo has to be asked."""
    row, dash, _ = identity.partition("-")
    return int(row) if dash and row.isascii() and row.isdigit() and len(row) < 16 else None
