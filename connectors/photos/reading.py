"""From osxphotos' view of a snapshot to assets."""

from __future__ import annotations

import gc
import hashlib
import itertools
import mimetypes
import os
import sqlite3
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter, itemgetter
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
from connectors.photos import columns, labels
from connectors.photos.fingerprint import DIGEST, Computed, digest_in
from connectors.photos.options import PhotosOptions
from connectors.photos.snapshot import Snapshot

_FLAGS = {
    "favorite": FAVORITE,
    "hasAdjustments": EDITED,
    "hidden": HIDDEN,
    "live_photo": "live",
    "has_raw": "raw",
    "panorama": "panorama",
    "screenshot": "screenshot",
    "portrait": "portrait",
    "hdr": "hdr",
    "burst": "burst",
    "selfie": "selfie",
    "isreference": "referenced",
    "incloud": "in_cloud",
}
"""Our flag for each of the fields of osxphotos that say yes or no."""
_flags = itemgetter(*_FLAGS)
_FIELDS = (
    "isMissing",
    "masterFingerprint",
    "original_filesize",
    "originalFilename",
    "filename",
    "imageDate",
    "lastmodifieddate",
    "lastmodifieddate_timestamp",
    "width",
    "height",
    "latitude",
    "longitude",
    "name",
    "extendedDescription",
    "burstUUID",
    "persons",
    "cloudAssetGUID",
    "moment_share",
)
"""What `PhotoInfo` answers of these is taken from where it keeps them: an answer costs a call, and for 50,000 photos
the calls cost more than loading the library. A test holds each against what `PhotoInfo` says."""
_FIELDS_BESIDE = ("intrash", "shared", "albums", "keywords")
_fields = itemgetter(*_FIELDS)
UNASKED = (
    "_process_exifinfo",
    "_process_scoreinfo",
    "_process_faceinfo",
    "_process_comments",
    "_process_moments",
    "_process_syndicationinfo",
    "_process_shared_library_info",
)
"""Steps of osxphotos' loading that are left out: what of theirs is wanted here comes from `columns`."""
_OUR_WORDS = labels.keyword_label("keepone:")
_NAMELESS = "_UNKNOWN_"
"""What osxphotos calls a person whom nobody named."""
_NEVER_TAKEN = datetime(1970, 1, 1, tzinfo=UTC)
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


_WITH_PARTS = frozenset({"live", "raw", EDITED})
_NONE: frozenset[str] = frozenset()
_Labels = tuple[frozenset[str], frozenset[str], str]


