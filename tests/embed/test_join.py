"""The join misses nothing: it is compared with the definition, in float64, in every precision that it computes in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedupe_core import bounds, join, nearness

Found = dict[tuple[int, int], float]
KERNELS = ["numpy", "torch", "cpu"]
"""The last is the code for accelerators, on the processor."""


def library(seed: int, count: int, dimension: int, decay: float, noise: float) -> NDArray[np.float32]:
    """Vectors whose directions matter less and less by `decay`, half of them near others at all distances around any
    threshold."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(count, dimension)) * np.exp(-decay * np.arange(dimension))
    vectors += draw.normal(size=dimension) * draw.uniform(0, 2)
    for place in range(1, count, 2):
        vectors[place] = vectors[draw.integers(0, place)]
        vectors[place] += draw.normal(size=dimension) * noise * draw.random() * np.abs(vectors[place]).mean()
    scaled: NDArray[np.float32] = (vectors * draw.uniform(0.1, 10, (count, 1))).astype(np.float32)
    return scaled


def brute(vectors: NDArray[np.float32], threshold: float, since: int = 0) -> Found:
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosine = unit @ unit.T
    a, b = np.nonzero(np.triu(cosine >= threshold, 1))
    return {(int(i), int(j)): float(cosine[i, j]) for i, j in zip(a, b, strict=True) if j >= since}


def found(parts: list[join.Matches]) -> Found:
    seen: Found = {}
    for part in parts:
        for a, b, similarity in zip(part.a.tolist(), part.b.tolist(), part.similarity.tolist(), strict=True):
            assert (a, b) not in seen, "each pair once"
            seen[a, b] = similarity
    return seen


def agree(seen: Found, expected: Found, threshold: float) -> None:
    """The same pairs; only what lies on the threshold to the last digit of float64 may differ."""
    for pair in seen.keys() ^ expected.keys():
        assert abs(expected.get(pair, seen.get(pair, 9)) - threshold) < 1e-12, pair
    assert all(abs(seen[pair] - expected[pair]) < 1e-5 for pair in seen.keys() & expected.keys())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(2, 120),
    st.sampled_from([8, 40, 160]),
    st.sampled_from([0.0, 0.02, 0.2]),
    st.sampled_from([0.0, 0.1, 0.7]),
    st.sampled_from([-0.2, 0.3, 0.8, 0.95, 0.999, 1.0]),
    st.sampled_from(KERNELS),
)
def test_every_pair_above_the_threshold_is_found_and_no_other(
    seed: int, count: int, dimension: int, decay: float, noise: float, threshold: float, kernel: str
) -> None:
    vectors = library(seed, count, dimension, decay, noise)
    agree(found(list(join.within(vectors, threshold, kernel=kernel))), brute(vectors, threshold), threshold)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([27, 48, 96]), st.sampled_from([0.5, 0.95]), st.booleans())
def test_the_bound_is_never_below_the_cosine(seed: int, width: int, threshold: float, reduced: bool) -> None:
    """The heart of exactness, for every length of head and not only for the one that is chosen."""
    vectors = library(seed, 150, 128, 0.03, 0.5)
    lengths = bounds.lengths_of(vectors)
    basis, _ = bounds.basis_of(vectors, lengths, threshold)
    bound, lost = bounds.bound_of(vectors, lengths, basis, width, reduced)
    reach = bound.astype(np.float64) @ bound[:, bounds.other_side(width)].astype(np.float64).T + lost
    everything = np.arange(150)
    a, b = (part.ravel() for part in np.meshgrid(everything, everything))
    assert (reach[a, b] >= join.similarities(vectors, a, b) - 1e-12).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_tiles_of_a_large_library_lose_nothing_at_their_borders(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ROWS", 7)
    monkeypatch.setattr(bounds, "PANEL", 24)
    vectors = library(3, 203, 96, 0.01, 0.5)
    agree(found(list(join.within(vectors, 0.9, kernel=kernel))), brute(vectors, 0.9), 0.9)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(60, 300),
    st.sampled_from([0.05, 0.2, 0.6]),
    st.sampled_from([0.0, 0.1, 0.7]),
    st.sampled_from([0.3, 0.8, 0.95, 0.999, 1.0]),
    st.sampled_from([0.0, 0.4, 0.9]),
    st.sampled_from(["numpy", "torch"]),
)
def test_boxes_that_are_left_out_hold_no_pair(
    seed: int, count: int, decay: float, noise: float, threshold: float, known: float, kernel: str
) -> None:
    """Small boxes, so that a small library has many, and vectors that differ in few directions, so that many are left
    out."""
    vectors = library(seed, count, 40, decay, noise)
    since = int(known * count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "ROWS", 6)
        patch.setattr(bounds, "PANEL", 15)
        parts = list(join.within(vectors, threshold, since, kernel=kernel))
    agree(found(parts), brute(vectors, threshold, since), threshold)


