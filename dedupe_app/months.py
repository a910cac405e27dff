"""Month by month: a gallery of `{year}/{month}` folders, each cleaned by itself, with a table of what was moved.

    run_deduplication_for_months([(2024, 6), (2024, 7)])

Every month is a small library of its own: only its folder is looked at, and its journal undoes it. The tables are
written from that journal, so they tell what happened even if the run before them was killed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.base import AssetId, ConnectorError
from dedupe_app.config import Config, ConfigError, SourceConfig, load
from dedupe_app.library import Library
from dedupe_app.sources import known_sources, local_path, new_source
from dedupe_core.apply import ApplyResult, PlanRefused
from dedupe_core.journal import receipt_of
from dedupe_core.model import Plan, Relation
from dedupe_core.places import show
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
    the sentence of a month that was not looked at; `notes` say what else a person should know."""

    year: int
    month: int
    moved: int = 0
    groups: int = 0
    left: tuple[str, ...] = ()
    skipped: str = ""
    table: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Gallery:
    """Where months lie, and the configuration that holds for them. `root` is None where they are not on this machine:
    then the tables lie in the data folder, and in the source's own report place."""

    root: Path | None
    source: SourceConfig
    config: Config

    def folder(self, month: Month) -> str:
        """A month's folder below the root."""
        return self._template().format(year=month[0], month=month[1]).strip("/")

    def _template(self) -> str:
        options = self.source.validated()
        return str(getattr(options, "month_template", None) or getattr(options, "template", None))

    def missing(self, month: Month) -> Path | None:
        """The folder that should be there and is not."""
        folder = None if self.root is None else self.root / self.folder(month)
        return None if folder is None or folder.is_dir() else folder

    def summary(self, month: Month) -> Path:
        """Where the tables of a month's year lie."""
        if self.root is None:
            return self.data / f"{month[0]}" / SUMMARY_FOLDER
        return (self.root / self.folder(month)).parent / SUMMARY_FOLDER

    @property
    def data(self) -> Path:
        """The data of this gallery's months."""
        place = self.source.name if self.root is None else str(self.root)
        where = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return self.config.data / "months" / where

    def library(self, month: Month) -> Library:
        """The month as a library: one source that is restricted to its folder, data of its own."""
        data = self.data / f"{month[0]}-{month[1]:02d}"
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
    one_line: bool = False,
) -> list[MonthResult]:
    """Move the duplicates of each month into `duplicates` in that month's folder, and say so in two lines a
    month (`one_line`: in one).

    `months` are (year, month) pairs. `gallery` is the folder above the years, or a source that is sorted into months (a
    OneDrive); by default the one local source of the configuration. `relations` is what counts as a duplicate, by
    default `planning.relations`; a job that nobody watches should pass ("exact", "pixels"). `data` and `config` are as
    with `keepone --data` and `--config`. A second run moves nothing more; `undo_deduplication_for_months` brings
    everything back. Raises `ConfigError` when there is no gallery.
    """
    where = _gallery(gallery, data, config)
    wanted = None if relations is None else tuple(relations)
    results = (_each(where, month, lambda library, m: _clean(library, where, m, wanted)) for month in months)
    return [_told(say, one_line, result, "Moved", "No duplicates found") for result in results]


def undo_deduplication_for_months(
    months: Iterable[Month],
    *,
    gallery: str | Path | None = None,
    data: str | Path | None = None,
    config: str | Path | None = None,
    say: Callable[[str], object] = print,
    one_line: bool = False,
) -> list[MonthResult]:
    """Bring back what `run_deduplication_for_months` moved in these months, the last first."""
    where = _gallery(gallery, data, config)
    results = (_each(where, month, lambda library, m: _restore(library, where, m)) for month in months)
    return [_told(say, one_line, result, "Brought back", "Nothing to bring back") for result in results]


def _gallery(named: str | Path | None, data: str | Path | None, config: str | Path | None) -> _Gallery:
    loaded = load(Path(config).expanduser() if config else None, Path(data).expanduser() if data else None).config
    known = [source for source in known_sources(loaded) if source.name == str(named)]
    if known:
        source = known[0]
    elif named is not None:
        source = new_source(str(Path(named).expanduser()), "gallery")
    else:
        local = [source for source in loaded.sources if local_path(source) is not None]
        if len(local) != 1:
            raise ConfigError(
                f"The configuration names {len(local)} folders. Say which is the gallery: "
                "run_deduplication_for_months(months, gallery='~/Pictures')"
            )
        source = local[0]
    if not _has_months(source):
        raise ConfigError(f"{source.name} has no month folders in which duplicates could be put aside.")
    return _Gallery(local_path(source), source, loaded)


def _has_months(source: SourceConfig) -> bool:
    """Is it sorted into month folders, in which a folder for duplicates has its place?"""
    fields = type(source.validated()).model_fields
    return "months" in fields and bool({"month_template", "template"} & fields.keys())


