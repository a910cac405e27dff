"""Digests of contents beside the one they are named by: how a file that was read meets one whose source only names its
digest.

A line says "whatever has this digest is this content" (`own`, as "photos:<hex>"), or, for digests that prove nothing
alone, "may be" ("~quickxor:<base64>:<length>").
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from dedupe_core.store.codec import dumps

_OF_SOURCES = """asset.gone_at IS NULL AND asset.source IN
  (SELECT id FROM source WHERE name IN (SELECT value FROM json_each(?)))"""
_PAGE = 500


def strong_key(name: str, value: str) -> str:
    """The line of a digest that proves equal bytes."""
    return f"{name}:{value}"


def weak_key(name: str, value: str, size: int) -> str:
    """The line of a digest that only proposes."""
    return f"~{name}:{value}:{size}"


class Digests:
    """Further digests by content."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def put(self, lines: Iterable[tuple[str, str]]) -> None:
        """Keep lines as (own, content)."""
        self.db.executemany("INSERT OR IGNORE INTO digest (own, content) VALUES (?, ?)", lines)

    def content_of(self, own: str) -> str | None:
        """The content with this digest."""
        row = self.db.execute("SELECT MIN(content) FROM digest WHERE own = ?", (own,)).fetchone()
        return None if row[0] is None else str(row[0])

    def unnamed(self, sources: Collection[str]) -> list[int]:
        """Rows of these sources that have no content yet."""
        query = f"SELECT id FROM asset WHERE content IS NULL AND error = '' AND {_OF_SOURCES}"  # noqa: S608
        return [int(row[0]) for row in self.db.execute(query, (dumps(sorted(sources)),))]

    def names(self, sources: Collection[str]) -> dict[str, set[int]]:
        """The digests by which contents of these sources are named, each with the lengths of their files."""
        query = f"""SELECT DISTINCT substr(content, 1, instr(content, ':') - 1), size FROM asset
          WHERE content IS NOT NULL AND {_OF_SOURCES}"""  # noqa: S608
        found: dict[str, set[int]] = {}
        for name, size in self.db.execute(query, (dumps(sorted(sources)),)):
            found.setdefault(str(name), set()).add(int(size))
        return found

    def listed(self, sources: Collection[str], name: str) -> Iterator[tuple[str, str, int]]:
        """(content, digest, length) of every asset of these sources that lists a digest of this name."""
        query = f"""SELECT DISTINCT content, json_extract(facts, '$.digests.' || ?), size FROM asset
          WHERE content IS NOT NULL AND json_extract(facts, '$.digests.' || ?) IS NOT NULL AND {_OF_SOURCES}"""  # noqa: S608
        for content, value, size in self.db.execute(query, (name, name, dumps(sorted(sources)))):
            yield str(content), str(value), int(size)

    def lacking(self, sources: Collection[str], prefix: str, sizes: Collection[int]) -> list[int]:
        """One row a content, among those of these sources and lengths (every length when 0 is one of them), that was
        read and has no line that begins so."""
        length = "" if 0 in sizes else "AND asset.size IN (SELECT value FROM json_each(?))"
        query = f"""SELECT MIN(asset.id) FROM asset
          WHERE content LIKE 'sha256:%' AND error = '' AND {_OF_SOURCES} {length} AND NOT EXISTS
            (SELECT 1 FROM digest WHERE digest.content = asset.content AND digest.own >= ? AND digest.own < ?)
          GROUP BY content"""  # noqa: S608
        values: list[Any] = [dumps(sorted(sources))]
        if length:
            values.append(dumps(sorted(sizes)))
        return [int(row[0]) for row in self.db.execute(query, (*values, f"{prefix}:", f"{prefix};"))]

    def meet(self) -> int:
        """Give assets that are named by a digest the content that is known to have it; how many contents met."""
        query = """SELECT DISTINCT asset.content, digest.content FROM asset JOIN digest ON digest.own = asset.content
          WHERE asset.content <> digest.content ORDER BY asset.content, digest.content DESC"""
        pairs = {str(old): str(new) for old, new in self.db.execute(query).fetchall()}
        for old, new in pairs.items():
            self._rename(old, new)
        return len(pairs)

    def _rename(self, old: str, new: str) -> None:
        self.db.execute(
            """UPDATE asset SET content = ? WHERE content = ? AND
               (size = 0 OR size IN (SELECT size FROM asset other WHERE other.content = ?))""",
            (new, old, new),
        )

    def confirmed(self, row: int, old: str, content: str) -> None:
        """The bytes of an asset that only a weak digest named were read."""
        self.db.execute("UPDATE asset SET content = ? WHERE id = ?", (content, row))
        self.put([(f"!{old}", content)])

    def weak_pairs(self) -> Iterator[tuple[int, int]]:
        """Signature rows of contents that share a weak digest and the length, each with the first of them."""
        query = """SELECT digest.own, signature.id FROM digest JOIN signature ON signature.content = digest.content
          WHERE digest.own >= '~' AND digest.own < '~~' AND signature.phashes IS NOT NULL AND EXISTS
            (SELECT 1 FROM asset WHERE asset.content = signature.content AND asset.gone_at IS NULL)
          ORDER BY digest.own, signature.id"""
        first = ("", 0)
        for own, row in self.db.execute(query):
            if own != first[0]:
                first = (str(own), int(row))
            else:
                yield first[1], int(row)

    def weak_classes(self) -> list[list[int]]:
        """Asset rows whose contents share a weak digest and the length and are not known to be equal or different: at
        least one of them is named by it."""
        query = """SELECT digest.own, asset.id, asset.content FROM digest JOIN asset ON asset.content = digest.content
          WHERE digest.own >= '~' AND digest.own < '~~' AND asset.gone_at IS NULL AND asset.error = ''
          ORDER BY digest.own, asset.id"""
        classes: dict[str, dict[int, str]] = {}
        for own, row, content in self.db.execute(query):
            classes.setdefault(str(own), {})[int(row)] = str(content)
        return [list(rows) for rows in classes.values() if len(set(rows.values())) > 1]

    def weak_of(self, content: str) -> frozenset[str]:
        """The weak lines of a content."""
        query = "SELECT own FROM digest WHERE content = ? AND own >= '~' AND own < '~~'"
        return frozenset(str(row[0]) for row in self.db.execute(query, (content,)))

    def count(self) -> int:
        """How many lines there are: grows whenever contents meet or are confirmed."""
        return int(self.db.execute("SELECT COUNT(*) FROM digest").fetchone()[0])
