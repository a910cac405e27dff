"""A listing is believed as far as it positively says something, and no further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import AssetId, Page, SignInRequired, Unread
from connectors.memory import MemoryConnector, MemoryOptions
from dedupe_core.model import Silent
from dedupe_core.scan import ScanCounts, scan
from dedupe_core.settings import Scanning
from dedupe_core.store import Store


def filled(count: int, page: int = 7) -> MemoryConnector:
    box = MemoryConnector("box", MemoryOptions(page=page))
    for number in range(count):
        box.put(f"{number}.jpg", f"bytes {number}".encode() * (number + 1))
    return box


def listed(store: Store, box: MemoryConnector, accept: bool = False) -> ScanCounts:
    return scan(store, box, Scanning(), Silent(), accept)


def keys(store: Store) -> set[str]:
    return {photo.asset.id.key for photo in store.assets.all()}


def test_everything_listed_is_known_and_a_second_scan_brings_nothing() -> None:
    store, box = Store(None), filled(40)
    assert listed(store, box).changed == 40
    assert len(keys(store)) == 40
    assert listed(store, box).changed == 0
    assert len(keys(store)) == 40


def test_what_is_gone_is_tombstoned_and_keeps_its_content() -> None:
    store, box = Store(None), filled(40)
    listed(store, box)
    first = next(iter(store.assets.all()))
    store.assets.set_content(first.row, "sha256:1")
    box.remove(first.asset.id.key)
    assert listed(store, box).gone == 1
    assert first.asset.id.key not in keys(store)
    gone = list(store.assets.all(gone=True))
    assert [photo.content for photo in gone] == ["sha256:1"]


def test_a_source_that_lost_a_tenth_is_not_believed_until_the_person_says_so() -> None:
    store, box = Store(None), filled(100)
    listed(store, box)
    for key in sorted(keys(store))[:11]:
        box.remove(key)
    halted = listed(store, box)
    assert "11 of 100" in halted.halted
    assert "--accept-loss box" in halted.halted
    assert len(keys(store)) == 100
    assert store.assets.sources()[0]["state"] == "halted"
    assert "11 of 100" in listed(store, box).halted, "asking again does not change the answer"
    assert listed(store, box, accept=True).gone == 11
    assert len(keys(store)) == 89
    assert store.assets.sources()[0]["state"] == "ok"


def test_photos_that_only_moved_are_not_lost() -> None:
    store, box = Store(None), filled(60)
    listed(store, box)
    for place, photo in list(box.photos().items())[:30]:
        box.remove(photo["key"])
        box.put(place.removeprefix("/"), photo["data"], "moved")
    counts = listed(store, box)
    assert counts.halted == ""
    assert counts.gone == 30
    assert len(keys(store)) == 60


def test_an_expired_cursor_lists_everything_again_and_forgets_only_what_is_really_gone() -> None:
    store, box = Store(None), filled(50)
    listed(store, box)
    victim = sorted(keys(store))[0]
    box.remove(victim)
    box.expire()
    counts = listed(store, box)
    assert counts.changed == 49
    assert counts.gone == 1
    assert keys(store) == {f"{p['key']}" for p in box.photos().values()}


class _Odd(MemoryConnector):
    """A source whose listing is what a test says."""

    pages: tuple[Page, ...] = ()
    failure: Exception | None = None

    def scan(self, cursor: str | None) -> Iterator[Page]:
        yield from self.pages
        if self.failure is not None:
            raise self.failure


def test_nothing_below_an_unreadable_folder_counts_as_gone() -> None:
    store, odd = Store(None), _Odd("box")
    for name in ("in/a.jpg", "in/b.jpg", "out.jpg"):
        odd.put(name, b"x")
    assets = next(page.assets for page in MemoryConnector.scan(odd, None))
    odd.pages = (Page(assets, restart=True, cursor="1"),)
    listed(store, odd)
    only = tuple(asset for asset in assets if asset.name == "out.jpg")
    odd.pages = (Page(only, restart=True, unread=(Unread("", "the disk does not answer"),), cursor="2"),)
    assert listed(store, odd).gone == 0
    assert len(keys(store)) == 3


@pytest.mark.parametrize(
    ("failure", "state"), [(SignInRequired("Sign in."), "needs login"), (ConnectionError, "raised")]
)
def test_a_login_that_expired_is_a_state_and_an_unknown_error_is_not_swallowed(
    failure: type[Exception] | Exception, state: str
) -> None:
    store, odd = Store(None), _Odd("box")
    odd.failure = failure if isinstance(failure, Exception) else failure()
    if state == "raised":
        with pytest.raises(ConnectionError):
            listed(store, odd)
        return
    assert listed(store, odd).halted == "Sign in."
    assert store.assets.sources()[0]["state"] == state


def test_a_listing_that_breaks_off_forgets_nothing_and_is_taken_up_again() -> None:
    store, box = Store(None), filled(30)
    listed(store, box)
    odd = _Odd("box")
    odd.failure = SignInRequired("Sign in.")
    odd.pages = (Page(restart=True),)
    listed(store, odd)
    assert len(keys(store)) == 30
    box.put("new.jpg", b"new")
    assert listed(store, box).changed == 1
    assert store.assets.find(AssetId("box", "nothing")) is None
