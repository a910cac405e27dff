"""What copies and edits change, on photos that no figure of the learner counts: the numbers behind the constants of
feedback/features.py.

    python benchmarks/changes.py [--testdata ../shared/testdata] [--photos 24] [--keep DIR]

The photos are the single ones of the evaluation data that are no source of its variants and in no labelled pair. The
variants are made here, in other ways and strengths than those of the evaluation data. Printed are the 5th, 50th and
95th percentile of each measured change, and what "keep my edits apart" learns of these pairs alone: mean balanced
accuracy of twelve splits of the photos, from answers in random order.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import feedback_pairs as measured
import numpy as np
from learning import PEOPLE, Split, Table, answers, balanced, first, learner
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from dedupe_core import decode
from dedupe_core.features import View
from feedback.learner import shipped

COUNTS = (0, 10, 20, 40)
SEEDS = 12
MEASURES = ("tone", "colour", "detail", "grain", "difference")

Dice = np.random.Generator
Picture = Image.Image
Make = Callable[[Picture, Dice], bytes]


def jpeg(picture: Picture, quality: float = 90) -> bytes:
    """A file of this quality."""
    out = BytesIO()
    picture.save(out, "JPEG", quality=int(quality))
    return out.getvalue()


def other(picture: Picture, kind: str, **options: int) -> bytes:
    """A file of another format."""
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def scaled(picture: Picture, share: float) -> Picture:
    """Smaller or larger."""
    width, height = (max(8, round(side * share)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def cut(picture: Picture, dice: Dice, least: float, most: float) -> Picture:
    """Without a share of its width and of its height, anywhere."""
    (width, height), gone = picture.size, dice.dirichlet(np.ones(4)) * dice.uniform(least, most)
    left, upper, right, lower = (float(share) for share in gone)
    return picture.crop((int(width * left), int(height * upper), int(width * (1 - right)), int(height * (1 - lower))))


def turned(picture: Picture, degrees: float) -> Picture:
    """Turned a little, and cut to what is left of it in its own shape."""
    (width, height), angle = picture.size, np.deg2rad(abs(degrees))
    share = 1 / (np.cos(angle) + np.sin(angle) * max(width / height, height / width))
    w, h = width * share, height * share
    box = tuple(int(side) for side in ((width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2))
    return picture.rotate(degrees, Image.Resampling.BICUBIC).crop(box)  # type: ignore[arg-type]


def levels(picture: Picture, change: Callable[[Any], Any]) -> Picture:
    """The grey levels of its channels, changed."""
    return Image.fromarray(np.clip(change(np.asarray(picture, np.float32)) + 0.5, 0, 255).astype(np.uint8))


def mixed(picture: Picture, red: float, green: float, blue: float) -> Picture:
    """Each channel brighter or darker."""
    return levels(picture, lambda x: x * np.array((red, green, blue)))


def written(picture: Picture, dice: Dice) -> Picture:
    """With a line of text somewhere."""
    made, (width, height) = picture.copy(), picture.size
    font = ImageFont.load_default(max(11, height / dice.uniform(12, 30)))
    ink = tuple(int(level) for level in dice.integers(0, 255, 3))
    place = (width * dice.uniform(0.05, 0.5), height * dice.uniform(0.05, 0.9))
    ImageDraw.Draw(made).text(place, str(dice.choice(("24.12.2003", "Rome, Italy", "08/15/11 10:02 PM"))), ink, font)
    return made


def covered(picture: Picture, dice: Dice) -> Picture:
    """With something plain laid on it."""
    made, (width, height) = picture.copy(), picture.size
    x, y, size = width * dice.uniform(0.1, 0.6), height * dice.uniform(0.1, 0.6), min(width, height) / 4
    ink = tuple(int(level) for level in dice.integers(0, 255, 3))
    ImageDraw.Draw(made).rounded_rectangle((x, y, x + size, y + size), size / 5, ink)
    return made


def barred(picture: Picture, dice: Dice) -> Picture:
    """Bars above and below."""
    share, tone = dice.uniform(0.05, 0.3), int(dice.choice((0, 30, 255)))
    made = Image.new("RGB", (picture.width, round(picture.height * (1 + 2 * share))), (tone, tone, tone))
    made.paste(picture, (0, round(picture.height * share)))
    return made


def framed(picture: Picture, dice: Dice) -> Picture:
    """A border all around."""
    tone = tuple(int(level) for level in dice.choice((0, 128, 255), 3))
    return ImageOps.expand(picture, round(min(picture.size) * dice.uniform(0.03, 0.15)), tone)


def _brightness(p: Picture, low: float, high: float, dice: Dice) -> Picture:
    return ImageEnhance.Brightness(p).enhance(dice.uniform(low, high))


MADE: Mapping[str, tuple[str, Make]] = {
    "saved well": ("copy", lambda p, dice: jpeg(p, dice.uniform(60, 96))),
    "saved": ("copy", lambda p, dice: jpeg(p, dice.uniform(30, 60))),
    "saved badly": ("copy", lambda p, dice: jpeg(p, dice.uniform(8, 25))),
    "smaller": ("copy", lambda p, dice: jpeg(scaled(p, dice.uniform(0.3, 0.95)), 87)),
    "tiny": ("copy", lambda p, dice: jpeg(scaled(p, dice.uniform(0.12, 0.25)), 85)),
    "larger": ("copy", lambda p, dice: jpeg(scaled(p, dice.uniform(1.1, 2)))),
    "webp": ("copy", lambda p, dice: other(p, "WEBP", quality=int(dice.integers(40, 85)))),
    "sent twice": ("copy", lambda p, dice: jpeg(Image.open(BytesIO(jpeg(scaled(p, 0.7), 50))), dice.uniform(40, 70))),
    "cut little": ("crop", lambda p, dice: jpeg(cut(p, dice, 0.04, 0.12))),
    "cut": ("crop", lambda p, dice: jpeg(cut(p, dice, 0.12, 0.3))),
    "cut much": ("crop", lambda p, dice: jpeg(cut(p, dice, 0.3, 0.6))),
    "straightened": ("geom", lambda p, dice: jpeg(turned(p, dice.uniform(0.6, 2.5)))),
    "turned": ("geom", lambda p, dice: jpeg(turned(p, dice.uniform(-8, -3)))),
    "mirrored": ("geom", lambda p, dice: jpeg(ImageOps.mirror(p) if dice.random() < 0.5 else ImageOps.flip(p))),
    "squeezed": ("geom", lambda p, dice: jpeg(p.resize((p.width, round(p.height * dice.uniform(0.7, 1.3)))))),
    "brighter": ("edit", lambda p, dice: jpeg(_brightness(p, 1.12, 1.5, dice))),
    "darker": ("edit", lambda p, dice: jpeg(_brightness(p, 0.55, 0.88, dice))),
    "contrast": ("edit", lambda p, dice: jpeg(ImageEnhance.Contrast(p).enhance(dice.choice((0.7, 0.8, 1.2, 1.4))))),
    "gamma": ("edit", lambda p, dice: jpeg(_gamma(p, float(dice.choice((0.6, 0.75, 1.3, 1.6)))))),
    "levelled": ("edit", lambda p, _: jpeg(ImageOps.autocontrast(p, 1))),
    "saturation": ("edit", lambda p, dice: jpeg(ImageEnhance.Color(p).enhance(dice.choice((0.4, 0.6, 1.4, 1.8))))),
    "grey": ("edit", lambda p, _: jpeg(ImageOps.grayscale(p).convert("RGB"))),
    "cooler": ("edit", lambda p, _: jpeg(mixed(p, 0.85, 1, 1.15))),
    "filter": ("edit", lambda p, _: jpeg(ImageEnhance.Color(mixed(p, 1.2, 1.1, 0.95)).enhance(0.8), 85)),
    "sharpened": ("edit", lambda p, dice: jpeg(p.filter(ImageFilter.UnsharpMask(2, int(dice.integers(80, 220)))))),
    "softened": ("edit", lambda p, dice: jpeg(p.filter(ImageFilter.GaussianBlur(dice.uniform(1.2, 2.5))))),
    "blurred": ("edit", lambda p, dice: jpeg(p.filter(ImageFilter.GaussianBlur(dice.uniform(3, 6))))),
    "noise": ("edit", lambda p, dice: jpeg(levels(p, lambda x: x + dice.normal(0, dice.uniform(7, 16), x.shape)), 88)),
    "framed": ("overlay", lambda p, dice: jpeg(framed(p, dice))),
    "bars": ("overlay", lambda p, dice: jpeg(barred(p, dice))),
    "text": ("overlay", lambda p, dice: jpeg(written(p, dice))),
    "sticker": ("overlay", lambda p, dice: jpeg(covered(p, dice))),
    "cut, darker": (
        "combo",
        lambda p, dice: jpeg(scaled(_brightness(cut(p, dice, 0.05, 0.2), 0.8, 0.9, dice), 0.6), 70),
    ),
    "cut, text": ("combo", lambda p, dice: jpeg(scaled(written(cut(p, dice, 0.05, 0.2), dice), 0.6), 70)),
}
"""Names, the kind that the learner's people think of, and how they are made."""


