"""KeepOne in a notebook: open a library, look at groups as pictures, frames and figures, plan, apply, undo.

from dedupe_app.notebook import open_library

lib = open_library("~/Pictures")
lib.scan()
near = lib.groups(relation="near", min_score=0.97)     # shows itself
plan = near.plan()
lib.apply(plan)                                        # a rehearsal; dry_run=False does it
lib.undo()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from html import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, overload

from dedupe_app import reporting
from dedupe_app.config import load
from dedupe_app.library import Library
from dedupe_app.showing import EDGE, SHOWN_PHOTOS, frame, group_html
from dedupe_app.sources import with_paths
from dedupe_app.views import GroupView, PhotoView
from dedupe_core.apply import ApplyResult
from dedupe_core.model import Plan, Progress, Relation
from dedupe_core.pipeline import RunReport
from dedupe_core.undo import UndoResult
from dedupe_core.words import bytes_text, count_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLUMNS = (
    "group_id",
    "relation",
    "score",
    "photo_id",
    "source",
    "path",
    "width",
    "height",
    "bytes",
    "taken_at",
    "format",
    "is_keeper",
    "role",
    "reason",
)
SHOWN_GROUPS = 20
Pictures = Callable[[Iterable[int]], dict[int, bytes]]


def open_library(*places: str | Path, data: str | Path | None = None, config: str | Path | None = None) -> OpenLibrary:
    """A library of folders or of sources that the configuration names; without `places`, of all that is known. `data`
    is the data folder and `config` the configuration file, as with `keepone --data` and `--config`. Raises
    `ConfigError` when a place is neither a folder nor a source."""
    loaded = load(Path(config).expanduser() if config else None, Path(data).expanduser() if data else None)
    settled, names = with_paths(loaded.config, [str(place) for place in places])
    return OpenLibrary(Library.open(settled), names)


@dataclass(frozen=True, slots=True)
class ShownGroup(GroupView):
    """A group that shows itself; all that `GroupView` says, and the pictures."""

    pictures: Pictures

    def _repr_html_(self) -> str:
        return frame(group_html(self, self.pictures([photo.row for photo in self.members[:SHOWN_PHOTOS]])))


class GroupSet(Sequence[ShownGroup]):
    """Groups of one question: a sequence that shows itself, becomes a data frame or a figure, a plan or a report."""

    def __init__(self, library: OpenLibrary, groups: Iterable[ShownGroup]) -> None:
        self._library = library
        self._groups = tuple(groups)

    def __len__(self) -> int:
        return len(self._groups)

    @overload
    def __getitem__(self, index: int) -> ShownGroup: ...
    @overload
    def __getitem__(self, index: slice) -> GroupSet: ...
    def __getitem__(self, index: int | slice) -> ShownGroup | GroupSet:
        if isinstance(index, slice):
            return GroupSet(self._library, self._groups[index])
        return self._groups[index]

    def __repr__(self) -> str:
        photos = sum(len(group.members) for group in self)
        return f"{count_text(len(self), 'group')}, {count_text(photos, 'photo')}, {bytes_text(self.frees)} to free"

    @property
    def frees(self) -> int:
        """Bytes that a plan of these groups would put away."""
        return sum(group.frees for group in self)

    def where(self, wanted: Callable[[GroupView], bool]) -> GroupSet:
        """Those groups of which `wanted(group)` is true."""
        return GroupSet(self._library, (group for group in self if wanted(group)))

    def to_frame(self) -> pd.DataFrame:
        """One row a photo, the keeper of each group first. Raises `ImportError` with the command when pandas is not
        installed."""
        try:
            import pandas as pd
        except ImportError as missing:
            raise ImportError("A data frame needs pandas: pip install 'keepone[notebook]'") from missing
        table = pd.DataFrame(list(self.rows()), columns=list(COLUMNS))
        table["taken_at"] = pd.to_datetime(table["taken_at"])
        return table

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of `to_frame` as tuples in the order of `COLUMNS`."""
        for group in self:
            for photo in group.members:
                yield _row(group, photo)

    def montage(self, n: int = 6) -> Figure:
        """The first `n` groups as a matplotlib figure, a group a line, the keeper first and framed. Nothing is shown by
        itself and pyplot's global state is left alone. Raises `ImportError` with the command when matplotlib is not
        installed."""
        try:
            from dedupe_app.montage import montage
        except ImportError as missing:
            raise ImportError("A montage needs matplotlib: pip install 'keepone[notebook]'") from missing
        some = self[:n]
        rows = (photo.row for group in some for photo in group.members[:SHOWN_PHOTOS])
        return montage(some, self._library.pictures(rows), SHOWN_PHOTOS)

    def plan(self) -> Plan:
        """A plan that puts away what these groups would drop. Nothing is changed."""
        return self._library.plan(self)

    def report(self, path: str | Path, limit: int = 1000) -> Path:
        """Write these groups as one HTML page and return where it is."""
        return self._library.report(path, self, limit)

    def _repr_html_(self) -> str:
        shown = self[:SHOWN_GROUPS]
        pictures = self._library.pictures(p.row for group in shown for p in group.members[:SHOWN_PHOTOS])
        parts = [f"<p><b>{escape(repr(self))}</b></p>", *(group_html(group, pictures) for group in shown)]
        if len(self) > len(shown):
            parts.append(f"<p>… {len(self) - len(shown)} more</p>")
        return frame("".join(parts))


