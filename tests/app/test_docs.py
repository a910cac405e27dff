"""The documentation cannot rot: what the code offers stands in it, and nothing that it does not offer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connectors.registry import load
from dedupe_app.cli import COMMANDS, root
from dedupe_app.cli.codes import MEANINGS
from dedupe_app.cli.session import global_options
from dedupe_app.config import keys
from dedupe_app.example import key_rows

DOCS = Path(__file__).parents[2] / "docs"
COMMAND_LINE = (DOCS / "command-line.md").read_text("utf-8")
CONFIGURATION = (DOCS / "configuration.md").read_text("utf-8")
GLOBAL = {flag for option in global_options() for flag in option.opts} | {"--help", "-h", "--version"}


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(root)
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", child) for inner, child in command.commands.items())


ALL = dict(commands())


def section(name: str) -> str:
    """The text of one command, up to the next heading."""
    found = re.search(rf"^#+ keepone {re.escape(name)}\b.*?$(.*?)(?=^##+ |\Z)", COMMAND_LINE, re.M | re.S)
    assert found, f"docs/command-line.md has no heading for `keepone {name}`"
    return found.group(1)


@pytest.mark.parametrize("name", ALL)
def test_every_option_of_every_command_is_documented_where_the_command_is(name: str) -> None:
    text = section(name)
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Option):
            for flag in {*parameter.opts, *parameter.secondary_opts} - GLOBAL:
                assert f"`{flag}" in text, f"keepone {name} {flag}"


@pytest.mark.parametrize("name", ALL)
def test_no_option_is_documented_that_does_not_exist(name: str) -> None:
    known = {flag for option in ALL[name].params for flag in (*option.opts, *option.secondary_opts)} | GLOBAL
    for row in re.findall(r"^\| (`.*?) \|", section(name), re.M):
        for flag in re.findall(r"`(--?[a-zA-Z-]+)", row):
            assert flag in known, f"keepone {name} {flag}"


def test_the_options_of_every_command_are_documented_once() -> None:
    for flag in GLOBAL:
        assert f"`{flag}" in COMMAND_LINE


@pytest.mark.parametrize("name", ALL)
def test_every_option_has_a_sentence(name: str) -> None:
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"keepone {name} {parameter.opts[0]}"
            assert parameter.help.endswith("."), f"keepone {name} {parameter.opts[0]}"
    assert ALL[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_table_says_what_the_command_says(name: str) -> None:
    first = (ALL[name].help or "").strip().split("\n")[0]
    assert COMMANDS[name][1], name
    assert first, name


def test_every_exit_status_is_documented() -> None:
    table = COMMAND_LINE.split("## Exit status")[1].split("##")[0]
    assert [int(status) for status in re.findall(r"^\| (\d+) \|", table, re.M)] == [int(code) for code in MEANINGS]
    for meaning in MEANINGS.values():
        assert meaning.split(" (")[0] in table.replace("`", "")


def test_every_key_is_documented_with_its_default_and_its_meaning() -> None:
    for row in key_rows():
        assert row in CONFIGURATION.splitlines(), f"docs/configuration.md lacks this row:\n{row}"


def test_every_key_says_what_it_is_for() -> None:
    for key, _, description in keys():
        assert description, key
    for key, info in load("local").Options.model_fields.items():
        assert info.description, key


def test_no_key_is_documented_that_does_not_exist() -> None:
    known = {key for key, _, _ in keys()} | set(load("local").Options.model_fields) | {"data", "sources"}
    assert set(re.findall(r"^\| `([a-z_.]+)` \|", CONFIGURATION, re.M)) <= known
