"""`keepone init` and `keepone config`: the configuration, made and shown."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Group, Session, pass_session

_EXTRAS = {
    "quarantine": "a folder on the same disk that `keepone undo` brings back from",
    "trash": "the system's trash (KeepOne itself cannot undo that)",
    "folder": "a folder called `duplicates` beside the photos",
}


@click.command(cls=Command)
@click.option("--path", "paths", multiple=True, metavar="DIR", help="Where photos are; give it once for each folder.")
@click.option("--extras", type=click.Choice(list(_EXTRAS)), help="Where what is not kept goes.")
@click.option("--automatic/--ask", default=None, help="Whether jobs may put identical photos away without asking.")
@click.option("-o", "--output", metavar="FILE", help="Write the configuration here.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@pass_session
def init(
    session: Session,
    paths: tuple[str, ...],
    extras: str | None,
    automatic: bool | None,
    output: str | None,
    force: bool,
) -> int:
    """Ask three questions and write config.yaml. With all three options it asks nothing."""
    from dedupe_app.config import ConfigError, absolute, build, user_file
    from dedupe_app.sources import replace_text

    target = absolute(output or session.config_file or "") if output or session.config_file else user_file()
    if target.exists() and not force:
        raise ConfigError(
            f"{target} is there already. Look at it with `keepone config show`, or replace it with --force."
        )
    answers = _answers(paths, extras, automatic)
    text = _written(*answers, str(session.data_folder or ""))
    build(_parsed(text), str(target))
    replace_text(target, text)
    session.out.say(f" wrote {target}\n Next: keepone scan · every night: keepone schedule install nightly")
    session.out.document(
        {"config": str(target), "sources": list(answers[0]), "extras": answers[1], "automatic": answers[2]}
    )
    return Exit.OK


def _answers(paths: tuple[str, ...], extras: str | None, automatic: bool | None) -> tuple[tuple[str, ...], str, bool]:
    """The three answers, asked for where they were not given. Raises UsageError when nobody can be asked."""
    if not sys.stdin.isatty() and (not paths or extras is None or automatic is None):
        if not paths:
            raise click.UsageError("There is nobody to ask: say where photos are with --path DIR.")
        return paths, extras or "quarantine", bool(automatic)
    if not paths:
        paths = tuple(
            shlex.split(click.prompt("Where are your photos? (folders, separated by spaces)", "~/Pictures", err=True))
        )
    if extras is None:
        click.echo("\n".join(f"  {name:<11} {told}" for name, told in _EXTRAS.items()), err=True)
        extras = click.prompt(
            "What is to be done with extras?", "quarantine", type=click.Choice(list(_EXTRAS)), err=True
        )
    if automatic is None:
        automatic = click.confirm("May jobs put identical photos away without asking?", False, err=True)
    return paths, extras or "quarantine", bool(automatic)


def _written(paths: tuple[str, ...], extras: str, automatic: bool, data: str) -> str:
    from dedupe_app.config import Config, absolute
    from dedupe_app.example import short
    from dedupe_app.sources import with_paths

    settled, _ = with_paths(Config(data=absolute(data)) if data else Config(), paths)
    trash = {"trash": "system"} if extras == "trash" else {}
    sources = [source.model_copy(update={"options": source.options | trash}) for source in settled.sources]
    planning = {
        "action": "move" if extras == "folder" else "delete",
        "unattended": ["exact", "pixels"] if automatic else [],
    }
    chosen = {"planning": planning, "jobs": [_nightly(extras, automatic)]}
    return short(sources, chosen, str(absolute(data)) if data else "")


def _nightly(extras: str, automatic: bool) -> dict[str, Any]:
    """The one job of a new configuration. It acts alone only if the person said so and KeepOne can undo it."""
    job: dict[str, Any] = {"name": "nightly", "action": "report"}
    if automatic:
        job["action"] = "move" if extras == "folder" else "delete"
        job["trust"] = [] if extras == "trash" else ["exact", "pixels"]
    return job | {"schedule": "daily at 03:00"}


def _parsed(text: str) -> dict[str, Any]:
    import yaml

    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


@click.group(cls=Group)
def config() -> None:
    """Show the configuration and where it comes from."""


@config.command("show")
@click.option("--origin", is_flag=True, help="Say of each value where it comes from.")
@pass_session
def show(session: Session, origin: bool) -> int:
    """Print every key with the value that counts."""
    from dedupe_app.config import values_of

    loaded, out = session.loaded, session.out
    values = dict(values_of(loaded.config))
    for key, value in values.items():
        out.show(f" {key}: {_shown(value)}" + (f"   ({loaded.origin(key)})" if origin else ""))
    for source in loaded.config.sources:
        kept = ", ".join(f"{key}: {value}" for key, value in source.options.items())
        out.show(f" source {source.name}  {source.kind}  {kept}")
    out.document(
        {
            "file": str(loaded.file) if loaded.file else None,
            "values": values,
            "origins": {key: loaded.origin(key) for key in values},
            "sources": [source.model_dump(mode="json") for source in loaded.config.sources],
        }
    )
    return Exit.OK


def _shown(value: Any) -> str:
    return f"[{', '.join(str(item) for item in value)}]" if isinstance(value, list) else str(value)


@config.command("path")
@pass_session
def path(session: Session) -> int:
    """Print the file that counts, or where it would be."""
    from dedupe_app.config import user_file

    there = session.loaded.file
    session.out.show(str(there or user_file()))
    session.out.document({"file": str(there or user_file()), "exists": there is not None})
    return Exit.OK


@config.command("edit")
@pass_session
def edit(session: Session) -> int:
    """Open the file in $VISUAL or $EDITOR and check it afterwards."""
    from dedupe_app.config import user_file
    from dedupe_app.example import example
    from dedupe_app.sources import replace_text

    target = _editable(session, user_file())
    if not target.exists():
        replace_text(target, example())
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    status = subprocess.run([*shlex.split(editor), str(target)], check=False).returncode
    if status:
        raise click.ClickException(f"{editor} ended with status {status}; {target} may be unchanged.")
    checked = Session(config_file=str(target), data_folder=session.data_folder).loaded
    session.out.say(f" {target} is valid")
    session.out.document({"file": str(checked.file), "valid": True})
    return Exit.OK


def _editable(session: Session, fallback: Path) -> Path:
    """The file that counts, even when it is invalid: that is why one edits it."""
    from dedupe_app.config import find_file

    named = Path(session.config_file).expanduser() if session.config_file else None
    return find_file(named, os.environ, Path.cwd()) or fallback
