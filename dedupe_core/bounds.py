"""The bound of the join: a few dozen numbers a vector whose product is never below the cosine, and the kernels that
search it. `join.py` says why it holds.

- The length of the head is chosen on a sample: the shortest whose survivors cost less than a longer head would.
- Rounding goes to the safe side. Heads are rounded to the kernel's precision; the norm of what that took away is known,
  so that its share in the product is bounded by Cauchy and Schwarz again. Tails are two numbers (value and remainder)
  whose cross products are part of the dot product, and are widened by what the rounding of the remainder may hide.
  Rounding the product itself is monotone: what reaches the threshold reaches the rounded threshold.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float16]
Kernel = Callable[[range, range], tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Offsets of the pairs of (rows, panel) whose bound reaches the threshold."""

ROWS, PANEL = 512, 4096
"""The tile that a kernel searches at once: its products stay in the second cache."""
_WIDTHS = (24, 32, 48, 64, 96, 128, 192, 256, 384)
"""Lengths of the bound's vectors that are tried, tails included."""
_TAILS = 3
_SAMPLE = 8192
_TRIED = (512, 2048)
_COST_OF_A_NUMBER, _COST_OF_A_CHECK = 0.01, 4000.0
"""Nanoseconds on one core, measured on x86-64: one number of a bound, one survivor computed in full. Only their ratio
matters, and only for speed."""
_PREPARED = 8192
_SUM = 2.0**-22
"""What summation in float32 may lose of a sum of numbers that add up to one, for each of them (Higham, Accuracy and
Stability of Numerical Algorithms, 3.1), with room for units that truncate."""
_WORTH_TORCH = 60_000
"""Vectors from which on importing torch costs less than it saves."""


def lengths_of(vectors: Floats) -> NDArray[np.float64]:
    """float64 (n,): the length of each vector. Raises `ValueError` for one that has no direction."""
    lengths = np.empty(len(vectors))
    for rows in ranges(0, len(vectors), _PREPARED):
        block = vectors[rows.start : rows.stop].astype(np.float64)
        lengths[rows.start : rows.stop] = np.sqrt(np.einsum("ij,ij->i", block, block))
    wrong = ~((lengths > 0) & np.isfinite(lengths))
    if wrong.any():
        raise ValueError(f"Vector {int(wrong.argmax())} has no direction: it is zero or no number.")
    return lengths


