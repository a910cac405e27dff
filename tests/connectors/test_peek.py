"""Looking into headers survives whatever a file holds, and reads what cameras write."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from connectors.local import peek, proofs
from tests.pictures import CAMERA, NOON, dng, exif, heic, jpeg, movie, scene

SMALL = scene(1, 64, 48)
BLOCK = exif(datetime(2024, 6, 1, 12, 0, 0, 250_000), CAMERA, orientation=6, content_id="ID-1", burst_id="B-1")
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "jpeg": (lambda: jpeg(SMALL, exif_block=BLOCK), "ID-1"),
    "heic": (lambda: heic(SMALL, exif_block=BLOCK), "ID-1"),
    "dng": (lambda: dng(SMALL, datetime(2024, 6, 1, 12, 0, 0, 250_000), orientation=6), ""),
}


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def raf() -> bytes:
    """Fuji: the camera's JPEG inside."""
    inner = jpeg(SMALL, exif_block=exif(NOON, CAMERA))
    return b"FUJIFILMCCD-RAW 0201" + bytes(64) + struct.pack(">II", 160, len(inner)) + bytes(68) + inner


def cr3() -> bytes:
    """Canon: EXIF in two boxes, the preview in another."""
    inner = jpeg(SMALL)
    blocks = exif(NOON, CAMERA)[6:]
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + box(b"CMT1", blocks) + box(b"CMT2", blocks)
    view = box(b"PRVW", bytes(16) + inner)
    preview = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(8) + view
    return box(b"ftyp", b"crx " + bytes(4)) + box(b"moov", box(b"uuid", canon)) + box(b"uuid", preview)


@pytest.mark.parametrize("kind", FILES)
def test_time_camera_orientation_and_identifier_are_read(kind: str) -> None:
    make, content_id = FILES[kind]
    facts = peek.photo(BytesIO(make()))
    assert facts.taken == datetime(2024, 6, 1, 12, 0, 0, 250_000)
    assert facts.camera == "Canon Canon EOS 80D"
    assert facts.content_id == content_id
    assert kind == "heic" or facts.orientation == 6


@pytest.mark.parametrize("make", [raf, cr3, lambda: dng(SMALL)])
def test_the_preview_of_a_raw_is_found_and_proves_its_jpeg(make: Callable[[], bytes]) -> None:
    raw = make()
    start, size = peek.photo(BytesIO(raw)).jpegs[0]
    assert raw[start : start + 3] == b"\xff\xd8\xff"
    assert start + size <= len(raw)
    assert proofs.one_shot(BytesIO(raw), BytesIO(jpeg(SMALL, exif_block=exif(NOON, CAMERA))))
    assert not proofs.one_shot(BytesIO(raw), BytesIO(jpeg(scene(2, 64, 48), exif_block=exif(NOON, CAMERA))))


@pytest.mark.parametrize("brand", [b"qt  ", b"isom"])
def test_a_movie_says_when_how_long_and_which(brand: bytes) -> None:
    film = peek.movie(BytesIO(movie("ID-1", NOON, 2.5, "2024-06-01T14:00:00+0200", brand)))
    assert film.created is not None
    assert film.created.replace(tzinfo=None) == NOON
    assert (film.content_id, film.seconds, film.local) == ("ID-1", 2.5, datetime(2024, 6, 1, 14))


_SEEDS = [make() for make, _ in FILES.values()] + [raf(), cr3(), movie("ID", NOON, local="2024-06-01T14:00:00+0200")]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(_SEEDS), st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=6))
def test_damaged_files_answer_with_blanks_and_never_with_an_error(
    seed: bytes, damage: list[tuple[float, bytes]]
) -> None:
    data = bytearray(seed)
    for place, new in damage:
        at = int(place * min(len(data), 4000))
        data[at : at + len(new)] = new
    for cut in (data, data[: len(data) // 2]):
        peek.photo(BytesIO(cut))
        peek.movie(BytesIO(cut))
    proofs.one_shot(BytesIO(data), BytesIO(seed))


@pytest.mark.testdata
def test_hostile_files_answer_at_once(testdata: Path) -> None:
    for path in sorted(p for p in (testdata / "broken").rglob("*") if p.is_file()):
        begin = time.perf_counter()
        with path.open("rb") as handle:
            peek.photo(handle)
            peek.movie(handle)
        assert time.perf_counter() - begin < 5, path


@pytest.mark.testdata
def test_real_photos_say_when_they_were_taken(testdata: Path) -> None:
    """Pillow is the reference."""
    checked = 0
    for path in sorted((testdata / "photos" / "images").glob("*.jpg")):
        with Image.open(path) as picture:
            wanted = str(picture.getexif().get_ifd(0x8769).get(0x9003, "")).strip("\0 ")
        with path.open("rb") as handle:
            taken = peek.photo(handle).taken
        if taken is not None:
            assert taken.strftime("%Y:%m:%d %H:%M:%S") == wanted
            checked += 1
        else:
            assert not wanted[:4].strip("0").isdigit(), path
    assert checked > 50
