"""`keepone completion SHELL`: the script that lets a shell complete commands, options and names."""

from __future__ import annotations

import click

from dedupe_app.cli.codes import Exit
from dedupe_app.cli.session import Command, Session, pass_session

_PLACES = {
    "bash": "keepone completion bash > ~/.local/share/bash-completion/completions/keepone",
    "zsh": "keepone completion zsh > ~/.zfunc/_keepone   (with fpath+=~/.zfunc before compinit)",
    "fish": "keepone completion fish > ~/.config/fish/completions/keepone.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(list(_PLACES)))
@pass_session
def completion(session: Session, shell: str) -> int:
    """Print the completion script of a shell.

    \b
    keepone completion bash > ~/.local/share/bash-completion/completions/keepone
    keepone completion zsh > ~/.zfunc/_keepone
    keepone completion fish > ~/.config/fish/completions/keepone.fish
    """
    from click.shell_completion import get_completion_class

    from dedupe_app.cli import root

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(root, {}, "keepone", "_KEEPONE_COMPLETE").source()
    session.out.show(script)
    session.out.document({"shell": shell, "script": script, "place": _PLACES[shell]})
    return Exit.OK
