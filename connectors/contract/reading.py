"""The rules of listing and reading."""

from __future__ import annotations

import time
from contextlib import suppress
from hashlib import sha256

from connectors.base import AssetId, Changed, NotFound, Unavailable
from connectors.contract.source import Source, listed, needs, only, photo, raises


class ReadingRules:
    """What a listing names, what looking and opening give."""

    def test_an_empty_source_lists_nothing_or_says_that_it_cannot_be_believed(self, source: Source) -> None:
        """Never an error of another kind, never something gone."""
        with suppress(Unavailable):
            found = listed(source.connector)
            assert not found.assets
            assert not found.gone

    def test_every_photo_is_listed_once_and_the_first_listing_says_that_it_is_whole(self, source: Source) -> None:
        """With folders, over as many pages as the source likes."""
        for number in range(25):
            source.put(f"{number}.png", photo(number), f"a/b{number % 3}")
        found = listed(source.connector)
        assert found.names() == {f"a/b{number % 3}/{number}.png" for number in range(25)}
        assert found.restart, "the last page of a first listing has to say restart"
        assert not found.gone
        assert bool(found.cursor) == source.connector.features.delta

    def test_nasty_names_survive_the_round_trip(self, source: Source) -> None:
        """Listed, looked at and opened under the very name."""
        for number, name in enumerate(source.nasty_names):
            source.put(name, photo(number), "nasty")
        found = listed(source.connector)
        assert found.names() == {f"nasty/{name}" for name in source.nasty_names}
        numbers = {name: number for number, name in enumerate(source.nasty_names)}
        for asset in found.assets.values():
            assert source.connector.look(asset.id) == asset
            with source.connector.open(asset) as handle:
                assert handle.read() == photo(numbers[asset.name])

    def test_looking_gives_what_the_listing_gave(self, source: Source) -> None:
        """So that what is compared before a write is what was planned."""
        source.put("a.png", photo(1), "x")
        asset = only(source, "a.png", "x")
        assert source.connector.look(asset.id) == asset
        assert asset.size == len(photo(1))
        assert asset.revision

    def test_listed_digests_are_those_of_the_bytes(self, source: Source) -> None:
        """By which other sources' files are recognised as the same."""
        source.put("a.png", photo(1))
        asset = only(source, "a.png")
        for digest in source.connector.features.digests:
            hasher = digest.new()
            hasher.update(photo(1)[:100])
            hasher.update(photo(1)[100:])
            if digest.name in asset.digests:
                assert asset.digests[digest.name] == hasher.text()
        if "sha256" in asset.digests:
            assert asset.digests["sha256"] == sha256(photo(1)).hexdigest()

    def test_looking_for_what_is_not_there_is_not_found(self, source: Source) -> None:
        """And no other error."""
        source.put("a.png", photo(1))
        source.put("b.png", photo(2))
        asset = only(source, "b.png")
        source.remove("b.png")
        with raises(NotFound):
            source.connector.look(asset.id)
        with raises(NotFound):
            source.connector.look(AssetId(source.connector.name, "no such key"))
        with raises(NotFound):
            source.connector.open(asset)

    def test_a_second_listing_names_nothing_when_nothing_changed(self, source: Source) -> None:
        """Nor a third."""
        needs(source, "delta")
        for number in range(5):
            source.put(f"{number}.png", photo(number))
        again = listed(source.connector, listed(source.connector).cursor)
        assert (again.assets, again.gone, again.restart) == ({}, [], False)
        third = listed(source.connector, again.cursor)
        assert (third.assets, third.gone, third.restart) == ({}, [], False)

    def test_a_listing_names_what_was_added_changed_and_removed_and_nothing_else(self, source: Source) -> None:
        """By the keys under which the photos are known."""
        needs(source, "delta")
        for name in ("stays", "changes", "goes"):
            source.put(f"{name}.png", photo(1), "x")
        first = listed(source.connector)
        keys = {asset.name: key for key, asset in first.assets.items()}
        time.sleep(0.02)
        source.change("changes.png", photo(2), "x")
        source.remove("goes.png", "x")
        source.put("comes.png", photo(3), "x")
        then = listed(source.connector, first.cursor)
        assert then.names() == {"x/changes.png", "x/comes.png"}
        assert then.gone == [keys["goes.png"]]
        assert then.assets[keys["changes.png"]].revision != first.assets[keys["changes.png"]].revision
        assert not then.restart

    def test_a_worthless_cursor_starts_over(self, source: Source) -> None:
        """Everything is listed, and the listing says that it is whole; nothing counts as gone for it."""
        needs(source, "delta")
        source.put("a.png", photo(1))
        cursor = listed(source.connector).cursor
        source.put("b.png", photo(2))
        source.expire()
        expired = cursor if type(source).expire is not Source.expire else "no cursor of mine"
        found = listed(source.connector, expired)
        assert found.names() == {"/a.png", "/b.png"}
        assert found.restart
        assert not found.gone

    def test_a_source_that_is_busy_says_for_how_long(self, source: Source) -> None:
        """Or waits by itself; either way the next try brings everything."""
        source.put("a.png", photo(1))
        source.throttle(0.05)
        retry_after = 0.05
        try:
            found = listed(source.connector)
        except Unavailable as error:
            retry_after = error.retry_after or 0
            time.sleep(retry_after)
            found = listed(source.connector)
        assert retry_after >= 0.05, "Unavailable has to hand on the retry_after of the source"
        assert found.names() == {"/a.png"}

    def test_what_changed_since_it_was_seen_is_not_opened(self, source: Source) -> None:
        """Even when the length is the same."""
        source.put("a.png", photo(1))
        asset = only(source, "a.png")
        time.sleep(0.02)
        source.change("a.png", photo(2))
        with raises(Changed):
            source.connector.open(asset)
        assert source.connector.look(asset.id).revision != asset.revision

    def test_a_preview_is_a_picture(self, source: Source) -> None:
        """Bytes that begin as a picture does."""
        needs(source, "preview")
        source.put("a.png", photo(1))
        with source.connector.preview(only(source, "a.png"), 1) as handle:
            assert handle.read(2) in (b"\x89P", b"\xff\xd8", b"RI")
