"""Where Photos keeps small renderings, and which of them to take.

They are upright and show the edit. `_4_5005_c` has a short side of 360 pixels and is there for nearly every asset, also
when the original is only in iCloud; `_1_105_c` has about 0.8 megapixels and is there for most. Files are found by their
suffix: the order of a folder's listing says nothing, and a movie may be the largest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SMALL_EDGE = 360
MEDIUM_EDGE = 1024


def paths(library: Path, key: str, edge: int) -> Iterator[Path]:
    """Where a rendering for `edge` may lie, the fitting first. Nothing is said about whether it is there."""
    letter, folder = key[:1], library / "resources" / "derivatives"
    small = folder / "masters" / letter / f"{key}_4_5005_c.jpeg"
    medium = folder / letter / f"{key}_1_105_c.jpeg"
    yield from (small, medium) if edge <= SMALL_EDGE else (medium, small)
