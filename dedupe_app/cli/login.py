"""`keepone login` and `keepone logout`: the only commands that ever ask a person to sign in somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from connectors.onedrive.options import OneDriveOptions

KIND = "onedrive"


@click.command(cls=Command)
@click.argument("source", metavar="onedrive|SOURCE")
@click.option("--device", is_flag=True, help="Show a code that is typed on any device; for SSH and without a browser.")
@click.option("--account", metavar="NAME", help="The account to sign in, when there are several.")
@click.option("--read-only", is_flag=True, help="Allow KeepOne reading only: enough to scan, plan and dry-run.")
@pass_session
def login(session: Session, source: str, device: bool, account: str | None, read_only: bool) -> int:
    """Sign in to OneDrive in the browser. SOURCE is `onedrive`, or the name of a source of that kind."""
    name, options = _options(session, source, account)
    from connectors.onedrive import auth

    options = options.model_copy(update={"read_only": read_only or options.read_only})
    who = auth.login(options, session.out.say, device)
    may = "read" if options.read_only else "read and move photos"
    session.out.say(f" signed in as {who.username or 'this account'}; KeepOne may {may}\n Next: keepone scan {name}")
    session.out.document({"source": name, "account": who.username, "read_only": options.read_only})
    return Exit.OK


@click.command(cls=Command)
@click.argument("source", metavar="onedrive|SOURCE")
@click.option("--account", metavar="NAME", help="Forget only this account; all by default.")
@pass_session
def logout(session: Session, source: str, account: str | None) -> int:
    """Forget the sign-in of OneDrive on this machine. No photo and no group is forgotten."""
    name, options = _options(session, source, account)
    from connectors.onedrive import auth

    gone = [one.username for one in auth.logout(options)]
    session.out.say(f" forgot {', '.join(gone)}" if gone else " nobody was signed in")
    session.out.document({"source": name, "accounts": gone})
    return Exit.OK


def _options(session: Session, word: str, account: str | None) -> tuple[str, OneDriveOptions]:
    """The source that a word means, and its options. Raises `ConfigError` when there is none, or more than one."""
    from connectors.onedrive.options import OneDriveOptions
    from dedupe_app.config import ConfigError
    from dedupe_app.sources import known_sources

    known = [source for source in known_sources(session.loaded.config) if source.kind == KIND]
    found = [source for source in known if source.name == word] or (known if word == KIND else [])
    if not found:
        raise ConfigError(
            "There is no such OneDrive source yet. Make one: keepone sources add --kind onedrive --name onedrive "
            "-O client_id=ID (docs/onedrive.md tells where the id comes from)"
        )
    if len(found) > 1:
        names = ", ".join(source.name for source in found)
        raise ConfigError(f"There are several OneDrive sources ({names}); say which one: keepone login NAME")
    options = found[0].validated()
    assert isinstance(options, OneDriveOptions)
    return found[0].name, options.model_copy(update={"account": account}) if account else options
