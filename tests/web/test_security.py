"""Every attack that a web page, a foreign name or a photo can make on the page's server, made on the real one."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from dedupe_app.web.app import routes
from dedupe_app.web.desk import Desk
from dedupe_app.web.guard import Guard, Keys
from dedupe_app.web.server import Server, _bind
from tests.web.conftest import Page

SECRETS = ("/api/v1/summary", "/api/v1/groups", "/api/v1/plans", "/api/v1/about", "/api/v1/openapi.json")


def writes(desk: Desk) -> list[str]:
    """Every address of the API that changes something."""
    known = routes(desk, Keys(1)).openapi()["paths"]
    return [re.sub(r"\{\w+\}", "1", path) for path, verbs in known.items() if "post" in verbs]


@pytest.mark.parametrize("path", SECRETS)
def test_without_the_cookie_nothing_is_told(server: Server, path: str) -> None:
    assert httpx.get(server.base + path).status_code == 401


def test_the_launch_address_works_once(server: Server) -> None:
    address = server.address()
    first = httpx.get(address)
    assert first.status_code == 303
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert str(server.port) in cookie.partition("=")[0]
    assert httpx.get(address).status_code == 403
    assert "set-cookie" not in httpx.get(address).headers


def test_the_launch_token_is_not_the_cookie_and_grows_old() -> None:
    now = [0.0]
    keys = Keys(1, lambda: now[0])
    token = keys.launch_token()
    assert not keys.is_session(token)
    now[0] = 3600.0
    assert not keys.redeem(token)


def test_a_wrong_launch_token_opens_nothing(server: Server) -> None:
    server.address()
    assert httpx.get(server.base + "/?token=").status_code == 403
    assert httpx.get(server.base + "/?token=wrong").status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost.evil:{port}", "127.0.0.1.evil:{port}"]
)
def test_a_foreign_name_for_this_machine_is_refused(page: Page, host: str) -> None:
    """DNS rebinding: the attacker's name resolves to 127.0.0.1, so only Host tells."""
    said = host.format(port=page.server.port)
    for path in ("/", "/static/app.js", "/api/v1/summary"):
        assert page.client.get(path, headers={"host": said}).status_code == 400


def test_two_host_lines_are_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        wire.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nHost: evil.example\r\n\r\n".encode())
        assert b" 400 " in wire.recv(100)


def test_a_cross_site_form_post_to_every_write_is_refused(page: Page, desk: Desk) -> None:
    """A form sends the cookie of a lax browser, but neither our header nor our origin nor JSON."""
    before = page.get("/summary")
    for path in writes(desk):
        form = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        answer = page.client.post(path, data={"x": "1"}, headers=form)
        assert answer.status_code == 403, path
    assert page.get("/summary") == before


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": None}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"x-keepone-token": None}, 403),
        ({"x-keepone-token": "guessed"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-length": "9999999"}, 413),
    ],
)
def test_each_proof_is_needed_by_itself(page: Page, desk: Desk, change: dict[str, str | None], status: int) -> None:
    good = {**page.headers, "content-type": "application/json", "sec-fetch-site": "same-origin"}
    headers = {name: value for name, value in {**good, **change}.items() if value is not None}
    for path in writes(desk):
        content = b"{}" if "content-length" not in headers else b"x" * 9_999_999
        assert page.client.post(path, content=content, headers=headers).status_code == status, path


def test_another_port_of_this_machine_may_not_even_read(page: Page) -> None:
    """Another service on 127.0.0.1 is the same site, and gets our SameSite cookie."""
    for site in ("same-site", "cross-site"):
        assert page.client.get("/api/v1/summary", headers={"sec-fetch-site": site}).status_code == 403


