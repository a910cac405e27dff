"""The four jobs that KeepOne exists for, as `config.yaml` shows them: commented, ready to be uncommented."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from dedupe_app.job_model import JobConfig, ServiceConfig

SHIPPED = """\
# 1. OneDrive in the background: this month and the last; identical copies go into a folder beside them.
- name: onedrive-months
  sources: [my-onedrive]
  months: last 2
  action: move
  trust: [exact]
  schedule: daily at 03:00
  max_minutes: 180
#    The years before, half a year a night, begun anew when all are through.
- name: onedrive-years
  sources: [my-onedrive]
  months: 2015-01..2025-12 in turns of 6
  action: move
  trust: [exact]
  schedule: daily at 04:00
  max_minutes: 120
# 2. Apple Photos: duplicates into albums. Nothing is deleted; the albums are yours to look through.
- name: photos-albums
  sources: [my-photos]
  action: tag
  trust: [exact, pixels]
  schedule: weekly on sunday at 05:00
# 3. After somebody said "not similar": the groups anew, from what is stored. No photo is opened.
- name: reanalyse
  action: reanalyse
  schedule: after feedback
# 4. By launchd or systemd, without the daemon: `keepone schedule install nightly`. Looks at everything, writes the
#    page, and changes nothing.
- name: nightly
  action: report
  schedule: daily at 02:00
"""


def shown() -> str:
    """The jobs as comments, with every key of a job."""
    told = "# What runs by itself, with what it may do alone (docs/service.md). Keys of a job:\n"
    for key, info in JobConfig.model_fields.items():
        first, *more = textwrap.wrap(info.description or "", 100)
        told += f"#   {key + ':':<12} {first}\n" + "".join(f"#{'':<16}{line}\n" for line in more)
    return f"{told}# jobs:\n" + "".join(f"# {line}".rstrip() + "\n" for line in SHIPPED.splitlines()) + "\n"


def service_shown() -> str:
    """The keys of the service with their defaults, as comments."""
    told = "# How the service behaves that runs jobs, and what its runs tell a person.\n# service:\n"
    for key, info in ServiceConfig.model_fields.items():
        default = info.get_default(call_default_factory=True)
        value = str(default).lower() if isinstance(default, bool) else default or ("''" if default == "" else default)
        told += f"#   # {info.description}\n#   {key}: {value}\n"
    return f"{told}\n"


def rows(model: type[BaseModel]) -> Iterator[str]:
    """The rows of the key tables in docs/service.md: key, default, what it is for."""
    for key, info in model.model_fields.items():
        default = info.get_default(call_default_factory=True)
        yield f"| `{key}` | {_default(default)} | {info.description} |"


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`" if value != "" else "none"
