"""A synthetic library, a Photos that has it open, and the connector on both."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.photos import PhotosConnector, PhotosOptions
from connectors.photos import library as library_module
from connectors.photos.photokit import PhotoKit
from connectors.photos.script import Script
from tests.fakes.photos import FakePhotosModule, SimulatedPhotos, SyntheticLibrary, script_engine

Make = Callable[..., PhotosConnector]


def tree(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Every file below a folder: length, modification time, digest."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="session")
def engine() -> Iterator[Callable[[SimulatedPhotos], None]]:
    """The real photoscript; a program that it starts (killall Photos) fails the test."""

    def forbidden(*values: Any, **names: Any) -> None:
        raise AssertionError(f"a program was started: {values}")

    if importlib.util.find_spec("photoscript") is None:
        pytest.skip("photoscript is not here: pip install --no-deps photoscript tenacity")
    with script_engine(forbidden) as run:
        yield run


@pytest.fixture
def library(tmp_path: Path) -> Iterator[SyntheticLibrary]:
    made = SyntheticLibrary(tmp_path / "Test.photoslibrary")
    yield made
    made.close()


@pytest.fixture
def photos(library: SyntheticLibrary, engine: Callable[[SimulatedPhotos], None]) -> SimulatedPhotos:
    """Photos, running, with the library open."""
    running = SimulatedPhotos(library)
    engine(running)
    return running


@pytest.fixture
def kit(library: SyntheticLibrary, monkeypatch: pytest.MonkeyPatch) -> FakePhotosModule:
    """PhotoKit; the synthetic library is the system's."""
    monkeypatch.setattr(library_module, "system_library", lambda: library.path)
    return FakePhotosModule(library)


@pytest.fixture
def make(tmp_path: Path, library: SyntheticLibrary) -> Iterator[Make]:
    """Connectors on the synthetic library; `writing` gives one that goes through Photos."""
    made: list[PhotosConnector] = []

    def connector(writing: bool = False, kit: FakePhotosModule | None = None, **options: Any) -> PhotosConnector:
        chosen = PhotosOptions(**{"path": library.path, "state": tmp_path / "state", **options})
        script = Script() if writing else None
        made.append(PhotosConnector("photos", chosen, script, PhotoKit(kit) if kit else None))
        return made[-1]

    yield connector
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def real_libraries() -> Path:
    """The real libraries beside the checkout; skips where there are none."""
    named = os.environ.get("KEEPONE_TESTDATA")
    folder = (Path(named) if named else Path(__file__).parents[3] / "shared" / "testdata") / "photos-libraries"
    if not folder.is_dir():
        pytest.skip(f"no real Photos libraries at {folder}; set KEEPONE_TESTDATA to use yours")
    return folder
