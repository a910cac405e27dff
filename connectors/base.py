"""The contract between KeepOne and a place where photos live.

A connector lists assets, opens them, and may offer to put one away, move it, tag it and bring it back. Everything
is synchronous and thread-safe for reading; writes are made by one thread. Optional abilities are declared in
`Features`; a method that a connector does not offer raises `Unsupported`. `connectors/contract.py` is the suite that
every connector passes.

Errors::

    ConnectorError               anything a source can answer; str(error) is one sentence for the person
    ├── Unsupported              this source cannot do that at all
    ├── NotFound                 the asset is not there (and the source itself was reachable)
    ├── Changed                  it is there, but not as it was seen: nothing was done
    ├── Refused                  the source or the operating system says no: nothing was done
    ├── SignInRequired           a person has to sign in first
    └── Unavailable              the source cannot be reached now; `retry_after` seconds if it said so

Names and keys are `str` in which bytes that are not UTF-8 are kept as lone surrogates (`surrogateescape`, as
`os.fsdecode` does on POSIX), so that every file name survives the round trip.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

Verb = Literal["delete", "move", "tag", "carry"]
PartRole = Literal["live_video", "raw", "jpeg", "sidecar", "takeout", "edit"]

FAVORITE = "favorite"
EDITED = "edited"
HIDDEN = "hidden"
SHARED = "shared"
CLOUD_ONLY = "cloud_only"
PROTECTED = "protected"
MANAGED = "managed"
"""The source keeps these bytes in a store of its own, into which no folder of another source looks."""


@dataclass(frozen=True, slots=True, order=True)
class AssetId:
    """`key` is the source's own lasting name: a driveItem id, a Photos uuid, a relative POSIX path."""

    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Part:
    """A companion that travels with its asset: a Live Photo's movie, a RAW's JPEG, an XMP or AAE sidecar."""

    role: PartRole
    key: str
    revision: str
    size: int


@dataclass(frozen=True, slots=True)
class Asset:
    """What a listing says of one photo. Nothing here was decoded; unknown facts are None.

    `revision` is opaque, changes whenever the bytes change and is the precondition of every write.
    `digests` are the source's own hashes by algorithm name (lower case hex; `quickxor` in base64).
    `taken_at` is the naive local time of capture with fractions, as cameras write it; `modified_at` is POSIX seconds.
    `width` and `height` are those of the upright picture. `place` is (latitude, longitude) in degrees.
    `labels` are albums and keywords, `ours` those among them that KeepOne made: they say nothing of a photo's worth.
    `camera` is "make model" where the source knows it.
    `aliases` are tokens of physical identity ("inode:…", "path:…", "graph:…"): two assets of any sources that share
    one are one photo reached by two ways and never each other's duplicate. `score` is the source's own judgement of
    how good a picture it is, from 0 to 1, None when it was never judged; `faces` counts the people it found in it,
    `people` are the names of those of them that have one there.
    """

    id: AssetId
    revision: str
    name: str
    folder: str = ""
    size: int = 0
    media_type: str = ""
    modified_at: float | None = None
    taken_at: datetime | None = None
    width: int | None = None
    height: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    flags: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    place: tuple[float, float] | None = None
    title: str = ""
    description: str = ""
    camera: str = ""
    burst: str = ""
    aliases: frozenset[str] = frozenset()
    score: float | None = None
    faces: int = 0
    ours: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unread:
    """A place that a listing could not read. It is unknown, never empty: nothing under it counts as gone."""

    folder: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """One step of a listing.

    `assets` are new or changed; `gone` are keys that the source positively knows to be no more. `cursor`, on the last
    page, is where the next listing goes on. `restart` says that this listing is complete from the beginning: what the
    store has and no page of it names is gone, except below `unread` folders. `walked` counts the items looked at,
    unchanged ones included.
    """

    assets: tuple[Asset, ...] = ()
    gone: tuple[str, ...] = ()
    cursor: str | None = None
    restart: bool = False
    unread: tuple[Unread, ...] = ()
    walked: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """All that undo needs, JSON-able. `before` and `after` describe the asset on both sides of the write
    (place, name, times, mode, labels …); `token` names the write, so that it can be found again after a crash."""

    verb: Verb
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    token: str


