"""`run_job(name)`: the one way in which anything runs by itself: command line, daemon, launchd and page call it.

    look at the sources -> finish what a killed run began -> plan -> act within trust and caps -> report

A job acts only on relations that it is trusted with and that `planning.unattended` allows too, and never above its
caps: what goes beyond either waits as a plan for a person. A source that cannot be believed is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from connectors.base import Features, Verb
from dedupe_app.config import Config, ConfigError
from dedupe_app.job_model import ACTING, Action, JobConfig, State
from dedupe_app.job_reports import JobReport, hand_in, keep, page_of, worst
from dedupe_app.job_scope import InScope, narrower, turn_before
from dedupe_app.job_tags import leave
from dedupe_app.job_watch import Watch, parked_by_signals
from dedupe_app.learning import reanalyse
from dedupe_app.library import Library
from dedupe_app.turns import months
from dedupe_core.apply import ApplyResult, PlanRefused, apply
from dedupe_core.model import Plan, Progress, Relation, Silent
from dedupe_core.plan import CANNOT, make_plan
from dedupe_core.scan import ScanCounts
from dedupe_core.sentences import said, together
from dedupe_core.stopping import Stop, Stopped, never
from dedupe_core.store import Locked
from dedupe_core.store.plans import plan_id
from dedupe_core.undo import UndoResult
from dedupe_core.words import bytes_text

VERBS: dict[Action, tuple[Verb, ...]] = {
    "tag": ("tag",),
    "move": ("move", "tag"),
    "delete": ("delete", "move", "tag"),
}
"""What each action may turn into where a source can do less: never anything harder to take back."""
_SOURCE_STATES: dict[str, State] = {"needs login": "needs login", "halted": "source vanished"}
_NO_CAP = 1 << 60


def run_job(
    config: Config,
    name: str,
    why: str = "by hand",
    progress: Progress | None = None,
    stop: Stop = never,
) -> JobReport:
    """Run a job once and tell what became of it; whatever goes wrong is a state and a sentence. `stop` parks the run,
    as SIGTERM and `max_minutes` do; the next run goes on. Raises `ConfigError` for a job that does not exist, and
    what opening the data folder raises."""
    job = config.job(name)
    with Library.open(_configured(config, job)) as library:
        try:
            with library.store.writing(f"job {name}", lend=True), parked_by_signals():
                return _remembered(library, job, why, Watch(progress or Silent(), stop, job.max_minutes * 60))
        except Locked as error:
            library.store.jobs.note(name, why, "busy", str(error))
            return JobReport(name, why, "busy", str(error))


def _configured(config: Config, job: JobConfig) -> Config:
    """The configuration with the job's own levels and action. The hard caps hold at the end, after the job's."""
    planning: dict[str, Any] = {"action": job.action} if job.action in ("move", "delete") else {}
    change: dict[str, Any] = {"planning": config.settings.planning.model_copy(update=planning)}
    if job.levels:
        change["levels"] = job.levels
    return config.model_copy(update={"settings": config.settings.model_copy(update=change)})


@dataclass(slots=True)
class _Run:
    """One run as it grows."""

    number: int
    job: JobConfig
    why: str
    watch: Watch
    months: tuple[str, ...] = ()
    states: list[State] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    plan: str = ""

    def add(self, result: ApplyResult) -> None:
        """What a plan did."""
        counted = (
            ("put_away", result.done),
            ("freed", result.freed),
            ("skipped", result.skipped),
            ("failed", result.failed),
        )
        for key, count in counted:
            self.facts[key] = self.facts.get(key, 0) + count
        if result.failed:
            self.states.append("some failed")
            self.trouble += _failed(result)

    def add_undone(self, result: UndoResult) -> None:
        """Tags that were taken off again."""
        self.facts["untagged"] = self.facts.get("untagged", 0) + result.restored
        if result.failed:
            self.states.append("some failed")
            self.facts["failed"] = self.facts.get("failed", 0) + result.failed
            self.trouble += _failed(result)

    def park(self) -> None:
        """The run ends early and the next one goes on."""
        self.states.append("parked")
        minutes = f"{self.job.max_minutes:g} minutes are over" if self.watch.late else "it was asked to stop"
        self.notes.append(f"parked, because {minutes}; the next run goes on")

    def report(self) -> JobReport:
        """The run as it ended."""
        return JobReport(
            job=self.job.name,
            why=self.why,
            state=worst(self.states),
            note=together(self.notes),
            plan=self.plan,
            months=self.months,
            trouble=tuple(self.trouble),
            seconds=round(self.watch.passed, 3),
            late="parked" in self.states and self.watch.late,
            **self.facts,
        )


def _failed(result: ApplyResult | UndoResult) -> list[str]:
    """The first steps that failed, with the reason."""
    failed = [one for one in result.outcomes if one.state == "failed"][:20]
    return [said("step.at", place=one.key, what=one.sentence) for one in failed]


def _remembered(library: Library, job: JobConfig, why: str, watch: Watch) -> JobReport:
    """The run between its first and its last line in the store."""
    import sqlite3

    from dedupe_app.cli.errors import explain

    jobs = library.store.jobs
    run = _Run(0, job, why, watch)
    try:
        run.number = jobs.begin(job.name, why)
        _work(library, run)
    except Stopped:
        run.park()
    except Exception as error:  # noqa: BLE001 - the border of a job: whatever happens is a state and a sentence
        run.states.append("failed")
        run.notes.append(explain(error)[1])
    report = run.report()
    try:
        page = keep(library, report, page=_wants_page(library, run, report))
        report = replace(report, page=page)
        jobs.finish(run.number, report.state, report.note, report.plan, report.to_json())
        jobs.forget_older()
    except (sqlite3.Error, Stopped) as error:
        return replace(report, state=worst([report.state, "failed"]), note=f"{report.note} {explain(error)[1]}".strip())
    return report


def _wants_page(library: Library, run: _Run, report: JobReport) -> bool:
    if run.job.action not in ("report", *ACTING) or report.state in ("failed", "parked"):
        return False
    return bool(report.groups) and not _is_fresh(library, page_of(library, run.job.name))


def _is_fresh(library: Library, page: Path) -> bool:
    """Was the page written after the newest groups were made?"""
    latest = library.store.runs.latest()
    return page.exists() and latest is not None and page.stat().st_mtime > float(latest["finished_at"])


def _work(library: Library, run: _Run) -> None:
    """The stages of a run."""
    if run.job.action == "reanalyse":
        _regroup(library, run)
        return
    names = _sources(library, run.job)
    run.months = months(run.job.months, date.today(), turn_before(library, run.job))
    report = library.scan(names, run.watch, narrow=narrower(library, run.months), pictures=True)
    run.facts |= {
        "walked": sum(counts.walked for counts in report.scans),
        "changed": sum(counts.changed for counts in report.scans),
        "read": report.read,
        "groups": dict(report.groups),
    }
    healthy = _healthy(library, run, names, report.scans)
    if run.job.action in ACTING and "source vanished" not in run.states:
        _act(library, run, healthy)


def _regroup(library: Library, run: _Run) -> None:
    """The groups as people's answers now leave them: no source is asked and no photo opened."""
    run.watch.stage("grouping", None)
    found = reanalyse(library)
    run.facts["groups"] = dict(Counter(choice.group.relation for choice in found.choices))
    run.notes += [found.sentence()] if found.changes else []


