"""What would go, and why: an immutable list of steps from the groups of the newest run. Nothing is touched here.

The last copy stays. That is one rule over all groups, all plans that wait or were applied, and all sources: whoever is
kept for another photo's sake goes in no plan, and where a keeper itself gives way to a better copy, those that gave way
to it are proved against that one. `apply` holds the same once more, just before it acts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

from connectors.base import Features, Verb
from dedupe_core.apply import UNATTENDED_BYTES, UNATTENDED_ITEMS
from dedupe_core.gifts import gifts
from dedupe_core.guards import hold
from dedupe_core.model import RELATIONS, Choice, Judge, NoFeedback, Photo, Plan, Relation, Step
from dedupe_core.places import is_protected, perhaps_one, show
from dedupe_core.sentences import said
from dedupe_core.settings import Planning, Settings
from dedupe_core.sight import Case, index
from dedupe_core.store import Store
from dedupe_core.store.codec import encode_name
from dedupe_core.store.plans import plan_id
from dedupe_core.waiting import Waiting
from dedupe_core.words import bytes_text, readable

PROTECTED_PLACE = said("skip.protected")
CHANGED = said("skip.changed")
PERHAPS_ONE = said("skip.perhaps_one")
KEPT_APART = said("skip.apart")
KEPT_FOR_ANOTHER = said("skip.for_another")
KEEPER_GOES = said("skip.keeper_goes")
LEFT_TO_YOU = said("skip.left")
CANNOT = said("skip.cannot")
TAGGED = said("skip.tagged")
NO_PROOF = said("skip.no_proof")


class PlanError(Exception):
    """No plan can be made; the message is a sentence with the next step."""


def make_plan(
    store: Store,
    settings: Settings,
    relations: Iterable[Relation] | None = None,
    groups: Collection[str] | None = None,
    action: Literal["delete", "move"] | None = None,
    judge: Judge | None = None,
    unattended: bool = False,
    now: float | None = None,
    only: Callable[[Photo], bool] | None = None,
    features: Mapping[str, Features] | None = None,
    carry: bool = False,
) -> Plan:
    """The plan of the newest run's groups. `relations` (default: `planning.relations`) and `groups` (beginnings of
    ids) narrow it; `unattended` takes only what a job may act on, within its smaller caps; `only` says of
    a photo whether it may go at all. `features` by source tell how each puts photos away: where it has no `delete` they
    are moved, where it cannot move either they are tagged, and the photos that stay beside them get their gifts (with
    `carry` all that the others have and they lack). A plan of the same steps that still waits is returned itself, so
    that asking twice gives one id. Raises `PlanError` above a cap."""
    if store.runs.latest() is None:
        raise PlanError("There are no groups yet. Look for them first: keepone scan")
    wanted = set(settings.planning.relations if relations is None else relations) - {"similar", "series"}
    if unattended:
        wanted &= set(settings.planning.unattended)
    choices = [choice for choice in store.runs.choices() if choice.drop]
    desk = _Desk(store, settings, judge or NoFeedback(), choices, only or _any)
    picks, skipped = desk.settled(desk.picked(wanted, groups))
    able = Ways(store, settings.planning, action or settings.planning.action, features or {})
    picks, skipped = able.sorted_out(picks, skipped)
    steps = _steps(picks, able)
    _within_caps(steps, settings.planning, unattended)
    made = time.time() if now is None else now
    given = gifts(steps, features or {}, carry)
    twin = desk.waiting.same(steps, given)
    return replace(twin, skipped=skipped) if twin else Plan(plan_id(made, steps, given), made, steps, skipped, given)


@dataclass(frozen=True, slots=True)
class Pick:
    """One photo that would go, and the group that says so. `sound`: both still hold what the group was made of. `via`:
    the keeper of its own group, where that one gives way to `keeper` as well."""

    victim: Photo
    keeper: Photo
    choice: Choice
    relation: Relation
    reason: str
    sound: bool = True
    via: Photo | None = None


class _Desk:
    """What one plan is made from: the choices of the run, the photos in them as they are now, and the other plans."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        judge: Judge,
        choices: Sequence[Choice],
        only: Callable[[Photo], bool],
    ) -> None:
        self.only = only
        self.planning = settings.planning
        self.keeping = settings.keeping
        self.judge = judge
        self.choices = choices
        rows = {row for choice in choices for row in (choice.keep, *choice.drop)}
        present = store.assets.present(rows)
        self.photos = {row: photo for row, photo in store.assets.photos(rows).items() if row in present}
        self.aliased = {frozenset(pair) for pair in store.assets.aliased()}
        self.waiting = Waiting(store, self.planning.max_age_days)

    def picked(self, relations: Collection[str], groups: Collection[str] | None) -> dict[int, Pick]:
        """Every drop of the wanted groups, and with a dropped photo those that were dropped for its sake: they hold
        the same bytes or pixels, and would only come up in the next plan."""
        asked = (choice for choice in self.choices if choice.group.relation in relations and _named(choice, groups))
        picks = self._drops(asked)
        below = self._drops(choice for choice in self.choices if choice.group.relation in ("exact", "pixels"))
        more = picks
        while more:
            more = {row: pick for row, pick in below.items() if row not in picks and pick.keeper.row in picks}
            picks |= more
        return picks

    def settled(self, picks: Mapping[int, Pick]) -> tuple[list[Pick], dict[str, int]]:
        """The picks that may go, each with the keeper that stays in the end, and why the others may not."""
        left = dict(picks)
        skipped: Counter[str] = Counter()
        while True:
            final = [self._to_the_end(pick, left) for pick in left.values()]
            refused = [(pick, reason) for pick in final if (reason := self._refusal(pick)) is not None]
            if not refused:
                return final, dict(sorted(skipped.items()))
            first = [(pick, reason) for pick, reason in refused if pick.via is None] or refused
            for pick, reason in first:
                del left[pick.victim.row]
                skipped[reason] += 1

    def _drops(self, choices: Iterable[Choice]) -> dict[int, Pick]:
        """The drops of these groups that are still there, with keepers that are."""
        found: dict[int, Pick] = {}
        for choice in choices:
            keeper = self.photos.get(choice.keep)
            if keeper is None:
                continue
            joined = {frozenset((edge.a, edge.b)) for edge in choice.group.edges if edge.relation == "near"}
            for victim in (self.photos[row] for row in choice.drop if row in self.photos):
                if not self.only(victim):
                    continue
                sound = _still(choice.group.relation, victim, keeper, joined)
                reason = choice.reasons.get(victim.row, "")
                found[victim.row] = Pick(victim, keeper, choice, choice.group.relation, reason, sound)
        return found

    def _to_the_end(self, pick: Pick, picks: Mapping[int, Pick]) -> Pick:
        """Where the keeper goes as well, the one for whose sake it goes is the keeper: equal bytes or pixels are
        equally a copy of it."""
        for _ in RELATIONS:
            above = picks.get(pick.keeper.row)
            if above is None:
                break
            if pick.relation == "near":
                return replace(pick, relation="similar")
            same = said("same.bytes" if pick.victim.content == pick.keeper.content else "same.pixels")
            pick = Pick(
                victim=pick.victim,
                keeper=above.keeper,
                choice=above.choice,
                relation=max(pick.relation, above.relation, key=RELATIONS.index),
                reason=said("reason.same_as", why=above.reason, same=same, path=readable(show(pick.keeper.asset))),
                sound=pick.sound and above.sound,
                via=pick.keeper,
            )
        return pick

    def _refusal(self, pick: Pick) -> str | None:
        victim, keeper = pick.victim, pick.keeper
        if is_protected(victim.asset, self.planning.protected):
            return PROTECTED_PLACE
        if not pick.sound:
            return CHANGED
        if pick.relation not in ("exact", "pixels", "near"):
            return NO_PROOF
        if frozenset((victim.row, keeper.row)) in self.aliased or perhaps_one(victim.asset, keeper.asset):
            return PERHAPS_ONE
        if victim.content != keeper.content and self.judge.apart(victim.content, keeper.content):
            return KEPT_APART
        if self.waiting.goes(keeper.asset.id):
            return KEEPER_GOES
        if pick.relation == "near" and self.waiting.is_relied_on(victim.content):
            return KEPT_FOR_ANOTHER
        return LEFT_TO_YOU if pick.via is not None and self._held(pick, pick.via) else None

    def _held(self, pick: Pick, via: Photo) -> bool:
        """Would the group have held this photo, had it stood in for the one of equal bytes or pixels that did?"""
        victim = replace(pick.victim, signature_row=via.signature_row)
        pair = {victim.row: victim, pick.keeper.row: pick.keeper}
        edges = index(pick.choice.group.edges)
        case = Case(pick.relation, pair, self.keeping, self.planning.protected, edges)
        return hold(case, pick.keeper, victim) is not None