class Hasher(Protocol):
    """A digest under way."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Feed the next bytes of the file."""
        ...

    def text(self) -> str:
        """The digest so far, as `Asset.digests` has it."""
        ...


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that a source keeps of its photos, and how other files get the same while they are read.

    `name` is its key in `Asset.digests`. `strong`: equal digests prove equal bytes. `new` begins one; it is a class or
    function of a module, so that it reaches worker processes by its name."""

    name: str
    strong: bool
    new: Callable[[], Hasher]


@dataclass(frozen=True, slots=True)
class Features:
    """What this instance can do. Say True only when the suite's test of it passes.

    `delta`: a cursor makes the next scan list only changes. `preview`: a small rendering without the original.
    `delete`: recoverable removal into the source's own trash or quarantine. `restore`: `restore(receipt)` brings it
    back. `move`, `tag`, `carry`, `report`: the methods of those names. `guarded`: the source itself compares the
    revision in the very act of writing (If-Match); without it the connector compares just before. `reads`: `open` gives
    the original's bytes without a cost worth avoiding (a local disk, not a download). `digests`: those that the source
    keeps itself, the strongest first; sha256 needs no mention. `away`: the folder below a photo's own into which `move`
    puts what is not to be listed again, or the label that `tag` gives to it ("": the core's own choice). `stays`: the
    label that `carry` gives to a photo that stays beside tagged ones ("": none). `online`: it needs the network.
    `together`: so many photos `tag_all` takes at once for little more than the price of one.
    """

    delta: bool = False
    preview: bool = False
    delete: bool = False
    restore: bool = False
    move: bool = False
    tag: bool = False
    carry: bool = False
    report: bool = False
    guarded: bool = False
    reads: bool = True
    digests: tuple[Digest, ...] = ()
    away: str = ""
    stays: str = ""
    online: bool = False
    together: int = 1


class ConnectorError(Exception):
    """Anything a source can answer; the message is one sentence for the person, with the next step."""


class Unsupported(ConnectorError):
    """This source cannot do that at all."""


class NotFound(ConnectorError):
    """The asset is not there, and the source itself was reachable."""


class Changed(ConnectorError):
    """The asset is there, but not as it was seen: nothing was done."""


class Refused(ConnectorError):
    """The source or the operating system says no: nothing was done."""


class SignInRequired(ConnectorError):
    """A person has to sign in first."""


class Unavailable(ConnectorError):
    """The source cannot be reached now."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Options(BaseModel):
    """The connector's own keys under `sources:` in config.yaml; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Connector(ABC):
    """One place where photos live. `name` is the source's name in the configuration and in every `AssetId`."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]

    name: str
    features: Features

    @abstractmethod
    def scan(self, cursor: str | None) -> Iterator[Page]:
        """List from `cursor`, or everything when it is None or no longer good. Raises `Unavailable` when the source as
        a whole cannot be trusted to answer (a root that is missing, a mount that is dead, a login that expired)."""

    @abstractmethod
    def look(self, asset_id: AssetId) -> Asset:
        """The asset as it is now, asked of the source itself and not of a cache. Raises `NotFound`."""

    @abstractmethod
    def open(self, asset: Asset) -> BinaryIO:
        """The original's bytes. Raises `NotFound`, `Changed` (the revision differs) or `Refused`."""

    def path(self, asset: Asset) -> Path | None:
        """Where on this machine the very bytes lie, so that a worker process reads them itself; None if nowhere."""
        del asset
        return None

    def preview(self, asset: Asset, edge: int) -> BinaryIO:
        """A rendering whose long side is at least `edge` pixels where the source has one."""
        raise Unsupported(f"{self.name} has no previews.")

    def delete(self, asset: Asset, token: str) -> Receipt:
        """Put the asset and its parts into the source's own recoverable trash, all or nothing. `token` is unique to
        this write and chosen by the caller before it. Raises `Changed` when the revision differs."""
        raise Unsupported(f"{self.name} cannot put photos away.")

    def move(self, asset: Asset, folder: str, token: str) -> Receipt:
        """Move the asset and its parts into `folder` (made when missing) of the same source; never overwrites: a free
        name is chosen. Raises `Changed`."""
        raise Unsupported(f"{self.name} cannot move photos.")

    def tag(self, asset: Asset, label: str, on: bool, token: str) -> Receipt:
        """Put a label on the asset or take it off; doing it twice changes nothing more."""
        raise Unsupported(f"{self.name} cannot tag photos.")

    def tag_all(self, assets: Sequence[Asset], label: str, tokens: Sequence[str]) -> list[Receipt | ConnectorError]:
        """Put one label on many assets. For each, in their order, the receipt that `tag` would have given or the error
        that it would have raised."""
        answers: list[Receipt | ConnectorError] = []
        for asset, token in zip(assets, tokens, strict=True):
            try:
                answers.append(self.tag(asset, label, True, token))
            except ConnectorError as error:
                answers.append(error)
        return answers

    def carry(self, asset: Asset, gifts: Mapping[str, Any], token: str) -> Receipt:
        """Give a photo that stays what it lacks: `labels`, `favorite` (true), `title`, `description`, `place`. What it
        has of its own is never replaced. Raises `Changed`."""
        raise Unsupported(f"{self.name} cannot change what it knows of photos.")

    def settle(self, verb: Verb, asset: Asset, target: str, token: str) -> Receipt | None:
        """After a crash: did the write `token` happen? `target` is the folder, the label, or the gifts as JSON. Looks
        at the source, finishes or takes back a write that was left half done, and returns its receipt, or None when
        nothing of it remains."""
        raise Unsupported(f"{self.name} cannot settle writes.")

    def restore(self, receipt: Receipt) -> Asset:
        """Undo a write: place, name, times, mode, labels. Never overwrites: when the place is taken the asset comes
        back under a free name. Restoring twice is the same as once. Returns the asset as it is now."""
        raise Unsupported(f"{self.name} cannot restore photos.")

    def report(self, name: str, data: bytes) -> None:
        """Leave a report in the source's own report place."""
        raise Unsupported(f"{self.name} keeps no reports.")

    def close(self) -> None:
        """Give back what the connector holds."""
        return
