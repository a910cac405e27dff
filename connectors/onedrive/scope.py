"""Which part of the drive is looked at, and where a folder lies when only parent ids are known."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping

from connectors.onedrive.options import OneDriveOptions


def folded(text: str) -> str:
    """A name or path as OneDrive compares it: without case, and for us without Unicode forms."""
    return unicodedata.normalize("NFC", text).casefold()


def same_path(one: str, other: str) -> bool:
    """Whether two paths name the same place."""
    return folded(one.strip("/")) == folded(other.strip("/"))


class Scope:
    """The folders whose photos are listed: month folders, one folder, or everything; never what we put there."""

    def __init__(self, options: OneDriveOptions) -> None:
        self._ours = {folded(options.duplicates), folded(options.summary)}
        self.template = None if options.folder is not None else options.template
        self.folder = (options.folder or "").strip("/")
        self._shape = re.compile(self._pattern(), re.DOTALL)
        self.text = f"{self._pattern()} without {sorted(self._ours)}"

    def _pattern(self) -> str:
        if self.template is None:
            return rf"{re.escape(folded(self.folder))}(/.*)?" if self.folder else ".*"
        pieces = []
        for literal, name, spec, _ in string.Formatter().parse(self.template):
            pieces.append(re.escape(folded(literal)))
            if name:
                pieces.append(r"\d{4}" if name == "year" else rf"\d{{{int((spec or '').strip('d0') or 1)},2}}")
        return "".join(pieces) + "(/.*)?"

    def holds(self, folder: str) -> bool:
        """Whether photos right in this folder are looked at."""
        return bool(self._shape.fullmatch(folded(folder))) and not self.is_ours(folder)

    def is_ours(self, folder: str) -> bool:
        """Whether this is where we put duplicates or reports."""
        return bool(self._ours & set(folded(folder).split("/")))

    def first(self) -> str:
        """The folder above everything in scope, from the root."""
        return self.folder if self.template is None else self.template.partition("{")[0].rpartition("/")[0]


class Folders:
    """The drive's folders by id. Delta names no paths, and says nothing of what lies below a renamed folder."""

    def __init__(self, root: str, known: Mapping[str, tuple[str, str]] | None = None) -> None:
        self.root = root
        self.known: dict[str, tuple[str, str]] = dict(known or {})
        self._paths: dict[str, str | None] = {}

    def put(self, folder: str, parent: str, name: str) -> None:
        """A folder as the newest row shows it."""
        self.known[folder] = (parent, name)
        self._paths.clear()

    def drop(self, folder: str) -> None:
        """A folder that is no more."""
        self.known.pop(folder, None)
        self._paths.clear()

    def path(self, folder: str) -> str | None:
        """The path from the root, "" for the root itself, None when a folder on the way is unknown."""
        if folder not in self._paths:
            self._paths[folder] = self._walk(folder)
        return self._paths[folder]

    def _walk(self, folder: str) -> str | None:
        names: list[str] = []
        while folder != self.root:
            if folder not in self.known or len(names) > len(self.known):
                return None
            folder, name = self.known[folder]
            names.append(name)
        return "/".join(reversed(names))
