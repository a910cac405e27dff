"""Small pictures for people, kept by content: a photo that moved, or stands in three places, is drawn once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from connectors.base import Asset, Connector, ConnectorError
from dedupe_core.decode import Unreadable, read, rgb
from dedupe_core.engine import Engine
from dedupe_core.glance import webp
from dedupe_core.model import Photo
from dedupe_core.whole import write_whole
from dedupe_core.words import readable

FOLDER = "thumbnails"
"""Where a data folder keeps them; it may be thrown away at any time."""
EDGE = 320
"""Long side of those that lists show, and that a scan keeps from its own decode."""
KEPT_BYTES = 1 << 30
NOT_CONNECTED = "This source is not connected now."
CHANGED = "This photo changed since the scan. Scan again."
DOWNLOAD = "Showing this photo would need a download."


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a worker needs to draw one content. `source` is a file's path or the bytes; `proof` the sha256 (hex) that
    an original must still have, "" for a preview, which is another file."""

    content: str
    source: str | bytes
    proof: str
    edge: int


class Room:
    """The cache as a scan fills it, until it holds `most` bytes: small pictures of `EDGE` pixels, from a decode that is
    made anyway. None of a store in memory."""

    def __init__(self, data: Path | None, most: int = KEPT_BYTES) -> None:
        self._folder = None if data is None else data / FOLDER
        self.left = 0 if self._folder is None else most - sum(_sizes(self._folder))

    def keep(self, content: str, picture: bytes) -> None:
        """Keep the picture of a content unless the room is used up."""
        if self.left > 0:
            _keep(self._folder, content, EDGE, picture)
            self.left -= len(picture)


def thumbnail(connector: Connector, asset: Asset, content: str, edge: int, cache_folder: Path | None) -> bytes:
    """A WebP picture whose long side is at most `edge` pixels, upright. Taken from the cache when this content was
    drawn before, else made from the source's own preview or the original's bytes. What cannot be shown is a drawn
    placeholder with the reason, and is not cached."""
    if kept := _cached(cache_folder, content, edge):
        return kept
    try:
        picture = draw(_drawing(connector, asset, content, edge))
    except (ConnectorError, Unreadable) as error:
        return placeholder(str(error), edge)
    _keep(cache_folder, content, edge, picture)
    return picture


def thumbnails(
    photos: Iterable[Photo],
    connectors: Mapping[str, Connector],
    edge: int,
    cache_folder: Path | None,
    engine: Engine,
    instead: Callable[[str, int], bytes] | None = None,
) -> dict[int, bytes]:
    """Thumbnails by row, drawn by the engine's guarded workers: a file that hangs or bursts costs its own picture.
    Photos that the scan could not read get its reason and are not opened again; each content is drawn once.
    `instead` makes what stands for a photo that cannot be shown, of the reason and the edge: a `placeholder`."""
    instead = instead or placeholder
    pictures: dict[int, bytes] = {}
    wanted: dict[str, list[Photo]] = {}
    for photo in photos:
        if photo.error or photo.asset.id.source not in connectors:
            pictures[photo.row] = instead(photo.error or NOT_CONNECTED, edge)
        elif kept := _cached(cache_folder, photo.content, edge):
            pictures[photo.row] = kept
        else:
            wanted.setdefault(photo.content or f"row:{photo.row}", []).append(photo)
    if not wanted:
        return pictures
    failed: dict[str, str] = {}
    for outcome in engine.map(picture_or_reason, _drawings(wanted, connectors, edge, failed)):
        content, picture = outcome.item.content, outcome.value
        if not isinstance(picture, bytes):
            failed[content] = picture or outcome.error
            continue
        _keep(cache_folder, content, edge, picture)
        pictures |= dict.fromkeys((photo.row for photo in wanted[content]), picture)
    for content, reason in failed.items():
        pictures |= dict.fromkeys((photo.row for photo in wanted[content]), instead(reason, edge))
    return pictures


def draw(drawing: Drawing) -> bytes:
    """The thumbnail of one content, as WebP. Raises `Unreadable`."""
    data = read(drawing.source)
    if drawing.proof and hashlib.sha256(data).hexdigest() != drawing.proof:
        raise Unreadable(CHANGED)
    return webp(Image.fromarray(rgb(data, drawing.edge)))


def picture_or_reason(drawing: Drawing) -> bytes | str:
    """`draw` as a worker runs it: that a photo cannot be shown is an answer there and no accident."""
    try:
        return draw(drawing)
    except Unreadable as error:
        return str(error)


def cache_file(folder: Path, content: str, edge: int) -> Path:
    """Where the cache keeps a content's thumbnail: 256 shards, so that no folder grows beyond what a file system
    lists at ease."""
    name = hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()
    return folder / name[:2] / f"{name[2:]}-{edge}.webp"


def placeholder(reason: str, edge: int) -> bytes:
    """A WebP of edge × edge·¾ pixels that shows an empty frame and the reason in words."""
    width, height = edge, edge * 3 // 4
    image = Image.new("RGB", (width, height), (128, 128, 132))
    frame = ImageDraw.Draw(image)
    frame.rectangle((3, 3, width - 4, height - 4), outline=(200, 200, 204), width=1)
    font = ImageFont.load_default(size=max(9, edge // 15))
    lines = "\n".join(textwrap.wrap(readable(reason), width=26)[:5])
    frame.multiline_text((width / 2, height / 2), lines, "white", font, anchor="mm", align="center", spacing=4)
    return webp(image)


def _drawings(
    wanted: Mapping[str, list[Photo]], connectors: Mapping[str, Connector], edge: int, failed: dict[str, str]
) -> Iterator[tuple[Drawing]]:
    """One drawing a content, made only when a worker is free to take it; what cannot be opened is put into `failed`."""
    for content, photos in wanted.items():
        asset = photos[0].asset
        try:
            drawing = _drawing(connectors[asset.id.source], asset, content, edge)
        except (ConnectorError, Unreadable) as error:
            failed[content] = str(error)
        else:
            yield (drawing,)


def _drawing(connector: Connector, asset: Asset, content: str, edge: int) -> Drawing:
    """From the source's preview where it has one, else from the file or the bytes of the original, which must still
    be the content that the scan saw: the picture is kept under its name."""
    if connector.features.preview:
        with connector.preview(asset, edge) as stream:
            return Drawing(content, stream.read(), "", edge)
    if not connector.features.reads:
        raise Unreadable(DOWNLOAD)
    proof = content.removeprefix("sha256:") if content.startswith("sha256:") else ""
    path = connector.path(asset)
    if path is not None:
        return Drawing(content, str(path), proof, edge)
    with connector.open(asset) as stream:
        return Drawing(content, stream.read(), proof, edge)


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of each file of the cache."""
    with contextlib.suppress(OSError):
        for shard in os.scandir(folder):
            with contextlib.suppress(OSError):
                yield from (file.stat().st_size for file in os.scandir(shard.path) if file.name.endswith(".webp"))


def _cached(folder: Path | None, content: str, edge: int) -> bytes:
    if folder is None or not content:
        return b""
    with contextlib.suppress(OSError):
        return cache_file(folder, content, edge).read_bytes()
    return b""


def _keep(folder: Path | None, content: str, edge: int, picture: bytes) -> None:
    """A cache that is full or read-only costs time, never the picture. Only what has a digest has a lasting name."""
    if folder is None or ":" not in content or content.startswith("row:"):
        return
    file = cache_file(folder, content, edge)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(file, [picture])
