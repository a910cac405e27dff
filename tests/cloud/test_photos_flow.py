"""Apple Photos through the command line: a library named by its path, beside folders, tagged through photoscript."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from tests.cloud.conftest import JUNE, Cloud, Keepone, jpeg, on_personal
from tests.fakes.photos import FakePhotosModule, SimulatedPhotos, SyntheticLibrary
from tests.photos.conftest import engine, kit, library, photos, real_libraries, tree
from tests.pictures import scene

__all__ = ["engine", "kit", "library", "photos", "real_libraries"]


def preview(data: bytes) -> bytes:
    """What Photos renders of a picture: a short side of 360 pixels."""
    picture, out = Image.open(BytesIO(data)), BytesIO()
    picture.thumbnail((480, 360))
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def put(library: SyntheticLibrary, name: str, data: bytes, rendered: bytes = b"", **more: Any) -> str:
    """A photo in the library, with its preview."""
    width, height = Image.open(BytesIO(data)).size
    key = library.add(name, data, ZWIDTH=width, ZHEIGHT=height, **more)
    library.derivative(key, preview(rendered or data))
    return key


def groups(keepone: Keepone) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = keepone("groups", "--json").json["groups"]
    return found


def test_a_library_is_scanned_by_its_path_and_nothing_in_it_changes(
    library: SyntheticLibrary, keepone: Keepone, tmp_path: Path
) -> None:
    data, disk = jpeg(1), tmp_path / "disk"
    disk.mkdir()
    (disk / "export.jpg").write_bytes(data)
    (disk / "smaller.jpg").write_bytes(jpeg(2, (400, 300), 80))
    put(library, "IMG_1.jpg", data, local=False)
    put(library, "IMG_2.jpg", jpeg(2), local=False)
    put(library, "IMG_3.jpg", jpeg(3))
    before = tree(library.path)
    assert keepone("scan", library.path, disk).status == 0
    found = {group["relation"]: group for group in groups(keepone)}
    assert set(found) == {"exact", "near"}
    assert {photo["source"] for photo in found["exact"]["photos"]} == {"Test.photoslibrary", "disk"}
    assert sorted(Path(member).name for member in found["near"]["members"]) == ["IMG_2.jpg", "smaller.jpg"]
    assert tree(library.path) == before
    assert keepone("sources", "list", "--json").json["sources"][0]["kind"] == "photos"
    assert keepone("plan", "--json").json["steps"] != []


def test_a_library_that_cannot_be_changed_here_keeps_its_photos(library: SyntheticLibrary, keepone: Keepone) -> None:
    for name in ("A.jpg", "B.jpg"):
        put(library, name, jpeg(4))
    assert keepone("scan", library.path).status == 0
    made = keepone("plan", "--json").json
    assert made["steps"] == []
    assert any("puts nothing away" in reason for reason in made["skipped"])


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch, kit: FakePhotosModule) -> None:
    """The connector believes to be on a Mac; the rest of Python does not."""
    from connectors.photos import connector
    from connectors.photos.photokit import PhotoKit

    monkeypatch.setattr(connector, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(connector, "PhotoKit", lambda: PhotoKit(kit))


def test_duplicates_are_tagged_into_an_album_once_and_taken_out_again(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone
) -> None:
    first, second = (put(library, name, jpeg(5)) for name in ("A.jpg", "B.jpg"))
    put(library, "C.jpg", jpeg(6))
    before = library.albums()
    assert keepone("scan", library.path).status == 0
    assert keepone("plan").status == 0
    applied = keepone("apply", "--yes", "--json")
    assert applied.status == 0, applied.err
    tagged = {name: keys for name, keys in library.albums().items() if name.endswith("Redundant")}
    assert list(tagged.values()) in ([[first]], [[second]])
    assert keepone("scan").status == 0
    assert keepone("plan", "--json").json["steps"] == [], "it wears our label already"
    assert keepone("undo").status == 0
    assert library.albums() == before


def test_an_edited_photo_is_never_tagged_for_the_sake_of_its_original(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone
) -> None:
    data = jpeg(7)
    out = BytesIO()
    scene(7, 800, 600).crop((100, 100, 700, 500)).save(out, "JPEG")
    plain = put(library, "A.jpg", data)
    put(library, "B.jpg", data, out.getvalue(), **{library.names.edited: 1})
    assert keepone("scan", library.path).status == 0
    steps = keepone("plan", "--json").json["steps"]
    assert [step["key"] for step in steps] in ([], [plain])


@on_personal
def test_exactly_one_copy_stays_over_all_sources(
    cloud: Cloud,
    library: SyntheticLibrary,
    photos: SimulatedPhotos,
    mac: None,
    keepone: Keepone,
    tmp_path: Path,
) -> None:
    data, disk = jpeg(8), tmp_path / "disk"
    disk.mkdir()
    (disk / "local.jpg").write_bytes(data)
    cloud.put(f"{JUNE}/cloud.jpg", data)
    put(library, "photos.jpg", data)
    assert keepone("scan", "cloud", library.path, disk).status == 0
    (group,) = groups(keepone)
    assert (group["relation"], len(group["members"]), len(group["drop"])) == ("exact", 3, 2)
    steps = keepone("plan", "--json").json["steps"]
    assert len({(step["keeper_source"], step["keeper_key"]) for step in steps}) == 1
    assert {step["source"]: step["verb"] for step in steps}.items() <= {
        "cloud": "move",
        "disk": "delete",
        "Test.photoslibrary": "tag",
    }.items()
    assert keepone("apply", "--yes").status == 0
    assert keepone("undo").status == 0
    assert cloud.originals == 0


def test_a_real_library_is_scanned_and_stays_bit_identical(real_libraries: Path, keepone: Keepone) -> None:
    place = next(real_libraries.glob("*13.5.1-compare-2*.photoslibrary"), None)
    if place is None:
        pytest.skip("the library compare-2 is not there")
    before = tree(place)
    scanned = keepone("scan", place)
    assert scanned.status == 0, scanned.err
    exact = [group for group in groups(keepone) if group["relation"] == "exact"]
    assert [len(group["members"]) for group in exact] == [2]
    assert tree(place) == before


def test_a_library_that_is_none_is_a_sentence(keepone: Keepone, tmp_path: Path) -> None:
    (tmp_path / "Broken.photoslibrary").mkdir()
    scanned = keepone("scan", tmp_path / "Broken.photoslibrary")
    assert scanned.status != 0
    assert "Traceback" not in scanned.err
    assert "fault in KeepOne" not in scanned.err
    assert scanned.err.strip()


def test_the_doctor_tells_how_the_library_and_the_drive_are(
    cloud: Cloud, library: SyntheticLibrary, keepone: Keepone
) -> None:
    keepone("sources", "add", library.path)
    checks = {check["name"]: check for check in keepone("doctor", "--json").json["checks"]}
    assert checks["source Test.photoslibrary: reading the Photos library"]["level"] == "ok"
    assert checks["source cloud"]["level"] == "ok"
    os.unlink(cloud.folder / "token")
    checks = {check["name"]: check for check in keepone("doctor", "--json").json["checks"]}
    assert checks["source cloud"]["level"] == "fail"


@pytest.mark.parametrize("scope", [["--album", "Trips/Rome"], ["--keyword", "sea"], ["--month", "2024-06"]])
def test_a_library_is_narrowed_on_the_command_line_and_the_rest_stays_known(
    library: SyntheticLibrary, keepone: Keepone, tmp_path: Path, scope: list[str]
) -> None:
    inside, outside = put(library, "in.jpg", jpeg(50), ZDATECREATED=740_000_000), put(library, "out.jpg", jpeg(51))
    library.set(outside, ZDATECREATED=600_000_000)
    library.put_in("Trips/Rome", inside)
    library.set_keywords(inside, ["sea"])
    narrowed = keepone("scan", library.path, *scope, "--json")
    assert narrowed.status == 0, narrowed.err
    assert keepone("sources", "list", "--json").json["sources"][0]["photos"] == 1
    assert keepone("scan").status == 0
    assert keepone("scan", library.path, *scope).status == 0
    assert keepone("sources", "list", "--json").json["sources"][0]["photos"] == 2
    (tmp_path / "disk").mkdir()
    refused = keepone("scan", tmp_path / "disk", "--album", "X")
    assert refused.status != 0
    assert "has no albums" in refused.err
