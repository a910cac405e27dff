"""The documentation says what is true: links lead somewhere, commands and options exist, examples parse."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from dedupe_app.cli import root as keepone

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def links(page: Path) -> list[str]:
    """Where a page's links lead, code left out."""
    found: list[str] = _LINK.findall(_CODE.sub("", _FENCE.sub("", text_of(page))))
    return [link for link in found if "://" not in link]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as code hosts write them."""
    prose = _FENCE.sub("", text_of(page))
    heads = re.findall(r"^#+ +(.+?) *$", prose, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\]\([^)]*\)|\[", "", head)).lower().replace(" ", "-") for head in heads
    }


def examples(page: Path, *languages: str) -> Iterator[str]:
    return (body for language, body in _FENCE.findall(text_of(page)) if language in languages)


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        place, _, anchor = link.partition("#")
        target = (page.parent / place) if place else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def invocations(page: Path) -> Iterator[str]:
    """Every `keepone …` that a page tells its reader to type: in code blocks and in backticks."""
    for body in examples(page, "", "bash", "sh", "console", "text"):
        for line in body.splitlines():
            told = line.removeprefix("$ ").split("#")[0].split(" → ")[0].strip()
            if told.startswith("keepone ") or told == "keepone":
                yield told
    prose = _FENCE.sub("", text_of(page))
    yield from (told for told in re.findall(r"`(keepone(?: [^`]*)?)`", prose))


def problem(told: str) -> str:
    """What is wrong with an invocation: an unknown command or option; "" when it is fine."""
    try:
        arguments = shlex.split(re.sub(r"[…\[\]|<>]", " ", told))[1:]
    except ValueError as error:
        return f"{told}: {error}"
    command: click.Command = keepone
    names: list[str] = []
    options = set(_options(keepone))
    for word in arguments:
        if word.startswith("-"):
            if word.split("=")[0] not in options and not re.fullmatch(r"-\d+", word):
                return f"{told}: no option {word}"
            continue
        if isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None and not names and not word.isupper():
                return f"{told}: no command {word}"
            if found is not None:
                command = found
                names.append(word)
                options |= set(_options(found))
    return ""


def _options(command: click.Command) -> Iterator[str]:
    yield from ("--help", "-h")
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)


@each_page
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    assert not [wrong for told in invocations(page) if (wrong := problem(told))]


def test_a_wrong_command_or_option_would_be_noticed() -> None:
    assert problem("keepone scna ~/Pictures") == "keepone scna ~/Pictures: no command scna"
    assert problem("keepone scan --fastest ~/Pictures") == "keepone scan --fastest ~/Pictures: no option --fastest"
    assert problem("keepone scan ~/Pictures --json") == ""


@each_page
def test_examples_parse(page: Path) -> None:
    for body in examples(page, "python", "py"):
        ast.parse(body)
    for body in examples(page, "yaml"):
        yaml.safe_load(body)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
        todo += [target for target in targets if target.suffix == ".md" and target.is_file()]
    assert not set(PAGES) - reached


def test_every_script_that_is_named_exists() -> None:
    named = {name for page in PAGES for name in re.findall(r"\b(?:benchmarks|docs|tests)/[\w/]+\.py\b", text_of(page))}
    assert not {name for name in named if not (ROOT / name).is_file()}


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", text_of(page), re.MULTILINE)}
    assert named
    assert named <= targets


def test_the_picture_is_small_and_drawn_by_a_script() -> None:
    picture = ROOT / "docs" / "images" / "report.png"
    assert 20_000 < picture.stat().st_size < 200_000
    assert picture.with_name("make_report_picture.py").is_file()
