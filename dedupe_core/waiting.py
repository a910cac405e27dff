"""What other plans have done and mean to do, as far as a new plan must not cross them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from connectors.base import AssetId
from dedupe_core.model import Plan, Step
from dedupe_core.store import Store

_DAY = 86_400.0


class Waiting:
    """Plans that were begun, and plans that may still be.

    A plan that nobody began waits as long as it may be applied and no newer run has made other groups: what was planned
    from groups that are gone binds nobody (should it be applied after all, `apply` asks the journal the same again)."""

    def __init__(self, store: Store, max_age_days: float) -> None:
        self.plans: list[Plan] = []
        self._going: set[AssetId] = set()
        self._relied: set[str] = set()
        latest = store.runs.latest()
        since = max(float(latest["finished_at"]) if latest else 0.0, time.time() - max_age_days * _DAY)
        for row in store.plans.all():
            plan = store.plans.get(row["id"])
            if plan is None:
                continue
            states = {number: entry.state for number, entry in store.plans.states(plan.id).items()}
            fresh = row["state"] == "planned" and plan.created_at >= since
            if fresh:
                self.plans.append(plan)
            for step in plan.steps:
                state = states.get(step.number)
                coming = fresh or row["state"] == "applying" if state is None else state in ("intent", "undo_intent")
                if coming:
                    self._going.add(step.asset.id)
                if step.relation not in ("exact", "pixels") and (coming or state in ("done", "undo_failed")):
                    self._relied.add(step.keeper_content)

    def goes(self, asset: AssetId) -> bool:
        """Does a plan that waits, or is under way, put this asset away?"""
        return asset in self._going

    def is_relied_on(self, content: str) -> bool:
        """Did another photo go, or will it, because this content stays? Equal bytes and pixels rely on nothing: what
        is proved a copy of the one is a copy of the other."""
        return content in self._relied

    def same(self, steps: Sequence[Step], gifts: Sequence[Step] = ()) -> Plan | None:
        """A plan of exactly these steps and gifts that waits already."""
        wanted = (tuple(steps), tuple(gifts))
        return next((plan for plan in self.plans if (plan.steps, plan.gifts) == wanted and steps), None)