def _each(where: _Gallery, month: Month, act: Callable[[Library, Month], MonthResult]) -> MonthResult:
    """One month; what is wrong with it keeps the others from nothing."""
    if missing := where.missing(month):
        return MonthResult(*month, skipped=f"there is no folder {missing}.")
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
        away = next(iter(library.connectors().values())).features.away
        target = f"{folder}/{away or library.settings.planning.folder}"
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
    """What plans did to a month, with its tables written anew. What went for one photo that stayed is one group,
    whether it is its copy byte by byte or only looks the same."""
    done: set[tuple[str, int]] = set()
    kept: set[AssetId] = set()
    left: list[str] = []
    for plan, result in results:
        acted = {outcome.step for outcome in result.outcomes if outcome.state == "done"}
        done |= {(plan.id, step) for step in acted}
        kept |= {step.keeper.id for step in plan.steps if step.number in acted}
        stayed = (outcome for outcome in result.outcomes if outcome.state in ("skipped", "failed"))
        left += [f"{outcome.key}: {outcome.sentence}" for outcome in stayed]
    table, notes = _write_tables(library, where, month)
    return MonthResult(*month, len(done), len(kept), tuple(left), "", table, notes)


def _write_tables(library: Library, where: _Gallery, month: Month) -> tuple[Path, tuple[str, ...]]:
    """The month's table from its journal, then the year's from the tables of its months; and the month's for the
    source's own report place, where it has one."""
    summary = where.summary(month)
    summary.mkdir(exist_ok=True, parents=where.root is None)
    table = summary / f"dedupe_log_{month[0]}-{month[1]:02d}.csv"
    nothing = {"group_leader": "None", "moved_file": "None", "new_location": "No duplicates found"}
    moved = list(_moved(library.store, where.root))
    date: dict[str, Any] = {"year": month[0], "month": f"{month[1]:02d}"}
    _write_csv(table, [date | row for row in moved or [nothing]])
    groups = len({row["group_leader"] for row in moved})
    document = json.dumps({**date, "moved": len(moved), "groups": groups, "files": moved}, indent=1).encode()
    if where.root is None:
        write_whole(table.with_suffix(".json"), [document])
    notes = tuple(_hand_in(library, f"{month[0]}-{month[1]:02d}", table, document))
    months = sorted(summary.glob(f"dedupe_log_{month[0]}-[01][0-9].csv"))
    _write_csv(summary / "dedupe_log.csv", [row for one in months for row in _read_csv(one)])
    return table, notes


def _hand_in(library: Library, name: str, table: Path, document: bytes) -> Iterator[str]:
    """The same table beside the photos, as CSV and JSON; a sentence for each source that refuses it."""
    for connector in library.connectors().values():
        if connector.features.report:
            try:
                connector.report(f"{name}.csv", table.read_bytes())
                connector.report(f"{name}.json", document)
            except ConnectorError as error:
                yield f"The table lies in {table} only: {error}"


def _moved(store: Store, root: Path | None) -> Iterator[dict[str, Any]]:
    """What the journal says is away now, plan by plan as they were made."""
    for row in reversed(store.plans.all()):
        plan, states = store.plans.get(row["id"]), store.plans.states(row["id"])
        for step in plan.steps if plan else ():
            entry = states.get(step.number)
            if entry is None or entry.state not in ("done", "undo_failed"):
                continue
            yield {
                "group_leader": cell(_path(root, step.keeper.id.key, show(step.keeper))),
                "moved_file": cell(_path(root, step.asset.id.key, show(step.asset))),
                "new_location": cell(_place_after(root, receipt_of(entry).after)),
                "relation": step.relation,
                "reason": cell(step.reason),
                "plan": row["id"],
            }


def _path(root: Path | None, key: str, shown: str) -> str:
    """Where a photo is: a path of this machine, or the one in its source."""
    return shown if root is None else str(root / key)


def _place_after(root: Path | None, after: Mapping[str, Any]) -> str:
    return _path(root, str(after["key"]), f"{after.get('folder', '')}/{after.get('name', '')}".strip("/"))


def _write_csv(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(file, [text.getvalue().encode("utf-8")])


def _read_csv(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return [{name: row.get(name, "") for name in COLUMNS} for row in csv.DictReader(stream)]


def _told(say: Callable[[str], object], one_line: bool, result: MonthResult, done: str, nothing: str) -> MonthResult:
    """The lines of a month, and one for each photo that stayed."""
    when = f"{result.year}/{result.month:02d}"
    if result.skipped:
        say(f"Skipped {when}: {result.skipped}")
        return result
    acted = f"{done} {result.moved} duplicate files from {result.groups} group(s) in {when}."
    lines = [acted if result.moved else f"{nothing} in {when}."]
    lines += [f"Summary updated for {when}{'' if result.moved or one_line else f' ({nothing.lower()})'}."]
    for line in [" ".join(lines).removesuffix(".")] if one_line else lines:
        say(line)
    for sentence in result.left:
        say(f"  Not {done.lower()}: {sentence}")
    for note in result.notes:
        say(f"  {note}")
    return result
