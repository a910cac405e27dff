"""What the API takes and gives about groups and plans, as its OpenAPI document says it. Texts that come from photos
are readable text, never markup; sizes are bytes, times ISO 8601 or POSIX seconds, ids opaque."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LaneName = Literal["identical", "same", "similar", "sets"]
Verb = Literal["keep", "keep_all", "not_duplicates", "skip"]
ShortText = Annotated[str, Field(max_length=200)]
_MOST = 2**53


class Shape(BaseModel):
    """What is not named here is an error."""

    model_config = ConfigDict(extra="forbid")


class ToldShape(Shape):
    """A sentence by its code, for other languages; values are texts, numbers, sentences, or lists of them."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)


class Problem(Shape):
    """One sentence for the person, with the next step. `said` has, here and elsewhere, the codes of the fields that
    are sentences."""

    error: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class FactShape(Shape):
    """A field in which the photos of a group differ; `delta` is the difference to the keeper."""

    name: str
    value: str
    delta: str = ""
    said: dict[str, ToldShape] = Field(default_factory=dict)


class PhotoShape(Shape):
    """One photo of a group. `keep` is how it stands now: as decided, or as suggested while the group is open."""

    id: str
    keep: bool
    role: Literal["keep", "drop", "review"]
    name: str
    folder: str
    source: str
    size: int
    width: int
    height: int
    chips: list[str]
    facts: list[FactShape]
    why: str
    evidence: str
    warning: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class GroupShape(Shape):
    """One group, the suggested keeper first. `version` goes back with every decision."""

    id: str
    version: str
    lane: LaneName
    relation: str
    score: float | None
    reason: str
    bytes: int
    status: Literal["open", "decided"]
    verb: Verb | None
    undo_token: str | None
    same: list[str]
    photos: list[PhotoShape]
    said: dict[str, ToldShape] = Field(default_factory=dict)


class LaneShape(Shape):
    """One lane: what is open with what the suggestion frees, and how many groups are decided."""

    groups: int
    photos: int
    drops: int
    bytes: int
    decided: int


class Summary(Shape):
    """Where things stand. `planned_photos` and `planned_bytes` are what the decisions put away so far."""

    run: int
    lanes: dict[LaneName, LaneShape]
    planned_photos: int
    planned_bytes: int
    photos: int
    levels: list[str]


class GroupPage(Shape):
    """A part of a list. `next` is the cursor of the next part; LIST.NUMBER is that of any place in the list, which
    stays as it is while groups are decided."""

    items: list[GroupShape]
    next: str | None
    total: int
    list: str


class DecisionIn(Shape):
    """An answer to a group. `keep` are photo ids, for the verb `keep` alone."""

    group_id: ShortText
    version: ShortText
    verb: Verb
    keep: list[ShortText] = Field(default_factory=list, max_length=5000)


class DecisionOut(Shape):
    """What was noted, and how to take it back."""

    undo_token: str
    group: GroupShape
    summary: Summary


class Conflict(Shape):
    """The group is not as the page showed it; here is how it is."""

    error: str
    said: dict[str, ToldShape] = Field(default_factory=dict)
    group: GroupShape | None = None


class Sieve(Shape):
    """Which groups; what is empty asks nothing. `q` is looked for in names and folders; `folder` in whole parts of the
    way to a photo; `label` in albums and keywords; `formats` ("HEIC,JPEG") must all be in the group; `taken` is a year
    or a month ("2024", "2024-06"); `min_bytes` is what the group frees, `min_size` the size of its largest photo;
    `people` wants a photo in which its source found somebody, `person` one in which it found whoever has this whole
    name there; `across` wants two sources."""

    source: ShortText = ""
    q: ShortText = ""
    folder: ShortText = ""
    label: ShortText = ""
    formats: Annotated[str, Field(max_length=100)] = ""
    taken: Annotated[str, Field(pattern=r"^(\d{4}(-\d{2})?)?$")] = ""
    relation: Literal["", "exact", "pixels", "near", "similar", "series"] = ""
    min_score: float = Field(0.0, ge=0, le=1)
    min_bytes: int = Field(0, ge=0, le=_MOST)
    min_size: int = Field(0, ge=0, le=_MOST)
    people: bool = False
    person: ShortText = ""
    across: bool = False


class ListIn(Sieve):
    """A list to make, or a place in one that was made: a `cursor` names a list and a place in it. With `words=codes`
    texts that have a code under `said` are left empty, for a client that has the sentences itself."""

    lane: Literal["", "identical", "same", "similar", "sets"] = ""
    status: Literal["open", "decided", "all"] = "open"
    sort: Literal["bytes", "score", "doubt", "date", "oldest", "size", "most", "decided"] = "bytes"
    words: Literal["all", "codes"] = "all"
    cursor: Annotated[str, Field(max_length=60)] = ""
    limit: int = Field(100, ge=1, le=100)