def tally(plan: Plan) -> dict[str, dict[str, tuple[int, int]]]:
    """A plan in numbers: photos and bytes by "relation", by "reason" (the words before the values: "larger picture")
    and by "source", the most first."""
    found: dict[str, dict[str, tuple[int, int]]] = {"relation": {}, "reason": {}, "source": {}}
    for step in plan.steps:
        size = Plan("", 0, (step,)).bytes
        words = {"relation": step.relation, "reason": step.reason.partition(":")[0], "source": step.asset.id.source}
        for view, word in words.items():
            photos, total = found[view].get(word, (0, 0))
            found[view][word] = (photos + 1, total + size)
    return {view: dict(sorted(rows.items(), key=lambda row: (-row[1][0], row[0]))) for view, rows in found.items()}


def _any(photo: Photo) -> bool:
    del photo
    return True


def _named(choice: Choice, groups: Collection[str] | None) -> bool:
    return groups is None or any(choice.group.id.startswith(name) for name in groups)


def _still(relation: Relation, victim: Photo, keeper: Photo, joined: Collection[frozenset[int | None]]) -> bool:
    """Do both still hold what the group was made of? A photo that was scanned anew since has another content."""
    if not victim.content or not keeper.content or victim.error or keeper.error or victim.row == keeper.row:
        return False
    if relation == "exact":
        return victim.content == keeper.content
    if relation == "pixels":
        return bool(victim.pixels) and victim.pixels == keeper.pixels
    return frozenset((victim.signature_row, keeper.signature_row)) in joined


