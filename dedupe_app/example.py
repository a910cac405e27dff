"""The commented configuration: every key with its default and what it is for, written from the code, so that the
documentation of the defaults cannot be wrong. `python -m dedupe_app.example > config.yaml` writes the repository's."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors.registry import BUILT_IN, load
from dedupe_app.config import ENV_PREFIX, SourceConfig, keys
from dedupe_app.job_examples import service_shown
from dedupe_app.job_examples import shown as jobs_shown
from dedupe_core.settings import Settings

_WIDTH = 118
_HEAD = f"""\
# KeepOne: the configuration with every key and its default; delete what you do not change.
#
# Looked for in this order: --config FILE, $KEEPONE_CONFIG, config.yaml in the working directory and above it, the file
# that `keepone config path` names. Every key can come from the environment too, as {ENV_PREFIX}SECTION__KEY, e.g.
# {ENV_PREFIX}PLANNING__ACTION=move. `keepone config show --origin` tells what counts and why; more in
# docs/configuration.md.

# Folder of the database, the journal and the lock. The default is the data folder that the system has for a person.
# data: ~/.local/share/keepone

"""
_NOBODYS = ("memory",)  # a connector for tests and for those who write one
_SHORT = """\
# KeepOne: written by `keepone init`. What does not stand here keeps its default: `keepone config show` lists every key.

"""


def example() -> str:
    """The whole file as text; sources and jobs are shown but not set."""
    parts = [_HEAD, _sources_shown(), jobs_shown(), service_shown()]
    plain = {key: info for key, info in Settings.model_fields.items() if _section(info) is None}
    parts += [_key(key, info) for key, info in plain.items()]
    for name, info in Settings.model_fields.items():
        section = _section(info)
        if section is not None:
            parts.append("\n" + "".join(_lines(name, section)))
    return "".join(parts)


def short(sources: Sequence[SourceConfig], changes: Mapping[str, Any], data: str = "") -> str:
    """A file with only what a person chose: sources, some sections, and the data folder."""
    entries = [{"name": source.name, "kind": source.kind, **source.options} for source in sources]
    chosen = ({"data": data} if data else {}) | {"sources": entries} | dict(changes)
    return _SHORT + yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True)


def key_rows() -> Iterator[str]:
    """The rows of the key tables in docs/configuration.md: key, default, what it is for."""
    for key, default, told in keys():
        text = f"`{_cell(default)}`" if len(_cell(default)) < 100 else "see [which photo stays](keeper-rules.md)"
        yield f"| `{key}` | {text} | {told} |"
    for key, info in load("local").Options.model_fields.items():
        default = info.get_default(call_default_factory=True)
        text = "required" if default is PydanticUndefined else f"`{_cell(default)}`"
        yield f"| `{key}` | {text} | {info.description} |"


def _cell(value: Any) -> str:
    return _plain(value).replace("\n  - ", ", ").replace("|", "\\|")


def _section(info: FieldInfo) -> type[BaseModel] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _lines(name: str, section: type[BaseModel]) -> Iterator[str]:
    yield f"# {' '.join((section.__doc__ or '').split())}\n{name}:\n"
    for key, info in section.model_fields.items():
        yield _key(key, info, "  ")


def _key(key: str, info: FieldInfo, indent: str = "") -> str:
    told = textwrap.wrap(info.description or "", _WIDTH - len(indent))
    comment = "".join(f"{indent}# {line}\n" for line in told)
    value = _plain(info.get_default(call_default_factory=True), indent)
    gap = "" if value[0] == "\n" else " "
    return f"{comment}{indent}{key}:{gap}{value}\n"


def _plain(value: Any, indent: str = "") -> str:
    """A value in YAML, on one line where that is short enough."""
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True).strip()
    text = text.removesuffix("...").strip()
    if isinstance(value, list) and len(text) > _WIDTH - 20:
        return "".join(f"\n{indent}  - {_plain(item)}" for item in value)
    return text


def _sources_shown() -> str:
    """One example source of each kind with every key of its connector, as comments."""
    text = "# Where photos live. Folders can also be added with `keepone sources add`, or just scanned.\n# sources:\n"
    return text + "".join(_kind(kind) for kind in sorted(BUILT_IN) if kind not in _NOBODYS) + "\n"


def _kind(kind: str) -> str:
    lines = [f"#   - name: my-{kind}\n", f"#     kind: {kind}\n"]
    for key, info in load(kind).Options.model_fields.items():
        lines += [f"#     # {line}\n" for line in textwrap.wrap(info.description or "", _WIDTH - 8)]
        lines.append(f"#     {key}: {_option(info)}\n")
    return "".join(lines)


def _option(info: FieldInfo) -> str:
    """The default of a connector's key; one that is computed on each machine is none to write down."""
    if info.default_factory is not None:
        return "# the default depends on the system"
    return "~/Pictures" if info.default is PydanticUndefined else _plain(info.default)


if __name__ == "__main__":
    sys.stdout.write(example())
