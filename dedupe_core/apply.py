"""The only stage that changes anything: the steps of a plan, each proved at this moment, journaled, and undoable.

    prove -> intent (on the disk) -> the source puts the photo away -> prove the keeper again -> receipt (on the disk)

Whatever goes wrong leaves the photo where it was, or brings it back. A run that was killed is continued by the next:
open intents are settled by looking, done steps are not done twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.base import Changed, Connector, ConnectorError, NotFound, Receipt, Refused, Unsupported
from dedupe_core import journal
from dedupe_core.gifts import give
from dedupe_core.model import Entry, JournalState, Plan, Progress, Silent, Step
from dedupe_core.outcome import STOPPED, Outcome, outcome
from dedupe_core.places import is_protected
from dedupe_core.proof import Standing, Unsafe, prove_after, prove_before
from dedupe_core.settings import Settings
from dedupe_core.settle import bring_back, proved, put_away, settle_open
from dedupe_core.stopping import Stop, Stopped, never, patiently, stop_on_signals
from dedupe_core.store import Store
from dedupe_core.store.plans import plan_id

UNATTENDED_ITEMS = 500
UNATTENDED_BYTES = 10_000_000_000
PATIENCE = 3.0  # seconds that a step under way may still take once the run is told to stop
_DAY = 86_400.0
_NOT_SETTLED = "The next start of KeepOne settles it."
_STAYS = (Changed, NotFound, Unsafe)
_JOURNALED: Mapping[Literal["skipped", "failed"], JournalState] = {"skipped": "refused", "failed": "failed"}


class PlanRefused(Exception):
    """The plan as a whole is not acted on; the message is a sentence with the next step."""


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a plan. `stopped` is the sentence of a run that ended early, "" when it came to the end; `gifts`
    is what became of those to photos that stay."""

    plan: str
    outcomes: tuple[Outcome, ...]
    settled: tuple[str, ...] = ()
    stopped: str = ""
    gifts: tuple[Outcome, ...] = ()

    def count(self, state: str) -> int:
        """Steps of one state."""
        return sum(result.state == state for result in self.outcomes)

    @property
    def done(self) -> int:
        """Photos that this run put away."""
        return self.count("done")

    @property
    def skipped(self) -> int:
        """Photos that stay because something changed or a rule keeps them."""
        return self.count("skipped")

    @property
    def failed(self) -> int:
        """Photos that stay because something went wrong; more than none is exit code 3."""
        return self.count("failed")

    @property
    def freed(self) -> int:
        """Bytes that emptying the trash or quarantine will free; photos with other hard links free none."""
        return sum(result.freed for result in self.outcomes)

    @property
    def messages(self) -> tuple[str, ...]:
        """Every sentence for the person, in the order of the plan."""
        said = (
            f"{o.shown or o.key}: {o.sentence}"
            for o in (*self.outcomes, *self.gifts)
            if o.sentence and o.state != "already"
        )
        return (*self.settled, *said, *([self.stopped] if self.stopped else []))


def apply(
    store: Store,
    connectors: Mapping[str, Connector],
    plan: Plan,
    settings: Settings,
    progress: Progress | None = None,
    dry_run: bool = False,
    unattended: bool = False,
    stop: Stop = never,
) -> ApplyResult:
    """Do what the plan says and was not done yet. `dry_run` proves every step and writes nothing. `stop` ends it
    early, as SIGTERM does. Call it inside `store.writing()`. Raises `PlanRefused`, before anything is touched, for a
    plan that is altered, too old or too large, and for one that only a person may apply when `unattended`."""
    progress = progress or Silent()
    check_plan(plan, settings, unattended)
    settled: tuple[str, ...] = ()
    if not dry_run:
        settled = settle_open(store, connectors)
        with journal.written():
            store.plans.put(plan)
            store.plans.set_state(plan.id, "applying")
    with stop_on_signals() as told:
        work = _Work(store, connectors, plan, settings, Standing(store, plan), lambda: told() or stop(), dry_run)
        outcomes, stopped = _steps(work, progress)
        given = [] if dry_run or stopped else give(store, connectors, plan, work.stop)
    if not dry_run and not stopped and not any(result.state == "failed" for result in (*outcomes, *given)):
        with journal.written():
            store.plans.set_state(plan.id, "applied")
    return ApplyResult(plan.id, tuple(outcomes), settled, stopped, tuple(given))


