"""Is everything on this card already in my library? A question about another folder, which leaves the library as it is.

The card is looked at in a data folder of its own below the library's. Of the library only the photos that could be the
same are laid beside it, each marked as protected: so the card's photo is what would go, and never the library's. When
the card is wiped or put into a drawer, the library knows nothing of it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from connectors.base import PROTECTED, Unavailable
from dedupe_app.config import Config, ConfigError, SourceConfig
from dedupe_app.library import Library
from dedupe_app.views import PhotoView, photo_view
from dedupe_core import pipeline
from dedupe_core.fingerprint import RECIPE, fingerprint
from dedupe_core.group import decide
from dedupe_core.keep import choose
from dedupe_core.model import Edge, Group, NoFeedback, Photo, Plan, Progress, Relation, Silent
from dedupe_core.scan import ScanCounts, scan
from dedupe_core.settings import Settings

Verdict = Literal["exact", "pixels", "better", "worse", "missing", "unreadable"]
_ORDER: tuple[Verdict, ...] = ("exact", "pixels", "better", "worse")
_RELATIONS: tuple[Relation, ...] = ("exact", "pixels", "near")


@dataclass(frozen=True, slots=True)
class Checked:
    """One photo of the card. `match` is the library's photo, None when there is none; `sentence` tells what decided."""

    photo: PhotoView
    verdict: Verdict
    match: PhotoView | None = None
    sentence: str = ""

    @property
    def there(self) -> bool:
        """True when the library has this picture at least as good."""
        return self.verdict in ("exact", "pixels", "better")


class CardCheck:
    """A card beside a library. Use as a context manager; `run` first, then `plan` and `library.apply`."""

    def __init__(self, home: Library, card: SourceConfig, against: SourceConfig) -> None:
        if card.name == against.name:
            raise ConfigError(f"{card.name} is the library itself. Name another folder with --against.")
        self.card = card.name
        self.against = against.name
        self._home = home
        named = f"{card.name}\0{card.options.get('path', '')}\0{against.name}"
        folder = hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        data = home.config.data / "checks" / folder
        self.library = Library.open(_config(home.config, data, card, against))

    def run(self, progress: Progress | None = None) -> list[Checked]:
        """The verdict on each photo of the card, in the order of its path. Raises `Unavailable` when one of the two
        places cannot be believed."""
        progress = progress or Silent()
        self._refresh(progress)
        own, settings = self.library, self.library.settings
        with own.store.writing("check"), own.engine() as engine:
            connectors = own.connectors()
            progress.stage("listing", None)
            _believe(scan(own.store, connectors[self.card], settings.scanning, progress, accept_loss=True))
            fingerprint(own.store, {self.card: connectors[self.card]}, engine, settings, progress)
            self._lay_beside(_candidates(self._home, self.against, own.store.assets.all(self.card), settings))
            edges = pipeline.compare(own.store, connectors, engine, settings, progress)
            choices = decide(own.store, edges, settings, NoFeedback())
            with own.store.transaction():
                number = own.store.runs.begin()
                own.store.runs.put(number, choices)
                own.store.runs.finish(number, "", {"groups": len(choices)})
                own.store.runs.forget_older(1)
        return list(self._verdicts(edges))

    def plan(self, action: Literal["delete", "move"] | None = None) -> Plan:
        """What would go from the card: photos whose keeper is the library's."""
        mine = {group.id for group in self.library.groups() if group.keep.source == self.against}
        return self.library.plan(_RELATIONS, mine, action)

    def _refresh(self, progress: Progress) -> None:
        """The library is listed first, so that the answer is about today."""
        for counts in self._home.scan([self.against], progress).scans:
            _believe(counts)

    def _lay_beside(self, photos: Sequence[Photo]) -> None:
        """The library's candidates as they are known, in place of those of an earlier check."""
        store = self.library.store
        source = self.library.config.source(self.against)
        with store.transaction():
            store.assets.forget_source(source.name)
            row = store.assets.remember_source(source.name, source.kind, source.options)
            marked = [replace(photo.asset, flags=photo.asset.flags | {PROTECTED}) for photo in photos]
            store.assets.upsert(row, marked, 1)
            store.signatures.put([photo.signature for photo in photos if photo.signature is not None], RECIPE)
            for photo in photos:
                known = store.assets.find(photo.asset.id)
                assert known is not None
                store.assets.set_content(known.row, photo.content)

    def _verdicts(self, edges: Iterable[Edge]) -> Iterator[Checked]:
        store, linked = self.library.store, defaultdict(list)
        for edge in edges:
            linked[edge.a].append((edge.b, edge))
            linked[edge.b].append((edge.a, edge))
        for photo in store.assets.all(self.card):
            near = linked.get(photo.signature_row or -1, [])
            yield self._verdict(photo, [(other, edge) for other, edge in near if edge.relation in _RELATIONS])

    def _verdict(self, photo: Photo, linked: Iterable[tuple[int, Edge]]) -> Checked:
        """The strongest that holds between a photo of the card and any of the library's."""
        if photo.error or not photo.content:
            return Checked(self._view(photo), "unreadable", None, photo.error)
        for twin in self._of_library(self.library.store.assets.with_content(photo.content)):
            return Checked(self._view(photo), "exact", self._view(twin), "the same bytes")
        found = []
        for row, edge in linked:
            rows = self.library.store.assets.rows_by_signature([row])[row]
            for other in self._of_library(self.library.store.assets.photos(rows).values()):
                verdict = "pixels" if edge.relation == "pixels" else self._better(photo, other, edge)
                found.append(Checked(self._view(photo), verdict, self._view(other), edge.sentence))
        return min(
            found, key=lambda checked: _ORDER.index(checked.verdict), default=Checked(self._view(photo), "missing")
        )

    def _of_library(self, photos: Iterable[Photo]) -> list[Photo]:
        return [photo for photo in photos if photo.asset.id.source == self.against]

    def _better(self, photo: Photo, other: Photo, edge: Edge) -> Verdict:
        """By the person's own rules, without the protection that only gives a check its direction."""
        plain = replace(other, asset=replace(other.asset, flags=other.asset.flags - {PROTECTED}))
        pair = {photo.row: photo, other.row: plain}
        choice = choose(Group("", "near", tuple(pair), (edge,)), pair, self._home.settings.keeping)
        return "better" if choice.keep == other.row else "worse"

    def _view(self, photo: Photo) -> PhotoView:
        return photo_view(photo, None, self.library.connectors())

    def __enter__(self) -> CardCheck:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.library.close()


