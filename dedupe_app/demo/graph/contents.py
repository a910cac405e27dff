"""What files hold: real bytes with real renderings, Live Photos, and contents of which only size and hashes exist."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from connectors.onedrive.quickxor import quickxor

_RENDERED: OrderedDict[tuple[str, int, bool, bool], bytes] = OrderedDict()
_LOCK = threading.Lock()


@dataclass
class Content:
    """A file's bytes. `movie` makes it a Live Photo: stored and hashed with it, delivered without (as Graph does).
    `make` gives the bytes when they are asked for, so that a gallery need not lie in memory."""

    data: bytes = b""
    movie: bytes = b""
    make: Callable[[], bytes] | None = None
    known_size: int | None = None
    known_digest: str = ""
    facets: dict[str, dict[str, object]] = field(default_factory=dict)

    def delivered(self) -> bytes:
        """What a download gives."""
        return self.make() if self.make else self.data

    @property
    def size(self) -> int:
        """What the listing says."""
        return self.known_size if self.known_size is not None else len(self.delivered()) + len(self.movie)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """All hashes of the stored bytes in Graph's spelling."""
        if self.known_digest:
            sha = hashlib.sha256(self.known_digest.encode())
            return {
                "quickXorHash": base64.b64encode(sha.digest()[:20]).decode(),
                "sha1Hash": hashlib.sha1(sha.digest()).hexdigest().upper(),  # noqa: S324 - Graph names it
                "sha256Hash": sha.hexdigest().upper(),
            }
        stored = self.delivered() + self.movie
        return {
            "quickXorHash": quickxor(stored),
            "sha1Hash": hashlib.sha1(stored).hexdigest().upper(),  # noqa: S324 - Graph names it
            "sha256Hash": hashlib.sha256(stored).hexdigest().upper(),
        }

    def thumbnail(self, edge: int, crop: bool = False, upright: bool = True) -> bytes | None:
        """A JPEG of quality 80 whose long side is `edge` at most, turned upright; None when it is no picture."""
        key = (self.hashes["sha256Hash"], edge, crop, upright)
        with _LOCK:
            if key in _RENDERED:
                return _RENDERED[key]
        rendered = _render(self.delivered(), edge, crop, upright)
        if rendered is not None:
            with _LOCK:
                _RENDERED[key] = rendered
                while len(_RENDERED) > 500:
                    _RENDERED.popitem(last=False)
        return rendered


def _render(data: bytes, edge: int, crop: bool, upright: bool) -> bytes | None:
    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", (edge * 2, edge * 2))
            picture = (ImageOps.exif_transpose(opened) if upright else opened).convert("RGB")
    except (UnidentifiedImageError, OSError):
        return None
    if crop:
        picture = ImageOps.fit(picture, (edge, edge))
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def picture(seed: int, width: int = 640, height: int = 480, quality: int = 88, exif: Image.Exif | None = None) -> bytes:
    """A JPEG with the spectrum of a photo (noise of falling amplitude in octaves); another seed is another photo."""
    out = io.BytesIO()
    _pixels(seed, width, height).save(out, "JPEG", quality=quality, exif=exif or Image.Exif())
    return out.getvalue()


def _pixels(seed: int, width: int, height: int) -> Image.Image:
    """Luminance in octaves of falling amplitude with the grain of a sensor; colour only in the coarse ones."""
    random = np.random.default_rng(seed)
    light = random.normal(0, 6.0, (height, width)).astype(np.float32) + 128
    for octave in range(1, 12):
        cells = 2**octave + 1
        if cells > 2 * min(width, height):
            break
        noise = random.normal(0, 1, (cells * height // width + 2, cells)).astype(np.float32)
        light += _upsampled(noise, width, height) * np.float32(75 * 0.66**octave)
    grey = Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
    tints = [_upsampled(random.normal(128, 25, (5, 6)).astype(np.float32), width, height) for _ in range(2)]
    chroma = [Image.fromarray(np.clip(tint, 0, 255).astype(np.uint8)) for tint in tints]
    return Image.merge("YCbCr", [grey, *chroma]).convert("RGB")


def _upsampled(noise: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def oriented(seed: int, orientation: int, width: int = 640, height: int = 480) -> bytes:
    """A picture whose EXIF says that it has to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(seed, width, height, exif=exif)
