"""The suite finds a connector that breaks a rule: each of these breaks one, and that one has to fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

import pytest

from connectors.base import Asset, AssetId, Features, Page, Receipt, Verb
from connectors.contract import ConnectorContract, Source
from connectors.memory import MemoryConnector, MemoryOptions
from tests.connectors.test_memory import MemorySource


class NeverWhole(MemoryConnector):
    """Does not say that a first listing is whole."""

    def scan(self, cursor: str | None) -> Iterator[Page]:
        yield from (replace(page, restart=False) for page in super().scan(cursor))


class Forgetful(MemoryConnector):
    """Lists everything every time."""

    def scan(self, cursor: str | None) -> Iterator[Page]:
        yield from super().scan(None)


class Repeating(MemoryConnector):
    """Names a photo on two pages."""

    def scan(self, cursor: str | None) -> Iterator[Page]:
        for page in super().scan(cursor):
            yield Page(page.assets)
            yield page


class Trusting(MemoryConnector):
    """Writes without looking at the revision."""

    def delete(self, asset: Asset, token: str) -> Receipt:
        return super().delete(self.look(asset.id), token)


class Careless(MemoryConnector):
    """Reads whatever is there now."""

    def open(self, asset: Asset) -> BinaryIO:
        return super().open(self.look(asset.id))


class Overwriting(MemoryConnector):
    """Moves onto what is there."""

    def _free(self, folder: str, name: str) -> str:
        for photo in list(self._photos.values()):
            if (photo.folder, photo.name) == (folder, name):
                self.remove(photo.key)
        return name


class Shedding(MemoryConnector):
    """Loses the parts on the way back."""

    def restore(self, receipt: Receipt) -> Asset:
        back = super().restore(receipt)
        self._keep(replace(self._photos[back.id.key], parts=()))
        return self.look(back.id)


class Amnesiac(MemoryConnector):
    """Cannot find a write again."""

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        return None


class Inventive(MemoryConnector):
    """Finds writes that never were."""

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        return Receipt(verb, {}, {}, token)


class Boasting(MemoryConnector):
    """Can do more than it says."""

    def __init__(self, name: str, options: MemoryOptions | None = None) -> None:
        super().__init__(name, options)
        self.features = Features(delta=True, delete=True, restore=True)


class Stubborn(MemoryConnector):
    """Takes a worthless cursor for good."""

    def scan(self, cursor: str | None) -> Iterator[Page]:
        for page in super().scan(cursor):
            yield replace(page, assets=() if cursor else page.assets, restart=cursor is None)


class Confused(MemoryConnector):
    """Takes anybody's id for its own."""

    def delete(self, asset: Asset, token: str) -> Receipt:
        return super().delete(replace(asset, id=AssetId(self.name, asset.id.key)), token)


class Mumbling(MemoryConnector):
    """Gives other facts when asked for one asset."""

    def look(self, asset_id: AssetId) -> Asset:
        return replace(super().look(asset_id), title="?")


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (NeverWhole, "test_every_photo_is_listed_once_and_the_first_listing_says_that_it_is_whole"),
        (Repeating, "test_every_photo_is_listed_once_and_the_first_listing_says_that_it_is_whole"),
        (Forgetful, "test_a_second_listing_names_nothing_when_nothing_changed"),
        (Forgetful, "test_a_listing_names_what_was_added_changed_and_removed_and_nothing_else"),
        (Stubborn, "test_a_worthless_cursor_starts_over"),
        (Mumbling, "test_looking_gives_what_the_listing_gave"),
        (Careless, "test_what_changed_since_it_was_seen_is_not_opened"),
        (Trusting, "test_what_changed_since_it_was_seen_is_not_touched"),
        (Overwriting, "test_moving_goes_where_it_says_and_never_overwrites"),
        (Overwriting, "test_restoring_never_overwrites"),
        (Shedding, "test_parts_travel_with_their_photo"),
        (Amnesiac, "test_a_write_whose_answer_was_lost_is_found_again"),
        (Inventive, "test_a_write_that_never_began_has_no_receipt"),
        (Boasting, "test_features_tell_the_truth"),
        (Confused, "test_an_id_of_another_source_is_not_for_this_one"),
    ],
)
def test_a_broken_rule_is_noticed(broken: type[MemoryConnector], rule: str) -> None:
    source: Source = MemorySource(broken("box", MemoryOptions(page=10)))
    with pytest.raises(AssertionError):
        getattr(ConnectorContract(), rule)(source)
    getattr(ConnectorContract(), rule)(MemorySource())


def test_the_suite_ships_without_pytest() -> None:
    code = "import sys, connectors.contract; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