def check_plan(plan: Plan, settings: Settings, unattended: bool = False) -> None:
    """Raises `PlanRefused` when the plan may not be acted on as a whole."""
    limits = settings.planning
    if plan.id != plan_id(plan.created_at, plan.steps, plan.gifts):
        raise PlanRefused(f"Plan {plan.id} was altered after it was made. Make a new one: keepone plan")
    age = (time.time() - plan.created_at) / _DAY
    if age > limits.max_age_days:
        raise PlanRefused(f"Plan {plan.id} is {age:.0f} days old. Make a new one: keepone plan")
    items = min(limits.max_items, UNATTENDED_ITEMS) if unattended else limits.max_items
    size = min(limits.max_bytes, UNATTENDED_BYTES) if unattended else limits.max_bytes
    if len(plan.steps) > items or plan.bytes > size:
        raise PlanRefused(
            f"Plan {plan.id} would put away {len(plan.steps):,} photos of {plan.bytes / 1e9:.1f} GB; the cap is "
            f"{items:,} photos and {size / 1e9:.0f} GB. Plan less, or raise planning.max_items and planning.max_bytes."
        )
    if unattended and any(step.relation not in limits.unattended for step in plan.steps):
        raise PlanRefused(f"Plan {plan.id} holds photos that only a person may decide on. Apply it by hand.")


@dataclass(frozen=True, slots=True)
class _Work:
    store: Store
    connectors: Mapping[str, Connector]
    plan: Plan
    settings: Settings
    standing: Standing
    stop: Stop
    dry_run: bool


def _steps(work: _Work, progress: Progress) -> tuple[list[Outcome], str]:
    before = work.store.plans.states(work.plan.id)
    outcomes: list[Outcome] = []
    progress.stage("applying", len(work.plan.steps))
    for steps in _batches(work):
        if work.stop():
            return outcomes, STOPPED
        left = {step.number: step for step in steps}
        try:
            for result in _together(work, steps, before) if len(steps) > 1 else [_step(work, steps[0], before)]:
                step = left.pop(result.step)
                outcomes.append(result)
                if result.state == "failed":
                    progress.error(step.asset.id.key, result.sentence)
                progress.advance(1, step.asset.size, step.asset.id.key)
        except Stopped:
            return outcomes, STOPPED
        except journal.JournalError as error:
            return [*outcomes, outcome(next(iter(left.values())), "failed", str(error))], str(error)
    return outcomes, ""


def _batches(work: _Work) -> Iterator[list[Step]]:
    """The steps in their order, one by one; those that get one label from a source that takes many at once together."""
    batch: list[Step] = []
    for step in work.plan.steps:
        connector = work.connectors.get(step.asset.id.source)
        most = connector.features.together if connector is not None and step.verb == "tag" else 1
        if batch and (len(batch) >= most or _label(batch[0]) != _label(step)):
            yield batch
            batch = []
        batch.append(step)
    if batch:
        yield batch


def _label(step: Step) -> tuple[str, str, str]:
    return step.asset.id.source, step.verb, step.target


def _step(work: _Work, step: Step, before: Mapping[int, Entry]) -> Outcome:
    return _stands(work, step, before.get(step.number)) or _put_away(work, step)


def _together(work: _Work, steps: Sequence[Step], before: Mapping[int, Entry]) -> Iterator[Outcome]:
    """Each is proved and announced; then the source is asked once. Whoever is kept for the sake of one of them stays,
    whatever comes of it."""
    tokens: dict[int, str] = {}
    ready: list[Step] = []
    for step in steps:
        stands = _stands(work, step, before.get(step.number))
        if stands is not None:
            yield stands
        else:
            work.standing.rely_on(step, work.plan.id)
            ready.append(step)
    if not ready:
        return
    for step in ready:
        tokens[step.number] = _announced(work, step)
    connector = work.connectors[steps[0].asset.id.source]
    answers = connector.tag_all([proved(step) for step in ready], steps[0].target, list(tokens.values()))
    silent = False
    for step, answer in zip(ready, answers, strict=True):
        if silent and isinstance(answer, ConnectorError):  # it was asked what happened, and did not say
            yield outcome(step, "failed", f"{answer} {_NOT_SETTLED}")
            continue
        result = _reported(work, step, tokens[step.number], answer)
        silent = silent or result.sentence.endswith(_NOT_SETTLED)
        yield result


