"""Changing one list of config.yaml and nothing else in it: every other line, and every comment, stays as a person wrote
it. Where that cannot be done for certain it is not done."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import yaml

_PLAIN = re.compile(r"[a-z][a-z_]*")
_NESTED = re.compile(r"\s|#|$")


def with_list(text: str, section: str, key: str, values: Sequence[str]) -> str | None:
    """The text of a configuration in which SECTION.KEY is this list. None when its layout is not one that is understood
    here, for instance when comments stand between the items of the list."""
    if re.search(rf"^{section}[ \t]*:[ \t]*[^\s#]", text, re.MULTILINE):
        return None
    before = _read(text)
    wanted = {**before, section: {**(before.get(section) or {}), key: list(values)}}
    changed = "".join(_replaced(text.splitlines(keepends=True), section, key, flow(values)) or ())
    try:
        return changed if _read(changed) == wanted else None
    except yaml.YAMLError:
        return None


def flow(values: Sequence[str]) -> str:
    """A list as YAML in one line."""
    shown = (one if _PLAIN.fullmatch(one) else json.dumps(one, ensure_ascii=False) for one in values)
    return f"[{', '.join(shown)}]"


def _read(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)
    return found if isinstance(found, dict) else {}


def _replaced(lines: list[str], section: str, key: str, value: str) -> list[str] | None:
    start = next((at for at, line in enumerate(lines) if re.match(rf"{section}\s*:\s*(#.*)?$", line)), None)
    if start is None:
        last = [] if not lines or lines[-1].endswith("\n") else ["\n"]
        return [*lines, *last, f"{section}:\n", f"  {key}: {value}\n"]
    body = list(takewhile(_NESTED.match, lines[start + 1 :]))
    for at, line in enumerate(body, start + 1):
        if found := re.match(rf"(\s+{key}\s*:)\s*(\[[^\]#]*\])?(\s*(?:#.*)?)$", line):
            after = at + 1 if found[2] else _behind(lines, at + 1)
            return [*lines[:at], f"{found[1]} {value}{found[3].rstrip()}\n", *lines[after:]]
    first = next((line for line in body if line.strip() and not line.lstrip().startswith("#")), "  ")
    indent = first[: len(first) - len(first.lstrip())] or "  "
    return [*lines[: start + 1], f"{indent}{key}: {value}\n", *lines[start + 1 :]]


def _behind(lines: list[str], start: int) -> int:
    """Behind the items of a list of which each stands in a line of its own, without a comment."""
    items = takewhile(lambda line: re.match(r"\s*-\s[^#]*$", line), lines[start:])
    return start + sum(1 for _ in items)
