"""Who may speak to the page: this machine's browser, on the address that was printed, with the token that was printed.

Every check is there because the one beside it is not enough. The Host list stops a foreign name that resolves to this
machine; Origin and Sec-Fetch-Site stop another page in the same browser (another port of this machine is the "same
site", so SameSite alone does not); the cookie is the person; the header proves that our own script speaks, because no
form can send it and no other origin can read it.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response

from dedupe_app.web import login
from dedupe_app.web.door import Door
from dedupe_app.web.login import login_page, password_of
from dedupe_app.web.telling import problem, refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
TOKEN_HEADER = "x-keepone-token"  # noqa: S105 - the name of a header
MOST_BYTES = 1 << 20
"""A request larger than this is no answer of a person."""
LAUNCH_SECONDS = 900.0
_SAFE = ("GET", "HEAD")


class Keys:
    """The secrets of one start: a launch token that works once, the session that it becomes, and the script's token."""

    def __init__(self, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.cookie = f"keepone-{port}"
        self.session = secrets.token_urlsafe(32)
        self.script = secrets.token_urlsafe(32)
        self._clock = clock
        self._launch = ""
        self._until = 0.0

    def launch_token(self) -> str:
        """A new launch token; the one before is worth nothing any more."""
        self._launch, self._until = secrets.token_urlsafe(32), self._clock() + LAUNCH_SECONDS
        return self._launch

    @property
    def unused(self) -> bool:
        """True while the launch token that was given out last can still be used."""
        return bool(self._launch) and self._clock() <= self._until

    def redeem(self, token: str) -> bool:
        """True once, for the right token in time."""
        good = bool(self._launch) and _equal(token, self._launch) and self._clock() <= self._until
        if good:
            self._launch = ""
        return good

    def is_session(self, cookie: str) -> bool:
        """Is this the cookie that the launch token became?"""
        return _equal(cookie, self.session)

    def is_script(self, token: str) -> bool:
        """Is this the token that only our own page can read?"""
        return _equal(token, self.script)


class Guard:
    """ASGI middleware around the whole application. `hosts` are the exact values of Host that are ours; with a `door`
    others than this machine may come, by the address that they reached, and are asked for the password."""

    def __init__(self, app: App, keys: Keys, hosts: frozenset[str], door: Door | None = None) -> None:
        self.app = app
        self.keys = keys
        self.hosts = hosts
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused; let the rest through with our headers on its answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websocket is ours
        answer = self._answer(scope)
        if answer is None and scope["path"] == "/login":
            answer = await self._login(scope, receive)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
            return
        await self.app(scope, _limited(receive), _with_headers(send, scope["path"].startswith("/static/")))

    def _answer(self, scope: Scope) -> Response | None:
        """The refusal of a request, or the exchange of the launch token; None for what may go on."""
        headers = Headers(scope=scope)
        if not self._is_ours(scope, headers.getlist("host")):
            return _refuse(400, "host")
        if scope["method"] in _SAFE and scope["path"] == "/":
            return self._shell(scope, headers)
        if scope["path"].startswith("/static/") and scope["method"] in _SAFE:
            return None
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _refuse(403, "foreign")
        if self.door is not None and (scope["method"], scope["path"]) == ("POST", "/login"):
            return None if _same_origin(headers) else _refuse(403, "foreign")
        if not self._signed_in(headers):
            return _refuse(401, "not_signed_in")
        return None if scope["method"] in _SAFE else self._write(headers)

    def _shell(self, scope: Scope, headers: Headers) -> Response | None:
        query = dict(pair.partition("=")[::2] for pair in scope["query_string"].decode("latin-1").split("&"))
        if "token" not in query:
            if self.door is None or self._signed_in(headers):
                return None
            return login_page(headers.get("accept-language", ""))
        if not self.keys.redeem(query["token"]):
            if self._signed_in(headers):
                return RedirectResponse("/", 303)
            return _refuse(403, "used")
        return self._let_in()

    def _let_in(self) -> Response:
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.keys.cookie, self.keys.session, httponly=True, samesite="strict", path="/")
        return answer

    async def _login(self, scope: Scope, receive: Receive) -> Response | None:
        """Whoever knows the password gets the cookie that the launch token gives."""
        if self.door is None or scope["method"] != "POST":
            return None
        accepted = Headers(scope=scope).get("accept-language", "")
        address = str((scope.get("client") or ("",))[0])
        if (wait := math.ceil(self.door.wait(address))) > 0:
            return login_page(accepted, 429, "too_often", wait)
        password = password_of(await _body(receive))
        if await run_in_threadpool(self.door.opens, address, password):
            return self._let_in()
        return login_page(accepted, 403, "wrong_password")

    def _is_ours(self, scope: Scope, said: list[str]) -> bool:
        """Does the request name us? A foreign name that resolves to this machine is never ours; with a door the very
        address that was reached is, which no page of a foreign name can say."""
        if len(said) != 1:
            return False
        if said[0].lower() in self.hosts or self.door is None:
            return said[0].lower() in self.hosts
        address, port = scope.get("server") or ("", 0)
        return said[0] == (f"[{address}]:{port}" if ":" in address else f"{address}:{port}")

    def _signed_in(self, headers: Headers) -> bool:
        return self.keys.is_session(cookie_parser(headers.get("cookie", "")).get(self.keys.cookie, ""))

    def _write(self, headers: Headers) -> Response | None:
        """What every change needs besides the cookie."""
        if not _same_origin(headers):
            return _refuse(403, "foreign")
        if not self.keys.is_script(headers.get(TOKEN_HEADER, "")):
            return _refuse(403, "older")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _refuse(415, "only_json")
        length = headers.get("content-length", "")
        if length and (not length.isdigit() or int(length) > MOST_BYTES):
            return _refuse(413, "too_much")
        return None


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _same_origin(headers: Headers) -> bool:
    """Does our own page ask? Its host was looked at before."""
    return headers.get("origin", "").lower() == f"http://{headers.get('host', '').lower()}"


async def _body(receive: Receive) -> bytes:
    """A short body; what is longer is cut off and therefore wrong."""
    found, more = b"", True
    while more and len(found) <= login.MOST_BYTES:
        message = await receive()
        found += message.get("body", b"")
        more = bool(message.get("more_body")) and message["type"] == "http.request"
    return found[: login.MOST_BYTES]


def _refuse(status: int, code: str) -> Response:
    return JSONResponse(problem(refusal(code)), status)


def _with_headers(send: Send, kept: bool = False) -> Send:
    """Our headers on every answer; what is not said to be kept is not kept. `kept`: it may be, and is asked for again
    by its tag."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("referrer-policy", "no-referrer")
            headers.setdefault("cache-control", "no-cache" if kept else "no-store")
        await send(message)

    return sending


def _limited(receive: Receive) -> Receive:
    """A body that does not say its length is cut off at the limit, which makes it no JSON."""
    seen = 0

    async def receiving() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            return {"type": "http.request", "body": b"", "more_body": False}
        return message

    return receiving
