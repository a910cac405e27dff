"""Is a small region of two aligned pictures different, though all the rest agrees? A date stamp, a caption, a sticker,
a closed eye, a corrected detail, a changed word.

What every copy may do is explained away first, from what the two pictures have in common: blur or sharpening (the
sharper one is blurred until both have the same share of gradient), colour and tone (a mix of the channels and their
squares, then a free curve: brightness, contrast, gamma, equalising, saturation, warmth, grey), and slow changes of
exposure over the picture (vignettes). Each picture is predicted from the other in this way. What a region shows beyond
the prediction *in both directions* is its unexplained contrast; an edit that flattens (clipped highlights) is
unexplained in one direction only.

A region is different when its unexplained contrast is strong, much stronger than elsewhere in the same pair (noise,
compression and misalignment are everywhere), and not just a part of strong texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dedupe_core.homography import Overlay

EDGE = 500
LEAST_CONTRAST = 7.5  # grey levels; JPEG at quality 10 leaves up to 5 unexplained
ABOVE_USUAL = 3.5  # times the 75th percentile of the same pair
_LEAST_COLOUR_CONTRAST = 10.0
_PLAINLY_EQUAL = (4.0, 8.0, 8.0)  # levels of luma and colour left at half size after the first of the explanations
_WORTH_A_LOOK = 0.5
_GREY = 4.0  # deviation of colour up to which a picture counts as grey
_LEAST_AREA = 1.5e-4  # of the picture: 28 pixels at 500 × 375, a tenth of a window
_STRUCTURE = 0.8  # share of a region's contrast that is unexplained where texture agrees badly everywhere
_LEAST_STRUCTURE = 0.35
_USUAL_STRUCTURE = 4.0
_WINDOW, _SURROUNDINGS = 1 / 32, 1 / 5  # of the long side
_SIGMAS = (0.5, 0.8, 1.2, 1.7, 2.4, 3.4, 4.8)

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Difference:
    """`strength` of the strongest region: 1 is the limit of what is called different. `changed`: share of the common
    picture in regions above the limit, 0 when there is none."""

    strength: float
    changed: float


def difference(pair: Overlay) -> Difference | None:
    """The strongest local difference of an overlay in colour; None when too little of it is covered to say."""
    inside = _inside(pair.covered)
    if inside.mean() < 0.05 or min(inside.shape) < 48:
        return None
    if _plainly_equal(pair, inside):
        return Difference(0.0, 0.0)
    a, b = (_blurred(x.astype(np.float32), 1.0) for x in (pair.base, pair.warped))
    a, b = _equally_sharp(a, b, inside)
    found = _unexplained(a, b, _luma(a), _luma(b), inside, LEAST_CONTRAST, step=2)
    if _both_coloured_or_grey(a, b, inside):
        colour = _colour_unexplained(a, b, inside)
        found = np.maximum(found, cv2.resize(colour, found.shape[::-1], interpolation=cv2.INTER_LINEAR))
    strength = found[inside[::2, ::2]]
    least = max(1, round(strength.size * _LEAST_AREA))
    strongest = np.partition(strength, -least)[-least]
    return Difference(round(float(strongest), 3), round(float((strength > 1).mean()), 5) if strongest > 1 else 0.0)


def _blurred(picture: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _halved(picture: Plane) -> Plane:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)


def _colour_unexplained(a: Plane, b: Plane, inside: NDArray[np.bool_]) -> Plane:
    """The same of the two colour differences, at half size as JPEG keeps them."""
    a, b = _halved(a), _halved(b)
    inner = np.asarray(cv2.resize(inside.astype(np.uint8), a.shape[1::-1], interpolation=cv2.INTER_NEAREST)) > 0
    strengths = [
        _unexplained(a, b, chroma(a), chroma(b), inner, _LEAST_COLOUR_CONTRAST) for chroma in (_blueness, _redness)
    ]
    return np.asarray(_unclipped(a) * _unclipped(b) * np.maximum(*strengths), np.float32)


def _plainly_equal(pair: Overlay, inside: NDArray[np.bool_]) -> bool:
    """The cheap answer for most copies, at half size: nothing is left of luma and colour after the first prediction."""
    size = (inside.shape[1] // 2, inside.shape[0] // 2)
    # grain and the marks of compression are smoothed away, a little less than the long answer does it at full size
    a, b = (
        _blurred(cv2.resize(x, size, interpolation=cv2.INTER_AREA).astype(np.float32), 0.5)
        for x in (pair.base, pair.warped)
    )
    within = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    window = max(5, round(max(size) * _WINDOW) | 1)
    for plane, most in zip((_luma, _blueness, _redness), _PLAINLY_EQUAL, strict=True):
        seen = plane(b)
        rest = seen - _mixed(a, seen, within)
        rest -= _mean(rest, 2 * window + 1)
        least = most / max(_gain(plane(a), seen, within), 1.0)
        if _mean(rest * rest, window)[within].max() >= least**2:
            return False
    return True


def _mixed(source: Plane, target: Plane, inside: NDArray[np.bool_]) -> Plane:
    """The best mix of the source's channels and their squares for the target (h, w) or (h, w, k), fitted again without
    the quarter that fits worst, so that a large sticker does not bend it."""
    some = np.zeros_like(inside)
    some[::4, ::4] = inside[::4, ::4]
    chosen = source[some].astype(np.float64)
    known = np.c_[chosen, chosen**2 / 255, np.ones(len(chosen))]
    wanted = target[some].reshape(len(known), -1)
    rest = np.abs(wanted - known @ _solved(known, wanted)).sum(axis=1)
    good = rest <= np.percentile(rest, 75)
    weights = _solved(known[good], wanted[good]).astype(np.float32).T
    linear = cv2.transform(source, np.ascontiguousarray(weights[:, [0, 1, 2, 6]]))
    squares = cv2.transform(cv2.multiply(source, source, scale=1 / 255), np.ascontiguousarray(weights[:, 3:6]))
    return np.asarray(cv2.add(linear, squares), np.float32)


def _solved(known: NDArray[np.float64], wanted: NDArray[np.float32]) -> NDArray[np.float64]:
    damped = known.T @ known + np.eye(known.shape[1]) * len(known) * 1e-3
    return np.asarray(np.linalg.solve(damped, known.T @ wanted), np.float64)


def _inside(covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a whole window is covered; away from the frame too, where filters and warps see their own edge."""
    reach = max(3, round(max(covered.shape) / 64))
    padded = np.pad(covered.astype(np.uint8), 1)
    size = (2 * reach + 1, 2 * reach + 1)
    return np.asarray(cv2.erode(padded, np.ones(size, np.uint8), borderValue=0))[1:-1, 1:-1] > 0


