"""Bytes from the content host: originals in ranges, thumbnails whole. No credential ever goes there.

The pre-authenticated URLs live for minutes and differ at every call, so each is asked for when it is needed and once
more when it no longer works. A range may be answered with the whole file, and a Live Photo's HEIC is delivered without
its movie: shorter than listed, so it is refused and never taken for the file.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import requests

from connectors.base import Refused, Unavailable
from connectors.onedrive.gate import Gate
from connectors.onedrive.options import LOOPBACK
from connectors.onedrive.session import TRIES, plain_session

BLOCK = 1 << 20
_TIMEOUT = (10.0, 100.0)
_EXPIRED = frozenset({401, 403, 404, 410})
_BROKEN = frozenset({408, 500, 502, 504, 509})
_TOTAL = re.compile(r"^bytes (\d+)-(\d+)/(\d+)$")


class Expired(Refused):
    """The URL works no longer; a new one may."""


class ContentHost:
    """Fetches from pre-authenticated URLs, with a gate of its own."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._http = plain_session()

    def fetch(self, url: str, first: int | None = None, last: int | None = None) -> requests.Response:
        """A complete 200 or 206. Raises `Expired`, `Refused` (the host has nothing to show) or `Unavailable`."""
        _check(url)
        headers = {} if first is None else {"Range": f"bytes={first}-{last}"}
        for attempt in range(1, TRIES + 1):
            response = self._once(url, headers)
            if response is not None and response.status_code in (429, 503):
                self.gate.close(response.headers)
                continue
            if response is None or response.status_code in _BROKEN or _is_page(response):
                self.gate.pause(attempt)
                continue
            if response.status_code in _EXPIRED:
                raise Expired("OneDrive's download link has expired.")
            if response.status_code in (200, 206):
                return response
            raise Refused(f"OneDrive's content host does not deliver this ({response.status_code}).")
        raise Unavailable("OneDrive's content host does not answer properly now; try again later.")

    def _once(self, url: str, headers: dict[str, str]) -> requests.Response | None:
        with self.gate.turn():
            try:
                return self._http.get(url, headers=headers, timeout=_TIMEOUT, allow_redirects=True)
            except requests.RequestException:
                return None

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Refused("OneDrive names a download address that is not https.")


def _is_page(response: requests.Response) -> bool:
    """A captive portal or the throttling page: HTML where a file was asked for."""
    throttled = "throttle.htm" in response.url.lower()
    return throttled or (response.status_code == 200 and "text/html" in response.headers.get("Content-Type", ""))


class RangedFile(io.RawIOBase):
    """A stored file, read in blocks as they are needed. `address` gives a URL that works now.

    Raises `Refused` when the delivered length is not the listed one."""

    def __init__(self, host: ContentHost, address: Callable[[], str], size: int, live: bool) -> None:
        super().__init__()
        self._host, self._address, self._size, self._live = host, address, size, live
        self._url = ""
        self._at = 0
        self._whole: bytes | None = None
        self._lock = threading.Lock()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there; nothing is fetched."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes, at most one block."""
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        with self._lock:
            data = self._range(self._at, self._at + wanted - 1)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _range(self, first: int, last: int) -> bytes:
        if self._whole is None:
            response = self._response(first, last)
            if response.status_code == 206:
                return self._checked(response, first, last)
            self._whole = response.content
            self._believe(len(self._whole))
        return self._whole[first : last + 1]

    def _response(self, first: int, last: int) -> requests.Response:
        if self._url:
            try:
                return self._host.fetch(self._url, first, last)
            except Expired:
                pass
        self._url = self._address()
        return self._host.fetch(self._url, first, last)

    def _checked(self, response: requests.Response, first: int, last: int) -> bytes:
        named = _TOTAL.match(response.headers.get("Content-Range", ""))
        if not named or int(named[1]) != first:
            raise Unavailable("OneDrive's content host answers another range than it was asked for.")
        self._believe(int(named[3]))
        if len(response.content) != last - first + 1:
            raise Unavailable("OneDrive's content host delivers fewer bytes than it says.")
        return response.content

    def _believe(self, total: int) -> None:
        if total == self._size:
            return
        if self._live:
            raise Refused(
                "This is a Live Photo: OneDrive delivers its picture without the movie, so bytes cannot be compared."
            )
        raise Refused(f"OneDrive lists {self._size:,} bytes and delivers {total:,}; this copy is not to be trusted.")
