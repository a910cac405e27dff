"""`keepone daemon`: jobs by schedule, when folders change and after feedback, until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

if TYPE_CHECKING:
    from dedupe_app.config import Loaded


@click.command(cls=Command)
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Health and metrics on this port; 0 is off.")
@click.option("--log", metavar="FILE", help="Write the log here instead of the data folder.")
@pass_session
def daemon(session: Session, port: int | None, log: str | None) -> int:
    """Run the jobs of the configuration when they are due, in the foreground. SIGTERM parks the run under way."""
    from dedupe_app.config import absolute

    try:
        from dedupe_app.daemon.service import run_service
    except ModuleNotFoundError as error:
        if error.name not in ("apscheduler", "watchfiles", "prometheus_client"):
            raise
        from dedupe_app.doctor import install_command

        needed = install_command("'keepone[service]'")
        raise click.ClickException(f"The service needs {error.name}: {needed}") from error

    def again() -> Loaded:
        return Session(config_file=session.config_file, data_folder=session.data_folder).loaded

    loaded = session.loaded
    jobs = len(loaded.config.jobs)
    session.out.say(f" serving {jobs} job{'' if jobs == 1 else 's'} of {loaded.file or 'no file'} · Ctrl-C stops")
    run_service(loaded, again, port, absolute(log) if log else None)
    session.out.document({"stopped": True})
    return Exit.OK
