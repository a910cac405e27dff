"""Edited photos of Apple Photos are two pictures: as they were taken, and as they look now. Both meet their copies."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dedupe_app.config import load
from dedupe_app.library import Library
from dedupe_core.model import NoFeedback
from feedback.reanalyse import regroup
from tests.cloud.conftest import Keepone, jpeg, keepone, own_folders
from tests.cloud.test_photos_flow import groups, mac, put
from tests.fakes.photos import SimulatedPhotos, SyntheticLibrary
from tests.fakes.photos import fingerprint_of as fingerprint_as_photos_writes_it
from tests.photos.conftest import engine, kit, library, photos, real_libraries, tree

__all__ = ["engine", "keepone", "kit", "library", "mac", "own_folders", "photos", "real_libraries"]

BEFORE, AFTER = 70, 71
"""Seeds: an edit after which nobody knows the picture again."""


def edited(library: SyntheticLibrary, name: str, at: float = 6.4e8, local: bool = True, **more: Any) -> str:
    """A photo that looked like `BEFORE` and looks like `AFTER` now."""
    changed = {library.names.edited: 1, "ZADJUSTMENTTIMESTAMP": at, **more}
    return put(library, name, jpeg(BEFORE), jpeg(AFTER), local=local, **changed)


def disk(folder: Path, **files: bytes) -> Path:
    place = folder / "disk"
    place.mkdir()
    for name, data in files.items():
        (place / f"{name}.jpg").write_bytes(data)
    return place


def near(keepone: Keepone) -> list[dict[str, Any]]:
    return [group for group in groups(keepone) if group["relation"] == "near"]


def names(group: dict[str, Any]) -> set[str]:
    return {Path(member).name for member in group["members"]}


def test_a_copy_of_what_a_photo_was_before_its_edit_meets_it_and_both_stay(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path
) -> None:
    edited(library, "edited.jpg")
    before = tree(library.path)
    place = disk(tmp_path, smaller=jpeg(BEFORE, (400, 300), 80), other=jpeg(90))
    assert keepone("scan", library.path, place).status == 0
    (group,) = near(keepone)
    assert names(group) == {"edited.jpg", "smaller.jpg"}
    assert group["drop"] == []
    assert "edited.jpg seen before its edit" in str(group)
    assert keepone("plan", "--json").json["steps"] == []
    assert tree(library.path) == before
    assert keepone("scan").status == 0
    assert near(keepone) == [group]


def test_an_export_of_an_edit_meets_the_photo_also_where_its_original_lies_beside_it(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path
) -> None:
    """The signature of their content is that of the file, which shows the picture before the edit."""
    edited(library, "edited.jpg")
    place = disk(tmp_path, original=jpeg(BEFORE), export=jpeg(AFTER, (600, 450)))
    assert keepone("scan", library.path, place).status == 0
    exact = [group for group in groups(keepone) if group["relation"] == "exact"]
    assert [names(group) for group in exact] == [{"edited.jpg", "original.jpg"}]
    (group,) = near(keepone)
    assert "export.jpg" in names(group)
    assert group["drop"] == []
    assert "edited.jpg seen after its edit" in str(group)


def test_copies_go_for_each_others_sake_as_if_there_were_no_edit(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path
) -> None:
    place = disk(tmp_path, large=jpeg(BEFORE, (800, 600), 95), small=jpeg(BEFORE, (400, 300), 80))
    assert keepone("scan", place).status == 0
    (alone,) = near(keepone)
    edited(library, "edited.jpg")
    assert keepone("scan", library.path, place).status == 0
    found = {frozenset(names(group)): group for group in near(keepone)}
    assert set(found) == {frozenset({"large.jpg", "small.jpg"}), frozenset({"edited.jpg", "large.jpg"})}
    assert [Path(one).name for one in found[frozenset({"large.jpg", "small.jpg"})]["drop"]] == ["small.jpg"]
    assert [Path(one).name for one in alone["drop"]] == ["small.jpg"]
    assert found[frozenset({"edited.jpg", "large.jpg"})]["drop"] == []
    steps = keepone("plan", "--json").json["steps"]
    assert [Path(step["key"]).name for step in steps] == ["small.jpg"]


def test_two_edits_of_one_original_both_stay_and_two_of_one_edit_are_one(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone
) -> None:
    """Equal bytes of the original say nothing of what the edits made of it."""
    first, second = edited(library, "one.jpg", 6.4e8), edited(library, "two.jpg", 6.5e8)
    assert keepone("scan", library.path).status == 0
    (group,) = groups(keepone)
    assert (group["relation"], group["drop"]) == ("exact", [])
    assert "nothing says that the other one shows the same edit" in str(group)
    assert keepone("plan", "--json").json["steps"] == []
    mark = fingerprint_as_photos_writes_it(jpeg(AFTER))
    for key in (first, second):
        library.attribute(key, **{library.names.adjusted: mark})
    assert keepone("scan").status == 0
    (group,) = groups(keepone)
    assert len(group["drop"]) == 1


def test_nothing_goes_beside_an_edit_also_where_edits_need_not_stay_beside_their_originals(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path, own_folders: Path
) -> None:
    (own_folders / "config.yaml").write_text("keeping: {keep_edited: false}\n")
    edited(library, "edited.jpg", ZFAVORITE=1)
    place = disk(tmp_path, smaller=jpeg(BEFORE, (400, 300), 80))
    assert keepone("scan", library.path, place).status == 0
    (group,) = near(keepone)
    assert (names(group), group["drop"]) == ({"edited.jpg", "smaller.jpg"}, [])
    (left,) = (photo for photo in group["photos"] if photo["role"] == "review")
    assert left["reason"].startswith("left to you beside an edit: same picture")
    assert keepone("plan", "--json").json["steps"] == []


def test_what_only_an_edit_was_compared_for_puts_no_unedited_photo_away(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path
) -> None:
    """Its bytes are those of the edited photo's original, and what was compared of them is the edit."""
    edited(library, "edited.jpg")
    place = disk(tmp_path, export=jpeg(AFTER, (600, 450)))
    assert keepone("scan", library.path, place).status == 0
    assert [group["drop"] for group in near(keepone)] == [[]]
    put(library, "unedited.jpg", jpeg(BEFORE), ZFAVORITE=1)
    assert keepone("scan").status == 0
    assert all(group["drop"] == [] for group in near(keepone))
    assert not [step for step in keepone("plan", "--json").json["steps"] if step["relation"] == "near"]


