"""A Photos library on the disk: database, originals, previews, and the hand of a person that changes them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.photos.schema import create, names_of

_SALT = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0"
_UTI = {
    "png": "public.png",
    "jpg": "public.jpeg",
    "jpeg": "public.jpeg",
    "heic": "public.heic",
    "mov": "com.apple.quicktime-movie",
}
_COMPACT = {"jpg": 1, "jpeg": 1, "png": 2, "heic": 3, "mov": 23}


def fingerprint_of(data: bytes) -> str:
    """The fingerprint that Photos stores: a version byte and the SHA-1 of a salt and the bytes, in base64."""
    return base64.b64encode(b"\1" + hashlib.sha1(_SALT + data).digest()).decode()


class SyntheticLibrary:
    """Every photo is a row with its attributes and, where `local`, an original. uuids come from a counter, so that a
    test sees the same ones every time."""

    def __init__(self, path: Path, model: int = 18508, wal: bool = False) -> None:
        self.path, self.model, self.names = path, model, names_of(model)
        self._numbers = itertools.count(1)
        (path / "database").mkdir(parents=True)
        for letter in "0123456789ABCDEF":
            (path / "originals" / letter).mkdir(parents=True)
        self.database = path / "database" / "Photos.sqlite"
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute("PRAGMA synchronous=OFF")
            create(db, model)
        self._open: sqlite3.Connection | None = None
        if wal:
            self._open = sqlite3.connect(self.database)
            self._open.execute("PRAGMA journal_mode=WAL")
            self._open.execute("PRAGMA wal_autocheckpoint=0")

    def close(self) -> None:
        """Let go of the database, as Photos does when it quits."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The database, committed at the end."""
        if self._open is not None:
            with self._open:
                yield self._open
            return
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute("PRAGMA synchronous=OFF")
            yield db

    def add(
        self,
        name: str,
        data: bytes,
        album: str = "",
        local: bool = True,
        fingerprint: bool = True,
        attributes: Mapping[str, Any] | None = None,
        **columns: Any,
    ) -> str:
        """Import a photo; `columns` are those of the asset's table, `attributes` of its second. Gives the uuid."""
        number = next(self._numbers)
        key = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.path.name}/{number}")).upper()
        suffix = name.rpartition(".")[2].lower()
        file = f"{key}.{suffix}"
        asset = {
            "Z_PK": number, "ZUUID": key, "ZDIRECTORY": key[0], "ZFILENAME": file, "ZKIND": 0, "ZKINDSUBTYPE": 0,
            "ZDATECREATED": 600_000_000 + number, "ZADDEDDATE": 610_000_000 + number, "ZWIDTH": 1, "ZHEIGHT": 1,
            "ZMODIFICATIONDATE": 620_000_000 + number, "ZORIENTATION": 1, "ZUNIFORMTYPEIDENTIFIER": _UTI.get(suffix),
            "ZFAVORITE": 0, "ZHIDDEN": 0, "ZTRASHEDSTATE": 0, "ZVISIBILITYSTATE": 0, self.names.edited: 0,
            "ZSAVEDASSETTYPE": 3, "ZLATITUDE": -180.0, "ZLONGITUDE": -180.0, "ZDEPTHTYPE": 0, "ZDEPTHSTATES": 0,
            **columns,
        }  # fmt: skip
        more = {
            "Z_PK": number, "ZASSET": number, "ZORIGINALFILENAME": name, "ZORIGINALFILESIZE": len(data),
            "ZORIGINALWIDTH": 1, "ZORIGINALHEIGHT": 1, "ZORIGINALORIENTATION": 1, "ZTIMEZONEOFFSET": 0,
            self.names.fingerprint: fingerprint_of(data) if fingerprint else None, **(attributes or {}),
        }  # fmt: skip
        resource = {
            "ZASSET": number, "ZRESOURCETYPE": 0, "ZDATASTORESUBTYPE": 1, "ZLOCALAVAILABILITY": 1 if local else -1,
            "ZREMOTEAVAILABILITY": 1, "ZCOMPACTUTI": _COMPACT.get(suffix), "ZUNIFORMTYPEIDENTIFIER": _UTI.get(suffix),
            "ZDATALENGTH": len(data), "ZFINGERPRINT": more[self.names.fingerprint],
        }  # fmt: skip
        with self.writing() as db:
            _insert(db, self.names.asset, asset)
            _insert(db, "ZADDITIONALASSETATTRIBUTES", more)
            if self.model < 15000:
                sql = "INSERT INTO ZUNIFORMTYPEIDENTIFIER (ZIDENTIFIER) VALUES (?)"
                resource["ZUNIFORMTYPEIDENTIFIER"] = db.execute(sql, (_UTI.get(suffix),)).lastrowid
            _insert(db, "ZINTERNALRESOURCE", resource)
        if local:
            (self.path / "originals" / key[0] / file).write_bytes(data)
        if album:
            self.put_in(album, key)
        return key

    def original(self, key: str) -> Path:
        """Where the original lies."""
        return self.path / "originals" / key[0] / str(self.value(key, "ZFILENAME"))

    def derivative(self, key: str, data: bytes, suffix: str = "_4_5005_c.jpeg") -> None:
        """Give it a preview."""
        inner = "masters/" if suffix.startswith("_4_5005") else ""
        place = self.path / "resources" / "derivatives" / f"{inner}{key[0]}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{key}{suffix}").write_bytes(data)

    def change(self, key: str, data: bytes) -> None:
        """Other bytes under the same uuid."""
        self.original(key).write_bytes(data)
        with self.writing() as db:
            known = self.names.fingerprint
            sql = f"UPDATE ZADDITIONALASSETATTRIBUTES SET {known} = ?, ZORIGINALFILESIZE = ? WHERE ZASSET = ?"
            db.execute(sql, (fingerprint_of(data), len(data), self.row(key)))

    def set(self, key: str, **columns: Any) -> None:
        """Change columns of the asset's row."""
        with self.writing() as db:
            for column, value in columns.items():
                db.execute(f"UPDATE {self.names.asset} SET {column} = ? WHERE ZUUID = ?", (value, key))

    def attribute(self, key: str, **columns: Any) -> None:
        """Change columns of the asset's second row."""
        row = self.row(key)
        with self.writing() as db:
            for column, value in columns.items():
                db.execute(f"UPDATE ZADDITIONALASSETATTRIBUTES SET {column} = ? WHERE ZASSET = ?", (value, row))

    def describe(self, key: str, text: str) -> None:
        """The description, which has a row of its own."""
        with self.writing() as db:
            row = db.execute("INSERT INTO ZASSETDESCRIPTION (ZLONGDESCRIPTION) VALUES (?)", (text,)).lastrowid
        self.attribute(key, ZASSETDESCRIPTION=row)

    def description(self, key: str) -> str:
        """The description, "" for none."""
        sql = f"""SELECT d.ZLONGDESCRIPTION FROM ZASSETDESCRIPTION d JOIN ZADDITIONALASSETATTRIBUTES a
          ON a.ZASSETDESCRIPTION = d.Z_PK JOIN {self.names.asset} s ON s.Z_PK = a.ZASSET WHERE s.ZUUID = ?"""
        found = self.ask(sql, key)
        return str(found[0][0]) if found else ""

    def remove(self, key: str) -> None:
        """Gone for good."""
        row = self.row(key)
        with self.writing() as db:
            db.execute(f"DELETE FROM {self.names.asset} WHERE Z_PK = ?", (row,))
            db.execute(f"DELETE FROM {self.names.albums} WHERE {self.names.asset_side} = ?", (row,))
            for table in ("ZADDITIONALASSETATTRIBUTES", "ZINTERNALRESOURCE"):
                db.execute(f"DELETE FROM {table} WHERE ZASSET = ?", (row,))

    def person(self, key: str, name: str | None) -> None:
        """A face in the picture."""
        face, person = self.names.face_asset, self.names.face_person
        with self.writing() as db:
            who = db.execute("INSERT INTO ZPERSON (ZFULLNAME, ZDISPLAYNAME) VALUES (?, ?)", (name, name)).lastrowid
            db.execute(
                f"INSERT INTO ZDETECTEDFACE (ZUUID, {face}, {person}, ZHIDDEN) VALUES (?, ?, ?, 0)",
                (f"face-{who}", self.row(key), who),
            )

    def score(self, key: str, overall: float, composition: float) -> None:
        """What Apple's analysis thinks of it."""
        self.set(key, ZOVERALLAESTHETICSCORE=overall)
        with self.writing() as db:
            sql = "INSERT INTO ZCOMPUTEDASSETATTRIBUTES (ZASSET, ZPLEASANTCOMPOSITIONSCORE) VALUES (?, ?)"
            db.execute(sql, (self.row(key), composition))

    def raw(self, key: str, data: bytes) -> None:
        """Pair it with a RAW."""
        (self.path / "originals" / key[0] / f"{key}_4.dng").write_bytes(data)
        resource = {
            "ZASSET": self.row(key), "ZRESOURCETYPE": 4, "ZDATASTORESUBTYPE": 17, "ZLOCALAVAILABILITY": 1,
            "ZREMOTEAVAILABILITY": 1, "ZCOMPACTUTI": 7, "ZDATALENGTH": len(data), "ZFINGERPRINT": fingerprint_of(data),
            "ZUNIFORMTYPEIDENTIFIER": "com.adobe.raw-image",
        }  # fmt: skip
        with self.writing() as db:
            if self.model < 15000:
                sql = "INSERT INTO ZUNIFORMTYPEIDENTIFIER (ZIDENTIFIER) VALUES ('com.adobe.raw-image')"
                resource["ZUNIFORMTYPEIDENTIFIER"] = db.execute(sql).lastrowid
            _insert(db, "ZINTERNALRESOURCE", resource)

    def live(self, key: str, data: bytes) -> None:
        """Make it a Live Photo."""
        self.set(key, ZKINDSUBTYPE=2)
        (self.path / "originals" / key[0] / f"{key}_3.mov").write_bytes(data)
        resource = {"ZASSET": self.row(key), "ZRESOURCETYPE": 3, "ZDATALENGTH": len(data)}
        with self.writing() as db:
            _insert(db, "ZINTERNALRESOURCE", {**resource, "ZFINGERPRINT": fingerprint_of(data)})

    def album(self, path: str, kind: int = 2) -> int:
        """The row of an album, made with its folders when it is missing. "Folder/Album"."""
        *folders, title = path.split("/")
        parent = 1
        for folder in folders:
            parent = self._container(folder, 4000, parent)
        return self._container(title, kind, parent)

    def _container(self, title: str, kind: int, parent: int) -> int:
        sql = (
            "SELECT Z_PK FROM ZGENERICALBUM WHERE ZTITLE = ? AND ZKIND = ? AND ZPARENTFOLDER = ? AND ZTRASHEDSTATE = 0"
        )
        found = self.ask(sql, title, kind, parent)
        return int(found[0][0]) if found else self.make_container(title, kind, parent)

    def make_container(self, title: str, kind: int, parent: int) -> int:
        """A new album (2) or folder (4000), also beside one of the same name."""
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.path.name}/{next(self._numbers)}")).upper()
        with self.writing() as db:
            sql = (
                "INSERT INTO ZGENERICALBUM (ZUUID, ZTITLE, ZKIND, ZPARENTFOLDER, ZTRASHEDSTATE) VALUES (?, ?, ?, ?, 0)"
            )
            return int(db.execute(sql, (key, title, kind, parent)).lastrowid or 0)

    def put_in(self, album: str | int, key: str) -> None:
        """Add it to an album."""
        row = album if isinstance(album, int) else self.album(album)
        with self.writing() as db:
            db.execute(f"INSERT OR IGNORE INTO {self.names.albums} VALUES (?, ?, 1024)", (row, self.row(key)))

    def take_out(self, album: int, key: str) -> None:
        """Remove it from an album."""
        sql = f"DELETE FROM {self.names.albums} WHERE {self.names.album_side} = ? AND {self.names.asset_side} = ?"
        with self.writing() as db:
            db.execute(sql, (album, self.row(key)))

    def set_keywords(self, key: str, words: list[str]) -> None:
        """Exactly these keywords."""
        row = self.row(key)
        with self.writing() as db:
            db.execute("DELETE FROM Z_1KEYWORDS WHERE Z_1ASSETATTRIBUTES = ?", (row,))
            for word in words:
                found = db.execute("SELECT Z_PK FROM ZKEYWORD WHERE ZTITLE = ?", (word,)).fetchone()
                pk = found[0] if found else db.execute("INSERT INTO ZKEYWORD (ZTITLE) VALUES (?)", (word,)).lastrowid
                db.execute("INSERT OR IGNORE INTO Z_1KEYWORDS VALUES (?, ?)", (row, pk))

    def keywords(self, key: str) -> list[str]:
        """Its keywords."""
        sql = f"""SELECT ZTITLE FROM ZKEYWORD k JOIN Z_1KEYWORDS j ON j.{self.names.keyword_side} = k.Z_PK
          WHERE j.Z_1ASSETATTRIBUTES = ? ORDER BY ZTITLE"""
        return [str(row[0]) for row in self.ask(sql, self.row(key))]

    def in_album(self, album: int) -> list[str]:
        """The uuids in an album."""
        names = self.names
        sql = f"""SELECT s.ZUUID FROM {names.asset} s JOIN {names.albums} j ON j.{names.asset_side} = s.Z_PK
          WHERE j.{names.album_side} = ? ORDER BY s.Z_PK"""
        return [str(row[0]) for row in self.ask(sql, album)]

    def albums(self) -> dict[str, list[str]]:
        """Every album that is there, by path, with its uuids; two of one path are one here."""
        rows = {
            row[0]: row
            for row in self.ask("SELECT Z_PK, ZTITLE, ZKIND, ZPARENTFOLDER, ZTRASHEDSTATE FROM ZGENERICALBUM")
        }
        found: dict[str, list[str]] = {}
        for pk, title, kind, above, trashed in rows.values():
            if kind != 2 or trashed:
                continue
            path, parent = [str(title)], above
            while parent and parent != 1:
                path.insert(0, str(rows[parent][1]))
                parent = rows[parent][3]
            found.setdefault("/".join(path), []).extend(self.in_album(pk))
        return found

    def row(self, key: str) -> int:
        """The primary key of a uuid."""
        return int(self.value(key, "Z_PK"))

    def value(self, key: str, column: str) -> Any:
        """A column of the asset's row; KeyError when there is no such photo."""
        found = self.ask(f"SELECT {column} FROM {self.names.asset} WHERE ZUUID = ?", key)
        if not found:
            raise KeyError(key)
        return found[0][0]

    def find(self, name: str, album: str = "") -> str:
        """The uuid of the photo of this name, in this album."""
        sql = f"""SELECT s.ZUUID FROM {self.names.asset} s JOIN ZADDITIONALASSETATTRIBUTES a ON a.ZASSET = s.Z_PK
          WHERE a.ZORIGINALFILENAME = ? AND s.ZTRASHEDSTATE = 0"""
        inside = set(self.albums().get(album, [])) if album else None
        return next(str(row[0]) for row in self.ask(sql, name) if inside is None or row[0] in inside)

    def ask(self, sql: str, *values: Any) -> list[Any]:
        """The rows of a question."""
        with self.writing() as db:
            return db.execute(sql, values).fetchall()

    def clone(self, key: str, count: int) -> None:
        """So many more photos like this one, each with its own uuid and fingerprint, cloud only."""
        row, names = self.row(key), self.names
        with self.writing() as db:
            db.row_factory = sqlite3.Row
            asset = dict(db.execute(f"SELECT * FROM {names.asset} WHERE Z_PK = ?", (row,)).fetchone())
            more = dict(db.execute("SELECT * FROM ZADDITIONALASSETATTRIBUTES WHERE ZASSET = ?", (row,)).fetchone())
            res = dict(db.execute("SELECT * FROM ZINTERNALRESOURCE WHERE ZASSET = ?", (row,)).fetchone())
            db.row_factory = None
            del res["Z_PK"]
            res["ZLOCALAVAILABILITY"] = -1
            fresh = []
            for _ in range(count):
                number = next(self._numbers)
                twin = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.path.name}/{number}")).upper()
                print_ = fingerprint_of(twin.encode())
                fresh.append((
                    {**asset, "Z_PK": number, "ZUUID": twin, "ZDIRECTORY": twin[0], "ZFILENAME": f"{twin}.jpeg",
                     "ZDATECREATED": 600_000_000 + number},
                    {**more, "Z_PK": number, "ZASSET": number, "ZORIGINALFILENAME": f"IMG_{number:06}.JPG",
                     names.fingerprint: print_},
                    {**res, "ZASSET": number, "ZFINGERPRINT": print_},
                ))  # fmt: skip
            for table, index in ((names.asset, 0), ("ZADDITIONALASSETATTRIBUTES", 1), ("ZINTERNALRESOURCE", 2)):
                _insert_all(db, table, [rows[index] for rows in fresh])
            db.execute(
                f"INSERT INTO {names.albums} SELECT {names.album_side}, s.Z_PK, s.Z_PK"
                f" FROM {names.asset} s, {names.albums} j WHERE j.{names.asset_side} = ? AND s.Z_PK > ?",
                (row, fresh[0][0]["Z_PK"] - 1),
            )
            words = db.execute(f"SELECT {names.keyword_side} FROM Z_1KEYWORDS WHERE Z_1ASSETATTRIBUTES = ?", (row,))
            pairs = [(rows[1]["Z_PK"], word[0]) for word in words.fetchall() for rows in fresh]
            db.executemany("INSERT INTO Z_1KEYWORDS VALUES (?, ?)", pairs)


def _insert(db: sqlite3.Connection, table: str, values: Mapping[str, Any]) -> None:
    _insert_all(db, table, [values])


def _insert_all(db: sqlite3.Connection, table: str, rows: list[Any]) -> None:
    marks = ", ".join("?" * len(rows[0]))
    db.executemany(
        f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({marks})", [tuple(row.values()) for row in rows]
    )
