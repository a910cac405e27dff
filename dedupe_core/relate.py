"""From what a comparison measured, and when the two were taken, to a relation and the sentence that says why.

The gates are those of docs/how-it-decides.md, with the local-difference veto and the capture-time rule on top. Nothing
here looks at pixels; the same evidence and facts always give the same edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dedupe_core.model import FEWEST_BLOCKS, Edge, Evidence, Relation, Timing
from dedupe_core.sentences import said, share_of
from dedupe_core.settings import Settings

FLAT_LUMA_SD, FLAT_GRADIENT = 12.0, 2.0
DOCUMENT_BIN = 0.30
"""Pictures with less contrast than this, or with this share of pixels in one of 32 luma bins, are flat or documents:
their hashes prove nothing (docs/how-it-decides.md)."""

_LEAST_INLIERS = 15
_WHOLE_VIEW = 0.85
_NEAR_MEDIAN = 0.70
_FINE_SHARE = 0.70
_DIFFERENT = 1.0
_SAME_MOMENT = 0.05
_COMPRESSED = frozenset({"JPEG", "HEIF", "AVIF", "WEBP", "PNG", "GIF"})
_ONE_RENDERING = 20
"""Bits of 256 by which the hash of a source's rendering differs from its original's: 4 or 5 of 64 at most."""
_TURNS = tuple(
    said(f"turn.{turn}") if turn else "" for turn in ("", "90", "180", "90", *("mirrored",) * 2, *("both",) * 2)
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What relating needs to know of one content: sizes in pixels (upright), format, capture time, camera, and whether
    hashes prove nothing of it. `listed`: its bytes were not read, so that the time is that of a listing, in whole
    seconds; `weak`: digests with lengths that propose equal bytes and do not prove them."""

    row: int
    content: str
    width: int
    height: int
    format: str
    taken_at: datetime | None = None
    camera: str = ""
    flat: bool = False
    listed: bool = False
    weak: frozenset[str] = frozenset()


def timing(a: Facts, b: Facts) -> tuple[Timing, float | None]:
    """Whether the capture times agree (to 0.05 s), and their distance in seconds where both are known."""
    if a.taken_at is None or b.taken_at is None:
        return "unknown", None
    ours, theirs = a.taken_at.replace(tzinfo=None), b.taken_at.replace(tzinfo=None)
    if a.listed or b.listed:
        ours, theirs = ours.replace(microsecond=0), theirs.replace(microsecond=0)
    apart = abs((ours - theirs).total_seconds())
    return ("equal" if apart < _SAME_MOMENT else "differ"), apart


def relate(a: Facts, b: Facts, evidence: Evidence, settings: Settings) -> Edge | None:
    """The edge between two contents (a.row < b.row), or None when they are not related.

    Copies are `near` unless something speaks against it: a region that differs, other capture times, or two files
    straight from one camera of which one has no time. Then they are `similar`, or `series` when one camera took them
    within seconds.
    """
    when, apart = timing(a, b)
    relation, score, sentence = _judged(a, b, evidence, settings, when, apart)
    if relation is None:
        return None
    return Edge(a.row, b.row, relation, round(score, 4), evidence, when, sentence, probably_equal(a, b, evidence))


def _judged(
    a: Facts, b: Facts, evidence: Evidence, settings: Settings, when: Timing, apart: float | None
) -> tuple[Relation | None, float, str]:
    if evidence.failed:
        return None, 0.0, ""
    if evidence.pixels_equal:
        return "pixels", 1.0, said("edge.pixels")
    if evidence.damaged_twin:
        return "similar", 1.0, said("edge.twin")
    if probably_equal(a, b, evidence):
        return "near", 1.0, said("edge.probable")
    if not comparable(evidence):
        return None, 0.0, ""
    score = _score(evidence)
    in_series = apart is not None and apart <= settings.series.seconds and bool(a.camera) and a.camera == b.camera
    if when == "differ" and in_series:
        return "series", score, said("edge.series", span=_span(apart), agreement=_agreement(evidence))
    doubt = _doubt(a, b, evidence, settings, when, apart)
    if doubt:
        return "similar", score, said("edge.doubt", doubt=doubt)
    return "near", score, said("edge.near", how=_how(a, b, evidence), agreement=_agreement(evidence))


def probably_equal(a: Facts, b: Facts, evidence: Evidence) -> bool:
    """A digest that alone proves nothing, the length and the picture are equal. Two compressed files of which that is
    true are one by all that is known; only comparing bytes makes it `exact`."""
    same = evidence.distance <= _ONE_RENDERING and (evidence.difference is None or evidence.difference <= _DIFFERENT)
    return _one_digest(a, b) and same and not (evidence.failed or evidence.damaged_twin or evidence.pixels_equal)


def needs_no_comparison(a: Facts, b: Facts, distance: int) -> bool:
    """The small renderings tell enough of two compressed files that share a digest and their length: nothing larger has
    to be fetched for them."""
    compressed = {a.format, b.format} <= _COMPRESSED
    return compressed and (a.listed or b.listed) and _one_digest(a, b) and distance <= _ONE_RENDERING


