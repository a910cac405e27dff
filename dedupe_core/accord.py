"""Which two pictures may stand in one group of copies: those that were compared and agree, as far as they meet."""

from __future__ import annotations

from dedupe_core.model import Evidence
from dedupe_core.relate import is_copy

_LEAST_INLIERS, _FEWEST_BLOCKS = 15, 4
_MEDIAN, _P10 = 0.80, 0.40
_DIFFERENT = 1.0


def agree(evidence: Evidence, copy_distance: int) -> bool:
    """Copies of each other, or two crops of one picture: they share too little of it to be called copies, but where
    they meet they agree as copies do. A region that differs speaks against both."""
    if evidence.assumed:
        return True
    if evidence.failed or evidence.damaged_twin or evidence.difference is None or evidence.difference > _DIFFERENT:
        return bool(evidence.pixels_equal)
    return is_copy(evidence, copy_distance) or _agree_where_they_meet(evidence)


def _agree_where_they_meet(evidence: Evidence) -> bool:
    aligned = evidence.inliers >= _LEAST_INLIERS and evidence.blocks >= _FEWEST_BLOCKS and not evidence.flat
    return aligned and evidence.block_median >= _MEDIAN and evidence.block_p10 >= _P10
