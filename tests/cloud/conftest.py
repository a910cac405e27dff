"""`keepone` on an emulated OneDrive beside a folder: the connector is the real one and takes its token from a file."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.app.conftest import Answer, Keepone, keepone, keepone_process, own_folders
from tests.fakes.graph import PERSONAL, Content, Flavour, GraphFake
from tests.onedrive.conftest import description, flavour, graph
from tests.pictures import scene

__all__ = ["Answer", "Keepone", "description", "flavour", "graph", "keepone", "keepone_process", "own_folders"]

JUNE = "Pictures/2024/06"
on_personal = pytest.mark.parametrize("flavour", [PERSONAL], ids=["personal"], indirect=True)
"""For what does not depend on the flavour of the drive."""


def jpeg(seed: int, size: tuple[int, int] = (800, 600), quality: int = 90) -> bytes:
    """A photo; another seed is another one, another size or quality the same one saved again."""
    out = BytesIO()
    scene(seed, 800, 600).resize(size).save(out, "JPEG", quality=quality)
    return out.getvalue()


def facets(flavour: Flavour, size: tuple[int, int] = (800, 600), taken: str = "") -> dict[str, dict[str, Any]]:
    """What Graph tells of a picture: a business drive names no dimensions."""
    known: dict[str, dict[str, Any]] = {"photo": {"takenDateTime": taken} if taken else {}}
    if flavour.full_photo_facet:
        known["image"] = {"width": size[0], "height": size[1]}
        if taken:
            known["photo"] |= {"cameraMake": "Canon", "cameraModel": "EOS 80D"}
    else:
        known["image"] = {}
    return known


class Cloud:
    """The emulated drive, and the configuration with which `keepone` knows it."""

    def __init__(self, graph: GraphFake, folder: Path) -> None:
        self.graph, self.folder = graph, folder
        (folder / "token").write_text(graph.state.token())
        self.configure()

    def configure(self, *more: dict[str, Any], settings: dict[str, Any] | None = None, **options: Any) -> None:
        """Write config.yaml with the drive as source `cloud`, and `more` sources."""
        tenant = "consumers" if self.graph.state.flavour.restore else "organizations"
        source = {
            "name": "cloud",
            "kind": "onedrive",
            "endpoint": self.graph.url,
            "tenant": tenant,
            "state": str(self.folder / "state"),
            "token_file": str(self.folder / "token"),
            **options,
        }
        whole = {"sources": [source, *more], "limits": {"workers": 1}, **(settings or {})}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(whole))

    def put(self, path: str, data: bytes, size: tuple[int, int] = (800, 600), taken: str = "") -> None:
        """A photo in the drive."""
        known = facets(self.graph.state.flavour, size, taken)
        self.graph.drive.put(path, Content(data, facets=known), modified=1.7e9)

    @property
    def tree(self) -> dict[str, tuple[str, int]]:
        """What lies where, with times."""
        return self.graph.drive.tree()

    @property
    def originals(self) -> int:
        """Originals that were fetched."""
        return self.graph.accounting.originals


@pytest.fixture
def cloud(graph: GraphFake, own_folders: Path) -> Cloud:
    return Cloud(graph, own_folders)


Tree = dict[str, bytes]


@pytest.fixture
def snap() -> Callable[[Path], Tree]:
    """Every file below a folder with its bytes; what KeepOne keeps for itself is left out."""

    def snapshot(folder: Path) -> Tree:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and ".keepone" not in path.parts
        }

    return snapshot
