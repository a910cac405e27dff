"""`keepone`, the command line. Only click is imported here; each command is imported when it is called, so that
`keepone --help` answers at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.output import ReaderLeft
from dedupe_app.cli.session import Session, global_options

COMMANDS = {
    "init": ("settings", "Ask three questions and write config.yaml."),
    "demo": ("demo", "Draw a gallery with known truth and run on it."),
    "scan": ("scan", "Look for duplicates; nothing is changed."),
    "status": ("status", "Show sources, groups and open plans."),
    "review": ("review", "Look at the groups and decide, on a page of this machine."),
    "groups": ("groups", "List the groups that the last scan found."),
    "show": ("groups", "Show one group with its evidence."),
    "estimate": ("estimate", "Say what a first scan would cost; nothing is changed."),
    "plan": ("plan", "Decide what would go; nothing is changed."),
    "apply": ("apply", "Put away what a plan says, undoably."),
    "undo": ("apply", "Bring back what a plan put away."),
    "delete": ("delete", "Delete from Apple Photos what was tagged, by your own hand."),
    "months": ("month", "Clean a gallery of month folders, month by month."),
    "runs": ("status", "List plans with what became of them."),
    "check": ("check", "Is everything in this folder already in my library?"),
    "report": ("report", "Write one HTML page with all groups."),
    "export": ("report", "Write the groups as CSV, JSON or JSON lines."),
    "sources": ("sources", "Add, list, test or forget places of photos."),
    "login": ("login", "Sign in to a source that needs it (OneDrive)."),
    "logout": ("login", "Forget a sign-in."),
    "jobs": ("jobs", "List, run and look back at jobs: what runs by itself."),
    "daemon": ("daemon", "Run the jobs when they are due, until it is stopped."),
    "schedule": ("schedule", "Let launchd or systemd start jobs by itself."),
    "models": ("models", "Fetch, check and measure the models that find similar pictures."),
    "inference": ("inference", "Serve the configured model to other machines."),
    "rules": ("rules", "Show and try the rules of who stays."),
    "learn": ("learn", "Say what is not the same, and let the groups follow."),
    "config": ("settings", "Show the configuration and where it comes from."),
    "doctor": ("doctor", "Check this installation and what it needs."),
    "completion": ("completion", "Print the completion script of a shell."),
}


class Root(click.Group):
    """Commands by name; their modules are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of work, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"dedupe_app.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but a misspelt name is told the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `keepone {near[0]}`?" if near else " See: keepone --help"
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table above, so that help imports no command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    if value and not context.resilient_parsing:
        from dedupe_app.doctor import version

        click.echo(f"keepone {version()}")
        context.exit()


root = Root(
    name="keepone",
    help="Finds the duplicates in your photo libraries, keeps the best of each, and puts the rest away, undoably.\n\n"
    "Begin with: keepone scan ~/Pictures",
    params=[
        *global_options(),
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
        ),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status; every error leaves here as a sentence."""
    session = Session()
    _prepare_streams()
    try:
        status = root.main(args, prog_name="keepone", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return int(status or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return _fail(session, KeyboardInterrupt())
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
        return int(Exit.OK)
    except click.ClickException as error:
        return _misuse(session, error, args)
    except (ReaderLeft, BrokenPipeError):
        return _reader_left()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the border: nothing passes it as a traceback
        return _fail(session, error)


def _prepare_streams() -> None:
    """Names may hold what the terminal's encoding has not: shown escaped, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _misuse(session: Session, error: click.ClickException, args: Sequence[str] | None) -> int:
    given = sys.argv[1:] if args is None else args
    session.as_json = session.as_json or "--json" in given
    context = getattr(error, "ctx", None)
    usage = f"{context.get_usage()}\n" if context is not None and not session.as_json else ""
    return _tell(session, Exit.USAGE, f"{usage}{error.format_message()}")


def _fail(session: Session, error: BaseException) -> int:
    from dedupe_app.cli.errors import explain

    code, sentence = explain(error)
    if session.verbose and not isinstance(error, KeyboardInterrupt):
        import traceback

        traceback.print_exception(error)
    return _tell(session, code, sentence)


def _tell(session: Session, code: Exit, sentence: str) -> int:
    """The sentence on stderr, and in the JSON modes on stdout too: a program always gets a document."""
    session.out.warn(sentence)
    if not session.out.text and not session.out.told_document:
        session.out.document({"error": sentence, "exit_code": int(code)}, kind="error")
    return int(code)


def _reader_left() -> int:
    """No error: but Python must not complain at its end that it cannot write the rest."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(Exit.OK)
