"""A Photos library that tests write themselves, and a Photos that changes it: only the script engine is not Apple's."""

from tests.fakes.photos.engine import ScriptError, SimulatedPhotos, no_object, not_allowed, script_engine, timed_out
from tests.fakes.photos.library import SyntheticLibrary, fingerprint_of
from tests.fakes.photos.photokit import FakePhotosModule
from tests.fakes.photos.schema import MODELS

__all__ = [
    "MODELS",
    "FakePhotosModule",
    "ScriptError",
    "SimulatedPhotos",
    "SyntheticLibrary",
    "fingerprint_of",
    "no_object",
    "not_allowed",
    "script_engine",
    "timed_out",
]
