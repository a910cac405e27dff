"""What people said about pairs of photos, keyed by what the photos are and never by where they lie.

A row names two contents and, so that the answer still holds when metadata were written into a file, two things that
survive this: the digest of the pixels where one is known, and the `look` (hash, size and measures of the picture).
Rows are never deleted by use: an answer that is taken back is marked, so that history explains itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from dedupe_core.model import Signature
from dedupe_core.store.codec import dumps

Verdict = Literal["not_similar", "same", "alternate"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_PLAIN = 2.0  # grey levels of deviation below which a picture is one colour, and its look proves nothing
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Side:
    """One photo of a pair: its content, pixel digest and look ("" when they are not known)."""

    content: str
    pixels: str = ""
    look: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """One answer about one pair, `a.content < b.content`.

    `weight` is 1 for a pair that was shown by itself and less for one that follows from an answer about a group;
    `origin`: pair, group, question, audit (asked at random) or import; `relation`: what the pair was shown as;
    `answer`: all rows of one click share it; `features`: what the learner knows of the pair (None: never compared).
    Times are seconds since 1970, `revoked_at` None while the answer holds; `id` is 0 before it is stored."""

    a: Side
    b: Side
    verdict: Verdict
    created_at: float
    weight: float = 1.0
    origin: str = "pair"
    who: str = ""
    why: str = ""
    relation: str = ""
    answer: str = ""
    features: Mapping[str, float] | None = None
    revoked_at: float | None = None
    id: int = field(default=0, compare=False)


def look_of(signature: Signature | None) -> str:
    """A text that is equal for files that decode to one picture and, in practice, for no others: the 256-bit hash, the
    size, and measures to a thousandth. "" where it would prove nothing."""
    if signature is None or not signature.phashes or signature.luma_sd < _PLAIN:
        return ""
    measures = (signature.luma_sd, signature.gradient, signature.fullest_bin, signature.clipped, signature.sharpness)
    told = ":".join(f"{value:.4g}" for value in measures)
    return f"{signature.phashes[:32].hex()}:{signature.width}x{signature.height}:{told}"


class Labels:
    """Answers, and the photos that an answer is about under whatever content they have now."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def add(self, labels: Iterable[Label]) -> list[int]:
        """Write answers; their row numbers."""
        return [self._insert(label) for label in labels]

    def _insert(self, label: Label) -> int:
        done = self.db.execute(
            """INSERT INTO label (a, b, verdict, weight, origin, who, why, features, created_at, revoked_at, relation,
                 answer, pixels_a, pixels_b, look_a, look_b) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                label.a.content,
                label.b.content,
                label.verdict,
                label.weight,
                label.origin,
                label.who,
                label.why,
                None if label.features is None else dumps(dict(label.features)),
                label.created_at,
                label.revoked_at,
                label.relation,
                label.answer,
                label.a.pixels,
                label.b.pixels,
                label.a.look,
                label.b.look,
            ),
        )
        return int(done.lastrowid or 0)

    def active(self) -> list[Label]:
        """The answers that hold, oldest first."""
        return self._read("WHERE revoked_at IS NULL")

    def all(self) -> list[Label]:
        """Every answer that was ever given, oldest first."""
        return self._read("")

    def _read(self, where: str) -> list[Label]:
        query = f"SELECT * FROM label {where} ORDER BY created_at, id"  # noqa: S608
        return [_label(row) for row in self.db.execute(query)]

    def revoke(self, ids: Collection[int], at: float) -> int:
        """Take answers back; how many of them held until now."""
        query = "UPDATE label SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        return sum(self.db.execute(query, (at, number)).rowcount for number in ids)

    def describe(self, features: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Keep what was measured of a labelled pair after the answer was given."""
        self.db.executemany(
            "UPDATE label SET features = ? WHERE id = ?", [(dumps(dict(known)), number) for number, known in features]
        )

    def forget(self) -> int:
        """Delete every answer for good; how many there were. Only a person's `reset` does this."""
        return self.db.execute("DELETE FROM label").rowcount

    def count(self) -> int:
        """How many answers hold."""
        return int(self.db.execute("SELECT COUNT(*) FROM label WHERE revoked_at IS NULL").fetchone()[0])

    def hashes(self, contents: Collection[str]) -> dict[int, bytes]:
        """The upright 256-bit hash of each of these contents that has one, by signature row."""
        found: dict[int, bytes] = {}
        for some in _batches(sorted(contents)):
            query = f"SELECT id, phashes FROM signature WHERE phashes IS NOT NULL AND content IN ({_marks(some)})"  # noqa: S608
            found |= {int(row): bytes(phashes[:32]) for row, phashes in self.db.execute(query, tuple(some))}
        return found

    def row(self, content: str) -> int | None:
        """The signature row of a content."""
        found = self.db.execute("SELECT id FROM signature WHERE content = ?", (content,)).fetchone()
        return None if found is None else int(found[0])

    def sides(self, contents: Collection[str]) -> dict[str, Side]:
        """What is known of these contents."""
        return {
            side.content: side
            for some in _batches(sorted(contents))
            for side in self._sides(f"content IN ({_marks(some)})", some)
        }

    def relatives(self, sides: Iterable[Side]) -> list[Side]:
        """Every content in the library with the pixels or the look of one of these."""
        listed = list(sides)
        pixels = sorted({side.pixels for side in listed if side.pixels})
        looks = {side.look for side in listed if side.look}
        hashes = sorted({bytes.fromhex(look.partition(":")[0]) for look in looks})
        found = {s.content: s for some in _batches(pixels) for s in self._sides(f"pixels IN ({_marks(some)})", some)}
        for some in _batches(hashes):
            where = f"phashes IS NOT NULL AND substr(phashes, 1, 32) IN ({_marks(some)})"
            found |= {side.content: side for side in self._sides(where, some) if side.look in looks}
        return list(found.values())

    def _sides(self, where: str, values: Sequence[object]) -> Iterator[Side]:
        query = f"SELECT content, pixels, phashes, facts FROM signature WHERE {where}"  # noqa: S608 - only marks in it
        for row in self.db.execute(query, tuple(values)):
            yield Side(row["content"], row["pixels"], _look(row["phashes"], json.loads(row["facts"])))


def _look(phashes: bytes | None, facts: Mapping[str, Any]) -> str:
    if phashes is None:
        return ""
    names = ("width", "height", "luma_sd", "gradient", "fullest_bin", "clipped", "sharpness")
    known = {name: facts.get(name, 0) for name in names}
    return look_of(Signature(content="", format="", phashes=phashes, **known))


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _label(row: sqlite3.Row) -> Label:
    return Label(
        a=Side(row["a"], row["pixels_a"], row["look_a"]),
        b=Side(row["b"], row["pixels_b"], row["look_b"]),
        verdict=row["verdict"],
        created_at=row["created_at"],
        weight=row["weight"],
        origin=row["origin"],
        who=row["who"],
        why=row["why"],
        relation=row["relation"],
        answer=row["answer"],
        features=None if row["features"] is None else json.loads(row["features"]),
        revoked_at=row["revoked_at"],
        id=row["id"],
    )
