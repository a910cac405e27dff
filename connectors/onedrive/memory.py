"""What a listing remembers for the next one: the deltaLink, and the folders that delta will not name again.

The cursor is one opaque string (JSON, zlib, base64); about 60 bytes a folder, nothing a photo."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """A complete listing of `drive` in `scope`. `families` has, for each member of a photo with companions, the folder
    in which it lies: when one goes, the rest is looked at again."""

    drive: str
    root: str
    scope: str
    link: str
    folders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)

    def cursor(self) -> str:
        """As the store keeps it."""
        plain = json.dumps({"version": _VERSION, **asdict(self)}, separators=(",", ":"))
        return base64.b64encode(zlib.compress(plain.encode(), 6)).decode("ascii")


def remembered(cursor: str | None) -> Memory | None:
    """The memory of a cursor; None when there is none or it is of another version, which means: list everything."""
    if not cursor:
        return None
    try:
        value = json.loads(zlib.decompress(base64.b64decode(cursor, validate=True)))
        if value.pop("version") != _VERSION:
            return None
        value["folders"] = {key: (parent, name) for key, (parent, name) in value["folders"].items()}
        return Memory(**value)
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error, binascii.Error):
        return None
