"""From osxphotos' view of a snapshot to assets."""

from __future__ import annotations

import gc
import hashlib
import mimetypes
import os
import re
import sqlite3
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from connectors.base import (
    CLOUD_ONLY,
    EDITED,
    FAVORITE,
    HIDDEN,
    MANAGED,
    PROTECTED,
    SHARED,
    Asset,
    AssetId,
    Part,
    Refused,
)
from connectors.photos import labels
from connectors.photos.fingerprint import DIGEST, Computed, digest_in
from connectors.photos.options import PhotosOptions
from connectors.photos.snapshot import Snapshot

_KINDS = (
    "live_photo",
    "has_raw",
    "panorama",
    "screenshot",
    "portrait",
    "hdr",
    "burst",
    "selfie",
    "isreference",
    "incloud",
)
_kinds = attrgetter(*_KINDS)
_FLAG_OF = {"live_photo": "live", "has_raw": "raw", "isreference": "referenced", "incloud": "in_cloud"}
_MEMBERS = re.compile(r"Z_\d+ASSETS")
_OUR_WORDS = labels.keyword_label("keepone:")
_NEVER_TAKEN = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_ANALYSED = (0.0, 0.5)
_TYPES = {
    "heic": "image/heic",
    "heif": "image/heif",
    "hif": "image/heif",
    "avif": "image/avif",
    "dng": "image/x-adobe-dng",
}
_UTIS = {
    "public.jpeg": "image/jpeg",
    "public.heic": "image/heic",
    "public.png": "image/png",
    "public.tiff": "image/tiff",
}