class Goer(Protocol):
    """Whatever names a photo that would go."""

    @property
    def victim(self) -> Photo:
        """That photo."""
        ...


P = TypeVar("P", bound=Goer)


class Ways:
    """How each source puts a photo away."""

    def __init__(
        self, store: Store, planning: Planning, action: Literal["delete", "move"], features: Mapping[str, Features]
    ) -> None:
        self.store, self.planning, self.action, self.features = store, planning, action, features

    def sorted_out(self, picks: list[P], skipped: Mapping[str, int]) -> tuple[list[P], dict[str, int]]:
        """Those that their source can put away and that do not wear our label already; the others are counted."""
        tagged = {name: self.store.plans.tagged(name) for name in {pick.victim.asset.id.source for pick in picks}}
        left, counts = [], Counter(skipped)
        for pick in picks:
            verb, asset = self.of(pick.victim)[0], pick.victim.asset
            if verb is None:
                counts[CANNOT] += 1
            elif verb == "tag" and asset.id.key in tagged[asset.id.source]:
                counts[TAGGED] += 1
            else:
                left.append(pick)
        return left, dict(sorted(counts.items()))

    def of(self, victim: Photo) -> tuple[Verb | None, str]:
        """(verb, target): what was asked for where the source can do it, else what it can; (None, "") for nothing."""
        known = self.features.get(victim.asset.id.source)
        below = (known.away if known else "") or self.planning.folder
        moved: tuple[Verb, str] = ("move", f"{victim.asset.folder}/{below}".strip("/"))
        if known is None:
            return moved if self.action == "move" else (self.action, "")
        if self.action == "delete" and known.delete:
            return "delete", ""
        if known.move:
            return moved
        return ("tag", known.away or self.planning.folder) if known.tag else (None, "")


def _steps(picks: Iterable[Pick], ways: Ways) -> tuple[Step, ...]:
    ordered = sorted(picks, key=lambda pick: (RELATIONS.index(pick.relation), _place(pick.victim)))
    return tuple(_step(number, pick, *ways.of(pick.victim)) for number, pick in enumerate(ordered, 1))


def _step(number: int, pick: Pick, verb: Verb | None, target: str) -> Step:
    victim, keeper = pick.victim, pick.keeper
    assert verb is not None
    return Step(
        number=number,
        asset=victim.asset,
        content=victim.content,
        verb=verb,
        target=target,
        keeper=keeper.asset,
        keeper_content=keeper.content,
        relation=pick.relation,
        group=pick.choice.group.id,
        reason=pick.reason,
    )


def _within_caps(steps: Sequence[Step], planning: Planning, unattended: bool) -> None:
    items = min(planning.max_items, UNATTENDED_ITEMS) if unattended else planning.max_items
    most = min(planning.max_bytes, UNATTENDED_BYTES) if unattended else planning.max_bytes
    size = Plan("", 0, tuple(steps)).bytes
    narrower = "Plan less at a time, or raise it."
    if len(steps) > items:
        key = "planning.max_items" if items == planning.max_items else "the cap of unattended jobs"
        raise PlanError(f"{len(steps):,} photos would go, more than {key} = {items:,}. {narrower}")
    if size > most:
        key = "planning.max_bytes" if most == planning.max_bytes else "the cap of unattended jobs"
        raise PlanError(f"{bytes_text(size)} would go, more than {key} = {bytes_text(most)}. {narrower}")


def _place(photo: Photo) -> tuple[bytes, bytes]:
    return encode_name(photo.asset.id.source), encode_name(photo.asset.id.key)
