"""What the suite needs of a place that is tested, and the few steps that all of its rules are made of."""

from __future__ import annotations

import json
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import SkipTest

from connectors.base import Asset, Connector, ConnectorError, Receipt, Verb

NASTY_NAMES = (
    "new\nline.png",
    "tab\there.png",
    "-rf.png",
    'it\'s "quoted".png',
    "back\\slash.png",
    "$(touch x) `touch y`.png",
    " leading and trailing .png",
    "emoji 🐈‍⬛ 家族.png",
    "Zürich composed.png",
    "Zu\u0308rich decomposed.png",
    "bad \udcff\udcc3 utf-8.png",
    ";rm x & echo %s%n.png",
    "<b>&amp;*?|:.png",
    "two..dots...png",
    "LOUD SUFFIX.PNG",
    "n" * 251 + ".png",
)


def photo(number: int) -> bytes:
    """A valid PNG of one pixel; another number is another content of the same length."""
    text = b"number\0%06d" % number
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tEXt", text), (b"IDAT", zlib.compress(b"\0\x80")), (b"IEND", b""))
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


class Source(ABC):
    """A place to test: its connector, and the hand of another program that acts behind the connector's back."""

    connector: Connector
    nasty_names: Sequence[str] = NASTY_NAMES

    @abstractmethod
    def put(self, name: str, data: bytes, folder: str = "") -> None:
        """Add a photo (make the folder when it is missing)."""

    @abstractmethod
    def change(self, name: str, data: bytes, folder: str = "") -> None:
        """Give a photo other bytes."""

    @abstractmethod
    def remove(self, name: str, folder: str = "") -> None:
        """Take a photo away for good."""

    @abstractmethod
    def state(self) -> Mapping[str, Any]:
        """Everything that is to be the same after delete and restore, by place: bytes, times, mode, labels, parts."""

    def put_part(self, name: str, folder: str = "") -> None:
        """Give a photo a companion that travels with it. Where the source has none, the tests of it are skipped."""
        raise SkipTest(f"this source has no companions, so {folder}/{name} gets none")

    def expire(self) -> None:
        """Make every cursor until now worthless. By default the suite uses a cursor that never was one."""
        return

    def lose_answer(self) -> None:
        """Let the next write happen and break the connection before its answer. By default the suite just drops the
        receipt, which is the same for a source without a connection."""
        return

    def throttle(self, seconds: float) -> None:
        """Let the source turn the next request away for so many seconds."""
        raise SkipTest(f"this source never turns requests away, not for {seconds} seconds")


@dataclass(slots=True)
class Listed:
    """A whole listing."""

    assets: dict[str, Asset] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    cursor: str | None = None
    restart: bool = False
    pages: int = 0

    def names(self) -> set[str]:
        """folder/name of each asset."""
        return {f"{asset.folder}/{asset.name}" for asset in self.assets.values()}


def listed(connector: Connector, cursor: str | None = None) -> Listed:
    """Read a listing to its end; nothing may be named twice."""
    found = Listed()
    for page in connector.scan(cursor):
        for asset in page.assets:
            assert asset.id.key not in found.assets, f"{asset.id.key!r} is listed twice"
            assert asset.id.source == connector.name, "an id that belongs to another source"
            found.assets[asset.id.key] = asset
        found.gone += page.gone
        found.cursor, found.restart = page.cursor, page.restart
        found.pages += 1
    return found


@contextmanager
def raises(*kinds: type[ConnectorError]) -> Iterator[None]:
    """One of these errors has to come, and its message has to be a sentence."""
    said = None
    try:
        yield
    except kinds as error:
        said = str(error)
    assert said is not None, f"none of {', '.join(kind.__name__ for kind in kinds)} was raised"
    assert said.strip(), "the error says nothing"


def only(source: Source, name: str, folder: str = "") -> Asset:
    """The one asset of that name, from a fresh listing."""
    found = [a for a in listed(source.connector).assets.values() if (a.name, a.folder) == (name, folder)]
    assert len(found) == 1, f"{folder}/{name} is listed {len(found)} times"
    return found[0]


def needs(source: Source, *features: str) -> None:
    """Skip where the connector does not claim an ability."""
    for feature in features:
        if not getattr(source.connector.features, feature):
            raise SkipTest(f"{source.connector.kind} has no {feature}")


GIFTS: Mapping[str, Any] = {"labels": ["holiday", "Trips/Rome"], "favorite": True, "title": "At the fountain"}
"""What `carry` gives to a photo in the suite."""

ONE_GIFT: Mapping[str, Any] = {"favorite": True}
"""For the rules of a write that is one: several gifts may need several calls, of which some are taken back."""


def told(receipt: Receipt) -> Receipt:
    """A receipt as the journal gives it back."""
    raw = json.loads(json.dumps({"b": dict(receipt.before), "a": dict(receipt.after)}))
    return Receipt(receipt.verb, raw["b"], raw["a"], receipt.token)


def write(source: Source, verb: Verb, asset: Asset, token: str) -> Receipt:
    """One write of a kind."""
    if verb == "delete":
        return source.connector.delete(asset, token)
    if verb == "move":
        return source.connector.move(asset, "elsewhere", token)
    if verb == "carry":
        return source.connector.carry(asset, ONE_GIFT, token)
    return source.connector.tag(asset, "holiday", True, token)


def verbs_of(source: Source) -> list[Verb]:
    """The writes that the connector claims; the rule is skipped when there are none."""
    verbs: list[Verb] = ["delete", "move", "tag", "carry"]
    claimed = [verb for verb in verbs if getattr(source.connector.features, verb)]
    if not claimed:
        raise SkipTest(f"{source.connector.kind} never writes")
    return claimed


def target_of(verb: Verb) -> str:
    """The target of `write`, as the journal has it."""
    return {"delete": "", "move": "elsewhere", "tag": "holiday", "carry": json.dumps(ONE_GIFT)}[verb]


def contents(source: Source) -> list[bytes]:
    """The bytes of everything that is listed, sorted."""
    found = []
    for asset in listed(source.connector).assets.values():
        with source.connector.open(asset) as handle:
            found.append(handle.read())
    return sorted(found)
