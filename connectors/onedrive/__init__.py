"""OneDrive personal and business through Microsoft Graph: listed by delta, judged without downloading originals, acted
on only by moves that can be undone."""

from connectors.onedrive.connector import OneDriveConnector, estimate
from connectors.onedrive.options import OneDriveOptions

__all__ = ["OneDriveConnector", "OneDriveOptions", "estimate"]
