"""What the last search by hash covered and found, so that the next one looks only for neighbours of what is new."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # commands that never search do not import numpy
    import numpy as np
    from numpy.typing import NDArray


class Searched(NamedTuple):
    """`rows` (n,) int64 ascending: signature rows that took part; `marks` (n,) uint64: of the hashes they had. `a`, `b`
    (k,) int64: rows a < b of each pair that was kept, with `distance` and `symmetry` (k,) uint8; `left_out` counts what
    was found and not kept."""

    rows: NDArray[np.int64]
    marks: NDArray[np.uint64]
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    distance: NDArray[np.uint8]
    symmetry: NDArray[np.uint8]
    left_out: int


_KINDS = ("<i8", "<u8", "<i8", "<i8", "u1", "u1")


class Searches:
    """The last search; there is one radius at a time."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def last(self, radius: int) -> Searched | None:
        """What the last search at this radius found; None when there was none."""
        import numpy as np

        query = "SELECT rows, marks, a, b, distance, symmetry, left_out FROM search WHERE radius = ?"
        record = self.db.execute(query, (radius,)).fetchone()
        if record is None:
            return None
        rows, marks, a, b, distance, symmetry = (np.frombuffer(record[at], kind) for at, kind in enumerate(_KINDS))
        return Searched(rows, marks, a, b, distance, symmetry, int(record["left_out"]))

    def put(self, radius: int, found: Searched) -> None:
        """Replace it."""
        columns: tuple[NDArray[Any], ...] = (found.rows, found.marks, found.a, found.b, found.distance, found.symmetry)
        blobs = [column.astype(kind).tobytes() for column, kind in zip(columns, _KINDS, strict=True)]
        self.db.execute("DELETE FROM search")
        self.db.execute("INSERT INTO search VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (radius, *blobs, found.left_out))
