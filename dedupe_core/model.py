"""The words of the core: frozen values that the stages hand to each other.

A *photo* inside the core is a row of the store: `int` ids name assets (places) and signatures (contents). Two assets
with the same bytes share one signature, so `exact` needs no pair at all and everything dearer is done once a content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:  # the workers import this, and the contract's validation library takes them 100 ms
    from connectors.base import Asset, Verb

Relation = Literal["exact", "pixels", "near", "similar", "series"]
RELATIONS: tuple[Relation, ...] = ("exact", "pixels", "near", "similar", "series")
Lane = Literal["identical", "same", "similar", "sets"]
LANES: Mapping[Relation, Lane] = {
    "exact": "identical",
    "pixels": "same",
    "near": "same",
    "similar": "similar",
    "series": "sets",
}
Origin = Literal["hash", "time", "embedding", "closure", "twin"]
Timing = Literal["equal", "differ", "unknown"]


@dataclass(frozen=True, slots=True)
class Signature:
    """What one read and one scaled decode tell about a content.

    `content` is "sha256:<hex>" where the bytes were read, else the source's strongest digest ("sha1:<hex>" …).
    `phashes` holds eight 256-bit perceptual hashes (8 × 32 bytes) of the upright picture in the order of
    `phash.SYMMETRIES`; the first is bit-equal to `imagehash.phash(hash_size=16)` of the decoded gray picture.
    Sizes are those of the upright picture. `luma_sd`, `gradient` (grey levels) and `fullest_bin` (share of the fullest
    of 32 luma bins) say how much there is to compare; `sharpness` and `clipped` serve the choice inside a series.
    `taken_at` is naive local time. `exif_fields` counts metadata fields. `jpeg_quality` is the 1-100 estimate from the
    quantisation tables. `live_id` is Apple's content identifier. `damage` is a sentence when the file decodes but is
    known to be incomplete. `preview` is the long side of the source's rendering that stood for an original whose bytes
    were not read; 0 when they were. `edited`: that rendering showed the picture after an edit (None: nobody told).
    """

    content: str
    format: str
    width: int
    height: int
    phashes: bytes
    luma_sd: float
    gradient: float
    fullest_bin: float
    sharpness: float = 0.0
    clipped: float = 0.0
    taken_at: datetime | None = None
    camera: str = ""
    software: str = ""
    exif_fields: int = 0
    jpeg_quality: int | None = None
    place: tuple[float, float] | None = None
    burst: str = ""
    live_id: str = ""
    frames: int = 1
    orientation: int = 1
    damage: str = ""
    preview: int = 0
    edited: bool | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """One asset with everything known of it: the row id, the listing, and the signature where it was readable."""

    row: int
    asset: Asset
    content: str
    signature: Signature | None
    signature_row: int | None
    pixels: str = ""
    error: str = ""

    @property
    def taken_at(self) -> datetime | None:
        """The capture time: the picture's own EXIF first, then what the source says."""
        return (self.signature.taken_at if self.signature else None) or self.asset.taken_at

    @property
    def camera(self) -> str:
        """ "make model", from the picture's own EXIF first."""
        return (self.signature.camera if self.signature else "") or self.asset.camera

    @property
    def width(self) -> int:
        """Upright width in pixels, 0 when unknown."""
        return (self.signature.width if self.signature else self.asset.width) or 0

    @property
    def height(self) -> int:
        """Upright height in pixels, 0 when unknown."""
        return (self.signature.height if self.signature else self.asset.height) or 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contents (signature rows, a < b) that are worth a look: a proposal, never a decision.

    `symmetry` is the index (0-7) of the symmetry that turns `b` onto `a`; `distance` the 256-bit Hamming distance
    under it (256 when no hash proposed the pair)."""

    a: int
    b: int
    distance: int = 256
    symmetry: int = 0
    origin: Origin = "hash"


FEWEST_BLOCKS = 4
"""Fewer blocks than this with something in them prove nothing (quality.md section 6.1)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the aligned comparison of two contents measured; cached by content: no clock or name matters.

    `inliers` of the MAGSAC homography; `overlap_a`, `overlap_b` the shared field of view, as a share of each;
    `block_median`, `block_p10` of the normalised cross-correlation of 8×8 blocks over `blocks` usable blocks; `fine`
    the share of 16×16 blocks above 0.8 after refinement over `fine_blocks` blocks (None: not measured); `difference`
    the strength of the strongest local difference and `changed` its share of the picture (None: not measured); `scale`
    the linear scale of b onto a; `flat` says that one of the two is flat or a document, where hashes prove nothing.
    `margin_a`, `margin_b`: what each picture shows beyond the shared field, as the share of its whole area that lies
    outside and has structure (block standard deviation of 3 grey levels or more): a plain border, a letterbox or the
    bars of a screenshot count as nothing, so that they never pass for a larger view (None: not measured). `framed_a`,
    `framed_b`: in that picture a plain frame lies around the shared field, whatever comes beyond it.
    `tone`, `colour`, `detail`, `grain`: how an edit changed the look of the whole picture (`tone.change`; None: not
    measured).
    `assumed` is never measured and never kept: both are copies of a third and their own hashes are near.
    """

    distance: int = 256
    symmetry: int = 0
    inliers: int = 0
    overlap_a: float = 0.0
    overlap_b: float = 0.0
    block_median: float = 0.0
    block_p10: float = 0.0
    blocks: int = 0
    fine: float | None = None
    fine_blocks: int = 0
    difference: float | None = None
    changed: float | None = None
    scale: float = 1.0
    flat: bool = False
    pixels_equal: bool | None = None
    damaged_twin: bool = False
    assumed: bool = False
    failed: str = ""
    margin_a: float | None = None
    margin_b: float | None = None
    framed_a: bool = False
    framed_b: bool = False
    tone: float | None = None
    colour: float | None = None
    detail: float | None = None
    grain: float | None = None

    @property
    def agrees(self) -> bool:
        """Do the blocks agree as those of copies do (docs/how-it-decides.md)?"""
        return self.blocks >= FEWEST_BLOCKS and self.block_median >= 0.80 and self.block_p10 >= 0.40


@dataclass(frozen=True, slots=True)
class Edge:
    """An accepted relation between two contents with its evidence. `score` is in [0, 1], comparable inside one
    relation. `sentence` tells a person why ("same picture, smaller copy: 96 % of blocks agree"). `probable`: a digest
    that alone proves nothing and the length are equal, too: all but proved to be the same bytes. `seen`: one of the two
    is an edited photo, of which not the picture of its content's signature was compared but the other ("original":
    before the edit, "edited": after it); "" for all else. Nothing is ever dropped for such an edge."""

    a: int
    b: int
    relation: Relation
    score: float
    evidence: Evidence
    timing: Timing = "unknown"
    sentence: str = ""
    probable: bool = False
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Assets (rows) that belong together under one relation. `edges` are those among the members."""

    id: str
    relation: Relation
    members: tuple[int, ...]
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Who stays. `drop` holds only members with a direct accepted edge to `keep`; the others are left for review.
    `reason` names the rule that decided; `reasons` has a sentence per dropped or reviewed member (by row)."""

    group: Group
    keep: int
    drop: tuple[int, ...]
    reason: str
    reasons: Mapping[int, str] = field(default_factory=dict)

    @property
    def review(self) -> tuple[int, ...]:
        """Members that neither stay as the keeper nor go."""
        return tuple(row for row in self.group.members if row != self.keep and row not in self.drop)


@dataclass(frozen=True, slots=True)
class Step:
    """One intended write: `asset` goes (verb, target) because `keeper` stays. Content strings are what was proved."""

    number: int
    asset: Asset
    content: str
    verb: Verb
    target: str
    keeper: Asset
    keeper_content: str
    relation: Relation
    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """An immutable list of steps; `id` is derived from their digest, so another plan is another id. `gifts` are what
    the photos that stay get after the steps; their numbers go on after those."""

    id: str
    created_at: float
    steps: tuple[Step, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    gifts: tuple[Step, ...] = ()

    def step(self, number: int) -> Step | None:
        """The step or gift of this number."""
        return next((step for step in (*self.steps, *self.gifts) if step.number == number), None)

    @property
    def bytes(self) -> int:
        """Bytes that the steps put away, parts included."""
        return sum(step.asset.size + sum(part.size for part in step.asset.parts) for step in self.steps)


JournalState = Literal["intent", "done", "failed", "refused", "undo_intent", "undone", "undo_failed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. `receipt` is the connector's; `note` a sentence when the step did not happen."""

    seq: int
    at: float
    plan: str
    step: int
    token: str
    state: JournalState
    source: str
    key: str
    receipt: Mapping[str, Any] | None = None
    note: str = ""


