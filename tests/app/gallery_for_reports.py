"""A folder of drawn pictures with names that hurt, and the groups that a run could have found in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageDraw

from connectors.base import Asset, AssetId, Connector, Features, Options, Page
from dedupe_core.model import Choice, Edge, Evidence, Group, Photo, Relation, Signature

TAKEN = datetime(2024, 6, 18, 10, 44, 23, 120000)


class FolderOptions(Options):
    """None."""


class Folder(Connector):
    """A folder that can only be looked at."""

    kind = "folder"
    Options = FolderOptions

    def __init__(self, root: Path, features: Features | None = None, paths: bool = True) -> None:
        self.name = "Pictures"
        self.root = root
        self.features = features or Features()
        self.paths = paths
        self.opened: list[str] = []

    def scan(self, cursor: str | None) -> Iterator[Page]:
        yield Page(restart=True)

    def look(self, asset_id: AssetId) -> Asset:
        return Asset(asset_id, "1", asset_id.key)

    def open(self, asset: Asset) -> BinaryIO:
        self.opened.append(asset.id.key)
        return (self.root / asset.id.key).open("rb")

    def path(self, asset: Asset) -> Path | None:
        return self.root / asset.id.key if self.paths else None


@dataclass
class Gallery:
    """Photos by row and the choices among them; `folder` is their connector."""

    root: Path
    photos: dict[int, Photo] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = Folder(self.root)
        self.connectors: dict[str, Connector] = {"Pictures": self.folder}

    def lookup(self, rows: Iterable[int]) -> Mapping[int, Photo]:
        return {row: self.photos[row] for row in rows if row in self.photos}

    def photo(self, key: str, scene: int = 0, size: tuple[int, int] = (160, 120), **about: Any) -> int:
        """Draw a file and note it as a photo. `about`: fields of `Asset`, of `Signature`, or `error`."""
        file = self.root / key
        file.parent.mkdir(parents=True, exist_ok=True)
        drawn(scene, size).save(file, "JPEG", quality=about.get("jpeg_quality", 90))
        data = file.read_bytes()
        row = len(self.photos) + 1
        asset_about = {name: about.pop(name) for name in list(about) if name in Asset.__slots__}
        asset = Asset(AssetId("Pictures", key), "1", file.name, Path(key).parent.as_posix(), len(data), **asset_about)
        error = about.pop("error", "")
        content = f"sha256:{hashlib.sha256(data).hexdigest()}"
        signature = None if error else Signature(content, "JPEG", *size, b"\0" * 256, 50.0, 5.0, 0.1, **about)
        self.photos[row] = Photo(row, asset, "" if error else content, signature, row, "", error)
        return row

    def group(
        self,
        relation: Relation,
        keep: int,
        drop: tuple[int, ...] = (),
        review: tuple[int, ...] = (),
        reason: str = "",
        sentence: str = "",
        score: float = 0.97,
        reasons: Mapping[int, str] | None = None,
    ) -> Choice:
        """Note a group; every member has an edge to the keeper unless the relation is exact."""
        others = (*drop, *review)
        edges = (
            ()
            if relation == "exact"
            else tuple(Edge(keep, row, relation, score, Evidence(), "unknown", sentence) for row in others)
        )
        group = Group(f"{relation}{len(self.choices):04d}", relation, (keep, *others), edges)
        self.choices.append(Choice(group, keep, drop, reason, reasons or {}))
        return self.choices[-1]


def drawn(scene: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture of a few shapes whose colours and places the scene's number decides."""
    image = Image.new("RGB", size, (40 + scene * 37 % 180, 90, 200 - scene * 23 % 150))
    draw = ImageDraw.Draw(image)
    for number in range(5):
        x, y = (scene * 31 + number * 47) % size[0], (scene * 17 + number * 29) % size[1]
        draw.ellipse((x - 20, y - 15, x + 20, y + 15), fill=(number * 50, 255 - number * 40, scene * 61 % 255))
    return image
