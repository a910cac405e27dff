"""From what workers saw to signatures: hashes and measures of many pictures at once.

Flat pictures and pages of text have hashes that prove nothing; `luma_sd`, `gradient` and `fullest_bin` tell them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe_core import phash
from dedupe_core.model import Signature
from dedupe_core.tasks import Look

_LEVELS = np.arange(256.0)
_NEIGHBOURS = 2 * 64 * 63


def signatures(looks: Sequence[Look], contents: Mapping[int, str] | None = None) -> list[Signature]:
    """A signature of each look that has facts, in their order; `contents` by row where the bytes were not read."""
    seen = [look for look in looks if look.facts is not None]
    squares = np.frombuffer(b"".join(look.square for look in seen), dtype=np.uint8).reshape(-1, 64, 64)
    counts = np.frombuffer(b"".join(look.histogram for look in seen), dtype=np.uint32).reshape(-1, 256)
    hashes = phash.phash256(squares)
    measured = measures(squares, counts)
    return [
        Signature(
            contents[look.row] if contents else f"sha256:{look.sha256}",
            phashes=hashes[index].tobytes(),
            **(look.facts or {}),
            **measured[index],
        )
        for index, look in enumerate(seen)
    ]


def measures(squares: NDArray[np.uint8], counts: NDArray[np.uint32]) -> list[dict[str, Any]]:
    """How much there is to compare in each picture, from the 64×64 pictures (n, 64, 64) and the histograms (n, 256).

    `luma_sd`: standard deviation in grey levels. `gradient`: mean difference of neighbours in the 64×64 picture, in
    grey levels (PDQ's quality measure before its rounding). `fullest_bin`: share of the fullest of 32 bins. `clipped`:
    share of pixels at 0-1 or 254-255.
    """
    shares = counts / counts.sum(axis=1, keepdims=True)
    means = shares @ _LEVELS
    variances = np.maximum(0.0, shares @ _LEVELS**2 - means**2)
    wide = squares.astype(np.int16)
    steps = np.abs(np.diff(wide, axis=1)).sum(axis=(1, 2)) + np.abs(np.diff(wide, axis=2)).sum(axis=(1, 2))
    columns = {
        "luma_sd": np.sqrt(variances).round(3),
        "gradient": (steps / _NEIGHBOURS).round(3),
        "fullest_bin": shares.reshape(-1, 32, 8).sum(axis=2).max(axis=1).round(4),
        "clipped": (shares[:, :2].sum(axis=1) + shares[:, 254:].sum(axis=1)).round(4),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
