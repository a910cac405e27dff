"""What a listing remembers for the next one: per folder a digest of what lay there and the photos that came of it.

The cursor is one opaque string (JSON, zlib, base64), about 14 bytes a photo. A folder whose digest is the same is not
looked at again; in one that changed, each photo's own short print says which of them did.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from hashlib import blake2b

_VERSION = 1
_PRINT = 8
_LEVEL = 1


@dataclass(slots=True)
class Known:
    """One folder as it was last listed. `joined` holds the photos' names between slashes, `prints` eight characters a
    photo in the same order; `proofs` the answers to companion questions, by the print of the two files compared;
    `apart` says that it lay on another device than the root.

    Names stay one text until they are needed: most folders of most listings have not changed."""

    digest: str
    joined: str = ""
    prints: str = ""
    proofs: dict[str, bool] = field(default_factory=dict)
    apart: bool = False

    @property
    def count(self) -> int:
        """How many photos the folder held."""
        return len(self.prints) // _PRINT

    def by_name(self) -> dict[str, str]:
        """The print of each photo."""
        names = self.joined.split("/") if self.joined else []
        return {name: self.prints[n * _PRINT : (n + 1) * _PRINT] for n, name in enumerate(names)}


@dataclass(slots=True)
class Memory:
    """One whole listing. `rules` is a digest of the options that decide what is listed; `volume` is (device, inode,
    file system id) of the root; `complete` is False when only some months were ever walked."""

    rules: str
    volume: tuple[int, int, int]
    complete: bool
    folders: dict[str, Known] = field(default_factory=dict)

    def photos(self) -> int:
        """How many photos are known."""
        return sum(known.count for known in self.folders.values())


def digest(lines: list[str]) -> str:
    """What a folder's sorted lines are remembered by."""
    return blake2b("\n".join(lines).encode("utf-8", "surrogateescape"), digest_size=15).hexdigest()


def short_print(text: str) -> str:
    """Eight characters that stand for a text (48 bits: one missed change in 10^14)."""
    return base64.b64encode(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).digest()).decode()


def pack(memory: Memory) -> str:
    """The cursor of a listing."""
    folders = {
        path: [known.digest, known.joined, known.prints, known.proofs, known.apart]
        for path, known in memory.folders.items()
    }
    body = [_VERSION, memory.rules, memory.volume, memory.complete, folders]
    raw = json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(raw, _LEVEL)).decode()


def unpack(cursor: str | None) -> Memory | None:
    """The listing behind a cursor; None for one that is missing, damaged or of another version."""
    if not cursor:
        return None
    try:
        version, rules, volume, complete, folders = json.loads(zlib.decompress(base64.b64decode(cursor, validate=True)))
        if version != _VERSION:
            return None
        device, inode, system = volume
        known = {path: Known(*record) for path, record in folders.items()}
    except (ValueError, TypeError, AttributeError, zlib.error):
        return None
    return Memory(str(rules), (int(device), int(inode), int(system)), bool(complete), known)
