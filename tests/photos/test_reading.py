"""Every photo as the library holds it: on real libraries, and on synthetic ones of each numbering."""

from __future__ import annotations

import base64
import plistlib
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import (
    CLOUD_ONLY,
    EDITED,
    FAVORITE,
    HIDDEN,
    MANAGED,
    PROTECTED,
    SHARED,
    Asset,
    Changed,
    Refused,
    Unavailable,
)
from connectors.photos import PhotosConnector, PhotosOptions, snapshot
from connectors.photos import library as library_module
from connectors.photos.fingerprint import DIGEST, digest_in, digest_of, fingerprint_of
from tests.fakes.photos import MODELS, SyntheticLibrary
from tests.fakes.photos import fingerprint_of as fingerprint_as_photos_writes_it
from tests.photos.conftest import Make, tree

REAL = {"13.5.1-compare-2": 5, "PhotoScript-15.7.1": 5, "26.1-thumbs": 13, "Media-Types-15.7.2-thumbs": 12}


def listed(connector: PhotosConnector) -> dict[str, Asset]:
    return {asset.id.key: asset for page in connector.scan(None) for asset in page.assets}


def opened(folder: Path, name: str, state: Path, **options: Any) -> PhotosConnector:
    path = next(folder.glob(f"*{name}*.photoslibrary"))
    return PhotosConnector("photos", PhotosOptions(path=path, state=state, **options))


def rows_of(library: Path, tmp_path: Path) -> dict[str, sqlite3.Row]:
    """What the database itself says, read with nothing of ours from a copy of it."""
    for name in ("Photos.sqlite", "Photos.sqlite-wal"):
        source = library / "database" / name
        if source.exists():
            (tmp_path / name).write_bytes(source.read_bytes())
    with closing(sqlite3.connect(tmp_path / "Photos.sqlite")) as db:
        db.row_factory = sqlite3.Row
        columns = [row[1] for row in db.execute("PRAGMA table_info(ZADDITIONALASSETATTRIBUTES)")]
        mark = "ZORIGINALSTABLEHASH" if "ZORIGINALSTABLEHASH" in columns else "ZMASTERFINGERPRINT"
        sql = f"""SELECT s.*, a.*, a.{mark} AS mark, d.ZLONGDESCRIPTION AS words, s.Z_PK AS pk,
            (SELECT COUNT(*) FROM Z_1KEYWORDS k WHERE k.Z_1ASSETATTRIBUTES = a.Z_PK) AS keywords
          FROM ZASSET s JOIN ZADDITIONALASSETATTRIBUTES a ON a.ZASSET = s.Z_PK
          LEFT JOIN ZASSETDESCRIPTION d ON d.Z_PK = a.ZASSETDESCRIPTION"""
        return {row["ZUUID"]: row for row in db.execute(sql)}


@pytest.mark.testdata
@pytest.mark.parametrize("name", REAL)
def test_each_field_is_what_a_real_library_holds(real_libraries: Path, tmp_path: Path, name: str) -> None:
    connector = opened(real_libraries, name, tmp_path)
    found, rows = listed(connector), rows_of(connector.library, tmp_path)
    assert len(found) == REAL[name]
    for key, asset in found.items():
        row = rows[key]
        assert (asset.name, asset.size) == (row["ZORIGINALFILENAME"], row["ZORIGINALFILESIZE"])
        assert (asset.width, asset.height) == (row["ZWIDTH"], row["ZHEIGHT"])
        assert asset.digests.get(DIGEST, "") == digest_in(row["mark"])
        assert (FAVORITE in asset.flags) == bool(row["ZFAVORITE"])
        assert ("live" in asset.flags) == (row["ZKINDSUBTYPE"] == 2)
        assert ("screenshot" in asset.flags) == (row["ZKINDSUBTYPE"] == 10)
        assert asset.burst == (row["ZAVALANCHEUUID"] or "")
        assert (asset.title, asset.description) == (row["ZTITLE"] or "", row["words"] or "")
        assert sum(label.startswith("#") for label in asset.labels) == row["keywords"]
        assert asset.place == (None if row["ZLATITUDE"] == -180 else (row["ZLATITUDE"], row["ZLONGITUDE"]))
        edited = row["ZADJUSTMENTSSTATE"] if "ZADJUSTMENTSSTATE" in row.keys() else row["ZHASADJUSTMENTS"]  # noqa: SIM118
        assert (EDITED in asset.flags) == bool(edited)
        if asset.taken_at:
            local = row["ZDATECREATED"] + row["ZTIMEZONEOFFSET"]
            assert abs((asset.taken_at - datetime(2001, 1, 1)).total_seconds() - local) < 0.01
    gone = {key for key, row in rows.items() if row["ZTRASHEDSTATE"] or row["ZKIND"] == 1}
    assert not gone & set(found)
    connector.close()


