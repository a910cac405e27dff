"""Draws docs/images/report.png: the report of the demo's own gallery, as a browser shows it. No photograph is used.

make picture          (needs Chromium; say CHROMIUM=/path/to/it where it is not found)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from dedupe_app.demo.gallery import build
from dedupe_app.notebook import open_library
from dedupe_app.views import GroupView

OUT = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1180, 1400
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync")


def main() -> None:
    """Draw, scan, report, photograph the report."""
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("No Chromium was found: install it, or say CHROMIUM=/path/to/it.")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        page, shot = folder / "report.html", folder / "shot.png"
        build(folder / "Gallery")
        with open_library(folder / "Gallery", data=folder / "data", config=_settings(folder)) as library:
            library.scan()
            library.groups().where(_telling()).report(page)
        size = f"--window-size={WIDTH},{HEIGHT}"
        command = [browser, *FLAGS, size, f"--screenshot={shot}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        Image.open(shot).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(OUT, optimize=True)
    sys.stdout.write(f"{OUT}: {OUT.stat().st_size // 1000} kB\n")


def _telling() -> Callable[[GroupView], bool]:
    """One group of each kind is enough for a picture: three equal files, a smaller copy, a burst."""
    wanted: list[Callable[[GroupView], bool]] = [
        lambda group: group.relation == "exact" and len(group.members) > 2,
        lambda group: group.relation == "near" and any(photo.width < group.keep.width for photo in group.drop),
        lambda group: group.relation == "series",
    ]

    def tells(group: GroupView) -> bool:
        found = next((number for number, test in enumerate(wanted) if test(group)), None)
        return found is not None and bool(wanted.pop(found))

    return tells


def _settings(folder: Path) -> Path:
    """A configuration of its own, so that the person's has no part in the picture."""
    file = folder / "config.yaml"
    file.write_text("sources: []\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    main()