def load(snapshot: Snapshot, database: Path | None = None) -> Any:
    """osxphotos' `PhotosDB` of a snapshot (about 11 KB a photo; let go of it soon), or of another copy made from it."""
    try:
        from osxphotos import PhotosDB
    except ImportError as error:
        raise Refused("Reading Photos needs osxphotos. Run: pip install 'keepone[apple]'") from error
    file = str(database or snapshot.database)
    try:
        with uncollected():
            return PhotosDB(dbfile=file, library_path=str(snapshot.library), _skip_searchinfo=True)
    except (sqlite3.Error, KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise Refused(
            f"The database of {snapshot.library.name} cannot be understood ({error}). Open the library once in Photos; "
            "if that does not help, look for a newer KeepOne."
        ) from error


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of cycles: millions of values come to stay, and it would walk them all, again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Reader:
    """Makes assets of one loaded database."""

    def __init__(self, name: str, options: PhotosOptions, database: Any, computed: Computed) -> None:
        self._name, self._options, self._computed = name, options, computed
        self._database = database
        self._albums = {
            album.uuid: labels.album_label(album.folder_names, album.title)
            for album in database.album_info
            if album.title
        }
        self._memberships = _memberships(database, self._albums)
        self._same_labels: dict[
            tuple[tuple[str, ...], tuple[str, ...]], tuple[frozenset[str], frozenset[str], str]
        ] = {}
        self._adjusted = _adjusted(database)
        self._moments = _keys(database, "ZMOMENTSHARE")
        self._from_messages = _keys(database, "ZSYNDICATIONIDENTIFIER")
        self._movies = _movies(database)
        self._bursts = _bursts(database)
        self._cameras = _cameras(database)
        self._scores = _scores(database)

    def assets(self, keys: Collection[str] | None = None) -> Iterator[Asset]:
        """Every candidate, or those of `keys` that are candidates, by uuid: nothing from the trash, from an album that
        somebody shared, or from Messages without having been saved."""
        photos = self._database.photos(movies=False) if keys is None else self._named(keys)
        for photo in sorted(photos, key=lambda one: one.uuid):
            if self._candidate(photo):
                asset = self._asset(photo)
                if keys is not None or self._in_scope(photo, asset):
                    yield asset

    def _named(self, keys: Collection[str]) -> Iterable[Any]:
        found = self._database.photos(uuid=list(keys), movies=False) if keys else []
        return (photo for photo in found if photo.uuid in keys)

    def _candidate(self, photo: Any) -> bool:
        if photo.intrash or photo.shared:
            return False
        if photo.uuid in self._from_messages and photo.syndicated and not photo.saved_to_library:
            return False
        return self._options.hidden or not photo.hidden

    def _in_scope(self, photo: Any, asset: Asset) -> bool:
        options = self._options
        month = asset.taken_at.strftime("%Y-%m") if options.months and asset.taken_at else ""
        return (
            (not options.albums or any(labels.below(own, one) for own in asset.labels for one in options.albums))
            and (not options.months or any(month == one or month.startswith(f"{one}-") for one in options.months))
            and (not options.persons or bool(set(options.persons) & set(photo.persons)))
            and (not options.keywords or any(labels.keyword_label(one) in asset.labels for one in options.keywords))
        )

    def _asset(self, photo: Any) -> Asset:
        path, status = _original(photo)
        size = photo.original_filesize or (status.st_size if status else 0)
        digest = self._digest(photo, path, status)
        own, ours, folder = self._labels(photo)
        edited, uuid = bool(photo.hasadjustments), photo.uuid
        taken, modified = photo.date, photo.date_modified  # each is worked out anew whenever it is asked for
        return Asset(
            AssetId(self._name, uuid),
            _revision(digest, size, self._adjusted.get(uuid, "") if edited else "", photo),
            photo.original_filename,
            folder,
            size,
            _media_type(photo),
            modified_at=modified.timestamp() if modified else None,
            taken_at=None if taken == _NEVER_TAKEN else taken.replace(tzinfo=None),
            width=photo.width or None,
            height=photo.height or None,
            digests={DIGEST: digest} if digest else {},
            parts=self._parts(photo, edited),
            flags=_flags(photo, path is None, uuid in self._moments),
            labels=own,
            place=_place(photo),
            title=photo.title or "",
            description=photo.description or "",
            camera=self._cameras.get(uuid, ""),
            burst=self._bursts.get(uuid, "") if uuid in self._bursts and photo.burst else "",
            aliases=frozenset({f"inode:{status.st_dev}:{status.st_ino}"}) if status and status.st_ino else frozenset(),
            score=self._scores.get(uuid),
            faces=len(photo.persons),
            ours=ours,
        )

    def _digest(self, photo: Any, path: Path | None, status: os.stat_result | None) -> str:
        """The stored fingerprint's, unless there is none or the file has another length than what it was taken of."""
        stored = digest_in(photo.fingerprint)
        if path is None or status is None or (stored and status.st_size == photo.original_filesize):
            return stored
        return self._computed.of(photo.uuid, path)

    def _labels(self, photo: Any) -> tuple[frozenset[str], frozenset[str], str]:
        """The labels of a photo, those of them that KeepOne made, and the folder that is shown for it; photos that
        share them share the values."""
        both = (self._memberships.get(photo.uuid, ()), tuple(photo.keywords))
        found = self._same_labels.get(both)
        if found is None:
            own = (*both[0], *map(labels.keyword_label, both[1]))
            ours = frozenset(label for label in own if self._is_ours(label))
            found = self._same_labels[both] = (frozenset(own), ours, self._folder(own))
        return found

    def _folder(self, own: tuple[str, ...]) -> str:
        """The first of its albums, our own left out: Photos has no folders for photos."""
        albums = (label for label in own if not label.startswith("#") and not self._is_ours(label))
        return min(albums, default="")

    def _is_ours(self, label: str) -> bool:
        return labels.below(label, self._options.folder) or label.startswith(_OUR_WORDS)

    def _parts(self, photo: Any, edited: bool) -> tuple[Part, ...]:
        parts = []
        if photo.live_photo:
            digest, size = self._movies.get(photo.uuid, ("", 0))
            parts.append(Part("live_video", f"{photo.uuid}/live_video", digest, size))
        if photo.has_raw:
            raw = photo.path_raw
            parts.append(Part("raw", f"{photo.uuid}/raw", "", Path(raw).stat().st_size if raw else 0))
        if edited:
            parts.append(Part("edit", f"{photo.uuid}/edit", self._adjusted.get(photo.uuid, ""), 0))
        return tuple(parts)


def _original(photo: Any) -> tuple[Path | None, os.stat_result | None]:
    """Where the original lies, whatever the database says about it being missing."""
    if photo.path is None:
        return None, None
    path = Path(photo.path)
    try:
        status = path.stat()
    except OSError:
        return None, None
    return (path, status) if stat.S_ISREG(status.st_mode) else (None, None)


def _revision(digest: str, size: int, adjusted: str, photo: Any) -> str:
    """Changes with the original and with the edit, and with nothing that a label or a title is."""
    content = digest or f"{size}/{photo.date_added}"
    parts = (content, adjusted, str(bool(photo.hasadjustments)), str(photo.has_raw), str(photo.live_photo))
    return hashlib.blake2s("|".join(parts).encode(), digest_size=12).hexdigest()


def _flags(photo: Any, away: bool, moment: bool) -> frozenset[str]:
    facts = (photo.favorite, photo.hasadjustments, photo.hidden, moment or photo.shared_library, away)
    return _flag_set((*facts, photo.iscloudasset, *_kinds(photo)))


@lru_cache(maxsize=4096)
def _flag_set(facts: tuple[object, ...]) -> frozenset[str]:
    favorite, edited, hidden, shared, away, cloud, *kinds = facts
    flags = {_FLAG_OF.get(kind, kind) for kind, on in zip(_KINDS, kinds, strict=True) if on}
    if favorite:
        flags.add(FAVORITE)
    if edited:
        flags.add(EDITED)
    if hidden:
        flags.add(HIDDEN)
    if shared:
        flags |= {SHARED, PROTECTED}
    if "referenced" not in flags:
        flags.add(MANAGED)
    if away:
        flags.add(CLOUD_ONLY if cloud or "in_cloud" in flags else "missing")
    return frozenset(flags)


def _place(photo: Any) -> tuple[float, float] | None:
    latitude, longitude = photo.location
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))


