"""Both flavours pass the suite that every connector passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.contract import NASTY_NAMES, ConnectorContract, Source
from connectors.onedrive import OneDriveConnector
from dedupe_app.demo.graph.drive import ILLEGAL
from tests.fakes.graph import GraphFake
from tests.onedrive.conftest import Make


def storable(name: str) -> bool:
    """Whether OneDrive has such names at all: no control characters, no bytes that are not UTF-8, at most 255."""
    clean = not ILLEGAL & set(name) and name == name.strip() and name.isprintable()
    return clean and len(name) <= 255 and not any("\ud800" <= letter <= "\udfff" for letter in name)


class CloudSource(Source):
    """The emulated drive, and the hand of another program in it."""

    nasty_names: Sequence[str] = (
        *(name for name in NASTY_NAMES if storable(name)),
        *("IMG #1.png", "%41.png", "a+b.png", "\U0001f408\u200d\u2b1b.png"),
    )

    def __init__(self, graph: GraphFake, connector: OneDriveConnector) -> None:
        self.graph, self.connector = graph, connector

    def put(self, name: str, data: bytes, folder: str = "") -> None:
        self.graph.drive.put(f"{folder}/{name}", data, modified=1_200_000_000.0)

    change = put

    def remove(self, name: str, folder: str = "") -> None:
        item = self.graph.drive.find(f"{folder}/{name}")
        assert item is not None
        self.graph.drive.recycle(item)

    def state(self) -> Mapping[str, Any]:
        return self.graph.drive.tree()

    def put_part(self, name: str, folder: str = "") -> None:
        self.put(name.replace(".png", ".xmp"), b"sidecar", folder)

    def expire(self) -> None:
        self.graph.feed.expire()

    def lose_answer(self) -> None:
        self.graph.weather.add("lost", on="graph (PATCH|DELETE)")

    def throttle(self, seconds: float) -> None:
        self.graph.weather.add("status", on="graph", status=429, headers={"Retry-After": str(seconds)})


class TestOneDrive(ConnectorContract):
    @pytest.fixture
    def source(self, graph: GraphFake, make: Make) -> CloudSource:
        return CloudSource(graph, make(folder="", recycle_bin=graph.state.flavour.restore))
