"""Draws docs/images/review*.png: the screens of the review page on the demo's own gallery, as a browser shows them. No
photograph is used.

python docs/images/make_review_pictures.py          (needs Chromium; say CHROMIUM=/path/to/it where it is not found)
python docs/images/make_review_pictures.py --all FOLDER          every screen, light, dark, on a phone and in German
"""

from __future__ import annotations

import argparse
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


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light", "locale": "en-US"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark", "locale": "en-US"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "locale": "en-US"},
    "german": {"viewport": DESKTOP, "color_scheme": "light", "locale": "de-DE"},
    "german-phone": {"viewport": PHONE, "color_scheme": "dark", "locale": "de-DE"},
}
SCREENS = ("home", "review/identical", "review/same", "review/similar", "review/sets", "review/decided")
OTHERS = ("plan", "history", "rules", "learn", "settings")


def main() -> None:
    """Draw, scan, open, photograph."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="photograph every screen in every look into FOLDER")
    everything: Path | None = parser.parse_args().all
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("No Chromium was found: install it, or say CHROMIUM=/path/to/it.")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        desk = _desk(Path(place))
        launched = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        with serving(desk) as server:
            if everything is not None:
                everything.mkdir(parents=True, exist_ok=True)
                for look, context in LOOKS.items():
                    _everything(launched, server, everything / look, context)
            else:
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
    page.goto(f"{server.base}/#/review/same?taken=2024&sort=doubt")
    page.click('[data-do="filter"]')
    page.wait_for_selector(".panel select")
    _shot(page, "review-filter")
    page.goto(f"{server.base}/#/review/sets")
    page.wait_for_selector("group-card figure")
    page.keyboard.press("c")
    page.wait_for_selector("compare-dialog table")
    page.wait_for_timeout(1500)
    page.keyboard.press("l")
    _shot(page, "review-loupe")
    page.keyboard.press("Escape")
    page.goto(f"{server.base}/#/review/same")
    page.wait_for_selector("group-card figure")
    page.keyboard.press("Enter")
    page.goto(f"{server.base}/#/plan")
    page.click(".make button")
    page.wait_for_selector(".steps-list td")
    _shot(page, "review-plan")
    page.goto(f"{server.base}/#/settings")
    page.wait_for_selector(".check")
    _shot(page, "review-keys")


def _everything(browser: Any, server: Server, name: Path, look: dict[str, Any]) -> None:
    """Every screen in one look: to be judged, not kept."""
    page = browser.new_context(**look).new_page()
    page.goto(server.address())
    page.wait_for_selector("home-screen h1")
    for screen in SCREENS:
        page.goto(f"{server.base}/#/{screen}")
        page.wait_for_timeout(900)
        page.screenshot(path=f"{name}-{screen.replace('/', '-')}.png")
    page.goto(f"{server.base}/#/review/same?taken=2024&sort=doubt")
    page.wait_for_selector("group-card figure")
    page.click('[data-do="filter"]')
    page.wait_for_selector(".panel select")
    page.wait_for_timeout(900)
    page.screenshot(path=f"{name}-filter.png")
    page.goto(f"{server.base}/#/review/sets")
    page.wait_for_selector("group-card figure")
    page.keyboard.press("c")
    page.wait_for_selector("compare-dialog table")
    page.wait_for_timeout(1500)
    page.keyboard.press("l")
    page.wait_for_timeout(600)
    page.screenshot(path=f"{name}-compare.png")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    for screen in OTHERS:
        page.goto(f"{server.base}/#/{screen}")
        page.wait_for_timeout(900)
        if screen == "plan":
            page.click('[data-do="makePlan"]')
            page.wait_for_selector(".steps-list td")
        if screen == "rules":
            page.click('[data-do="previewRules"]')
            page.wait_for_selector('[data-do="saveRules"]')
        page.wait_for_timeout(300)
        page.screenshot(path=f"{name}-{screen}.png", full_page=screen in ("settings", "rules"))
    page.goto(f"{server.base}/#/review/sets")
    page.keyboard.press("u")
    page.wait_for_timeout(600)
    page.context.close()


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
