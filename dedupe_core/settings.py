"""Every choice of the core that a person may change, with its default. `config.yaml` documents each key; the defaults
come from measurements (docs/how-it-decides.md) and are not to be loosened without measuring again."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dedupe_core.model import Relation


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scanning(_Section):
    """When a listing is believed."""

    max_lost: float = Field(0.1, ge=0, le=1, description="stop when a source lost more than this share of its photos")
    max_lost_min: int = Field(10, ge=0, description="losing no more photos than this never stops a scan")


class Limits(_Section):
    """What one file may cost."""

    seconds: float = Field(20, gt=0, description="seconds that one file may take to decode")
    memory_mb: int = Field(1024, ge=256, description="megabytes that one worker may take")
    max_pixels: int = Field(200_000_000, gt=0, description="pictures with more pixels are reported, not decoded")
    workers: int = Field(0, ge=0, description="worker processes; 0 is one a core")


class Near(_Section):
    """When two pictures are copies."""

    candidate_distance: int = Field(90, ge=0, le=128, description="256-bit hashes this close propose a pair")
    copy_distance: int = Field(
        60, ge=0, le=90, description="hashes this close are a copy when nothing speaks against it"
    )


class Series(_Section):
    """When pictures are one series."""

    seconds: float = Field(10, ge=0, description="shots of one camera within this many seconds may be a series")


class Embedding(_Section):
    """Pictures that a model finds alike: candidates for proof, and the `similar` lane (docs/similar.md)."""

    mode: Literal["auto", "remote", "local", "off"] = Field(
        "auto", description="auto: the service at `url` where there is one, else the model on this machine, else none"
    )
    kind: Literal["open_clip", "timm", "torchscript", "onnx"] = Field(
        "open_clip", description="the library of the model, or the kind of its file"
    )
    model: str = Field("ViT-B-32", description="name of the architecture in its library, or in the service")
    weights: str = Field("openai", description="pretrained tag, fetched by `keepone models pull`, or a file of weights")
    size: int = Field(224, ge=16, le=2048, description="torchscript, onnx: pixels of a side if the file does not tell")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the model runs")
    precision: Literal["auto", "fp32", "medium", "mixed", "bf16", "fp16"] = Field(
        "auto", description="auto: the fastest of a short measurement that agrees with fp32 to a cosine of 0.9999"
    )
    batch: int = Field(0, ge=0, description="pictures at once; 0 is what fits the device")
    url: str = Field("", description="a service that speaks KServe V2, such as `keepone inference`")
    neighbours: int = Field(8, ge=1, le=64, description="candidates that each photo may propose")
    scope: Literal["library", "month", "folder", "album", "time", "across"] = Field(
        "library",
        description="who may propose whom: all, or only photos of one month, folder or album, photos taken within "
        "`hours`, or photos of different sources",
    )
    hours: float = Field(24, gt=0, description="scope time: hours that may lie between two photos")
    threshold: float = Field(
        0.0, ge=0, le=1, description="cosine of candidates; 0 finds it from random pairs of the library itself"
    )


class Grouping(_Section):
    """How edges become groups."""

    method: Literal["complete", "average", "components", "dbscan"] = Field("complete", description="clustering method")
    average: float = Field(0.5, gt=0, le=1, description="average: groups join while their mean score is at least this")
    eps: float = Field(0.5, ge=0, le=1, description="dbscan: the largest 1 − score between neighbours")
    min_samples: int = Field(2, ge=1, description="dbscan: neighbours, itself included, that make a photo a core")


class Keeping(_Section):
    """Who stays: the first rule that separates two candidates decides."""

    rules: tuple[str, ...] = Field(
        (
            "undamaged",
            "protected",
            "favorite",
            "in_album",
            "companions",
            "raw_or_heic_original",
            "camera_original",
            "not_a_resave",
            "unframed",
            "field_of_view",
            "pixels",
            "compression_quality",
            "score",
            "has_keywords",
            "metadata",
            "folder_priority",
            "name_pattern",
            "oldest",
            "path",
        ),
        description="keeper rules in order; see docs/keeper-rules.md for all of them",
    )
    folders: tuple[str, ...] = Field((), description="folders in order of preference, most wanted first")
    name_pattern: str = Field(
        r"(?i)([ _-]\(?\d{1,2}\)|[ _-](copy|kopie|copie|copia)( ?\d+)?|^copy of )",
        description="names that look like copies",
    )
    keep_edited: bool = Field(True, description="an edited version stays beside its original")


class Planning(_Section):
    """What a plan may contain."""

    relations: tuple[Relation, ...] = Field(("exact", "pixels", "near"), description="relations that plan takes")
    unattended: tuple[Literal["exact", "pixels"], ...] = Field(
        ("exact", "pixels"), description="relations that a job may act on without a person"
    )
    action: Literal["delete", "move"] = Field(
        "delete", description="delete: the source's own trash; move: into `folder`"
    )
    folder: str = Field("duplicates", description="where `move` puts photos, inside the folder they are in")
    protected: tuple[str, ...] = Field((), description="folders (glob patterns) from which nothing is ever dropped")
    max_items: int = Field(5000, ge=1, description="a plan with more steps stops; 500 for unattended jobs")
    max_bytes: int = Field(200_000_000_000, ge=1, description="a plan that frees more bytes stops")
    max_age_days: float = Field(14, gt=0, description="an older plan has to be made again")


class Learning(_Section):
    """What people's answers change."""

    hidden_below: float = Field(
        0.5, ge=0, le=1, description="pairs that your answers make less likely the same than this are not shown"
    )
    error_budget: float = Field(
        0.01, ge=0.0001, le=0.2, description="share of wrong pairs that a threshold of trust may let pass"
    )


class Settings(_Section):
    """All sections of the core."""

    levels: tuple[Relation, ...] = Field(
        ("exact", "pixels", "near", "similar", "series"), description="relations to look for"
    )
    scanning: Scanning = Scanning()
    limits: Limits = Limits()
    near: Near = Near()
    series: Series = Series()
    embedding: Embedding = Embedding()
    grouping: Grouping = Grouping()
    keeping: Keeping = Keeping()
    planning: Planning = Planning()
    learning: Learning = Learning()
