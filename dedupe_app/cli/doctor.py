"""`keepone doctor`: is this installation fit for work?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.config import Loaded
    from dedupe_app.doctor import Check

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(cls=Command)
@click.option("--bundle", metavar="FILE.zip", help="Also write what a helper needs to see, without names and secrets.")
@pass_session
def doctor(session: Session, bundle: str | None) -> int:
    """Check this installation and what it needs; each line says what mends it. The status is 1 when a check fails."""
    from dedupe_app.bundle import write_bundle
    from dedupe_app.doctor import examine

    loaded, wrong = _configured(session)
    checks = [*wrong, *examine(loaded)]
    for check in checks:
        mark = session.out.paint(f"{check.level:<4}", _COLORS[check.level])
        session.out.show(f" {mark}  {check.name}: {check.text}")
        if check.fix:
            session.out.show(f"       → {check.fix}")
    if bundle:
        write_bundle(Path(bundle), loaded, checks)
        session.out.say(f" wrote {bundle}")
    listed = [check.to_json() for check in checks]
    session.out.document({"checks": listed, "bundle": bundle}, ({"message_type": "check", **check} for check in listed))
    return Exit.ERROR if any(check.level == "fail" for check in checks) else Exit.OK


def _configured(session: Session) -> tuple[Loaded, list[Check]]:
    """The configuration; when it is wrong that is the first finding, and the defaults are examined."""
    from dedupe_app.config import Config, ConfigError, Loaded, absolute
    from dedupe_app.doctor import Check

    try:
        return session.loaded, []
    except ConfigError as error:
        config = Config(data=absolute(session.data_folder)) if session.data_folder else Config()
        return Loaded(config, None, {}), [Check("configuration", "fail", str(error), "keepone config edit")]
