"""What models say of pictures: one float16 vector a content and model, and the pairs that a join found among them.

Vectors of different models never meet: a model's name says its architecture, the digest of its weights and the version
of the preprocessing, and each has its own row here. Vectors are written in blocks, as they come from the model: a row
of SQLite costs as much time as a kilobyte, so that a million one by one load ten times slower than a plain file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from dedupe_core.store.codec import EPOCH, seconds
from dedupe_core.store.signatures import LIVE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 1024
"""Vectors in one row at most."""
_MAPPED = 1 << 32
"""Bytes of the file; SQLite takes as many of them as it was built for, and reads the rest as ever."""
_WAITING = f"""FROM signature WHERE phashes IS NOT NULL AND {LIVE} AND NOT EXISTS
  (SELECT 1 FROM embedding WHERE embedding.model = ? AND embedding.signature = signature.id)"""  # noqa: S608


class Place(NamedTuple):
    """One photo of a picture. `taken` is a naive local time as `codec.seconds` writes it, None where nothing tells."""

    signature: int
    source: str
    folder: str
    taken: float | None
    labels: tuple[str, ...]

    @property
    def month(self) -> str:
        """ "2024-06", "" where nothing tells when it was taken."""
        return "" if self.taken is None else (EPOCH + timedelta(seconds=self.taken)).strftime("%Y-%m")


class Embeddings:
    """Vectors by model and content; the contents are rows of `signature`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def model(self, name: str, dimension: int) -> int:
        """The row of a model, made when it is new. Raises `ValueError` when it had another dimension."""
        self.db.execute(
            "INSERT INTO model (name, dimension) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (name, dimension)
        )
        row = self.db.execute("SELECT id, dimension FROM model WHERE name = ?", (name,)).fetchone()
        if row["dimension"] != dimension:
            raise ValueError(f"The model {name} has {row['dimension']} numbers a picture, not {dimension}.")
        return int(row["id"])

    def use(self, model: int, asked: str) -> None:
        """This model is what `asked`, a configuration, stands for; its vectors count from now on."""
        self.db.execute("UPDATE model SET asked = '' WHERE asked = ? AND id <> ?", (asked, model))
        self.db.execute("UPDATE model SET asked = ?, used_at = ? WHERE id = ?", (asked, time.time(), model))

    def asked(self, asked: str) -> sqlite3.Row | None:
        """id and name of the model that a configuration stood for last."""
        row: sqlite3.Row | None = self.db.execute("SELECT id, name FROM model WHERE asked = ?", (asked,)).fetchone()
        return row

    def current(self) -> str:
        """The name of the model whose vectors count, "" when there is none."""
        row = self.db.execute(
            "SELECT name FROM model WHERE used_at IS NOT NULL ORDER BY used_at DESC LIMIT 1"
        ).fetchone()
        return "" if row is None else str(row[0])

    def state(self) -> list[object]:
        """Changes whenever the vectors change that count."""
        name = self.current()
        query = """SELECT COUNT(*), COALESCE(MAX(vectors.id), 0) FROM vectors
          JOIN model ON model.id = vectors.model WHERE name = ?"""
        return [name, *self.db.execute(query, (name,)).fetchone()]

    def models(self) -> list[sqlite3.Row]:
        """name, dimension, and the number of vectors of each model."""
        return self.db.execute(
            """SELECT name, dimension, (SELECT COUNT(*) FROM embedding WHERE model = model.id) AS vectors
               FROM model ORDER BY name"""
        ).fetchall()

    def put(self, model: int, rows: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Keep vectors (n, dimension) of signature rows. Raises `ValueError` for what is no direction or of another
        dimension; nothing is written then."""
        import numpy as np

        dimension = self.db.execute("SELECT dimension FROM model WHERE id = ?", (model,)).fetchone()[0]
        if vectors.shape != (len(rows), dimension):
            raise ValueError(f"Vectors of shape {vectors.shape} are not {len(rows)} of {dimension} numbers.")
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise ValueError("A vector without a direction is not kept: it is zero or no number.")
        halves = (vectors / lengths[:, None]).astype("<f2")
        names = np.asarray(rows, "<i8")
        for start in range(0, len(names), _BLOCK):
            some = names[start : start + _BLOCK]
            block = self.db.execute(
                "INSERT INTO vectors (model, signatures, vectors) VALUES (?, ?, ?)",
                (model, some.tobytes(), halves[start : start + _BLOCK].tobytes()),
            ).lastrowid
            self.db.executemany(
                """INSERT INTO embedding (model, signature, vectors) VALUES (?, ?, ?)
                   ON CONFLICT (model, signature) DO UPDATE SET vectors = excluded.vectors""",
                [(model, row, block) for row in some.tolist()],
            )

    def count_missing(self, model: int) -> int:
        """How many `missing` will give."""
        return int(self.db.execute(f"SELECT COUNT(*) {_WAITING}", (model,)).fetchone()[0])

    def lacking(self, model: int, rows: Iterable[int]) -> list[int]:
        """Those of these signature rows that have no vector of this model."""
        query = "SELECT 1 FROM embedding WHERE model = ? AND signature = ?"
        return [row for row in rows if self.db.execute(query, (model, row)).fetchone() is None]

    def missing(self, model: int) -> Iterator[int]:
        """Signature rows of pictures that are somewhere and have no vector of this model, page by page, so that they
        may be written meanwhile."""
        last = 0
        query = f"SELECT id {_WAITING} AND id > ? ORDER BY id LIMIT 1000"
        while page := [int(row[0]) for row in self.db.execute(query, (model, last))]:
            yield from page
            last = page[-1]

    def matrix(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Signature rows (n,) int64, ascending, and unit vectors (n, dimension) float16 of every content that is
        somewhere. Nothing else of the library has to be in memory."""
        import numpy as np

        rows, vectors = self.load(name)
        live = np.fromiter((row[0] for row in self.db.execute(f"SELECT id FROM signature WHERE {LIVE}")), np.int64)  # noqa: S608
        there = np.isin(rows, live)
        return (rows, vectors) if there.all() else (rows[there], vectors[there])

    def load(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """The same of every content that ever had a vector."""
        import numpy as np

        model = self.db.execute("SELECT id, dimension FROM model WHERE name = ?", (name,)).fetchone()
        if model is None:
            return np.empty(0, np.int64), np.empty((0, 0), np.float16)
        size = "SELECT COALESCE(SUM(length(signatures)), 0) / 8 FROM vectors WHERE model = ?"
        total = self.db.execute(size, (model["id"],)).fetchone()[0]
        rows = np.empty(total, np.int64)
        vectors = np.empty((total, model["dimension"]), "<f2")
        at = 0
        query = "SELECT signatures, vectors FROM vectors WHERE model = ? ORDER BY id"
        with _mapped(self.db):
            for names, block in self.db.execute(query, (model["id"],)):
                stop = at + len(names) // 8
                rows[at:stop] = np.frombuffer(names, "<i8")
                vectors[at:stop] = np.frombuffer(block, "<f2").reshape(stop - at, -1)
                at = stop
        return _ordered(rows, vectors)

    def get(self, name: str, rows: Iterable[int]) -> dict[int, NDArray[np.float32]]:
        """Vectors of chosen contents, by signature row; those that have none are left out."""
        import numpy as np

        query = """SELECT vectors.signatures, vectors.vectors FROM embedding JOIN model ON model.id = embedding.model
          JOIN vectors ON vectors.id = embedding.vectors WHERE model.name = ? AND embedding.signature = ?"""
        found = {}
        for row in rows:
            record = self.db.execute(query, (name, row)).fetchone()
            if record is not None:
                names = np.frombuffer(record[0], "<i8")
                block = np.frombuffer(record[1], "<f2").reshape(len(names), -1)
                found[row] = block[int(np.flatnonzero(names == row)[-1])].astype(np.float32)
        return found

    def forget(self, name: str) -> None:
        """Drop a model with its vectors and pairs."""
        self.db.execute("DELETE FROM model WHERE name = ?", (name,))

    def put_pairs(
        self,
        model: int,
        pairs: Iterable[tuple[int, int, float]],
        floor: float,
        alone: Container[tuple[int, int]] = frozenset(),
        joined: str = "",
    ) -> None:
        """Keep the nearest neighbours that a join found (a < b, cosine) in place of older ones. `floor` is the cosine
        down to which they were looked for; `alone` holds the pairs that nothing else proposed and that are alike enough
        to be shown without proof; `joined` is a mark of what the join covered."""
        self.db.execute("DELETE FROM resemblance WHERE model = ?", (model,))
        self.db.executemany(
            "INSERT INTO resemblance (model, a, b, cosine, alone) VALUES (?, ?, ?, ?, ?)",
            [(model, a, b, cosine, int((a, b) in alone)) for a, b, cosine in pairs],
        )
        self.db.execute("UPDATE model SET floor = ?, joined = ? WHERE id = ?", (floor, joined, model))

    def joined(self, name: str) -> str:
        """The mark that the newest pairs were kept with."""
        row = self.db.execute("SELECT joined FROM model WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def pairs(self, name: str) -> list[tuple[int, int, float]]:
        """The kept pairs (a < b, cosine)."""
        query = """SELECT a, b, cosine FROM resemblance JOIN model ON model.id = resemblance.model
          WHERE model.name = ? ORDER BY a, b"""
        return [(int(a), int(b), float(cosine)) for a, b, cosine in self.db.execute(query, (name,))]

    def places(self) -> Iterator[Place]:
        """Where every picture that is somewhere lies and when it was taken, once for each of its photos."""
        query = """SELECT signature.id, source.name, asset.folder, signature.taken, asset.facts
          FROM signature JOIN asset ON asset.content = signature.content AND asset.gone_at IS NULL
          JOIN source ON source.id = asset.source WHERE signature.phashes IS NOT NULL ORDER BY signature.id, asset.id"""
        for row, source, folder, taken, facts in self.db.execute(query):
            told = json.loads(facts)
            moment = datetime.fromisoformat(told["taken_at"]) if taken is None and told.get("taken_at") else None
            labels = tuple(told.get("labels", ()))
            yield Place(int(row), source, os.fsdecode(folder), seconds(moment) if moment else taken, labels)

    def alone(self, name: str) -> list[tuple[int, int, float]]:
        """The kept pairs (a < b, cosine) that only this model proposed and that are shown without proof."""
        query = """SELECT a, b, cosine FROM resemblance JOIN model ON model.id = resemblance.model
          WHERE model.name = ? AND alone = 1 ORDER BY a, b"""
        return [(int(a), int(b), float(cosine)) for a, b, cosine in self.db.execute(query, (name,))]

    def resemblance(self, name: str, a: int, b: int) -> float | None:
        """How far two contents (signature rows) stand out for a model: 0 at the cosine that chance reaches, 1 at equal
        vectors. None when the join did not find them."""
        query = """SELECT cosine, floor FROM resemblance JOIN model ON model.id = resemblance.model
          WHERE model.name = ? AND a = ? AND b = ?"""
        row = self.db.execute(query, (name, min(a, b), max(a, b))).fetchone()
        if row is None or row[1] is None or row[1] >= 1.0:
            return None
        return min(max((float(row[0]) - float(row[1])) / (1.0 - float(row[1])), 0.0), 1.0)

    def floor(self, name: str) -> float | None:
        """The cosine down to which the kept pairs go, or None when there are none."""
        row = self.db.execute("SELECT floor FROM model WHERE name = ?", (name,)).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def counts(self, name: str, thresholds: Iterable[float]) -> dict[float, tuple[int, int]]:
        """(pairs, photos in them) at other thresholds, from the kept pairs: nothing is computed again."""
        query = """WITH near AS (SELECT a, b FROM resemblance JOIN model ON model.id = resemblance.model
            WHERE model.name = ? AND cosine >= ?)
          SELECT (SELECT COUNT(*) FROM near), (SELECT COUNT(*) FROM (SELECT a FROM near UNION SELECT b FROM near))"""
        found = {}
        for threshold in thresholds:
            pairs, photos = self.db.execute(query, (name, threshold)).fetchone()
            found[threshold] = (int(pairs), int(photos))
        return found


@contextmanager
def _mapped(db: sqlite3.Connection) -> Iterator[None]:
    """Read the file through memory meanwhile: a call of the system for every page of 4 KB takes most of the time of
    reading a gigabyte otherwise."""
    db.execute(f"PRAGMA mmap_size = {_MAPPED}")
    try:
        yield
    finally:
        db.execute("PRAGMA mmap_size = 0")


def _ordered(rows: NDArray[np.int64], vectors: NDArray[np.float16]) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """By ascending row; of a row that was written twice the last stays."""
    import numpy as np

    if (np.diff(rows) > 0).all():
        return rows, vectors
    order = np.argsort(rows, kind="stable")
    last = np.r_[np.diff(rows[order]) > 0, True]
    return rows[order[last]], vectors[order[last]]
