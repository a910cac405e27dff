"""Proof: candidates are laid on each other in worker processes, and what was measured becomes edges.

A pair of contents is measured once in its life: evidence is kept by content, so that a rescan, a renamed folder or
another threshold decodes nothing again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from connectors.base import Connector, ConnectorError
from dedupe_core.engine import Engine
from dedupe_core.measure import Bench, Measured, Sheet, measure
from dedupe_core.model import Edge, Evidence, Pair, Photo, Progress
from dedupe_core.relate import needs_no_comparison, relate, says_nothing
from dedupe_core.rounds import Rounds, known_contents
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.views import Views

RECIPE = 3
"""Version of the comparison; a higher one measures every pair again."""

_CHUNK = 1024
_PARTNERS = 4


def verify(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    pairs: Iterable[Pair],
    settings: Settings,
    progress: Progress,
) -> Iterator[Edge]:
    """The edges among these candidates, each with its evidence.

    Sixty copies of one picture propose 1,770 pairs, and nobody needs them all: the likeliest keeper of each
    neighbourhood is measured against the others first, and two that are its copies and near by their own hashes are
    not measured on each other."""
    progress.stage("comparing", None)
    proposed = _open(store, pairs)
    rounds = Rounds(proposed, known_contents(store, {row for pair in proposed for row in (pair.a, pair.b)}), settings)
    while wave := rounds.next():
        edges = list(measured_edges(store, connectors, engine, wave, settings, progress))
        rounds.learn(edges)
        yield from edges


def _open(store: Store, pairs: Iterable[Pair]) -> list[Pair]:
    """All but the pairs that were measured and have nothing in common: most of what chance proposes, and no nightly run
    has to read it again. What shares a digest is asked in any case."""
    weak = {row for pair in store.digests.weak_pairs() for row in pair}
    nothing = {pair for pair in store.evidence.nothing(RECIPE) if not weak.intersection(pair)}
    return [pair for pair in pairs if (pair.a, pair.b) not in nothing]


def measured_edges(
    store: Store,
    connectors: Mapping[str, Connector],
    engine: Engine,
    pairs: Iterable[Pair],
    settings: Settings,
    progress: Progress,
) -> Iterator[Edge]:
    """Measure what was not measured yet, and relate. What was measured is kept as it comes."""
    waiting = iter(pairs)
    while chunk := list(islice(waiting, _CHUNK)):
        yield from _Chunk(store, connectors, settings, chunk).edges(engine, progress)


class _Chunk:
    """Some pairs with all that is known of their contents."""

    def __init__(
        self, store: Store, connectors: Mapping[str, Connector], settings: Settings, pairs: Sequence[Pair]
    ) -> None:
        self.store = store
        self.connectors = connectors
        self.settings = settings
        self.known = known_contents(store, {row for pair in pairs for row in (pair.a, pair.b)})
        self.views = Views(store, connectors)
        self.pairs = [pair for pair in pairs if pair.a in self.known and pair.b in self.known]

    def edges(self, engine: Engine, progress: Progress) -> Iterator[Edge]:
        """Old evidence first, then new as the workers bring it."""
        missing = []
        for pair in self.pairs:
            evidence = self._remembered(pair)
            if evidence is None:
                missing.append(pair)
            else:
                progress.advance()
                yield from self._edge(pair.a, pair.b, evidence)
        self._fetch(missing, progress)
        alone: list[Pair] = []
        for outcome in engine.map(measure, self._benches(missing, progress)):
            if outcome.value is None and len(outcome.item.pairs) > 1:
                alone += outcome.item.pairs
            else:
                yield from self._kept(outcome.item, outcome.value, outcome.error, progress)
        # one picture that hangs, or a slow machine, must not cost the pairs that shared its bench
        for outcome in engine.map(measure, self._benches(alone, progress, partners=1)):
            yield from self._kept(outcome.item, outcome.value, outcome.error, progress)

    def _fetch(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """The renderings that these comparisons need, of photos whose bytes are not read."""
        rows = {row for pair in pairs for row in (pair.a, pair.b)}
        photos = [self.views.place(self.known[row].photo) for row in sorted(rows)]
        self.views.fetch((photo for photo in photos if not self.views.reads(photo)), progress)

    def _remembered(self, pair: Pair) -> Evidence | None:
        a, b = self.known[pair.a].facts, self.known[pair.b].facts
        if needs_no_comparison(a, b, pair.distance):
            return Evidence(distance=pair.distance, symmetry=pair.symmetry)
        return self.store.evidence.get(a.content, b.content, RECIPE)

    def _edge(self, a: int, b: int, evidence: Evidence) -> Iterator[Edge]:
        edge = relate(self.known[a].facts, self.known[b].facts, evidence, self.settings)
        if edge is not None and (edge.relation in self.settings.levels):
            yield edge

    def _kept(self, bench: Bench, found: Measured | None, error: str, progress: Progress) -> Iterator[Edge]:
        """Write what one bench measured, and say what failed."""
        progress.advance(len(bench.pairs))
        if found is None:
            progress.error(self.known[bench.pairs[0].a].photo.asset.id.key, error)
            return
        with self.store.transaction():
            for row, digest in found.pixels.items():
                self.store.signatures.set_pixels(row, digest)
            self.store.evidence.put(
                [
                    (self.known[a].facts.content, self.known[b].facts.content, evidence)
                    for (a, b), evidence in found.evidence.items()
                    if not evidence.failed
                ],
                RECIPE,
                says_nothing,
            )
        for row, reason in found.failed.items():
            progress.error(self.known[row].photo.asset.id.key, reason)
        for (a, b), evidence in found.evidence.items():
            yield from self._edge(a, b, evidence)

    def _benches(self, pairs: Sequence[Pair], progress: Progress, partners: int = _PARTNERS) -> Iterator[tuple[Bench]]:
        """Pairs that share a photo go to one worker, so that it is decoded once for all of them."""
        by_first: dict[int, list[Pair]] = {}
        for pair in pairs:
            by_first.setdefault(pair.a, []).append(pair)
        for row in sorted(by_first):
            for start in range(0, len(by_first[row]), partners):
                some = tuple(by_first[row][start : start + partners])
                sheets = self._sheets({r for pair in some for r in (pair.a, pair.b)}, progress)
                there = tuple(pair for pair in some if pair.a in sheets and pair.b in sheets)
                if there:
                    yield (Bench(sheets, there),)

    def _sheets(self, rows: Iterable[int], progress: Progress) -> dict[int, Sheet]:
        sheets = {}
        for row in rows:
            known = self.known[row]
            photo = self.views.place(known.photo)
            view = None if self.views.reads(photo) else self.views.kept(photo.content)
            if view is None and not self.views.reads(photo):
                continue  # that it cannot be had was said when it was asked for
            try:
                source, proof = (view, "") if view is not None else _source(self.connectors, photo)
            except (ConnectorError, OSError) as error:
                progress.error(photo.asset.id.key, str(error))
                continue
            size, flat = (known.facts.width, known.facts.height), known.facts.flat
            sheets[row] = Sheet(
                source, proof, flat, size, known.facts.format, photo.asset.size, photo.pixels, view is not None
            )
        return sheets


def _source(connectors: Mapping[str, Connector], photo: Photo) -> tuple[str | bytes, str]:
    """A path that a worker reads itself, or bytes; and the sha256 that they must have ("": it was never taken)."""
    connector = connectors[photo.asset.id.source]
    name, _, digest = photo.content.partition(":")
    proof = digest if name == "sha256" else ""
    path = connector.path(photo.asset)
    if path is not None:
        return str(path), proof
    with connector.open(photo.asset) as stream:
        return stream.read(), proof
