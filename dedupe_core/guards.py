"""Why a copy is not put away although another photo was chosen over it. Whatever is held stays for a person to judge.

What a group proves is that two pictures are the same; what a removal costs is another question. These guards answer
it one by one, the first that speaks is shown. None of them can be switched off except `keep_edited`.
"""

from __future__ import annotations

from dedupe_core import lineage, sight, traits
from dedupe_core.model import Photo
from dedupe_core.sentences import said, share_of
from dedupe_core.sight import Case, Sight
from dedupe_core.store.codec import seconds
from dedupe_core.words import readable

_WEAK_DIGESTS = ("quickxor:", "md5:", "crc32:")
_PRECIOUS_PARTS = ("live_video", "raw", "jpeg", "sidecar", "edit")
_HARD_COMPRESSED = 15


def hold(case: Case, keeper: Photo, photo: Photo) -> str | None:
    """The sentence that tells why `photo` is not dropped in favour of `keeper`; None when it may be."""
    if case.relation in ("similar", "series"):
        return said(f"hold.{case.relation}")
    return _always(case, keeper, photo) or (
        None if case.relation == "exact" else _not_the_same_file(case, keeper, photo)
    )


def _always(case: Case, keeper: Photo, photo: Photo) -> str | None:
    if traits.protected(case, photo):
        return said("hold.protected", folder=readable(photo.asset.folder or photo.asset.id.source))
    if photo.error or keeper.error or not photo.content or not keeper.content:
        return said("hold.unread")
    if case.relation == "exact" and (photo.content != keeper.content or photo.content.startswith(_WEAK_DIGESTS)):
        return said("hold.weak")
    roles = {part.role for part in photo.asset.parts} - {part.role for part in keeper.asset.parts}
    if roles & set(_PRECIOUS_PARTS):
        return said("hold.parts", parts=traits.companion_words(case, photo, keeper))
    edit = _edit(photo)
    if edit is not None and (edit != _edit(keeper) or not edit):
        return said("hold.other_edit")
    return None


def _edit(photo: Photo) -> str | None:
    """What tells one edit of an original from another; "" when that is not known, None for no edit."""
    return next((part.revision for part in photo.asset.parts if part.role == "edit"), None)


def _not_the_same_file(case: Case, keeper: Photo, photo: Photo) -> str | None:
    seen = case.sight(photo, keeper)
    doubt = _not_proved(case, keeper, photo, seen)
    if doubt is None and seen is not None and seen.edge.probable:
        return None  # one file by all that is known: what the listings tell of the two differs by what they leave out
    return doubt or _own_worth(case, keeper, photo) or _larger(case, keeper, photo, seen)


def _not_proved(case: Case, keeper: Photo, photo: Photo, seen: Sight | None) -> str | None:
    if case.relation == "pixels" and (not photo.pixels or photo.pixels != keeper.pixels):
        return said("hold.pixels")
    if case.relation == "near" and (_shown_by_an_edit(keeper) or _shown_by_an_edit(photo)):
        return said("hold.seen_edited")
    if case.relation == "near" and (seen is None or seen.edge.relation != "near"):
        return said("hold.not_proved")
    if seen is not None and seen.edge.evidence.damaged_twin:
        return said("hold.twin")
    broken = traits.damage(photo) or traits.damage(keeper)
    if broken:
        return said("hold.damaged", what=broken.rstrip("."))
    if seen.edge.timing == "differ" if seen is not None else _another_second(photo, keeper):
        return said("hold.time", time=traits.time_words(case, photo, keeper))
    return None


def _shown_by_an_edit(photo: Photo) -> bool:
    """Is the picture that its content was compared by that of an edit, which this photo does not have?"""
    return bool(photo.signature and photo.signature.edited) and _edit(photo) is None


def _another_second(a: Photo, b: Photo) -> bool:
    ours, theirs = seconds(a.taken_at), seconds(b.taken_at)
    return ours is not None and theirs is not None and abs(ours - theirs) >= 1


def _own_worth(case: Case, keeper: Photo, photo: Photo) -> str | None:
    if case.keeping.keep_edited and lineage.is_edited(photo, keeper) != lineage.is_edited(keeper, photo):
        return said("hold.edited")
    if lineage.is_camera_original(photo) and not lineage.is_camera_original(keeper):
        return said("hold.camera", camera=traits.camera_words(case, photo, keeper))
    if lineage.is_raw(photo) and not lineage.is_raw(keeper):
        return said("hold.raw")
    if photo.taken_at is not None and keeper.taken_at is None:
        return said("hold.knows_time")
    if photo.signature and keeper.signature and photo.signature.frames > keeper.signature.frames:
        return said("hold.frames", n=photo.signature.frames, kept=keeper.signature.frames)
    return None


def _larger(case: Case, keeper: Photo, photo: Photo, seen: Sight | None) -> str | None:
    if seen is not None and seen.aligned and sight.surplus(seen) > sight.MORE_VIEW:
        return said("hold.view", share=share_of(sight.surplus(seen)))
    unknown = next((one for one in (photo, keeper) if one.signature and one.signature.preview and not one.width), None)
    if unknown is not None:
        return said("hold.size_unknown", source=readable(unknown.asset.id.source))
    ratio = sight.resolution_ratio(case, photo, keeper)
    if ratio is None and keeper.width and photo.width:
        ratio = (photo.width * photo.height) / (keeper.width * keeper.height)
    if ratio is not None and ratio >= sight.LARGER:
        return said("hold.larger", size=traits.size_words(case, photo, keeper))
    ours, theirs = (one.signature.jpeg_quality if one.signature else None for one in (photo, keeper))
    if ours is not None and theirs is not None and ours - theirs >= _HARD_COMPRESSED:
        return said("hold.quality", quality=traits.quality_words(case, photo, keeper), kept=theirs)
    return None