def _sources(library: Library, job: JobConfig) -> tuple[str, ...]:
    """The names of the job's sources. Raises `ConfigError` for one that nobody knows."""
    known = [str(row["name"]) for row in library.store.assets.sources()]
    for name in job.sources:
        if name not in known:
            raise ConfigError(
                f"Job {job.name!r} names the source {name!r}, which nobody set up. See: keepone sources list"
            )
    return job.sources or tuple(known)


def _healthy(library: Library, run: _Run, names: Collection[str], scans: Collection[ScanCounts]) -> set[str]:
    """The sources whose photos may go: those that answered. What the others said becomes the run's state."""
    halted = {counts.source: counts for counts in scans if counts.halted}
    states = {str(row["name"]): str(row["state"]) for row in library.store.assets.sources()}
    for name, counts in halted.items():
        run.states.append(_SOURCE_STATES.get(states.get(name, ""), "unavailable"))
        run.trouble.append(said("step.at", place=name, what=counts.halted))
        run.notes.append(said("step.at", place=name, what=counts.halted))
        if counts.retry_after:
            run.facts["retry_after"] = max(counts.retry_after, run.facts.get("retry_after") or 0.0)
    return set(names) - set(halted)


def _act(library: Library, run: _Run, healthy: set[str]) -> None:
    """Finish what a killed run of this job began, then plan, and do what the job is trusted with."""
    trusted = _trusted(library, run.job)
    begun = _begun(library, run.job, trusted, healthy)
    if begun is not None:
        run.plan = begun.id
        _apply(library, run, begun)
    if run.watch.stop():
        raise Stopped
    if run.job.action == "tag" and trusted:
        for undone in leave(library, healthy, run.watch.shown):
            run.add_undone(undone)
    if run.watch.stop():
        raise Stopped
    made = _plan(library, run, trusted, healthy)
    over = _over(run.job, made)
    if over:
        run.notes.append(over)
        _wait(library, run, made, "cap reached")
        return
    if made.steps:
        library.store.plans.put(made)
        run.plan = made.id
        _apply(library, run, made)
    _wait(library, run, _plan(library, run, _wanted(library, run.job) - trusted, healthy), "waiting")


