"""A small world of real files for the safety proofs: photos, a data folder, a plan, and what is true of them."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from connectors.base import Connector, Verb
from connectors.local import LocalConnector, LocalOptions
from dedupe_core.apply import ApplyResult, apply
from dedupe_core.model import Photo, Plan, Relation, Silent, Step
from dedupe_core.scan import scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.plans import plan_id
from dedupe_core.undo import UndoResult, undo

SOURCE = "home"
SETTINGS = Settings()
OWN = ".keepone"


@dataclass(frozen=True, slots=True)
class Drop:
    """One step of a plan to be made: `victim` goes because `keeper` stays. Keys, with another source before a colon."""

    victim: str
    keeper: str
    relation: Relation = "exact"
    verb: Verb = "delete"
    target: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file is: everything that undo has to bring back."""

    sha256: str
    mtime_ns: int
    mode: int
    attributes: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """`root` holds the photos, `data` the store. Every method opens what it needs and closes it again, as separate
    commands would."""

    root: Path
    data: Path
    roots: Mapping[str, Path] = field(default_factory=dict)
    trash: str = "quarantine"

    def connectors(self) -> dict[str, Connector]:
        roots = self.roots or {SOURCE: self.root}
        return {
            name: LocalConnector(name, LocalOptions.model_validate({"path": root, "trash": self.trash}))
            for name, root in roots.items()
        }

    @contextmanager
    def store(self) -> Iterator[Store]:
        with Store(self.data) as store:
            yield store

    def write(self, key: str, data: bytes, age: float = 1000.0, mode: int = 0o644, attribute: bytes = b"") -> Path:
        """A file whose times lie `age` seconds back (with a fraction), so that a lost time is seen."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if attribute and hasattr(os, "setxattr"):
            os.setxattr(path, "user.keepone.test", attribute)
        path.chmod(mode)
        moment = int((time.time() - age) * 1e9) + 123_456_789
        os.utime(path, ns=(moment + 5_000_000_000, moment))
        return path

    def scan(self) -> None:
        """List everything and read every photo's bytes, as scan and fingerprint do."""
        with self.store() as store:
            connectors = self.connectors()
            for connector in connectors.values():
                counts = scan(store, connector, SETTINGS.scanning, Silent(), accept_loss=True)
                assert not counts.halted, counts.halted
            for photo in list(store.assets.unread()):
                with connectors[photo.asset.id.source].open(photo.asset) as stream:
                    store.assets.set_content(photo.row, "sha256:" + hashlib.sha256(stream.read()).hexdigest())

    def photo(self, store: Store, key: str) -> Photo:
        source, _, name = key.rpartition(":")
        for photo in store.assets.all(source or None):
            if photo.asset.id.key == name and (source or photo.asset.id.source == SOURCE or self.roots):
                return photo
        raise LookupError(key)

    def plan(self, drops: Sequence[Drop], created_at: float | None = None) -> Plan:
        """A plan of these drops, kept in the store."""
        made = time.time() if created_at is None else created_at
        with self.store() as store:
            steps = tuple(self._step(store, number, drop) for number, drop in enumerate(drops, 1))
            plan = Plan(plan_id(made, steps), made, steps)
            store.plans.put(plan)
        return plan

    def _step(self, store: Store, number: int, drop: Drop) -> Step:
        victim, keeper = self.photo(store, drop.victim), self.photo(store, drop.keeper)
        return Step(
            number=number,
            asset=victim.asset,
            content=victim.content,
            verb=drop.verb,
            target=drop.target,
            keeper=keeper.asset,
            keeper_content=keeper.content,
            relation=drop.relation,
            group=f"g{number}",
            reason="a test",
        )

    def apply(
        self,
        plan: Plan,
        settings: Settings = SETTINGS,
        connectors: Mapping[str, Connector] | None = None,
        dry_run: bool = False,
        unattended: bool = False,
    ) -> ApplyResult:
        with self.store() as store, store.writing("test"):
            sources = connectors or self.connectors()
            return apply(store, sources, plan, settings, dry_run=dry_run, unattended=unattended)

    def undo(
        self, plan: Plan, steps: Iterable[int] | None = None, connectors: Mapping[str, Connector] | None = None
    ) -> UndoResult:
        with self.store() as store, store.writing("test"):
            return undo(store, connectors or self.connectors(), plan, None if steps is None else list(steps))

    def tree(self, own: bool = False) -> dict[str, Facts]:
        """Every file below the root by relative path; what lies in our own folders only with `own`."""
        return {
            key: file_facts(self.root / key) for key in sorted(_files(self.root)) if own or OWN not in key.split("/")
        }

    def contents(self) -> dict[str, int]:
        """How many files hold each content, anywhere below the root, our own folders included."""
        found: dict[str, int] = {}
        for key in _files(self.root):
            digest = hashlib.sha256((self.root / key).read_bytes()).hexdigest()
            found[digest] = found.get(digest, 0) + 1
        return found


def file_facts(path: Path) -> Facts:
    seen = path.lstat()
    attributes: dict[str, bytes] = {}
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a share that has none
            attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Facts(digest, seen.st_mtime_ns, stat.S_IMODE(seen.st_mode), attributes)


def _files(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield os.path.relpath(path, root)


def lost(before: Mapping[str, Facts], world: World) -> list[str]:
    """The keys whose bytes are nowhere as often as they were: the photos that are lost."""
    counts: dict[str, int] = {}
    for facts in before.values():
        counts[facts.sha256] = counts.get(facts.sha256, 0) + 1
    now = world.contents()
    return [key for key, facts in before.items() if now.get(facts.sha256, 0) < counts[facts.sha256]]
