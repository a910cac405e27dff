"""What file names say: which files are photos, which are companions, which names mean "edited" or "one burst"."""

from __future__ import annotations

import re
import unicodedata

IMAGE_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "jfif": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "heic": "image/heic",
    "heif": "image/heif",
    "hif": "image/heif",
    "avif": "image/avif",
}
RAW_TYPES = {
    "3fr": "image/x-hasselblad-3fr",
    "arw": "image/x-sony-arw",
    "cr2": "image/x-canon-cr2",
    "cr3": "image/x-canon-cr3",
    "crw": "image/x-canon-crw",
    "dng": "image/x-adobe-dng",
    "erf": "image/x-epson-erf",
    "kdc": "image/x-kodak-kdc",
    "mef": "image/x-mamiya-mef",
    "mos": "image/x-leaf-mos",
    "mrw": "image/x-minolta-mrw",
    "nef": "image/x-nikon-nef",
    "nrw": "image/x-nikon-nrw",
    "orf": "image/x-olympus-orf",
    "pef": "image/x-pentax-pef",
    "raf": "image/x-fuji-raf",
    "rw2": "image/x-panasonic-rw2",
    "rwl": "image/x-leica-rwl",
    "sr2": "image/x-sony-sr2",
    "srf": "image/x-sony-srf",
    "srw": "image/x-samsung-srw",
    "x3f": "image/x-sigma-x3f",
}
MEDIA_TYPES = IMAGE_TYPES | RAW_TYPES
MOVIE_SUFFIXES = frozenset({"mov", "mp4", "m4v", "mp"})
SIDECAR_SUFFIXES = frozenset({"xmp", "aae", "json"})
LIVE_SUFFIXES = frozenset({"heic", "heif", "hif", "jpg", "jpeg"})

# Google Takeout names an edited version in the language of the account.
EDITED_WORDS = (
    "edited",
    "effects",
    "smile",
    "mix",
    "bearbeitet",
    "bewerkt",
    "edytowane",
    "editado",
    "editada",
    "ha editado",
    "editat",
    "modifié",
    "modificato",
    "muokattu",
    "redigeret",
    "redigerad",
    "redigert",
    "upravené",
    "upraveno",
    "отредактировано",
    "відредаговано",
    "编辑",
    "編集済み",
    "편집됨",
)
_EDITED = re.compile("^(.+?)[-_](?:" + "|".join(EDITED_WORDS) + r")$")
_CUT_LENGTH = 45
_APPLE_EDITED = re.compile(r"^IMG_E(\d{4,})$", re.IGNORECASE)
_APPLE = re.compile(r"^IMG_[EO]?(\d{4,})", re.IGNORECASE)
_NUMBERED = re.compile(r"^(.+)(\(\d+\))$", re.DOTALL)
# One pattern a maker; the group is what the frames of one burst share.
_BURSTS = (
    re.compile(r"^(IMG_\d{8}_\d{6})_BURST\d+(?:_COVER)?$"),
    re.compile(r"^(PXL_\d{8}_\d{9})\.[A-Z]+-\d+(?:\.(?:COVER|ORIGINAL))?$"),
    re.compile(r"^(\d{8}_\d{6})_\d{3}$"),
    re.compile(r"^(?:DSC_\d+|\d{5}IMG_\d{5})_(BURST\d{13,17})(?:_COVER)?$"),
)


def split(name: str) -> tuple[str, str]:
    """(stem, lower-case suffix without the dot); the suffix is "" where there is none."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, suffix.lower()) if dot and stem else (name, "")


def folded(text: str) -> str:
    """A name as a case- and normalisation-insensitive file system compares it."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def numbered(stem: str) -> tuple[str, str]:
    """A stem without its "(1)", and that: ("IMG_1", "(1)"); ("IMG_1", "") where it has none."""
    found = _NUMBERED.match(stem)
    return (found[1], found[2]) if found else (stem, "")


def original_stem(stem: str) -> str | None:
    """The stem of the photo that this one is an edited version of, None when the name does not say so. Google cuts
    long names, so near the limit the beginning of the word is enough."""
    bare, number = numbered(unicodedata.normalize("NFC", stem))
    if apple := _APPLE_EDITED.match(bare):
        return f"IMG_{apple[1]}{number}"
    if found := _EDITED.match(bare):
        return found[1] + number
    head, dash, tail = bare.rpartition("-")
    if dash and head and len(bare) >= _CUT_LENGTH and any(word.startswith(tail) for word in EDITED_WORDS):
        return head + number
    return None


def burst(name: str) -> str:
    """What the frames of one burst share in their names, "" when the name is of no known pattern. Huawei, Pixel,
    Samsung, Sony, Nexus and Nothing; the patterns are those that immich-go documents for its stacks."""
    stem = split(name)[0]
    for pattern in _BURSTS:
        if found := pattern.match(stem):
            return found[1]
    return ""


def family(name: str) -> tuple[str, ...]:
    """Folded beginnings: whatever could be a part of this asset, or share a part with it, has a name that begins with
    one of them. ("",) where nothing can be said."""
    stem = split(name)[0]
    stem = original_stem(stem) or stem
    if apple := _APPLE.match(stem):
        return tuple(f"img_{mark}{apple[1]}" for mark in ("", "e", "o"))
    return (re.split(r"[(.]", folded(stem), maxsplit=1)[0][: _CUT_LENGTH - 5],)
