"""Writes constraints.txt anew: the versions, in this environment, of everything that pyproject.toml asks for.

make pins      (run make test-all before you keep the result)
"""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def asked(lines: list[str], extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """The requirements that hold here."""
    for requirement in map(Requirement, lines):
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in {"", *extras}):
            yield requirement


def closure(project: dict[str, list[str] | dict[str, list[str]]]) -> dict[str, str]:
    """Name and version of all that is asked for, directly or through another."""
    optional = project["optional-dependencies"]
    assert isinstance(optional, dict)
    todo = list(asked([*project["dependencies"], *(line for lines in optional.values() for line in lines)]))
    seen: dict[tuple[str, frozenset[str]], str] = {}
    while todo:
        requirement = todo.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in seen:
            found = importlib.metadata.distribution(requirement.name)
            seen[key] = found.version.partition("+")[0]  # another machine's build has another local version
            todo += asked(found.requires or [], key[1])
    return {name: version for (name, _), version in seen.items()}


def main() -> None:
    """Keep the comment, write the pins."""
    file = ROOT / "constraints.txt"
    head = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    pins = closure(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])
    lines = [*head, *(f"{name}=={version}" for name, version in sorted(pins.items()))]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
