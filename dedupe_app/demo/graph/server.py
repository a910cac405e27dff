"""The emulator as servers on loopback: Graph, the content host, the sign-in authority."""

from __future__ import annotations

import email.utils
import gzip
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol

from dedupe_app.demo.graph import app, content_host
from dedupe_app.demo.graph.accounting import Seen
from dedupe_app.demo.graph.clock import VirtualClock
from dedupe_app.demo.graph.faults import Fault
from dedupe_app.demo.graph.flavour import PERSONAL, Flavour
from dedupe_app.demo.graph.identity import Authority
from dedupe_app.demo.graph.state import State
from dedupe_app.demo.graph.wire import Answer, Call


class Description(Protocol):
    """What every request is held against."""

    def check(self, call: Call) -> list[str]:
        """Sentences about what is wrong with a request."""
        ...


PAGE = b"<!DOCTYPE html><html><body>Sign in to this network</body></html>"


class GraphFake:
    """One account on three loopback ports. `with GraphFake(PERSONAL) as graph:`; `graph.url` is the Graph base."""

    def __init__(
        self, flavour: Flavour = PERSONAL, clock: VirtualClock | None = None, description: Description | None = None
    ) -> None:
        self.clock = clock or VirtualClock()
        self.state = State(flavour, self.clock)
        self.authority = Authority(self.state)
        self.description = description
        self._servers = {role: _server(self, role) for role in ("graph", "content", "login")}
        self.state.base = self._address("graph")
        self.state.content_base = self._address("content")
        self.login_address = self._address("login")
        self.url = f"{self.state.base}/v1.0"
        self.drive, self.feed = self.state.drive, self.state.feed
        self.weather, self.accounting, self.quirks = self.state.weather, self.state.accounting, self.state.quirks

    def _address(self, role: str) -> str:
        return f"http://127.0.0.1:{self._servers[role].server_address[1]}"

    def __enter__(self) -> GraphFake:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def answer(self, role: str, call: Call) -> Answer:
        """What a request gets in fair weather."""
        if role == "graph":
            self._check(call)
            return app.answer(self.state, call)
        return content_host.answer(self.state, call) if role == "content" else self.authority.answer(call)

    def _check(self, call: Call) -> None:
        target = call.path + (f"?{call.raw_query}" if call.raw_query else "")
        if self.description is not None and target.removeprefix("/v1.0") not in self.state.handed_out:
            self.accounting.violations += self.description.check(call)


def _server(fake: GraphFake, role: str) -> ThreadingHTTPServer:
    handler = type(f"{role.title()}Handler", (_Handler,), {"fake": fake, "role": role})
    return _Server(("127.0.0.1", 0), handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are part of the weather."""


class _Handler(BaseHTTPRequestHandler):
    fake: GraphFake
    role: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The accounting has it all."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        call = Call(self.command, path, query, dict(self.headers.items()), body)
        books = self.fake.accounting
        inside = books.enter(self.role, self.fake.clock.now())
        made: Answer | None = None
        body_out, fault = b"", None
        try:
            fault = self.fake.weather.strike(f"{self.role} {self.command} {self.path}")
            made = self._weathered(call, fault)
            if made is not None:
                self._note_throttling(made)
                body_out = self._body(made, fault)
        finally:
            now, authorized = self.fake.clock.now(), "Authorization" in self.headers
            status, units = (made.status, made.units) if made else (0, 0)
            record = Seen(self.role, self.command, self.path, status, len(body_out), now, authorized, inside)
            books.leave(record, units)  # before the client can have the answer, so that a count taken then is complete
        if made is not None:
            self._send(made, body_out, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def _weathered(self, call: Call, fault: Fault | None) -> Answer | None:
        kind = fault.kind if fault else ""
        if fault is not None and kind == "drop":
            if fault.run is not None:
                fault.run()
            self._vanish()
            return None
        if fault is not None and kind == "status":
            return _error(fault, self.fake.clock)
        if kind == "html":
            return Answer(200, PAGE, {"Content-Type": "text/html"})
        if kind == "throttle_page":
            return Answer(302, headers={"Location": f"{self.fake.state.content_base}/_layouts/15/Throttle.htm"})
        if fault is not None and kind == "call" and fault.run is not None:
            fault.run()
        made = self.fake.answer(self.role, call)
        if fault is None or kind != "lost":
            return made
        if fault.run is not None:
            fault.run()
        self._vanish()
        return None

    def _vanish(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _note_throttling(self, made: Answer) -> None:
        if made.status not in (429, 503):
            return
        waits = [_seconds(made.headers[name], self.fake.clock.now()) for name in _WAITS if name in made.headers]
        if waits:
            self.fake.accounting.close_until(self.role, self.fake.clock.now() + max(waits))

    def _body(self, made: Answer, fault: Fault | None) -> bytes:
        body = made.body
        if fault is not None and fault.kind == "truncated" and made.status < 300:
            body = body[: len(body) // 2]
        if "gzip" in self.headers.get("Accept-Encoding", "") and self.role == "graph" and len(body) > 800:
            body = gzip.compress(body, 1)
            made.headers["Content-Encoding"] = "gzip"
        return body

    def _send(self, made: Answer, body: bytes, fault: Fault | None) -> None:
        self.send_response(made.status)
        for name, value in made.headers.items():
            self.send_header(name, value)
        if made.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault is not None and fault.kind == "reset":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self._vanish()
            return
        self.wfile.write(body)
        self.wfile.flush()


_WAITS = ("Retry-After", "RateLimit-Reset")


def _seconds(value: str, now: float) -> float:
    try:
        return float(value)
    except ValueError:
        return email.utils.parsedate_to_datetime(value).timestamp() - now


def _error(fault: Fault, clock: VirtualClock) -> Answer:
    headers = dict(fault.headers)
    if headers.get("Retry-After", "").startswith("date+"):
        at = clock.now() + float(headers["Retry-After"][5:])
        headers["Retry-After"] = email.utils.formatdate(at, usegmt=True)
    inner = {"code": fault.inner} if fault.inner else {}
    body = {"error": {"code": fault.code, "message": fault.code, "innerError": inner}}
    return Answer.of(body, fault.status, headers=headers)
