"""The group of the eight symmetries of a rectangle: what turning once and again comes to, and how it is undone.

If a is b turned and b is c mirrored, then a is c turned and mirrored.
"""

from __future__ import annotations

import numpy as np

from dedupe_core.features import turned

INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)
"""`INVERSE[s]` undoes symmetry s."""

_MARKED = np.arange(4, dtype=np.uint8).reshape(2, 2)

COMPOSED = tuple(
    tuple(
        next(k for k in range(8) if np.array_equal(turned(_MARKED, k), turned(turned(_MARKED, inner), outer)))
        for inner in range(8)
    )
    for outer in range(8)
)
"""`COMPOSED[outer][inner]` is the symmetry of turning by `inner` first and by `outer` then."""
