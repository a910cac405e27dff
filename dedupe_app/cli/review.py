"""`keepone review`: the page on which a person decides, or the same in the terminal."""

from __future__ import annotations

import ipaddress
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
    from dedupe_app.web.door import Door


@click.command(cls=Command)
@click.option("--port", type=click.IntRange(0, 65_535), metavar="N", help="Listen here; 8787 or a free one by default.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--host", metavar="ADDRESS", help="Listen at this address of this machine; it needs a password.")
@click.option("--set-password", is_flag=True, help="Ask for the password of pages with --host, keep its hash, and end.")
@click.option("--tty", is_flag=True, help="Decide in this terminal, group by group.")
@pass_session
def review(
    session: Session, port: int | None, no_browser: bool, host: str | None, set_password: bool, tty: bool
) -> int:
    """Look at the groups and decide, on a page of this machine. Nothing is put away before you plan and apply it.

    The address that is printed opens the page once; Ctrl-C ends it.
    """
    if set_password:
        return _ask_password(session)
    if tty:
        from dedupe_app.cli.triage import triage

        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody at the keyboard. Leave --tty out to get a page.")
        return triage(session)
    return open_page(session, session.loaded.config, port, not no_browser, host=host)


def _ask_password(session: Session) -> int:
    """Asked at the terminal, never given on the command line, where every program of this machine could read it."""
    from dedupe_app.web.door import NoPassword, keep

    given = click.prompt("Password for the page", hide_input=True, confirmation_prompt=True, err=True)
    try:
        file = keep(session.loaded.config.data, given)
    except NoPassword as error:
        raise click.UsageError(str(error)) from error
    session.out.say(f" The password is kept as a hash in {file}. Use it with: keepone review --host ADDRESS")
    return Exit.OK


def _door(config: Config, host: str | None) -> Door | None:
    """What asks for the password at an address that others reach; None on loopback. Raises `UsageError`."""
    from dedupe_app.web.door import Door, NoPassword, known

    try:
        if host is None or ipaddress.ip_address(host).is_loopback:
            return None
        return Door(known(config.data))
    except ValueError as error:
        raise click.UsageError(f"{host} is no address. Say one of this machine, as 192.168.1.10 or 0.0.0.0.") from error
    except NoPassword as error:
        raise click.UsageError(str(error)) from error


def open_page(
    session: Session,
    config: Config,
    port: int | None = None,
    browser: bool = True,
    begin: Callable[[Desk], object] | None = None,
    host: str | None = None,
) -> int:
    """Serve the page of a configuration until Ctrl-C; where the daemon serves it already, open that one. `begin` starts
    work that the page then shows, which only a page of our own can do."""
    from dedupe_app.daemon.page import take

    served = take(config.data) if port is None and begin is None and host is None else None
    if served is not None:
        _tell(session, *served, browser, "The daemon serves it; the address works once.")
        return Exit.OK
    return _serve(session, config, port, browser, begin, host)


def _serve(
    session: Session,
    config: Config,
    port: int | None,
    browser: bool,
    begin: Callable[[Desk], object] | None,
    host: str | None,
) -> int:
    from dedupe_app.web.desk import Desk
    from dedupe_app.web.server import LOOPBACK, PortTaken, Server

    door = _door(config, host)
    desk = Desk(session.loaded, config)
    try:
        try:
            server = Server(desk, port, host or LOOPBACK, door)
        except PortTaken as taken:
            raise click.UsageError(str(taken)) from taken
        if begin is not None:
            begin(desk)
        if door is not None:
            session.out.warn(
                f" Others can reach port {server.port} at {host}; they need the password. Nothing is encrypted."
            )
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
