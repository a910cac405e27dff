"""Both views of edited photos: as they were taken, and as they look now.

A library that keeps an edit beside its original (a part of the role "edit") gives the original by `open` and shows the
edit by `preview`. The signature of a content is that of one of the two; here the other gets its own, looks for
neighbours, and is compared like any picture. What it meets becomes an edge of the photo itself that says which view was
seen (`Edge.seen`). Such an edge shows two photos beside each other and never lets one of them go: an edit is not its
original, and a copy of the one is no copy of the other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from connectors.base import Changed, Connector, ConnectorError, SignInRequired, Unavailable
from dedupe_core import hamming, signing
from dedupe_core.engine import Engine
from dedupe_core.look import look, look_at_preview
from dedupe_core.model import Edge, Pair, Photo, Progress, Relation
from dedupe_core.neighbours import reach
from dedupe_core.previews import EDGE, facts_of
from dedupe_core.reading import limits_of
from dedupe_core.relate import relate
from dedupe_core.rounds import known_contents
from dedupe_core.sentences import said
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.evidence import turned
from dedupe_core.store.other_views import Missing, OtherView
from dedupe_core.symmetry import INVERSE
from dedupe_core.tasks import RECIPE, Look, Task
from dedupe_core.verify import RECIPE as COMPARISON
from dedupe_core.verify import measured_edges
from dedupe_core.views import fell_silent
from dedupe_core.words import readable

NEIGHBOURS = 24
"""So many of the nearest by hash are compared with each view; what is farther is chance."""

_PAGE = 200
_BATCH = 8


def signatures(
    store: Store, connectors: Mapping[str, Connector], engine: Engine, settings: Settings, progress: Progress
) -> int:
    """Give the other view of every edited photo a signature; how many got one. What cannot be seen now (an original
    that is only in a cloud) is tried again after a week."""
    if not {"near", "similar"} & set(settings.levels):
        return 0
    sources = {name: one for name, one in connectors.items() if one.features.preview and not one.features.reads}
    wanted = list(store.other_views.missing(RECIPE, sources)) if sources else []
    if wanted:
        progress.stage("looking at edited photos before and after", len(wanted))
    run = _Run(store, sources, engine, settings, progress)
    return sum(run.page(wanted[start : start + _PAGE]) for start in range(0, len(wanted), _PAGE))


def edges(
    store: Store, connectors: Mapping[str, Connector], engine: Engine, settings: Settings, progress: Progress
) -> list[Edge]:
    """What the other views are copies of, or like, as edges of the photos themselves."""
    views = store.other_views.all()
    pairs = _candidates(store, views, settings)
    if pairs:
        progress.stage("comparing edited photos before and after", len(pairs))
    return _told(store, views, measured_edges(store, connectors, engine, pairs, settings, progress))


def remembered(store: Store, settings: Settings) -> list[Edge]:
    """The same from what was measured before."""
    measured = list(store.other_views.measured(COMPARISON))
    known = known_contents(store, sorted({row for a, b, _ in measured for row in (a, b)}))

    def found() -> Iterator[Edge]:
        for a, b, evidence in measured:
            if a in known and b in known:
                low, high, seen = (a, b, evidence) if a < b else (b, a, turned(evidence))
                edge = relate(known[low].facts, known[high].facts, seen, settings)
                if edge is not None and edge.relation in settings.levels:
                    yield edge

    return _told(store, store.other_views.all(), found())


class _Run:
    """Fetching and looking, a page of photos at a time."""

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Connector],
        engine: Engine,
        settings: Settings,
        progress: Progress,
    ) -> None:
        self._store, self._sources, self._engine, self._progress = store, sources, engine, progress
        self._limits = limits_of(settings.limits)
        self._silent: set[str] = set()

    def page(self, wanted: Sequence[Missing]) -> int:
        """Look at some, and commit what was seen."""
        photos = self._store.assets.photos(one.row for one in wanted)
        tasks: dict[str, list[Task]] = {"original": [], "edited": []}
        looks: list[Look] = []
        for one in wanted:
            found = self._task(photos[one.row], one)
            if isinstance(found, Task):
                tasks[one.seen].append(found)
            elif found is not None:
                looks.append(found)
        for seen, function in (("original", look), ("edited", look_at_preview)):
            work = functools.partial(function, limits=self._limits)
            for outcome in self._engine.map(work, _batches(tasks[seen])):
                looks.append(outcome.value or Look(outcome.item.row, error=outcome.error))
        return self._keep({one.row: one for one in wanted}, [one for one in looks if not one.moving])

    def _task(self, photo: Photo, one: Missing) -> Task | Look | None:
        """What a worker is to look at; a look without facts where there is nothing; None to ask again next time."""
        source, asset = photo.asset.id.source, photo.asset
        if source in self._silent:
            return None
        try:
            if one.seen == "edited":
                with self._sources[source].preview(asset, EDGE) as stream:
                    return Task(one.row, stream.read(), preview=facts_of(asset))
            path = self._sources[source].path(asset)
            if path is not None:
                return Task(one.row, str(path))
            return Look(one.row, error="The original is not on this machine.")
        except Changed:
            return None
        except (SignInRequired, Unavailable) as error:
            self._silent.add(source)
            fell_silent(self._store, source, error, self._progress)
            return None
        except (ConnectorError, OSError) as error:
            return Look(one.row, error=str(error))

    def _keep(self, wanted: Mapping[int, Missing], looks: Sequence[Look]) -> int:
        good = [one for one in looks if one.facts is not None]
        contents = {one.row: wanted[one.row].content for one in looks}
        with self._store.transaction():
            if good:
                self._store.signatures.put(signing.signatures(good, contents), RECIPE)
            self._store.work.put_blanks([contents[one.row] for one in looks if one.facts is None], RECIPE)
            self._store.other_views.put([wanted[one.row] for one in looks])
        self._progress.advance(len(wanted))
        return len(good)


def _batches(tasks: Sequence[Task]) -> Iterator[Sequence[Task]]:
    return (tasks[start : start + _BATCH] for start in range(0, len(tasks), _BATCH))


def _candidates(store: Store, views: Sequence[OtherView], settings: Settings) -> list[Pair]:
    """The nearest of each view by hash, the other view of the same content left out."""
    if not views or not {"near", "similar"} & set(settings.levels):
        return []
    rows, hashes = store.signatures.matrix()
    every = np.concatenate([rows, np.array([view.signature for view in views], np.int64)])
    main = {view.signature: view.main for view in views}
    found: dict[int, list[tuple[int, int, int]]] = {}
    within = reach(len(every), settings.near.candidate_distance)
    for part in hamming.within(np.concatenate([hashes, store.other_views.hashes(views)]), within, len(rows)):
        columns = (every[part.a], every[part.b], part.distance, part.symmetry)
        for a, b, distance, symmetry in zip(*(column.tolist() for column in columns), strict=True):
            if main.get(a, a) != main[b]:
                found.setdefault(b, []).append((distance, a, symmetry))
    return [
        Pair(a, b, distance, symmetry) if a < b else Pair(b, a, distance, INVERSE[symmetry])
        for b, near in sorted(found.items())
        for distance, a, symmetry in sorted(near)[:NEIGHBOURS]
    ]


def _told(store: Store, views: Sequence[OtherView], found: Iterator[Edge]) -> list[Edge]:
    """Edges between contents again, each with a word on the view that was seen."""
    of = {view.signature: view for view in views}
    names = {row: photo.asset.name for row, photo in store.assets.photos(view.photo for view in views).items()}
    told = []
    for edge in found:
        ends = [of[row] for row in (edge.a, edge.b) if row in of]
        a, b = (of[row].main if row in of else row for row in (edge.a, edge.b))
        if a == b or not ends or edge.relation == "series":
            continue
        shown = tuple(said(f"view.{end.seen}", name=readable(names[end.photo])) for end in ends)
        low, high, evidence = (a, b, edge.evidence) if a < b else (b, a, turned(edge.evidence))
        relation: Relation = "similar" if edge.relation == "similar" else "near"
        told.append(
            replace(
                edge, a=low, b=high, relation=relation, evidence=evidence, probable=False, seen=ends[0].seen,
                sentence=said("edge.view", what=edge.sentence, views=shown),
            )
        )  # fmt: skip
    return told
