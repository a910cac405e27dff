"""What a run of a job leaves: a sentence, a line in the report folder, a page, a report in the source's own place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from connectors.base import ConnectorError
from dedupe_app.job_model import TROUBLE, JobConfig, State
from dedupe_app.library import Library
from dedupe_app.reporting import choices, write_report
from dedupe_core.apply import ApplyResult
from dedupe_core.journal import receipt_of
from dedupe_core.model import Plan, Relation
from dedupe_core.places import show
from dedupe_core.report import ReportError
from dedupe_core.sentences import said, size_of, together

FOLDER = "reports"
_MONTHS_TOLD = 3


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a run did. `months` are those it looked at (none: all), `groups` what the library now shows, `put_away`,
    `skipped` and `failed` the steps it took, `untagged` what lost its tag again, `waiting` the photos of the plan
    `waits`, which is left to a person. `trouble` has a sentence for each thing that went wrong. `retry_after` are the
    seconds that a source asked for. `late`: it was parked because its own time was over."""

    job: str
    why: str
    state: State
    note: str = ""
    plan: str = ""
    months: tuple[str, ...] = ()
    walked: int = 0
    changed: int = 0
    read: int = 0
    groups: Mapping[Relation, int] = field(default_factory=dict)
    put_away: int = 0
    freed: int = 0
    skipped: int = 0
    failed: int = 0
    untagged: int = 0
    waiting: int = 0
    waits: str = ""
    trouble: tuple[str, ...] = ()
    retry_after: float | None = None
    seconds: float = 0.0
    page: str = ""
    late: bool = False

    @property
    def notable(self) -> bool:
        """True when a person may want to know: something was done, something waits, or something is wrong."""
        return bool(self.put_away or self.untagged or self.failed or self.waiting) or self.state in TROUBLE

    def to_json(self) -> dict[str, Any]:
        """The report as a document."""
        return {**asdict(self), "groups": dict(self.groups)}

    def sentence(self) -> str:
        """One line for people: "nightly: put away 12 photos (34 MB); 3 left as they were"."""
        told: list[str] = [said("job.away", n=self.put_away, size=size_of(self.freed))] if self.put_away else []
        told += [said("job.untagged", n=self.untagged)] if self.untagged else []
        told += [said("job.waits", n=self.waiting, plan=self.waits[:12])] if self.waiting else []
        told += [said("job.skipped", n=self.skipped)] if self.skipped else []
        told += [said("job.failed", n=self.failed)] if self.failed else []
        told += [self.note] if self.note else []
        what = together(told) or said("job.nothing")
        if not self.months:
            return said("job.told", job=self.job, what=what)
        many = len(self.months) > _MONTHS_TOLD
        months = said("job.span", first=self.months[0], last=self.months[-1]) if many else self.months
        return said("job.told_of", job=self.job, what=what, months=months)


def report_from(raw: Mapping[str, Any]) -> JobReport:
    """The inverse of `JobReport.to_json`."""
    lists = {"months": tuple(raw["months"]), "trouble": tuple(raw["trouble"])}
    return JobReport(**{**raw, **lists})


def keep(library: Library, report: JobReport, page: bool) -> str:
    """Write the run into the report folder: a line in `runs.jsonl` when it is notable, and the page of groups when
    `page`. The path of the page, "" when none was written. A full disk costs the report, never the run."""
    folder = library.config.data / FOLDER
    with suppress(OSError, ReportError):
        folder.mkdir(exist_ok=True, mode=0o700)
        if report.notable:
            with (folder / "runs.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"at": time.time(), **report.to_json()}, ensure_ascii=True) + "\n")
        if page:
            target = folder / f"{report.job}.html"
            write_report(library, target, choices(library))
            return str(target)
    return ""


def page_of(library: Library, job: str) -> Path:
    """Where the page of a job lies."""
    return library.config.data / FOLDER / f"{job}.html"


def hand_in(library: Library, job: JobConfig, plan: Plan, result: ApplyResult) -> Iterator[str]:
    """Leave what a plan did in each source's own report place; a sentence for each source that refused it."""
    acted = {outcome.step for outcome in result.outcomes if outcome.state == "done"}
    for name, connector in library.connectors().items():
        steps = [step for step in plan.steps if step.number in acted and step.asset.id.source == name]
        if not steps or not connector.features.report:
            continue
        states = library.store.plans.states(plan.id)
        files = [
            {
                "kept": show(step.keeper),
                "kept_in": step.keeper.id.source,
                "moved": show(step.asset),
                "now": _place(receipt_of(states[step.number]).after),
                "relation": step.relation,
                "reason": step.reason,
            }
            for step in steps
        ]
        body = {"job": job.name, "plan": plan.id, "files": files}
        try:
            connector.report(f"{time.strftime('%Y-%m-%d')} {job.name} {plan.id[:8]}.json", _document(body))
        except ConnectorError as error:
            yield f"{name}: the report could not be left there: {error}"


def _place(after: Mapping[str, Any]) -> str:
    return str(after.get("key", ""))


def _document(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=True, indent=1).encode()


def worst(states: Sequence[State]) -> State:
    """The one to show of several."""
    return min(states, key=(*TROUBLE, "parked", "waiting", "busy", "done").index, default="done")
