"""The plan of what a person decided, group by group. Nothing is touched here.

A person may keep whom she likes and put away what no rule would, a picture that is only similar too: she has looked.
What holds for every plan holds here as well: somebody stays in each group, nobody goes whom another photo's removal
relies on, nothing goes from a protected place, and `apply` proves every step again just before it acts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from connectors.base import Features, Verb
from dedupe_core import plan as planned
from dedupe_core.gifts import gifts
from dedupe_core.model import RELATIONS, Choice, Photo, Plan, Relation, Step
from dedupe_core.places import is_protected, perhaps_one
from dedupe_core.plan import Ways
from dedupe_core.sentences import said
from dedupe_core.settings import Planning, Settings
from dedupe_core.store import Store
from dedupe_core.store.codec import encode_name
from dedupe_core.store.decisions import Decision, Place, assigned
from dedupe_core.store.plans import plan_id
from dedupe_core.waiting import Waiting

UNREAD = said("skip.unread")
IN_A_CIRCLE = said("skip.circle")
LATER = said("skip.later")
BY_YOU = said("reason.by_you")
_EQUAL = ("exact", "pixels")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided about a group of the newest run, by row."""

    choice: Choice
    keep: tuple[int, ...]
    drop: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Pick:
    victim: Photo
    keeper: Photo
    group: str
    relation: Relation
    reason: str


def decided_plan(
    store: Store,
    settings: Settings,
    verdicts: Iterable[Verdict],
    action: Literal["delete", "move"] | None = None,
    now: float | None = None,
    features: Mapping[str, Features] | None = None,
) -> Plan:
    """The plan of these verdicts, as far as the caps allow; the rest waits for the next one. `skipped` says what stays
    and why; `features` by source tell how each puts photos away. A plan of the same steps that still waits is returned
    itself."""
    desk = _Desk(store, settings.planning, tuple(verdicts))
    ways = Ways(store, settings.planning, action or settings.planning.action, features or {})
    picks, skipped = ways.sorted_out(*desk.settled())
    steps = _steps(picks, ways)
    fitting = _fitting(steps, settings.planning)
    if len(fitting) < len(steps):
        skipped[LATER] = len(steps) - len(fitting)
    given = gifts(fitting, features or {}, carry=False)
    twin = desk.waiting.same(fitting, given)
    made = time.time() if now is None else now
    return (
        replace(twin, skipped=skipped) if twin else Plan(plan_id(made, fitting, given), made, fitting, skipped, given)
    )


def verdict(choice: Choice, decision: Decision, photos: Mapping[int, Photo]) -> Verdict | None:
    """A decision as it reads on the group's members that are still there; None when it would keep nobody of them."""
    rows = [row for row in choice.group.members if row in photos]
    found = assigned(decision, [place_of(photos[row]) for row in rows])
    if found is None:
        return None
    return Verdict(choice, tuple(rows[at] for at in found[0]), tuple(rows[at] for at in found[1]))


def place_of(photo: Photo) -> Place:
    """A photo as decisions remember it."""
    return photo.asset.id.source, photo.asset.id.key, photo.content


