"""Fields that are taken from where osxphotos keeps them, against what osxphotos itself says of each photo."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import CLOUD_ONLY, EDITED, FAVORITE, HIDDEN, MANAGED, PROTECTED, SHARED, Asset, Refused
from connectors.photos import PhotosConnector, PhotosOptions, reading
from connectors.photos.fingerprint import DIGEST, digest_in
from tests.fakes.photos import MODELS, SyntheticLibrary
from tests.photos.test_reading import REAL, opened

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def as_osxphotos_says(connector: PhotosConnector) -> dict[str, Any]:
    """osxphotos' own answers, by uuid; loaded without leaving anything out."""
    from osxphotos import PhotosDB

    from connectors.photos.snapshot import Snapshot

    snapshot = Snapshot(connector.library)
    database = PhotosDB(dbfile=str(snapshot.database), library_path=str(connector.library), _skip_searchinfo=True)
    snapshot.close()
    return {photo.uuid: photo for photo in database.photos(movies=False)}


def agree(asset: Asset, photo: Any) -> None:
    assert asset.name == photo.original_filename
    assert (asset.width or 0, asset.height or 0) == (photo.width or 0, photo.height or 0)
    assert asset.taken_at == (None if photo.date == NEVER else photo.date.replace(tzinfo=None))
    assert asset.modified_at == (photo.date_modified.timestamp() if photo.date_modified else None)
    assert (asset.title, asset.description) == (photo.title or "", photo.description or "")
    assert (asset.place or (None, None)) == photo.location
    assert {label[1:] for label in asset.labels if label.startswith("#")} == set(photo.keywords)
    titles = {album.title.replace("/", "//") for album in photo.album_info}
    assert {label for label in asset.labels if not label.startswith("#")} == {
        label for label in asset.labels if any(label.endswith(title) for title in titles)
    }
    assert sum(not label.startswith("#") for label in asset.labels) == len(titles)
    assert asset.faces == len(photo.persons)
    assert asset.people == {name for name in photo.persons if name and name != "_UNKNOWN_"}
    if photo.fingerprint and photo.path is None:
        assert asset.digests == {DIGEST: digest_in(photo.fingerprint)}
    assert asset.flags == flags_of(photo)


def flags_of(photo: Any) -> set[str]:
    shared = photo.shared_library or photo.shared_moment
    told = {
        FAVORITE: photo.favorite,
        EDITED: photo.hasadjustments,
        HIDDEN: photo.hidden,
        "live": photo.live_photo,
        "raw": photo.has_raw,
        "panorama": photo.panorama,
        "screenshot": photo.screenshot,
        "portrait": photo.portrait,
        "hdr": photo.hdr,
        "burst": photo.burst,
        "selfie": photo.selfie,
        "referenced": photo.isreference,
        MANAGED: not photo.isreference,
        "in_cloud": photo.incloud,
        SHARED: shared,
        PROTECTED: shared,
        CLOUD_ONLY: photo.path is None and (photo.iscloudasset or photo.incloud),
        "missing": photo.path is None and not (photo.iscloudasset or photo.incloud),
    }
    return {flag for flag, on in told.items() if on}


def compared(connector: PhotosConnector) -> int:
    told = as_osxphotos_says(connector)
    found = [asset for page in connector.scan(None) for asset in page.assets]
    for asset in found:
        agree(asset, told[asset.id.key])
    connector.close()
    return len(found)


@pytest.mark.testdata
@pytest.mark.parametrize("name", REAL)
def test_each_field_is_what_osxphotos_says_of_a_real_photo(real_libraries: Path, tmp_path: Path, name: str) -> None:
    assert compared(opened(real_libraries, name, tmp_path)) == REAL[name]


