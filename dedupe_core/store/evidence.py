"""What comparisons measured, cached by the contents of both, so that no pair is compared twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

from dedupe_core.model import Evidence
from dedupe_core.store.codec import dumps


class EvidenceCache:
    """Evidence by pair of contents and version of the comparison."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def get(self, a: str, b: str, recipe: int) -> Evidence | None:
        """What was measured, or None. `a` and `b` may come in any order; evidence is stored for the smaller first
        and `turned` when asked the other way round."""
        low, high = sorted((a, b))
        record = self.db.execute(
            "SELECT measured FROM evidence WHERE a = ? AND b = ? AND recipe = ?", (low, high, recipe)
        ).fetchone()
        if record is None:
            return None
        evidence = Evidence(**json.loads(record[0]))
        return evidence if a == low else turned(evidence)

    def all(self, recipe: int) -> Iterator[tuple[int, int, Evidence]]:
        """Everything that was measured of contents that are somewhere, as (signature rows a < b, evidence)."""
        live = "EXISTS (SELECT 1 FROM asset WHERE asset.content = {} AND asset.gone_at IS NULL)"
        query = f"""SELECT one.id, other.id, measured FROM evidence
          JOIN signature one ON one.content = evidence.a JOIN signature other ON other.content = evidence.b
          WHERE evidence.recipe = ? AND {live.format("evidence.a")} AND {live.format("evidence.b")}"""  # noqa: S608
        for a, b, measured in self.db.execute(query, (recipe,)):
            evidence = Evidence(**json.loads(measured))
            yield (a, b, evidence) if a < b else (b, a, turned(evidence))

    def nothing(self, recipe: int) -> set[tuple[int, int]]:
        """Signature rows a < b of the pairs that were measured and have nothing in common."""
        query = """SELECT MIN(one.id, other.id), MAX(one.id, other.id) FROM evidence
          JOIN signature one ON one.content = evidence.a JOIN signature other ON other.content = evidence.b
          WHERE evidence.unlike = 1 AND evidence.recipe = ?"""
        return {(int(a), int(b)) for a, b in self.db.execute(query, (recipe,))}

    def put(
        self,
        measured: Iterable[tuple[str, str, Evidence]],
        recipe: int,
        nothing: Callable[[Evidence], bool] | None = None,
    ) -> None:
        """Keep measurements; a newer recipe replaces an older. `nothing` tells those that can never become an edge, so
        that no later run asks for them."""
        self.db.executemany(
            """INSERT INTO evidence (a, b, recipe, measured, unlike) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT (a, b) DO UPDATE SET
                 recipe = excluded.recipe, measured = excluded.measured, unlike = excluded.unlike""",
            [
                (
                    *sorted((a, b)),
                    recipe,
                    dumps(asdict(evidence if a < b else turned(evidence))),
                    int(nothing is not None and nothing(evidence)),
                )
                for a, b, evidence in measured
            ],
        )


def turned(evidence: Evidence) -> Evidence:
    """The same measurement with the two pictures exchanged. A quarter turn's inverse is the opposite quarter turn."""
    inverse = (0, 3, 2, 1, 4, 5, 6, 7)[evidence.symmetry]
    raw = asdict(evidence)
    raw["overlap_a"], raw["overlap_b"] = evidence.overlap_b, evidence.overlap_a
    raw["margin_a"], raw["margin_b"] = evidence.margin_b, evidence.margin_a
    raw["framed_a"], raw["framed_b"] = evidence.framed_b, evidence.framed_a
    raw["grain"] = None if evidence.grain is None else -evidence.grain
    raw["scale"] = 1.0 / evidence.scale if evidence.scale else 1.0
    raw["symmetry"] = inverse
    return Evidence(**raw)
