"""Talking to Microsoft Graph: one way to send a request, with patience for everything that passes by itself.

Reading is tried again after anything transient. Writing is tried again only where OneDrive surely did nothing (429,
503); every other missing or unreadable answer is `LostAnswer`, and the caller looks at what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import requests
from requests.auth import AuthBase

from connectors.base import ConnectorError, SignInRequired, Unavailable
from connectors.onedrive.gate import Gate

USER_AGENT = "NONISV|KeepOne|KeepOne/0.1"
TRIES = 6
PATIENCE = 12
_TIMEOUT = (10.0, 100.0)
_BUSY = frozenset({429, 503})
_BROKEN = frozenset({408, 500, 502, 504, 509})


class Tokens(Protocol):
    """Where access tokens come from."""

    def token(self, refused: str | None = None) -> str:
        """A good access token; `refused` is one that OneDrive took no longer. Raises `SignInRequired` when a person
        has to sign in and `Unavailable` when the authority cannot be reached."""
        ...


class Answered(ConnectorError):
    """Graph answered with an error that waiting does not heal. `codes` holds the code and all inner codes."""

    def __init__(self, status: int, codes: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.status, self.codes = status, codes


class LostAnswer(Unavailable):
    """A write went out and no answer came back that says whether it happened."""


class _Nobody(AuthBase):
    """No credentials at all, also not those that requests would find in a .netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def plain_session() -> requests.Session:
    """A session without credentials, for pre-authenticated URLs: those hosts must never see a token."""
    session = requests.Session()
    session.auth = _Nobody()
    session.headers["User-Agent"] = USER_AGENT
    return session


@dataclass(frozen=True, slots=True)
class Request:
    """One request to Graph; `target` is absolute and already percent-encoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    json: Any = None
    data: bytes | None = None

    @property
    def writes(self) -> bool:
        """Whether an answer that is lost leaves a doubt. A batch is used for reading only."""
        return self.method != "GET" and not self.target.endswith("/$batch")


class Graph:
    """The drive's API below `base`. Thread-safe; the token goes to that host and nowhere else."""

    def __init__(self, base: str, tokens: Tokens, gate: Gate) -> None:
        self.base, self.gate = base, gate
        self._tokens = tokens
        self._http = plain_session()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON of a GET."""
        return self.send(Request("GET", self.base + path, {}, params or {}))

    def follow(self, link: str) -> dict[str, Any]:
        """The JSON behind a nextLink or deltaLink, which must lead to the very host that it came from."""
        here, there = urlsplit(self.base), urlsplit(link)
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise Unavailable(f"OneDrive's answer leads to another host ({there.netloc}); it was not followed.")
        return self.send(Request("GET", link, {}, {}))

    def write(
        self, method: str, path: str, body: Any = None, tag: str | None = None, data: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A request that changes something, under the precondition of `tag`. Raises `Answered` and `LostAnswer`."""
        headers = {"If-Match": tag} if tag else {}
        if data is not None:
            headers["Content-Type"] = "application/octet-stream"
        return self.send(Request(method, self.base + path, headers, params or {}, body, data))

    def send(self, request: Request) -> dict[str, Any]:
        """Send until there is an answer that stands. Raises `Answered`, `LostAnswer`, `Unavailable`,
        `SignInRequired`."""
        refused: str | None = None
        broken = waits = 0
        while True:
            token = self._tokens.token(refused)
            response = self._once(request, token)
            if response is not None and _is_throttling(response):
                waits += 1
                self.gate.close(response.headers)
                if waits > PATIENCE:
                    raise Unavailable("OneDrive is busy; the next run goes on from here.")
                continue
            if response is not None and response.status_code == 401 and refused is None:
                refused = token
                continue
            value = None if response is None else _value(response)
            if value is not None:
                return value
            if request.writes:
                raise LostAnswer(
                    "The answer of OneDrive was lost; whether it did what it was asked is being looked up."
                )
            broken += 1
            if broken >= TRIES:
                raise Unavailable("OneDrive does not answer properly now; try again later.")
            self.gate.pause(broken)

    def _once(self, request: Request, token: str) -> requests.Response | None:
        headers = {**request.headers, "Authorization": f"Bearer {token}"}
        with self.gate.turn():
            try:
                response = self._http.request(
                    request.method, request.target, params=dict(request.params), json=request.json, data=request.data,
                    headers=headers, timeout=_TIMEOUT, allow_redirects=False,
                )  # fmt: skip
            except requests.RequestException:
                return None
            self.gate.note(response.headers)
            return response

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()


def _is_throttling(response: requests.Response) -> bool:
    """429, 503, or the page that SharePoint redirects to when it is busy."""
    page = response.is_redirect and "throttle" in response.headers.get("Location", "").lower()
    return response.status_code in _BUSY or page


def _value(response: requests.Response) -> dict[str, Any] | None:
    """The JSON of a good answer, None of one that means nothing. Raises `Answered` and `SignInRequired`."""
    status = response.status_code
    if status == 204 or (status < 300 and not response.content):
        return {}
    if status in _BROKEN:
        return None
    try:
        value = response.json()
    except ValueError:
        value = None
    if status < 300:
        return value if isinstance(value, dict) else None
    if status < 400:
        return None
    raise _failure(status, value)


def _failure(status: int, value: object) -> ConnectorError:
    codes, message = _codes(value)
    if status == 401:
        return SignInRequired("OneDrive wants you to sign in again. Run: keepone login onedrive")
    if status == 507:
        return Answered(status, codes, "This OneDrive is full; make room there first.")
    return Answered(status, codes, f"OneDrive said no ({status} {codes[0] if codes else ''}): {message}")


def _codes(value: object) -> tuple[tuple[str, ...], str]:
    """All codes from the outside in; `innererror` and `innerError` both occur and nest."""
    codes: list[str] = []
    error = value.get("error") if isinstance(value, dict) else None
    message = str(error.get("message", "")) if isinstance(error, dict) else "no reason given"
    while isinstance(error, dict):
        if error.get("code"):
            codes.append(str(error["code"]))
        error = error.get("innerError") or error.get("innererror")
    return tuple(codes), message


def by_id(item: str) -> str:
    """The address of an item."""
    return f"/me/drive/items/{quote(item, safe='!')}"


def by_path(path: str, tail: str = "") -> str:
    """The address of a path below the root; a raw '#' or '%' would name another item."""
    named = quote(path.strip("/"), safe="/", errors="surrogateescape")
    return f"/me/drive/root:/{named}:{tail}" if named else f"/me/drive/root{tail}"
