"""What an edit changed everywhere: measured on pictures that are made here."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from dedupe_core.compare import Hint, compare
from dedupe_core.features import View
from dedupe_core.model import Evidence
from tests.pictures import jpeg, scene

Make = Callable[[Image.Image], Image.Image]
WHOLE = scene(4, 1000, 750)
PLAIN = {"tone": 2.0, "colour": 4.0, "detail": 0.18, "grain": 3.5}


def resaved(quality: int) -> Make:
    return lambda picture: Image.open(BytesIO(jpeg(picture, quality)))


def noisy(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(1).normal(0, 14, np.asarray(picture).shape)
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def warmer(picture: Image.Image) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(picture) * np.array([1.1, 1.0, 0.85]), 0, 255).astype(np.uint8))


def middle(picture: Image.Image) -> Image.Image:
    return picture.crop((100, 80, 900, 680))


def view(picture: Image.Image) -> View:
    small = picture.convert("RGB")
    small.thumbnail((500, 500), Image.Resampling.BOX)
    return View(np.asarray(small))


def compared(one: Image.Image, other: Image.Image) -> Evidence:
    return compare(view(one), view(other), Hint(60 if one.size == other.size else 110))


COPIES: dict[str, Make] = {
    "saved again": resaved(60),
    "saved hard": resaved(30),
    "smaller": lambda picture: picture.resize((500, 375), Image.Resampling.LANCZOS),
    "larger": lambda picture: picture.resize((1500, 1125), Image.Resampling.BICUBIC),
    "cropped": middle,
    "turned a little": lambda picture: middle(picture.rotate(2, Image.Resampling.BICUBIC)),
}
EDITS: dict[str, tuple[str, Make]] = {
    "brighter": ("tone", lambda picture: ImageEnhance.Brightness(picture).enhance(1.2)),
    "more contrast": ("tone", lambda picture: ImageEnhance.Contrast(picture).enhance(1.3)),
    "grey": ("colour", lambda picture: ImageOps.grayscale(picture).convert("RGB")),
    "more colour": ("colour", lambda picture: ImageEnhance.Color(picture).enhance(1.6)),
    "warmer": ("colour", warmer),
    "blurred": ("detail", lambda picture: picture.filter(ImageFilter.GaussianBlur(2.5))),
    "sharpened": ("detail", lambda picture: picture.filter(ImageFilter.UnsharpMask(2, 200))),
    "noisy": ("grain", noisy),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_changes_less_than_half_of_what_a_plain_edit_does(name: str) -> None:
    found = compared(WHOLE, COPIES[name](WHOLE))
    for measure, plain in PLAIN.items():
        assert abs(getattr(found, measure)) < plain / 2, measure


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_shows_in_what_it_changed(name: str) -> None:
    measure, make = EDITS[name]
    assert abs(getattr(compared(WHOLE, make(WHOLE)), measure)) > PLAIN[measure] / 2


def test_an_edit_shows_through_a_crop_and_another_size() -> None:
    brighter = ImageEnhance.Brightness(middle(WHOLE)).enhance(1.2).resize((600, 450), Image.Resampling.LANCZOS)
    assert (compared(WHOLE, brighter).tone or 0) > PLAIN["tone"]


def test_a_sticker_is_no_change_of_tone() -> None:
    stuck = WHOLE.copy()
    stuck.paste((255, 214, 0), (650, 200, 900, 420))
    found = compared(WHOLE, stuck)
    assert (found.tone or 0) < PLAIN["tone"] / 2
    assert (found.difference or 0) > 1


@pytest.mark.parametrize("name", EDITS)
def test_the_change_is_the_same_both_ways_round_and_noise_has_a_side(name: str) -> None:
    _, make = EDITS[name]
    there, back = compared(WHOLE, make(WHOLE)), compared(make(WHOLE), WHOLE)
    assert (there.tone, there.colour, there.detail) == pytest.approx((back.tone, back.colour, back.detail), abs=0.02)
    assert there.grain == pytest.approx(-(back.grain or 0), abs=0.02)


def test_pictures_that_are_burnt_out_have_no_noise_to_compare() -> None:
    white = Image.new("RGB", (1000, 750), (255, 255, 255))
    white.paste(WHOLE.crop((0, 0, 200, 150)), (400, 300))
    assert compared(white, resaved(90)(white)).grain is None
