"""The reference connector passes the suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.contract import ConnectorContract, Source
from connectors.memory import MemoryConnector, MemoryOptions


class MemorySource(Source):
    """Photos in memory; keys are found by place, as somebody at the source would."""

    def __init__(self, box: MemoryConnector | None = None) -> None:
        self.connector = self.box = box or MemoryConnector("box", MemoryOptions(page=10))

    def put(self, name: str, data: bytes, folder: str = "") -> None:
        self.box.put(name, data, folder)

    def put_part(self, name: str, folder: str = "") -> None:
        data = self.box.photos()[f"{folder}/{name}"]["data"]
        self.remove(name, folder)
        self.box.put(name, data, folder, parts=(("sidecar", f"{name}.xmp", b"<xmp/>"),))

    def change(self, name: str, data: bytes, folder: str = "") -> None:
        self.box.change(self._key(name, folder), data)

    def remove(self, name: str, folder: str = "") -> None:
        self.box.remove(self._key(name, folder))

    def state(self) -> Mapping[str, Any]:
        return self.box.photos()

    def expire(self) -> None:
        self.box.expire()

    def lose_answer(self) -> None:
        self.box.lose_answer()

    def throttle(self, seconds: float) -> None:
        self.box.throttle(seconds)

    def _key(self, name: str, folder: str) -> str:
        return str(self.box.photos()[f"{folder}/{name}"]["key"])


class TestMemory(ConnectorContract):
    @pytest.fixture
    def source(self) -> Source:
        return MemorySource()
