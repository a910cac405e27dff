"""Taking back what a plan did, newest first; what cannot come back is told and keeps nothing else from coming."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from connectors.base import Connector, ConnectorError, Unsupported
from dedupe_core import journal
from dedupe_core.gifts import returned
from dedupe_core.model import Entry, Plan, Progress, Silent, Step
from dedupe_core.outcome import STOPPED, Outcome, outcome
from dedupe_core.places import show
from dedupe_core.settle import bring_back, receipt_for, settle_open
from dedupe_core.stopping import Stop, stop_on_signals
from dedupe_core.store import Store

_AWAY = ("done", "undo_failed", "undo_intent")


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What became of an undo. `stopped` is the sentence of a run that ended early; `gifts` is what became of those to
    photos that stayed."""

    plan: str
    outcomes: tuple[Outcome, ...]
    settled: tuple[str, ...] = ()
    stopped: str = ""
    gifts: tuple[Outcome, ...] = ()

    @property
    def restored(self) -> int:
        """Photos that this run brought back."""
        return sum(outcome.state == "done" for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """Photos that could not be brought back; more than none is exit code 3."""
        return sum(outcome.state == "failed" for outcome in self.outcomes)

    @property
    def messages(self) -> tuple[str, ...]:
        """Every sentence for the person."""
        said = (f"{o.shown or o.key}: {o.sentence}" for o in (*self.outcomes, *self.gifts) if o.sentence)
        return (*self.settled, *said, *([self.stopped] if self.stopped else []))


def undo(
    store: Store,
    connectors: Mapping[str, Connector],
    plan: Plan,
    steps: Collection[int] | None = None,
    progress: Progress | None = None,
) -> UndoResult:
    """Bring back what `plan` put away, or only the steps of these numbers. Photos that are back already are passed
    over. Call it inside `store.writing()`."""
    progress = progress or Silent()
    settled = settle_open(store, connectors)
    away = _away(store, plan, steps)
    if away and steps is None:
        with journal.written():
            store.plans.set_state(plan.id, "undoing")
    progress.stage("undoing", len(away))
    outcomes: list[Outcome] = []
    with stop_on_signals() as stop:
        stopped = _each(store, connectors, plan, away, outcomes, progress, stop)
    if store.plans.states(plan.id) and not _away(store, plan, None):
        with journal.written():
            store.plans.set_state(plan.id, "undone")
    numbers = {step.number for step in plan.gifts}
    given = tuple(one for one in outcomes if one.step in numbers)
    return UndoResult(plan.id, tuple(one for one in outcomes if one.step not in numbers), settled, stopped, given)


def _each(
    store: Store,
    connectors: Mapping[str, Connector],
    plan: Plan,
    away: list[_Away],
    outcomes: list[Outcome],
    progress: Progress,
    stop: Stop,
) -> str:
    """Fills `outcomes`; the sentence of a run that ended early, else ""."""
    for one in away:
        if stop():
            return STOPPED
        step = one.step
        try:
            result = _undo(store, connectors, plan, one)
        except journal.JournalError as error:
            outcomes.append(outcome(step, "failed", str(error)))
            return str(error)
        outcomes.append(result)
        if result.state == "failed":
            progress.error(step.asset.id.key, result.sentence)
        progress.advance(1, step.asset.size, step.asset.id.key)
    return ""


@dataclass(frozen=True, slots=True)
class _Away:
    """A step that is away: its last line in the journal, and all lines of its write."""

    step: Step
    entry: Entry
    lines: tuple[Entry, ...]


def _away(store: Store, plan: Plan, steps: Collection[int] | None) -> list[_Away]:
    """The steps that are away, newest first."""
    lines: dict[int, list[Entry]] = {}
    for entry in store.plans.journal(plan.id):
        lines.setdefault(entry.step, []).append(entry)
    numbered = {step.number: step for step in (*plan.steps, *plan.gifts)}
    if steps is not None:
        away = {number for number, told in lines.items() if told[-1].state in _AWAY}
        steps = {*steps, *returned(plan, away, steps)}
    found = [
        _Away(numbered[number], told[-1], tuple(told))
        for number, told in lines.items()
        if number in numbered and told[-1].state in _AWAY and (steps is None or number in steps)
    ]
    return sorted(found, key=lambda one: one.entry.seq, reverse=True)


def _undo(store: Store, connectors: Mapping[str, Connector], plan: Plan, one: _Away) -> Outcome:
    step, token = one.step, one.entry.token
    connector = connectors.get(step.asset.id.source)
    if connector is None:
        return outcome(step, "failed", f"Its source {step.asset.id.source} is not set up now.")
    try:
        receipt = receipt_for(one.lines, one.entry)
        if not connector.features.restore:
            raise Unsupported(f"{connector.name} cannot bring photos back itself; look into its own trash.")
        journal.record(store, plan.id, step, token, "undo_intent")
        asset = bring_back(store, connector, step, receipt, plan.id, "undone")
    except ConnectorError as error:
        journal.record(store, plan.id, step, token, "undo_failed", None, str(error))
        return outcome(step, "failed", str(error))
    taken = show(asset) != show(step.asset)
    return outcome(step, "done", f"Its place was taken; it came back as {show(asset)}." if taken else "")
