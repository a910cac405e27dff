"""Pictures drawn from random numbers: rich enough that copies are recognised and strangers are not.

Every scene is `f(rng, width, height) -> uint8 array (height, width, 3)`, RGB; the same generator state gives the same
picture. Detail exists at all scales, as in photos: large areas for the perceptual hash, corners for local features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]
Rng = np.random.Generator
Scene = Callable[[Rng, int, int], Picture]

_WORDS = (  # noqa: SIM905 - words are read more easily so
    "oat sugar invoice garden winter number street paid total lamp paper school morning letter window table bread "
    "train copper value office report second winter river answer account summer kitchen doctor member section"
).split()


def noise(rng: Rng, width: int, height: int, coarsest: int, roughness: float = 0.6) -> Field:
    """Fractal value noise in [0, 1], float32 (height, width): octaves from `coarsest` cells across, each finer one
    weaker by `roughness`."""
    total = np.zeros((height, width), np.float32)
    weight, cells = 1.0, coarsest
    while cells < width // 2:
        grid = rng.random((max(2, cells * height // width), cells), np.float32)
        total += weight * np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))
        weight *= roughness
        cells *= 2
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def tint(field: Field, dark: Field, light: Field) -> Field:
    """A grey field as colours between two, float32 (height, width, 3)."""
    return np.asarray(dark + field[..., None] * (light - dark), np.float32)


def colour(rng: Rng, low: int = 20, high: int = 236) -> Field:
    """A random RGB colour of moderate saturation, float32 (3,)."""
    full = rng.integers(low, high, 3).astype(np.float32)
    return np.asarray(full.mean() + 0.7 * (full - full.mean()), np.float32)


def landscape(rng: Rng, width: int, height: int) -> Picture:
    """Clouds, ridges one behind the other and a meadow."""
    canvas = tint(noise(rng, width, height, 3), colour(rng, 90, 190), colour(rng, 180, 250))
    rows = np.arange(height, dtype=np.float32)[:, None]
    for layer in range(rng.integers(3, 6)):
        ridge = noise(rng, width, 8, int(rng.integers(3, 9)))[0]
        top = height * (0.15 + 0.14 * layer + 0.35 * ridge)
        mask = rows > top[None, :]
        shade = tint(noise(rng, width, height, 6, 0.65), colour(rng, 10, 110), colour(rng, 90, 220))
        canvas[mask] = shade[mask]
    return _scatter(rng, _picture(canvas), int(rng.integers(15, 30)), 0.06)


def town(rng: Rng, width: int, height: int) -> Picture:
    """Houses of many colours with windows, some of them lit."""
    image = Image.fromarray(_picture(tint(noise(rng, width, height, 2), colour(rng, 60, 160), colour(rng, 160, 250))))
    draw = ImageDraw.Draw(image)
    left = -int(rng.integers(0, 60))
    while left < width:
        wide = int(rng.integers(60, 190))
        top = int(rng.integers(height // 8, height * 3 // 4))
        draw.rectangle((left, top, left + wide, height), fill=_fill(colour(rng, 30, 210)))
        _windows(rng, draw, (left, top, wide, height))
        left += wide + int(rng.integers(-10, 12))
    return _grain(rng, np.asarray(image), 5)


def _windows(rng: Rng, draw: ImageDraw.ImageDraw, house: tuple[int, int, int, int]) -> None:
    left, top, wide, bottom = house
    step_x, step_y = int(rng.integers(16, 34)), int(rng.integers(18, 44))
    lit, dark = _fill(colour(rng, 160, 255)), _fill(colour(rng, 10, 90))
    for y in range(top + 10, bottom - step_y, step_y):
        for x in range(left + 8, left + wide - step_x // 2, step_x):
            size = int(rng.integers(step_x // 3, step_x * 3 // 4))
            draw.rectangle((x, y, x + size, y + step_y * 3 // 5), fill=lit if rng.random() < 0.4 else dark)


def portrait(rng: Rng, width: int, height: int) -> Picture:
    """A head and shoulders before a blurred background."""
    back = Image.fromarray(_picture(tint(noise(rng, width, height, 4), colour(rng, 20, 120), colour(rng, 110, 240))))
    back = Image.fromarray(_scatter(rng, np.asarray(back), 40, 0.14)).filter(ImageFilter.GaussianBlur(5))
    draw = ImageDraw.Draw(back)
    x, y = width * rng.uniform(0.32, 0.68), height * rng.uniform(0.36, 0.48)
    r = height * rng.uniform(0.15, 0.22)
    skin = colour(rng, 110, 225)
    draw.ellipse((x - 2.6 * r, y + 1.2 * r, x + 2.6 * r, y + 6 * r), fill=_fill(colour(rng)))
    _stripes(rng, draw, (x - 2.2 * r, y + 1.9 * r, x + 2.2 * r, float(height)))
    draw.ellipse((x - 1.15 * r, y - 1.5 * r, x + 1.15 * r, y + 0.9 * r), fill=_fill(colour(rng, 10, 120)))
    draw.ellipse((x - 0.85 * r, y - 1.1 * r, x + 0.85 * r, y + 1.25 * r), fill=_fill(skin))
    _face(rng, draw, x, y, r)
    return _grain(rng, np.asarray(back), 6)


def _stripes(rng: Rng, draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    first, second = _fill(colour(rng)), _fill(colour(rng))
    step = float(rng.uniform(14, 34))
    for number in range(int((bottom - top) / step)):
        y = top + number * step
        draw.line((left, y, right, y + float(rng.uniform(-30, 30))), fill=first if number % 2 else second, width=6)


def _face(rng: Rng, draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    dark = _fill(colour(rng, 0, 70))
    for side in (-1, 1):
        eye = x + side * r * 0.36
        draw.ellipse((eye - r * 0.17, y - r * 0.22, eye + r * 0.17, y - r * 0.02), fill=(245, 245, 240))
        draw.ellipse((eye - r * 0.08, y - r * 0.2, eye + r * 0.08, y - r * 0.04), fill=dark)
        draw.line((eye - r * 0.2, y - r * 0.36, eye + r * 0.2, y - r * rng.uniform(0.3, 0.42)), fill=dark, width=5)
    draw.line((x, y, x - r * 0.1, y + r * 0.35, x + r * 0.08, y + r * 0.36), fill=dark, width=4)
    draw.arc((x - r * 0.4, y + r * 0.3, x + r * 0.4, y + r * 0.85), 15, 165, fill=(150, 40, 50), width=8)


def table(rng: Rng, width: int, height: int) -> Picture:
    """Things of many shapes on a patterned cloth."""
    cloth = _picture(tint(noise(rng, width, height, 5, 0.65), colour(rng, 30, 140), colour(rng, 130, 240)))
    return _grain(rng, _scatter(rng, cloth, int(rng.integers(45, 80)), 0.16), 5)


def wood(rng: Rng, width: int, height: int) -> Picture:
    """Trunks before leaves."""
    image = Image.fromarray(
        _picture(tint(noise(rng, width, height, 12, 0.7), colour(rng, 5, 90), colour(rng, 100, 240)))
    )
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(9, 20)):
        x, wide = rng.uniform(0, width), rng.uniform(8, 46)
        lean = rng.uniform(-70, 70)
        draw.polygon(
            [(x, 0), (x + wide, 0), (x + wide + lean, height), (x + lean, height)], fill=_fill(colour(rng, 10, 130))
        )
    return _scatter(rng, _grain(rng, np.asarray(image), 6), 25, 0.05)


def night(rng: Rng, width: int, height: int) -> Picture:
    """Lights in the dark: little to compare, as the risky photos are."""
    canvas = tint(noise(rng, width, height, 3) ** 3, np.full(3, 4, np.float32), np.full(3, 34, np.float32))
    image = Image.fromarray(_picture(canvas))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(14, 26)):
        x, y, r = rng.uniform(0, width), rng.uniform(height * 0.2, height), rng.uniform(2, 13)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=_fill(colour(rng, 120, 256)))
    return _grain(rng, np.asarray(image.filter(ImageFilter.GaussianBlur(1.2))), 5)


def sky(rng: Rng, width: int, height: int) -> Picture:
    """Almost nothing: one colour running into another. Two of these must never be called the same photo."""
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    return _grain(rng, _picture(tint(ramp, colour(rng, 90, 150), colour(rng, 170, 240))), 3)


def document(rng: Rng, width: int, height: int) -> Picture:
    """A typed page: one layout, other words."""
    image = Image.new("RGB", (width, height), (250, 249, 245))
    draw = ImageDraw.Draw(image)
    size = max(14, height // 38)
    font, bold = ImageFont.load_default(size), ImageFont.load_default(size * 2)
    draw.text((width * 0.1, height * 0.06), " ".join(_words(rng, 2)).upper(), fill=(20, 20, 30), font=bold)
    for line in range(24):
        text = " ".join(_words(rng, 9)) if line % 6 else ""
        draw.text(
            (width * 0.1, height * 0.16 + line * size * 1.28),
            text[: int(width / size * 1.5)],
            fill=(30, 30, 35),
            font=font,
        )
    draw.text(
        (width * 0.62, height * 0.93), f"{rng.integers(100, 9999)}.{rng.integers(10, 99)}", fill=(20, 20, 30), font=font
    )
    return _grain(rng, np.asarray(image), 3)


def _words(rng: Rng, count: int) -> list[str]:
    return [str(word) for word in rng.choice(_WORDS, count)]


def _scatter(rng: Rng, picture: Picture, count: int, largest: float) -> Picture:
    """Random shapes on a picture; `largest` is the greatest radius as a share of the width."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        _shape(rng, draw, image.width, image.height, largest)
    return np.asarray(image)


