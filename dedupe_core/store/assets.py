"""What the sources list: one row an asset, tombstoned when it went away and never deleted while a journal names it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Asset, AssetId, Unread
from dedupe_core.model import Photo
from dedupe_core.store.codec import (
    asset_facts,
    asset_from,
    decode_name,
    dumps,
    encode_name,
    signature_from,
)

_AT_ONCE = 500
_PHOTO = """
  SELECT asset.id AS row, source.name AS source_name, asset.key, asset.revision, asset.name, asset.folder, asset.size,
         asset.facts, asset.content, asset.error, signature.id AS signature_row, signature.phashes, signature.pixels,
         signature.facts AS signature_facts
  FROM asset JOIN source ON source.id = asset.source LEFT JOIN signature ON signature.content = asset.content
"""


class Assets:
    """Sources and their assets."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    # sources -----------------------------------------------------------------------------------------------------

    def source(self, name: str, kind: str) -> int:
        """The row of a source, made when it is new."""
        self.db.execute("INSERT INTO source (name, kind) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (name, kind))
        return int(self.db.execute("SELECT id FROM source WHERE name = ?", (name,)).fetchone()[0])

    def remember_source(self, name: str, kind: str, options: Mapping[str, Any]) -> int:
        """A source with the options that open it again without a configuration file."""
        row = self.source(name, kind)
        self.db.execute("UPDATE source SET kind = ?, options = ? WHERE id = ?", (kind, dumps(dict(options)), row))
        return row

    def named(self) -> list[sqlite3.Row]:
        """name, kind, options and scanned_at of each source, without counting what is in it."""
        return self.db.execute("SELECT name, kind, options, scanned_at FROM source ORDER BY name").fetchall()

    def sources(self) -> list[sqlite3.Row]:
        """name, kind, state, note, scanned_at, and the count and bytes of what is there."""
        return self.db.execute(
            """SELECT source.*, COUNT(asset.id) AS assets, COALESCE(SUM(asset.size), 0) AS bytes
               FROM source LEFT JOIN asset ON asset.source = source.id AND asset.gone_at IS NULL
               GROUP BY source.id ORDER BY source.name"""
        ).fetchall()

    def cursor(self, source: int) -> str | None:
        """Where the last complete listing of this source ended."""
        row = self.db.execute("SELECT cursor FROM source WHERE id = ?", (source,)).fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def finish_scan(self, source: int, cursor: str | None) -> None:
        """A listing is complete: the cursor is kept with it."""
        self.db.execute(
            "UPDATE source SET cursor = ?, scanned_at = ?, state = 'ok', note = '' WHERE id = ?",
            (cursor, time.time(), source),
        )

    def note(self, source: int, state: str, note: str) -> None:
        """What is the matter with a source: 'unavailable', 'needs login', 'halted' … and the sentence."""
        self.db.execute("UPDATE source SET state = ?, note = ? WHERE id = ?", (state, note, source))

    def forget_source(self, name: str) -> None:
        """Remove a source and its assets from the memory (never from the disk)."""
        self.db.execute("DELETE FROM source WHERE name = ?", (name,))

    # listing -----------------------------------------------------------------------------------------------------

    def generation(self, source: int) -> int:
        """A number higher than every `seen` of this source: the mark of the listing that begins."""
        row = self.db.execute("SELECT COALESCE(MAX(seen), 0) + 1 FROM asset WHERE source = ?", (source,)).fetchone()
        return int(row[0])

    def known(self, source: int) -> int:
        """How many assets of a source are believed to be there."""
        return int(
            self.db.execute("SELECT COUNT(*) FROM asset WHERE source = ? AND gone_at IS NULL", (source,)).fetchone()[0]
        )

    def upsert(self, source: int, assets: Sequence[Asset], generation: int) -> None:
        """Write one page. What was learned from an asset's bytes stays only while its revision stays. `changed` is the
        last listing that told anything new of it: some sources list everything each time."""
        self.db.executemany(
            """INSERT INTO asset (source, key, revision, name, folder, size, facts, seen, changed)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
               ON CONFLICT (source, key) DO UPDATE SET
                 changed = CASE WHEN gone_at IS NULL
                   AND (revision, name, folder, size, facts)
                     = (excluded.revision, excluded.name, excluded.folder, excluded.size, excluded.facts)
                   THEN changed ELSE excluded.seen END,
                 content = CASE WHEN revision = excluded.revision THEN content END,
                 ends = CASE WHEN revision = excluded.revision THEN ends END,
                 error = CASE WHEN revision = excluded.revision THEN error ELSE '' END,
                 revision = excluded.revision, name = excluded.name, folder = excluded.folder, size = excluded.size,
                 facts = excluded.facts, seen = excluded.seen, gone_at = NULL""",
            [
                (
                    source,
                    encode_name(a.id.key),
                    a.revision,
                    encode_name(a.name),
                    encode_name(a.folder),
                    a.size,
                    dumps(asset_facts(a)),
                    generation,
                )
                for a in assets
            ],
        )
        self._set_aliases(source, assets)

    def _set_aliases(self, source: int, assets: Sequence[Asset]) -> None:
        if self.db.execute("SELECT EXISTS (SELECT 1 FROM alias)").fetchone()[0]:
            self.db.executemany(
                "DELETE FROM alias WHERE asset = (SELECT id FROM asset WHERE source = ? AND key = ?)",
                [(source, encode_name(asset.id.key)) for asset in assets],
            )
        self.db.executemany(
            "INSERT OR IGNORE INTO alias (token, asset) SELECT ?, id FROM asset WHERE source = ? AND key = ?",
            [
                (token.encode("utf-8", "backslashreplace").decode(), source, encode_name(asset.id.key))
                for asset in assets
                for token in asset.aliases
            ],
        )

    def missing(self, source: int, generation: int, unread: Iterable[Unread]) -> list[int]:
        """Rows that a complete listing did not name, without those below a folder that it could not read."""
        hidden = [item.folder.strip("/") for item in unread]
        rows = self.db.execute(
            "SELECT id, key FROM asset WHERE source = ? AND seen < ? AND gone_at IS NULL", (source, generation)
        )
        return [int(row["id"]) for row in rows if not _below(decode_name(row["key"]), hidden)]

    def rows_of(self, source: int, keys: Iterable[str]) -> list[int]:
        """Rows of the keys that are known and believed to be there."""
        found = []
        for key in keys:
            row = self.db.execute(
                "SELECT id FROM asset WHERE source = ? AND key = ? AND gone_at IS NULL", (source, encode_name(key))
            ).fetchone()
            if row is not None:
                found.append(int(row[0]))
        return found

    def lost(self, source: int, gone: Collection[int]) -> int:
        """How many of `gone` did not just move: no photo of the same name and size stands elsewhere in the source."""
        return sum(
            self.db.execute(
                """SELECT NOT EXISTS (SELECT 1 FROM asset other, asset mine WHERE mine.id = ? AND other.source = ?
                     AND other.size = mine.size AND other.name = mine.name AND other.id <> mine.id
                     AND other.gone_at IS NULL AND other.seen > mine.seen)""",
                (row, source),
            ).fetchone()[0]
            for row in gone
        )

    def mark_gone(self, rows: Sequence[int]) -> None:
        """Tombstone: the row, its content and its labels stay; it takes part in nothing."""
        now = time.time()
        self.db.executemany("UPDATE asset SET gone_at = ? WHERE id = ?", [(now, row) for row in rows])

    # reading -----------------------------------------------------------------------------------------------------

    def photos(self, rows: Iterable[int]) -> dict[int, Photo]:
        """Photos by row, in the order of `rows`."""
        query = f"{_PHOTO} WHERE asset.id IN (SELECT value FROM json_each(?))"  # noqa: S608
        wanted = list(dict.fromkeys(rows))
        found: dict[int, Photo] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            records = self.db.execute(query, (json.dumps(wanted[start : start + _AT_ONCE]),))
            found |= {record["row"]: _photo(record) for record in records}
        return {row: found[row] for row in wanted if row in found}

    def present(self, rows: Iterable[int]) -> set[int]:
        """Those of the rows that are believed to be there."""
        query = "SELECT 1 FROM asset WHERE id = ? AND gone_at IS NULL"
        return {row for row in rows if self.db.execute(query, (row,)).fetchone() is not None}

    def all(self, source: str | None = None, gone: bool = False) -> Iterator[Photo]:
        """Every photo in the order of source and key; one in memory at a time."""
        where = f"WHERE asset.gone_at IS {'NOT ' if gone else ''}NULL" + (" AND source.name = ?" if source else "")
        query = f"{_PHOTO} {where} ORDER BY source.name, asset.key"
        for record in self.db.execute(query, (source,) if source else ()):
            yield _photo(record)

    def find(self, identity: AssetId) -> Photo | None:
        """The photo of an asset id, gone or not."""
        record = self.db.execute(
            f"{_PHOTO} WHERE source.name = ? AND asset.key = ?",
            (identity.source, encode_name(identity.key)),
        ).fetchone()
        return None if record is None else _photo(record)

    def with_content(self, content: str) -> list[Photo]:
        """Every place where these bytes are believed to be."""
        query = f"{_PHOTO} WHERE asset.content = ? AND asset.gone_at IS NULL ORDER BY source.name, asset.key"
        return [_photo(record) for record in self.db.execute(query, (content,))]

    def rows_by_signature(self, signature_rows: Iterable[int]) -> dict[int, list[int]]:
        """Asset rows that show each signature, in the order of source name and key."""
        found: dict[int, list[int]] = {}
        for signature_row in signature_rows:
            found[signature_row] = [
                int(record[0])
                for record in self.db.execute(
                    """SELECT asset.id FROM signature JOIN asset ON asset.content = signature.content
                       JOIN source ON source.id = asset.source
                       WHERE signature.id = ? AND asset.gone_at IS NULL ORDER BY source.name, asset.key""",
                    (signature_row,),
                )
            ]
        return found

    def unread(self, same_size_only: bool = False) -> Iterator[Photo]:
        """Assets whose bytes have not been read in their present revision; with `same_size_only`, just those that
        share their size with another asset (nothing else can be an exact copy)."""
        where = "WHERE asset.gone_at IS NULL AND asset.content IS NULL AND asset.error = ''"
        if same_size_only:
            where += """ AND asset.size IN
              (SELECT size FROM asset WHERE gone_at IS NULL AND size > 0 GROUP BY size HAVING COUNT(*) > 1)"""
        for record in self.db.execute(f"{_PHOTO} {where} ORDER BY asset.id").fetchall():
            yield _photo(record)

    def unsigned(self, recipe: int) -> Iterator[Photo]:
        """Assets that are readable but have no signature of this recipe yet (after an exact-only run or an update)."""
        query = f"""{_PHOTO} WHERE asset.gone_at IS NULL AND asset.error = '' AND
            (asset.content IS NULL OR signature.id IS NULL OR signature.recipe < ?) ORDER BY asset.id"""
        for record in self.db.execute(query, (recipe,)).fetchall():
            yield _photo(record)

    def set_content(self, row: int, content: str) -> None:
        """The bytes of this revision were read."""
        self.db.execute("UPDATE asset SET content = ?, error = '' WHERE id = ?", (content, row))

    def set_error(self, row: int, reason: str) -> None:
        """The bytes of this revision could not be understood; not tried again until the revision changes."""
        self.db.execute("UPDATE asset SET error = ? WHERE id = ?", (reason, row))

    def errors(self) -> list[tuple[Photo, str]]:
        """Every asset that could not be read, with the reason."""
        query = f"{_PHOTO} WHERE asset.error <> '' AND asset.gone_at IS NULL ORDER BY source.name, asset.key"
        return [(_photo(record), str(record["error"])) for record in self.db.execute(query)]

    def clear_errors(self) -> None:
        """Let the next scan try the unreadable ones again."""
        self.db.execute("UPDATE asset SET error = ''")

    def exact(self) -> list[list[int]]:
        """Rows of equal content that stand in two or more places, each list in the order of source name and key."""
        query = """SELECT asset.id, asset.content FROM asset JOIN source ON source.id = asset.source
          WHERE asset.gone_at IS NULL AND asset.content IN
            (SELECT content FROM asset WHERE gone_at IS NULL AND content IS NOT NULL
             GROUP BY content HAVING COUNT(*) > 1)
          ORDER BY asset.content, source.name, asset.key"""
        groups: dict[str, list[int]] = {}
        for row, content in self.db.execute(query):
            groups.setdefault(content, []).append(row)
        return list(groups.values())

    def aliased(self) -> list[tuple[int, int]]:
        """Pairs of rows that share a token of physical identity: one photo reached by two ways."""
        query = """SELECT DISTINCT x.asset, y.asset FROM alias x JOIN alias y ON x.token = y.token AND x.asset < y.asset
          JOIN asset p ON p.id = x.asset AND p.gone_at IS NULL JOIN asset q ON q.id = y.asset AND q.gone_at IS NULL"""
        return [(int(a), int(b)) for a, b in self.db.execute(query)]

    def state(self) -> str:
        """A short text that changes whenever anything changes that grouping depends on."""
        record = self.db.execute(
            """SELECT COUNT(*), COALESCE(MAX(id), 0), COALESCE(SUM(changed), 0), COUNT(content), COUNT(gone_at)
               FROM asset"""
        ).fetchone()
        signed = self.db.execute(
            """SELECT COALESCE(SUM(recipe), 0), (SELECT COUNT(*) FROM digest), (SELECT COUNT(*) FROM other_view)
               FROM signature"""
        ).fetchone()
        return dumps([*record, *signed])


def _below(key: str, folders: Sequence[str]) -> bool:
    """True for what lies in one of the folders, and for a single file that is named there itself."""
    return any(not folder or key == folder or key.startswith(folder + "/") for folder in folders)


def _photo(record: sqlite3.Row) -> Photo:
    identity = AssetId(record["source_name"], decode_name(record["key"]))
    asset = asset_from(
        identity,
        record["revision"],
        decode_name(record["name"]),
        decode_name(record["folder"]),
        record["size"],
        json.loads(record["facts"]),
    )
    content = record["content"] or ""
    signature = None
    if record["signature_facts"] is not None and record["phashes"] is not None:
        signature = signature_from(content, record["phashes"], json.loads(record["signature_facts"]))
    return Photo(
        record["row"], asset, content, signature, record["signature_row"], record["pixels"] or "", record["error"]
    )
