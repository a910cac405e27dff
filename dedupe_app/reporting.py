"""What a library shows: the HTML report, tables, thumbnails. One place for the command line, notebooks and the page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from dedupe_app.library import Library
from dedupe_core import tables
from dedupe_core.model import Choice
from dedupe_core.report import facts_of, write_html
from dedupe_core.thumbs import thumbnails


def choices(
    library: Library, relations: Iterable[str] = (), groups: Collection[str] | None = None, min_score: float = 0.0
) -> Iterator[Choice]:
    """The groups of the newest run: of these relations, with these ids, at least this score; all by default."""
    for choice in library.store.runs.choices(relations=relations):
        if (groups is None or choice.group.id in groups) and tables.score(choice) >= min_score:
            yield choice


def write_report(library: Library, out: Path, found: Iterable[Choice], limit: int = 1000) -> int:
    """Write groups as one HTML page and return how many it shows: at most `limit`, 0 is all. Raises `ReportError`."""
    facts = facts_of(library.store, library.settings.levels)
    connectors, lookup = library.connectors(), library.store.assets.photos
    with library.engine() as engine:
        return write_html(
            found, lookup, connectors, out, facts, engine, limit=limit, cache_folder=thumbnail_folder(library)
        )


def rows(library: Library, found: Iterable[Choice]) -> Iterator[tables.Row]:
    """One row a photo of these groups, for `dedupe_core.tables.write_…`."""
    return tables.rows(found, library.store.assets.photos, library.connectors())


def pictures(library: Library, photo_rows: Iterable[int], edge: int) -> dict[int, bytes]:
    """Thumbnails (WebP, long side at most `edge` pixels) by row."""
    photos = library.store.assets.photos(photo_rows)
    with library.engine() as engine:
        return thumbnails(photos.values(), library.connectors(), edge, thumbnail_folder(library), engine)


def thumbnail_folder(library: Library) -> Path:
    """Where a library keeps its thumbnails; the folder may be thrown away at any time."""
    return library.config.data / "thumbnails"
