"""Two pictures, laid on each other and measured: a pure function from pixels to `Evidence`. It decides nothing.

Pictures of one framing (most copies) are laid edge on edge, which costs a few milliseconds; whatever does not agree so
is aligned by its local features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dedupe_core.correlation import Agreement, coarse_agreement, fine_agreement
from dedupe_core.difference import difference
from dedupe_core.features import COARSE_EDGE, FINE_EDGE, View
from dedupe_core.homography import Alignment, align, edge_to_edge, overlay, refined
from dedupe_core.model import Evidence
from dedupe_core.tone import change

SAME_FRAMING = 60
"""Hashes further apart than this are not worth trying edge on edge."""

_AGREED_MEDIAN, _AGREED_P10 = 0.97, 0.8
_WHOLE_VIEW, _PROMISING, _WORTH_A_LOOK = 0.8, 0.4, 0.65
_ECC_EDGE = 400
_FINE_ECC_EDGE = 640  # a tenth of a pixel there is a sixth of one at 1,024, at 40 % of the cost
_FEW_INLIERS = 8
_STRUCTURE = 3.0
_MARGIN_BLOCKS = 24
_MARGIN_BLUR = 0.01  # of the long side: where two pictures meet, resampling mixes them
_RING = 4  # of the 192 steps across a picture: how far to both sides of the seam is looked
_PLAIN, _STEP = 3.0, 10.0  # grey levels: spread of a frame along its seam, and how far the picture differs from it

Finer = Callable[[], tuple[View, View]]


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known before: the Hamming distance, the symmetry that turns b onto a, and whether one of the two is flat
    or a document, so that the fine check has to speak."""

    distance: int = 256
    symmetry: int = 0
    flat: bool = False


@dataclass(frozen=True, slots=True)
class _Laid:
    alignment: Alignment
    agreement: Agreement


def compare(a: View, b: View, hint: Hint, finer: Finer | None = None) -> Evidence:
    """Everything that grouping wants to know of two pictures. `finer` gives both at a long side of 1,024 when the fine
    check is needed; without it the pictures at hand serve."""
    b = b.turned(hint.symmetry)
    found = Evidence(distance=hint.distance, symmetry=hint.symmetry, flat=hint.flat)
    laid = _lay(a, b, hint)
    if laid is None:
        return found
    at = laid.alignment
    found = replace(
        found,
        inliers=at.inliers,
        overlap_a=round(at.overlap_a, 4),
        overlap_b=round(at.overlap_b, 4),
        block_median=round(laid.agreement.median, 4),
        block_p10=round(laid.agreement.p10, 4),
        blocks=laid.agreement.blocks,
        scale=round(_scale(at), 4),
    )
    apart = not _promising(laid) or laid.agreement.median < _WORTH_A_LOOK
    if apart and not (hint.flat and laid.agreement.blocks < 4):
        return found
    return _closely(a, b, laid, found, finer)


def _lay(a: View, b: View, hint: Hint) -> _Laid | None:
    """The better of edge on edge and by features."""
    plain = None
    if hint.distance <= SAME_FRAMING:
        alignment = edge_to_edge(a, b)
        plain = _Laid(alignment, coarse_agreement(overlay(a, b, alignment, COARSE_EDGE)))
        if plain.agreement.median >= _AGREED_MEDIAN and plain.agreement.p10 >= _AGREED_P10:
            return plain
    found = align(a, b)
    if found is None or found.inliers < _FEW_INLIERS:
        return plain
    laid = _Laid(found, coarse_agreement(overlay(a, b, found, COARSE_EDGE)))
    if _promising(laid):
        found = refined(a, b, found, _ECC_EDGE)
        laid = _Laid(found, coarse_agreement(overlay(a, b, found, COARSE_EDGE)))
    if plain is None or laid.agreement.median > plain.agreement.median:
        return laid
    # the frames do coincide: what the features found says so too
    return _Laid(replace(plain.alignment, inliers=found.inliers), plain.agreement)


def _promising(laid: _Laid) -> bool:
    """One may lie within the other; two shots that share a part of their fields are not worth the dear part."""
    view = max(laid.alignment.overlap_a, laid.alignment.overlap_b)
    return view >= _WHOLE_VIEW and laid.agreement.median >= _PROMISING


