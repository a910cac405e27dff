"""What of a folder tree is listed, compiled from the options of one source."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from connectors.base import Refused
from connectors.local.companions import Found
from connectors.local.months import Months
from connectors.local.names import folded
from connectors.local.options import FOREIGN_FOLDERS, LocalOptions, managed_by
from connectors.local.patterns import Patterns

# Raised when the code starts to list other things under the same options, so that every cursor is read anew.
_EDITION = 1


class Rules:
    """The options of one source as questions about relative paths."""

    def __init__(self, options: LocalOptions, root: Path) -> None:
        self.months = Months(options.month_template, options.months)
        self._include = Patterns(_below(root, pattern) for pattern in options.include)
        self._exclude = Patterns(_below(root, pattern) for pattern in options.exclude)
        self._protected = Patterns(_below(root, pattern) for pattern in options.protected)
        self._put_away = folded(options.duplicates)
        self._allow_managed = options.allow_managed
        deciding = {"include", "exclude", "protected", "duplicates", "allow_managed"}
        listed = sorted(options.model_dump(mode="json", include=deciding).items())
        self.digest = blake2b(f"{_EDITION} {listed}".encode("utf-8", "replace"), digest_size=9).hexdigest()

    def enter(self, path: str, name: str) -> bool:
        """Whether a folder is walked: not what we put away, not what belongs to a program, not outside the months."""
        low = folded(name)
        if low == self._put_away or low in FOREIGN_FOLDERS:
            return False
        if not self._allow_managed and managed_by(path):
            return False
        return not self._exclude.match(path) and self.months.position(path) != "outside"

    def wanted(self, path: str) -> bool:
        """Whether the files of a folder are looked at."""
        return self.months.position(path) == "inside"

    def lists(self, folder: str, found: Found) -> bool:
        """Whether an asset is listed. One excluded photo of it excludes the whole, one included photo includes it:
        parts travel together."""
        if not self._include and not self._exclude:
            return True
        photos = [found.primary, *(part for role, part in found.parts if role in ("jpeg", "raw"))]
        paths = [join(folder, photo.name) for photo in photos]
        if any(map(self._exclude.match, paths)):
            return False
        return not self._include or any(map(self._include.match, paths))

    def protects(self, path: str) -> bool:
        """Whether a photo lies in a protected folder."""
        return self._protected.match(path)


def join(folder: str, name: str) -> str:
    """A relative path."""
    return f"{folder}/{name}" if folder else name


def real_root(path: Path) -> Path:
    """The folder itself, whatever links lead to it. Its own links are resolved once, when the source is opened. Raises
    `Refused` for a path that leads nowhere by itself."""
    try:
        return path.expanduser().resolve()
    except (RuntimeError, ValueError) as error:
        raise Refused(f"{path} is no path ({error}). Correct the path of this source.") from error


def _below(root: Path, pattern: str) -> str:
    """A pattern that was written as a whole path of this machine, as one from the root."""
    whole = os.path.expanduser(pattern) if pattern.startswith("~") else pattern  # noqa: PTH111 - a pattern is no path
    above = f"{root.as_posix().rstrip('/')}/"
    if f"{whole.rstrip('/')}/" == above:
        return "/**"
    return f"/{whole.removeprefix(above)}" if whole.startswith(above) else whole
