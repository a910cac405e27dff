"""A snapshot cut down to a few photos, so that looking at one of 50,000 does not load the other 49,999.

The tables keep their names and columns; rows that belong to other photos are left behind, and tables that nothing here
reads stay empty. What is read from it is what the whole snapshot would have given.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

_WHOLE = {
    "Z_METADATA",
    "Z_PRIMARYKEY",
    "ZGENERICALBUM",
    "ZKEYWORD",
    "ZPERSON",
    "ZFILESYSTEMVOLUME",
    "ZUNIFORMTYPEIDENTIFIER",
    "ZSHARE",
    "ZSHAREPARTICIPANT",
    "ZCLOUDSHAREDALBUMINVITATIONRECORD",
}
_ASSETS = ("ZASSET", "ZGENERICASSET")
_ATTRIBUTES = "ZADDITIONALASSETATTRIBUTES"
_OWNER = ("ZASSETFORFACE", "ZASSET")
_THROUGH = {
    "Z_1KEYWORDS": ("Z_1ASSETATTRIBUTES", _ATTRIBUTES, "Z_PK"),
    "ZASSETDESCRIPTION": ("Z_PK", _ATTRIBUTES, "ZASSETDESCRIPTION"),
    "ZUNMANAGEDADJUSTMENT": ("Z_PK", _ATTRIBUTES, "ZUNMANAGEDADJUSTMENT"),
    "ZCLOUDMASTER": ("Z_PK", "assets", "ZMASTER"),
}
"""Tables whose rows belong to a photo through another table: its own column, that table, that table's column."""
_WANTED = "WHERE ZUUID IN wanted"
_MEMBERS = re.compile(r"Z_\d+ASSETS")


def narrow(database: Path, keys: Collection[str], into: Path) -> None:
    """Write to `into` the part of `database` that the photos `keys` need, burst siblings included."""
    with closing(sqlite3.connect(into, isolation_level=None)) as db:
        db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
        db.execute("ATTACH ? AS whole", (f"file:{database.as_posix()}",))
        db.execute("CREATE TEMP TABLE wanted (key TEXT PRIMARY KEY)")
        db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", [(key,) for key in keys])
        tables = [str(row[0]) for row in db.execute("SELECT name FROM whole.sqlite_master WHERE type = 'table'")]
        db.execute("BEGIN")
        assets = next(name for name in _ASSETS if name in tables)
        for table in sorted(tables, key=lambda name: (name not in _ASSETS, name != _ATTRIBUTES)):
            if not table.startswith("sqlite_"):
                _copy(db, table, assets)
        db.execute("COMMIT")


def _copy(db: sqlite3.Connection, table: str, assets: str) -> None:
    columns = [str(row[1]) for row in db.execute(f'PRAGMA whole.table_info("{table}")')]
    db.execute(f'CREATE TABLE main."{table}" ({", ".join(_column(name) for name in columns)})')
    rows = _rows(table, columns, assets)
    if rows:
        db.execute(f'INSERT INTO main."{table}" SELECT * FROM whole."{table}" {rows}')  # noqa: S608


def _column(name: str) -> str:
    return f'"{name}" INTEGER PRIMARY KEY' if name == "Z_PK" else f'"{name}"'


def _rows(table: str, columns: list[str], assets: str) -> str:
    """Which rows come along, as a WHERE clause; "" for none."""
    if table in _WHOLE:
        return "WHERE TRUE"
    if table == assets:
        return f"WHERE ZUUID IN wanted OR ZAVALANCHEUUID IN (SELECT ZAVALANCHEUUID FROM whole.{table} {_WANTED})"  # noqa: S608
    if table in _THROUGH:
        column, source, other = _THROUGH[table]
        return _among(column, other, assets if source == "assets" else source)
    member = next((name for name in columns if _MEMBERS.fullmatch(name)), None)
    if _MEMBERS.fullmatch(table) and member:
        return _among(member, "Z_PK", assets)
    owner = next((name for name in _OWNER if name in columns), None)
    return _among(owner, "Z_PK", assets) if owner else ""


def _among(column: str, other: str, table: str) -> str:
    return f'WHERE "{column}" IN (SELECT {other} FROM main.{table})'  # noqa: S608