def _closely(a: View, b: View, laid: _Laid, found: Evidence, finer: Finer | None) -> Evidence:
    """The dearer measurements, for pairs that may be copies."""
    at = laid.alignment
    laid_on = overlay(a, b, at, COARSE_EDGE, colour=True)
    look = change(laid_on)
    margin_a, framed_a = _margin(a, laid.alignment, inward=False, other=b)
    margin_b, framed_b = _margin(b, laid.alignment, inward=True, other=a)
    if found.flat:
        fine_a, fine_b, at = _finely(a, b, at, found.symmetry, finer)
        agreement = fine_agreement(overlay(fine_a, fine_b, at, FINE_EDGE))
        found = replace(found, fine=round(agreement.share, 4), fine_blocks=agreement.blocks)
        seen = difference(overlay(fine_a, fine_b, at, FINE_EDGE, colour=True))
    else:
        seen = difference(laid_on)
        if seen is not None and seen.strength > 1 and finer is not None and found.agrees:
            # fine patterns that a reduction turns into moiré are the same again when they are seen from nearer; what
            # does not agree is called no copy, however near it is looked at
            fine_a, fine_b, at = _finely(a, b, at, found.symmetry, finer)
            seen = difference(overlay(fine_a, fine_b, at, FINE_EDGE, colour=True)) or seen
    return replace(
        found,
        difference=None if seen is None else seen.strength,
        changed=None if seen is None else seen.changed,
        tone=None if look is None else look.tone,
        colour=None if look is None else look.colour,
        detail=None if look is None else look.detail,
        grain=None if look is None else look.grain,
        margin_a=margin_a,
        margin_b=margin_b,
        framed_a=framed_a,
        framed_b=framed_b,
    )


def _finely(a: View, b: View, alignment: Alignment, symmetry: int, finer: Finer | None) -> tuple[View, View, Alignment]:
    """Both at a long side of 1,024, b turned, and how they lie there."""
    if finer is not None:
        a, b = finer()
        b = b.turned(symmetry)
    return a, b, refined(a, b, alignment, _FINE_ECC_EDGE)


def _scale(alignment: Alignment) -> float:
    """The linear scale of b's coarse picture onto a's, at the middle."""
    matrix = alignment.matrix / alignment.matrix[2, 2]
    return float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))


def _margin(picture: View, alignment: Alignment, inward: bool, other: View) -> tuple[float, bool]:
    """The share of a picture that lies outside the shared field and has structure, and whether a plain frame begins
    there. Only what lies outside is looked at: a narrow border does not borrow structure from the picture beside it.
    What lies beyond a frame (the bars of a screenshot, a caption under a letterbox) is no part of the scene."""
    matrix = alignment.matrix if inward else np.linalg.inv(alignment.matrix)
    limit_y, limit_x = other.coarse.shape
    blur = _MARGIN_BLUR * max(limit_x, limit_y)
    height, width = picture.coarse.shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]]) @ matrix.T
    if _within(corners[:, 0] / corners[:, 2], corners[:, 1] / corners[:, 2], (limit_x, limit_y), blur).all():
        return 0.0, False
    cells, fine = _MARGIN_BLOCKS, _MARGIN_BLOCKS * 8
    x, y = np.meshgrid((np.arange(fine) + 0.5) / fine * width, (np.arange(fine) + 0.5) / fine * height)
    landed = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1) @ matrix.T
    across, down = landed[:, 0] / landed[:, 2], landed[:, 1] / landed[:, 2]
    outside = ~_within(across, down, (limit_x, limit_y), blur)
    if not outside.any():
        return 0.0, False
    even = cv2.resize(picture.coarse, (fine, fine), interpolation=cv2.INTER_AREA).astype(np.float64)
    beyond = np.stack([across < 0, down < 0, across > limit_x, down > limit_y]).reshape(4, fine, fine)
    if _framed(even, outside.reshape(fine, fine), beyond):
        return 0.0, True
    inner = outside.reshape(cells, 8, cells, 8)
    grey, count = even.reshape(cells, 8, cells, 8) * inner, inner.sum(axis=(1, 3))
    mean = grey.sum(axis=(1, 3)) / np.maximum(count, 1)
    spread = (grey**2).sum(axis=(1, 3)) / np.maximum(count, 1) - mean**2
    return round(float(count[spread >= _STRUCTURE**2].sum() / fine**2), 4), False


def _within(x: NDArray[np.float64], y: NDArray[np.float64], limit: tuple[int, int], blur: float) -> NDArray[np.bool_]:
    return (x >= -blur) & (y >= -blur) & (x <= limit[0] + blur) & (y <= limit[1] + blur)


def _framed(even: NDArray[np.float64], outside: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> bool:
    """Does the shared field end in a plain frame on each side where it ends? A scene goes on beyond the edge of its
    crop; a border, a letterbox or a screen begins with one colour along the whole seam, which the picture has not.
    `beyond` (4, h, w): what lies past the left, upper, right and lower edge of the shared field."""
    within = np.asarray(~beyond.any(axis=0), np.bool_)
    near, ended = _wider(within), False
    for index, past in enumerate(beyond):
        alone = past & outside & ~np.delete(beyond, index, axis=0).any(axis=0)  # without the corners
        if not alone.any():
            continue
        seam, beside = even[alone & near], even[within & _wider(past)]
        if not (seam.size and beside.size):
            return False
        frame = np.median(seam)
        if np.percentile(np.abs(seam - frame), 90) > _PLAIN or np.abs(beside - frame).mean() < _STEP:
            return False
        ended = True
    return ended


def _wider(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * _RING + 1, 2 * _RING + 1), np.uint8))) > 0
