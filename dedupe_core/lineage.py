"""Which of two files is nearer to the camera: what names, software tags and formats tell of a picture's way."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePosixPath

from connectors.base import EDITED
from dedupe_core.model import Photo

# fmt: off
RAW_SUFFIXES = frozenset({
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "k25", "kdc", "mef", "mos", "mrw",
    "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
})
# fmt: on
LOSSLESS = frozenset({"PNG", "BMP", "TIFF", "GIF"})
_HEIF = frozenset({"HEIF", "HEIC", "AVIF"})
_EDITORS = re.compile(
    r"photoshop|lightroom|gimp|snapseed|picasa|pixelmator|affinity|darktable|rawtherapee|capture one|acd ?see"
    r"|acd systems|paint|photoscape|vsco|facetune|luminar|dxo|irfanview|xnview|imagemagick|photo ?editor"
    r"|aperture|iphoto|gthumb|digikam|shotwell|polarr|canva|remini|meitu",
    re.IGNORECASE,
)
_MESSENGERS = re.compile(
    r"whatsapp|telegram|instagram|facebook|messenger|signal|wechat|viber|snapchat|twitter|tiktok|line corp",
    re.IGNORECASE,
)
_EDITED_MARK = re.compile(
    r"[ _-]\(?(edited|edit|bearbeitet|modifié|modifie|editado|modificato|bewerkt|redigerad)\)?(?=\W|_|\d|$)"
    r"|(?<=^img_)e(?=\d)",
    re.IGNORECASE,
)
_LEAST_QUALITY = 70
_FIRST_HEIF = datetime(2017, 9, 1)
_LEAST_HEIF = 1_200_000


def is_raw(photo: Photo) -> bool:
    """A camera's raw file, or a photo that has its raw file with it."""
    return _suffix(photo) in RAW_SUFFIXES or any(part.role == "raw" for part in photo.asset.parts)


def is_camera_heif(photo: Photo) -> bool:
    """HEIC or AVIF as a camera wrote it: none did before September 2017, so an older picture was converted, and none
    has less than the 1.2 megapixels of a tablet's front camera, so a smaller one was reduced."""
    young = photo.taken_at is not None and photo.taken_at >= _FIRST_HEIF
    size = photo.width * photo.height or _LEAST_HEIF
    return _is_heif(photo) and is_camera_original(photo) and young and size >= _LEAST_HEIF


def _is_heif(photo: Photo) -> bool:
    if photo.signature is not None:
        return photo.signature.format.upper() in _HEIF
    return photo.asset.media_type.lower() in ("image/heic", "image/heif", "image/avif")


def software(photo: Photo) -> str:
    """The software tag, "" when unknown."""
    return photo.signature.software.strip("\0 ") if photo.signature else ""


def by_editor(photo: Photo) -> bool:
    """An editor or a messenger wrote this file."""
    return bool(_EDITORS.search(software(photo)) or _MESSENGERS.search(software(photo)))


def is_camera_original(photo: Photo) -> bool:
    """Does everything look as if the camera wrote this very file? Make and model are there, no editor or messenger
    signed it, and it is not compressed harder than cameras do (an estimate below 70 says: written again)."""
    quality = photo.signature.jpeg_quality if photo.signature else None
    return bool(photo.camera) and not by_editor(photo) and (quality is None or quality >= _LEAST_QUALITY)


def is_edited(photo: Photo, other: Photo) -> bool:
    """Is `photo` an edited version, seen beside `other`? The source says so, its name does (IMG_E0001, "-edited",
    "-bearbeitet"), or an editor wrote it and the other, of the same stem, not."""
    if EDITED in photo.asset.flags or _EDITED_MARK.search(_stem(photo)):
        return True
    same_stem = _bare(photo) == _bare(other)
    return same_stem and bool(_EDITORS.search(software(photo))) and not _EDITORS.search(software(other))


def _suffix(photo: Photo) -> str:
    return PurePosixPath(photo.asset.name).suffix.lstrip(".").lower()


def _stem(photo: Photo) -> str:
    return PurePosixPath(photo.asset.name).stem


def _bare(photo: Photo) -> str:
    return _EDITED_MARK.sub("", _stem(photo)).casefold()