@pytest.mark.testdata
@pytest.mark.parametrize("name", REAL)
def test_looking_at_some_gives_what_reading_all_gives(real_libraries: Path, tmp_path: Path, name: str) -> None:
    connector = opened(real_libraries, name, tmp_path)
    found = listed(connector)
    assert connector.look_at(list(found.values())) == found
    for asset in found.values():
        assert connector.look(asset.id) == asset
    connector.close()


@pytest.mark.testdata
@pytest.mark.parametrize("name", REAL)
def test_reading_changes_nothing_in_a_real_library(real_libraries: Path, tmp_path: Path, name: str) -> None:
    connector = opened(real_libraries, name, tmp_path)
    before = tree(connector.library)
    for asset in listed(connector).values():
        connector.look(asset.id)
        with connector.preview(asset, 256) as stream:
            assert stream.read(2) == b"\xff\xd8"
    connector.close()
    assert tree(connector.library) == before


@pytest.mark.testdata
def test_the_stored_fingerprint_is_the_salted_sha1_of_the_original(real_libraries: Path, tmp_path: Path) -> None:
    checked = 0
    for name in ("13.5.1-compare-2", "PhotoScript-15.7.1"):
        connector = opened(real_libraries, name, tmp_path)
        for asset in listed(connector).values():
            with connector.open(asset) as stream:
                assert digest_of(stream) == asset.digests[DIGEST]
            checked += 1
        connector.close()
    assert checked == 10


@pytest.mark.testdata
def test_the_exact_pair_of_a_real_library_meets_by_its_fingerprint(real_libraries: Path, tmp_path: Path) -> None:
    connector = opened(real_libraries, "13.5.1-compare-2", tmp_path)
    by_digest: dict[str, list[str]] = {}
    for asset in listed(connector).values():
        by_digest.setdefault(asset.digests[DIGEST], []).append(asset.name)
    assert sorted(map(len, by_digest.values())) == [1, 1, 1, 2]
    connector.close()


@pytest.mark.testdata
def test_a_raw_pair_and_its_jpeg_differ_by_a_companion(real_libraries: Path, tmp_path: Path) -> None:
    connector = opened(real_libraries, "26.1-thumbs", tmp_path)
    raw = [asset for asset in listed(connector).values() if "raw" in asset.flags]
    assert {asset.name for asset in raw} == {"IMG_1994.JPG", "IMG_1997.JPG", "IMG_2000.JPG"}
    assert all(part.role == "raw" for asset in raw for part in asset.parts)
    assert "2019-10//11 Paris Clermont" in {label for asset in listed(connector).values() for label in asset.labels}
    connector.close()


