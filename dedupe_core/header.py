"""What the headers of a picture say, and the error of everything that gives none."""

from __future__ import annotations

from dataclasses import dataclass


class Unreadable(Exception):
    """This file gives no picture; the message is the one line that the report shows."""


@dataclass(frozen=True, slots=True)
class Header:
    """Facts of a picture before any pixel is decoded.

    `width` and `height` are as stored, before any orientation. `fixed` are the bytes that the decoder takes whatever
    the scale. `deep`: more than 8 bits a channel. `table` is a JPEG's first quantisation table in zigzag order. `exif`
    and `xmp` are the raw packets. `damage` is a sentence when the file is known to be incomplete.
    """

    format: str
    width: int
    height: int
    fixed: int = 0
    frames: int = 1
    deep: bool = False
    exif: bytes = b""
    xmp: bytes = b""
    table: tuple[int, ...] = ()
    damage: str = ""


NO_END = "The file has no end mark: its last part may be missing."
NO_PICTURE = "The file ends before its picture begins."
INCOMPLETE = "Incomplete: the picture's data end too early."
PARTS_MISSING = "The file is shorter than its index says: parts of it are missing."
