"""Laying one picture on another: where it lies, how far it agrees, and what each shows beyond."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dedupe_core.compare import Hint, compare
from dedupe_core.features import View, turned
from dedupe_core.homography import align, edge_to_edge, overlay
from tests.pictures import scene

Box = tuple[float, float, float, float]
TRANSPOSITIONS = (
    None,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
)


def view(picture: Image.Image) -> View:
    small = picture.copy()
    small.thumbnail((500, 500), Image.Resampling.BOX)
    return View(np.asarray(small.convert("RGB")))


def cut(picture: Image.Image, box: Box) -> Image.Image:
    width, height = picture.size
    return picture.crop((int(box[0] * width), int(box[1] * height), int(box[2] * width), int(box[3] * height)))


@pytest.mark.parametrize("symmetry", range(8))
def test_turning_is_what_pillow_does(symmetry: int) -> None:
    picture = scene(1, 60, 40)
    how = TRANSPOSITIONS[symmetry]
    expected = picture if how is None else picture.transpose(how)
    assert np.array_equal(turned(np.asarray(picture), symmetry), np.asarray(expected))


@pytest.mark.parametrize("symmetry", range(8))
def test_a_turned_picture_is_laid_back_by_its_symmetry(symmetry: int) -> None:
    picture = scene(2, 800, 600)
    inverse = (0, 3, 2, 1, 4, 5, 6, 7)[symmetry]
    how = TRANSPOSITIONS[inverse]
    other = picture if how is None else picture.transpose(how)
    found = compare(view(picture), view(other), Hint(0, symmetry))
    assert found.block_median > 0.98
    assert (found.overlap_a, found.overlap_b) == (1.0, 1.0)


@pytest.mark.parametrize("box", [(0.1, 0.1, 0.9, 0.9), (0.0, 0.0, 0.7, 0.8), (0.3, 0.2, 1.0, 1.0)])
def test_a_crop_lies_where_it_was_cut(box: Box) -> None:
    picture = scene(3, 1000, 750)
    found = compare(view(picture), view(cut(picture, box)), Hint(110))
    share = (box[2] - box[0]) * (box[3] - box[1])
    assert found.inliers >= 15
    assert found.overlap_a == pytest.approx(share, abs=0.03)
    assert found.overlap_b > 0.97
    assert found.block_median > 0.95
    assert found.difference is not None
    assert found.difference <= 1
    assert found.margin_a == pytest.approx(1 - share, abs=0.25)
    assert found.margin_b == pytest.approx(0, abs=0.02)


def test_a_border_is_no_larger_view() -> None:
    picture = scene(4, 800, 600)
    framed = Image.new("RGB", (1000, 800), "white")
    framed.paste(picture, (100, 100))
    found = compare(view(picture), view(framed), Hint(100))
    assert found.overlap_b < 0.7
    assert found.margin_b is not None
    assert found.margin_b < 0.03


def test_the_bars_of_a_screen_beyond_a_plain_frame_are_no_larger_view() -> None:
    picture = scene(4, 800, 600)
    screen = Image.new("RGB", (800, 1400), "black")
    for height in (0, 1250):
        screen.paste(scene(9, 800, 120), (0, height))
    screen.paste(picture, (0, 400))
    found = compare(view(picture), view(screen), Hint(100))
    assert found.overlap_b < 0.6
    assert (found.margin_b, found.framed_a, found.framed_b) == (0.0, False, True)


def test_a_scene_that_goes_on_beyond_a_plain_sky_is_a_larger_view() -> None:
    whole = scene(4, 800, 900)
    whole.paste((200, 215, 235), (0, 200, 800, 340))
    crop = whole.crop((0, 260, 800, 900))
    found = compare(view(whole), view(crop), Hint(100))
    assert found.margin_a is not None
    assert found.margin_a > 0.1
    assert (found.framed_a, found.framed_b) == (False, False)


def test_the_other_way_round_measures_the_same() -> None:
    picture = scene(5, 1000, 750)
    crop = cut(picture, (0.1, 0.1, 0.8, 0.9))
    one, other = compare(view(picture), view(crop), Hint(100)), compare(view(crop), view(picture), Hint(100))
    assert one.overlap_a == pytest.approx(other.overlap_b, abs=0.02)
    assert one.block_median == pytest.approx(other.block_median, abs=0.05)


def test_two_scenes_do_not_lie_on_each_other() -> None:
    for seed in range(6):
        found = compare(view(scene(seed, 800, 600)), view(scene(seed + 50, 800, 600)), Hint(60))
        assert found.block_median < 0.5
        assert found.difference is None, "nothing dear is measured of what is no copy"


def test_two_shots_that_share_half_of_their_fields_are_no_copies() -> None:
    wide = scene(6, 1400, 700)
    found = compare(view(wide.crop((0, 0, 1000, 700))), view(wide.crop((450, 0, 1400, 700))), Hint(110))
    assert max(found.overlap_a, found.overlap_b) < 0.7
    assert found.difference is None


@pytest.mark.parametrize(("replaced", "looks"), [(0.06, 1), (0.2, 0)])
def test_a_pair_is_looked_at_nearer_only_while_it_may_be_a_copy(replaced: float, looks: int) -> None:
    """A region that differs may be moiré; where so much disagrees that it is no copy anyway, that is not asked."""
    picture, looked = scene(3, 1000, 750), list[str]()
    other = picture.copy()
    other.paste(scene(9, 1000, 750).crop((0, 0, round(1000 * replaced), 750)))

    def finer() -> tuple[View, View]:
        looked.append("nearer")
        return view(picture), view(other)

    found = compare(view(picture), view(other), Hint(20), finer)
    assert found.difference is not None
    assert found.difference > 1
    assert found.agrees == bool(looks)
    assert len(looked) == looks


def test_a_picture_without_features_has_no_alignment() -> None:
    blank = View(np.full((300, 400, 3), 128, np.uint8))
    assert align(blank, blank) is None
    found = compare(blank, blank, Hint(0, flat=True))
    assert found.blocks == 0
    assert found.fine_blocks == 0


def test_detail_is_never_invented() -> None:
    large, small = view(scene(7, 1000, 750)), View(np.asarray(scene(7, 1000, 750).resize((120, 90))))
    pair = overlay(large, small, edge_to_edge(large, small), 500)
    assert pair.base.shape == pair.warped.shape == (90, 120)
