"""The page's server: on this machine only unless there is a password, on a port of its own, with an address that opens
it once."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from dedupe_app.web.app import create_app
from dedupe_app.web.desk import Desk
from dedupe_app.web.door import Door
from dedupe_app.web.guard import App, Keys

PORT = 8787
LOOPBACK = "127.0.0.1"
_SECONDS = 2


class PortTaken(Exception):
    """The port cannot be had; the message is a sentence with the next step."""


class Server:
    """A bound server. `address` opens the page once; `run` serves until it is stopped."""

    def __init__(self, desk: Desk, port: int | None = None, host: str = LOOPBACK, door: Door | None = None) -> None:
        self._socket = _bind(host, port, door is not None)
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        self.keys = Keys(self.port)
        names = ("127.0.0.1", "localhost", "[::1]")
        hosts = {f"{name}:{self.port}" for name in names} | {self.base.removeprefix("http://")}
        self.app = create_app(desk, self.keys, frozenset(hosts), door)
        self.desk = desk
        self._server = _uvicorn(self.app)

    @property
    def base(self) -> str:
        """Where it is for this machine."""
        everywhere = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104
        local = everywhere.get(self.host, self.host)
        return f"http://[{local}]:{self.port}" if ":" in local else f"http://{local}:{self.port}"

    def address(self) -> str:
        """An address that signs one browser in; the one before is worth nothing any more."""
        return f"{self.base}/?token={self.keys.launch_token()}"

    def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Serve until Ctrl-C, SIGTERM or `stop`. `started` is called when it answers."""
        threading.Thread(target=self._when_started, args=(started,), daemon=True).start()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """End `run`."""
        self.desk.hub.close()
        self._server.should_exit = True

    def _when_started(self, started: Callable[[], None]) -> None:
        pause = threading.Event()
        while not self._server.started:
            if self._server.should_exit:
                return
            pause.wait(0.02)
        started()


@contextmanager
def serving(desk: Desk, host: str = LOOPBACK, door: Door | None = None) -> Iterator[Server]:
    """A server in a thread of this process, for notebooks and tests."""
    server, ready = Server(desk, 0, host, door), threading.Event()
    thread = threading.Thread(target=server.run, args=(ready.set,), daemon=True)
    thread.start()
    ready.wait(30)
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)


def _uvicorn(app: App) -> uvicorn.Server:

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_SECONDS,
        h11_max_incomplete_event_size=32_768,
    )
    return uvicorn.Server(config)


def _bind(host: str, port: int | None, guarded: bool = False) -> socket.socket:
    """A socket of this machine alone, or, `guarded` by a password, of an address that others reach. None is the usual
    port, or any other when that is taken; 0 is any. Raises `PortTaken`, and `ValueError` for an address that others can
    reach without a password."""
    address = ipaddress.ip_address(host)
    if not address.is_loopback and not guarded:
        raise ValueError("Without a password the page listens on this machine only: keepone review --set-password")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    for wanted in (PORT, 0) if port is None else (port,):
        # the protocol by its name: without it asyncio leaves Nagle's delay on, and each answer takes 40 ms more
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, wanted))
        except OSError:
            bound.close()
            continue
        return bound
    raise PortTaken(f"Port {port} cannot be had at {host}. Choose another one, or leave --port out.")