def _luma(picture: Plane) -> Plane:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def _blueness(picture: Plane) -> Plane:
    return np.asarray(cv2.subtract(cv2.extractChannel(picture, 2), _luma(picture)))


def _redness(picture: Plane) -> Plane:
    return np.asarray(cv2.subtract(cv2.extractChannel(picture, 0), _luma(picture)))


def _unclipped(picture: Plane) -> Plane:
    """1 where a window's colours are true, 0 where a fifth of it is burnt out or black: there every edit of tone
    changes the colour, too."""
    red, green, blue = cv2.split(picture)
    clipped = (cv2.max(cv2.max(red, green), blue) >= 248) | (_luma(picture) <= 12)
    window = max(5, round(max(clipped.shape) * _WINDOW) | 1)
    return np.asarray(_mean(clipped.astype(np.float32), window) < 0.2, np.float32)


def _both_coloured_or_grey(a: Plane, b: Plane, inside: NDArray[np.bool_]) -> bool:
    """False when one is a grey rendering of the other: then only luma can be compared."""
    less, more = sorted(float(np.hypot(_spread(_blueness(x), inside), _spread(_redness(x), inside))) for x in (a, b))
    return more < _GREY or less > more / 4


def _detail(picture: Plane, inside: NDArray[np.bool_]) -> float:
    """Gradient energy as a share of the variance: falls with blur, stays with contrast."""
    luma = _luma(picture)
    across, down = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=3)
    energy = cv2.mean(across * across + down * down, inside.astype(np.uint8))[0]
    return float(energy / (_spread(luma, inside) ** 2 + 1e-3))


def _spread(plane: Plane, inside: NDArray[np.bool_]) -> float:
    """Standard deviation."""
    _, spread = cv2.meanStdDev(plane, mask=inside.astype(np.uint8))
    return float(spread[0, 0])


def _gain(a: Plane, b: Plane, inside: NDArray[np.bool_]) -> float:
    """How much more contrast a has than b: what is little in b is more in a."""
    return _spread(a, inside) / max(_spread(b, inside), 1e-3)


def _equally_sharp(a: Plane, b: Plane, inside: NDArray[np.bool_]) -> tuple[Plane, Plane]:
    detail_a, detail_b = _detail(a, inside), _detail(b, inside)
    if max(detail_a, detail_b) <= 1.05 * min(detail_a, detail_b):
        return a, b
    sharper, wanted = (a, detail_b) if detail_a > detail_b else (b, detail_a)
    before = 0.0
    for sigma in _SIGMAS:
        if _detail(_blurred(sharper, sigma), inside) <= wanted:
            break
        before = sigma
    blurred = _blurred(sharper, (before + sigma) / 2)
    return (blurred, b) if detail_a > detail_b else (a, blurred)


