"""OneDrive personal and business through Microsoft Graph: listed by delta, judged without downloading originals, acted
on only by moves that can be undone.

The names are imported when they are asked for: worker processes take the digests from here and need no connection."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.onedrive.connector import OneDriveConnector
    from connectors.onedrive.options import OneDriveOptions

__all__ = ["OneDriveConnector", "OneDriveOptions"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{'options' if name == 'OneDriveOptions' else 'connector'}"), name)