def _config(home: Config, data: Path, card: SourceConfig, against: SourceConfig) -> Config:
    """The person's settings, with what a check cannot do without: three relations, the library's side protected."""
    kept = home.settings.keeping
    rules = ("undamaged", "protected", *(rule for rule in kept.rules if rule not in ("undamaged", "protected")))
    levels = tuple(level for level in _RELATIONS if level in home.settings.levels)
    change = {"levels": levels, "keeping": kept.model_copy(update={"rules": rules})}
    return Config(data=data, sources=(card, against), settings=home.settings.model_copy(update=change))


def _believe(counts: ScanCounts) -> None:
    """Raises `Unavailable` for a listing that stopped: an unknown library holds nothing, which would be a lie."""
    if counts.halted:
        raise Unavailable(f"{counts.source}: {counts.halted}")


def _candidates(home: Library, source: str, card: Iterable[Photo], settings: Settings) -> list[Photo]:
    """The library's photos that have the content of one on the card, or a hash near to one of its hashes. A file of the
    card that the library lists too, under whatever path, proves nothing about what stays when the card is gone."""
    store, card = home.store, list(card)
    same_files = {token for photo in card for token in photo.asset.aliases}
    found: dict[int, Photo] = {}
    rows, hashes = store.signatures.matrix()
    words = np.ascontiguousarray(hashes).view(np.uint64)
    for photo in card:
        twins = store.assets.with_content(photo.content) if photo.content else []
        near = _near(photo, rows, words, settings.near.candidate_distance)
        by_signature = store.assets.rows_by_signature(near).values()
        others = store.assets.photos(row for some in by_signature for row in some).values()
        found |= {one.row: one for one in (*twins, *others) if one.asset.id.source == source}
    return [photo for photo in found.values() if not photo.asset.aliases & same_files]


def _near(photo: Photo, rows: NDArray[np.int64], words: NDArray[np.uint64], radius: int) -> list[int]:
    """Signature rows within `radius` bits under any of the eight symmetries; `words` is uint64 (n, 8, 4)."""
    if photo.signature is None or not photo.signature.phashes:
        return []
    upright = np.frombuffer(photo.signature.phashes[:32], np.uint64)
    distances = np.bitwise_count(words ^ upright).sum(axis=2, dtype=np.int64).min(axis=1)
    return [int(row) for row in rows[distances <= radius]]
