"""Apple Photos: read from a copy of its database, tagged through Photos itself, deleted only together with a person.

The names are imported when they are asked for: worker processes take the fingerprint from here and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.photos.connector import PhotosConnector
    from connectors.photos.options import PhotosOptions

__all__ = ["PhotosConnector", "PhotosOptions"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{'options' if name == 'PhotosOptions' else 'connector'}"), name)
