"""Apple Photos passes the suite, written to through the real photoscript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

import pytest

from connectors.contract import NASTY_NAMES, ConnectorContract, Source, photo
from connectors.contract.source import only, told
from tests.fakes.photos import FakePhotosModule, SimulatedPhotos, SyntheticLibrary
from tests.photos.conftest import Make


class PhotosSource(Source):
    """Albums are the folders; the hand of another program is that of Photos' own user."""

    # SQLite's text is UTF-8, and names are read in their composed form
    nasty_names = tuple(n for n in NASTY_NAMES if normalize("NFC", n).encode("utf-8", "replace").decode() == n)

    def __init__(self, connector: Any, library: SyntheticLibrary, photos: SimulatedPhotos) -> None:
        self.connector, self._library, self._photos = connector, library, photos

    def put(self, name: str, data: bytes, folder: str = "") -> None:
        self._library.add(name, data, folder)

    def put_part(self, name: str, folder: str = "") -> None:
        self._library.live(self._library.find(name, folder), b"movie")

    def change(self, name: str, data: bytes, folder: str = "") -> None:
        self._library.change(self._library.find(name, folder), data)

    def remove(self, name: str, folder: str = "") -> None:
        self._library.remove(self._library.find(name, folder))

    def lose_answer(self) -> None:
        self._photos.lose_answer()

    def state(self) -> Mapping[str, Any]:
        library = self._library
        albums = {path: keys for path, keys in library.albums().items() if keys}
        keys = [row[0] for row in library.ask(f"SELECT ZUUID FROM {library.names.asset} WHERE ZTRASHEDSTATE = 0")]
        columns = ("ZFAVORITE", "ZLATITUDE", "ZLONGITUDE", "ZKINDSUBTYPE")
        return albums | {
            key: (library.keywords(key), library.original(key).read_bytes(), *(library.value(key, c) for c in columns))
            for key in keys
        }


class TestPhotos(ConnectorContract):
    @pytest.fixture
    def source(self, make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule) -> Source:
        return PhotosSource(make(writing=True, kit=kit), library, photos)

    def test_untagging_what_had_the_label_before_is_not_undone_too_far(self, source: Source) -> None:
        """The suite's rule; the photo is looked up by its id, because the album that it joins is where it then is."""
        source.put("a.png", photo(1))
        asset = only(source, "a.png")
        source.connector.tag(asset, "holiday", True, "tag-first")
        before = source.state()
        receipt = source.connector.tag(source.connector.look(asset.id), "holiday", True, "tag-second")
        source.connector.restore(told(receipt))
        assert source.state() == before


class TestPhotosForReading(ConnectorContract):
    """What is claimed on a machine without Photos."""

    @pytest.fixture
    def source(self, make: Make, library: SyntheticLibrary, photos: SimulatedPhotos) -> Source:
        return PhotosSource(make(), library, photos)