class Filter(Sieve):
    """Which groups of the open ones."""

    lane: LaneName


class ValueShape(Shape):
    """Something to ask for, and how many groups have it."""

    value: str
    groups: int


class FacetsShape(Shape):
    """What there is to ask for in a list, the most frequent first, months the newest first."""

    sources: list[ValueShape]
    folders: list[ValueShape]
    labels: list[ValueShape]
    formats: list[ValueShape]
    taken: list[ValueShape]
    relations: list[ValueShape]
    people: int
    persons: list[ValueShape]


class BulkIn(Shape):
    """Decide many: `accept` takes each group's suggestion, `keep_all` keeps everything. With `dry_run` nothing is
    noted; without it `expected_groups` must be what the dry run said."""

    filter: Filter
    verb: Literal["accept", "keep_all"]
    expected_groups: int = Field(0, ge=0, le=_MOST)
    dry_run: bool = True


class BulkOut(Shape):
    """What it does, or did. `left_open` are groups of the filter without a suggestion; `sample` shows some."""

    groups: int
    photos: int
    bytes: int
    left_open: int
    sample: list[GroupShape]
    undo_token: str | None
    summary: Summary


class UndoIn(Shape):
    """Which act to take back."""

    undo_token: ShortText


class UndoOut(Shape):
    """How many groups that concerned, and the first of them."""

    count: int
    groups: list[GroupShape]
    summary: Summary


class ActShape(Shape):
    """One act of deciding, for one group or many; `name` is a photo's that stays."""

    undo_token: str
    at: float
    group: str
    name: str
    groups: int
    photos: int
    bytes: int
    verb: Verb
    revoked: bool


class ActPage(Shape):
    """Acts, newest first."""

    items: list[ActShape]
    next: int | None


class Histogram(Shape):
    """How the groups of a lane are spread over scores: 20 steps from 0 to 1."""

    groups: int
    photos: int
    histogram: list[int]


class ThresholdIn(Shape):
    """A lane, and the score from which its groups would be shown."""

    lane: LaneName
    value: float = Field(ge=0, le=1)


class PlanIn(Shape):
    """How the photos go: into the source's own recoverable trash, or into a folder beside them."""

    action: Literal["delete", "move"] | None = None


class PlanPart(Shape):
    """What a plan does in one source. `restore`: KeepOne can bring it back itself."""

    source: str
    action: str
    target: str
    photos: int
    bytes: int
    restore: bool


class CountedShape(Shape):
    """A reason, and how many photos have it."""

    reason: str
    photos: int
    said: dict[str, ToldShape] = Field(default_factory=dict)


class PlanShape(Shape):
    """A plan. `type_number`: so much goes that the number has to be typed before it is done. `outcomes` counts the last
    state of its steps; `away` those that undo can bring back."""

    id: str
    created_at: float
    state: str
    photos: int
    bytes: int
    parts: list[PlanPart]
    reasons: list[CountedShape]
    skipped: list[CountedShape]
    outcomes: dict[str, int]
    away: int
    type_number: bool


class StepShape(Shape):
    """One photo of a plan, the one that stays for it, and what became of it."""

    number: int
    photo: str | None
    name: str
    folder: str
    source: str
    size: int
    keeper: str | None
    keeper_name: str
    keeper_folder: str
    relation: str
    reason: str
    group: str
    state: str
    note: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class StepPage(Shape):
    """A part of a plan's steps."""

    items: list[StepShape]
    next: int | None
    total: int


class ApplyIn(Shape):
    """The number of photos in the plan, as the person saw it."""

    confirm_count: int = Field(ge=0, le=_MOST)


class SpareIn(Shape):
    """The step of a plan whose photo is to stay."""

    number: int = Field(ge=1, le=_MOST)


class CompareShape(Shape):
    """Two photos of one group laid on each other: where they differ, and how the second lies on the first. `symmetry`
    turns `b` onto `a` (0: as it is; 1-3 quarter turns, 4-7 mirrored); overlaps are shares of each; None: not
    measured. `matrix` is where `b`, turned, lies on `a`: a homography over unit squares, row by row; None: edge on
    edge, or not to be found."""

    differences: list[FactShape]
    evidence: str
    symmetry: int
    scale: float | None
    overlap_a: float | None
    overlap_b: float | None
    matrix: list[float] | None
    said: dict[str, ToldShape] = Field(default_factory=dict)
