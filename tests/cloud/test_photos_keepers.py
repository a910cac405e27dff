"""Who stays of equal photos in Apple Photos, and that it is said why; and photos of which Photos has no picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cloud.conftest import Keepone, jpeg, keepone, own_folders
from tests.cloud.test_photos_flow import groups, put
from tests.fakes.photos import SyntheticLibrary
from tests.photos.conftest import library

__all__ = ["keepone", "library", "own_folders"]

MOMENT = 600_000_000.0

WORTH: dict[str, tuple[Callable[[SyntheticLibrary, str], Any], str]] = {
    "raw": (lambda library, key: library.raw(key, b"raw"), "complete"),
    "live": (lambda library, key: library.live(key, b"movie"), "complete"),
    "edited": (lambda library, key: library.set(key, **{library.names.edited: 1}), "complete"),
    "favourite": (lambda library, key: library.set(key, ZFAVORITE=1), "favourite"),
    "album": (lambda library, key: library.put_in("Trips/Rome", key), "in album"),
    "score": (lambda library, key: library.score(key, 0.9, 0.3), "rated higher by its library"),
    "words": (lambda library, key: library.attribute(key, ZTITLE="At the fountain"), "more description"),
}
"""What makes one of two equal photos the better, and how the reason begins."""


def test_of_equal_photos_the_one_of_more_worth_stays_and_it_is_said_why(
    library: SyntheticLibrary, keepone: Keepone
) -> None:
    """The plain one is first in every other order."""
    for seed, (name, (gift, _)) in enumerate(WORTH.items(), 100):
        plain, better = (put(library, f"{side}-{name}.jpg", jpeg(seed), ZDATECREATED=MOMENT) for side in ("a", "b"))
        library.score(plain, 0.6, 0.3)
        if name != "score":
            library.score(better, 0.6, 0.3)
        gift(library, better)
    assert keepone("scan", library.path, "--level", "exact").status == 0
    found = {group["keep"].rpartition("-")[2].removesuffix(".jpg"): group for group in groups(keepone)}
    assert set(found) == set(WORTH)
    for name, (_, words) in WORTH.items():
        group = found[name]
        assert group["keep"].endswith(f"b-{name}.jpg"), name
        assert group["reason"].startswith(words), (name, group["reason"])
        assert len(group["drop"]) == 1, name


def test_photos_without_a_picture_are_counted_and_said_and_end_nothing(
    library: SyntheticLibrary, keepone: Keepone
) -> None:
    for number in range(3):
        library.add(f"away{number}.jpg", jpeg(110 + number), local=False, ZCLOUDASSETGUID="guid")
    put(library, "here.jpg", jpeg(120))
    scanned = keepone("scan", library.path, "--json")
    assert scanned.status == 0, scanned.err
    assert scanned.json["unseen"] == 3
