"""Draws docs/images/review*.png: the screens of the review page on the demo's own gallery, as a browser shows them. No
photograph is used.

python docs/images/make_review_pictures.py          (needs Chromium; say CHROMIUM=/path/to/it where it is not found)
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.demo.gallery import build
from dedupe_app.library import Library
from dedupe_app.web.desk import Desk
from dedupe_app.web.server import Server, serving

OUT = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync"]
DESKTOP, PHONE = {"width": 1180, "height": 760}, {"width": 390, "height": 844}


def main() -> None:
    """Draw, scan, open, photograph."""
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("No Chromium was found: install it, or say CHROMIUM=/path/to/it.")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        desk = _desk(Path(place))
        launched = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        with serving(desk) as server:
            _desktop(launched, server)
            _phone(launched, server)
        launched.close()
        desk.close()


def _desk(folder: Path) -> Desk:
    build(folder / "Gallery")
    source = SourceConfig(name="Gallery", kind="local", options={"path": str(folder / "Gallery")})
    config = Config(data=folder / "data", sources=(source,))
    with Library.open(config) as library:
        library.scan()
    return Desk(Loaded(config, None, {}), config)


def _desktop(browser: Any, server: Server) -> None:
    page = browser.new_context(viewport=DESKTOP, color_scheme="light", locale="en-US").new_page()
    page.goto(server.address())
    page.wait_for_selector(".source")
    _shot(page, "review-home")
    page.goto(f"{server.base}/#/review/same")
    page.wait_for_selector("group-card figure")
    page.keyboard.press("j")
    _shot(page, "review")
    page.keyboard.press("c")
    page.wait_for_selector("compare-dialog table")
    _shot(page, "review-compare")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.goto(f"{server.base}/#/plan")
    page.click(".make button")
    page.wait_for_selector(".steps-list td")
    _shot(page, "review-plan")
    page.goto(f"{server.base}/#/settings")
    page.wait_for_selector(".check")
    _shot(page, "review-keys")


def _phone(browser: Any, server: Server) -> None:
    page = browser.new_context(viewport=PHONE, color_scheme="dark", locale="en-US").new_page()
    page.goto(server.address())
    page.wait_for_selector("home-screen h1")
    page.goto(f"{server.base}/#/review/same")
    page.wait_for_selector("group-card figure")
    _shot(page, "review-phone")


def _shot(page: Any, name: str) -> None:
    page.wait_for_timeout(2500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = OUT / f"{name}.png"
    picture.quantize(80, dither=Image.Dither.NONE).save(file, optimize=True)
    sys.stdout.write(f"{file.name}: {file.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    main()
