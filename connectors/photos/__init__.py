"""Apple Photos: read from a copy of its database, tagged through Photos itself, deleted only together with a person."""

from connectors.photos.connector import PhotosConnector
from connectors.photos.options import PhotosOptions

__all__ = ["PhotosConnector", "PhotosOptions"]