@lru_cache(maxsize=1024)
def _by_suffix(suffix: str) -> str:
    return _TYPES.get(suffix) or mimetypes.guess_type(f"x.{suffix}")[0] or ""


def _media_type(photo: Any) -> str:
    """By the name it was imported under, as the other sources do; asks for the UTI only when that says nothing."""
    found = _by_suffix(photo.original_filename.rpartition(".")[2].lower())
    return found or _UTIS.get(photo.uti_original or "", "")


def _asset_table(database: Any) -> str:
    return "ZGENERICASSET" if database.photos_version < 6 else "ZASSET"


def _adjusted(database: Any) -> dict[str, str]:
    """When each edited photo was edited last, as the database writes it."""
    table = _asset_table(database)
    sql = f"SELECT ZUUID, ZADJUSTMENTTIMESTAMP FROM {table} WHERE ZADJUSTMENTTIMESTAMP IS NOT NULL"  # noqa: S608
    return {str(key): str(at) for key, at in database.execute(sql)}


def _movies(database: Any) -> dict[str, tuple[str, int]]:
    """The fingerprint's digest and the length of each Live Photo's movie."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID, ZINTERNALRESOURCE.ZFINGERPRINT, ZINTERNALRESOURCE.ZDATALENGTH
      FROM ZINTERNALRESOURCE JOIN {table} ON {table}.Z_PK = ZINTERNALRESOURCE.ZASSET
      WHERE ZINTERNALRESOURCE.ZRESOURCETYPE = 3"""  # noqa: S608
    return {str(key): (digest_in(mark), int(size or 0)) for key, mark, size in database.execute(sql)}


def _bursts(database: Any) -> dict[str, str]:
    """The burst that each of its frames belongs to."""
    sql = f"SELECT ZUUID, ZAVALANCHEUUID FROM {_asset_table(database)} WHERE ZAVALANCHEUUID IS NOT NULL"  # noqa: S608
    return {str(key): str(burst) for key, burst in database.execute(sql)}


def _cameras(database: Any) -> dict[str, str]:
    """ "make model" as Photos noted them at import."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID, ZEXTENDEDATTRIBUTES.ZCAMERAMAKE, ZEXTENDEDATTRIBUTES.ZCAMERAMODEL
      FROM ZEXTENDEDATTRIBUTES JOIN {table} ON {table}.Z_PK = ZEXTENDEDATTRIBUTES.ZASSET
      WHERE ZEXTENDEDATTRIBUTES.ZCAMERAMODEL IS NOT NULL"""  # noqa: S608
    return {str(key): f"{make or ''} {model}".strip() for key, make, model in database.execute(sql)}


def _scores(database: Any) -> dict[str, float]:
    """Apple's overall scores, without those never made: there the overall is 0 or 0.5 and all others are 0."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID, {table}.ZOVERALLAESTHETICSCORE, ZCOMPUTEDASSETATTRIBUTES.ZPLEASANTCOMPOSITIONSCORE
      FROM {table} JOIN ZCOMPUTEDASSETATTRIBUTES ON ZCOMPUTEDASSETATTRIBUTES.ZASSET = {table}.Z_PK
      WHERE {table}.ZOVERALLAESTHETICSCORE IS NOT NULL"""  # noqa: S608
    rows = database.execute(sql)
    return {str(key): round(float(all_), 4) for key, all_, one in rows if one or all_ not in _NOT_ANALYSED}


def _keys(database: Any, column: str) -> frozenset[str]:
    """The photos in which a column of one of their two rows is set; none where the version has no such column."""
    table = _asset_table(database)
    sql = f"""SELECT {table}.ZUUID FROM {table}
      JOIN ZADDITIONALASSETATTRIBUTES ON ZADDITIONALASSETATTRIBUTES.ZASSET = {table}.Z_PK
      WHERE {column} IS NOT NULL"""  # noqa: S608
    try:
        return frozenset(str(row[0]) for row in database.execute(sql))
    except sqlite3.OperationalError:
        return frozenset()


def _memberships(database: Any, albums: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The labels of the albums that each photo is in. The join table is found by its shape, because its number moves
    with every release."""
    names = (str(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    for join in filter(_MEMBERS.fullmatch, names):
        columns = [str(row[1]) for row in database.execute(f'PRAGMA table_info("{join}")')]
        side = next((name for name in columns if re.fullmatch(r"Z_\d+ALBUMS", name)), None)
        own = next((name for name in columns if _MEMBERS.fullmatch(name)), None)
        if side and own:
            table = _asset_table(database)
            sql = f"""SELECT {table}.ZUUID, ZGENERICALBUM.ZUUID FROM {join}
              JOIN {table} ON {table}.Z_PK = {join}.{own} JOIN ZGENERICALBUM ON ZGENERICALBUM.Z_PK = {join}.{side}"""  # noqa: S608
            found: dict[str, tuple[str, ...]] = {}
            for key, album in database.execute(sql):
                if album in albums:
                    found[key] = (*found.get(key, ()), albums[album])
            return found
    return {}
