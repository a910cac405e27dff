"""The proof that a photo may go, made of what is there at this moment and never of what was there once.

Before: keeper and victim are looked at again, are two photos, and hold the bytes that the plan speaks of. After: the
keeper still holds them, now that the victim is out of the way; this is what sees through every alias, because an alias
of the victim is gone with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from connectors.base import PROTECTED, Asset, Changed, Connector, NotFound, Refused
from dedupe_core.model import Plan, Step
from dedupe_core.stopping import Stop, Stopped
from dedupe_core.store import Store

_CHUNK = 1 << 20
_ALGORITHMS = ("sha256", "sha1", "sha512")
_PAPERS = ("sidecar", "takeout")
_NOT_AWAY = ("failed", "refused", "undone")


class Unsafe(Exception):
    """A rule keeps the photo where it is; the message is a sentence."""


class Standing:
    """What other steps, of this plan and of all others, rely on: the last copy stays, whoever asks.

    A photo that goes in this plan is no keeper of it. A photo for whose sake another one was put away does not go for a
    near duplicate of its own: A like C and C like B does not make B a copy of A. Equal bytes or pixels may stand in.
    """

    def __init__(self, store: Store, plan: Plan) -> None:
        self._going = {step.asset.id for step in plan.steps}
        self._open = {(e.source, e.key) for e in store.plans.open_intents() if e.plan != plan.id}
        self._relied: dict[str, str] = {}
        for row in store.plans.all():
            states = store.plans.states(row["id"])
            known = store.plans.get(row["id"]) if states else None
            for step in known.steps if known else ():
                if step.number in states and states[step.number].state not in _NOT_AWAY:
                    self.rely_on(step, row["id"])

    def check(self, step: Step) -> None:
        """Raises `Unsafe` when this step would take what another relies on."""
        if step.keeper.id in self._going:
            raise Unsafe(f"{step.keeper.name}, which was to be kept, is put away by the same plan. Make a new plan.")
        if (step.keeper.id.source, step.keeper.id.key) in self._open:
            raise Unsafe(f"{step.keeper.name}, which was to be kept, is itself being put away by another plan.")
        if step.relation == "exact" and step.content != step.keeper_content:
            raise Unsafe(f"{step.asset.name} is called an exact copy, but its bytes are others. Make a new plan.")
        if not _equal(step) and step.content in self._relied:
            plan = self._relied[step.content]
            raise Unsafe(f"{step.asset.name} is what plan {plan} kept for another photo: it stays.")

    def rely_on(self, step: Step, plan: str) -> None:
        """From now on this step's keeper has to stay. Equal bytes and pixels rely on nothing: what is proved a copy of
        the one is a copy of the other."""
        if not _equal(step):
            self._relied[step.keeper_content] = plan


def _equal(step: Step) -> bool:
    return step.relation in ("exact", "pixels") or step.content == step.keeper_content


def prove_before(connectors: Mapping[str, Connector], step: Step, stop: Stop) -> None:
    """The victim may be put away now. Raises `Unsafe`, `Changed`, `NotFound`, `Stopped` or what a source answers."""
    if not step.content or not step.keeper_content:
        raise Unsafe(f"The bytes of {step.asset.name} were never read: nothing is known to be equal.")
    keeper = _as_planned(connectors, step.keeper, "the photo that stays")
    victim = _as_planned(connectors, step.asset, "the photo that goes")
    _two_photos(connectors, keeper, victim)
    if PROTECTED in victim.flags:
        raise Unsafe(f"{victim.name} lies in a protected folder.")
    _companions(keeper, victim)
    prove_content(connectors[keeper.id.source], keeper, step.keeper_content, stop, step.keeper)
    prove_content(connectors[victim.id.source], victim, step.content, stop, step.asset)


def prove_after(connectors: Mapping[str, Connector], step: Step, stop: Stop) -> None:
    """The keeper is there and holds its bytes, now that the victim is gone. Raises as `prove_before`."""
    keeper = step.keeper
    connector = connectors.get(keeper.id.source)
    if connector is None or not connector.features.reads:  # where bytes are read, opening compares the revision
        keeper = _as_planned(connectors, keeper, "the photo that stays")
    prove_content(connectors[keeper.id.source], keeper, step.keeper_content, stop, step.keeper)


def prove_content(connector: Connector, asset: Asset, content: str, stop: Stop, seen: Asset | None = None) -> None:
    """The asset's bytes, read now, have this digest. Where reading is a download, the source's own digest has to be it,
    or, when the content is named by another digest, every digest that the listing gave of `seen`. Raises `Changed`,
    `Stopped`, or what the source answers; an unreadable file is `Refused`."""
    algorithm, _, digest = content.partition(":")
    if connector.features.reads and algorithm in _ALGORITHMS:
        same = bool(digest) and _read(connector, asset, algorithm, stop) == digest
    else:
        same = bool(digest) and asset.digests.get(algorithm) == digest
        same = same or (seen is not None and _listed_alike(seen, asset))
    if not same:
        raise Changed(f"{asset.name} no longer holds the bytes that were compared. Scan again.")


def _listed_alike(seen: Asset, now: Asset) -> bool:
    """The source keeps a digest of these bytes, and it is what it was when the photo was compared."""
    kept = seen.digests.keys() & now.digests.keys()
    return bool(kept) and seen.size == now.size and all(seen.digests[name] == now.digests[name] for name in kept)


def _read(connector: Connector, asset: Asset, algorithm: str, stop: Stop) -> str:
    hasher = hashlib.new(algorithm)
    try:
        with connector.open(asset) as stream:
            while block := stream.read(_CHUNK):
                hasher.update(block)
                if stop():
                    raise Stopped
    except OSError as error:
        raise Refused(f"{asset.name} cannot be read: {error.strerror or error}.") from error
    return hasher.hexdigest()


def _as_planned(connectors: Mapping[str, Connector], seen: Asset, which: str) -> Asset:
    connector = connectors.get(seen.id.source)
    if connector is None:
        raise Unsafe(f"The source {seen.id.source} of {which} is not set up now.")
    try:
        now = connector.look(seen.id)
    except NotFound as error:
        raise NotFound(f"{seen.name}, {which}, is not there any more. Scan again.") from error
    except OSError as error:
        raise Refused(f"{seen.name}, {which}, cannot be looked at: {error.strerror or error}.") from error
    if now.revision != seen.revision:
        raise Changed(f"{seen.name}, {which}, changed since the plan was made. Scan again and make a new plan.")
    return now


def _two_photos(connectors: Mapping[str, Connector], keeper: Asset, victim: Asset) -> None:
    """Not one photo reached by two ways, and neither travels with the other."""
    paths = [connectors[asset.id.source].path(asset) for asset in (keeper, victim)]
    if keeper.id == victim.id or keeper.aliases & victim.aliases or _one_file(*paths):
        raise Unsafe(f"{victim.name} and {keeper.name} are one file reached by two ways: there is nothing to put away.")
    if keeper.id.source == victim.id.source and _keys(keeper) & _keys(victim):
        raise Unsafe(f"{victim.name} and {keeper.name} share a companion file: they go together or not at all.")


def _keys(asset: Asset) -> set[str]:
    return {asset.id.key, *(part.key for part in asset.parts)}


def _one_file(a: Path | None, b: Path | None) -> bool:
    if a is None or b is None:
        return False
    try:
        return a.is_symlink() or b.is_symlink() or a.samefile(b) or a.resolve() == b.resolve()
    except OSError as error:
        raise Changed(f"{error.filename} went away at this moment. Scan again.") from error


def _companions(keeper: Asset, victim: Asset) -> None:
    """A movie, RAW twin or edit that only the victim has is no duplicate of anything; its papers may go with it."""
    lost = {part.role for part in victim.parts if part.role not in _PAPERS} - {part.role for part in keeper.parts}
    if lost:
        raise Unsafe(
            f"{victim.name} has a companion ({', '.join(sorted(lost))}) that {keeper.name} lacks: it stays. "
            "Keep that one, or decide by hand."
        )
