# ruff: noqa: ARG001 - one signature for all, so that a rule is a line in a table
"""What the keeper rules look at: one function for a photo's value and one for the words that show it to a person.

Every function takes the case first. Words also take the photo of the other side, so that they can show what differs.
"""

from __future__ import annotations

import re
from datetime import datetime

from connectors.base import EDITED, FAVORITE
from dedupe_core import lineage, places, sight
from dedupe_core.model import Photo
from dedupe_core.sentences import said, share_of, size_of
from dedupe_core.sight import Case
from dedupe_core.store.codec import encode_name, seconds
from dedupe_core.words import readable, time_text

QUALITY_CAP = 90
"""JPEG qualities above this count as equal: writing a file again at a higher number adds bytes and no detail."""

_PARTS = ("live_video", "raw", "jpeg", "sidecar", "edit")
_NEVER = float("-inf")


def undamaged(case: Case, photo: Photo) -> bool:
    return not damage(photo)


def damage(photo: Photo) -> str:
    return photo.error or (photo.signature.damage if photo.signature else "")


def damage_words(case: Case, photo: Photo, other: Photo) -> str:
    found = damage(photo).rstrip(".")
    return said("value.damage", what=found) if found else said("value.whole")


def protected(case: Case, photo: Photo) -> bool:
    return places.is_protected(photo.asset, case.protected)


def favorite(case: Case, photo: Photo) -> bool:
    return FAVORITE in photo.asset.flags


def edited(case: Case, photo: Photo) -> bool:
    return EDITED in photo.asset.flags or lineage.is_edited(photo, photo)


def in_album(case: Case, photo: Photo) -> bool:
    return bool(photo.asset.labels - photo.asset.ours)


def label_words(case: Case, photo: Photo, other: Photo) -> str:
    return ", ".join(sorted(readable(label) for label in photo.asset.labels - photo.asset.ours))


def described(case: Case, photo: Photo) -> int:
    return len(photo.asset.labels - photo.asset.ours) + bool(photo.asset.title) + bool(photo.asset.description)


def described_words(case: Case, photo: Photo, other: Photo) -> str:
    return str(described(case, photo))


def companions(case: Case, photo: Photo) -> int:
    return len({part.role for part in photo.asset.parts if part.role in _PARTS})


def companion_words(case: Case, photo: Photo, other: Photo) -> str:
    names = sorted(said(f"part.{role}") for role in {part.role for part in photo.asset.parts} if role in _PARTS)
    return said("value.with", parts=tuple(names)) if names else said("value.alone")


def own_format(case: Case, photo: Photo) -> int:
    if lineage.is_raw(photo):
        return 2
    return int(lineage.is_camera_heif(photo))


def format_words(case: Case, photo: Photo, other: Photo) -> str:
    if lineage.is_raw(photo):
        return "RAW"
    return photo.signature.format if photo.signature else photo.asset.media_type.rpartition("/")[2].upper()


def from_camera(case: Case, photo: Photo) -> bool:
    return lineage.is_camera_original(photo)


def camera_words(case: Case, photo: Photo, other: Photo) -> str:
    """The camera, and what speaks against its having written this very file."""
    if lineage.by_editor(photo):
        return said("value.saved_by", software=readable(lineage.software(photo)))
    if not photo.camera:
        return said("value.no_camera")
    if lineage.is_camera_original(photo):
        return readable(photo.camera)
    return said("value.again", camera=readable(photo.camera), quality=quality_words(case, photo, other))


def first_of_its_pixels(case: Case, photo: Photo) -> bool | None:
    """JPEG coding never lands on given pixels, decoding does: of a JPEG and a PNG with equal pixels the PNG is the
    one that was saved again."""
    if case.relation != "pixels" or photo.signature is None:
        return None
    return photo.signature.format.upper() not in lineage.LOSSLESS


def file_words(case: Case, photo: Photo, other: Photo) -> str:
    return said("value.file", format=format_words(case, photo, other), size=size_of(photo.asset.size))


def view_words(case: Case, photo: Photo, other: Photo) -> str:
    seen = case.sight(photo, other)
    if seen is None or not seen.aligned:
        return ""
    return said("value.view", share=share_of(min(seen.ours, seen.theirs) / seen.ours))


def unframed(case: Case, a: Photo, b: Photo) -> bool:
    """Is `b` the picture of `a` with a plain frame around it? A file without losses may be a screenshot, which viewers
    enlarge as they like; of the others the framed one counts when it has clearly more pixels of the picture."""
    lossless = b.signature is not None and b.signature.format.upper() in lineage.LOSSLESS
    return sight.frames(case, b, a, most=sight.ON_A_SCREEN if lossless else sight.LARGER)


def frame_words(case: Case, photo: Photo, other: Photo) -> str:
    seen = case.sight(photo, other)
    return said("value.frame", share=share_of(seen.ours)) if seen is not None and seen.aligned else ""


