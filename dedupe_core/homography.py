"""Where one picture lies on another: ORB matches, one homography, its sanity, and the shared field of view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dedupe_core.features import Features, Gray, View

Matrix = NDArray[np.float64]

_FEWEST_MATCHES = 6
_RATIO = 0.8
_MOST_SKEWED = 1.8
_SMALLEST, _LARGEST = 0.15, 6.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """`matrix` (3, 3) maps pixels of the coarse b onto the coarse a. `inliers` support it (0: laid on edge to edge,
    without features). `overlap_a`, `overlap_b`: shared field of view as a share of each."""

    matrix: Matrix
    inliers: int
    overlap_a: float
    overlap_b: float


def edge_to_edge(a: View, b: View) -> Alignment:
    """The alignment of pictures of one framing: corner on corner."""
    return Alignment(_scaling(b.coarse.shape, a.coarse.shape), 0, 1.0, 1.0)


def align(a: View, b: View) -> Alignment | None:
    """The homography that most local features agree on, or None when there is no plausible one."""
    left, right = _matches(a.features, b.features)
    if len(left) < _FEWEST_MATCHES:
        return None
    cv2.setRNGSeed(0)
    found: Any = cv2.findHomography(right, left, cv2.USAC_MAGSAC, 4.0, None, 2000, 0.999)
    matrix, mask = found
    if matrix is None or mask is None:
        return None
    return measured(np.asarray(matrix, np.float64), int(mask.sum()), a.coarse.shape, b.coarse.shape)


def measured(matrix: Matrix, inliers: int, shape_a: tuple[int, ...], shape_b: tuple[int, ...]) -> Alignment | None:
    """The alignment of a homography, or None when no camera or editor could have made it."""
    corners = _corners(shape_b)
    weights = np.c_[corners, np.ones(4)] @ matrix[2]
    if not np.isfinite(matrix).all() or weights.min() * weights.max() <= 0:
        return None
    quad = np.asarray(cv2.perspectiveTransform(corners[None], matrix), np.float64)[0]
    if not _plausible(quad, corners):
        return None
    inverse = np.asarray(np.linalg.inv(matrix), np.float64)
    return Alignment(matrix, inliers, _inside(shape_a, inverse, shape_b), _inside(shape_b, matrix, shape_a))


def _inside(shape: tuple[int, ...], matrix: Matrix, target: tuple[int, ...]) -> float:
    """The share of a picture that lands inside another; sampled, because polygon clipping fails on equal edges."""
    x, y = np.meshgrid((np.arange(48) + 0.5) / 48 * shape[1], (np.arange(48) + 0.5) / 48 * shape[0])
    landed = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1) @ matrix.T
    depth = landed[:, 2] * np.sign(np.median(landed[:, 2]))
    across, down = landed[:, 0] / landed[:, 2], landed[:, 1] / landed[:, 2]
    return float(((depth > 0) & (across >= 0) & (across <= target[1]) & (down >= 0) & (down <= target[0])).mean())


def _matches(a: Features, b: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points (m, 2) of a and b that are each other's best match and clearly better than the second best."""
    if min(len(a.points), len(b.points)) < _FEWEST_MATCHES:
        return a.points[:0], b.points[:0]
    forward = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(b.descriptors, a.descriptors, k=2)
    best: dict[int, cv2.DMatch] = {}
    for pair in forward:
        if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance:
            known = best.get(pair[0].trainIdx)
            if known is None or pair[0].distance < known.distance:
                best[pair[0].trainIdx] = pair[0]
    return a.points[[m.trainIdx for m in best.values()]], b.points[[m.queryIdx for m in best.values()]]


def _corners(shape: tuple[int, ...]) -> Matrix:
    height, width = shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def _plausible(quad: Matrix, corners: Matrix) -> bool:
    if not cv2.isContourConvex(quad.astype(np.float32).reshape(-1, 1, 2)):
        return False
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    before = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    if sides.min() <= 0:
        return False
    scales = sides / before
    opposite = max(sides[0] / sides[2], sides[2] / sides[0], sides[1] / sides[3], sides[3] / sides[1])
    return bool(scales.min() >= _SMALLEST and scales.max() <= _LARGEST and opposite <= _MOST_SKEWED)


def _scaling(source: tuple[int, ...], target: tuple[int, ...]) -> Matrix:
    """Maps pixels of a picture of one shape onto another's, edges on edges, for coordinates that start at the edge."""
    return np.diag([target[1] / source[1], target[0] / source[0], 1.0])


