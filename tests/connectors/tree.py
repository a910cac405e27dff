"""A folder of photos for tests, and its listing as a dictionary."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import SkipTest

from connectors.base import Asset, AssetId, Unread
from connectors.local import LocalConnector, LocalOptions


@dataclass
class Tree:
    """A root and the connector on it. `know` lists what changed and applies it to `assets`, as the core does."""

    root: Path
    options: dict[str, Any] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    cursor: str | None = None
    unread: list[Unread] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    walked: int = 0

    @property
    def connector(self) -> LocalConnector:
        """A fresh connector, as each run has it."""
        return LocalConnector("box", LocalOptions(path=self.root, **self.options))

    def put(self, place: str, data: bytes | str = b"photo") -> Path:
        """A file with its folders."""
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def know(self) -> dict[str, Asset]:
        """One listing from where the last one ended."""
        self.named, self.gone, self.unread, self.walked = set(), set(), [], 0
        restart = False
        for page in self.connector.scan(self.cursor):
            for asset in page.assets:
                self.assets[asset.id.key] = asset
                self.named.add(asset.id.key)
            self.gone.update(page.gone)
            self.unread += page.unread
            self.walked += page.walked
            restart, cursor = page.restart, page.cursor
        self.cursor = cursor
        if restart:
            self.gone.update(key for key in self.assets if key not in self.named and not self._hidden(key))
        for key in self.gone:
            self.assets.pop(key, None)
        return self.assets

    def _hidden(self, key: str) -> bool:
        return any(key == u.folder or key.startswith(f"{u.folder}/") for u in self.unread)

    def look(self, key: str) -> Asset:
        """The asset as it is now."""
        return self.connector.look(AssetId("box", key))


@contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything, so for a while somebody else asks."""
    if os.geteuid() != 0:
        yield
        return
    if not hasattr(os, "seteuid"):
        raise SkipTest("no way to become somebody else")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