def test_a_body_that_hides_its_length_is_cut_off(page: Page) -> None:
    def endless() -> object:
        for _ in range(40):
            yield b"[" + b" " * 65_536

    headers = {**page.headers, "content-type": "application/json"}
    answer = page.client.post("/api/v1/undo", content=endless(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 422


def test_nothing_is_changed_by_get(desk: Desk) -> None:
    known = routes(desk, Keys(1)).openapi()["paths"]
    assert {verb for verbs in known.values() for verb in verbs} == {"get", "post"}
    assert not [path for path, verbs in known.items() if "get" in verbs and re.search("apply|stop|scan", path)]


def test_the_policy_allows_no_inline_script_and_no_other_host(page: Page) -> None:
    for path in ("/", "/static/app.js", "/api/v1/summary", "/nothing"):
        headers = page.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


def test_the_shell_has_no_inline_script_or_style(page: Page) -> None:
    html = page.client.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", html)


def test_the_script_builds_no_markup_from_text() -> None:
    folder = Path(__file__).parents[2] / "dedupe_app" / "web" / "static"
    wrong = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc")
    assert not [file.name for file in folder.glob("*.js") if wrong.search(file.read_text("utf-8"))]
    assert not [
        file.name
        for file in folder.rglob("*.*")
        if re.search(r"https?://(?!www\.w3\.org/2000/svg)", file.read_text("utf-8"))
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fconfig.py",
        "/static//etc/passwd",
        "/api/v1/photos/..%2f..%2fetc%2fpasswd/320.webp",
        "/api/v1/photos/%2Fetc%2Fpasswd/320.webp",
        "/api/v1/photos/1-0000000000/320.webp",
        "/api/v1/photos/1/320.webp",
        "/api/v1/photos/999999999999999999999-x/320.webp",
        "/api/v1/photos/1-0000000000/9999.webp",
    ],
)
def test_no_address_reaches_a_file(page: Page, path: str) -> None:
    with socket.create_connection(("127.0.0.1", page.server.port)) as wire:
        cookie = f"{page.server.keys.cookie}={page.server.keys.session}"
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{page.server.port}\r\nCookie: {cookie}\r\nConnection: close\r\n"
        wire.sendall(f"{head}\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"422")
    assert b"root:" not in answer


def test_a_picture_is_drawn_anew_and_carries_no_metadata(page: Page) -> None:
    group = page.get("/groups", lane="identical")["items"][0]
    answer = page.client.get(f"/api/v1/photos/{group['photos'][0]['id']}/320.webp")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"
    assert b"Exif" not in answer.content
    assert "immutable" in answer.headers["cache-control"]
    again = {"if-none-match": answer.headers["etag"]}
    assert page.client.get(answer.url.path, headers=again).status_code == 304


def test_a_picture_of_a_changed_photo_is_gone_under_its_old_address(page: Page, desk: Desk) -> None:
    photo = page.get("/groups", lane="identical")["items"][0]["photos"][0]["id"]
    row = int(photo.partition("-")[0])
    with desk.store_lock() as library:
        before = library.store.db.execute("SELECT revision FROM asset WHERE id = ?", (row,)).fetchone()[0]
        library.store.db.execute("UPDATE asset SET revision = 'other' WHERE id = ?", (row,))
    try:
        assert page.client.get(f"/api/v1/photos/{photo}/320.webp").status_code == 404
    finally:
        with desk.store_lock() as library:
            library.store.db.execute("UPDATE asset SET revision = ? WHERE id = ?", (before, row))


def test_the_page_listens_on_this_machine_only() -> None:
    for host in ("0.0.0.0", "192.168.1.10", "::"):
        with pytest.raises(ValueError, match="this machine only"):
            _bind(host, 0)


def test_a_websocket_is_not_answered(desk: Desk) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("reached the application")

    import asyncio

    guard = Guard(never, Keys(1), frozenset({"127.0.0.1:1"}))
    with ThreadPoolExecutor(1) as pool:  # a browser of an earlier test may have left a loop running in this thread
        asked = guard({"type": "websocket"}, never, never)  # type: ignore[arg-type]
        pool.submit(asyncio.run, asked).result()


def test_names_full_of_markup_come_as_text(page: Page) -> None:
    names = [
        photo["name"]
        for lane in ("identical", "same")
        for g in page.get("/groups", lane=lane)["items"]
        for photo in g["photos"]
    ]
    nasty = [name for name in names if "<b>" in name]
    assert nasty, "the demo gallery has a name with markup"
    assert page.client.get("/api/v1/groups").headers["content-type"] == "application/json"