def _shape(rng: Rng, draw: ImageDraw.ImageDraw, width: int, height: int, largest: float) -> None:
    x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
    a, b = (float(v) for v in rng.uniform(0.2, 1.0, 2) * largest * width)
    fill, edge = _fill(colour(rng, 0, 256)), _fill(colour(rng, 0, 256))
    match int(rng.integers(4)):
        case 0:
            draw.ellipse((x - a, y - b, x + a, y + b), fill=fill, outline=edge, width=3)
        case 1:
            draw.rectangle((x - a, y - b, x + a, y + b), fill=fill, outline=edge, width=3)
        case 2:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
            draw.polygon([(x + a * np.cos(t), y + b * np.sin(t)) for t in angles], fill=fill, outline=edge)
        case _:
            draw.line(
                (x, y, x + 2 * a - largest * width, y + 2 * b - largest * width),
                fill=fill,
                width=int(rng.integers(3, 12)),
            )


def _grain(rng: Rng, picture: Picture, strength: int) -> Picture:
    """Sensor noise of the given peak, the same in all channels."""
    grain = rng.integers(-strength, strength + 1, picture.shape[:2], np.int16)
    return np.asarray(np.clip(picture.astype(np.int16) + grain[..., None], 0, 255), np.uint8)


def _picture(canvas: Field) -> Picture:
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _fill(rgb: Field) -> tuple[int, int, int]:
    return int(rgb[0]), int(rgb[1]), int(rgb[2])


SCENES: Mapping[str, Scene] = {
    "landscape": landscape,
    "town": town,
    "portrait": portrait,
    "table": table,
    "wood": wood,
    "night": night,
    "sky": sky,
    "document": document,
}
