"""Jobs as `config.yaml` describes them: what a run looks at, what it may do without a person, and when."""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dedupe_app.turns import months
from dedupe_app.when import When, parse
from dedupe_core.model import Relation

Action = Literal["nothing", "report", "reanalyse", "tag", "move", "delete"]
ACTING: tuple[Action, ...] = ("tag", "move", "delete")
State = Literal[
    "done",
    "waiting",
    "parked",
    "cap reached",
    "needs login",
    "source vanished",
    "unavailable",
    "some failed",
    "failed",
    "busy",
]
TROUBLE: tuple[State, ...] = (
    "needs login",
    "source vanished",
    "cap reached",
    "unavailable",
    "some failed",
    "failed",
)
"""States that a person should see until a later run ends well."""
_SOME_DAY = date(2024, 6, 15)


class JobConfig(BaseModel):
    """One job. Whatever it finds, it acts only on the relations in `trust`; the rest waits for a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="its name in every command, log and message")
    sources: tuple[str, ...] = Field((), description="sources that it looks at and may act in; all of them by default")
    months: str = Field(
        "", description='only these months: "last 2", "2019-01..2023-12", or that "in turns of 6" months a run'
    )
    folders: tuple[str, ...] = Field((), description="act only in these folders (glob patterns) and below them")
    albums: tuple[str, ...] = Field((), description="act only on photos in one of these albums")
    levels: tuple[Relation, ...] = Field((), description="relations to look for; those of the configuration by default")
    relations: tuple[Relation, ...] = Field((), description="relations that go into a plan; `planning.relations`")
    action: Action = Field(
        "report",
        description="nothing: only look; report: write the page; reanalyse: group anew by what people said, without "
        "opening a photo; tag: into albums; move: into a folder beside the photo; delete: each source's own trash",
    )
    trust: tuple[Literal["exact", "pixels"], ...] = Field(
        (), description="relations that it acts on without asking; with none its plan waits for `keepone apply`"
    )
    max_items: int = Field(500, ge=1, le=500, description="a run that would act on more photos stops and asks")
    max_bytes: int = Field(10_000_000_000, ge=1, le=10_000_000_000, description="the same for bytes")
    max_minutes: float = Field(240, gt=0, description="after this time the run is parked; the next one goes on")
    schedule: str = Field("", description='"daily at 03:00", "every 30 minutes", "0 3 * * *", "after feedback"')
    watch: bool = Field(False, description="the daemon also runs it when something changes in its folders")

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, value: str) -> str:
        if value.strip():
            parse(value)
        return value.strip()

    @field_validator("months")
    @classmethod
    def _are_months(cls, value: str) -> str:
        months(value, _SOME_DAY)
        return value

    @model_validator(mode="after")
    def _trust_has_an_action(self) -> JobConfig:
        if self.trust and self.action not in ACTING:
            raise ValueError(f"{self.name!r} has trust, but its action is {self.action!r}; name tag, move or delete")
        return self

    @property
    def when(self) -> When | None:
        """Its schedule, None when it only runs by hand or when folders change."""
        return parse(self.schedule) if self.schedule else None


class ServiceConfig(BaseModel):
    """How the service behaves that runs jobs: `keepone daemon`, and what runs tell a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(8791, ge=0, le=65535, description="health and metrics on 127.0.0.1; 0 is off")
    page: int = Field(0, ge=0, le=65535, description="also serve the review page on 127.0.0.1 at this port; 0 is off")
    settle_seconds: float = Field(30, ge=0, description="a watched folder has to be quiet for so long before jobs run")
    retry_seconds: float = Field(60, gt=0, description="first pause after a source could not be reached; it doubles")
    retry_longest: float = Field(900, gt=0, description="longest pause between such tries, in seconds")
    park_seconds: float = Field(8, gt=0, le=60, description="how long a run may take to park when the daemon stops")
    log_mb: float = Field(10, gt=0, description="size at which the log of the daemon is turned over; five are kept")
    desktop: bool = Field(True, description="show a notification where the desktop has them")
    webhook: str = Field("", description="POST a summary of each notable run here (https, or loopback)")

    @field_validator("webhook")
    @classmethod
    def _is_private(cls, value: str) -> str:
        if value and not is_private(value):
            raise ValueError(f"{without_secrets(value)} is neither https nor this machine: anybody could read it")
        return value


def is_private(url: str) -> bool:
    """True for https, and for http to this very machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """True for a name or number that is this very machine, whatever a name server says."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def without_secrets(url: str) -> str:
    """A URL without user, password, path and query, which may all be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}"