@pytest.mark.parametrize("model", MODELS)
def test_every_numbering_of_the_tables_is_read(tmp_path: Path, model: int) -> None:
    library = SyntheticLibrary(tmp_path / "A.photoslibrary", model)
    key = library.add("a.jpg", b"bytes", "Trips/2024", ZFAVORITE=1, attributes={"ZTITLE": "Title"})
    library.set_keywords(key, ["dog", "sea"])
    library.describe(key, "Words")
    library.person(key, "Ann")
    library.score(key, 0.73, 0.2)
    library.live(key, b"movie")
    library.raw(key, b"raw")
    library.set(key, **{library.names.edited: 1, "ZADJUSTMENTTIMESTAMP": 640_000_000})
    connector = PhotosConnector("p", PhotosOptions(path=library.path, state=tmp_path))
    asset = listed(connector)[key]
    assert asset.digests == {DIGEST: digest_in(fingerprint_as_photos_writes_it(b"bytes"))}
    assert asset.labels == {"Trips/2024", "#dog", "#sea"}
    assert asset.flags >= {FAVORITE, EDITED, "live", "raw"}
    assert {part.role for part in asset.parts} == {"live_video", "raw", "edit"}
    assert (asset.title, asset.description, asset.faces, asset.score) == ("Title", "Words", 1, 0.73)
    assert connector.look(asset.id) == asset
    connector.close()


def test_a_fingerprint_goes_there_and_back() -> None:
    digest = "6e" * 20
    assert digest_in(fingerprint_of(digest)) == digest
    assert digest_in(None) == digest_in("") == digest_in("not base64!") == digest_in("AAAA") == ""
    other_version = base64.b64encode(b"\2" + bytes(20)).decode()
    assert digest_in(other_version) == ""


def test_what_is_in_the_trash_or_shared_by_others_is_no_candidate(library: SyntheticLibrary, make: Make) -> None:
    stays = library.add("stays.jpg", b"1")
    library.add("trash.jpg", b"2", ZTRASHEDSTATE=1)
    library.add("shared.jpg", b"3", ZCLOUDBATCHPUBLISHDATE=1.0)
    library.add("message.jpg", b"4", attributes={"ZSYNDICATIONIDENTIFIER": "x", "ZSYNDICATIONHISTORY": 0})
    library.add("hidden.jpg", b"5", ZHIDDEN=1)
    library.add("movie.mov", b"6", ZKIND=1)
    library.add("frame.jpg", b"7", ZAVALANCHEUUID="B", ZAVALANCHEPICKTYPE=2, ZVISIBILITYSTATE=2)
    assert set(listed(make())) == {stays}
    with_hidden = listed(make(hidden=True)).values()
    assert {asset.name for asset in with_hidden} == {"stays.jpg", "hidden.jpg"}
    assert next(asset.flags for asset in with_hidden if asset.name == "hidden.jpg") == {HIDDEN, MANAGED}


def test_a_photo_of_a_shared_library_may_stay_and_never_goes(library: SyntheticLibrary, make: Make) -> None:
    key = library.add("a.jpg", b"1", ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE=1)
    assert listed(make())[key].flags == {SHARED, PROTECTED, MANAGED}


def test_the_scope_is_by_album_month_person_and_keyword(library: SyntheticLibrary, make: Make) -> None:
    june = (datetime(2024, 6, 5) - datetime(2001, 1, 1)).total_seconds()
    january = (datetime(2023, 1, 5) - datetime(2001, 1, 1)).total_seconds()
    a = library.add("a.jpg", b"1", "Trips/Rome", ZDATECREATED=june)
    b = library.add("b.jpg", b"2", "Trips/Oslo", ZDATECREATED=january)
    library.person(a, "Ann")
    library.set_keywords(b, ["dog"])
    assert set(listed(make(albums=("Trips",)))) == {a, b}
    assert set(listed(make(albums=("Trips/Rome",)))) == {a}
    assert set(listed(make(months=("2024-06",)))) == {a}
    assert set(listed(make(months=("2023",)))) == {b}
    assert set(listed(make(persons=("Ann", "Bob")))) == {a}
    assert set(listed(make(keywords=("dog",)))) == {b}
    assert not listed(make(keywords=("dog",), persons=("Ann",)))


def test_the_people_of_a_photo_are_named_and_those_without_a_name_are_counted(
    library: SyntheticLibrary, make: Make
) -> None:
    key = library.add("a.jpg", b"1")
    other = library.add("b.jpg", b"2")
    library.person(key, "Ann")
    library.person(key, "Ben & Söhne")
    library.person(key, None)
    found = listed(make())
    assert (found[key].people, found[key].faces) == (frozenset({"Ann", "Ben & Söhne"}), 3)
    assert (found[other].people, found[other].faces) == (frozenset(), 0)