def _one_digest(a: Facts, b: Facts) -> bool:
    """They share a digest that alone proves nothing, and nothing is known to the contrary: two files whose bytes were
    read are known to differ."""
    return bool(a.weak & b.weak) and not (a.content.startswith("sha256:") and b.content.startswith("sha256:"))


def comparable(evidence: Evidence) -> bool:
    """The near gate: one picture lies within the other and most of it agrees. A hash alone never passes, and neither do
    two shots that share a part of their fields."""
    if max(evidence.overlap_a, evidence.overlap_b) < _WHOLE_VIEW:
        return False
    if evidence.flat and not _finely_agreed(evidence):
        return False
    aligned = evidence.inliers >= _LEAST_INLIERS or (evidence.overlap_a == 1.0 and evidence.overlap_b == 1.0)
    return aligned and evidence.blocks >= FEWEST_BLOCKS and evidence.block_median >= _NEAR_MEDIAN


def says_nothing(evidence: Evidence) -> bool:
    """No setting, time or size makes an edge of it; only a digest that both share could. What counts as nothing belongs
    to the recipe of the comparison (`verify.RECIPE`), because it is remembered."""
    return not (evidence.failed or evidence.pixels_equal or evidence.damaged_twin or comparable(evidence))


def is_copy(evidence: Evidence, copy_distance: int) -> bool:
    """The copy gate, or hashes close enough on pictures where hashes prove something, laid edge on edge."""
    if not evidence.agrees or max(evidence.overlap_a, evidence.overlap_b) < _WHOLE_VIEW:
        return False
    if evidence.flat:
        return _finely_agreed(evidence)
    return evidence.inliers >= _LEAST_INLIERS or evidence.distance <= copy_distance


def _finely_agreed(evidence: Evidence) -> bool:
    return evidence.fine is not None and evidence.fine_blocks >= FEWEST_BLOCKS and evidence.fine >= _FINE_SHARE


def _doubt(a: Facts, b: Facts, evidence: Evidence, settings: Settings, when: Timing, apart: float | None) -> str:
    """What speaks against calling two pictures copies, as the end of a sentence; "" when nothing does."""
    if evidence.difference is None:
        return said("doubt.little")
    if evidence.difference > _DIFFERENT:
        changed = max(evidence.changed or 0.0, 0.0001)
        return said("doubt.region", share=share_of(changed, f"{changed:.2%}"))
    if not is_copy(evidence, settings.near.copy_distance):
        return said("doubt.partly")
    if when == "differ":
        return said("doubt.time", span=_span(apart))
    if when == "equal" and (a.listed or b.listed) and _one_size(a, b):
        return said("doubt.second")
    if when == "unknown" and _both_original(a, b):
        return said("doubt.originals")
    return ""


def _both_original(a: Facts, b: Facts) -> bool:
    """Two files of one camera and of equal size may be frames of a burst, which no look at pixels tells from copies
    (quality.md section 12); a file of another size was made from something."""
    return bool(a.camera) and a.camera == b.camera and _one_size(a, b)


def _one_size(a: Facts, b: Facts) -> bool:
    return sorted((a.width, a.height)) == sorted((b.width, b.height))


def _score(evidence: Evidence) -> float:
    """In [0, 1]: how well the blocks agree, the worst tenth counting as much as the middle."""
    return max(0.0, min(1.0, (evidence.block_median + max(evidence.block_p10, 0.0)) / 2))


def _agreement(evidence: Evidence) -> str:
    if evidence.fine is not None:
        return said("agree.fine", n=round(evidence.fine * evidence.fine_blocks), of=evidence.fine_blocks)
    median = share_of(evidence.block_median, f"{evidence.block_median:.0%}")
    return said("agree.blocks", n=evidence.blocks, share=median)


def _how(a: Facts, b: Facts, evidence: Evidence) -> tuple[str, ...]:
    """What sets two copies apart, each in a few words."""
    parts = [_TURNS[evidence.symmetry], _size(a, b, evidence), _crop(evidence)]
    if a.format != b.format:
        parts.append(said("how.formats", one=a.format, other=b.format))
    return tuple(part for part in parts if part) or (said("how.again"),)


def _size(a: Facts, b: Facts, evidence: Evidence) -> str:
    if not (a.width and a.height and b.width and b.height):
        return ""
    pixels_a = a.width * a.height * (evidence.overlap_a or 1.0)
    pixels_b = b.width * b.height * (evidence.overlap_b or 1.0)
    ratio = (min(pixels_a, pixels_b) / max(pixels_a, pixels_b)) ** 0.5
    return said("how.smaller", share=share_of(ratio, f"{ratio:.0%}")) if ratio < 0.97 else ""


def _crop(evidence: Evidence) -> str:
    share = min(evidence.overlap_a, evidence.overlap_b)
    return said("how.cropped", share=share_of(share, f"{share:.0%}")) if 0 < share < 0.97 else ""


def _span(seconds: float | None) -> str:
    if seconds is None:
        return said("span.some")
    if seconds < 120:
        return said("span.seconds", n=f"{seconds:.2g}")
    if seconds < 7200:
        return said("span.minutes", n=round(seconds / 60))
    if seconds < 172_800:
        return said("span.hours", n=round(seconds / 3600))
    return said("span.days", n=round(seconds / 86_400))
