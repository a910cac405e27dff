"""The page's files and its languages, read through the package, so that they are found in a wheel too."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def static_folder() -> Path:
    """The folder of the page's own files."""
    return Path(str(files("dedupe_app") / "web" / "static"))


def languages() -> list[str]:
    """The languages that the page speaks, by their file."""
    return sorted(file.stem for file in (static_folder() / "locales").glob("*.json"))