def load(snapshot: Snapshot, database: Path | None = None) -> Any:
    """osxphotos' `PhotosDB` of a snapshot (about 11 KB a photo; let go of it soon), or of another copy made from it."""
    try:
        from osxphotos import PhotosDB
    except ImportError as error:
        raise Refused("Reading Photos needs osxphotos. Run: pip install 'keepone[apple]'") from error
    file = str(database or snapshot.database)
    try:
        with uncollected():
            lean = type("Lean", (PhotosDB,), dict.fromkeys(UNASKED, _skipped))
            database = lean(dbfile=file, library_path=str(snapshot.library), _skip_searchinfo=True)
            _check(database)
            return database
    except (sqlite3.Error, KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise Refused(
            f"The database of {snapshot.library.name} cannot be understood ({error}). Open the library once in Photos; "
            "if that does not help, look for a newer KeepOne."
        ) from error


def _skipped(database: Any) -> None:
    """Stands for a step of loading whose results nobody here asks for."""
    del database


def _check(database: Any) -> None:
    """Raises `KeyError` for an osxphotos that keeps what it read under other names."""
    for info in itertools.islice(database._dbphotos.values(), 1):
        missing = {*_FLAGS, *_FIELDS, *_FIELDS_BESIDE} - info.keys()
        if missing:
            raise KeyError(f"osxphotos has no {', '.join(sorted(missing))}")


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
        self._everything = not (options.albums or options.months or options.persons or options.keywords)
        self._albums = {
            album.uuid: labels.album_label(album.folder_names, album.title)
            for album in database.album_info
            if album.title
        }
        self._same_labels: dict[tuple[tuple[str, ...], tuple[str, ...]], _Labels] = {}
        self._from_messages, self._shared = columns.from_messages(database), columns.shared(database)
        self._movies = columns.movies(database)
        self._edits = columns.edits(database)
        self._cameras = columns.cameras(database)
        self._scores = columns.scores(database)

    def assets(self, keys: Collection[str] | None = None) -> Iterator[Asset]:
        """Every candidate, or those of `keys` that are candidates, by uuid: nothing from the trash, from an album that
        somebody shared, or from Messages without having been saved."""
        photos = self._database.photos(movies=False) if keys is None else self._named(keys)
        for photo in sorted(photos, key=attrgetter("uuid")):
            if self._candidate(photo):
                asset = self._asset(photo, photo._info)
                if keys is not None or self._everything or self._in_scope(photo, asset):
                    yield asset

    def _named(self, keys: Collection[str]) -> Iterable[Any]:
        found = self._database.photos(uuid=list(keys), movies=False) if keys else []
        return (photo for photo in found if photo.uuid in keys)

    def _candidate(self, photo: Any) -> bool:
        info = photo._info
        if info["intrash"] or info["shared"] or (info["hidden"] and not self._options.hidden):
            return False
        return photo.uuid not in self._from_messages

    def _in_scope(self, photo: Any, asset: Asset) -> bool:
        options = self._options
        month = asset.taken_at.strftime("%Y-%m") if options.months and asset.taken_at else ""
        return (
            (not options.albums or any(labels.below(own, one) for own in asset.labels for one in options.albums))
            and (not options.months or any(month == one or month.startswith(f"{one}-") for one in options.months))
            and (not options.persons or bool(set(options.persons) & set(photo.persons)))
            and (not options.keywords or any(labels.keyword_label(one) in asset.labels for one in options.keywords))
        )

    def _asset(self, photo: Any, info: Mapping[str, Any]) -> Asset:
        (missing, mark, recorded, name, file, taken, modified, adjusted_at, width, height, latitude, longitude, title,
         words, burst, persons, cloud, moment) = _fields(info)  # fmt: skip
        path, status = (None, None) if missing == 1 else _original(photo)
        name, uuid, facts = name or file, photo.uuid, _flags(info)
        size = recorded or (status.st_size if status else 0)
        digest = self._digest(uuid, mark, recorded, path, status)
        flags = _flag_set(facts, path is None, cloud is not None, moment is not None or uuid in self._shared)
        adjusted = "" if adjusted_at is None or EDITED not in flags else str(adjusted_at)
        parts = () if flags.isdisjoint(_WITH_PARTS) else self._parts(uuid, flags, adjusted, photo)
        own, ours, folder = self._labels(info)
        return Asset(
            AssetId(self._name, uuid),
            _revision(digest or f"{size}/{photo.date_added}", flags, adjusted),
            name,
            folder,
            size,
            _by_suffix(name.rpartition(".")[2].lower()) or _UTIS.get(photo.uti_original or "", ""),
            modified.timestamp() if modified else None,
            None if taken.year == 1970 and taken == _NEVER_TAKEN else taken.replace(tzinfo=None),
            width or None,
            height or None,
            {DIGEST: digest} if digest else {},
            parts,
            flags,
            own,
            None if latitude is None or longitude is None else (float(latitude), float(longitude)),
            title or "",
            words or "",
            self._cameras.get(uuid, ""),
            burst or "",
            frozenset({f"inode:{status.st_dev}:{status.st_ino}"}) if status and status.st_ino else _NONE,
            self._scores.get(uuid),
            len(persons),
            ours,
            self._people(persons) if persons else _NONE,
        )

    def _digest(
        self, key: str, mark: str | None, recorded: int | None, path: Path | None, status: os.stat_result | None
    ) -> str:
        """The stored fingerprint's, unless there is none or the file has another length than what it was taken of."""
        stored = digest_in(mark)
        if path is None or status is None or (stored and status.st_size == recorded):
            return stored
        return self._computed.of(key, path)

    def _labels(self, info: Mapping[str, Any]) -> _Labels:
        """The labels of a photo, those of them that KeepOne made, and the folder that is shown for it; photos that
        share them share the values."""
        both = (tuple(info["albums"]), tuple(info["keywords"]))
        found = self._same_labels.get(both)
        if found is None:
            albums = [self._albums[album] for album in both[0] if album in self._albums]
            own = (*albums, *map(labels.keyword_label, both[1]))
            ours = frozenset(label for label in own if self._is_ours(label))
            found = self._same_labels[both] = (frozenset(own), ours, self._folder(own))
        return found

    def _people(self, persons: Sequence[int]) -> frozenset[str]:
        """The names of these persons; faces that nobody named have none."""
        known = self._database._dbpersons_pk
        names = (known[number]["fullname"] for number in persons)
        return frozenset(name for name in names if name and name != _NAMELESS)

    def _folder(self, own: tuple[str, ...]) -> str:
        """The first of its albums, our own left out: Photos has no folders for photos."""
        albums = (label for label in own if not label.startswith("#") and not self._is_ours(label))
        return min(albums, default="")

    def _is_ours(self, label: str) -> bool:
        return labels.below(label, self._options.folder) or label.startswith(_OUR_WORDS)

    def _parts(self, key: str, flags: frozenset[str], adjusted: str, photo: Any) -> tuple[Part, ...]:
        parts = []
        if "live" in flags:
            digest, size = self._movies.get(key, ("", 0))
            parts.append(Part("live_video", f"{key}/live_video", digest, size))
        if "raw" in flags:
            raw = photo.path_raw
            parts.append(Part("raw", f"{key}/raw", "", Path(raw).stat().st_size if raw else 0))
        if EDITED in flags:
            parts.append(Part("edit", f"{key}/edit", self._edits.get(key) or adjusted, 0))
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


def _revision(content: str, flags: frozenset[str], adjusted: str) -> str:
    """Changes with the original and with the edit, and with nothing that a label or a title is."""
    facts = f"{content}|{adjusted}|{EDITED in flags}|{'raw' in flags}|{'live' in flags}"
    return hashlib.blake2s(facts.encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=4096)
def _flag_set(facts: tuple[object, ...], away: bool, cloud: bool, shared: bool) -> frozenset[str]:
    """`facts` are the values of `_FLAGS`; `shared`: it is in a moment or a library that is shared."""
    flags = {flag for flag, on in zip(_FLAGS.values(), facts, strict=True) if on}
    if shared:
        flags |= {SHARED, PROTECTED}
    if "referenced" not in flags:
        flags.add(MANAGED)
    if away:
        flags.add(CLOUD_ONLY if cloud or "in_cloud" in flags else "missing")
    return frozenset(flags)


@lru_cache(maxsize=1024)
def _by_suffix(suffix: str) -> str:
    """By the name that a photo was imported under, as the other sources do; the UTI only where that says nothing."""
    return _TYPES.get(suffix) or mimetypes.guess_type(f"x.{suffix}")[0] or ""
