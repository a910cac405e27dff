"""`keepone review`: the page on which a person decides, or the same in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.config import Config
    from dedupe_app.web.desk import Desk


@click.command(cls=Command)
@click.option("--port", type=click.IntRange(0, 65_535), metavar="N", help="Listen here; 8787 or a free one by default.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--tty", is_flag=True, help="Decide in this terminal, group by group.")
@pass_session
def review(session: Session, port: int | None, no_browser: bool, tty: bool) -> int:
    """Look at the groups and decide, on a page of this machine. Nothing is put away before you plan and apply it.

    The address that is printed opens the page once; Ctrl-C ends it.
    """
    if tty:
        from dedupe_app.cli.triage import triage

        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody at the keyboard. Leave --tty out to get a page.")
        return triage(session)
    return open_page(session, session.loaded.config, port, not no_browser)


def open_page(
    session: Session,
    config: Config,
    port: int | None = None,
    browser: bool = True,
    begin: Callable[[Desk], object] | None = None,
) -> int:
    """Serve the page of a configuration until Ctrl-C; where the daemon serves it already, open that one. `begin` starts
    work that the page then shows, which only a page of our own can do."""
    from dedupe_app.daemon.page import take

    served = take(config.data) if port is None and begin is None else None
    if served is not None:
        _tell(session, *served, browser, "The daemon serves it; the address works once.")
        return Exit.OK
    return _serve(session, config, port, browser, begin)


def _serve(
    session: Session, config: Config, port: int | None, browser: bool, begin: Callable[[Desk], object] | None
) -> int:
    from dedupe_app.web.desk import Desk
    from dedupe_app.web.server import PortTaken, Server

    desk = Desk(session.loaded, config)
    try:
        try:
            server = Server(desk, port)
        except PortTaken as taken:
            raise click.UsageError(str(taken)) from taken
        if begin is not None:
            begin(desk)
        told = "The address works once. Ctrl-C ends the page; what you decided is kept."
        with suppress(KeyboardInterrupt):  # the way to end it
            server.run(lambda: _tell(session, server.address(), server.port, browser, told))
    finally:
        desk.close()
    return Exit.OK


def _tell(session: Session, address: str, port: int, browser: bool, told: str) -> None:
    """Print the address as one line, for people and programs, and open it."""
    session.out.show(f" {session.out.bold(address)}")
    session.out.say(f" {told}")
    session.out.document({"address": address, "port": port})
    sys.stdout.flush()
    if browser and _has_screen():
        import webbrowser

        webbrowser.open(address)


def _has_screen() -> bool:
    """False where no window can open: over SSH, or without a display."""
    import os

    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
