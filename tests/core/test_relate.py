"""From evidence to a relation: which gate lets what through, and what the person is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe_core.model import Evidence
from dedupe_core.relate import Facts, relate
from dedupe_core.settings import Near, Settings

NOON = datetime(2024, 6, 1, 12)
A = Facts(1, "sha256:a", 4000, 3000, "JPEG")
B = Facts(2, "sha256:b", 1000, 750, "JPEG")
COPY = Evidence(
    distance=4, overlap_a=1, overlap_b=1, block_median=0.99, block_p10=0.95, blocks=64, difference=0, changed=0
)
DEFAULTS = Settings()
CROP = replace(COPY, distance=110, inliers=200, overlap_a=0.6)


def relation(evidence: Evidence, a: Facts = A, b: Facts = B, settings: Settings = DEFAULTS) -> str:
    edge = relate(a, b, evidence, settings)
    return edge.relation if edge else ""


def sentence(evidence: Evidence, a: Facts = A, b: Facts = B) -> str:
    edge = relate(a, b, evidence, Settings())
    return edge.sentence if edge else ""


def taken(facts: Facts, after: float | None, camera: str = "") -> Facts:
    return replace(facts, taken_at=None if after is None else NOON + timedelta(seconds=after), camera=camera)


def test_what_lies_edge_on_edge_with_near_hashes_is_a_copy_without_features() -> None:
    assert relation(COPY) == "near"


def test_a_crop_is_a_copy_by_its_features() -> None:
    assert relation(CROP) == "near"
    assert relation(replace(CROP, inliers=14)) == ""


def test_a_small_hash_distance_alone_proves_nothing() -> None:
    assert relation(Evidence(distance=0)) == ""
    assert relation(replace(COPY, blocks=3)) == ""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"block_median": 0.79}, "similar"),
        ({"block_p10": 0.39}, "similar"),
        ({"block_median": 0.69}, ""),
        ({"overlap_a": 0.6, "overlap_b": 0.84, "inliers": 100}, ""),
        ({"difference": 1.01, "changed": 0.004}, "similar"),
        ({"difference": 1.0}, "near"),
        ({"difference": None}, "similar"),
        ({"failed": "gone"}, ""),
        ({"damaged_twin": True}, "similar"),
        ({"pixels_equal": True}, "pixels"),
        ({"pixels_equal": True, "damaged_twin": True}, "pixels"),
    ],
)
def test_each_gate_holds_on_its_own(change: dict[str, float], expected: str) -> None:
    assert relation(replace(COPY, **change)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fine", "blocks", "expected"),
    [(None, 0, ""), (0.99, 3, ""), (0.69, 200, ""), (0.7, 4, "near"), (1.0, 200, "near")],
)
def test_a_flat_picture_or_document_needs_the_fine_check(fine: float | None, blocks: int, expected: str) -> None:
    assert relation(replace(COPY, flat=True, fine=fine, fine_blocks=blocks)) == expected


@pytest.mark.parametrize("distance", [0, 60, 61, 90, 256])
def test_the_copy_distance_is_the_persons_choice(distance: int) -> None:
    strict = Settings(near=Near(copy_distance=10))
    expected = "near" if distance <= 10 else "similar"
    assert relation(replace(COPY, distance=distance), settings=strict) == expected


@pytest.mark.parametrize(
    ("after", "cameras", "expected"),
    [
        (0.0, ("Nordlys", "Nordlys"), "near"),
        (0.04, ("Nordlys", "Nordlys"), "near"),
        (0.05, ("Nordlys", "Nordlys"), "series"),
        (10.0, ("Nordlys", "Nordlys"), "series"),
        (10.1, ("Nordlys", "Nordlys"), "similar"),
        (3.0, ("Nordlys", "Other"), "similar"),
        (3.0, ("", ""), "similar"),
        (None, ("", ""), "near"),
        (None, ("Nordlys", ""), "near"),
    ],
)
def test_two_known_different_times_are_never_a_copy(
    after: float | None, cameras: tuple[str, str], expected: str
) -> None:
    assert relation(COPY, taken(A, 0.0, cameras[0]), taken(B, after, cameras[1])) == expected


def test_two_files_straight_from_one_camera_without_both_times_are_left_to_the_person() -> None:
    same_size = replace(B, width=3000, height=4000)
    assert relation(COPY, taken(A, 0, "Nordlys"), taken(same_size, None, "Nordlys")) == "similar"
    assert relation(COPY, taken(A, 0, "Nordlys"), taken(B, None, "Nordlys")) == "near", "it was made from the other"
    assert relation(COPY, taken(A, 0, "Nordlys"), taken(same_size, None)) == "near", "it went through an editor"


@given(st.floats(0, 1), st.floats(-1, 1), st.integers(0, 64), st.integers(0, 256), st.integers(0, 2000), st.booleans())
def test_no_time_and_no_agreement_makes_a_flat_picture_a_copy_unchecked(
    median: float, p10: float, blocks: int, distance: int, inliers: int, equal_times: bool
) -> None:
    evidence = replace(
        COPY, block_median=median, block_p10=p10, blocks=blocks, distance=distance, inliers=inliers, flat=True
    )
    assert relation(evidence, taken(A, 0), taken(B, 0 if equal_times else None)) == ""


def test_the_sentence_says_what_sets_the_two_apart() -> None:
    assert sentence(COPY) == "same picture, smaller copy (25%): 64 blocks compared, they agree to 99%"
    assert "turned by 180°" in sentence(replace(COPY, symmetry=2))
    assert "cropped to 60%" in sentence(CROP)
    assert "JPEG and PNG" in sentence(COPY, b=replace(B, format="PNG"))
    assert "0.40% of it" in sentence(replace(COPY, difference=3.0, changed=0.004))
    assert "2 s apart" in sentence(COPY, taken(A, 0, "N"), taken(B, 2, "N"))
    assert "damaged" in sentence(replace(COPY, damaged_twin=True))


def test_the_score_is_a_share_and_grows_with_the_agreement() -> None:
    scores = []
    for median in (0.8, 0.9, 1.0):
        edge = relate(A, B, replace(COPY, block_median=median, block_p10=median - 0.1), Settings())
        assert edge is not None
        scores.append(edge.score)
    assert scores == sorted(scores)
    assert 0 < scores[0] < scores[-1] <= 1
