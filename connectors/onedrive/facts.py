"""From a driveItem as Graph writes it to an `Asset`: what can be said of a photo without its bytes.

Traps behind these lines: hashes may be missing, or be the zero hash of an empty or deleted file; `takenDateTime` is the
camera's local time with a false Z; the eTag of a photo changes minutes after its upload without any change of content,
and a migration of the account changes all tags, so a revision is made of the content's own digests; `driveId` comes in
either case and without leading zeros.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.base import SHARED, Asset, AssetId, Part, PartRole

SELECT = (
    "id,name,size,eTag,cTag,fileSystemInfo,parentReference,file,folder,image,photo,location,shared,deleted,root,package,"
    "remoteItem,malware,bundle"
)
ZERO_HASH = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
FOREIGN = frozenset({"package", "remoteItem", "malware", "bundle"})
PICTURES = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "jfif": "image/jpeg", "png": "image/png",
    "webp": "image/webp", "tif": "image/tiff", "tiff": "image/tiff", "gif": "image/gif", "bmp": "image/bmp",
    "heic": "image/heic", "heif": "image/heif", "hif": "image/heif", "avif": "image/avif",
}  # fmt: skip
RAWS = frozenset({
    "3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf", "pef", "raf",
    "rw2", "rwl", "sr2", "srf", "srw", "x3f",
})  # fmt: skip
PHOTOS = RAWS | PICTURES.keys()
UNCOMPRESSED = RAWS | {"bmp", "tif", "tiff", "ppm", "pgm"}
_HEX = re.compile(r"^[0-9a-fA-F]{40}$")
Row = Mapping[str, Any]


def suffix(name: str) -> str:
    """The lower-case suffix of a name without its dot."""
    return name.rpartition(".")[2].lower() if "." in name.strip(".") else ""


def is_file(row: Row) -> bool:
    """A stored file of this very drive: no folder, notebook, album, link into another drive, vault or malware."""
    return "file" in row and "deleted" not in row and not FOREIGN & row.keys()


def is_photo(row: Row) -> bool:
    """A photo that holds something. Empty files all carry the same hash and are nobody's duplicate."""
    return is_file(row) and row.get("size", 0) > 0 and suffix(str(row.get("name", ""))) in PHOTOS


def media_type(row: Row) -> str:
    """By the name, which the sync clients keep; the server's type for what the name does not say."""
    ending = suffix(row["name"])
    return PICTURES.get(ending) or (f"image/x-raw-{ending}" if ending in RAWS else str(row["file"].get("mimeType", "")))


def digests(row: Row) -> dict[str, str]:
    """The server's digests: hex in lower case, quickXorHash in base64. Zero hashes are none."""
    given = row.get("file", {}).get("hashes", {}) or {}
    found = {}
    for name, ours in (("sha256Hash", "sha256"), ("sha1Hash", "sha1")):
        value = str(given.get(name) or "").lower()
        if value.strip("0"):
            found[ours] = value
    quick = _quick(str(given.get("quickXorHash") or ""))
    if quick and quick != ZERO_HASH:
        found["quickxor"] = quick
    return found


def _quick(value: str) -> str:
    """Base64 of 20 bytes; some rows carried the same in hexadecimal."""
    if _HEX.match(value):
        return base64.b64encode(bytes.fromhex(value)).decode()
    try:
        return value if len(base64.b64decode(value, validate=True)) == 20 else ""
    except (ValueError, binascii.Error):
        return ""


def revision(row: Row) -> str:
    """The precondition of a write: the content and the folder, so that a photo that stays has to stay where it was."""
    return _placed(content_revision(row), row)


def _placed(content: str, row: Row) -> str:
    return f"{content}@{(row.get('parentReference') or {}).get('id', '')}"


def content_revision(row: Row) -> str:
    """What changes when the bytes change, and does not when the server only bumps its tags."""
    return _content(row, digests(row))


def _content(row: Row, known: Mapping[str, str]) -> str:
    size = row.get("size", 0)
    for strong in ("sha256", "sha1"):
        if strong in known:
            return f"{strong}:{known[strong]}:{size}"
    if "quickxor" in known:
        exact = f":{_modified(row)}" if suffix(str(row.get("name", ""))) in UNCOMPRESSED else ""
        return f"quickxor:{known['quickxor']}:{size}{exact}"
    return f"tag:{row.get('cTag') or row.get('eTag') or ''}:{size}"


def _modified(row: Row) -> str:
    return str(row.get("fileSystemInfo", {}).get("lastModifiedDateTime", ""))


def drive_key(reference: Mapping[str, Any]) -> str:
    """A driveId that compares: case varies between endpoints, and personal ids lose leading zeros."""
    value = str(reference.get("driveId") or "").casefold()
    return value.zfill(16) if reference.get("driveType") == "personal" and value else value


def asset_of(row: Row, source: str, folder: str, drive: str, parts: tuple[Part, ...] = ()) -> Asset:
    """The asset of a photo's row in a folder (a path from the drive's root)."""
    width, height = _upright(row)
    photo, known = row.get("photo") or {}, digests(row)
    return Asset(
        AssetId(source, row["id"]),
        _placed(_content(row, known), row),
        row["name"],
        folder,
        int(row.get("size", 0)),
        media_type(row),
        modified_at=moment(_modified(row)),
        taken_at=local_time(photo.get("takenDateTime")),
        width=width,
        height=height,
        digests=known,
        parts=parts,
        flags=frozenset({SHARED}) if "shared" in row else frozenset(),
        place=_place(row.get("location") or {}),
        camera=" ".join(str(photo.get(key) or "").strip() for key in ("cameraMake", "cameraModel")).strip(),
        aliases=frozenset({f"graph:{drive}:{row['id']}"}),
    )


def part_of(row: Row, role: PartRole) -> Part:
    """A companion's row as a part."""
    return Part(role, row["id"], revision(row), int(row.get("size", 0)))


def _upright(row: Row) -> tuple[int | None, int | None]:
    """Sensors are wider than high and the facet may be that of the stored picture; EXIF orientations 5 to 8 turn it."""
    image = row.get("image") or {}
    width, height = image.get("width") or None, image.get("height") or None
    if width and height and int((row.get("photo") or {}).get("orientation") or 1) >= 5:
        return min(width, height), max(width, height)
    return width, height


def moment(text: str | None) -> float | None:
    """A time in UTC as POSIX seconds."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def local_time(text: str | None) -> datetime | None:
    """`takenDateTime` is the camera's local time; its Z is dropped, not converted."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=None)
    except ValueError:
        return None


def _place(location: Mapping[str, Any]) -> tuple[float, float] | None:
    latitude, longitude = location.get("latitude"), location.get("longitude")
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))