@pytest.mark.parametrize("model", MODELS)
def test_each_field_is_what_osxphotos_says_of_a_photo_of_every_numbering(tmp_path: Path, model: int) -> None:
    library = SyntheticLibrary(tmp_path / "A.photoslibrary", model)
    odd: dict[str, dict[str, Any]] = {
        "everything.jpg": {"ZFAVORITE": 1, "ZLATITUDE": 0.0, "ZLONGITUDE": 9.5, "ZKINDSUBTYPE": 10, "ZHIDDEN": 1},
        "cloud.heic": {"ZCLOUDASSETGUID": "guid", "ZSAVEDASSETTYPE": 10, "ZKINDSUBTYPE": 1, "ZDEPTHTYPE": 1},
        "dateless.jpg": {"ZDATECREATED": None, "ZWIDTH": None, "ZHEIGHT": None},
        "ancient.jpg": {"ZDATECREATED": -1.5e9, "ZMOMENTSHARE": 3},
        "ours.jpg": {"ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE": int(model >= 17000)},
        "burst.jpg": {"ZAVALANCHEUUID": "B", "ZAVALANCHEPICKTYPE": 16},
        "edited.jpg": {library.names.edited: 2, "ZADJUSTMENTTIMESTAMP": 640_000_000.25},
    }
    keys = [library.add(name, name.encode(), local=name != "cloud.heic", **more) for name, more in odd.items()]
    for key in keys[:2]:
        library.put_in("Trips/a/b" if key == keys[0] else "Best", key)
        library.set_keywords(key, ["dog", "sea"])
        library.describe(key, "Words")
        library.person(key, "Ann")
    library.attribute(keys[0], ZTITLE="Title", ZTIMEZONEOFFSET=7200, ZTIMEZONENAME="Europe/Berlin")
    library.attribute(keys[1], ZTITLE="", ZCAMERACAPTUREDEVICE=1)
    options = PhotosOptions(path=library.path, state=tmp_path, hidden=True)
    assert compared(PhotosConnector("p", options)) == len(odd)


def test_what_osxphotos_takes_for_duplicates_is_never_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It compares names of formats, lengths and dates, and no bytes; its groups hold photos from the trash."""
    from osxphotos import PhotoInfo

    monkeypatch.setattr(PhotoInfo, "duplicates", property(lambda photo: pytest.fail("asked for duplicates")))
    library = SyntheticLibrary(tmp_path / "A.photoslibrary")
    same, other = library.add("a.jpg", b"same"), library.add("b.jpg", b"same", ZTRASHEDSTATE=1)
    connector = PhotosConnector("p", PhotosOptions(path=library.path, state=tmp_path))
    found = {asset.id.key: asset for page in connector.scan(None) for asset in page.assets}
    assert set(found) == {same}
    assert connector.look(found[same].id) == found[same]
    assert other not in connector.look_at([found[same]])
    connector.close()


def test_a_database_that_photos_has_locked_is_read_all_the_same(tmp_path: Path) -> None:
    """Nothing of ours waits for a lock, and none of ours is in Photos' way."""
    library = SyntheticLibrary(tmp_path / "A.photoslibrary")
    key = library.add("a.jpg", b"one")
    with closing(sqlite3.connect(library.database, isolation_level=None)) as theirs:
        theirs.execute("BEGIN EXCLUSIVE")
        connector = PhotosConnector("p", PhotosOptions(path=library.path, state=tmp_path))
        assert [asset.id.key for page in connector.scan(None) for asset in page.assets] == [key]
        theirs.execute("ROLLBACK")
    connector.close()


@pytest.mark.slow
def test_fifty_thousand_photos_are_listed_without_opening_an_original(tmp_path: Path) -> None:
    library = SyntheticLibrary(tmp_path / "A.photoslibrary")
    first = library.add("a.jpg", b"one", "Trips/Rome")
    library.clone(first, 49_999)
    connector = PhotosConnector("p", PhotosOptions(path=library.path, state=tmp_path / "state"))
    opened: list[str] = []
    watching = [True]

    def notice(event: str, values: tuple[Any, ...]) -> None:
        if watching and event == "open" and "/originals/" in str(values[0]):
            opened.append(str(values[0]))

    sys.addaudithook(notice)
    pages = list(connector.scan(None))
    watching.clear()
    assert sum(len(page.assets) for page in pages) == 50_000
    assert len({asset.digests[DIGEST] for page in pages for asset in page.assets}) == 50_000
    assert not opened
    connector.close()


def test_the_steps_of_loading_that_are_left_out_are_steps_of_osxphotos() -> None:
    from osxphotos import PhotosDB

    assert all(callable(getattr(PhotosDB, step, None)) for step in reading.UNASKED)


def test_an_osxphotos_that_keeps_its_fields_under_other_names_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from osxphotos import PhotosDB

    library = SyntheticLibrary(tmp_path / "A.photoslibrary")
    library.add("a.jpg", b"one")
    whole = PhotosDB._process_database5

    def renamed(database: Any) -> None:
        whole(database)
        for info in database._dbphotos.values():
            info["fingerprintOfMaster"] = info.pop("masterFingerprint")

    monkeypatch.setattr(PhotosDB, "_process_database5", renamed)
    connector = PhotosConnector("p", PhotosOptions(path=library.path, state=tmp_path / "state"))
    with pytest.raises(Refused, match=r"no masterFingerprint.*look for a newer KeepOne"):
        list(connector.scan(None))
    connector.close()
