"""What the API takes and gives about everything around the review: sources, work, rules, learning, the doctor."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dedupe_app.web.shapes import Shape, ShortText, Summary, ToldShape


class SourceShape(Shape):
    """One place of photos. `reads` says that originals can be looked at without a download."""

    id: int
    name: str
    kind: str
    state: str
    note: str
    scanned_at: float | None
    photos: int
    bytes: int
    problem: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class JobShape(Shape):
    """A piece of work. `status` has the fields of restic's status messages."""

    id: str
    kind: str
    about: str
    began: float
    state: Literal["running", "done", "failed", "stopped"]
    stopping: bool
    status: dict[str, Any]
    result: dict[str, Any]
    error: str
    said: dict[str, ToldShape]


class UnreadShape(Shape):
    """A photo that could not be read, and why."""

    source: str
    path: str
    reason: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class RuleShape(Shape):
    """A rule of who stays; `order` is None when it is not asked."""

    name: str
    tells: str
    order: int | None


class RulesIn(Shape):
    """Another order to try."""

    rules: list[ShortText] = Field(min_length=1, max_length=60)
    folders: list[ShortText] = Field(default_factory=list, max_length=60)


class RulesSaved(Shape):
    """Whether the configuration says so now. Where it could not be changed without losing something that a person wrote
    there, `lines` are what to put into it; `file` is "" where there is none."""

    saved: bool
    file: str
    lines: str


class ChangeShape(Shape):
    """A group that would keep another photo."""

    group: str
    keeps: str
    kept: str
    reason: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class RulesOut(Shape):
    """What another order would change, in the groups that were looked at."""

    looked_at: int
    total: int
    changes: list[ChangeShape]


class RungShape(Shape):
    """Where a kind of copy stands: approvals since it came there, and what it waits for."""

    kind: str
    level: str
    approvals: int
    denials: int
    waits_for: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class LearnShape(Shape):
    """What was learned: answers by verdict, how many contradict each other, and the trust in each kind of copy."""

    answers: dict[str, int]
    contradictions: int
    rungs: list[RungShape]


class RegroupedShape(Shape):
    """A group that other answers change, named by a photo of it, and why."""

    kind: Literal["hidden", "new", "changed"]
    name: str
    why: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class ReanalysisShape(Shape):
    """What the answers make of the groups; `touched` are pairs called the same that would be apart, `groups` the first
    of those that change."""

    hidden: int
    new: int
    changed: int
    touched: int
    groups: list[RegroupedShape]


class CountShape(Shape):
    """Pairs that the model finds at least so alike; not `complete` where the last scan looked for closer ones only."""

    threshold: float
    pairs: int
    photos: int
    complete: bool


class SimilarShape(Shape):
    """The model that finds similar pictures. `able`: its weights or a service are there; `seen`: pictures that it has
    looked at; `told`: what became of it in the last scan; a `threshold` of 0 is found from the library."""

    model: str
    able: bool
    off: bool
    threshold: float
    seen: int
    told: str
    counts: list[CountShape]
    said: dict[str, ToldShape] = Field(default_factory=dict)


class SimilarIn(Shape):
    """The cosine from which two pictures count as alike; 0 lets the library find its own."""

    threshold: float = Field(0.0, ge=0, le=1)


class CheckShape(Shape):
    """One line of the doctor."""

    name: str
    level: Literal["ok", "warn", "fail"]
    text: str
    fix: str
    said: dict[str, ToldShape] = Field(default_factory=dict)


class About(Shape):
    """What the page needs to know at its start, in one answer."""

    token: str
    version: str
    data: str
    run: int
    languages: list[str]
    summary: Summary
