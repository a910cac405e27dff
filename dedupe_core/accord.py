"""What a comparison of two pictures says about their standing in one group of copies: that they agree, that they are
different, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dedupe_core.model import Evidence
from dedupe_core.relate import is_copy

Vote = Literal["agree", "differ", "silent"]

_LEAST_INLIERS = 15
_DIFFERENT = 1.0
_FRIENDS = 4


def vote(evidence: Evidence, copy_distance: int) -> Vote:
    """Copies agree, and so do two crops of one picture: they share too little of it to be called copies, but where they
    meet they agree as copies do. A region that differs makes them differ. Where nothing could be aligned (a
    thumbnail against a crop), or too little agrees to say, they are silent."""
    if evidence.assumed or evidence.pixels_equal:
        return "agree"
    if evidence.damaged_twin or (evidence.difference is not None and evidence.difference > _DIFFERENT):
        return "differ"
    if evidence.failed or evidence.difference is None:
        return "silent"
    return "agree" if is_copy(evidence, copy_distance) or _agree_where_they_meet(evidence) else "silent"


def admitted(votes: Iterable[Vote]) -> bool:
    """Of those that were compared at least half agree, and four for each that differs: a copy that was accepted by
    mistake finds no friends among the other copies, and one odd comparison does not part a crowd that agrees."""
    cast = list(votes)
    agree, differ = cast.count("agree"), cast.count("differ")
    return agree >= _FRIENDS * differ and 2 * agree >= len(cast)


def _agree_where_they_meet(evidence: Evidence) -> bool:
    return evidence.inliers >= _LEAST_INLIERS and evidence.agrees and not evidence.flat
