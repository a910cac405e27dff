"""Perceptual hashes of 256 bits in all eight symmetries from one 64×64 picture.

`phash256` computes what `imagehash.phash(hash_size=16)` computes: the two-dimensional DCT-II of the 64×64 grey picture,
its 16×16 lowest frequencies, one bit for each that is above their median. The 16×16 booleans are packed row by row,
most significant bit first (`np.packbits`), so that ``np.packbits(imagehash.phash(img, hash_size=16).hash)`` is hash 0.

A mirrored picture changes the sign of the odd frequencies and a transposed one transposes the coefficients, so the
other seven hashes need no second decode and no second DCT, only seven medians.

Bit-equality holds even where coefficients are equal to the median (flat pictures, gradients, drawings), because the
DCT runs through the same real FFT with the same twiddle factors as `scipy.fftpack` and rounds alike. For the seven
turned pictures it holds except in coefficients that lie within rounding error of the median: in perfectly symmetric or
flat pictures such bits are rounding noise in imagehash, too. `Signature.luma_sd` and `.gradient` tell such pictures.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

SYMMETRIES = (
    "identity",
    "rotate_90",
    "rotate_180",
    "rotate_270",
    "flip_left_right",
    "flip_top_bottom",
    "transpose",
    "transverse",
)
"""Names by index; the pictures are those of PIL's `Transpose` of the same names (rotations are anticlockwise)."""

LOW = 16
_NEAR = 1e-4
"""Far above the error of the products, far below the usual distance of a photo's coefficients (about 10)."""
_SIGN = np.where(np.arange(LOW) % 2, -1.0, 1.0)
_FLIPS = np.stack([np.ones((LOW, LOW)), np.tile(_SIGN, (LOW, 1)), np.tile(_SIGN[:, None], LOW), np.outer(_SIGN, _SIGN)])
"""Signs (4, 16, 16) of the coefficients after: nothing, flip left-right, flip top-bottom, both."""
_PLAIN = (0, 4, 5, 2)
_CROSSWISE = (6, 1, 3, 7)
"""The symmetries that are these four flips, and those that are their transposed coefficients."""


def phash256(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Hashes (n, 8, 32) uint8 of n upright grey pictures (n, 64, 64) uint8.

    Entry k is the hash of the picture after symmetry k. To be bit-equal to imagehash on a whole picture, make the 64×64
    as it does: ``img.convert("L").resize((64, 64), Image.Resampling.LANCZOS)``.
    """
    above = _above(gray)
    turned = np.empty((len(gray), 8, LOW, LOW), dtype=np.bool_)
    turned[:, _PLAIN] = above
    turned[:, _CROSSWISE] = above.transpose(0, 1, 3, 2)
    return np.packbits(turned.reshape(-1, 8, LOW * LOW), axis=2)


def _above(gray: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which coefficients (n, 4, 16, 16) are above their median. Two small matrix products give the coefficients to
    about 1e-9; only where one lies so near a median that rounding could matter, all are computed as imagehash does."""
    waves = _waves()
    flipped = (waves @ gray.astype(np.float64) @ waves.T)[:, None] * _FLIPS
    distance = flipped - _medians(flipped)
    if np.abs(distance).min(initial=1.0) < _NEAR:
        flipped = _lowest(gray, LOW)[:, None] * _FLIPS
        distance = flipped - _medians(flipped)
    above: NDArray[np.bool_] = distance > 0
    return above


@functools.cache
def _waves() -> NDArray[np.float64]:
    """The 16 lowest cosines of the DCT-II at 64 points (16, 64)."""
    angles = np.outer(np.arange(LOW), 2 * np.arange(64) + 1) * (math.pi / 128)
    return np.asarray(2.0 * np.cos(angles))


def phash64(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Hashes (n, 8) uint8, bit-equal to `imagehash.phash()` of n grey pictures (n, 32, 32) uint8."""
    low = _lowest(gray, 8)
    return np.packbits((low > _medians(low)).reshape(-1, 64), axis=1)


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median over the last two axes, kept as axes of length 1; as np.median, without its overhead a call."""
    count = values.shape[-1] * values.shape[-2]
    middle = (count // 2 - 1, count // 2)
    ordered = np.partition(values.reshape(*values.shape[:-2], count), middle, axis=-1)
    both = ordered[..., middle[0]] + ordered[..., middle[1]]
    return np.asarray(both / 2.0)[..., None, None]


def _lowest(gray: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
    """The `count`×`count` lowest coefficients of the unnormalised DCT-II, down the columns first as imagehash does."""
    columns = _dct(gray.transpose(0, 2, 1))[:, :, :count]
    return _dct(columns.transpose(0, 2, 1))[:, :, :count]


def _dct(lines: NDArray[np.uint8] | NDArray[np.float64]) -> NDArray[np.float64]:
    """DCT-II along the last axis (even length) by one real FFT of the same length: neighbours become the real and the
    imaginary part of a spectrum whose inverse FFT is turned by the twiddle factors. The arrangement and every rounding
    are pocketfft's, so that results equal `scipy.fftpack.dct` to the last bit."""
    size = lines.shape[-1]
    half = size // 2
    spectrum = np.zeros((*lines.shape[:-1], half + 1), dtype=np.complex128)
    spectrum.real[..., 0] = lines[..., 0] * 2.0
    spectrum.real[..., half] = lines[..., -1] * 2.0
    odd, even = lines[..., 1:-1:2].astype(np.float64), lines[..., 2::2].astype(np.float64)
    spectrum.real[..., 1:half] = even + odd
    spectrum.imag[..., 1:half] = even - odd
    values: NDArray[np.float64] = np.fft.irfft(spectrum, n=size, norm="forward")
    cosine = _twiddles(size)
    low, high = values[..., 1:half].copy(), values[..., :half:-1].copy()
    first = cosine[: half - 1] * high + cosine[: half - 1 : -1][: half - 1] * low
    second = cosine[: half - 1] * low - cosine[: half - 1 : -1][: half - 1] * high
    values[..., 1:half] = 0.5 * (first + second)
    values[..., :half:-1] = 0.5 * (first - second)
    values[..., half] *= cosine[half - 1]
    return values


@functools.cache
def _twiddles(size: int) -> NDArray[np.float64]:
    """cos(πi / 2·size) for i = 1 … size-1. Each is the product of one coarse and one fine unit vector, which differs
    from `math.cos` in the last bit and agrees with pocketfft in all."""
    steps = 4 * size
    shift = 1
    while 4**shift < (steps + 2) // 2:
        shift += 1
    cosines = []
    for index in range(1, size):
        fine, coarse = _unit(index % 2**shift, steps), _unit(index >> shift << shift, steps)
        cosines.append(fine.real * coarse.real - fine.imag * coarse.imag)
    return np.array(cosines)


def _unit(index: int, steps: int) -> complex:
    """exp(2πi·index / steps) in the first quadrant, from the octant where sine and cosine are most exact."""
    angle = 0.25 * math.pi / steps
    eighth = 8 * index
    if eighth < steps:
        return complex(math.cos(eighth * angle), math.sin(eighth * angle))
    return complex(math.sin((2 * steps - eighth) * angle), math.cos((2 * steps - eighth) * angle))