def _stands(work: _Work, step: Step, last: Entry | None) -> Outcome | None:
    """What there is to say of a step without doing it; None when it may be done now."""
    state = last.state if last else ""
    if state in ("done", "undo_failed"):
        return outcome(step, "already")
    if state == "undone":
        return outcome(step, "skipped", "It was brought back. To put it away again, make a new plan.")
    if state in ("intent", "undo_intent"):
        return outcome(step, "failed", "An earlier write on it is not settled yet.")
    try:
        _permitted(work, step)
        prove_before(work.connectors, step, work.stop)
    except _STAYS as error:
        return _stays(work, step, last, "skipped", str(error))
    except ConnectorError as error:
        return _stays(work, step, last, "failed", str(error))
    if work.dry_run:
        return outcome(step, "would", freed=_frees(step))
    return None


def _permitted(work: _Work, step: Step) -> None:
    work.standing.check(step)
    if is_protected(step.asset, work.settings.planning.protected):
        raise Unsafe("It lies in a protected folder.")


def _put_away(work: _Work, step: Step) -> Outcome:
    token = _announced(work, step)
    answer: Receipt | ConnectorError | None
    try:
        answer = _write(work.connectors[step.asset.id.source], step, token)
    except ConnectorError as error:
        answer = error
    return _reported(work, step, token, answer)


def _announced(work: _Work, step: Step) -> str:
    """The token of a write that is in the journal now."""
    token = f"{time.strftime('%Y%m%d')}-{work.plan.id[:8]}-{step.number:05d}-{secrets.token_hex(4)}"
    journal.record(work.store, work.plan.id, step, token, "intent")
    return token


def _reported(work: _Work, step: Step, token: str, answer: Receipt | ConnectorError | None) -> Outcome:
    if isinstance(answer, Changed | NotFound):
        return _not_done(work, step, token, "skipped", str(answer))
    if isinstance(answer, Refused | Unsupported):
        return _not_done(work, step, token, "failed", str(answer))
    receipt = None if isinstance(answer, ConnectorError) else answer
    if isinstance(answer, ConnectorError):
        try:  # a time-out or a broken connection leaves it open whether it happened
            connector = work.connectors[step.asset.id.source]
            receipt = connector.settle(step.verb, proved(step), step.target, token)
        except ConnectorError as error:
            return outcome(step, "failed", f"{answer} ({error}) {_NOT_SETTLED}")
    if receipt is None:
        return _not_done(work, step, token, "failed", "The source did not do it; run it again.")
    try:
        prove_after(work.connectors, step, patiently(work.stop, PATIENCE))
    except _STAYS as error:
        return _take_back(work, step, receipt, "skipped", str(error))
    except ConnectorError as error:
        return _take_back(work, step, receipt, "failed", str(error))
    except Stopped:
        _take_back(work, step, receipt, "skipped", "The run was stopped.")
        raise
    put_away(work.store, work.plan.id, step, receipt)
    work.standing.rely_on(step, work.plan.id)
    return outcome(step, "done", freed=int(receipt.after.get("frees", _frees(step))))


def _frees(step: Step) -> int:
    """A photo that is only tagged stays where it is."""
    return 0 if step.verb == "tag" else step.asset.size


def _write(connector: Connector, step: Step, token: str) -> Receipt | None:
    victim = proved(step)
    if step.verb == "delete":
        return connector.delete(victim, token)
    if step.verb == "move":
        return connector.move(victim, step.target, token)
    return connector.tag(victim, step.target, True, token)


def _take_back(work: _Work, step: Step, receipt: Receipt, state: Literal["skipped", "failed"], reason: str) -> Outcome:
    """The keeper could not be proved with the victim away: the victim comes back at once."""
    connector = work.connectors[step.asset.id.source]
    try:
        bring_back(work.store, connector, step, receipt, work.plan.id, _JOURNALED[state], reason)
    except ConnectorError as error:
        sentence = f"{reason} It could not be brought back either: {error} Bring it back with: keepone undo"
        put_away(work.store, work.plan.id, step, receipt, sentence)
        return outcome(step, "failed", sentence)
    return outcome(step, state, f"{reason} It was brought back at once.")


def _not_done(work: _Work, step: Step, token: str, state: Literal["skipped", "failed"], reason: str) -> Outcome:
    journal.record(work.store, work.plan.id, step, token, _JOURNALED[state], None, reason)
    return outcome(step, state, reason)


def _stays(work: _Work, step: Step, last: Entry | None, state: Literal["skipped", "failed"], reason: str) -> Outcome:
    """Nothing was begun. The journal tells it once, not at every repetition."""
    if not work.dry_run and (last is None or last.note != reason):
        return _not_done(work, step, last.token if last else "", state, reason)
    return outcome(step, state, reason)