def shows_more(case: Case, a: Photo, b: Photo) -> bool:
    return sight.shows_more(case, a, b)


def larger(case: Case, a: Photo, b: Photo) -> bool:
    """Has `a` clearly more pixels for what both show, and nothing that makes it look like an enlargement of `b`?"""
    ratio = sight.resolution_ratio(case, a, b)
    return ratio is not None and ratio >= sight.LARGER and not sight.perhaps_enlarged(case, a, b)


def size_words(case: Case, photo: Photo, other: Photo) -> str:
    return f"{photo.width} × {photo.height}" if photo.width else ""


def quality(case: Case, photo: Photo) -> int | None:
    found = photo.signature.jpeg_quality if photo.signature else None
    return None if found is None else min(found, QUALITY_CAP)


def quality_words(case: Case, photo: Photo, other: Photo) -> str:
    found = photo.signature.jpeg_quality if photo.signature else None
    return "" if found is None else said("value.quality", n=found)


def metadata(case: Case, photo: Photo) -> int | None:
    return None if photo.signature is None or photo.signature.preview else photo.signature.exif_fields


def metadata_words(case: Case, photo: Photo, other: Photo) -> str:
    count = metadata(case, photo)
    return "" if count is None else said("value.fields", n=count)


def score(case: Case, photo: Photo) -> float | None:
    return photo.asset.score


def score_words(case: Case, photo: Photo, other: Photo) -> str:
    return "" if photo.asset.score is None else f"{photo.asset.score:.2f}"


def folder_rank(case: Case, photo: Photo) -> int | None:
    folders = case.keeping.folders
    found = places.first_match(photo.asset, folders)
    return -len(folders) if found is None else -found


def folder_words(case: Case, photo: Photo, other: Photo) -> str:
    return readable(photo.asset.folder or photo.asset.id.source)


def plain_name(case: Case, photo: Photo) -> bool:
    stem = photo.asset.name.rpartition(".")[0] or photo.asset.name
    return re.search(case.keeping.name_pattern, stem) is None


def name_words(case: Case, photo: Photo, other: Photo) -> str:
    return readable(photo.asset.name)


def age(case: Case, photo: Photo) -> tuple[float, float]:
    """Older is larger: capture time first, then the file's. What is unknown counts as youngest."""
    taken, modified = seconds(photo.taken_at), photo.asset.modified_at
    return (_NEVER if taken is None else -taken, _NEVER if modified is None else -modified)


def youth(case: Case, photo: Photo) -> tuple[float, float]:
    """Younger is larger: capture time first, then the file's. What is unknown counts as oldest."""
    taken, modified = seconds(photo.taken_at), photo.asset.modified_at
    return (_NEVER if taken is None else taken, _NEVER if modified is None else modified)


def time_words(case: Case, photo: Photo, other: Photo) -> str:
    if photo.taken_at != other.taken_at:
        return time_text(photo.taken_at) if photo.taken_at else said("value.unknown")
    return _file_time(photo.asset.modified_at)


def bytes_size(case: Case, photo: Photo) -> int:
    return photo.asset.size


def small_size(case: Case, photo: Photo) -> int:
    return -photo.asset.size


def bytes_words(case: Case, photo: Photo, other: Photo) -> str:
    return size_of(photo.asset.size)


def long_path(case: Case, photo: Photo) -> int:
    return len(places.show(photo.asset))


def short_path(case: Case, photo: Photo) -> int:
    return -long_path(case, photo)


def path_words(case: Case, photo: Photo, other: Photo) -> str:
    return readable(places.show(photo.asset))


def first_path(case: Case, photo: Photo) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Before in the order of source and key is larger; no two assets share both."""
    source, key = photo.asset.id.source, photo.asset.id.key
    return _descending(encode_name(source)), _descending(encode_name(key))


def sharpness(case: Case, photo: Photo) -> float | None:
    return photo.signature.sharpness if photo.signature else None


def sharpness_words(case: Case, photo: Photo, other: Photo) -> str:
    return f"{photo.signature.sharpness:.3g}" if photo.signature else ""


def unclipped(case: Case, photo: Photo) -> float | None:
    return -photo.signature.clipped if photo.signature else None


def clipped_words(case: Case, photo: Photo, other: Photo) -> str:
    return share_of(photo.signature.clipped) if photo.signature else ""


def _file_time(modified: float | None) -> str:
    if modified is None:
        return said("value.unknown")
    try:
        return time_text(datetime.fromtimestamp(int(modified)))
    except (OverflowError, OSError, ValueError):
        return f"{modified:.0f} s"


def _descending(name: bytes) -> tuple[int, ...]:
    """Bytes as numbers that are larger the earlier the name stands; a name before its own continuation."""
    return (*(255 - byte for byte in name), 256)
