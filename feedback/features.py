"""What the learner knows of a pair: a few numbers that a person can follow, from what a scan measured anyway.

Each feature says which way it may count (`SIGNS`): more agreement never makes a pair less likely to be the same, more
difference never makes it more likely. That keeps the learned answer monotone in the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from dedupe_core.model import Evidence, Photo
from dedupe_core.store import Store
from dedupe_core.store.codec import seconds
from dedupe_core.verify import RECIPE

VERSION = 2
"""Raised whenever a feature changes its meaning; answers keep the numbers of their own version."""

_SAME_MOMENT = 0.05
_LAID_EDGE_ON_EDGE = 150
_MOST_SECONDS = 12.0  # log1p of two days
_SMALLER, _HARD = 0.9, 60  # share of the pixels, JPEG quality: below these a file has lost its noise
_PLAIN_EDIT = {"tone": 1.1, "colour": 1.6, "detail": 0.18, "grain": 1.5}
"""What an edit that people notice changes (log1p of 2, 4 and 3.5 grey levels, a sixth more or less detail); saving a
file again, resizing, cropping and turning stay below half of each. Chosen on variants of other photos than those that
`benchmarks/learning.py` counts (docs/feedback.md)."""
_PLAIN_CHANGE = _PLAIN_EDIT | {"border": 1.0, "local_difference": 1.0}
"""The same of all that changes what is seen: an edit, a frame, a region."""

SIGNS: Mapping[str, int] = {
    "hash": 1,
    "points": 1,
    "shared_most": 1,
    "shared_least": 1,
    "blocks": 1,
    "worst_blocks": 1,
    "fine": 1,
    "local_difference": -1,
    "tone": -1,
    "colour": -1,
    "detail": -1,
    "grain": -1,
    "look": -1,
    "border": -1,
    "altered": -1,
    "size_ratio": -1,
    "aspect": -1,
    "same_time": 1,
    "other_time": -1,
    "time_gap": -1,
    "same_camera": 0,
    "flat": -1,
    "turned": 0,
    "other_source": 0,
    "embedding": 1,
}
"""1: agreement, its weight is never negative; -1: difference, never positive; 0: free."""

NAMES = tuple(SIGNS)


def features(evidence: Evidence, a: Photo, b: Photo, embedding: float | None = None) -> dict[str, float]:
    """The features of a compared pair by name, without those that nobody measured. The same whichever comes first.

    `same_time` under 0.05 s apart, `other_time` from there on, both 0 and no `time_gap` when a time is unknown; it is
    log1p of the seconds as a share of two days, at most 1. `look`: 0 up to half of a plain edit, 1 for a plain one;
    `altered`: the same of an edit, a frame or a changed region, whichever is plainest, so that somebody who keeps the
    ones apart need not meet all the others. `border`: one of them is framed. `embedding`:
    see `Measured`."""
    aligned = evidence.overlap_a == 1.0 and evidence.overlap_b == 1.0 and not evidence.inliers
    found = {
        "hash": (128 - min(evidence.distance, 128)) / 64,
        "points": math.log1p(_LAID_EDGE_ON_EDGE if aligned else evidence.inliers) / 5,
        "shared_most": max(evidence.overlap_a, evidence.overlap_b),
        "shared_least": min(evidence.overlap_a, evidence.overlap_b),
        "blocks": evidence.block_median,
        "worst_blocks": max(evidence.block_p10, 0.0),
        "flat": float(evidence.flat),
        "turned": float(evidence.symmetry != 0),
        "other_source": float(a.asset.id.source != b.asset.id.source),
    }
    found |= _times(a, b) | _sizes(a, b) | _measured(evidence, a, b)
    if a.camera and b.camera:
        found["same_camera"] = 1.0 if a.camera == b.camera else -1.0
    if embedding is not None:
        found["embedding"] = embedding
    return found


class Measured:
    """The features of pairs of a library, with what its model says of them: `embedding` is 0 at the cosine that chance
    reaches in this library and 1 at equal vectors, so that it means the same for every model."""

    def __init__(self, store: Store | None) -> None:
        self.store = store
        self.model = store.embeddings.current() if store is not None else ""

    def __call__(self, evidence: Evidence, a: Photo, b: Photo) -> dict[str, float]:
        """The features of a compared pair."""
        return features(evidence, a, b, self._embedding(a, b))

    def known(self, a: Photo, b: Photo) -> dict[str, float] | None:
        """The same from what the store has measured; None when it knows nothing of the pair."""
        evidence = self.store.evidence.get(a.content, b.content, RECIPE) if self.store is not None else None
        embedding = self._embedding(a, b)
        if evidence is None and embedding is None:
            return None
        return features(evidence or Evidence(), a, b, embedding)

    def _embedding(self, a: Photo, b: Photo) -> float | None:
        if self.store is None or not self.model or a.signature_row is None or b.signature_row is None:
            return None
        return self.store.embeddings.resemblance(self.model, a.signature_row, b.signature_row)


def _times(a: Photo, b: Photo) -> dict[str, float]:
    ours, theirs = seconds(a.taken_at), seconds(b.taken_at)
    if ours is None or theirs is None:
        return {"same_time": 0.0, "other_time": 0.0}
    gap = abs(ours - theirs)
    if gap < _SAME_MOMENT:
        return {"same_time": 1.0, "other_time": 0.0, "time_gap": 0.0}
    return {"same_time": 0.0, "other_time": 1.0, "time_gap": min(math.log1p(gap) / _MOST_SECONDS, 1.0)}


def _sizes(a: Photo, b: Photo) -> dict[str, float]:
    if not (a.width and a.height and b.width and b.height):
        return {}
    shapes = [max(one.width, one.height) / min(one.width, one.height) for one in (a, b)]
    ratio = (a.width * a.height) / (b.width * b.height)
    return {"size_ratio": abs(math.log2(ratio)) / 2, "aspect": min(abs(math.log(shapes[0] / shapes[1])), 1.0)}


def _measured(evidence: Evidence, a: Photo, b: Photo) -> dict[str, float]:
    """What only the closer look tells."""
    told = {
        "fine": evidence.fine if evidence.fine_blocks else None,
        "local_difference": None if evidence.difference is None else min(evidence.difference, 2.0),
        "tone": None if evidence.tone is None else math.log1p(evidence.tone),
        "colour": None if evidence.colour is None else math.log1p(evidence.colour),
        "detail": None if evidence.detail is None else min(evidence.detail, 2.0),
        "grain": None if evidence.grain is None else math.log1p(_grain(evidence.grain, a, b)),
        "border": None if evidence.margin_a is None else float(evidence.framed_a or evidence.framed_b),
    }
    known = {name: value for name, value in told.items() if value is not None}
    summed = {"look": _strongest(known, _PLAIN_EDIT, 2.0), "altered": _strongest(known, _PLAIN_CHANGE, 1.0)}
    return known | {name: value for name, value in summed.items() if value is not None}


def _strongest(known: Mapping[str, float], plain: Mapping[str, float], most: float) -> float | None:
    """The plainest of some changes: 0 up to half of a plain one, 1 for a plain one; None when nothing was measured."""
    shares = [known[one] / usual for one, usual in plain.items() if one in known]
    return min(max(2 * max(shares) - 1, 0.0), most) if shares else None


def _grain(grain: float, a: Photo, b: Photo) -> float:
    """The noise that one has beyond the other in grey levels; a smaller or more compressed file has lost it by that."""
    smoother, grainier = (a, b) if grain > 0 else (b, a)
    smaller = smoother.width * smoother.height < _SMALLER * grainier.width * grainier.height
    quality = smoother.signature.jpeg_quality if smoother.signature else None
    return 0.0 if smaller or (quality is not None and quality < _HARD) else abs(grain)
