"""What a person may set for one folder of photos, and which folders are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from connectors.base import Options, Refused
from connectors.local.months import parse_month
from connectors.local.patterns import Patterns

# Folders that programs keep for themselves: what lies in them is nobody's photo, or belongs to another library.
FOREIGN_FOLDERS = frozenset({"@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found"})
LIBRARY_SUFFIXES = (".photoslibrary", ".photolibrary", ".aplibrary", ".migratedphotolibrary", ".lrdata", ".cocatalog")


def _month(value: object) -> object:
    return parse_month(value) if isinstance(value, str) else value


class LocalOptions(Options):
    """Keys of a `kind: local` source."""

    path: Path = Field(description="the folder; everything below it is looked at")
    include: tuple[str, ...] = Field((), description="glob patterns; when given, only photos that match one are listed")
    exclude: tuple[str, ...] = Field((), description="glob patterns of photos and folders that are never listed")
    protected: tuple[str, ...] = Field((), description="glob patterns of folders from which nothing is ever dropped")
    month_template: str = Field("{year}/{month:02d}", description="how month folders are named below `path`")
    months: tuple[Annotated[tuple[int, int], BeforeValidator(_month)], ...] = Field(
        (), description="months (2024-06) to look at; every other folder is left alone and stays as it is known"
    )
    duplicates: str = Field("duplicates", description="folders of this name hold what was moved; they are never listed")
    trash: Literal["quarantine", "system"] = Field(
        "quarantine", description="quarantine: a folder on the same volume, undoable; system: the trash, not undoable"
    )
    allow_managed: bool = Field(
        False,
        description="walk folders of Apple Photos and of cloud sync clients too; they have connectors of their own",
    )

    @field_validator("include", "exclude", "protected")
    @classmethod
    def _patterns_are_patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Patterns(value)
        return value

    @field_validator("month_template")
    @classmethod
    def _template_names_a_month(cls, value: str) -> str:
        try:
            named = {value.format(year=2024, month=month) for month in (1, 12)} | {value.format(year=2023, month=1)}
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"{value!r} is no month template: write it like {{year}}/{{month:02d}}.") from error
        if len(named) < 3:
            raise ValueError(f"{value!r} does not tell months apart: it needs {{year}} and {{month}}.")
        return value


def managed_by(path: str) -> str:
    """Who else manages this path, as words for a sentence; "" when nobody does.

    One photo behind two connectors looks like a perfect duplicate, and deleting one deletes both: so the folders of
    Apple Photos and of sync clients are left to their own connectors.
    """
    names = path.split("/")
    for above, name in zip(["", *names], names, strict=False):
        low = name.lower()
        if low.endswith(LIBRARY_SUFFIXES):
            return "a photo library that its own program manages"
        if (
            above in ("CloudStorage", "Mobile Documents")
            or low == "onedrive"
            or low.startswith(("onedrive - ", "onedrive-"))
        ):
            return "a folder that a cloud sync client manages"
    return ""


def refuse_managed(root: Path) -> None:
    """Raises `Refused` for a root that another program manages."""
    if who := managed_by(root.as_posix()):
        raise Refused(
            f"{root} is {who}: a photo deleted here would vanish there too. Use the connector for it, or set "
            "allow_managed: true for this source if it really is a plain folder."
        )
