"""What is still to be read. Every question goes through an index, so that a library of which nothing changed answers
at once, and is asked page by page, so that memory does not grow with the library."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import EDITED
from dedupe_core.model import Photo
from dedupe_core.store.assets import Assets
from dedupe_core.store.codec import dumps

_PAGE = 500
_MOST_KNOWN = 1000
_OF = "asset.source IN (SELECT id FROM source WHERE name IN (SELECT value FROM json_each(?)))"
_UNREAD = f"asset.content IS NULL AND asset.error = '' AND asset.gone_at IS NULL AND {_OF}"
_OUTDATED = f"""signature JOIN asset ON asset.content = signature.content
  WHERE signature.recipe < ? AND asset.error = '' AND asset.gone_at IS NULL AND {_OF}"""
_BLANK = "signature.phashes IS NULL AND json_extract(signature.facts, '$.tried_at') IS NOT NULL"
_TRY_AGAIN = 7 * 86_400.0
"""Seconds after which a source is asked again for a rendering that it did not have: new photos get theirs later."""


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

    def unsigned(self, recipe: int, sources: Collection[str] | None = None) -> Iterator[Photo]:
        """Assets of these sources without a signature of this recipe: those never read, then one asset of every
        outdated content. Each comes once, also while signatures are written meanwhile."""
        names = self._names(sources)
        yield from self._paged(f"SELECT id FROM asset WHERE {_UNREAD} AND id > ? ORDER BY id LIMIT {_PAGE}", names)  # noqa: S608
        query = f"""SELECT MIN(asset.id) AS id, signature.id AS last FROM {_OUTDATED} AND signature.id > ?
          GROUP BY signature.id ORDER BY signature.id LIMIT {_PAGE}"""  # noqa: S608
        yield from self._paged(query, recipe, names)

    def unpreviewed(self, recipe: int, sources: Collection[str] | None = None) -> Iterator[Photo]:
        """One asset of these sources a content that has no signature of this recipe, or whose rendering was missing
        when it was asked for some time ago; unedited ones first, because an edit shows another picture."""
        query = f"""SELECT asset.id, signature.id AS last,
            MIN(COALESCE(json_extract(asset.facts, '$.flags') LIKE '%"{EDITED}"%', 0)) AS edited
          FROM signature JOIN asset ON asset.content = signature.content
          WHERE (signature.recipe < ? OR ({_BLANK} AND json_extract(signature.facts, '$.tried_at') < ?))
            AND asset.error = '' AND asset.gone_at IS NULL AND {_OF} AND signature.id > ?
          GROUP BY signature.id ORDER BY signature.id LIMIT {_PAGE}"""  # noqa: S608
        names, due, last = self._names(sources), time.time() - _TRY_AGAIN, 0
        while rows := self.db.execute(query, (recipe, due, names, last)).fetchall():
            last = rows[-1]["last"]
            yield from self._assets.photos(row[0] for row in rows).values()

    def put_blanks(self, contents: Sequence[str], recipe: int) -> None:
        """Contents of which their source has no rendering now."""
        facts = dumps({"tried_at": time.time()})
        self.db.executemany(
            """INSERT INTO signature (content, recipe, facts) VALUES (?, ?, ?)
               ON CONFLICT (content) DO UPDATE SET recipe = excluded.recipe, facts = excluded.facts
               WHERE signature.phashes IS NULL""",
            [(content, recipe, facts) for content in contents],
        )

    def count_blanks(self) -> int:
        """Assets that are there and of which no picture was ever seen."""
        query = f"""SELECT COUNT(*) FROM signature JOIN asset ON asset.content = signature.content
          WHERE {_BLANK} AND asset.gone_at IS NULL"""  # noqa: S608
        return int(self.db.execute(query).fetchone()[0])

    def _names(self, sources: Collection[str] | None) -> str:
        """Names of sources for `_OF`; None stands for all."""
        if sources is None:
            sources = [str(row[0]) for row in self.db.execute("SELECT name FROM source")]
        return dumps(sorted(sources))

    def _paged(self, query: str, *values: Any) -> Iterator[Photo]:
        last = 0
        while rows := self.db.execute(query, (*values, last)).fetchall():
            last = rows[-1][-1]
            yield from self._assets.photos(row[0] for row in rows).values()

    def count_unsigned(self, recipe: int, sources: Collection[str] | None = None) -> int:
        """How many `unsigned` will give."""
        names = self._names(sources)
        unread = self.db.execute(f"SELECT COUNT(*) FROM asset WHERE {_UNREAD}", (names,)).fetchone()[0]  # noqa: S608
        query = f"SELECT COUNT(DISTINCT signature.id) FROM {_OUTDATED}"  # noqa: S608
        return int(unread + self.db.execute(query, (recipe, names)).fetchone()[0])

    def count_left_out(self, sources: Collection[str]) -> int:
        """Assets without a content whose source is none of these."""
        query = f"SELECT COUNT(*) FROM asset WHERE {_UNREAD}".replace(_OF, f"NOT {_OF}")  # noqa: S608
        return int(self.db.execute(query, (self._names(sources),)).fetchone()[0])

    def known(self, size: int, recipe: int) -> tuple[str, ...]:
        """Contents of this length whose signature is that of their bytes, wherever they are or were: a moved photo is
        one of them."""
        query = f"""SELECT DISTINCT signature.content FROM asset JOIN signature ON signature.content = asset.content
          WHERE asset.size = ? AND signature.recipe >= ? AND signature.phashes IS NOT NULL
            AND COALESCE(json_extract(signature.facts, '$.preview'), 0) = 0 LIMIT {_MOST_KNOWN}"""  # noqa: S608
        return tuple(str(row[0]) for row in self.db.execute(query, (size, recipe)))

    def shared_sizes(self) -> frozenset[int]:
        """Lengths that more than one asset has or had: of any other length `known` knows nothing."""
        query = "SELECT size FROM asset GROUP BY size HAVING COUNT(*) > 1"
        return frozenset(int(row[0]) for row in self.db.execute(query))

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