def unit(vectors: Floats, lengths: NDArray[np.float64], rows: slice | NDArray[np.int64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = vectors[rows].astype(np.float64) / lengths[rows, None]
    return unit


def basis_of(vectors: Floats, lengths: NDArray[np.float64], threshold: float) -> tuple[NDArray[np.float64], int]:
    """An orthonormal basis, its most telling directions first, and how long the bound's vectors should be."""
    draw = np.random.default_rng(len(vectors))
    some = draw.permutation(len(vectors))[:_SAMPLE]
    sample = unit(vectors, lengths, some.astype(np.int64))
    moments = sample.T @ sample
    _, directions = np.linalg.eigh(moments)
    basis = np.ascontiguousarray(directions[:, ::-1])
    dimension = vectors.shape[1]
    left, right = sample[: _TRIED[0]] @ basis, sample[-_TRIED[1] :] @ basis
    best = (_COST_OF_A_NUMBER * (dimension + _TAILS), dimension + _TAILS)
    for width in _WIDTHS:
        if width >= dimension or _COST_OF_A_NUMBER * width >= best[0]:
            break  # a longer one costs more even if it leaves nothing to check
        best = min(best, (_cost(left, right, width, threshold), width))
    return basis, best[1]


def _cost(left: NDArray[np.float64], right: NDArray[np.float64], width: int, threshold: float) -> float:
    """Nanoseconds a pair with a bound of `width` numbers, judged by the pairs of the sample."""
    head = width - _TAILS
    tails = [
        np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", part[:, :head], part[:, :head]))) for part in (left, right)
    ]
    reach = left[:, :head] @ right[:, :head].T + np.outer(*tails)
    return _COST_OF_A_NUMBER * width + _COST_OF_A_CHECK * float((reach >= threshold - 0.004).mean())


def kernel_of(
    vectors: Floats,
    lengths: NDArray[np.float64],
    basis: NDArray[np.float64],
    width: int,
    threshold: float,
    kernel: str,
    places: NDArray[np.int64] | None = None,
) -> Kernel:
    """The product of that name ("numpy", "torch" or a device of torch) on vectors reduced to the first `width` axes of
    `basis`, with the limit below which no pair can reach `threshold`. `places`: which vector stands at each position,
    where that is not its own place."""
    bound, lost = bound_of(vectors, lengths, basis, width, kernel != "numpy", places)
    limit = threshold - lost - width * _SUM
    if kernel == "numpy":
        return _numpy_kernel(bound, limit)
    if kernel == "torch":
        return _torch_kernel(bound, limit)
    return _device_kernel(bound, limit, kernel)


def bound_of(
    vectors: Floats,
    lengths: NDArray[np.float64],
    basis: NDArray[np.float64],
    width: int,
    reduced: bool,
    places: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], float]:
    """(n, width) float32 that the kernel's precision represents exactly: the head, then the tail as value, value,
    remainder. The other side of the product has its last two columns exchanged, so that the product is the heads' and
    value · value + value · remainder + remainder · value. And what rounding may have taken from a product of heads."""
    head = width - _TAILS
    bound = np.empty((len(vectors), width), np.float32)
    lost = longest = 0.0
    for rows in ranges(0, len(vectors), _PREPARED):
        here = slice(rows.start, rows.stop)
        turned = unit(vectors, lengths, here if places is None else places[here]) @ basis[:, :head]
        heads = rounded(turned, reduced)
        rest = turned - heads
        lost = max(lost, float(np.einsum("ij,ij->i", rest, rest).max()))
        longest = max(longest, float(np.einsum("ij,ij->i", heads, heads, dtype=np.float64).max()))
        tails = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", turned, turned)) + 1e-12)
        value = rounded(tails, reduced)
        # 2^-16 covers the remainder's own rounding and the product of two remainders, which is left out
        remainder = rounded(tails - value + 2.0**-16, reduced)
        bound[here, :head] = heads
        bound[here, head:] = np.stack((value, value, remainder), axis=1)
    lost, longest = lost**0.5, longest**0.5
    return bound, 2 * lost * longest + lost * lost


def other_side(width: int) -> list[int]:
    return [*range(width - 2), width - 1, width - 2]


def rounded(numbers: NDArray[np.float64], reduced: bool) -> NDArray[np.float32]:
    """To float32, or to float32 numbers that bfloat16 holds exactly (nearest, ties to even)."""
    single = numbers.astype(np.float32)
    if not reduced:
        return single
    bits = single.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def _numpy_kernel(bound: NDArray[np.float32], limit: float) -> Kernel:
    right = np.ascontiguousarray(bound.T[other_side(bound.shape[1])])
    space = np.empty((ROWS, PANEL), np.float32)

    def search(rows: range, panel: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        out = space[: len(rows), : len(panel)]
        np.matmul(bound[rows.start : rows.stop], right[:, panel.start : panel.stop], out=out)
        return _reached(out, np.float32(limit))

    return search


def _reached(products: NDArray[Any], limit: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets of what reaches the limit. Most tiles hold nothing, and the maximum tells that three times faster."""
    if products.max() < limit:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    flat = np.flatnonzero(products >= limit)  # an order of magnitude faster than nonzero of two axes
    return np.divmod(flat, products.shape[1])


def _torch_kernel(bound: NDArray[np.float32], limit: float) -> Kernel:
    """bfloat16 on the processor. Its products are compared as int16, whose order is that of positive bfloat16; a limit
    that is not positive is compared as numbers."""
    import torch

    left = torch.from_numpy(bound).to(torch.bfloat16)
    right = left[:, other_side(bound.shape[1])].contiguous()
    rounded = torch.tensor(limit, dtype=torch.float64).to(torch.float32).to(torch.bfloat16)
    as_bits = np.int16(rounded.view(torch.int16).item())

    def search(rows: range, panel: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        products = left[rows.start : rows.stop] @ right[panel.start : panel.stop].T
        if limit > 0:
            return _reached(products.view(torch.int16).numpy(), as_bits)
        return _reached(products.float().numpy(), np.float32(rounded.item()))

    return search


def _device_kernel(bound: NDArray[np.float32], limit: float, device: str) -> Kernel:
    """bfloat16 on an accelerator, where the product is compared as well."""
    import torch

    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    left = torch.from_numpy(bound).to(device, torch.bfloat16)
    right = left[:, other_side(bound.shape[1])].contiguous()
    rounded = torch.tensor(limit, dtype=torch.float32).to(device, torch.bfloat16)

    def search(rows: range, panel: range) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        products = left[rows.start : rows.stop] @ right[panel.start : panel.stop].T
        found = (products >= rounded).nonzero().cpu().numpy()
        return found[:, 0], found[:, 1]

    return search


def chosen_kernel(kernel: str, count: int, since: int) -> str:
    """What "auto" stands for here: the device there is, torch where it is worth its import, else numpy."""
    if kernel != "auto":
        return kernel
    if "torch" not in sys.modules and (count - since) * (count + since) < _WORTH_TORCH**2:
        return "numpy"
    try:
        import torch
    except ImportError:
        return "numpy"
    if torch.cuda.is_available():
        return "cuda"
    return "torch" if _has_fast_bfloat16() else "numpy"


def _has_fast_bfloat16() -> bool:
    """bfloat16 products without units for them are slower than float32."""
    import torch

    cpu: Any = torch.cpu
    asked = (getattr(cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(question() for question in asked if question is not None)


def ranges(start: int, stop: int, step: int) -> Iterator[range]:
    for first in range(start, stop, step):
        yield range(first, min(first + step, stop))
