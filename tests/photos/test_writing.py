"""Labels, carried metadata and their way back, through the real photoscript; and Photos on its bad days."""

from __future__ import annotations

import json

import pytest

from connectors.base import Asset, Changed, NotFound, Receipt, Refused, Unavailable, Unsupported
from connectors.photos import PhotosConnector, labels
from connectors.photos.carrying import Carry, carry_of
from connectors.photos.script import explained
from dedupe_core.gifts import gifts
from dedupe_core.model import Step
from tests.fakes.photos import (
    FakePhotosModule,
    SimulatedPhotos,
    SyntheticLibrary,
    no_object,
    not_allowed,
    timed_out,
)
from tests.photos.conftest import Make, tree


def only(connector: PhotosConnector, key: str) -> Asset:
    return next(a for page in connector.scan(None) for a in page.assets if a.id.key == key)


def told(receipt: Receipt) -> Receipt:
    raw = json.loads(json.dumps([dict(receipt.before), dict(receipt.after)]))
    return Receipt(receipt.verb, raw[0], raw[1], receipt.token)


@pytest.mark.parametrize(
    ("folders", "title"), [((), "A"), (("F", "G"), "A"), ((), "a/b"), (("x/y",), "/z"), ((), "#1"), (("#2",), "a")]
)
def test_every_album_has_a_label_of_its_own(folders: tuple[str, ...], title: str) -> None:
    if "/z" in title:
        title = "z"
    assert labels.parse(labels.album_label(folders, title)) == labels.Album(folders, title)
    assert labels.parse(labels.keyword_label("a/b")) == labels.Keyword("a/b")


def test_an_album_is_made_filled_and_taken_away_again(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule
) -> None:
    key = library.add("a.jpg", b"1", "Mine")
    connector = make(writing=True, kit=kit)
    asset = only(connector, key)
    receipt = connector.tag(asset, "KeepOne/2026-11-21/Redundant", True, "t")
    assert library.albums() == {"Mine": [key], "KeepOne/2026-11-21/Redundant": [key]}
    assert connector.look(asset.id).labels == {"Mine", "KeepOne/2026-11-21/Redundant"}
    connector.restore(told(receipt))
    assert library.albums() == {"Mine": [key]}
    assert kit.questions == []