def test_vectors_that_differ_in_few_directions_leave_out_most_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ROWS", 16)
    vectors = library(4, 2000, 64, 0.4, 0.1)
    lengths = bounds.lengths_of(vectors)
    basis, _ = bounds.basis_of(vectors, lengths, 0.95)
    boxes = nearness.boxes_of(vectors, lengths, basis, 0.995, 500)
    assert boxes is not None
    assert sorted(boxes.places.tolist()) == list(range(2000))
    assert set(boxes.places[:500].tolist()) == set(range(500))
    assert boxes.share(500) < 0.6
    alike = np.random.default_rng(1).normal(size=(2000, 64)).astype(np.float32)
    assert nearness.boxes_of(alike, bounds.lengths_of(alike), np.eye(64), 0.8, 0) is None


@pytest.mark.parametrize("kernel", KERNELS)
def test_new_photos_are_joined_with_all_and_old_pairs_are_not_told_again(kernel: str) -> None:
    vectors = library(5, 300, 64, 0.01, 0.5)
    agree(found(list(join.within(vectors, 0.9, 250, kernel=kernel))), brute(vectors, 0.9, 250), 0.9)
    assert not list(join.within(vectors, 0.9, 300, kernel=kernel))


def test_an_import_is_joined_with_its_base_alone() -> None:
    vectors = library(6, 200, 64, 0.01, 0.5)
    base, new = vectors[:120], vectors[120:]
    expected = {(a, b - 120): s for (a, b), s in brute(vectors, 0.9).items() if a < 120 <= b}
    agree(found(list(join.between(base, new, 0.9))), expected, 0.9)


def test_half_precision_vectors_are_joined_as_they_are_stored() -> None:
    vectors = library(7, 150, 64, 0.01, 0.5).astype(np.float16)
    agree(found(list(join.within(vectors, 0.9))), brute(vectors.astype(np.float32), 0.9), 0.9)


def test_only_the_nearest_of_each_stay_whatever_was_thinned_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = library(8, 200, 32, 0.01, 0.3)
    pairs = found(list(join.within(vectors, 0.5)))
    expected: set[tuple[int, int]] = set()
    for place in range(len(vectors)):
        own = sorted((pair for pair in pairs if place in pair), key=lambda pair: (-pairs[pair], pair))
        expected |= set(own[:3])  # equal cosines go by place
    whole = join.nearest(vectors, 3, 0.5)
    assert set(zip(whole.a.tolist(), whole.b.tolist(), strict=True)) == expected
    monkeypatch.setattr(bounds, "ROWS", 8)
    monkeypatch.setattr(bounds, "PANEL", 16)
    monkeypatch.setattr(join, "_KEPT", 10)
    thinned = join.nearest(vectors, 3, 0.5)
    assert found([thinned]) == found([whole])


@pytest.mark.parametrize("wrong", [0.0, np.nan, np.inf])
def test_a_vector_without_direction_is_refused(wrong: float) -> None:
    vectors = library(9, 10, 16, 0.0, 0.1)
    vectors[4] = wrong
    with pytest.raises(ValueError, match="Vector 4 has no direction"):
        list(join.within(vectors, 0.9))


def test_a_threshold_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold"):
        list(join.within(np.eye(3, dtype=np.float32), -1.0))
