"""What the bytes say: one row a content, whatever it is called and wherever it lies."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dedupe_core.model import Signature
from dedupe_core.store.codec import dumps, seconds, signature_facts, signature_from

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIVE = "EXISTS (SELECT 1 FROM asset WHERE asset.content = signature.content AND asset.gone_at IS NULL)"


class Signatures:
    """Signatures and pixel digests, keyed by content."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def has(self, content: str, recipe: int) -> bool:
        """True when this content was decoded by this recipe already, under any name."""
        return (
            self.db.execute("SELECT 1 FROM signature WHERE content = ? AND recipe >= ?", (content, recipe)).fetchone()
            is not None
        )

    def put(self, signatures: Sequence[Signature], recipe: int) -> None:
        """Write signatures; an older recipe's row is replaced and keeps its id."""
        self.db.executemany(
            """INSERT INTO signature (content, recipe, phashes, taken, camera, facts) VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT (content) DO UPDATE SET recipe = excluded.recipe, phashes = excluded.phashes,
                 taken = excluded.taken, camera = excluded.camera, facts = excluded.facts""",
            [
                (s.content, recipe, s.phashes, seconds(s.taken_at), s.camera, dumps(signature_facts(s)))
                for s in signatures
            ],
        )

    def rows(self, contents: Iterable[str]) -> dict[str, int]:
        """Rows by content; contents that have none are left out."""
        query = "SELECT id FROM signature WHERE content = ?"
        found = {content: self.db.execute(query, (content,)).fetchone() for content in contents}
        return {content: int(row[0]) for content, row in found.items() if row is not None}

    def get(self, rows: Iterable[int]) -> dict[int, Signature]:
        """Signatures by row."""
        found = {}
        for row in rows:
            record = self.db.execute(
                "SELECT content, phashes, facts FROM signature WHERE id = ? AND phashes IS NOT NULL", (row,)
            ).fetchone()
            if record is not None:
                found[row] = signature_from(record["content"], record["phashes"], json.loads(record["facts"]))
        return found

    def matrix(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Rows (n,) int64 and hashes (n, 8, 32) uint8 of every content that is somewhere, by ascending row. 264 bytes
        a photo; nothing else of the library has to be in memory for the search."""
        import numpy as np

        query = f"SELECT id, phashes FROM signature WHERE phashes IS NOT NULL AND {LIVE} ORDER BY id"  # noqa: S608
        rows: list[int] = []
        blob = bytearray()
        for row, phashes in self.db.execute(query):
            rows.append(row)
            blob += phashes
        hashes = np.frombuffer(bytes(blob), dtype=np.uint8).reshape(-1, 8, 32)
        return np.asarray(rows, dtype=np.int64), hashes

    def flat(self, luma_sd: float, gradient: float, fullest_bin: float) -> set[int]:
        """Rows of contents with less contrast or detail than that, or with such a share of one grey: hashes prove
        nothing of them."""
        query = """SELECT id FROM signature WHERE phashes IS NOT NULL AND (json_extract(facts, '$.luma_sd') < ?
          OR json_extract(facts, '$.gradient') < ? OR json_extract(facts, '$.fullest_bin') >= ?)"""
        return {int(row[0]) for row in self.db.execute(query, (luma_sd, gradient, fullest_bin))}

    def timeline(self) -> Iterator[tuple[int, str, float]]:
        """(row, camera, seconds) of every content with a camera and a capture time, by camera and time."""
        query = f"""SELECT id, camera, taken FROM signature
          WHERE taken IS NOT NULL AND camera <> '' AND phashes IS NOT NULL AND {LIVE} ORDER BY camera, taken, id"""  # noqa: S608
        for row, camera, taken in self.db.execute(query):
            yield int(row), str(camera), float(taken)

    def of_equal_length(self) -> Iterator[tuple[int, int]]:
        """Pairs of other contents with files of equal length, pictures of equal size and one known moment of capture:
        twins, of which one may be damaged. A moment with a crowd of such files proposes only neighbours by row."""
        query = """SELECT DISTINCT signature.id, asset.size || ' ' || signature.taken || ' ' || signature.camera || ' '
            || json_extract(signature.facts, '$.width') || ' ' || json_extract(signature.facts, '$.height') AS alike
          FROM signature JOIN asset ON asset.content = signature.content AND asset.gone_at IS NULL
          WHERE signature.taken IS NOT NULL AND signature.phashes IS NOT NULL AND asset.size IN
            (SELECT size FROM asset WHERE gone_at IS NULL GROUP BY size HAVING COUNT(DISTINCT content) > 1)
          ORDER BY alike, signature.id"""
        before: tuple[int, str] | None = None
        for row, alike in self.db.execute(query):
            if before is not None and before[1] == alike:
                yield before[0], int(row)
            before = (int(row), str(alike))

    def set_pixels(self, row: int, digest: str) -> None:
        """The digest of the upright decoded pixels."""
        self.db.execute("UPDATE signature SET pixels = ? WHERE id = ?", (digest, row))

    def pixels(self, row: int) -> str:
        """The pixel digest, "" when it was never needed."""
        record = self.db.execute("SELECT pixels FROM signature WHERE id = ?", (row,)).fetchone()
        return "" if record is None else str(record[0])

    def same_pixels(self) -> list[list[int]]:
        """Signature rows of equal pixel digests, two or more, by ascending row."""
        query = f"""SELECT id, pixels FROM signature WHERE pixels <> '' AND {LIVE} AND pixels IN
          (SELECT pixels FROM signature WHERE pixels <> '' GROUP BY pixels HAVING COUNT(*) > 1) ORDER BY pixels, id"""  # noqa: S608
        groups: dict[str, list[int]] = {}
        for row, digest in self.db.execute(query):
            groups.setdefault(digest, []).append(row)
        return [rows for rows in groups.values() if len(rows) > 1]
