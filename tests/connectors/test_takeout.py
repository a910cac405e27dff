"""Google Takeout's JSON belongs to the photo that it speaks of, under every name that Takeout gives it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import EDITED, FAVORITE
from connectors.local import takeout
from tests.connectors.tree import Tree
from tests.pictures import exif, jpeg, movie, scene

MOMENT = int(datetime(2024, 6, 1, 10, 0, 0, tzinfo=UTC).timestamp())
LONG = "Screenshot_20220207_102421_com.snapchat.android.jpg"
LONGER = "123456789123456789123456789123456789_DSCN0091_of_a_day.JPG"


def said(**more: Any) -> str:
    """A Takeout JSON."""
    return json.dumps({"title": "t", "photoTakenTime": {"timestamp": str(MOMENT)}, **more})


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def owners(tree: Tree) -> dict[str, list[str]]:
    """JSON -> the photos that it is a part of."""
    found: dict[str, list[str]] = {}
    for key, asset in tree.know().items():
        assert tree.look(key) == asset
        for part in asset.parts:
            if part.role == "takeout":
                found.setdefault(part.key, []).append(key)
    return found


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-me.json"),
        ("IMG_1.jpg", "IMG_1.jpg.s.json"),
        ("IMG_1.jpg", "IMG_1.jpg..json"),
        ("IMG_1.jpg", "IMG_1.json"),
        ("IMG_1(1).jpg", "IMG_1.jpg(1).json"),
        ("IMG_1(1).jpg", "IMG_1.jpg.supplemental-metadata(1).json"),
        ("IMG_1(1).jpg", "IMG_1.jpg.suppl(1).json"),
        ("IMG_1(1).jpg", "IMG_1(1).jpg.json"),
        ("Neg(1)(1).jpg", "Neg(1).jpg.supplemental-metadata(1).json"),
        (LONG, f"{LONG[:46]}.json"),
        (LONG, f"{LONG}.json"),
        ("D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg", "D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg.supp.json"),
        (f"{LONGER[:47]}.JPG", f"{LONGER[:46]}.json"),
        (f"{LONGER[:47]}(1).JPG", f"{LONGER[:46]}(1).json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
        ("IMG_1-bearbeitet.jpg", "IMG_1.HEIC.supplemental-metadata.json"),
        ("Zürich.jpg", "Zu\u0308rich.jpg.json"),
    ],
)
def test_a_json_finds_its_photo(tree: Tree, photo: str, sidecar: str) -> None:
    tree.put(f"x/{photo}")
    tree.put("x/other.jpg")
    tree.put(f"x/{sidecar}", said())
    assert owners(tree) == {f"x/{sidecar}": [f"x/{photo}"]}
    assert tree.assets[f"x/{photo}"].modified_at == MOMENT


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_2.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg(1).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(1).json"),
        ("IMG_1.jpg", "IMG_1.png.json"),
        ("IMG_1.jpg", "IMG.json"),
        ("IMG_1.jpg", "metadata.json"),
        ("IMG_10.jpg", "IMG_1.json"),
    ],
)
def test_a_json_of_another_photo_is_no_part(tree: Tree, photo: str, sidecar: str) -> None:
    tree.put(photo)
    tree.put(sidecar, said())
    assert owners(tree) == {}
    assert not tree.assets[photo].title


def test_numbers_are_not_mixed_up(tree: Tree) -> None:
    for number in ("", "(1)", "(2)"):
        tree.put(f"IMG{number}.JPG")
        tree.put(f"IMG.JPG{number}.json", said(description=f"number {number}"))
    assert owners(tree) == {f"IMG.JPG{number}.json": [f"IMG{number}.JPG"] for number in ("", "(1)", "(2)")}
    assert {key: asset.description for key, asset in tree.assets.items()} == {
        f"IMG{number}.JPG": f"number {number}" for number in ("", "(1)", "(2)")
    }


def test_an_original_and_its_edited_version_share_the_facts_and_neither_takes_the_json_away(tree: Tree) -> None:
    for name in ("Neg(1).jpg", "Neg(1)-editat.jpg", "Neg(1)(1).jpg", "Neg(1)-editat(1).jpg"):
        tree.put(name)
    tree.put("Neg(1).jpg.supplemental-metadata.json", said(description="first"))
    tree.put("Neg(1).jpg.supplemental-metadata(1).json", said(description="second"))
    assert owners(tree) == {}
    assert {key: asset.description for key, asset in tree.assets.items()} == {
        "Neg(1).jpg": "first",
        "Neg(1)-editat.jpg": "first",
        "Neg(1)(1).jpg": "second",
        "Neg(1)-editat(1).jpg": "second",
    }
    assert {key for key, asset in tree.assets.items() if EDITED in asset.flags} == {
        "Neg(1)-editat.jpg",
        "Neg(1)-editat(1).jpg",
    }


def test_a_long_original_and_its_cut_edited_version_share_the_json(tree: Tree) -> None:
    stem = "123456789123456789123456789123456789_DSCN0098"
    for name in (f"{stem}.JPG", f"{stem}-ha.JPG"):
        tree.put(name)
    tree.put(f"{stem}.JPG.su.json", said(description="both"))
    assert owners(tree) == {}
    assert [asset.description for asset in tree.assets.values()] == ["both", "both"]


def test_a_cut_name_that_fits_two_photos_says_nothing(tree: Tree) -> None:
    for end in "ab":
        tree.put(f"{'n' * 46}{end}.jpg")
    tree.put(f"{'n' * 46}.json", said(description="whose?"))
    assert owners(tree) == {}
    assert not any(asset.description for asset in tree.assets.values())


def test_the_json_of_a_live_photo_speaks_of_both_its_files(tree: Tree) -> None:
    tree.put("a.jpg", jpeg(scene(1), exif_block=exif(content_id="ID")))
    tree.put("a.mp4", movie("ID"))
    tree.put("a.jpg.json", said(description="photo"))
    tree.put("a.mp4.json", said(description="movie"))
    assert owners(tree) == {"a.jpg.json": ["a.jpg"], "a.mp4.json": ["a.jpg"]}
    assert tree.assets["a.jpg"].description == "photo"


def test_what_the_json_says_becomes_facts_of_the_asset(tree: Tree) -> None:
    tree.put("IMG_20240601_120001.jpg")
    tree.put(
        "IMG_20240601_120001.jpg.json",
        said(
            title="old name.jpg",
            description="Grandma's 80th 🎂",
            favorited=True,
            geoData={"latitude": 0.0, "longitude": 0.0},
            geoDataExif={"latitude": 47.37, "longitude": 8.54, "altitude": 400},
        ),
    )
    asset = tree.know()["IMG_20240601_120001.jpg"]
    assert (asset.title, asset.description, asset.place) == ("old name.jpg", "Grandma's 80th 🎂", (47.37, 8.54))
    assert FAVORITE in asset.flags
    assert asset.modified_at == MOMENT
    assert asset.taken_at == datetime(2024, 6, 1, 12, 0, 1), (
        "10:00 UTC and 12:00:01 in the name are one time zone apart"
    )


@pytest.mark.parametrize(
    "name",
    ["IMG_20240601_121500.jpg", "IMG_20240601_154500.jpg", "20240601100000.jpg", "Screenshot_20240531-213000.jpg"],
)
def test_a_local_time_in_the_name_is_taken_when_the_moment_confirms_it(name: str) -> None:
    assert takeout.local_time(name, MOMENT) is not None


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1.jpg",
        "IMG_20240601_120730.jpg",
        "IMG_20240603_120000.jpg",
        "IMG_20241301_120000.jpg",
        "PXL_20240601_100000000.jpg",
        "123456789012345678901234.jpg",
    ],
)
def test_a_capture_time_that_is_only_known_in_utc_stays_unknown(name: str) -> None:
    """A time that is wrong by a time zone would keep real copies apart."""
    assert takeout.local_time(name, MOMENT) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", '{"photoTakenTime": 5}', "[" * 100_000, '{"photoTakenTime": {"timestamp": 1}, "x": '],
)
def test_a_json_that_is_not_takeouts_is_a_plain_sidecar_of_the_photo_whose_name_it_bears(tree: Tree, text: str) -> None:
    tree.put("a.jpg")
    tree.put("a.jpg.json", text)
    tree.put("a.json", text)
    assert [(part.role, part.key) for part in tree.know()["a.jpg"].parts] == [("sidecar", "a.jpg.json")]


@pytest.mark.parametrize("number", ["1e400", "NaN", "abc", None, {}, "99999999999999"])
def test_absurd_numbers_are_unknown(number: Any) -> None:
    raw = {"photoTakenTime": {"timestamp": number}, "geoData": {"latitude": number, "longitude": 8}}
    facts = takeout.parse(json.dumps(raw).encode())
    assert facts is not None
    assert (facts.moment, facts.place) == (None, None)


def test_the_people_that_a_json_names_are_those_of_the_photo_and_nothing_else_is(tree: Tree) -> None:
    tree.put("a.jpg")
    tree.put("b.jpg")
    odd = [{"name": "Anna"}, {"name": " Oma & Opa "}, {"name": ""}, {"name": 7}, "Ben", None]
    tree.put("a.jpg.json", said(people=odd))
    tree.put("b.jpg.json", said(people="Anna"))
    found = tree.know()
    assert (found["a.jpg"].people, found["a.jpg"].faces) == (frozenset({"Anna", "Oma & Opa"}), 2)
    assert (found["b.jpg"].people, found["b.jpg"].faces) == (frozenset(), 0)
