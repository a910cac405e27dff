"""What a person may set for one Photos library."""

from __future__ import annotations

import re
from pathlib import Path

import platformdirs
from pydantic import Field, field_validator

from connectors.base import Options

_MONTH = re.compile(r"(\d{4})(?:[-/](0[1-9]|1[0-2]))?")


def _state() -> Path:
    return Path(platformdirs.user_data_dir("keepone", appauthor=False)) / "photos"


class PhotosOptions(Options):
    """Keys of a `kind: photos` source."""

    path: Path | None = Field(None, description="the library; left out, it is the system's own library (macOS)")
    albums: tuple[str, ...] = Field((), description='only these albums, as "Folder/Album"; a folder takes all in it')
    months: tuple[str, ...] = Field((), description="only photos taken then: 2024-06, or 2024 for a whole year")
    persons: tuple[str, ...] = Field((), description="only photos that show one of these people")
    keywords: tuple[str, ...] = Field((), description="only photos with one of these keywords")
    hidden: bool = Field(False, description="list photos of the Hidden album too")
    folder: str = Field("KeepOne", description="the folder of Photos in which KeepOne makes its albums")
    tag_keywords: bool = Field(False, description="tagged photos also get the keywords keepone:keep, keepone:redundant")
    read_only: bool = Field(False, description="never change anything in Photos, not even albums")
    page: int = Field(2000, ge=1, description="photos on one page of a listing")
    state: Path = Field(default_factory=_state, description="folder for what was computed from originals")

    @field_validator("months")
    @classmethod
    def _are_months(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for month in value:
            if not _MONTH.fullmatch(month):
                raise ValueError(f"{month!r} is no month: write it like 2024-06, or 2024.")
        return tuple(month.replace("/", "-") for month in value)

    @field_validator("folder")
    @classmethod
    def _is_a_plain_name(cls, value: str) -> str:
        if not value.strip() or set(value) & set('/"\\#'):
            raise ValueError(f'{value!r} cannot name the folder: take a word without / " \\ and #.')
        return value
