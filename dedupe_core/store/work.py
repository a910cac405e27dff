"""What is still to be read. Every question goes through an index, so that a library of which nothing changed answers
at once, and is asked page by page, so that memory does not grow with the library."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dedupe_core.model import Photo
from dedupe_core.store.assets import Assets

_PAGE = 500
_MOST_KNOWN = 1000
_UNREAD = "asset.content IS NULL AND asset.error = '' AND asset.gone_at IS NULL"
_OUTDATED = """signature JOIN asset ON asset.content = signature.content
  WHERE signature.recipe < ? AND asset.error = '' AND asset.gone_at IS NULL"""


@dataclass(frozen=True, slots=True)
class Twin:
    """One of several assets of equal length: what is known of its bytes ("" for nothing)."""

    row: int
    size: int
    content: str
    ends: str


class Work:
    """Assets whose bytes wait to be read, and what helps not to read them."""

    def __init__(self, db: sqlite3.Connection, assets: Assets) -> None:
        self.db = db
        self._assets = assets

    def unsigned(self, recipe: int) -> Iterator[Photo]:
        """Assets without a signature of this recipe: those never read, then one asset of every outdated content. Each
        comes once, also while signatures are written meanwhile."""
        yield from self._paged(f"SELECT id FROM asset WHERE {_UNREAD} AND id > ? ORDER BY id LIMIT {_PAGE}")  # noqa: S608
        query = f"""SELECT MIN(asset.id) AS id, signature.id AS last FROM {_OUTDATED} AND signature.id > ?
          GROUP BY signature.id ORDER BY signature.id LIMIT {_PAGE}"""  # noqa: S608
        yield from self._paged(query, recipe)

    def _paged(self, query: str, *values: int) -> Iterator[Photo]:
        last = 0
        while rows := self.db.execute(query, (*values, last)).fetchall():
            last = rows[-1][-1]
            yield from self._assets.photos(row[0] for row in rows).values()

    def count_unsigned(self, recipe: int) -> int:
        """How many `unsigned` will give."""
        unread = self.db.execute(f"SELECT COUNT(*) FROM asset WHERE {_UNREAD}").fetchone()[0]  # noqa: S608
        query = f"SELECT COUNT(DISTINCT signature.id) FROM {_OUTDATED}"  # noqa: S608
        return int(unread + self.db.execute(query, (recipe,)).fetchone()[0])

    def known(self, size: int, recipe: int) -> tuple[str, ...]:
        """Contents of this length that have a signature, wherever they are or were: a moved photo is one of them."""
        query = f"""SELECT DISTINCT signature.content FROM asset JOIN signature ON signature.content = asset.content
          WHERE asset.size = ? AND signature.recipe >= ? LIMIT {_MOST_KNOWN}"""  # noqa: S608
        return tuple(str(row[0]) for row in self.db.execute(query, (size, recipe)))

    def twins(self) -> Iterator[list[Twin]]:
        """Assets that share their length with another: only they can be exact copies. One list a length."""
        query = """SELECT id, size, COALESCE(content, '') AS content, COALESCE(ends, '') AS ends FROM asset
          WHERE gone_at IS NULL AND error = '' AND size IN
            (SELECT size FROM asset WHERE gone_at IS NULL AND size > 0 GROUP BY size HAVING COUNT(*) > 1)
          ORDER BY size, id"""
        found = (Twin(*row) for row in self.db.execute(query).fetchall())
        for _, group in itertools.groupby(found, key=lambda twin: twin.size):
            yield list(group)

    def set_contents(self, contents: Sequence[tuple[int, str]]) -> None:
        """The bytes of these assets were read, as (row, content)."""
        self.db.executemany(
            "UPDATE asset SET content = ?, error = '' WHERE id = ?", [(content, row) for row, content in contents]
        )

    def set_ends(self, ends: Sequence[tuple[int, str]]) -> None:
        """What the first and the last bytes of assets are, as (row, digest)."""
        self.db.executemany("UPDATE asset SET ends = ? WHERE id = ?", [(digest, row) for row, digest in ends])

    def put_unsigned(self, contents: Sequence[str]) -> None:
        """Contents that were only hashed: a row that any recipe outdates."""
        self.db.executemany(
            "INSERT INTO signature (content, recipe, facts) VALUES (?, 0, '{}') ON CONFLICT (content) DO NOTHING",
            [(content,) for content in contents],
        )