def _unexplained(
    a: Plane, b: Plane, of_a: Plane, of_b: Plane, inside: NDArray[np.bool_], least: float, step: int = 1
) -> Plane:
    """Strength, at each `step`-th pixel, of what the plane `of_b` shows beyond its prediction from picture a, and
    `of_a` from b."""
    gain = _gain(of_a, of_b, inside)
    there = _surprise(_predicted(a, of_b, inside), of_b, inside, least / max(gain, 1.0), step)
    if not (there[inside[::step, ::step]] > _WORTH_A_LOOK).any():
        return there
    back = _surprise(_predicted(b, of_a, inside), of_a, inside, least / max(1 / gain, 1.0), step)
    return np.minimum(there, back)


def _predicted(source: Plane, target: Plane, inside: NDArray[np.bool_]) -> Plane:
    """The target as far as tone, colour mix and slow exposure changes of the source tell it."""
    guess = _mixed(source, target, inside)
    for _ in range(2):
        guess = _curve(guess, target, inside)
        guess = guess + _slow(target - guess)
    return np.asarray(guess)


def _curve(source: Plane, target: Plane, inside: NDArray[np.bool_]) -> Plane:
    """The mean of the target at each level of the source, in 64 levels with straight lines between them."""
    low, high, _, _ = cv2.minMaxLoc(source, inside.astype(np.uint8))
    above = np.maximum(source - low, 0)
    level = cv2.convertScaleAbs(above, alpha=256 / max(high - low, 64e-3), beta=-0.5)  # in quarters, 0 to 255
    some = inside[::2, ::2]
    index = level[::2, ::2][some] >> 2
    count = 4.0 * np.bincount(index, minlength=64)
    total = 4.0 * np.bincount(index, target[::2, ::2][some], minlength=64)
    blend = np.array([1, 2, 3, 2, 1])
    wide_count, wide_total = np.convolve(count, blend, "same"), np.convolve(total, blend, "same")
    trust = count / (count + 50)
    known = wide_count > 0
    mean = trust * total / np.maximum(count, 1) + (1 - trust) * wide_total / np.maximum(wide_count, 1)
    curve = np.interp((np.arange(256) + 0.5) / 4, np.flatnonzero(known) + 0.5, mean[known]).astype(np.float32)
    return np.asarray(cv2.LUT(level, curve))


def _slow(rest: Plane) -> Plane:
    """The part of a plane that changes slowly over the picture."""
    height, width = rest.shape
    small = cv2.resize(rest, (max(8, width // 8), max(8, height // 8)), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), max(height, width) / 80)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR))


def _surprise(predicted: Plane, seen: Plane, inside: NDArray[np.bool_], least: float, step: int) -> Plane:
    """At each `step`-th pixel: means over windows of 16 change little from one to the next."""
    edge = max(seen.shape)
    window, around = max(7, round(edge * _WINDOW) | 1), max(15, round(edge * _SURROUNDINGS) | 1)
    predicted, seen = predicted - _mean(predicted, 2 * window + 1), seen - _mean(seen, 2 * window + 1)
    squares = (predicted * predicted, seen * seen, predicted * seen)
    var_p, var_s, common = (np.ascontiguousarray(_mean(plane, window)[::step, ::step]) for plane in squares)
    around, inside = max(15, (around // step) | 1), inside[::step, ::step]
    gain = (_mean(var_s, around) + 4) / (_mean(var_p, around) + 4)
    correlation = np.clip(common / np.sqrt((var_p + 1) * (var_s + 1)), 0, 1)
    contrast = np.maximum(var_p * gain, var_s)
    unexplained = np.sqrt(contrast * (1 - correlation**2))
    share = unexplained / np.sqrt(contrast + 16)
    # one pixel of sixteen tells the distribution
    few = 4 // step
    some = inside[::few, ::few]
    usual = ABOVE_USUAL * float(np.percentile(unexplained[::few, ::few][some], 75))
    busy = share[::few, ::few][some & (contrast[::few, ::few] > LEAST_CONTRAST**2)]
    usual_share = float(np.percentile(busy, 90)) if busy.size else 0.0
    structure = np.clip(_USUAL_STRUCTURE * usual_share, _LEAST_STRUCTURE, _STRUCTURE)
    return np.asarray(np.where(share > structure, unexplained / max(least, usual), 0), np.float32)


def _mean(plane: Plane, size: int) -> Plane:
    return np.asarray(cv2.boxFilter(plane, -1, (size, size), borderType=cv2.BORDER_REFLECT))
