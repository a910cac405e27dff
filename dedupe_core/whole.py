"""Writing a file so that it is complete or as it was before; for what can be made again, not for photos."""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_whole(file: Path, pieces: Iterable[bytes], durable: bool = False, mode: int = 0o666) -> None:
    """Write `pieces` beside `file` and put them into its place when they are all there.

    `durable`: they are on the disk before that. `mode`: of a new file, less what the umask takes; a file that was there
    keeps its own. Raises `OSError`, and whatever making the pieces raises; nothing is left behind then."""
    part = file.with_name(f".{secrets.token_hex(6)}.part")
    try:
        with open(part, "xb", opener=functools.partial(os.open, mode=mode)) as stream:
            stream.writelines(pieces)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        if file.exists():
            part.chmod(file.stat().st_mode & 0o777)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
