"""Local folders pass the suite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import ConnectorContract, Source
from connectors.local import LocalConnector, LocalOptions


class LocalSource(Source):
    """A folder, and somebody with a file manager."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.connector = LocalConnector("box", LocalOptions(path=root))

    def put(self, name: str, data: bytes, folder: str = "") -> None:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / folder / name).write_bytes(data)

    change = put

    def put_part(self, name: str, folder: str = "") -> None:
        (self.root / folder / f"{name}.xmp").write_bytes(b"<xmp/>")

    def remove(self, name: str, folder: str = "") -> None:
        (self.root / folder / name).unlink()

    def state(self) -> Mapping[str, Any]:
        files = [path for path in self.root.rglob("*") if path.is_file() and ".keepone" not in path.parts]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in files}


class TestLocal(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return LocalSource(tmp_path)
