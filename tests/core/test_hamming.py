"""The search misses nothing: it is compared with the plain definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedupe_core import hamming
from dedupe_core.phash import phash256

Found = dict[tuple[int, int], tuple[int, int]]


def library(seed: int, count: int, copies: int) -> NDArray[np.uint8]:
    """Real hashes in eight symmetries of smooth random pictures, some of them turned and blurred copies of others."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (count, 12, 12)).astype(np.float64)
    pictures = np.kron(coarse, np.ones((1, 6, 6)))[:, :64, :64]
    pictures += draw.normal(0, 6, pictures.shape)
    for _ in range(copies):
        a, b = draw.integers(0, count, 2)
        turned = np.rot90(pictures[a], int(draw.integers(0, 4)))
        turned = turned[:, ::-1] if draw.random() < 0.5 else turned
        pictures[b] = turned + draw.normal(0, float(draw.uniform(0, 60)), (64, 64))
    return phash256(np.clip(pictures, 0, 255).astype(np.uint8))


def brute(hashes: NDArray[np.uint8], radius: int, since: int = 0) -> Found:
    """The definition, one pair at a time."""
    bits = np.unpackbits(hashes, axis=2).astype(np.int16)
    found: Found = {}
    for a in range(len(bits)):
        for b in range(max(a + 1, since), len(bits)):
            apart = np.abs(bits[a, 0][None] - bits[b]).sum(axis=1)
            if apart.min() <= radius:
                found[a, b] = (int(apart.min()), int(apart.argmin()))
    return found


def searched(hashes: NDArray[np.uint8], radius: int, since: int = 0, threads: int = 2) -> Found:
    found: Found = {}
    for part in hamming.within(hashes, radius, since, threads):
        for a, b, distance, symmetry in zip(
            *(x.tolist() for x in (part.a, part.b, part.distance, part.symmetry)), strict=True
        ):
            assert (a, b) not in found, "each pair once"
            found[a, b] = (distance, symmetry)
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 90), st.sampled_from([0, 10, 60, 90, 110]))
def test_every_pair_within_the_radius_is_found_and_no_other(seed: int, count: int, radius: int) -> None:
    hashes = library(seed, count, count // 2)
    assert searched(hashes, radius) == brute(hashes, radius)


def test_blocks_and_panels_lose_nothing_at_their_seams() -> None:
    hashes = library(3, 700, 500)
    expected = brute(hashes, 90)
    assert len(expected) > 100
    assert searched(hashes, 90) == expected
    assert searched(hashes, 90, threads=1) == expected


@pytest.mark.parametrize("since", [0, 1, 150, 299, 300])
def test_new_photos_are_searched_against_all_and_only_they(since: int) -> None:
    hashes = library(7, 300, 200)
    assert searched(hashes, 90, since) == brute(hashes, 90, since)


def test_random_bits_whose_symmetries_do_not_agree_are_searched_exactly_too() -> None:
    hashes = np.random.default_rng(1).integers(0, 256, (250, 8, 32), dtype=np.uint8)
    assert searched(hashes, 105) == brute(hashes, 105)


def test_what_is_no_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        list(hamming.within(np.zeros((3, 32), np.uint8), 90))
    with pytest.raises(ValueError, match="radius"):
        list(hamming.within(np.zeros((3, 8, 32), np.uint8), 300))