def _wait(library: Library, run: _Run, plan: Plan, state: State) -> None:
    """Leave a plan to a person, in place of the one that this job left before."""
    plans, jobs = library.store.plans, library.store.jobs
    before = next((str(one.summary["waits"]) for one in jobs.history(run.job.name, 50) if one.summary.get("waits")), "")
    unbegun = {str(row["id"]) for row in plans.all() if row["state"] == "planned"}
    if before in unbegun - {plan.id}:
        plans.set_state(before, "replaced")
    if plan.steps:
        plans.put(plan)
        run.states.append(state)
        run.plan = run.plan or plan.id
        run.facts |= {"waiting": len(plan.steps), "waits": plan.id}


def _trusted(library: Library, job: JobConfig) -> set[Relation]:
    """What the job may act on by itself: its own trust, within what the whole configuration allows."""
    planning = library.settings.planning
    return {relation for relation in _wanted(library, job) if relation in job.trust and relation in planning.unattended}


def _wanted(library: Library, job: JobConfig) -> set[Relation]:
    """What may go into a plan of this job at all."""
    return set(job.relations or library.settings.planning.relations)


def _begun(library: Library, job: JobConfig, trusted: set[Relation], healthy: set[str]) -> Plan | None:
    """The plan in the middle of which the last run of this job was ended, if it may still be acted on."""
    last = next((run for run in library.store.jobs.history(job.name, 20) if run.plan), None)
    plan = library.store.plans.get(last.plan) if last else None
    states = {str(row["id"]): str(row["state"]) for row in library.store.plans.all()}
    if plan is None or states.get(plan.id) != "applying":
        return None
    allowed = all(step.relation in trusted and step.asset.id.source in healthy for step in plan.steps)
    return plan if allowed and not _over(job, plan) else None


def _plan(library: Library, run: _Run, wanted: set[Relation], healthy: set[str]) -> Plan:
    """What this job would put away: photos of its sources in its scope, by the writes that its action may become."""
    job, planning = run.job, library.settings.planning
    uncapped = planning.model_copy(update={"max_items": _NO_CAP, "max_bytes": _NO_CAP})
    settings = library.settings.model_copy(update={"planning": uncapped})
    scope = InScope(library, job, run.months, healthy)
    action: Literal["delete", "move"] | None = "delete" if job.action == "delete" else "move"
    made = make_plan(
        library.store,
        settings,
        wanted,
        action=action,
        judge=library.judge,
        only=scope,
        features={name: _allowed(job, connector.features) for name, connector in library.connectors().items()},
    )
    asked = [step for step in made.steps if step.relation in wanted]  # equal bytes bring equal pixels with them
    steps = tuple(step for step in asked if step.verb in VERBS[job.action])
    cannot = len(asked) - len(steps) + made.skipped.get(CANNOT, 0)
    if cannot:
        run.trouble.append(f"{cannot} photos lie where they cannot be put away by {job.action}.")
    return made if steps == made.steps else replace(made, id=plan_id(made.created_at, steps, made.gifts), steps=steps)


def _allowed(job: JobConfig, features: Features) -> Features:
    """What a source can do, without what this job may not."""
    return replace(
        features,
        delete=features.delete and "delete" in VERBS[job.action],
        move=features.move and "move" in VERBS[job.action],
    )


def _over(job: JobConfig, plan: Plan) -> str:
    """The sentence of a plan above the job's caps, "" when it is within."""
    if len(plan.steps) <= job.max_items and plan.bytes <= job.max_bytes:
        return ""
    return (
        f"{len(plan.steps):,} photos ({bytes_text(plan.bytes)}) would go, more than the job's {job.max_items:,} photos "
        f"or {bytes_text(job.max_bytes)}, so nothing was touched"
    )


def _apply(library: Library, run: _Run, plan: Plan) -> None:
    """Act, unattended: `apply` itself refuses what only a person may decide."""
    library.store.jobs.will_do(run.number, plan.id)
    try:
        result = apply(
            library.store,
            library.connectors(),
            plan,
            library.settings,
            run.watch.shown,
            unattended=True,
            stop=run.watch.stop,
        )
    except PlanRefused as error:
        run.notes.append(str(error))
        run.states.append("waiting")
        return
    run.add(result)
    run.trouble += hand_in(library, run.job, plan, result)
    if result.stopped and not result.failed:
        raise Stopped
