"""One invocation of `keepone`: the global options, where words go, the configuration and the library."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedupe_app.cli.output import Output

if TYPE_CHECKING:
    from dedupe_app.config import Config, Loaded
    from dedupe_app.library import Library
    from dedupe_app.progress import Meter
    from dedupe_core.model import Relation


@dataclass
class Session:
    """Filled by the options, before and after the command's name alike; read by the commands."""

    config_file: str | None = None
    data_folder: str | None = None
    quiet: bool = False
    verbose: int = 0
    as_json: bool = False
    as_json_lines: bool = False
    no_color: bool = False

    @cached_property
    def out(self) -> Output:
        """The streams, as the options ask."""
        mode = "json-lines" if self.as_json_lines else "json" if self.as_json else "text"
        plain = self.no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"  # https://no-color.org
        return Output(mode, self.quiet, False if plain else None)

    @cached_property
    def program(self) -> str:
        """How the person calls this program here, for commands to copy: its path where the plain name is not found."""
        named = Path(sys.argv[0])
        beside = named.stem == "keepone" and shutil.which("keepone") is None
        return shlex.quote(str(named)) if beside else "keepone"

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration as it counts now. Raises `ConfigError`."""
        from dedupe_app.config import absolute, load

        return load(
            Path(self.config_file).expanduser() if self.config_file else None,
            absolute(self.data_folder) if self.data_folder else None,
        )

    @contextmanager
    def library(self, config: Config | None = None) -> Iterator[Library]:
        """The library of the data folder."""
        config = config or self.loaded.config
        from dedupe_app.library import Library

        with Library.open(config) as library:
            yield library

    @contextmanager
    def progress(self) -> Iterator[Meter]:
        """Something that shows how far a run is, fit for where the words go."""
        from dedupe_app.progress import meter

        shown = meter(self.out)
        try:
            yield shown
        finally:
            shown.close()


_GLOBAL: tuple[tuple[tuple[str, ...], str, dict[str, Any]], ...] = (
    (("-c", "--config"), "config_file", {"metavar": "FILE", "help": "Use this configuration file."}),
    (("--data",), "data_folder", {"metavar": "DIR", "help": "Use this data folder (database, journal, lock)."}),
    (("-q", "--quiet"), "quiet", {"is_flag": True, "help": "Say only what went wrong."}),
    (("-v", "--verbose"), "verbose", {"count": True, "help": "Say more; errors show where in the code."}),
    (("--json",), "as_json", {"is_flag": True, "help": "Print one JSON document on stdout."}),
    (("--json-lines",), "as_json_lines", {"is_flag": True, "help": "Print one JSON object a line, as things happen."}),
    (("--no-color",), "no_color", {"is_flag": True, "help": "No colours."}),
)


def global_options() -> list[click.Option]:
    """The options that stand before or after the command's name."""
    return [
        click.Option([*flags, f"opt_{name}"], expose_value=False, callback=_keep(name), **details)
        for flags, name, details in _GLOBAL
    ]


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        del parameter
        if value:
            setattr(context.ensure_object(Session), name, value)

    return store


class Command(click.Command):
    """A command that takes the global options after its name too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


class Group(click.Group):
    """A command of commands (`sources add`), whose children take the global options too."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


def pass_session(command: Callable[..., int]) -> Callable[..., int]:
    """The command's first argument is the session."""

    @wraps(command)
    def with_session(*args: Any, **options: Any) -> int:
        return command(click.get_current_context().ensure_object(Session), *args, **options)

    return with_session


def chosen_relations(lanes: Sequence[str]) -> tuple[Relation, ...]:
    """The relations of the lanes that people name; all when none is named."""
    from dedupe_core.model import LANES

    return tuple(relation for relation, lane in LANES.items() if not lanes or lane in lanes)