class _Desk:
    """The verdicts, their photos as they are now, and the other plans."""

    def __init__(self, store: Store, planning: Planning, verdicts: Sequence[Verdict]) -> None:
        self.planning = planning
        self.verdicts = verdicts
        rows = {row for one in verdicts for row in (*one.keep, *one.drop)}
        present = store.assets.present(rows)
        self.photos = {row: photo for row, photo in store.assets.photos(rows).items() if row in present}
        self.aliased = {frozenset(pair) for pair in store.assets.aliased()}
        self.waiting = Waiting(store, planning.max_age_days)

    def settled(self) -> tuple[list[_Pick], dict[str, int]]:
        """The picks that may go, each with a keeper that stays in the end, and why the others may not."""
        left = self._picked()
        skipped: Counter[str] = Counter()
        while True:
            final = {row: self._to_the_end(pick, left) for row, pick in left.items()}
            refused = {row: words for row, pick in final.items() if (words := self._refusal(left[row], pick))}
            if not refused:
                return [pick for pick in final.values() if pick is not None], dict(sorted(skipped.items()))
            for row, words in refused.items():
                del left[row]
                skipped[words] += 1

    def _picked(self) -> dict[int, _Pick]:
        found: dict[int, _Pick] = {}
        for one in self.verdicts:
            keepers = [self.photos[row] for row in one.keep if row in self.photos]
            for victim in (self.photos[row] for row in one.drop if row in self.photos):
                pick = _pick(one, victim, keepers)
                if pick is not None:
                    found.setdefault(victim.row, pick)
        return found

    def _to_the_end(self, pick: _Pick, picks: Mapping[int, _Pick]) -> _Pick | None:
        """Where the keeper goes by another decision, the one that stays for it stays for this one too."""
        seen = {pick.victim.row}
        while (above := picks.get(pick.keeper.row)) is not None:
            if pick.keeper.row in seen:
                return None
            seen.add(pick.keeper.row)
            relation = max(pick.relation, above.relation, key=RELATIONS.index)
            if pick.relation not in _EQUAL and above.relation not in _EQUAL:
                relation = "similar"  # alike to one that is alike: no longer a copy that anything proves
            reason = said("reason.above", why=above.reason)
            pick = replace(pick, keeper=above.keeper, relation=relation, reason=reason)
        return pick

    def _refusal(self, own: _Pick, pick: _Pick | None) -> str | None:
        victim = own.victim
        if pick is None:
            return IN_A_CIRCLE
        if is_protected(victim.asset, self.planning.protected):
            return planned.PROTECTED_PLACE
        if not victim.content or not pick.keeper.content or victim.error or pick.keeper.error:
            return UNREAD
        if frozenset((victim.row, pick.keeper.row)) in self.aliased or perhaps_one(victim.asset, pick.keeper.asset):
            return planned.PERHAPS_ONE
        if self.waiting.goes(pick.keeper.asset.id):
            return planned.KEEPER_GOES
        if pick.relation not in _EQUAL and self.waiting.is_relied_on(victim.content):
            return planned.KEPT_FOR_ANOTHER
        return None


def _pick(one: Verdict, victim: Photo, keepers: Sequence[Photo]) -> _Pick | None:
    """The victim with the keeper that is nearest to it: of equal bytes, of equal pixels, a proved copy, or alike."""
    joined = {frozenset((edge.a, edge.b)) for edge in one.choice.group.edges if edge.relation == "near"}
    ranked = [(_relation(one.choice.group.relation, victim, keeper, joined), keeper) for keeper in keepers]
    if not ranked:
        return None
    relation, keeper = min(ranked, key=lambda pair: (RELATIONS.index(pair[0]), pair[1].row != one.choice.keep))
    proposed = victim.row in one.choice.drop and keeper.row == one.choice.keep
    reason = one.choice.reasons.get(victim.row, "") if proposed else ""
    return _Pick(victim, keeper, one.choice.group.id, relation, reason or BY_YOU)


def _relation(shown: Relation, victim: Photo, keeper: Photo, joined: Collection[frozenset[int | None]]) -> Relation:
    if victim.content and victim.content == keeper.content:
        return "exact"
    if victim.pixels and victim.pixels == keeper.pixels:
        return "pixels"
    if frozenset((victim.signature_row, keeper.signature_row)) in joined:
        return "near"
    return "series" if shown == "series" else "similar"


def _steps(picks: Iterable[_Pick], ways: Ways) -> tuple[Step, ...]:
    ordered = sorted(picks, key=lambda pick: (RELATIONS.index(pick.relation), _stable(pick.victim)))
    return tuple(_step(number, pick, *ways.of(pick.victim)) for number, pick in enumerate(ordered, 1))


def _step(number: int, pick: _Pick, verb: Verb | None, target: str) -> Step:
    assert verb is not None
    return Step(
        number=number,
        asset=pick.victim.asset,
        content=pick.victim.content,
        verb=verb,
        target=target,
        keeper=pick.keeper.asset,
        keeper_content=pick.keeper.content,
        relation=pick.relation,
        group=pick.group,
        reason=pick.reason,
    )


def _fitting(steps: tuple[Step, ...], planning: Planning) -> tuple[Step, ...]:
    """As many steps from the front as one plan may hold. Whoever is left out stays, which harms nobody: no step's
    keeper is a victim."""
    size = 0
    for count, step in enumerate(steps[: planning.max_items]):
        size += Plan("", 0, (step,)).bytes
        if size > planning.max_bytes:
            return steps[:count]
    return steps[: planning.max_items]


def _stable(photo: Photo) -> tuple[bytes, bytes]:
    return encode_name(photo.asset.id.source), encode_name(photo.asset.id.key)