def test_an_original_that_is_only_in_icloud_is_no_error_and_the_edit_is_compared(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path
) -> None:
    edited(library, "edited.jpg", local=False, ZCLOUDASSETGUID="guid")
    place = disk(tmp_path, smaller=jpeg(BEFORE, (400, 300), 80), export=jpeg(AFTER, (600, 450)))
    scanned = keepone("scan", library.path, place)
    assert scanned.status == 0, scanned.err
    (group,) = near(keepone)
    assert names(group) == {"edited.jpg", "export.jpg"}
    assert group["drop"] == []


def test_regrouping_from_what_was_measured_gives_the_same_groups(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path, own_folders: Path
) -> None:
    edited(library, "edited.jpg")
    place = disk(tmp_path, smaller=jpeg(BEFORE, (400, 300), 80), export=jpeg(AFTER, (600, 450)))
    assert keepone("scan", library.path, place).status == 0
    with Library.open(load(None, own_folders / "data").config) as opened:
        store = opened.store
        assert {one.group.id for one in regroup(store, opened.settings, NoFeedback())} == {
            one.group.id for one in store.runs.choices()
        }
        assert len(list(store.runs.choices())) == 2


def test_another_edit_is_another_picture(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, tmp_path: Path
) -> None:
    key = edited(library, "edited.jpg")
    place = disk(tmp_path, original=jpeg(BEFORE), export=jpeg(AFTER, (600, 450)))
    assert keepone("scan", library.path, place).status == 0
    assert len(near(keepone)) == 1
    library.derivative(key, jpeg(91, (480, 360)))
    library.set(key, ZADJUSTMENTTIMESTAMP=6.6e8)
    assert keepone("scan").status == 0
    assert near(keepone) == []


def test_an_edited_photo_of_a_real_library_has_both_of_its_views(
    real_libraries: Path, keepone: Keepone, tmp_path: Path, own_folders: Path
) -> None:
    library = next(real_libraries.glob("*PhotoScript-15.7.1*.photoslibrary"), None)
    if library is None:
        pytest.skip("the library PhotoScript is not there")
    key = "3A71DE26-EDEF-41D3-86C1-E8328DFC9FA0"
    out, original = BytesIO(), library / "originals" / key[0] / f"{key}.jpeg"
    with Image.open(original) as picture:
        picture.convert("RGB").reduce(2).save(out, "JPEG", quality=85)
    before = tree(library)
    assert keepone("scan", library, disk(tmp_path, smaller=out.getvalue())).status == 0
    with Library.open(load(None, own_folders / "data").config) as opened:
        (view,) = opened.store.other_views.all()
        photo = opened.store.other_views.photos({view.signature})[view.signature]
        assert (photo.asset.id.key, view.seen) == (key, "original")
        assert photo.signature is not None
        assert (photo.signature.width, photo.signature.height) == Image.open(original).size
    assert any("smaller.jpg" in names(group) and not group["drop"] for group in near(keepone))
    assert tree(library) == before
