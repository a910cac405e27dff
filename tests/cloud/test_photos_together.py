"""Albums are filled fifty photos at a time: through the command line, and when it breaks off in the middle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.conftest import Keepone, jpeg, keepone, own_folders
from tests.cloud.test_photos_changes import by_role
from tests.cloud.test_photos_flow import mac, put
from tests.fakes.photos import SimulatedPhotos, SyntheticLibrary, timed_out
from tests.photos.conftest import engine, kit, library, photos

__all__ = ["engine", "keepone", "kit", "library", "mac", "own_folders", "photos"]

WRITES = ("albumAdd", "albumPhotes", "photosLibraryCreateAlbumAtFolder", "photosLibraryCreateFolder")


def pairs(library: SyntheticLibrary, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        for side in "AB":
            put(library, f"{side}{number}.jpg", jpeg(200 + number))


def planned(keepone: Keepone, library: SyntheticLibrary) -> None:
    assert keepone("scan", library.path, "--level", "exact").status == 0
    assert keepone("plan").status == 0


def test_tagging_asks_photos_as_often_for_twelve_photos_as_for_three(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone
) -> None:
    """Once to look at the albums, once to fill each, once to read each back, and once to know that it is Photos."""
    pairs(library, 3)
    planned(keepone, library)
    assert keepone("apply", "--yes").status == 0
    few = len(photos.calls)
    assert len(by_role(library, "Redundant")) == len(by_role(library, "Keepers")) == 3
    pairs(library, 12, first=3)
    planned(keepone, library)
    assert keepone("apply", "--yes").status == 0
    assert len(by_role(library, "Redundant")) == len(by_role(library, "Keepers")) == 15
    assert len(photos.calls) - few <= few


@pytest.mark.parametrize("call", [1, 3, 4, 5, 7, 8, 9])
def test_a_chunk_that_breaks_off_at_any_call_is_finished_by_the_next_run(
    library: SyntheticLibrary,
    photos: SimulatedPhotos,
    mac: None,
    keepone: Keepone,
    call: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Photos stops answering at the nth write or reading back, for good, after it did what it was asked."""
    pairs(library, 3)
    before = {name: keys for name, keys in library.albums().items() if keys}
    planned(keepone, library)
    calls, answer = iter(range(1, 10_000)), photos.call

    def dying(handler: str, *values: Any) -> Any:
        given = answer(handler, *values)
        if handler in WRITES and next(calls) >= call:
            raise timed_out()
        return given

    with monkeypatch.context() as sick:
        sick.setattr(photos, "call", dying)
        keepone("apply", "--yes")
    for _ in range(2):
        keepone("apply", "--yes")
        planned(keepone, library)
    keepone("apply", "--yes")
    assert len(by_role(library, "Redundant")) == len(by_role(library, "Keepers")) == 3
    while keepone("undo", "--fail-if-empty").status == 0:
        pass
    assert {name: keys for name, keys in library.albums().items() if keys} == before
