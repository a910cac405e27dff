"""What Photos keeps and osxphotos has no quick word for, asked of the loaded snapshot in one query each."""

from __future__ import annotations

import sqlite3
from typing import Any

from connectors.photos.fingerprint import digest_in

_NOT_ANALYSED = (0.0, 0.5)
_ADJUSTED = ("ZADJUSTEDFINGERPRINT", "ZADJUSTEDSTABLEHASH")


def _asset_table(database: Any) -> str:
    return "ZGENERICASSET" if database.photos_version < 6 else "ZASSET"


def movies(database: Any) -> dict[str, tuple[str, int]]:
    """The fingerprint's digest and the length of each Live Photo's movie."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID, ZINTERNALRESOURCE.ZFINGERPRINT, ZINTERNALRESOURCE.ZDATALENGTH
      FROM ZINTERNALRESOURCE JOIN {table} ON {table}.Z_PK = ZINTERNALRESOURCE.ZASSET
      WHERE ZINTERNALRESOURCE.ZRESOURCETYPE = 3"""  # noqa: S608
    return {str(key): (digest_in(mark), int(size or 0)) for key, mark, size in database.execute(sql)}


def edits(database: Any) -> dict[str, str]:
    """The digest of what each edited photo looks like, where Photos has taken one: two edits of one original differ by
    it, and copies of one edit agree."""
    table, found = _asset_table(database), {}
    for column in _ADJUSTED:
        sql = f"""SELECT {table}.ZUUID, {column} FROM {table}
          JOIN ZADDITIONALASSETATTRIBUTES ON ZADDITIONALASSETATTRIBUTES.ZASSET = {table}.Z_PK
          WHERE {column} IS NOT NULL"""  # noqa: S608
        try:
            found = {str(key): digest_in(mark) for key, mark in database.execute(sql)}
        except sqlite3.OperationalError:  # each version has one of the two
            continue
    return found


def cameras(database: Any) -> dict[str, str]:
    """ "make model" as Photos noted them at import."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID, ZEXTENDEDATTRIBUTES.ZCAMERAMAKE, ZEXTENDEDATTRIBUTES.ZCAMERAMODEL
      FROM ZEXTENDEDATTRIBUTES JOIN {table} ON {table}.Z_PK = ZEXTENDEDATTRIBUTES.ZASSET
      WHERE ZEXTENDEDATTRIBUTES.ZCAMERAMODEL IS NOT NULL"""  # noqa: S608
    return {str(key): f"{make or ''} {model}".strip() for key, make, model in database.execute(sql)}


def scores(database: Any) -> dict[str, float]:
    """Apple's overall scores, without those never made: there the overall is 0 or 0.5 and all others are 0."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID, ROUND({table}.ZOVERALLAESTHETICSCORE, 4)
      FROM {table} JOIN ZCOMPUTEDASSETATTRIBUTES ON ZCOMPUTEDASSETATTRIBUTES.ZASSET = {table}.Z_PK
      WHERE {table}.ZOVERALLAESTHETICSCORE IS NOT NULL AND ({table}.ZOVERALLAESTHETICSCORE NOT IN {_NOT_ANALYSED}
        OR COALESCE(ZCOMPUTEDASSETATTRIBUTES.ZPLEASANTCOMPOSITIONSCORE, 0) <> 0)"""  # noqa: S608
    return dict(database.execute(sql))


def from_messages(database: Any) -> frozenset[str]:
    """The photos that came in a message and were not saved into the library."""
    return _where(database, "ZSYNDICATIONIDENTIFIER IS NOT NULL AND ZSYNDICATIONHISTORY = 0")


def shared(database: Any) -> frozenset[str]:
    """The photos of an iCloud Shared Library."""
    return _where(database, "ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE <> 0")


def _where(database: Any, condition: str) -> frozenset[str]:
    """The photos of whose two rows something is true; none where the version knows no such thing."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID FROM {table}
      JOIN ZADDITIONALASSETATTRIBUTES ON ZADDITIONALASSETATTRIBUTES.ZASSET = {table}.Z_PK WHERE {condition}"""  # noqa: S608
    try:
        return frozenset(str(row[0]) for row in database.execute(sql))
    except sqlite3.OperationalError:
        return frozenset()