@dataclass(frozen=True, slots=True)
class Overlay:
    """Two pictures in one frame: `base` and the other one warped onto it, uint8 (h, w) or (h, w, 3), and where it
    covers the frame (bool). `swapped`: the frame is b's and a was warped."""

    base: Gray
    warped: Gray
    covered: NDArray[np.bool_]
    swapped: bool


def overlay(a: View, b: View, alignment: Alignment, edge: int, colour: bool = False) -> Overlay:
    """Lay one on the other, in the frame of the one that shows less (the crop), with a long side of at most `edge` and
    at most the resolution of the poorer of the two: detail is never invented."""
    swapped = alignment.overlap_b > alignment.overlap_a
    frame, other = (b, a) if swapped else (a, b)
    matrix = np.linalg.inv(alignment.matrix) if swapped else alignment.matrix
    matrix = _scaling(frame.coarse.shape, frame.fine.shape) @ matrix @ _scaling(other.fine.shape, other.coarse.shape)
    height, width = frame.fine.shape
    scale = min(1.0, edge / max(height, width), _density(matrix, other.fine.shape))
    shape = (max(8, round(height * scale)), max(8, round(width * scale)))
    matrix = _scaling(frame.fine.shape, shape) @ matrix
    base = _sized(frame.colour if colour else frame.fine, shape)
    warped, covered = _warp(other.colour if colour else other.fine, matrix, shape)
    return Overlay(base, warped, covered, swapped)


def refined(a: View, b: View, alignment: Alignment, edge: int) -> Alignment:
    """The alignment after ECC (Evangelidis and Psarakis 2008; homography, 12 iterations, 1e-4); unchanged where that
    does not converge."""
    pair = overlay(a, b, alignment, edge)
    warp = np.eye(3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 1e-4)
    mask = pair.covered.astype(np.uint8) * 255
    try:
        found: Any = cv2.findTransformECC(pair.base, pair.warped, warp, cv2.MOTION_HOMOGRAPHY, until, mask, 5)
    except cv2.error:
        return alignment
    frame = b if pair.swapped else a
    # ECC's matrix maps the frame onto the warped picture, in pixel centres of this overlay
    inward = _scaling(pair.base.shape, frame.coarse.shape)
    step = inward @ _centred(np.linalg.inv(np.asarray(found[1], np.float64)), -1) @ np.linalg.inv(inward)
    matrix = step @ (np.linalg.inv(alignment.matrix) if pair.swapped else alignment.matrix)
    matrix = np.linalg.inv(matrix) if pair.swapped else matrix
    return measured(np.asarray(matrix, np.float64), alignment.inliers, a.coarse.shape, b.coarse.shape) or alignment


def _centred(matrix: Matrix, sign: int = 1) -> Matrix:
    """From coordinates that start at the edge of the first pixel to OpenCV's, which start in its middle (-1: back)."""
    half = np.array([[1, 0, -0.5 * sign], [0, 1, -0.5 * sign], [0, 0, 1]])
    return np.asarray(half @ matrix @ np.linalg.inv(half))


def _density(matrix: Matrix, source: tuple[int, ...]) -> float:
    """Pixels of the source per pixel of the target, linear, at the source's middle."""
    middle = np.array([source[1] / 2, source[0] / 2, 1.0])
    x, y, w = matrix @ middle
    jacobian = (matrix[:2, :2] * w - np.outer([x, y], matrix[2, :2])) / (w * w)
    determinant = abs(float(np.linalg.det(jacobian)))
    return 1.0 / np.sqrt(determinant) if determinant > 0 else 1.0


def _sized(picture: Gray, shape: tuple[int, int]) -> Gray:
    if picture.shape[:2] == shape:
        return picture
    how = cv2.INTER_AREA if shape[0] < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=how), np.uint8)


def _warp(source: Gray, matrix: Matrix, shape: tuple[int, int]) -> tuple[Gray, NDArray[np.bool_]]:
    """Warp with area reduction first where the source is much finer, so that nothing aliases."""
    density = _density(matrix, source.shape)
    if density > 1.5:
        smaller = (max(8, round(source.shape[0] / density)), max(8, round(source.shape[1] / density)))
        matrix = matrix @ _scaling(smaller, source.shape)
        source = _sized(source, smaller)
    size = shape[::-1]
    centred = _centred(matrix)
    warped = cv2.warpPerspective(source, centred, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    whole = np.full(source.shape[:2], 255, np.uint8)
    inside = cv2.warpPerspective(whole, centred, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, np.uint8), np.asarray(inside) >= 250
