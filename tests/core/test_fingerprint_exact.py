"""The exact level opens only what may be a copy, hashes only what still may be one, and decodes nothing."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from connectors.base import Asset, Refused
from connectors.local import LocalConnector, LocalOptions
from connectors.memory import MemoryConnector
from dedupe_core import exact
from dedupe_core.counts import FingerprintCounts
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import fingerprint
from dedupe_core.identify import NOTHING_WANTED
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Scanning, Settings
from dedupe_core.store import Store
from tests.pictures import jpeg, scene

EXACT = Settings(levels=("exact",))


class Counted(MemoryConnector):
    """Counts what is opened and how much of it is read."""

    def __init__(self) -> None:
        super().__init__("box")
        self.opened: Counter[str] = Counter()
        self.read: Counter[str] = Counter()

    def open(self, asset: Asset) -> BinaryIO:
        if asset.name == "forbidden":
            raise Refused("You may not.")
        self.opened[asset.name] += 1
        counted = self.read

        class Stream(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                data = super().read(size)
                counted[asset.name] += len(data)
                return data

            def readinto(self, block: Any) -> int:
                size = super().readinto(block)
                counted[asset.name] += size
                return size

        return Stream(super().open(asset).read())


def run(store: Store, box: MemoryConnector) -> FingerprintCounts:
    scan(store, box, Scanning(max_lost=1), Silent())
    with Engine() as engine:
        return fingerprint(store, {box.name: box}, engine, EXACT, Silent())


def names(store: Store) -> list[set[str]]:
    photos = store.assets.photos
    return [{photo.asset.name for photo in photos(rows).values()} for rows in store.assets.exact()]


def body(begin: bytes, middle: bytes, end: bytes, size: int = 100_000) -> bytes:
    return begin.ljust(8192, b"b") + middle.ljust(size - 16384, b"m") + end.rjust(8192, b"e")


def test_only_files_of_equal_length_are_opened_and_only_those_with_equal_ends_are_hashed() -> None:
    box, store = Counted(), Store(None)
    box.put("alone", b"a" * 50_000)
    box.put("copy 1", body(b"1", b"2", b"3"))
    box.put("copy 2", body(b"1", b"2", b"3"))
    box.put("other beginning", body(b"x", b"2", b"3"))
    box.put("other end", body(b"1", b"2", b"x"))
    box.put("other middle", body(b"1", b"x", b"3"))
    counts = run(store, box)
    assert names(store) == [{"copy 1", "copy 2"}]
    assert "alone" not in box.opened
    assert box.read["other beginning"] == box.read["other end"] == 8192
    assert box.read["copy 1"] == box.read["copy 2"] == 100_000 + 8192
    assert box.read["other middle"] == 2 * 100_000 + 8192
    assert (counts.read, counts.decoded, counts.failed) == (5, 0, 0)


def test_nothing_unchanged_is_opened_by_the_next_run() -> None:
    box, store = Counted(), Store(None)
    for name in ("1", "2", "3"):
        box.put(name, body(name.encode(), b"", b""))
    box.put("twin", body(b"3", b"", b""))
    run(store, box)
    box.opened.clear()
    assert run(store, box).read == 0
    assert not box.opened
    box.put("late twin", body(b"1", b"", b""))
    run(store, box)
    assert box.opened == {"late twin": 2, "1": 1}
    assert {frozenset(group) for group in names(store)} == {frozenset({"3", "twin"}), frozenset({"1", "late twin"})}


def test_many_files_of_equal_ends_are_sorted_out_side_by_side() -> None:
    box, store = Counted(), Store(None)
    for number in range(90):
        box.put(f"{number % 3}-{number}", body(b"", bytes([number % 3]) * 900_000, b"", 1_000_000))
    run(store, box)
    assert sorted(len(group) for group in names(store)) == [30, 30, 30]
    assert all(len({name[0] for name in group}) == 1 for group in names(store))
    assert {photo.content for photo in store.assets.all()} == {
        f"sha256:{hashlib.sha256(body(b'', bytes([kind]) * 900_000, b'', 1_000_000)).hexdigest()}" for kind in range(3)
    }


def test_a_file_that_begins_like_another_and_goes_on_is_no_copy() -> None:
    for begin in (b"same", bytes(exact._CHUNK)):
        found = exact.whole_of(
            NOTHING_WANTED, [io.BytesIO(begin), io.BytesIO(begin + b" and more"), io.BytesIO(begin)], []
        )
        assert [seen.digest for seen in found] == [hashlib.sha256(begin).hexdigest(), "", found[0].digest]


def test_a_pair_is_settled_while_it_is_open_once() -> None:
    box, store = Counted(), Store(None)
    for name, end, middle in (("1", b"1", b""), ("2", b"2", b""), ("3", b"", b"3"), ("4", b"", b"4")):
        box.put(name, body(b"", middle, end, 100_000 if end else 200_000))
    for name in ("5", "6"):
        box.put(name, body(b"", b"", b"", 300_000))
    counts = run(store, box)
    assert names(store) == [{"5", "6"}]
    assert {name: box.read[name] for name in "1256"} == {"1": 8192, "2": 8192, "5": 308_192, "6": 308_192}
    assert {name: box.opened[name] for name in "12356"} == dict.fromkeys("12356", 1)
    assert (counts.read, counts.failed) == (6, 0)
    box.opened.clear()
    assert run(store, box).read == 0
    box.put("late twin of 1", body(b"", b"", b"1"))
    box.put("late twin of 4", body(b"", b"4", b"", 200_000))
    run(store, box)
    assert {frozenset(group) for group in names(store)} == {
        frozenset({"1", "late twin of 1"}),
        frozenset({"4", "late twin of 4"}),
        frozenset({"5", "6"}),
    }
    assert box.opened == {"late twin of 1": 2, "1": 1, "late twin of 4": 2}


def test_a_changed_file_is_compared_afresh() -> None:
    box, store = Counted(), Store(None)
    first = box.put("1", body(b"1", b"", b""))
    box.put("2", body(b"2", b"", b""))
    run(store, box)
    assert names(store) == []
    box.change(first.key, body(b"2", b"", b""))
    run(store, box)
    assert names(store) == [{"1", "2"}]


def test_short_files_are_hashed_at_once() -> None:
    box, store = Counted(), Store(None)
    for name, data in (("1", b"same"), ("2", b"same"), ("3", b"else"), ("4", b"")):
        box.put(name, data)
    box.put("5", b"")
    run(store, box)
    assert names(store) == [{"1", "2"}]
    assert box.opened == {"1": 1, "2": 1, "3": 1}


def test_what_cannot_be_opened_is_one_line_and_stops_nothing() -> None:
    box, store = Counted(), Store(None)
    for name in ("forbidden", "1", "2"):
        box.put(name, body(b"", b"", b""))
    counts = run(store, box)
    assert counts.failed == 1
    assert [(photo.asset.name, reason) for photo, reason in store.assets.errors()] == [("forbidden", "You may not.")]
    assert names(store) == [{"1", "2"}]


def test_after_a_full_scan_new_files_are_compared_with_its_contents(tmp_path: Path) -> None:
    store, box = Store(None), Counted()
    box.put("old", body(b"1", b"", b""))
    scan(store, box, Scanning(), Silent())
    with Engine(workers=1) as engine:
        fingerprint(store, {"box": box}, engine, Settings(), Silent())
    box.put("new", body(b"1", b"", b""))
    run(store, box)
    assert names(store) in ([], [{"old", "new"}])
    box.put("third", body(b"1", b"", b""))
    run(store, box)
    assert {"new", "third"} <= names(store)[0]


def test_contents_of_an_exact_run_are_decoded_by_a_full_one(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).write_bytes(jpeg(scene(1, 400, 300)))
    (tmp_path / "photos" / "c.jpg").write_bytes(jpeg(scene(2, 500, 300)))
    local, store = LocalConnector("home", LocalOptions(path=tmp_path / "photos")), Store(None)
    scan(store, local, Scanning(), Silent())
    with Engine(workers=1) as engine:
        quick = fingerprint(store, {"home": local}, engine, EXACT, Silent())
        assert (quick.read, quick.decoded) == (2, 0)
        assert not any(photo.signature for photo in store.assets.all())
        full = fingerprint(store, {"home": local}, engine, Settings(), Silent())
        assert (full.read, full.decoded) == (2, 2)
        assert all(photo.signature for photo in store.assets.all())


def test_a_file_that_changes_between_listing_and_reading_is_left(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"x" * 50_000)
    local, store = LocalConnector("home", LocalOptions(path=tmp_path)), Store(None)
    scan(store, local, Scanning(), Silent())
    (tmp_path / "b.jpg").write_bytes(b"x" * 60_000)
    with Engine() as engine:
        counts = fingerprint(store, {"home": local}, engine, EXACT, Silent())
    assert counts.changed == 1
    assert store.assets.exact() == []


@pytest.mark.parametrize("levels", [("exact", "near"), ("near",), ("exact", "pixels")])
def test_any_other_level_needs_pictures(levels: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(1)))
    local, store = LocalConnector("home", LocalOptions(path=tmp_path)), Store(None)
    scan(store, local, Scanning(), Silent())
    with Engine(workers=1) as engine:
        settings = Settings.model_validate({"levels": levels})
        assert fingerprint(store, {"home": local}, engine, settings, Silent()).decoded == 1