def _gamma(picture: Picture, power: float) -> Picture:
    return levels(picture, lambda x: 255 * (x / 255) ** power)


def photos_of(folder: Path) -> list[dict[str, str]]:
    """The single photos that no figure counts."""
    rows = _rows(folder / "labels.csv")
    named = {row["id"] for row in _rows(folder / "variant_sources.csv")}
    named |= {row[side] for row in _rows(folder / "pairs.csv") for side in "ab"}
    counted = {row["scene"] for row in rows if row["id"] in named}
    return [row for row in rows if row["kind"] == "source" and row["scene"] not in counted]


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _of_photo(job: tuple[str, dict[str, str]]) -> list[dict[str, Any]]:
    """A photo against its variants, as `feedback_pairs` measures a source."""
    folder, row = Path(job[0]), job[1]
    data = (folder / row["path"]).read_bytes()
    original, view, picture = measured.signed(data, row), View(decode.rgb(data, 500)), Image.open(BytesIO(data))
    vector, found = measured.vector_of(data), []
    for name, (kind, make) in MADE.items():
        dice = np.random.default_rng(int(measured.lot(f"{row['id']} {name}") * 2**48))
        made = make(picture.convert("RGB"), dice)
        known = dice.random() < measured.KEEPS_TIME
        signed = replace(
            measured.signed(made, None),
            taken_at=original.taken_at if known else None,
            camera=original.camera if known else "",
        )
        evidence = measured.evidence_of(original, view, data, signed, made)
        vectors = (vector, measured.vector_of(made))
        found.append({"name": name} | measured.row_of((row["scene"],), kind, original, signed, evidence, vectors))
    return found


