"""What a person may set for one OneDrive."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, field_validator, model_validator

from connectors.base import Options

GRAPH = "https://graph.microsoft.com/v1.0"
_MONTH = re.compile(r"\d{4}[-/](0[1-9]|1[0-2])")
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
    months: tuple[str, ...] = Field(
        (), description="only these months (2024-06) of the template; nothing else is asked"
    )
    duplicates: str = Field("duplicates", description="folders of this name hold what was moved; they are never listed")
    summary: str = Field("duplicates_summary", description="folders of this name hold the reports")
    recycle_bin: bool = Field(False, description="allow putting photos into OneDrive's recycle bin")
    read_only: bool = Field(False, description="sign in for reading only; nothing can be moved")
    readers: int = Field(4, ge=1, le=16, description="requests at the same time")
    longest_wait: float = Field(300, gt=0, description="seconds to wait when OneDrive asks for patience; longer: later")
    budget_minutes: float | None = Field(None, gt=0, description="stop a run after this time; the next one goes on")
    state: Path = Field(default_factory=_state, description="folder for the sign-in cache and unfinished listings")
    token_file: Path | None = Field(
        None, description="a file in which another program keeps an access token, instead of a sign-in of our own"
    )
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

    @field_validator("months")
    @classmethod
    def _are_months(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for month in value:
            if not _MONTH.fullmatch(month):
                raise ValueError(f"{month!r} is no month: write it like 2024-06.")
        return tuple(sorted({month.replace("/", "-") for month in value}))

    @model_validator(mode="after")
    def _months_need_the_template(self) -> OneDriveOptions:
        if self.months and self.folder is not None:
            raise ValueError("months are those of the template: leave folder out, or months.")
        return self

    @property
    def month_folders(self) -> tuple[str, ...]:
        """The folders of `months`, from the drive's root."""
        dates = (month.split("-") for month in self.months)
        return tuple(self.template.format(year=int(year), month=int(month)) for year, month in dates)

    @property
    def personal(self) -> bool:
        """True for an account of a person, whose recycle bin can be emptied back by a program."""
        return self.tenant == "consumers"