def test_not_analysed_is_no_score(library: SyntheticLibrary, make: Make) -> None:
    keys = [library.add(f"{number}.jpg", bytes([number])) for number in range(4)]
    for key, (overall, one) in zip(keys, ((0.5, 0.0), (0.0, 0.0), (0.5, 0.1), (0.61, 0.0)), strict=True):
        library.score(key, overall, one)
    found = listed(make())
    assert [found[key].score for key in keys] == [None, None, 0.5, 0.61]


def test_where_photos_stored_no_fingerprint_it_is_computed_from_the_original_once(
    library: SyntheticLibrary, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = library.add("here.jpg", b"bytes", fingerprint=False)
    away = library.add("away.jpg", b"bytes", fingerprint=False, local=False)
    found = listed(make())
    assert found[here].digests == {DIGEST: digest_in(fingerprint_as_photos_writes_it(b"bytes"))}
    assert found[away].digests == {}
    monkeypatch.setattr("connectors.photos.fingerprint.digest_of", lambda stream: pytest.fail("read again"))
    assert listed(make()) == found


def test_with_fingerprints_not_one_byte_of_an_original_is_read(library: SyntheticLibrary, make: Make) -> None:
    """No file below originals is even opened."""
    key, other = library.add("a.jpg", b"bytes"), library.add("b.jpg", b"bytes")
    connector = make()
    opened: list[str] = []

    def notice(event: str, values: tuple[Any, ...]) -> None:
        if event == "open" and "/originals/" in str(values[0]):
            opened.append(str(values[0]))

    sys.addaudithook(notice)
    found = listed(connector)
    assert found[key].digests == found[other].digests != {}
    assert not opened
    connector.open(found[key]).close()
    assert opened, "the test would not notice"


def test_a_file_of_another_length_than_recorded_is_not_what_its_fingerprint_says(
    library: SyntheticLibrary, make: Make
) -> None:
    key = library.add("a.jpg", b"bytes")
    library.original(key).write_bytes(b"other bytes")
    assert listed(make())[key].digests == {DIGEST: digest_in(fingerprint_as_photos_writes_it(b"other bytes"))}


def test_the_revision_follows_the_content_and_no_label(library: SyntheticLibrary, make: Make) -> None:
    key = library.add("a.jpg", b"one")
    connector = make()
    first = listed(connector)[key]
    library.put_in("Album", key)
    library.set_keywords(key, ["dog"])
    library.set(key, ZFAVORITE=1, ZMODIFICATIONDATE=650_000_000)
    labelled = connector.look(first.id)
    assert labelled.revision == first.revision
    assert labelled.labels == {"Album", "#dog"}
    library.set(key, **{library.names.edited: 1, "ZADJUSTMENTTIMESTAMP": 1.0})
    edited = connector.look(first.id).revision
    library.set(key, ZADJUSTMENTTIMESTAMP=2.0)
    again = connector.look(first.id).revision
    library.change(key, b"two")
    assert len({first.revision, edited, again, connector.look(first.id).revision}) == 4
    with pytest.raises(Changed):
        connector.open(first)


def test_what_is_only_in_icloud_says_so_and_is_not_opened(library: SyntheticLibrary, make: Make) -> None:
    key = library.add("a.jpg", b"one", local=False, ZCLOUDASSETGUID="guid")
    lost = library.add("b.jpg", b"two", local=False)
    connector = make()
    found = listed(connector)
    assert CLOUD_ONLY in found[key].flags
    assert "missing" in found[lost].flags
    assert connector.path(found[key]) is None
    with pytest.raises(Refused, match="only in iCloud"):
        connector.open(found[key])
    with pytest.raises(Refused, match="no preview"):
        connector.preview(found[key], 256)


def test_the_preview_is_chosen_by_its_suffix_and_size(library: SyntheticLibrary, make: Make) -> None:
    key = library.add("a.jpg", b"original")
    connector = make()
    asset = listed(connector)[key]

    def shown(edge: int) -> bytes:
        with connector.preview(asset, edge) as stream:
            return stream.read()

    assert shown(256) == b"original"
    library.derivative(key, b"small")
    assert (shown(256), shown(800), shown(3000)) == (b"small", b"small", b"original")
    library.derivative(key, b"medium", "_1_105_c.jpeg")
    library.derivative(key, b"a movie, and the largest of them", "_2_100_a.mov")
    assert (shown(256), shown(800), shown(3000)) == (b"small", b"medium", b"original")


def test_a_library_in_use_is_read_with_its_newest_changes_and_nothing_in_it_changes(tmp_path: Path) -> None:
    library = SyntheticLibrary(tmp_path / "A.photoslibrary", wal=True)
    key = library.add("a.jpg", b"one")
    assert (library.path / "database" / "Photos.sqlite-wal").stat().st_size > 0
    before = tree(library.path)
    connector = PhotosConnector("p", PhotosOptions(path=library.path, state=tmp_path / "state"))
    asset = listed(connector)[key]
    connector.look(asset.id)
    connector.close()
    assert tree(library.path) == before
    library.add("b.jpg", b"two")
    assert {one.name for one in listed(connector).values()} == {"a.jpg", "b.jpg"}
    connector.close()
    library.close()


def test_a_database_that_never_stands_still_is_busy(
    library: SyntheticLibrary, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the copy that was begun is thrown away."""
    library.add("a.jpg", b"one")
    copy = shutil.copyfile

    def meanwhile(source: Path, target: Path) -> None:
        copy(source, target)
        library.add("more.jpg", b"more")

    monkeypatch.setattr(shutil, "copyfile", meanwhile)
    monkeypatch.setattr(snapshot, "_PATIENCE", 0.0)
    with pytest.raises(Unavailable, match="busy writing") as caught:
        listed(make())
    assert caught.value.retry_after == 60


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("missing", "There is no Photos library"),
        ("empty", "is no Photos library"),
        ("photos4", "Photos 4 or older"),
        ("half", "damaged or was copied by half"),
        ("text", "damaged or was copied by half"),
        ("newer", "a version of Photos that KeepOne does not know"),
        ("hollow", "cannot be understood"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_and_stays_as_it_is(tmp_path: Path, damage: str, said: str) -> None:
    library = SyntheticLibrary(tmp_path / "A.photoslibrary")
    library.add("a.jpg", b"one")
    _damage(library, damage)
    before = tree(library.path) if library.path.exists() else {}
    connector = PhotosConnector("p", PhotosOptions(path=library.path, state=tmp_path / "state"))
    with pytest.raises((Refused, Unavailable), match=said) as caught:
        listed(connector)
    assert str(caught.value).endswith((".", "'"))
    assert (tree(library.path) if library.path.exists() else {}) == before


def _damage(library: SyntheticLibrary, how: str) -> None:
    data = library.database.read_bytes()
    if how == "missing":
        library.path.rename(library.path.with_name("elsewhere"))
    elif how in ("empty", "photos4"):
        library.database.unlink()
        if how == "photos4":
            library.database.with_name("photos.db").write_bytes(b"SQLite format 3\0")
    elif how == "half":
        library.database.write_bytes(data[: len(data) // 3 // 4096 * 4096])
    elif how == "text":
        library.database.write_bytes(b"this is no database, but it is long enough to be looked at" * 100)
    else:
        with library.writing() as db:
            if how == "hollow":
                db.execute("DROP TABLE ZPERSON")
            else:
                db.execute("UPDATE Z_METADATA SET Z_PLIST = ?", (plistlib.dumps({"PLModelVersion": 300_000}),))


def test_without_a_path_it_is_the_systems_library_or_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library_module, "system_library", lambda: tmp_path / "System.photoslibrary")
    assert PhotosConnector("p", PhotosOptions()).library == tmp_path / "System.photoslibrary"
    monkeypatch.undo()
    monkeypatch.setattr("osxphotos.utils.get_system_library_path", lambda: None)
    with pytest.raises(Unavailable, match="Write its path"):
        PhotosConnector("p", PhotosOptions())