def test_a_keyword_comes_and_goes_and_what_was_added_meanwhile_stays(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    key = library.add("a.jpg", b"1")
    library.set_keywords(key, ["sea"])
    connector = make(writing=True)
    receipt = connector.tag(only(connector, key), "#keepone:redundant", True, "t")
    assert library.keywords(key) == ["keepone:redundant", "sea"]
    library.set_keywords(key, ["keepone:redundant", "sea", "added by hand"])
    connector.restore(told(receipt))
    connector.restore(told(receipt))
    assert library.keywords(key) == ["added by hand", "sea"]


def test_without_photokit_our_own_album_is_renewed_and_a_persons_album_is_left_alone(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    a, b = library.add("a.jpg", b"1"), library.add("b.jpg", b"2")
    for key in (a, b):
        library.put_in("KeepOne/2026/Redundant", key)
        library.put_in("Mine", key)
    connector = make(writing=True)
    connector.tag(only(connector, a), "KeepOne/2026/Redundant", False, "t")
    assert library.albums() == {"KeepOne/2026/Redundant": [b], "Mine": [a, b]}
    with pytest.raises(Refused, match="by hand"):
        connector.tag(only(connector, a), "Mine", False, "t")
    assert library.albums()["Mine"] == [a, b]


def test_a_renewed_album_that_photos_does_not_fill_leaves_the_old_one(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    a, b = library.add("a.jpg", b"1"), library.add("b.jpg", b"2")
    for key in (a, b):
        library.put_in("KeepOne/2026/Redundant", key)
    photos.drop_adds(b, 100)
    connector = make(writing=True)
    with pytest.raises(Unavailable, match="left as it is"):
        connector.tag(only(connector, a), "KeepOne/2026/Redundant", False, "t")
    assert library.albums() == {"KeepOne/2026/Redundant": [a, b]}


def test_an_add_that_photos_drops_is_noticed_and_made_again(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    key = library.add("a.jpg", b"1")
    connector = make(writing=True)
    photos.drop_adds(key, 2)
    connector.tag(only(connector, key), "Album", True, "t")
    assert library.albums() == {"Album": [key]}
    photos.drop_adds(key, 100)
    with pytest.raises(Unavailable, match="did not take it"):
        connector.tag(only(connector, key), "Other", True, "t")
    assert connector.settle("tag", only(connector, key), "Other", "t") is None


def test_keywords_that_photos_does_not_set_are_noticed(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    key = library.add("a.jpg", b"1")
    photos.unset.add(key)
    connector = make(writing=True)
    with pytest.raises(Unavailable, match="did not take the new keywords"):
        connector.tag(only(connector, key), "#word", True, "t")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (timed_out(), Unavailable, "did not answer in time"),
        (not_allowed(), Refused, "Privacy & Security > Automation"),
        (no_object("X"), NotFound, "does not hand this item out"),
    ],
)
def test_each_error_of_photos_is_a_sentence_changes_nothing_and_kills_nobody(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, error: Exception, kind: type[Exception], said: str
) -> None:
    """The engine fails the test if a program, such as killall, is started."""
    key = library.add("a.jpg", b"1")
    connector = make(writing=True)
    asset, before = only(connector, key), tree(library.path)
    photos.fail("photoExists", error)
    with pytest.raises(kind, match=said):
        connector.tag(asset, "Album", True, "t")
    assert tree(library.path) == before
    assert photos.called("photoExists") == 1, "tried again by itself"


@pytest.mark.parametrize("handler", ["albumAdd", "photosLibraryCreateAlbum", "albumPhotes", "albumByName"])
def test_a_time_out_at_any_step_leaves_a_state_that_settling_tells(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, handler: str
) -> None:
    key = library.add("a.jpg", b"1")
    connector = make(writing=True)
    asset = only(connector, key)
    photos.fail(handler, timed_out())
    with pytest.raises(Unavailable):
        connector.tag(asset, "Album", True, "t")
    assert connector.settle("tag", asset, "Album", "t") is None
    connector.tag(asset, "Album", True, "t")
    assert library.albums()["Album"] == [key]
    assert len(library.albums()) == 1


def test_codes_without_a_meaning_of_their_own_are_said_as_photos_said_them() -> None:
    assert "strange" in str(explained("Photos got an error: strange (-10000)"))
    assert isinstance(explained("Application isn’t running. (-600)"), Unavailable)
    assert isinstance(explained("User canceled. (-128)"), Unavailable)


def test_another_library_open_in_photos_is_noticed_before_anything_is_made(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = library.add("a.jpg", b"1")
    connector = make(writing=True)
    asset, before = only(connector, key), tree(library.path)
    monkeypatch.setattr("osxphotos.utils.get_last_library_path", lambda: str(library.path.parent))
    with pytest.raises(Refused, match="open"):
        connector.tag(asset, "Album", True, "t")
    monkeypatch.undo()
    library.attribute(key, ZORIGINALFILENAME="b.jpg")
    with pytest.raises(Refused, match=r"is called b\.jpg"):
        connector.writing.check(asset)
    library.attribute(key, ZORIGINALFILENAME="a.jpg")
    assert set(tree(library.path)) == set(before)
    assert library.albums() == {}


def test_an_album_that_was_deleted_meanwhile_is_made_again_and_undo_does_not_mind(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule
) -> None:
    key = library.add("a.jpg", b"1")
    connector = make(writing=True, kit=kit)
    receipt = connector.tag(only(connector, key), "F/Album", True, "t")
    photos.on_photosLibraryDeleteAlbum(next(iter(receipt.after["albums"])))
    assert connector.restore(told(receipt)).labels == frozenset()
    connector.tag(connector.look(only(connector, key).id), "F/Album", True, "t")
    assert library.albums() == {"F/Album": [key]}


def test_a_name_with_a_quote_never_becomes_part_of_a_script(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    key = library.add("a.jpg", b"1")
    connector = make(writing=True)
    with pytest.raises(Refused, match="quote"):
        connector.tag(only(connector, key), 'F/x" & (do shell script "id") & "', True, "t")
    assert not [name for name, _ in photos.calls if "Create" in name]


def test_read_only_and_machines_without_photos_write_nothing(make: Make, library: SyntheticLibrary) -> None:
    key = library.add("a.jpg", b"1")
    for connector, said in ((make(), "on a Mac only"), (make(writing=True, read_only=True), "read_only")):
        assert not connector.features.tag
        with pytest.raises(Unsupported, match=said):
            connector.tag(only(connector, key), "Album", True, "t")


def test_the_keeper_takes_over_what_it_lacks_and_gives_it_back(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule
) -> None:
    keeper = library.add("keep.jpg", b"1", "Common")
    loser = library.add("lose.jpg", b"2", "Trips/Rome", ZFAVORITE=1, ZLATITUDE=41.9, ZLONGITUDE=12.5)
    library.put_in("KeepOne/2026/Redundant", loser)
    library.attribute(keeper, ZTITLE="Mine")
    library.attribute(loser, ZTITLE="Theirs")
    library.describe(loser, "At the fountain")
    library.set_keywords(keeper, ["sea"])
    library.set_keywords(loser, ["dog", "keepone:redundant", "sea"])
    connector = make(writing=True, kit=kit)
    a, b = only(connector, keeper), only(connector, loser)
    place = (41.9, 12.5)
    (gift,) = gifts([Step(1, b, "c", "tag", "X", a, "c", "exact", "g", "same")], {"photos": connector.features}, True)
    given = json.loads(gift.target)
    keepers = given["labels"].pop(0)
    assert keepers.endswith("/Keepers")
    carry = carry_of(given, "KeepOne", False)
    assert carry == Carry(("dog",), ("Trips/Rome",), favorite=True, description="At the fountain", place=place)
    receipt = connector.carry(a, given, "t")
    assert receipt.verb == "carry"
    now = connector.look(a.id)
    assert now.labels == {"Common", "Trips/Rome", "#sea", "#dog"}
    assert (now.title, now.description, now.place) == ("Mine", "At the fountain", place)
    assert "favorite" in now.flags
    assert connector.writing.settle_carry(a, carry, "t") is not None
    assert connector.restore(told(receipt)) == a
    assert connector.restore(told(receipt)) == a
    assert connector.writing.settle_carry(a, carry, "t") is None
    assert connector.look(b.id) == b


@pytest.mark.parametrize("lost", ["photoSetKeywords", "photoSetFavorite", "photoSetDescription", "albumAdd"])
def test_a_carry_that_broke_off_anywhere_is_found_and_undone(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule, lost: str
) -> None:
    key = library.add("keep.jpg", b"1")
    connector = make(writing=True, kit=kit)
    asset, gift = only(connector, key), {"labels": ["Album", "#dog"], "favorite": True, "description": "Words"}
    photos.fail(lost, timed_out())
    with pytest.raises(Unavailable):
        connector.carry(asset, gift, "t")
    receipt = connector.settle("carry", asset, json.dumps(gift), "t")
    if receipt is not None:
        connector.restore(told(receipt))
    assert connector.look(asset.id) == asset


def test_undo_of_a_carry_leaves_what_a_person_changed_since(
    make: Make, library: SyntheticLibrary, photos: SimulatedPhotos
) -> None:
    key = library.add("keep.jpg", b"1")
    connector = make(writing=True)
    receipt = connector.carry(only(connector, key), {"title": "Theirs", "description": "Words"}, "t")
    library.attribute(key, ZTITLE="By hand")
    back = connector.restore(told(receipt))
    assert (back.title, back.description) == ("By hand", "")


def test_what_changed_is_not_carried_to(make: Make, library: SyntheticLibrary, photos: SimulatedPhotos) -> None:
    key = library.add("keep.jpg", b"1")
    connector = make(writing=True)
    asset = only(connector, key)
    library.change(key, b"2")
    with pytest.raises(Changed):
        connector.carry(asset, {"favorite": True}, "t")
    assert library.value(key, "ZFAVORITE") == 0
