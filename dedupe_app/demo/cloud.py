"""The drive of `keepone demo --onedrive`: a summer in month folders, with nine photos of June that are there more than
once, on an emulated OneDrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

import numpy as np
from PIL import Image

from dedupe_app.demo.graph import Content, Flavour, GraphFake
from dedupe_app.demo.scenes import SCENES

WIDTH, HEIGHT = 1600, 1200
JUNE, JULY = "Pictures/2024/06", "Pictures/2024/07"
MONTH = (2024, 6)
GROUPS, COPIES, OTHERS = 9, 2, 12
SMALLER = 3
"""Groups with a copy that somebody saved again at half the size. The others are copies byte by byte."""

_MOTIFS = ("landscape", "town", "portrait", "table", "wood")
_START = datetime(2024, 6, 3, 9, 30)
_CAMERA = {"cameraMake": "Oriel", "cameraModel": "D20"}
_EXIF_TAKEN, _EXIF_SUB = 0x9003, 0x8769


@dataclass(frozen=True, slots=True)
class Drawn:
    """What lies in the drive: files, their bytes, and how many of them are there twice or more."""

    files: int
    bytes: int
    copies: int


def fill(graph: GraphFake, seed: int) -> Drawn:
    """Put the photos into the drive. A business drive tells no dimensions, so that of two sizes nobody could say which
    is the larger without a look at the originals: there all copies are equal byte by byte."""
    smaller = SMALLER if graph.state.flavour.full_photo_facet else 0
    for number in range(GROUPS):
        taken = _START + timedelta(days=number, minutes=7 * number)
        picture = _drawn(seed, number)
        original = _jpeg(picture, taken, 92)
        name = f"{JUNE}/IMG_{1000 + number}"
        _put(graph, f"{name}.jpg", original, (WIDTH, HEIGHT), taken)
        _put(graph, f"{name} (1).jpg", original, (WIDTH, HEIGHT), taken)
        if number < smaller:
            half = _jpeg(picture.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.LANCZOS), taken, 82)
            _put(graph, f"{name} small.jpg", half, (WIDTH // 2, HEIGHT // 2), taken)
        else:
            _put(graph, f"{name} #2.jpg", original, (WIDTH, HEIGHT), taken)
    for number in range(OTHERS):
        taken = _START + timedelta(days=number + 10, minutes=3 * number)
        place = f"{JUNE if number % 2 else JULY}/IMG_{2000 + number}.jpg"
        _put(graph, place, _jpeg(_drawn(seed, GROUPS + number), taken, 92), (WIDTH, HEIGHT), taken)
    sizes = [item.content.size for item in graph.drive.walk() if item.content is not None]
    return Drawn(len(sizes), sum(sizes), GROUPS * COPIES)


def _drawn(seed: int, number: int) -> Image.Image:
    rng = np.random.default_rng([seed, number])
    return Image.fromarray(SCENES[_MOTIFS[number % len(_MOTIFS)]](rng, WIDTH, HEIGHT))


def _jpeg(picture: Image.Image, taken: datetime, quality: int) -> bytes:
    exif, out = Image.Exif(), BytesIO()
    exif.get_ifd(_EXIF_SUB)[_EXIF_TAKEN] = f"{taken:%Y:%m:%d %H:%M:%S}"
    picture.save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()


def _put(graph: GraphFake, path: str, data: bytes, size: tuple[int, int], taken: datetime) -> None:
    content = Content(data, facets=_facets(graph.state.flavour, size, taken))
    graph.drive.put(path, content, modified=taken.timestamp())


def _facets(flavour: Flavour, size: tuple[int, int], taken: datetime) -> dict[str, dict[str, object]]:
    """What OneDrive tells of a photo; the false "Z" behind a local time is its own."""
    photo: dict[str, object] = {"takenDateTime": f"{taken:%Y-%m-%dT%H:%M:%S}Z"}
    if not flavour.full_photo_facet:
        return {"photo": photo, "image": {}}
    return {"photo": photo | _CAMERA, "image": {"width": size[0], "height": size[1]}}
