"""A HEIC's first look is its embedded thumbnail, where that can be trusted."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dedupe_core import glance, heif, look, signing, tasks
from dedupe_core.decode import Limits, open_picture, rgb
from dedupe_core.model import Signature
from tests.pictures import exif, scene

pillow_heif = pytest.importorskip("pillow_heif")
PICTURE = scene(3, 480, 360)


def heic(picture: Image.Image, **options: Any) -> bytes:
    pillow_heif.register_heif_opener()
    stream = io.BytesIO()
    picture.save(stream, "HEIF", quality=70, **options)
    return stream.getvalue()


def signed(data: bytes) -> Signature:
    seen = look.look(tasks.Task(1, data))
    assert seen.error == ""
    return signing.signatures([seen])[0]


def distance(a: Signature, b: Signature) -> int:
    both = (np.frombuffer(signature.phashes[:32], np.uint8) for signature in (a, b))
    return int(np.bitwise_count(next(both) ^ next(both)).sum())


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_thumbnail_tells_nearly_the_same_hash_and_the_size_of_the_picture(orientation: int) -> None:
    block = {"exif": exif(orientation=orientation)} if orientation > 1 else {}
    quick, thorough = signed(heic(PICTURE, thumbnails=[240], **block)), signed(heic(PICTURE, **block))
    assert distance(quick, thorough) <= 24
    assert {quick.width, quick.height} == {480, 360}
    assert (quick.width, quick.height, quick.format) == (thorough.width, thorough.height, "HEIF")


def test_only_the_thumbnail_is_decoded() -> None:
    data = bytearray(heic(PICTURE, thumbnails=[240]))
    patched = heif.with_thumbnail_first(bytes(data))
    assert patched is not None
    assert (open_picture(patched).width, open_picture(patched).height) == (240, 180)
    assert glance.first_look(open_picture(bytes(data))).size == (240, 180)
    assert rgb(bytes(data), 2000).shape == (360, 480, 3)


@pytest.mark.parametrize("edge", [64, 128])
def test_a_tiny_thumbnail_does_not_serve(edge: int) -> None:
    data = heic(PICTURE, thumbnails=[edge])
    assert glance.first_look(open_picture(data)).size == (120, 90)


def test_a_thumbnail_of_other_proportions_does_not_serve() -> None:
    data = heic(PICTURE, thumbnails=[240])
    patched = bytearray(data)
    at = patched.index(b"ispe") + 8
    assert int.from_bytes(patched[at : at + 4], "big") == 480
    patched[at + 4 : at + 8] = (330).to_bytes(4, "big")
    picture = open_picture(bytes(patched))
    assert glance.thumbnail_of(picture, Limits()) is None


def test_without_a_thumbnail_there_is_nothing_to_patch() -> None:
    assert heif.with_thumbnail_first(heic(scene(3, 320, 240))) is None


def test_a_file_that_was_cut_off_is_known_to_be_incomplete() -> None:
    data = heic(PICTURE, thumbnails=[240])
    assert heif.is_complete(data)
    assert not heif.is_complete(data[:-10])
    assert not heif.is_complete(data[: len(data) // 2])
    seen = look.look(tasks.Task(1, data[: len(data) // 2]))
    assert seen.error or (seen.facts and "parts of it are missing" in seen.facts["damage"])


@given(st.integers(0, 600), st.binary(min_size=1, max_size=8))
@settings(deadline=None, max_examples=300)
def test_overwritten_boxes_never_crash_the_reader(at: int, noise: bytes) -> None:
    data = bytearray(SMALL)
    data[at : at + len(noise)] = noise
    assert heif.with_thumbnail_first(bytes(data)) is None or heif.is_complete(bytes(data)) in (True, False)


SMALL = heic(scene(1, 320, 240), thumbnails=[160])
