"""A real Chromium before the real server. Without a Chromium these tests are skipped, except where CI says that there
has to be one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dedupe_app.web.desk import Desk
from dedupe_app.web.server import Server, serving
from tests.web.demo_place import demo_desk

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
Open = Callable[..., Any]


def chromium() -> str:
    """Where Chromium is; skips where there is none, fails where CI promised one."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None or not Path(found).exists():
        if os.environ.get("CI"):
            pytest.fail("CI has to have a Chromium: install it, or set CHROMIUM.")
        pytest.skip("no Chromium was found; install one, or set CHROMIUM=/path/to/it")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    place = chromium()
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=place, args=FLAGS)
        yield launched
        launched.close()


class Visit:
    """One browser window on one server. What must never happen is noted, and asked at the end."""

    def __init__(self, browser: Any, server: Server, **context: Any) -> None:
        self.server = server
        self.folder = Path()
        self.others: list[Visit] = []
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **context})
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.strangers: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        self.page.goto(server.address())
        self.page.wait_for_selector("home-screen h1")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(self.server.base + "/"):
            self.strangers.append(request.url)

    def _said(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.wrong.append(message.text)

    def other(self, server: Server) -> Visit:
        """A window on another server, closed and asked like this one."""
        self.others.append(Visit(self.context.browser, server))
        return self.others[-1]

    def close(self) -> None:
        """Close the window; nothing that must never happen did."""
        for one in self.others:
            one.close()
        self.context.close()
        assert not self.strangers, "another host was asked"
        assert not self.wrong, "an error in the page"

    def go(self, place: str) -> Any:
        """Open a screen by its hash."""
        self.page.goto(f"{self.server.base}/#/{place}")
        return self.page

    def review(self, lane: str) -> Any:
        """The review of a lane, with its first group shown."""
        page = self.go(f"review/{lane}")
        page.wait_for_selector("group-card figure")
        return page

    def settled(self) -> Any:
        """Until everything that was decided is saved; the summary then."""
        self.page.evaluate(
            """async () => { const {deck} = await import('/static/deck.js');
                 while (deck.queue.length) await new Promise((done) => setTimeout(done, 20)); }"""
        )
        return self.page.evaluate("async () => (await import('/static/api.js')).get('/summary')")


@pytest.fixture(scope="session")
def demo_server() -> Iterator[Server]:
    desk = demo_desk()
    with serving(desk) as server:
        yield server
    desk.close()


@pytest.fixture
def visit(browser: Any, demo_server: Server) -> Iterator[Open]:
    """`visit()` opens a window on the demo gallery with nothing decided; `visit(color_scheme="dark")` … as Playwright
    has them."""
    clean(demo_server.desk)
    made: list[Visit] = []

    def open_one(server: Server = demo_server, **context: Any) -> Visit:
        made.append(Visit(browser, server, **context))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def clean(desk: Desk) -> None:
    """Nothing decided, nothing planned."""
    with desk.store_lock() as library:
        library.store.db.execute("DELETE FROM decision")
        library.store.db.execute("DELETE FROM label")
        library.store.db.execute("UPDATE plan SET state = 'withdrawn' WHERE state = 'planned'")
    desk.lay_again()


@contextmanager
def served(desk: Desk) -> Iterator[Server]:
    """A server on another desk."""
    with serving(desk) as server:
        yield server
    desk.close()
