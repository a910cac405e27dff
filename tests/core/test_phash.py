"""Our hashes are imagehash's, to the last bit."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from dedupe_core import phash
from tests.pictures import scene

TURNS = [None, *(Image.Transpose[name.upper()] for name in phash.SYMMETRIES[1:])]


def reference(picture: Image.Image, turn: Image.Transpose | None = None) -> NDArray[np.uint8]:
    turned = picture if turn is None else picture.transpose(turn)
    return np.packbits(imagehash.phash(turned, hash_size=16).hash)


def square(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("L").resize((64, 64), Image.Resampling.LANCZOS))


def noise(seed: int, smooth: int) -> Image.Image:
    grain = np.random.default_rng(seed).integers(0, 256, (smooth, smooth), dtype=np.uint8)
    return Image.fromarray(grain).resize((64, 64), Image.Resampling.BICUBIC)


@given(seed=st.integers(0, 2**32 - 1), smooth=st.integers(4, 64))
@settings(deadline=None, max_examples=200)
def test_all_eight_hashes_are_those_of_imagehash(seed: int, smooth: int) -> None:
    picture = noise(seed, smooth)
    ours = phash.phash256(np.asarray(picture)[None])[0]
    for index, turn in enumerate(TURNS):
        assert np.array_equal(ours[index], reference(picture, turn)), phash.SYMMETRIES[index]


@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    seed=st.integers(0, 1000),
    mode=st.sampled_from(["L", "RGB"]),
)
@settings(deadline=None, max_examples=60)
def test_the_upright_hash_is_that_of_a_whole_picture_of_any_size(size: tuple[int, int], seed: int, mode: str) -> None:
    picture = scene(seed, 320, 240).resize(size).convert(mode)
    assert np.array_equal(phash.phash256(square(picture)[None])[0, 0], reference(picture))


DEGENERATE = {
    "black": np.zeros((64, 64)),
    "white": np.full((64, 64), 255),
    "grey": np.full((64, 64), 37),
    "ramp": np.tile(np.arange(64) * 4, (64, 1)),
    "steep ramp": np.tile(np.arange(64) * 4, (64, 1)).T,
    "diagonal": np.add.outer(np.arange(64), np.arange(64)) * 2,
    "half": np.repeat([0, 200], 32)[:, None] * np.ones(64),
    "checks": np.indices((64, 64)).sum(axis=0) % 2 * 255,
    "dot": np.pad([[255]], ((31, 32), (31, 32))),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_flat_and_drawn_pictures_round_as_imagehash_does(name: str) -> None:
    picture = Image.fromarray(DEGENERATE[name].astype(np.uint8))
    assert np.array_equal(phash.phash256(np.asarray(picture)[None])[0, 0], reference(picture))


@given(levels=st.lists(st.integers(0, 3), min_size=16, max_size=16), scale=st.sampled_from([1, 60, 85]))
@settings(deadline=None, max_examples=100)
def test_blocky_pictures_with_many_equal_coefficients_round_as_imagehash_does(levels: list[int], scale: int) -> None:
    blocks = np.kron(np.array(levels).reshape(4, 4) * scale, np.ones((16, 16))).astype(np.uint8)
    assert np.array_equal(phash.phash256(blocks[None])[0, 0], reference(Image.fromarray(blocks)))


def test_a_batch_is_hashed_as_its_pictures_one_by_one() -> None:
    squares = np.stack([square(scene(seed)) for seed in range(9)])
    batch = phash.phash256(squares)
    assert batch.shape == (9, 8, 32)
    assert batch.dtype == np.uint8
    assert np.array_equal(batch, np.concatenate([phash.phash256(one[None]) for one in squares]))
    assert phash.phash256(squares[:0]).shape == (0, 8, 32)


def test_a_flat_picture_in_a_batch_changes_no_other_hash() -> None:
    squares = np.stack([square(scene(1)), np.full((64, 64), 90, np.uint8), square(scene(2))])
    assert np.array_equal(phash.phash256(squares)[2], phash.phash256(squares[2:])[0])


def test_a_turned_copy_is_found_under_the_symmetry_that_turns_it_back() -> None:
    """`Pair.symmetry = s`: b turned by s lies on a."""
    inverse = (0, 3, 2, 1, 4, 5, 6, 7)
    picture = scene(5, 64, 64)
    upright = phash.phash256(square(picture)[None])[0]
    for index, turn in enumerate(TURNS):
        turned = picture if turn is None else picture.transpose(turn)
        hashes = phash.phash256(square(turned)[None])[0]
        distances = [int(np.unpackbits(upright[0] ^ one).sum()) for one in hashes]
        assert distances[inverse[index]] <= 2
        assert sorted(distances)[1] > 60


@pytest.mark.parametrize("seed", range(20))
def test_the_64_bit_hash_is_that_of_imagehash(seed: int) -> None:
    picture = scene(seed)
    gray = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS))
    assert np.array_equal(phash.phash64(gray[None])[0], np.packbits(imagehash.phash(picture).hash))