def pairs(folder: Path, keep: Path | None, count: int) -> tuple[list[str], Table]:
    """The names of the variants and their pairs; measured once and kept in `keep` if it is given."""
    with tempfile.TemporaryDirectory() as scratch:
        file = (keep or Path(scratch)) / f"changes-{count}.jsonl"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            jobs = [(str(folder), row) for row in photos_of(folder)[:count]]
            with ProcessPoolExecutor(os.cpu_count()) as pool:
                rows = [json.dumps(row) + "\n" for found in pool.map(_of_photo, jobs) for row in found]
            file.write_text("".join(rows))
        raw = [json.loads(line) for line in file.read_text().splitlines()]
    found = [measured.labelled(row, at) for at, row in enumerate(raw)]
    names = [row["name"] for row, one in zip(raw, found, strict=True) if not one.evidence.pixels_equal]
    return names, Table(found)


def changed(names: list[str], table: Table) -> Iterator[str]:
    """A line a variant: percentiles of what was measured."""
    yield f"{'':14}" + "".join(f"{name:>20}" for name in MEASURES)
    for wanted, (kind, _) in MADE.items():
        told = [one.evidence for name, one in zip(names, table.pairs, strict=True) if name == wanted]
        line = f"{kind:8}{wanted:14}"
        for measure in MEASURES:
            values = [abs(value) for one in told if (value := getattr(one, measure)) is not None]
            low, middle, high = np.percentile(values, (5, 50, 95)) if values else (np.nan,) * 3
            line += f"{low:7.2f}{middle:6.2f}{high:7.2f}"
        yield line


def learned(table: Table) -> Iterator[str]:
    """What answers about the one half say of the other."""
    same = np.isin(table.kinds, list(PEOPLE["keep my edits apart"]))
    z = np.array([shipped().standardised(told) for told in table.features])
    for flipped in (0.0, 0.1):
        found: dict[int, list[float]] = {}
        for seed in range(SEEDS):
            one, two = table.halves(np.ones(len(z), bool), np.random.default_rng(seed))
            split = Split(table, one, two, shipped(), z)
            told = answers(split, same, np.random.default_rng((seed, 1)), "all", flipped)
            for count in COUNTS:
                taken, _ = learner(split, first(told, count))
                found.setdefault(count, []).append(balanced(taken, same[two]))
        yield f"  {flipped:.0%} slips  " + "  ".join(f"{count}: {np.mean(found[count]):.3f}" for count in COUNTS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testdata", type=Path, default=measured.default_testdata())
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    names, table = pairs(options.testdata / "photos", options.keep, options.photos)
    print(f"{len(names):,} pairs of {options.photos} photos: what was changed (5, 50, 95 of 100 are below)")
    for line in changed(names, table):
        print(line)
    print("\nkeep my edits apart, by number of answers")
    for line in learned(table):
        print(line, flush=True)


if __name__ == "__main__":
    main()
