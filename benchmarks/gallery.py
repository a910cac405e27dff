"""Folders of photos for the benchmarks: made up, textured so that a JPEG is as heavy as a camera's, with known copies.

A folder is made once for its parameters and used again; delete it to have it made anew.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class Gallery:
    """`originals` photos of `width` × `height`; of each `every`-th a byte copy and a smaller, recompressed one."""

    folder: Path
    originals: int
    width: int
    height: int
    every: int = 10

    @property
    def files(self) -> list[Path]:
        """All files in the order of their names."""
        return sorted(self.folder.glob("*/*.jpg"))

    @property
    def truth(self) -> set[frozenset[str]]:
        """Names of the pairs that are copies."""
        copied = range(0, self.originals, self.every)
        trios = ((f"{n:05d}.jpg", f"{n:05d}-again.jpg", f"{n:05d}-small.jpg") for n in copied)
        return {frozenset(pair) for a, b, c in trios for pair in ((a, b), (a, c), (b, c))}


def gallery(count: int, width: int, height: int, base: Path | None = None, every: int = 10) -> Gallery:
    """About `count` files, copies included, made by all cores."""
    base = base or Path(tempfile.gettempdir()) / "keepone-benchmarks"
    originals = max(1, count * every // (every + 2))
    name = f"{originals}-{width}x{height}" + ("" if every == 10 else f"-{every}")
    made = Gallery(base / name, originals, width, height, every)
    if not (made.folder / "done").exists():
        shutil.rmtree(made.folder, ignore_errors=True)
        with ProcessPoolExecutor() as pool:
            for _ in pool.map(partial(_make, made), range(originals), chunksize=4):
                pass
        (made.folder / "done").touch()
    return made


def _make(made: Gallery, number: int) -> None:
    folder = made.folder / f"{number // 500:03d}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:05d}.jpg"
    picture = photo(number, made.width, made.height)
    picture.save(path, quality=88)
    if number % made.every == 0:
        shutil.copyfile(path, path.with_name(f"{number:05d}-again.jpg"))
        small = picture.resize((made.width * 3 // 4, made.height * 3 // 4), Image.Resampling.LANCZOS)
        small.save(path.with_name(f"{number:05d}-small.jpg"), quality=75)


def photo(seed: int, width: int, height: int) -> Image.Image:
    """One picture from its seed: soft colours, a hundred shapes, and grain that makes 12 megapixels 3 to 5 MB."""
    draw = np.random.default_rng(seed)
    rough = draw.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for box, color in _shapes(draw, width, height):
        pen.ellipse(box, fill=color)
    tile = draw.normal(0, 9, (512, 512, 1)).astype(np.float32)
    grain = np.tile(tile, (-(-height // 512), -(-width // 512), 1))[:height, :width]
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def _shapes(draw: np.random.Generator, width: int, height: int) -> Iterator[tuple[list[int], tuple[int, int, int]]]:
    for _ in range(100):
        x, y = int(draw.integers(0, width)), int(draw.integers(0, height))
        w, h = int(draw.integers(width // 50, width // 6)), int(draw.integers(height // 50, height // 6))
        red, green, blue = (int(value) for value in draw.integers(0, 256, 3))
        yield [x, y, x + w, y + h], (red, green, blue)
