"""The pictures of the page: what a scan kept of its own decode is what lists show, and nothing is opened for it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from dedupe_app.web.desk import Desk, row_of
from dedupe_core.thumbs import EDGE, Room, cache_file
from tests.web.conftest import Page


def test_what_the_scan_kept_is_shown_and_no_photo_is_opened(
    page: Page, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> bytes:
        raise AssertionError("a photo was opened for a list")

    photo = page.get("/groups", lane="same")["items"][0]["photos"][0]["id"]
    row = row_of(photo)
    assert row is not None
    with desk.store_lock() as library:
        content = library.store.assets.photos([row])[row].content
    out = io.BytesIO()
    Image.new("RGB", (EDGE, 200), "teal").save(out, "WEBP")
    file = cache_file(desk.darkroom.folder, content, EDGE)
    file.unlink(missing_ok=True)
    Room(desk.config.data).keep(content, out.getvalue())
    monkeypatch.setattr(desk.darkroom, "draw", never)
    try:
        answer = page.client.get(f"/api/v1/photos/{photo}/{EDGE}.webp")
        assert answer.content == out.getvalue()
        assert "immutable" in answer.headers["cache-control"]
    finally:
        file.unlink()