class Judge(Protocol):
    """What people said, as the pipeline needs it. Contents are the strings of `Photo.content`."""

    def apart(self, a: str, b: str) -> bool:
        """True when a person said that these two are not the same; they may share no group except by equal bytes."""
        ...

    def weigh(self, edge: Edge, a: Photo, b: Photo) -> Edge | None:
        """The edge as the person's answers leave it: unchanged, with another score or relation, or None (hidden).
        Never called for `exact` and `pixels`."""
        ...


class Embedder(Protocol):
    """Turns upright RGB pictures into unit vectors. `model` names weights, their digest and the preprocessing."""

    model: str
    dimension: int

    def embed(self, pictures: Sequence[Any]) -> Any:
        """float32 array (n, dimension), rows of unit length; raises on NaN."""
        ...


class Progress(Protocol):
    """Told about the way of a run. One instance a stage at a time; calls are cheap."""

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; `total` items if it is known."""
        ...

    def advance(self, items: int = 1, size: int = 0, current: str = "") -> None:
        """`items` more are done, `size` bytes."""
        ...

    def error(self, item: str, reason: str) -> None:
        """One item failed; the run goes on."""
        ...


class NoFeedback:
    """The Judge of somebody who has not said anything yet."""

    def apart(self, a: str, b: str) -> bool:
        """Nobody is kept apart."""
        del a, b
        return False

    def weigh(self, edge: Edge, a: Photo, b: Photo) -> Edge | None:
        """Every edge stands as it was measured."""
        del a, b
        return edge


class Silent:
    """The Progress of a caller who does not look."""

    def stage(self, name: str, total: int | None) -> None:
        """Nothing is shown."""

    def advance(self, items: int = 1, size: int = 0, current: str = "") -> None:
        """Nothing is shown."""

    def error(self, item: str, reason: str) -> None:
        """Nothing is shown; the store has it."""
