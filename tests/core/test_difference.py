"""The local-difference veto: what every copy may do is explained away, and what only another picture does is seen."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from dedupe_core.difference import difference
from dedupe_core.features import View
from dedupe_core.homography import Overlay, edge_to_edge, overlay
from tests.pictures import jpeg, scene

Edit = Callable[[Image.Image], Image.Image]
EDGE = 512


def saved(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(BytesIO(jpeg(picture, quality)))


def gamma(picture: Image.Image, exponent: float) -> Image.Image:
    return picture.point([round(255 * (level / 255) ** exponent) for level in range(256)] * 3)


def warmer(picture: Image.Image) -> Image.Image:
    red, green, blue = picture.split()
    return Image.merge("RGB", (red.point(lambda v: min(255, v * 1.15)), green, blue.point(lambda v: v * 0.85)))


def vignette(picture: Image.Image) -> Image.Image:
    y, x = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
    shade = 1 - 0.35 * (x**2 + y**2) / 2
    return Image.fromarray((np.asarray(picture) * shade[..., None]).astype(np.uint8))


EXPLAINED: dict[str, Edit] = {
    "saved at quality 30": lambda im: saved(im, 30),
    "brighter": lambda im: ImageEnhance.Brightness(im).enhance(1.2),
    "more contrast": lambda im: ImageEnhance.Contrast(im).enhance(1.3),
    "gamma": lambda im: gamma(im, 1.4),
    "warmer": warmer,
    "grey": lambda im: ImageOps.grayscale(im).convert("RGB"),
    "pale": lambda im: ImageEnhance.Color(im).enhance(0.5),
    "blurred": lambda im: im.filter(ImageFilter.GaussianBlur(2)),
    "sharpened": lambda im: im.filter(ImageFilter.UnsharpMask(2, 120)),
    "half as large": lambda im: im.resize((im.width // 2, im.height // 2)),
    "darker at its corners": vignette,
}


def stamp(picture: Image.Image) -> Image.Image:
    changed = picture.copy()
    ImageDraw.Draw(changed).text(
        (picture.width * 0.68, picture.height * 0.9), "14 06 2019", fill=(255, 150, 20), font_size=34
    )
    return changed


def painted_over(picture: Image.Image) -> Image.Image:
    """A corrected detail: a twentieth of the width, filled with what lies beside it."""
    changed = picture.copy()
    changed.paste(picture.crop((100, 300, 160, 360)), (600, 300))
    return changed


def sticker(picture: Image.Image) -> Image.Image:
    changed = picture.copy()
    x, y = picture.width // 3, picture.height // 3
    ImageDraw.Draw(changed).ellipse((x, y, x + 90, y + 90), fill=(250, 220, 40), outline=(20, 20, 20), width=4)
    return changed


CHANGED: dict[str, Edit] = {"a date stamp": stamp, "a corrected detail": painted_over, "a sticker": sticker}


def laid(a: Image.Image, b: Image.Image) -> Overlay:
    first, second = (View(np.asarray(one.convert("RGB"))) for one in (a, b))
    return overlay(first, second, edge_to_edge(first, second), EDGE, colour=True)


def strength(a: Image.Image, b: Image.Image) -> float:
    found = difference(laid(a, b))
    assert found is not None
    return found.strength


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("how", EXPLAINED)
def test_what_every_copy_may_do_is_no_difference(how: str, seed: int) -> None:
    picture = scene(seed, 960, 720)
    assert strength(picture, EXPLAINED[how](picture)) <= 1


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("what", CHANGED)
def test_a_small_region_that_changed_is_seen(what: str, seed: int) -> None:
    picture = scene(seed, 960, 720)
    assert strength(picture, CHANGED[what](picture)) > 1


@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_region_is_seen_through_edits_of_all_the_rest(what: str) -> None:
    picture = scene(3, 960, 720)
    edited = saved(ImageEnhance.Brightness(CHANGED[what](picture)).enhance(1.15), 70)
    assert strength(picture, edited) > 1


def test_the_share_that_changed_is_about_as_large_as_what_was_painted() -> None:
    picture = scene(1, 960, 720)
    found = difference(laid(picture, sticker(picture)))
    assert found is not None
    assert 0.001 < found.changed < 0.1


def test_which_of_the_two_was_changed_does_not_matter() -> None:
    picture = scene(2, 960, 720)
    for change in CHANGED.values():
        assert strength(change(picture), picture) > 1


@given(
    seed=st.integers(0, 5),
    step=st.tuples(*[st.integers(-40, 40)] * 3),
    side=st.integers(20, 90),
    contrast=st.sampled_from([0.6, 1.0, 1.5]),
)
@settings(max_examples=40, deadline=None)
def test_the_quick_answer_hides_nothing_that_the_long_one_finds(
    seed: int, step: tuple[int, int, int], side: int, contrast: float
) -> None:
    picture = scene(seed, 640, 480)
    levels = np.asarray(picture).astype(int)
    levels[200 : 200 + side, 300 : 300 + side] += step
    other = ImageEnhance.Contrast(Image.fromarray(levels.clip(0, 255).astype(np.uint8))).enhance(contrast)
    pair = laid(saved(picture, 90), saved(other, 80))
    quick = difference(pair)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dedupe_core.difference._plainly_equal", lambda *_: False)
        long = difference(pair)
    assert quick is not None
    assert long is not None
    assert quick == long or long.strength < 1


def test_too_little_in_common_says_nothing() -> None:
    frame = np.zeros((200, 300, 3), np.uint8)
    covered = np.zeros((200, 300), np.bool_)
    covered[:20] = True
    assert difference(Overlay(frame, frame, covered, swapped=False)) is None
