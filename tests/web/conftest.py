"""The real server on loopback, and somebody who was let in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from dedupe_app.web.desk import Desk
from dedupe_app.web.server import Server, serving
from tests.web.demo_place import demo_desk


@dataclass
class Page:
    """A browser's stand-in that has the cookie and the script's token."""

    server: Server
    client: httpx.Client
    headers: dict[str, str]

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.post(f"/api/v1{path}", json={} if body is None else body, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def accept(self, group: dict[str, Any], keep: list[str] | None = None, status: int = 200) -> Any:
        chosen = [photo["id"] for photo in group["photos"] if photo["keep"]] if keep is None else keep
        body = {"group_id": group["id"], "version": group["version"], "verb": "keep", "keep": chosen}
        return self.post("/decisions", body, status)

    def finished(self, job: dict[str, Any]) -> Any:
        until = time.monotonic() + 60
        while (now := self.get(f"/jobs/{job['id']}"))["state"] == "running":
            assert time.monotonic() < until, now
            time.sleep(0.05)
        return now


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = demo_desk()
    yield made
    made.close()


@pytest.fixture
def server(desk: Desk) -> Iterator[Server]:
    with serving(desk) as running:
        yield running


@pytest.fixture
def page(server: Server) -> Iterator[Page]:
    with httpx.Client(base_url=server.base, timeout=60) as client:
        client.get(server.address())
        client.cookies.set(server.keys.cookie, server.keys.session)
        token = client.get("/api/v1/about").json()["token"]
        yield Page(server, client, {"x-keepone-token": token, "origin": server.base})
