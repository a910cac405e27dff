"""Into Recently Deleted of Apple Photos, with the person: what plans tagged, proved anew, journaled, looked for after.

First the photos that stay get what the others have and they lack, then macOS asks the person once for each batch. No
program can bring these photos back; `keepone undo` takes the gifts back and says what to do by hand.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.base import Asset
from connectors.photos.connector import PhotosConnector, deleted
from connectors.photos.deleting import Outcome, Removal, delete
from dedupe_app.library import Library
from dedupe_core import journal
from dedupe_core.gifts import gifts, give
from dedupe_core.model import JournalState, Plan, Step
from dedupe_core.settle import put_away, settle_open
from dedupe_core.stopping import never
from dedupe_core.store import Store
from dedupe_core.store.plans import plan_id


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of it: one outcome a photo, and the sentences of gifts that could not be given."""

    plan: str
    outcomes: tuple[Outcome, ...]
    troubles: tuple[str, ...] = ()

    def count(self, state: str) -> int:
        """Photos of one state."""
        return sum(outcome.state == state for outcome in self.outcomes)


def tagged(library: Library, plan: str = "") -> dict[str, Plan]:
    """By source the plan that would delete what is tagged now (by the plan whose id begins so); kept nowhere yet.
    A photo that changed or that left since is not in it."""
    made = {}
    for name, connector in library.connectors().items():
        if isinstance(connector, PhotosConnector):
            steps = list(_fresh(connector, _tagged(library.store, name, plan)))
            given = gifts([replace(step, verb="tag") for step in steps], {name: connector.features}, True, label=False)
            if steps:
                now = time.time()
                made[name] = Plan(plan_id(now, steps, given), now, tuple(steps), gifts=given)
    return made


def _tagged(store: Store, source: str, prefix: str) -> Iterable[Step]:
    for plan, number in sorted(set(store.plans.tagged(source).values())):
        known = store.plans.get(plan) if plan.startswith(prefix) else None
        step = known.step(number) if known is not None else None
        if step is not None and step.keeper.id.source == source:
            yield step


def _fresh(connector: PhotosConnector, steps: Iterable[Step]) -> Iterable[Step]:
    """The steps as deletions, with the photos as they are now where nothing changed."""
    wanted = list(steps)
    now = connector.look_at([asset for step in wanted for asset in (step.asset, step.keeper)])
    number = 0
    for step in wanted:
        asset, keeper = _same(step.asset, now), _same(step.keeper, now)
        if asset is not None and keeper is not None:
            number += 1
            yield replace(step, number=number, verb="delete", target="", asset=asset, keeper=keeper)


def _same(seen: Asset, now: Mapping[str, Asset]) -> Asset | None:
    here = now.get(seen.id.key)
    return here if here is not None and here.revision == seen.revision else None


def recycle(
    library: Library, source: str, plan: Plan, asked: bool, wait: Callable[[float], None] = time.sleep
) -> Removed:
    """Give, ask, delete, look. `asked` says that a person saw the warning and agreed. Raises what `deleting.delete`
    does before anything is done."""
    store, connector = library.store, library.connectors()[source]
    assert isinstance(connector, PhotosConnector)
    with store.writing("delete"):
        settle_open(store, library.connectors())
        with journal.written():
            store.plans.put(plan)
            store.plans.set_state(plan.id, "applying")
        given = give(store, library.connectors(), plan, never, everyone=True)
        troubles = tuple(f"{one.shown or one.key}: {one.sentence}" for one in given if one.sentence)
        spoiled = {one.key for one in given if one.state != "done"}
        steps = [step for step in plan.steps if step.keeper.id.key not in spoiled]
        lines = _Lines(store, plan, {step.asset.id.key: step for step in steps})
        removals = [Removal(step.asset, step.keeper) for step in steps]
        outcomes = tuple(delete(connector, removals, asked, lines.record, wait))
        with journal.written():
            store.plans.set_state(plan.id, "applied")
    return Removed(plan.id, outcomes, troubles)


class _Lines:
    """The journal of a deletion."""

    def __init__(self, store: Store, plan: Plan, steps: Mapping[str, Step]) -> None:
        self.store, self.plan, self.steps = store, plan, steps
        self._tokens: dict[str, str] = {}

    def record(self, removal: Removal, outcome: Outcome | None) -> None:
        """An intent before the question; what came of it after. What nobody knows yet stays open, and the next start
        looks for it."""
        key = removal.asset.id.key
        step = self.steps[key]
        if outcome is None:
            self._tokens[key] = f"{time.strftime('%Y%m%d')}-{self.plan.id[:8]}-{step.number:05d}-{secrets.token_hex(4)}"
            journal.record(self.store, self.plan.id, step, self._tokens[key], "intent")
        elif outcome.state == "deleted":
            put_away(self.store, self.plan.id, step, deleted(step.asset, self._tokens[key]))
        elif outcome.state != "unknown":
            state: JournalState = "refused" if outcome.state == "refused" else "failed"
            token = self._tokens.get(key, "")
            journal.record(self.store, self.plan.id, step, token, state, None, outcome.sentence)