class OpenLibrary:
    """A library in a notebook. Everything of `Library` is there as `.library`; close it when you are done, or use it in
    a `with` block."""

    def __init__(self, library: Library, sources: Sequence[str] = ()) -> None:
        self.library = library
        self.sources = tuple(sources)

    def scan(self, progress: Progress | None = None) -> RunReport:
        """List the places, look at what is new, group. Nothing is changed in any place."""
        return self.library.scan(self.sources or None, progress)

    def groups(self, relation: Relation | Sequence[Relation] = (), min_score: float = 0.0) -> GroupSet:
        """The groups of the newest run with a photo in one of the opened places."""
        wanted = (relation,) if isinstance(relation, str) else tuple(relation)
        found = self.library.groups(relations=wanted, min_score=min_score)
        mine = (view for view in found if not self.sources or {p.source for p in view.members} & set(self.sources))
        return GroupSet(self, (self._shown(view) for view in mine))

    def leakage(self, split: str = "train|test", relation: Relation | Sequence[Relation] = ()) -> GroupSet:
        """Groups whose photos lie in more than one part of a data set. `split` names the parts: folders anywhere in the
        path, compared without case."""
        parts = {part.strip().casefold() for part in split.split("|")} - {""}
        return self.groups(relation).where(lambda group: len(_parts_of(group, parts)) > 1)

    def plan(self, groups: Iterable[GroupView] | None = None) -> Plan:
        """A plan that puts away what the groups would drop, of all groups of the opened places by default. Nothing is
        changed."""
        return self.library.plan(groups=[group.id for group in (self.groups() if groups is None else groups)])

    def apply(self, plan: Plan, dry_run: bool = True) -> ApplyResult:
        """Rehearse a plan, or do it with `dry_run=False`: every step is proved again just before it is taken."""
        return self.library.apply(plan, dry_run=dry_run)

    def undo(self, plan: Plan | str) -> UndoResult:
        """Bring back what a plan put away. A plan may be named by the beginning of its id."""
        return self.library.undo(plan.id if isinstance(plan, Plan) else plan)

    def report(self, path: str | Path, groups: Iterable[GroupView] | None = None, limit: int = 1000) -> Path:
        """Write groups (all of the opened places by default) as one HTML page and return where it is."""
        out = Path(path).expanduser()
        ids = {group.id for group in (self.groups() if groups is None else groups)}
        reporting.write_report(self.library, out, reporting.choices(self.library, groups=ids), limit)
        return out

    def pictures(self, rows: Iterable[int]) -> dict[int, bytes]:
        """Thumbnails (WebP, long side 160 pixels) by row."""
        return reporting.pictures(self.library, rows, EDGE)

    def close(self) -> None:
        """Close the data folder."""
        self.library.close()

    def __enter__(self) -> OpenLibrary:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<library of {', '.join(self.sources) or 'all sources'}, data in {self.library.config.data}>"

    def _shown(self, view: GroupView) -> ShownGroup:
        return ShownGroup(**{item.name: getattr(view, item.name) for item in fields(GroupView)}, pictures=self.pictures)


def _parts_of(group: GroupView, parts: set[str]) -> set[str]:
    return {folder.casefold() for photo in group.members for folder in PurePosixPath(photo.path).parent.parts} & parts


def _row(group: GroupView, photo: PhotoView) -> tuple[Any, ...]:
    return (
        group.id,
        group.relation,
        group.score,
        photo.row,
        photo.source,
        photo.path,
        photo.width or None,
        photo.height or None,
        photo.size,
        photo.taken_at,
        photo.format,
        photo.row == group.keep.row,
        photo.role,
        photo.reason or (group.reason if photo.row == group.keep.row else ""),
    )
