"""What the measured edges of a group say about two of its members: who shows more, who has more real detail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dedupe_core.model import Edge, Photo, Relation
from dedupe_core.settings import Keeping

MORE_VIEW = 0.01
"""Share of a picture outside the shared field, with structure, from which on it shows more: a crop by 2 % at each side.
Pictures of one framing have none at all."""

LARGER = 1.1
"""Ratio of pixels over the shared field from which on one picture is the larger: 5 % in each direction."""

FRAME = 0.03
"""Share of a picture outside the shared field up to which that is the error of laying one on the other."""

ON_A_SCREEN = 4.0
"""Pixels of a picture on a screen for one of the picture itself, up to which a viewer may just have enlarged it."""

_COMPARABLE = 0.25
_DOUBLED = 4.41


@dataclass(frozen=True, slots=True)
class Sight:
    """An edge seen from one side: `ours` and `theirs` are shares of each picture that lie in the shared field, the
    margins what each shows beyond it (None: not measured). `our_frame`: we show it inside a plain frame."""

    edge: Edge
    ours: float
    theirs: float
    our_margin: float | None
    their_margin: float | None
    our_frame: bool = False

    @property
    def aligned(self) -> bool:
        """Was the shared field measured at all? A pair accepted on its hashes alone has none."""
        return self.ours > 0 and self.theirs > 0


@dataclass(frozen=True, slots=True)
class Case:
    """What a keeper is chosen from: the relation, the photos by row, the edges by their two signature rows, and the
    person's wishes."""

    relation: Relation
    photos: Mapping[int, Photo]
    keeping: Keeping
    protected: tuple[str, ...] = ()
    edges: Mapping[tuple[int, int], Edge] = field(default_factory=dict)

    def sight(self, a: Photo, b: Photo) -> Sight | None:
        """The edge between two photos as `a` sees it; the strongest of several."""
        if a.signature_row is None or b.signature_row is None:
            return None
        edge = self.edges.get((a.signature_row, b.signature_row))
        if edge is not None:
            found = edge.evidence
            return Sight(edge, found.overlap_a, found.overlap_b, found.margin_a, found.margin_b, found.framed_a)
        edge = self.edges.get((b.signature_row, a.signature_row))
        if edge is not None:
            found = edge.evidence
            return Sight(edge, found.overlap_b, found.overlap_a, found.margin_b, found.margin_a, found.framed_b)
        return None

    def linked(self, rows: Iterable[int]) -> list[tuple[int, int]]:
        """Pairs of these rows that an edge joins."""
        by_signature: dict[int, list[int]] = {}
        for row in sorted(rows):
            signature_row = self.photos[row].signature_row
            if signature_row is not None:
                by_signature.setdefault(signature_row, []).append(row)
        return [(x, y) for a, b in self.edges for x in by_signature.get(a, ()) for y in by_signature.get(b, ())]


def index(edges: Iterable[Edge]) -> dict[tuple[int, int], Edge]:
    """Edges by their two signature rows; of several between the same two the strongest relation and score stays."""
    found: dict[tuple[int, int], Edge] = {}
    for edge in sorted(edges, key=lambda edge: (edge.relation != "near", -edge.score, edge.sentence)):
        if (edge.b, edge.a) not in found:
            found.setdefault((edge.a, edge.b), edge)
    return found


def surplus(sight: Sight) -> float:
    """The share of our own picture that the other one does not show: what its crop would lose. Where nobody looked
    whether that is a plain border, all of it counts."""
    return 1.0 - sight.ours if sight.our_margin is None else sight.our_margin


def shows_more(case: Case, a: Photo, b: Photo) -> bool:
    """Is `b` a crop of `a`? `a` shows more than a border beyond the shared field, `b` next to nothing, and `a` is not
    so much smaller that the crop is worth more than the view."""
    sight = case.sight(a, b)
    if sight is None or not sight.aligned:
        return False
    if shared_pixels(a, sight.ours) < _COMPARABLE * shared_pixels(b, sight.theirs):
        return False
    ours = _border_free(sight.ours, sight.our_margin, a, b)
    theirs = surplus(Sight(sight.edge, sight.theirs, sight.ours, sight.their_margin, sight.our_margin))
    return ours >= MORE_VIEW and theirs < max(MORE_VIEW, ours / 4)


def frames(case: Case, framed: Photo, bare: Photo, most: float) -> bool:
    """Is `framed` the whole of `bare` with something plain around it, and at most `most` times as many pixels large
    where both show the same?"""
    sight, ratio = case.sight(framed, bare), resolution_ratio(case, framed, bare)
    if sight is None or ratio is None or sight.their_margin is None:
        return False
    return sight.our_frame and sight.theirs > 1 - FRAME and sight.their_margin < MORE_VIEW and ratio < most


def shared_pixels(photo: Photo, share: float) -> float:
    """Pixels that a photo spends on `share` of its picture."""
    return photo.width * photo.height * share


def resolution_ratio(case: Case, a: Photo, b: Photo) -> float | None:
    """How many times as many pixels `a` has as `b` for what both show; None when no edge or no size tells."""
    sight = case.sight(a, b)
    if sight is None or not (a.width and b.width):
        return None
    ours, theirs = (sight.ours, sight.theirs) if sight.aligned else (1.0, 1.0)
    return shared_pixels(a, ours) / shared_pixels(b, theirs)


def perhaps_enlarged(case: Case, large: Photo, small: Photo) -> bool:
    """Might `large` have been blown up from `small`? Only when the two claim one origin (camera and metadata agree) and
    `large` is not older, not compressed less, which an original is, and at most twice as wide.

    Nothing better is known without a full decode: measured on 60 photos, the bytes that a size costs do not tell an
    enlargement from a true larger picture. So this only keeps size from deciding; it decides nothing itself."""
    ratio = resolution_ratio(case, large, small)
    if ratio is None or not LARGER <= ratio <= _DOUBLED or large.signature is None or small.signature is None:
        return False
    ours, theirs = large.signature.jpeg_quality, small.signature.jpeg_quality
    made, source = large.asset.modified_at, small.asset.modified_at
    if large.camera != small.camera or large.signature.exif_fields != small.signature.exif_fields:
        return False
    older = made is not None and source is not None and made < source
    return ours is not None and theirs is not None and ours <= theirs and not older


def _border_free(share: float, margin: float | None, a: Photo, b: Photo) -> float:
    """What `a` shows beyond the shared field, borders not counted. Where the margin was not measured, a border betrays
    itself in the histogram: nearly all of the surplus lies in one luma bin, which `b` does not have as full."""
    if margin is not None:
        return margin
    extra = 1.0 - share
    if a.signature is None or b.signature is None:
        return 0.0
    fullest, theirs = a.signature.fullest_bin, b.signature.fullest_bin
    plain = fullest >= 0.8 * extra and fullest > theirs + 0.3 * extra
    return 0.0 if plain else extra
