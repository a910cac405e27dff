"""The demo's gallery: the same for the same seed, and a truth that a measurement can be wrong about."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import imagehash
import pytest
from PIL import Image, ImageOps

from dedupe_app.demo.formats import decoded
from dedupe_app.demo.gallery import Gallery, build, fingerprints
from dedupe_app.demo.truth import Found, Made, expected, score


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Made]]:
    folder = tmp_path_factory.mktemp("gallery") / "g"
    return folder, build(folder, seed=7)


def test_every_file_is_in_the_truth_and_every_kind_occurs(gallery: tuple[Path, list[Made]]) -> None:
    folder, made = gallery
    on_disk = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert on_disk == {item.path for item in made}
    assert 60 <= len(made) <= 90
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 13_000_000
    photos = [item for item in made if item.role in ("photo", "marked")]
    kinds = Counter(expected(a, b) for a, b in combinations(photos, 2))
    assert kinds["exact"] >= 15
    assert kinds["pixels"] >= 3
    assert kinds["near"] >= 15
    assert kinds["series"] == 6
    assert kinds["marked"] >= 1
    assert kinds["apart"] == 2
    assert Counter(item.role for item in made)["broken"] == 2


def test_the_same_seed_draws_the_same_gallery_and_another_one_another(
    gallery: tuple[Path, list[Made]], tmp_path: Path
) -> None:
    folder, made = gallery
    assert build(tmp_path / "again", seed=7) == made
    assert fingerprints(tmp_path / "again") == fingerprints(folder)
    here, there = (Gallery(tmp_path, seed).draw("landscape", "0") for seed in (7, 8))
    assert (here != there).any()


def test_a_folder_with_something_in_it_is_not_drawn_into(tmp_path: Path) -> None:
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="not empty"):
        build(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.jpg"]


def test_what_the_truth_calls_pixels_has_equal_pixels(gallery: tuple[Path, list[Made]]) -> None:
    folder, made = gallery
    photos = [item for item in made if item.role == "photo"]
    pairs = [(a, b) for a, b in combinations(photos, 2) if expected(a, b) == "pixels"]
    for a, b in pairs:
        assert (decoded((folder / a.path).read_bytes()) == decoded((folder / b.path).read_bytes())).all()


def test_strangers_are_strangers_to_the_hash_except_documents(gallery: tuple[Path, list[Made]]) -> None:
    """Otherwise the demo's precision would say nothing: only pages of one layout come near each other."""
    folder, made = gallery
    first = {item.shot: item for item in made if item.role == "photo" and item.scene != "burst"}
    hashes = {}
    for item in first.values():
        with Image.open(folder / item.path) as image:
            hashes[item.scene] = imagehash.phash(ImageOps.exif_transpose(image), hash_size=16)
    for a, b in combinations(sorted(hashes), 2):
        distance = hashes[a] - hashes[b]
        assert distance > 90 or (a[:8] == b[:8] == "document"), (a, b, distance)


def item(path: str, scene: str, shot: str, digest: str, pixels: str = "", role: str = "photo") -> Made:
    return Made(path, scene, shot, pixels or shot, digest, role)


ORIGINAL = item("o", "s", "s", "1")
COPY = item("c", "s", "s", "1")
SMALL = item("w", "s", "s", "2", "small")
STAMPED = item("d", "s", "s", "3", "stamped", "marked")
OTHER = item("x", "t", "t", "4")
PART = item("p", "p", "p", "5", role="part")
TRUTH = (ORIGINAL, COPY, SMALL, STAMPED, OTHER, PART)


def test_a_right_grouping_scores_one() -> None:
    right = [Found("exact", "o", ("c",), ("o", "c")), Found("near", "o", ("w",), ("o", "c", "w"))]
    measured = score(TRUTH, right)
    figures = {figure.relation: figure for figure in measured.figures}
    assert (figures["exact"].recall, figures["exact"].precision, figures["exact"].expected) == (1, 1, 1)
    assert (figures["near"].recall, figures["near"].precision, figures["near"].expected) == (1, 1, 2)
    assert not measured.wrong_drops
    assert not measured.false
    assert not measured.missed


def test_what_is_missing_lowers_recall() -> None:
    measured = score(TRUTH, [Found("exact", "o", ("c",), ("o", "c"))])
    assert {f.relation: f.recall for f in measured.figures}["near"] == 0
    assert [missed[:2] for missed in measured.missed] == [("c", "w"), ("o", "w")]


def test_strangers_joined_lower_precision_and_are_named() -> None:
    measured = score(TRUTH, [Found("near", "o", ("x",), ("o", "x"))])
    assert {f.relation: f.precision for f in measured.figures}["near"] == 0
    assert measured.wrong_drops == (("x", "o"),)
    assert measured.false == (("o", "x", "near"),)


def test_a_stamped_copy_may_be_shown_as_similar_but_never_dropped() -> None:
    shown = score(TRUTH, [Found("similar", "o", (), ("o", "d"))])
    assert not shown.false
    assert not shown.wrong_drops
    dropped = score(TRUTH, [Found("near", "o", ("d",), ("o", "d"))])
    assert dropped.wrong_drops == (("d", "o"),)
    assert dropped.false == (("d", "o", "near"),)


def test_a_companion_shown_as_a_photo_is_a_false_pair() -> None:
    assert score(TRUTH, [Found("near", "o", ("p",), ("o", "p"))]).wrong_drops == (("p", "o"),)


def test_a_claim_that_is_too_strong_is_false() -> None:
    measured = score(TRUTH, [Found("exact", "o", ("w",), ("o", "w"))])
    assert measured.false == (("o", "w", "exact"),)
