"""A source in memory with a store beside it, for the rules of plan, apply and undo that need no disk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import Asset, Connector, PartRole, Verb
from connectors.memory import MemoryConnector
from dedupe_core.apply import ApplyResult, apply
from dedupe_core.model import Plan, Relation, Silent, Step
from dedupe_core.scan import scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.plans import plan_id
from dedupe_core.undo import UndoResult, undo

SETTINGS = Settings()


@dataclass(slots=True)
class Cloud:
    """`store` and one source `cloud`; photos are spoken of by their keys."""

    store: Store = field(default_factory=lambda: Store(None))
    source: MemoryConnector = field(default_factory=lambda: MemoryConnector("cloud"))
    others: dict[str, Connector] = field(default_factory=dict)

    @property
    def connectors(self) -> dict[str, Connector]:
        return {"cloud": self.source, **self.others}

    def put(
        self,
        name: str,
        data: bytes,
        folder: str = "",
        parts: tuple[tuple[PartRole, str, bytes], ...] = (),
        **facts: Any,
    ) -> str:
        return self.source.put(name, data, folder, parts, **facts).key

    def scan(self) -> None:
        scan(self.store, self.source, SETTINGS.scanning, Silent(), accept_loss=True)
        for photo in list(self.store.assets.unread()):
            with self.source.open(photo.asset) as stream:
                self.store.assets.set_content(photo.row, "sha256:" + hashlib.sha256(stream.read()).hexdigest())

    def step(self, number: int, victim: str, keeper: str, relation: Relation = "exact", **how: Any) -> Step:
        found = {photo.asset.id.key: photo for photo in self.store.assets.all()}
        verb: Verb = how.get("verb", "delete")
        a, b = found[victim], found[keeper]
        return Step(
            number, a.asset, a.content, verb, how.get("target", ""), b.asset, b.content, relation, "g", "a test"
        )

    def plan(self, *steps: Step, created_at: float | None = None) -> Plan:
        made = time.time() if created_at is None else created_at
        plan = Plan(plan_id(made, steps), made, steps)
        self.store.plans.put(plan)
        return plan

    def drop(self, victim: str, keeper: str, relation: Relation = "exact", **how: Any) -> Plan:
        return self.plan(self.step(1, victim, keeper, relation, **how))

    def apply(self, plan: Plan, settings: Settings = SETTINGS, **how: Any) -> ApplyResult:
        return apply(self.store, self.connectors, plan, settings, **how)

    def undo(self, plan: Plan, steps: list[int] | None = None) -> UndoResult:
        return undo(self.store, self.connectors, plan, steps)

    def there(self) -> set[str]:
        return {photo["key"] for photo in self.source.photos().values()}

    def states(self, plan: Plan) -> list[str]:
        return [entry.state for entry in self.store.plans.journal(plan.id)]


def without_content(step: Step) -> Step:
    """As a step of a photo that nobody read."""
    return replace(step, content="", keeper_content="")


def with_facts(asset: Asset, facts: Mapping[str, Any]) -> Asset:
    """The asset with other facts, as another listing would give it."""
    return replace(asset, **facts)
