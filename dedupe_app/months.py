"""Month by month: a gallery of `{year}/{month}` folders, each cleaned by itself, with a table of what was moved.

    run_deduplication_for_months([(2024, 6), (2024, 7)])

Every month is a small library of its own: only its folder is looked at, and its journal undoes it. The tables are
written from that journal, so they tell what happened even if the run before them was killed.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.base import ConnectorError
from dedupe_app.config import Config, ConfigError, SourceConfig, load
from dedupe_app.library import Library
from dedupe_app.sources import local_path, new_source
from dedupe_core.apply import ApplyResult, PlanRefused
from dedupe_core.journal import receipt_of
from dedupe_core.model import Plan, Relation
from dedupe_core.plan import PlanError, make_plan
from dedupe_core.store import Store
from dedupe_core.store.plans import plan_id
from dedupe_core.tables import cell
from dedupe_core.undo import UndoResult
from dedupe_core.whole import write_whole

SUMMARY_FOLDER = "duplicates_summary"
COLUMNS = ("year", "month", "group_leader", "moved_file", "new_location", "relation", "reason", "plan")
Month = tuple[int, int]


@dataclass(frozen=True, slots=True)
class MonthResult:
    """What became of one month. `left` has a sentence for each photo that should have moved and did not; `skipped` is
    the sentence of a month that was not looked at."""

    year: int
    month: int
    moved: int = 0
    groups: int = 0
    left: tuple[str, ...] = ()
    skipped: str = ""
    table: Path | None = None


@dataclass(frozen=True, slots=True)
class _Gallery:
    """Where months lie, and the configuration that holds for them."""

    root: Path
    source: SourceConfig
    config: Config

    def folder(self, month: Month) -> str:
        """A month's folder below the root."""
        template = str(self.source.options.get("month_template", "{year}/{month:02d}"))
        return template.format(year=month[0], month=month[1]).strip("/")

    def library(self, month: Month) -> Library:
        """The month as a library: one source that is restricted to its folder, data of its own."""
        where = hashlib.sha256(str(self.root).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        data = self.config.data / "months" / where / f"{month[0]}-{month[1]:02d}"
        options = {**self.source.options, "months": [f"{month[0]}-{month[1]:02d}"]}
        source = self.source.model_copy(update={"options": options})
        return Library.open(self.config.model_copy(update={"data": data, "sources": (source,)}))


def run_deduplication_for_months(
    months: Iterable[Month],
    *,
    gallery: str | Path | None = None,
    relations: Iterable[Relation] | None = None,
    data: str | Path | None = None,
    config: str | Path | None = None,
    say: Callable[[str], object] = print,
) -> list[MonthResult]:
    """Move the duplicates of each month into `duplicates` in that month's folder, and say so in two lines a month.

    `months` are (year, month) pairs. `gallery` is the folder above the years; by default the one local source of the
    configuration. `relations` is what counts as a duplicate, by default `planning.relations`; a job that nobody watches
    should pass ("exact", "pixels"). `data` and `config` are as with `keepone --data` and `--config`. A second run moves
    nothing more; `undo_deduplication_for_months` brings everything back. Raises `ConfigError` when there is no gallery.
    """
    where = _gallery(gallery, data, config)
    wanted = None if relations is None else tuple(relations)
    return [_told(say, _each(where, month, lambda library, m: _clean(library, where, m, wanted))) for month in months]


def undo_deduplication_for_months(
    months: Iterable[Month],
    *,
    gallery: str | Path | None = None,
    data: str | Path | None = None,
    config: str | Path | None = None,
    say: Callable[[str], object] = print,
) -> list[MonthResult]:
    """Bring back what `run_deduplication_for_months` moved in these months, the last first."""
    where = _gallery(gallery, data, config)
    results = (_each(where, month, lambda library, m: _restore(library, where, m)) for month in months)
    return [_told(say, result, "Brought back", "Nothing to bring back") for result in results]


def _gallery(named: str | Path | None, data: str | Path | None, config: str | Path | None) -> _Gallery:
    loaded = load(Path(config).expanduser() if config else None, Path(data).expanduser() if data else None).config
    if named is not None:
        source = new_source(str(Path(named).expanduser()), "gallery")
    else:
        local = [source for source in loaded.sources if local_path(source) is not None]
        if len(local) != 1:
            raise ConfigError(
                f"The configuration names {len(local)} folders. Say which is the gallery: "
                "run_deduplication_for_months(months, gallery='~/Pictures')"
            )
        source = local[0]
    root = local_path(source)
    assert root is not None
    return _Gallery(root, source, loaded)


def _each(where: _Gallery, month: Month, act: Callable[[Library, Month], MonthResult]) -> MonthResult:
    """One month; what is wrong with it keeps the others from nothing."""
    folder = where.root / where.folder(month)
    if not folder.is_dir():
        return MonthResult(*month, skipped=f"there is no folder {folder}.")
    try:
        with where.library(month) as library:
            return act(library, month)
    except (ConnectorError, PlanError, PlanRefused) as error:
        return MonthResult(*month, skipped=str(error))


def _clean(library: Library, where: _Gallery, month: Month, relations: tuple[Relation, ...] | None) -> MonthResult:
    """What a killed run left is finished first; then the month is looked at anew."""
    begun = [library.store.plans.get(row["id"]) for row in library.store.plans.all() if row["state"] == "applying"]
    results = [(plan, library.apply(plan)) for plan in begun if plan is not None]
    library.scan()
    plan = _planned(library, where.folder(month), relations)
    if plan.steps:
        results.append((plan, library.apply(plan)))
    return _summed(library, where, month, results)


def _planned(library: Library, folder: str, relations: tuple[Relation, ...] | None) -> Plan:
    """The month's plan, with every photo going into the one folder of the month, also from folders below it."""
    with library.store.writing("plan"):
        made = make_plan(library.store, library.settings, relations, action="move", judge=library.judge)
        target = f"{folder}/{library.settings.planning.folder}"
        steps = tuple(replace(step, target=target) for step in made.steps)
        plan = replace(made, id=plan_id(made.created_at, steps), steps=steps)
        if plan.steps:
            library.store.plans.put(plan)
    return plan


def _restore(library: Library, where: _Gallery, month: Month) -> MonthResult:
    plans = [library.store.plans.get(row["id"]) for row in library.store.plans.all()]
    results = [(plan, library.undo(plan.id)) for plan in plans if plan is not None]
    return _summed(library, where, month, results)


def _summed(
    library: Library, where: _Gallery, month: Month, results: Iterable[tuple[Plan, ApplyResult | UndoResult]]
) -> MonthResult:
    """What plans did to a month, with its tables written anew."""
    done: set[tuple[str, int]] = set()
    groups: set[str] = set()
    left: list[str] = []
    for plan, result in results:
        acted = {outcome.step for outcome in result.outcomes if outcome.state == "done"}
        done |= {(plan.id, step) for step in acted}
        groups |= {step.group for step in plan.steps if step.number in acted}
        stayed = (outcome for outcome in result.outcomes if outcome.state in ("skipped", "failed"))
        left += [f"{outcome.key}: {outcome.sentence}" for outcome in stayed]
    return MonthResult(*month, len(done), len(groups), tuple(left), "", _write_tables(library, where, month))


def _write_tables(library: Library, where: _Gallery, month: Month) -> Path:
    """The month's table from its journal, then the year's from the tables of its months."""
    folder = where.root / where.folder(month)
    summary = folder.parent / SUMMARY_FOLDER
    summary.mkdir(exist_ok=True)
    table = summary / f"dedupe_log_{month[0]}-{month[1]:02d}.csv"
    nothing = {"group_leader": "None", "moved_file": "None", "new_location": "No duplicates found"}
    rows = list(_moved(library.store, where.root)) or [nothing]
    _write_csv(table, [{"year": month[0], "month": f"{month[1]:02d}"} | row for row in rows])
    months = sorted(summary.glob(f"dedupe_log_{month[0]}-[01][0-9].csv"))
    _write_csv(summary / "dedupe_log.csv", [row for one in months for row in _read_csv(one)])
    return table


def _moved(store: Store, root: Path) -> Iterator[dict[str, Any]]:
    """What the journal says is away now, plan by plan as they were made."""
    for row in reversed(store.plans.all()):
        plan, states = store.plans.get(row["id"]), store.plans.states(row["id"])
        for step in plan.steps if plan else ():
            entry = states.get(step.number)
            if entry is None or entry.state not in ("done", "undo_failed"):
                continue
            yield {
                "group_leader": cell(str(root / step.keeper.id.key)),
                "moved_file": cell(str(root / step.asset.id.key)),
                "new_location": cell(str(root / receipt_of(entry).after["key"])),
                "relation": step.relation,
                "reason": cell(step.reason),
                "plan": row["id"],
            }


def _write_csv(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(file, [text.getvalue().encode("utf-8")])


def _read_csv(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return [{name: row.get(name, "") for name in COLUMNS} for row in csv.DictReader(stream)]


def _told(
    say: Callable[[str], object], result: MonthResult, done: str = "Moved", nothing: str = "No duplicates found"
) -> MonthResult:
    """The two lines of a month, and one for each photo that stayed."""
    when = f"{result.year}/{result.month:02d}"
    if result.skipped:
        say(f"Skipped {when}: {result.skipped}")
        return result
    if result.moved:
        say(f"{done} {result.moved} duplicate files from {result.groups} group(s) in {when}.")
        say(f"Summary updated for {when}.")
    else:
        say(f"{nothing} in {when}.")
        say(f"Summary updated for {when} ({nothing.lower()}).")
    for sentence in result.left:
        say(f"  Not {done.lower()}: {sentence}")
    return result
