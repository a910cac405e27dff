"""Many photos into one album: Photos is asked once for fifty, and each photo's answer is its own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.base import Asset, Changed, ConnectorError, NotFound, Receipt, Unavailable
from connectors.photos import PhotosConnector
from connectors.photos.albums import CHUNK
from tests.fakes.photos import FakePhotosModule, SimulatedPhotos, SyntheticLibrary, no_object, timed_out
from tests.photos.conftest import Make
from tests.photos.test_writing import told

REDUNDANT = "KeepOne/2026-11-21/Redundant"


def shelf(library: SyntheticLibrary, connector: PhotosConnector, count: int) -> list[Asset]:
    first = library.add("first.jpg", b"first")
    library.clone(first, count - 1)
    return [asset for page in connector.scan(None) for asset in page.assets]


def tagged(connector: PhotosConnector, assets: Sequence[Asset]) -> list[Receipt | ConnectorError]:
    return connector.tag_all(assets, REDUNDANT, [f"t{number}" for number in range(len(assets))])


@pytest.mark.parametrize("count", [2, CHUNK, 3 * CHUNK])
def test_photos_is_asked_once_for_a_chunk_and_not_once_for_a_photo(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, count: int
) -> None:
    connector = make(writing=True)
    answers = tagged(connector, shelf(library, connector, count))
    assert len(library.albums()[REDUNDANT]) == len(answers) == count
    assert all(isinstance(answer, Receipt) for answer in answers)
    chunks = -(-count // CHUNK)
    assert photos.called("albumAdd") == chunks
    assert photos.called("photoExists") == 1
    assert len(photos.calls) - chunks == 24, photos.calls


def test_one_by_one_photos_is_asked_many_times_as_often(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    """What a chunk saves, counted on the same ten photos."""
    connector = make(writing=True)
    first, second = (assets := shelf(library, connector, 20))[:10], assets[10:]
    for number, asset in enumerate(first):
        connector.tag(asset, REDUNDANT, True, f"s{number}")
    alone = len(photos.calls)
    tagged(connector, second)
    assert len(photos.calls) - alone <= alone / 5


def test_each_photo_has_a_receipt_of_its_own_that_takes_back_nothing_else(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule
) -> None:
    connector = make(writing=True, kit=kit)
    assets = shelf(library, connector, 4)
    library.put_in(REDUNDANT, assets[0].id.key)
    answers = tagged(connector, assets)
    receipts = [answer for answer in answers if isinstance(answer, Receipt)]
    assert [receipt.token for receipt in receipts] == ["t0", "t1", "t2", "t3"]
    for receipt in receipts[:3]:
        connector.restore(told(receipt))
    assert set(library.albums()[REDUNDANT]) == {assets[0].id.key, assets[3].id.key}, "it was there before"


def test_one_photo_that_changed_or_is_withheld_or_dropped_never_stops_the_others(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    connector = make(writing=True)
    assets = shelf(library, connector, 12)
    _, changed, gone, withheld, dropped, *_ = (asset.id.key for asset in assets)
    library.attribute(changed, **{library.names.fingerprint: None})
    library.set(gone, ZTRASHEDSTATE=1)
    photos.withhold(withheld)
    photos.drop_adds(dropped, 2)
    answers = dict(zip((asset.id.key for asset in assets), tagged(connector, assets), strict=True))
    assert isinstance(answers.pop(changed), Changed)
    assert isinstance(answers.pop(gone), NotFound)
    refused = answers.pop(withheld)
    assert isinstance(refused, Unavailable)
    assert "hand this item out" in str(refused)
    assert sorted(library.albums()[REDUNDANT]) == sorted(answers)


def test_a_time_out_is_told_of_each_and_each_is_settled_by_looking(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    connector = make(writing=True)
    assets = shelf(library, connector, 3)
    photos.lose_answer()
    answers = tagged(connector, assets)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    for number, asset in enumerate(assets):
        assert connector.settle("tag", asset, REDUNDANT, f"t{number}") is not None, "it did happen"


def test_photos_that_photos_does_not_know_by_their_first_are_asked_for_one_by_one(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    connector = make(writing=True)
    assets = shelf(library, connector, 3)
    photos.fail("photoFilename", no_object(assets[0].id.key), no_object(assets[0].id.key))
    first, *others = tagged(connector, assets)
    assert isinstance(first, NotFound)
    assert all(isinstance(answer, Receipt) for answer in others)
    assert set(library.albums()[REDUNDANT]) == {asset.id.key for asset in assets[1:]}


def test_keywords_that_are_wanted_come_with_the_album(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule
) -> None:
    connector = make(writing=True, kit=kit, tag_keywords=True)
    assets = shelf(library, connector, 3)
    library.set_keywords(assets[1].id.key, ["sea"])
    photos.fail("photoSetKeywords", timed_out())
    lost, *answers = tagged(connector, assets)
    assert isinstance(lost, Unavailable)
    assert connector.settle("tag", assets[0], REDUNDANT, "t0") is None, "it is wholly there or not at all"
    assert library.keywords(assets[1].id.key) == ["keepone:redundant", "sea"]
    assert sorted(library.albums()[REDUNDANT]) == sorted(asset.id.key for asset in assets[1:])
    for answer in answers:
        assert isinstance(answer, Receipt)
        connector.restore(answer)
    assert library.keywords(assets[1].id.key) == ["sea"]
    assert REDUNDANT not in library.albums()
