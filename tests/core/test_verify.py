"""From files to edges through the real stages: what is a copy, what is only like one, and what must never be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from connectors.memory import MemoryConnector
from dedupe_core.closure import close
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import fingerprint
from dedupe_core.model import Edge, NoFeedback, Pair, Silent
from dedupe_core.neighbours import neighbours
from dedupe_core.pipeline import compare, run
from dedupe_core.scan import scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.verify import verify
from tests.pictures import exif, jpeg, png, scene

NOON = datetime(2024, 6, 1, 12, 0, 0)
CAMERA = ("Nordlys", "Phone 4")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=2, seconds=60) as engine:
        yield engine


class Shelf:
    """Photos by name in a memory source, taken through the stages."""

    def __init__(self, engine: Engine, **files: bytes) -> None:
        self.engine, self.store, self.box = engine, Store(None), MemoryConnector("box")
        for name, data in files.items():
            self.box.put(f"{name}.jpg", data)
        scan(self.store, self.box, Settings().scanning, Silent())
        fingerprint(self.store, {"box": self.box}, engine, Settings(), Silent())

    def edges(self) -> dict[frozenset[str], Edge]:
        """Edges by the two names."""
        found = compare(self.store, {"box": self.box}, self.engine, Settings(), Silent())
        names = {p.signature_row: p.asset.name.removesuffix(".jpg") for p in self.store.assets.all()}
        return {frozenset((names[edge.a], names[edge.b])): edge for edge in found}

    def relation(self, a: str = "a", b: str = "b") -> str:
        """The relation of two photos, "" when there is none."""
        edge = self.edges().get(frozenset((a, b)))
        return edge.relation if edge else ""


def picture(seed: int = 1) -> Image.Image:
    return scene(seed, 960, 720)


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "saved again": lambda im: jpeg(im, 60),
    "smaller": lambda im: jpeg(im.resize((480, 360)), 80),
    "thumbnail": lambda im: jpeg(im.resize((200, 150)), 80),
    "brighter": lambda im: jpeg(ImageEnhance.Brightness(im).enhance(1.25)),
    "more contrast": lambda im: jpeg(ImageEnhance.Contrast(im).enhance(1.3)),
    "grey": lambda im: jpeg(ImageOps.grayscale(im).convert("RGB")),
    "blurred": lambda im: jpeg(im.filter(ImageFilter.GaussianBlur(2))),
    "turned": lambda im: jpeg(im.transpose(Image.Transpose.ROTATE_90)),
    "upside down": lambda im: jpeg(im.transpose(Image.Transpose.ROTATE_180)),
    "mirrored": lambda im: jpeg(ImageOps.mirror(im)),
    "turned by its tag": lambda im: jpeg(im.transpose(Image.Transpose.ROTATE_90), 92, exif(orientation=6)),
    "cropped a little": lambda im: jpeg(im.crop((20, 15, 940, 705))),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_near_however_it_was_made(engine: Engine, how: str) -> None:
    shelf = Shelf(engine, a=jpeg(picture(), 92), b=COPIES[how](picture()))
    assert shelf.relation() == "near", shelf.edges()


def _stamped(im: Image.Image) -> Image.Image:
    im = im.copy()
    pen = ImageDraw.Draw(im)
    pen.text((620, 660), "2019 07 14 18:22", fill=(255, 140, 0), font=ImageFont.load_default(30))
    return im


def _captioned(im: Image.Image) -> Image.Image:
    im = im.copy()
    pen = ImageDraw.Draw(im)
    pen.rectangle((0, 600, 960, 680), fill=(0, 0, 0))
    pen.text((80, 615), "happy birthday!", fill=(255, 255, 255), font=ImageFont.load_default(48))
    return im


def _removed(im: Image.Image) -> Image.Image:
    """Somebody was taken out of the picture."""
    im = im.copy()
    im.paste(im.crop((100, 100, 190, 220)), (430, 300))
    return im


CHANGES = {"a date stamp": _stamped, "a caption": _captioned, "a removed detail": _removed}


@pytest.mark.parametrize("what", CHANGES)
def test_a_picture_with_a_changed_region_is_never_a_copy(engine: Engine, what: str) -> None:
    shelf = Shelf(engine, a=jpeg(picture(5), 92), b=jpeg(CHANGES[what](picture(5)), 90))
    assert shelf.relation() in ("similar", ""), shelf.edges()


def test_another_container_with_the_same_pixels_is_pixels(engine: Engine) -> None:
    data = jpeg(picture(), 90)
    decoded = Image.open(BytesIO(data)).convert("RGB")
    shelf = Shelf(engine, a=data, b=png(decoded), c=jpeg(picture(), 90, exif(NOON, CAMERA)))
    assert "pixels" in {edge.relation for edge in shelf.edges().values()}
    (same,) = shelf.store.signatures.same_pixels()
    assert len(same) == 3


def test_two_known_different_capture_times_are_never_a_copy(engine: Engine) -> None:
    def shot(after: float) -> bytes:
        return jpeg(picture(), 90 - int(after), exif(NOON + timedelta(seconds=after), CAMERA))

    shelf = Shelf(engine, a=shot(0), b=shot(2), c=shot(60))
    assert shelf.relation("a", "b") == "series"
    assert shelf.relation("a", "c") == "similar"


def test_different_scenes_have_no_edge_at_all(engine: Engine) -> None:
    shelf = Shelf(engine, **{f"s{seed}": jpeg(scene(seed, 480, 360)) for seed in range(24)})
    assert shelf.edges() == {}


def test_flat_pictures_are_not_joined_by_their_hashes(engine: Engine) -> None:
    shades = {f"f{n}": jpeg(Image.new("RGB", (640, 480), (n * 20, n * 20, n * 18))) for n in range(8)}
    assert not {edge.relation for edge in Shelf(engine, **shades).edges().values()} & {"near"}


def page(seed: int, words: int) -> Image.Image:
    """A page of one layout; `words` draws other text into it."""
    layout, text = np.random.default_rng(seed), np.random.default_rng(words)
    im = Image.new("RGB", (620, 877), "white")
    pen = ImageDraw.Draw(im)
    font = ImageFont.load_default(15)
    for line in range(int(layout.integers(26, 34))):
        said = " ".join("".join(chr(97 + int(c)) for c in text.integers(0, 26, int(n))) for n in text.integers(2, 9, 9))
        pen.text((50, 50 + line * 24), said[: int(layout.integers(50, 66))], fill="black", font=font)
    return im


def test_pages_of_one_layout_with_other_words_are_not_joined(engine: Engine) -> None:
    pages = {f"p{n}": jpeg(page(1, n), 85) for n in range(10)}
    assert Shelf(engine, **pages).edges() == {}


def test_a_page_saved_again_is_a_copy(engine: Engine) -> None:
    shelf = Shelf(engine, a=jpeg(page(1, 1), 90), b=jpeg(page(1, 1), 60))
    assert shelf.relation() == "near", shelf.edges()


def test_a_damaged_twin_is_never_a_copy(engine: Engine) -> None:
    good = jpeg(picture(9), 90)
    rotten = bytearray(good)
    at = len(rotten) * 2 // 3
    rotten[at : at + 12] = bytes(b ^ 0x15 for b in rotten[at : at + 12])
    assert Shelf(engine, a=good, b=bytes(rotten)).relation() in ("similar", "")


def test_what_was_measured_once_is_not_measured_again(engine: Engine) -> None:
    shelf = Shelf(engine, a=jpeg(picture(), 92), b=jpeg(picture(), 60), c=jpeg(picture().resize((480, 360))))
    first = shelf.edges()
    for key in [photo["key"] for photo in shelf.box.photos().values()]:
        shelf.box.change(key, b"nothing that could be decoded")
    assert shelf.edges() == first, "from what the store keeps, although no file can be read any more"


def test_the_order_of_candidates_changes_nothing(engine: Engine) -> None:
    many = {f"c{n}": jpeg(picture().resize((960 - 40 * n, 720 - 30 * n)), 90 - 5 * n) for n in range(7)}
    shelf = Shelf(engine, **many)
    pairs = list(neighbours(shelf.store, Settings(), Silent()))
    boxes = {"box": shelf.box}

    def edges(ordered: list[Pair]) -> list[Edge]:
        found = list(verify(shelf.store, boxes, engine, ordered, Settings(), Silent()))
        found += close(shelf.store, boxes, engine, found, Settings(), Silent())
        return sorted(found, key=lambda edge: (edge.a, edge.b))

    assert edges(pairs) == edges(pairs[::-1])


def test_a_crowd_of_copies_is_one_group_with_every_copy_joined_to_its_keeper(engine: Engine) -> None:
    many = {f"c{n}": jpeg(picture(3).resize((960 - 40 * n, 720 - 30 * n)), 92 - 4 * n) for n in range(9)}
    shelf = Shelf(engine, **many, other=jpeg(picture(4)))
    run(shelf.store, [shelf.box], {"box": shelf.box}, engine, Settings(), NoFeedback(), Silent())
    (choice,) = shelf.store.runs.choices()
    assert len(choice.group.members) == 9
    assert len(choice.drop) == 8
    assert shelf.store.assets.photos([choice.keep])[choice.keep].asset.name == "c0.jpg"


def test_a_file_that_vanished_costs_its_own_pairs_only(engine: Engine, tmp_path: Path) -> None:
    del tmp_path
    shelf = Shelf(
        engine, a=jpeg(picture(1), 92), b=jpeg(picture(1), 60), c=jpeg(picture(2), 92), d=jpeg(picture(2), 60)
    )
    gone = next(p["key"] for place, p in shelf.box.photos().items() if place.endswith("b.jpg"))
    shelf.box.remove(gone)
    found = shelf.edges()
    assert set(found) == {frozenset(("c", "d"))}
