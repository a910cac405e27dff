"""Writing a file so that it is complete or as it was before; for what can be made again, not for photos."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path


def write_whole(file: Path, pieces: Iterable[bytes]) -> None:
    """Write `pieces` beside `file` and put them into its place when they are all there. Raises `OSError`, and whatever
    making the pieces raises; nothing is left behind then."""
    part = file.with_name(f".{secrets.token_hex(6)}.part")
    try:
        with part.open("wb") as stream:
            stream.writelines(pieces)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
