"""The library: what the command line, notebooks and jobs work with. One object a data folder, every verb a method.

with Library.open(config) as library:
    library.scan()
    for group in library.groups(relations=("near",)): ...
    plan = library.plan()
    library.apply(plan)
    library.undo(plan.id)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal

from connectors.base import Connector
from connectors.registry import connect
from dedupe_app.config import Config
from dedupe_app.views import GroupView, PhotoView, group_view, photo_view
from dedupe_core import pipeline
from dedupe_core.apply import ApplyResult, apply
from dedupe_core.embed import Source
from dedupe_core.engine import Engine
from dedupe_core.model import Judge, NoFeedback, Plan, Progress, Relation, Silent
from dedupe_core.pipeline import RunReport
from dedupe_core.plan import make_plan
from dedupe_core.settings import Settings
from dedupe_core.settle import settle_open
from dedupe_core.store import Store, StoreError
from dedupe_core.undo import UndoResult, undo

Narrow = Callable[[str, Connector], Connector | None]


class Library:
    """A data folder with its sources. Use as a context manager; writing verbs hold the folder's one lock."""

    def __init__(self, config: Config, judge: Judge | None = None) -> None:
        self.config = config
        self.settings: Settings = config.settings
        self._judge = judge
        self.cluster = ""
        self.store = Store(config.data)
        self._connected: dict[str, Connector] = {}
        for source in config.sources:
            self.store.assets.remember_source(source.name, source.kind, source.options)

    @classmethod
    def open(cls, config: Config) -> Library:
        """Open the data folder of a configuration; it is made when it is new."""
        return cls(config)

    @property
    def judge(self) -> Judge:
        """What people said until now, unless this library was opened with a judge of its own."""
        if self._judge is None and not self.store.labels.count():
            return NoFeedback()  # without the libraries that weigh answers
        from feedback import judge_of

        return self._judge or judge_of(self.store, self.settings.learning.hidden_below)

    def add_source(self, name: str, kind: str, options: Mapping[str, Any]) -> None:
        """Remember a source beside those of the configuration (a path given on the command line)."""
        self.store.assets.remember_source(name, kind, options)
        self._connected.pop(name, None)

    def connectors(self) -> dict[str, Connector]:
        """Every source, connected once."""
        for row in self.store.assets.named():
            if row["name"] not in self._connected:
                self._connected[row["name"]] = connect(row["kind"], row["name"], json.loads(row["options"]))
        return dict(self._connected)

    def engine(self) -> Engine:
        """Guarded workers as the configuration wants them, or those of `cluster` (dask://host:port)."""
        limits = self.settings.limits
        if self.cluster:
            from dedupe_app.cluster import cluster_engine

            return cluster_engine(self.cluster)
        return Engine(workers=limits.workers, seconds=limits.seconds, memory_mb=limits.memory_mb)

    def chain(self) -> list[Source]:
        """The models that may give vectors, the best first: the service, then the one on this machine."""
        chosen = self.settings.embedding
        links: list[Source] = []
        if chosen.mode in ("auto", "remote") and chosen.url:
            from dedupe_app.inference.client import Remote

            links.append(Remote(chosen))
        if chosen.mode in ("auto", "local"):
            from dedupe_core.embedders.chain import Local

            links.append(Local(chosen, self.config.data / "models"))
        return links

    def scan(
        self,
        sources: Collection[str] | None = None,
        progress: Progress | None = None,
        accept_loss: Collection[str] = (),
        narrow: Narrow | None = None,
        pictures: bool = False,
    ) -> RunReport:
        """List the sources (all by default), look at what is new, group. Nothing is changed in any source. `narrow`
        gives the connector as a limited listing sees it, or None to leave the source out. `pictures`: keep small ones
        for the page on the way."""
        with self.store.writing("scan"), self.engine() as engine:
            connectors = self.connectors()
            settle_open(self.store, connectors)
            chosen = {name: connectors[name] for name in (connectors if sources is None else sources)}
            seen = {name: narrow(name, one) for name, one in chosen.items()} if narrow else chosen
            listed = [connector for connector in seen.values() if connector is not None]
            return pipeline.run(
                self.store,
                listed,
                connectors,
                engine,
                self.settings,
                self.judge,
                progress or Silent(),
                accept_loss=accept_loss,
                chain=self.chain(),
                pictures=pictures,
            )

    def groups(
        self, relations: Iterable[str] = (), min_score: float = 0.0, source: str | None = None, group: str | None = None
    ) -> Iterator[GroupView]:
        """The groups of the newest run. `source` keeps those with a photo of it; `group` is the beginning of an id."""
        connectors = self.connectors()
        for choice in self.store.runs.choices(relations=relations, group=group):
            view = group_view(choice, self.store.assets.photos(choice.group.members), connectors)
            if view.score >= min_score and (source is None or any(p.source == source for p in view.members)):
                yield view

    def plan(
        self,
        relations: Iterable[Relation] | None = None,
        groups: Collection[str] | None = None,
        action: Literal["delete", "move"] | None = None,
        carry: bool = False,
    ) -> Plan:
        """What would go and why, kept for `apply`. Nothing is changed. `carry`: photos that stay also get what tagged
        ones have and they lack (albums, keywords, favourite, title, description, place)."""
        with self.store.writing("plan"):
            made = make_plan(
                self.store,
                self.settings,
                relations=relations,
                groups=groups,
                action=action,
                judge=self.judge,
                features={name: connector.features for name, connector in self.connectors().items()},
                carry=carry,
            )
            if made.steps:
                self.store.plans.put(made)
        return made

    def apply(
        self, plan: Plan, dry_run: bool = False, progress: Progress | None = None, unattended: bool = False
    ) -> ApplyResult:
        """Do what a plan says and was not done yet; every step is proved first, journaled, and undoable."""
        with self.store.writing("apply"):
            return apply(self.store, self.connectors(), plan, self.settings, progress, dry_run, unattended)

    def undo(self, plan: str, steps: Collection[int] | None = None, progress: Progress | None = None) -> UndoResult:
        """Bring back what a plan put away. `plan` is the beginning of its id. Raises `StoreError` when none has it."""
        made = self.store.plans.get(plan)
        if made is None:
            raise StoreError(f"There is no plan {plan!r}, or more than one begins so. See: keepone runs")
        with self.store.writing("undo"):
            return undo(self.store, self.connectors(), made, steps, progress)

    def errors(self) -> list[tuple[PhotoView, str]]:
        """Every photo that could not be read, with the reason."""
        connectors = self.connectors()
        return [(photo_view(photo, None, connectors), reason) for photo, reason in self.store.assets.errors()]

    def close(self) -> None:
        """Give back the sources and the database."""
        for connector in self._connected.values():
            connector.close()
        self.store.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
