"""What belongs together is one asset, and nothing is paired by its name alone."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from connectors.base import EDITED, NotFound
from connectors.local import proofs
from tests.connectors.tree import Tree
from tests.pictures import CAMERA, NOON, dng, exif, heic, jpeg, movie, scene

APPLE = ("Apple", "iPhone 15")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def parts(tree: Tree) -> dict[str, list[tuple[str, str]]]:
    """key -> its parts as (role, key); every asset has to look the same when it is asked for alone."""
    known = tree.know()
    for asset in known.values():
        assert tree.look(asset.id.key) == asset
    return {key: [(part.role, part.key) for part in asset.parts] for key, asset in known.items()}


def shot(seed: int = 1, taken: float = 0, camera: tuple[str, str] = CAMERA, orientation: int = 1) -> bytes:
    """A camera JPEG, taken so many seconds after noon."""
    return jpeg(scene(seed), exif_block=exif(NOON + timedelta(seconds=taken), camera, orientation))


def still(content_id: str = "", taken: float = 0) -> bytes:
    """A phone's JPEG."""
    return jpeg(scene(1), exif_block=exif(NOON + timedelta(seconds=taken), APPLE, content_id=content_id))


class TestRawAndJpeg:
    def test_one_shot_is_one_asset_with_the_raw_first(self, tree: Tree) -> None:
        tree.put("x/a.DNG", dng(scene(1)))
        tree.put("x/a.JPG", shot(taken=1.5))
        assert parts(tree) == {"x/a.DNG": [("jpeg", "x/a.JPG")]}
        with pytest.raises(NotFound):
            tree.look("x/a.JPG")

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_however_the_camera_was_held(self, tree: Tree, orientation: int) -> None:
        """The sensor's picture in both, each with the orientation tag."""
        tree.put("a.dng", dng(scene(1), orientation=orientation))
        tree.put("a.jpg", shot(orientation=orientation))
        assert parts(tree) == {"a.dng": [("jpeg", "a.jpg")]}

    @pytest.mark.parametrize(
        "other",
        [
            shot(seed=2),
            shot(taken=3),
            shot(camera=("Nikon", "D800")),
            jpeg(scene(1)),
            jpeg(scene(1), exif_block=exif(NOON)),
            jpeg(scene(1).crop((0, 0, 200, 240)), exif_block=exif(NOON, CAMERA)),
            shot()[:400],
            b"",
        ],
        ids=["picture", "time", "camera", "no EXIF", "no camera", "crop", "cut off", "empty"],
    )
    def test_what_cannot_be_proved_is_two_assets(self, tree: Tree, other: bytes) -> None:
        tree.put("a.dng", dng(scene(1)))
        tree.put("a.jpg", other)
        assert parts(tree) == {"a.dng": [], "a.jpg": []}

    def test_a_flat_picture_proves_nothing(self, tree: Tree) -> None:
        black = Image.new("RGB", (320, 240))
        tree.put("a.dng", dng(black))
        tree.put("a.jpg", jpeg(black, exif_block=exif(NOON, CAMERA)))
        assert len(parts(tree)) == 2

    def test_a_raw_without_a_readable_preview_proves_nothing(self, tree: Tree) -> None:
        tree.put("a.dng", dng(scene(1), preview=b"\xff\xd8 this is no JPEG"))
        tree.put("a.jpg", shot())
        assert len(parts(tree)) == 2

    def test_other_folders_and_other_names_are_never_asked(self, tree: Tree) -> None:
        tree.put("x/a.dng", dng(scene(1)))
        tree.put("y/a.jpg", shot())
        tree.put("x/ab.jpg", shot())
        assert parts(tree) == {"x/a.dng": [], "y/a.jpg": [], "x/ab.jpg": []}

    def test_two_raws_of_one_name_pair_with_none(self, tree: Tree) -> None:
        tree.put("a.dng", dng(scene(1)))
        tree.put("a.nef", dng(scene(1)))
        tree.put("a.jpg", shot())
        assert len(parts(tree)) == 3

    def test_a_raw_that_could_be_of_two_jpegs_pairs_with_none(self, tree: Tree) -> None:
        tree.put("a.dng", dng(scene(1)))
        tree.put("a.jpg", shot())
        tree.put("a.jpeg", shot())
        assert len(parts(tree)) == 3

    def test_the_answer_is_remembered_until_one_of_the_two_changes(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree.put("a.dng", dng(scene(1)))
        tree.put("a.jpg", shot())
        tree.know()
        asked = 0
        one_shot = proofs.one_shot

        def counting(raw: BinaryIO, jpeg: BinaryIO) -> bool:
            nonlocal asked
            asked += 1
            return one_shot(raw, jpeg)

        monkeypatch.setattr(proofs, "one_shot", counting)
        tree.put("b.jpg")
        assert len(tree.know()["a.dng"].parts) == 1
        assert asked == 0, "the pair has not changed"
        tree.put("a.jpg", shot(seed=2))
        assert not tree.know()["a.dng"].parts
        assert asked == 1


class TestLivePhotos:
    @pytest.mark.parametrize("name", ["a.jpg", "a.HEIC"])
    def test_equal_identifiers_are_one_asset_whatever_the_times(self, tree: Tree, name: str) -> None:
        block = exif(NOON, APPLE, content_id="ID-1")
        tree.put(name, heic(scene(1), exif_block=block) if name.endswith("HEIC") else jpeg(scene(1), exif_block=block))
        path = tree.put("a.MOV", movie("ID-1", NOON + timedelta(days=9)))
        os.utime(path, (1, 1))
        assert parts(tree) == {name: [("live_video", "a.MOV")]}

    def test_other_identifiers_are_two_things_whatever_the_times(self, tree: Tree) -> None:
        tree.put("a.jpg", still("ID-1"))
        tree.put("a.mov", movie("ID-2", NOON))
        assert parts(tree) == {"a.jpg": []}

    @pytest.mark.parametrize("zone", [0, 2, -7, 5.75])
    def test_without_identifiers_the_time_decides_up_to_a_time_zone(self, tree: Tree, zone: float) -> None:
        tree.put("a.jpg", still())
        path = tree.put("a.mov", movie(created=NOON - timedelta(hours=zone) + timedelta(seconds=2)))
        os.utime(path, (1, 1))
        assert parts(tree) == {"a.jpg": [("live_video", "a.mov")]}

    def test_apples_local_time_is_compared_as_it_is(self, tree: Tree) -> None:
        tree.put("a.jpg", still())
        tree.put("a.mov", movie(created=NOON, local="2024-06-01T12:00:01+0200"))
        tree.put("b.jpg", still())
        tree.put("b.mov", movie(created=NOON, local="2024-06-01T14:00:00+0200"))
        assert parts(tree) == {"a.jpg": [("live_video", "a.mov")], "b.jpg": []}

    @pytest.mark.parametrize(
        "film",
        [movie(created=NOON + timedelta(seconds=100)), movie(created=NOON, seconds=30), movie()[:40], b""],
        ids=["another time", "a long movie", "no movie", "empty"],
    )
    def test_a_movie_that_only_shares_the_name_is_not_a_part(self, tree: Tree, film: bytes) -> None:
        tree.put("a.jpg", still())
        tree.put("a.mov", film)
        assert parts(tree) == {"a.jpg": []}

    def test_without_any_time_inside_the_files_own_times_decide(self, tree: Tree) -> None:
        for name, apart in (("a", 3), ("b", 60)):
            os.utime(tree.put(f"{name}.jpg", jpeg(scene(1))), (1000, 1000))
            os.utime(tree.put(f"{name}.mp4", movie()), (1000 + apart, 1000 + apart))
        assert parts(tree) == {"a.jpg": [("live_video", "a.mp4")], "b.jpg": []}

    def test_of_a_heic_and_its_jpeg_copy_the_heic_has_the_movie(self, tree: Tree) -> None:
        block = exif(NOON, APPLE, content_id="ID-1")
        tree.put("a.heic", heic(scene(1), exif_block=block))
        tree.put("a.jpg", jpeg(scene(1), exif_block=block))
        tree.put("a.mov", movie("ID-1"))
        assert parts(tree) == {"a.heic": [("live_video", "a.mov")], "a.jpg": []}

    def test_a_movie_that_could_be_of_two_photos_is_of_none(self, tree: Tree) -> None:
        tree.put("a.jpg", still("ID-1"))
        tree.put("a.jpeg", still("ID-1"))
        tree.put("a.mov", movie("ID-1"))
        assert parts(tree) == {"a.jpeg": [], "a.jpg": []}

    def test_a_pixels_motion_file_lies_beside_its_photo(self, tree: Tree) -> None:
        tree.put("PXL_1.MP.jpg", still())
        tree.put("PXL_1.MP", movie(created=NOON, brand=b"isom"))
        assert parts(tree) == {"PXL_1.MP.jpg": [("live_video", "PXL_1.MP")]}


class TestSidecars:
    def test_both_spellings_of_xmp_travel(self, tree: Tree) -> None:
        for name in ("a.jpg", "a.jpg.xmp", "a.xmp", "b.JPG", "b.XMP", "c.jpg", "c.png", "c.jpg.xmp"):
            tree.put(name)
        assert parts(tree) == {
            "a.jpg": [("sidecar", "a.jpg.xmp"), ("sidecar", "a.xmp")],
            "b.JPG": [("sidecar", "b.XMP")],
            "c.jpg": [("sidecar", "c.jpg.xmp")],
            "c.png": [],
        }

    def test_a_sidecar_of_several_photos_leaves_with_none_of_them(self, tree: Tree) -> None:
        for name in ("a.jpg", "a.png", "a.xmp", "b.heic", "b.jpg", "b.aae"):
            tree.put(name)
        assert all(not found for found in parts(tree).values())

    def test_a_sidecar_of_a_pair_belongs_to_the_pair(self, tree: Tree) -> None:
        tree.put("a.dng", dng(scene(1)))
        tree.put("a.jpg", shot())
        for name in ("a.xmp", "a.jpg.xmp", "a.dng.xmp", "a_01.dng.xmp", "b_01.dng.xmp"):
            tree.put(name)
        assert parts(tree) == {
            "a.dng": [
                ("jpeg", "a.jpg"),
                ("sidecar", "a.dng.xmp"),
                ("sidecar", "a.jpg.xmp"),
                ("sidecar", "a.xmp"),
                ("sidecar", "a_01.dng.xmp"),
            ]
        }

    def test_a_sidecar_of_the_movie_travels_with_the_live_photo_and_one_of_a_lone_movie_with_nothing(
        self, tree: Tree
    ) -> None:
        tree.put("a.jpg", still("ID-1"))
        tree.put("a.mov", movie("ID-1"))
        for name in ("a.mov.xmp", "b.jpg", "b.mov", "b.mov.xmp"):
            tree.put(name)
        assert parts(tree) == {"a.jpg": [("live_video", "a.mov"), ("sidecar", "a.mov.xmp")], "b.jpg": []}

    def test_apples_adjustments_belong_to_the_original(self, tree: Tree) -> None:
        for name in ("IMG_1234.HEIC", "IMG_1234.AAE", "IMG_O1234.AAE", "IMG_E1234.HEIC", "IMG_9999.aae"):
            tree.put(name)
        assert parts(tree) == {
            "IMG_1234.HEIC": [("sidecar", "IMG_1234.AAE"), ("sidecar", "IMG_O1234.AAE")],
            "IMG_E1234.HEIC": [],
        }
        assert EDITED in tree.assets["IMG_E1234.HEIC"].flags
        assert EDITED not in tree.assets["IMG_1234.HEIC"].flags

    def test_names_that_differ_in_case_are_kept_apart(self, tree: Tree) -> None:
        for name in ("a.jpg", "A.jpg", "a.xmp", "A.jpg.xmp"):
            tree.put(name)
        assert parts(tree) == {"A.jpg": [("sidecar", "A.jpg.xmp")], "a.jpg": [("sidecar", "a.xmp")]}

    def test_excluded_files_are_still_parts(self, tree: Tree) -> None:
        tree.options = {"exclude": ("*.xmp", "*.mov"), "include": ("*.jpg",)}
        for name in ("a.jpg", "a.jpg.xmp"):
            tree.put(name)
        assert parts(tree) == {"a.jpg": [("sidecar", "a.jpg.xmp")]}

    def test_a_pair_is_excluded_as_a_whole(self, tree: Tree) -> None:
        tree.put("a.dng", dng(scene(1)))
        tree.put("a.jpg", shot())
        tree.put("b.jpg")
        assert set(Tree(tree.root, {"exclude": ("*.dng",)}).know()) == {"b.jpg"}
        assert set(Tree(tree.root, {"exclude": ("a.jpg",)}).know()) == {"b.jpg"}
        assert set(Tree(tree.root, {"include": ("*.jpg",)}).know()) == {"a.dng", "b.jpg"}


@pytest.mark.parametrize(
    ("first", "second", "other"),
    [
        ("IMG_20231014_183246_BURST001_COVER.jpg", "IMG_20231014_183246_BURST002.jpg", "IMG_20231014_183247.jpg"),
        (
            "PXL_20230330_184138390.MOTION-01.COVER.jpg",
            "PXL_20230330_184138390.MOTION-02.ORIGINAL.jpg",
            "PXL_20230330_184138391.jpg",
        ),
        ("20231207_101605_001.jpg", "20231207_101605_002.jpg", "20231207_101605.jpg"),
        ("DSC_0001_BURST20230709220904977.JPG", "DSC_0035_BURST20230709220904977_COVER.JPG", "DSC_0036.JPG"),
        ("00001IMG_00001_BURST1723801037429_COVER.jpg", "00002IMG_00002_BURST1723801037429.jpg", "IMG_00003.jpg"),
    ],
)
def test_frames_of_one_burst_share_their_burst(tree: Tree, first: str, second: str, other: str) -> None:
    for name in (first, second, other):
        tree.put(name)
    known = tree.know()
    assert known[first].burst == known[second].burst != ""
    assert known[other].burst == ""


_CONTENTS = {
    "jpg": [shot(), still("ID-1"), jpeg(scene(3))],
    "dng": [dng(scene(1)), dng(scene(2))],
    "mov": [movie("ID-1"), movie(created=NOON)],
    "xmp": [b"<xmp/>", b"<other/>"],
    "json": [b"{}", b'{"photoTakenTime": {"timestamp": "1717236000"}, "description": "x"}'],
}
_STEMS = ("IMG_1", "IMG_1(1)", "IMG_1-edited", "IMG_E1234", "IMG_1234")
_SUFFIXES = ("jpg", "JPG", "dng", "mov", "xmp", "jpg.xmp", "jpg.json", "jpg(1).json", "aae")
_ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("put", "put", "put", "put", "remove", "rename folder", "link")),
        st.sampled_from(("x/", "x/", "x/y/")),
        st.sampled_from(_STEMS),
        st.sampled_from(_SUFFIXES),
        st.integers(0, 2),
    ),
    min_size=6,
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rounds=st.lists(_ACTIONS, min_size=2, max_size=5))
def test_following_the_changes_is_the_same_as_listing_everything(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, str, str, str, int]]]
) -> None:
    """Whatever happens to the files between listings; and each asset looks the same when it is asked for alone."""
    tree = Tree(tmp_path_factory.mktemp("tree"))
    tree.put("always there.jpg")
    for actions in rounds:
        for action in actions:
            _act(tree.root, *action)
        known = tree.know()
        assert known == Tree(tree.root).know()
        for key, asset in known.items():
            assert tree.look(key) == asset


def _act(root: Path, what: str, folder: str, stem: str, suffix: str, number: int) -> None:
    path = root / f"{folder}{stem}.{suffix}"
    kinds = _CONTENTS.get(suffix.lower().rpartition(".")[2].removesuffix("(1)"), [b"1", b"2"])
    if what == "put":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(kinds[number % len(kinds)])
    elif what == "remove":
        path.unlink(missing_ok=True)
    elif what == "rename folder" and folder and path.parent.is_dir() and not (root / "moved").exists():
        path.parent.rename(root / "moved")
    elif what == "link" and path.exists() and not path.with_name(f"link{number}.jpg").exists():
        path.with_name(f"link{number}.jpg").hardlink_to(path)
