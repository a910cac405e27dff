"""What a person may set for one OneDrive."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, field_validator

from connectors.base import Options

GRAPH = "https://graph.microsoft.com/v1.0"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _state() -> Path:
    return Path(platformdirs.user_data_dir("keepone", appauthor=False)) / "onedrive"


class OneDriveOptions(Options):
    """Keys of a `kind: onedrive` source."""

    client_id: str = Field("", description="the application id of your own app registration")
    tenant: str = Field("consumers", description="consumers for a personal account, else the organisation's tenant")
    account: str = Field("", description="user name, needed only when several accounts are signed in")
    template: str = Field("Pictures/{year}/{month:02d}", description="month folders, from the drive's root")
    folder: str | None = Field(None, description='a folder instead of the month folders; "" is the whole drive')
    duplicates: str = Field("duplicates", description="folders of this name hold what was moved; they are never listed")
    summary: str = Field("duplicates_summary", description="folders of this name hold the reports")
    recycle_bin: bool = Field(False, description="allow putting photos into OneDrive's recycle bin")
    read_only: bool = Field(False, description="sign in for reading only; nothing can be moved")
    readers: int = Field(4, ge=1, le=16, description="requests at the same time")
    longest_wait: float = Field(300, gt=0, description="seconds to wait when OneDrive asks for patience; longer: later")
    budget_minutes: float | None = Field(None, gt=0, description="stop a run after this time; the next one goes on")
    state: Path = Field(default_factory=_state, description="folder for the sign-in cache and unfinished listings")
    endpoint: str = Field(GRAPH, description="where Microsoft Graph answers; national clouds differ")

    @field_validator("endpoint")
    @classmethod
    def _tokens_travel_encrypted(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError(f"{value!r} is not https: a token would travel in the clear.")
        return value.rstrip("/")

    @field_validator("template")
    @classmethod
    def _template_names_a_month(cls, value: str) -> str:
        try:
            named = {value.format(year=2024, month=month) for month in (1, 12)} | {value.format(year=2023, month=1)}
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"{value!r} is no template: write it like Pictures/{{year}}/{{month:02d}}.") from error
        if len(named) < 3:
            raise ValueError(f"{value!r} does not tell months apart: it needs {{year}} and {{month}}.")
        return value.strip("/")

    @property
    def personal(self) -> bool:
        """True for an account of a person, whose recycle bin can be emptied back by a program."""
        return self.tenant == "consumers"
