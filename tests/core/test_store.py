"""The store keeps what it was given, exactly, and refuses what would falsify the past."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import FAVORITE, Asset, AssetId, Part
from dedupe_core.model import Choice, Edge, Evidence, Group, Plan, Signature, Step
from dedupe_core.store import Locked, Store, StoreError
from dedupe_core.store.evidence import turned

NASTY = [
    "new\nline.jpg",
    "bad\udcff\udcfe.jpg",
    "-rf",
    "a'b\"c.jpg",
    " lead.jpg",
    "trail ",
    "😀.jpg",
    "x" * 251 + ".jpg",
]


def asset(key: str, size: int = 10, revision: str = "r1") -> Asset:
    return Asset(AssetId("disk", key), revision, key.rsplit("/", 1)[-1], key.rpartition("/")[0], size)


def listed(store: Store, *assets: Asset, generation: int = 1) -> list[int]:
    source = store.assets.source("disk", "local")
    store.assets.upsert(source, assets, generation)
    return store.assets.rows_of(source, [a.id.key for a in assets])


@pytest.mark.parametrize("name", NASTY)
def test_every_name_survives_the_round_trip(name: str) -> None:
    store = Store(None)
    (row,) = listed(store, asset(f"holiday/{name}"))
    assert store.assets.photos([row])[row].asset == asset(f"holiday/{name}")
    assert store.assets.find(AssetId("disk", f"holiday/{name}")) is not None


def test_every_fact_of_an_asset_survives_the_round_trip() -> None:
    whole = Asset(
        AssetId("disk", "a.jpg"),
        "r",
        "a.jpg",
        "",
        7,
        "image/jpeg",
        12.5,
        datetime(2024, 6, 1, 12, 0, 0, 250000),
        4032,
        3024,
        {"sha1": "ab"},
        (Part("sidecar", "a.xmp", "s", 3),),
        frozenset({FAVORITE}),
        frozenset({"Summer"}),
        (48.1, 11.5),
        "title",
        "text",
        "Apple iPhone",
        "burst",
        frozenset({"inode:1:2"}),
    )
    store = Store(None)
    (row,) = listed(store, whole)
    assert store.assets.photos([row])[row].asset == whole


def test_a_new_revision_forgets_what_the_old_bytes_said() -> None:
    store = Store(None)
    (row,) = listed(store, asset("a.jpg"))
    store.assets.set_content(row, "sha256:1")
    listed(store, asset("a.jpg"), generation=2)
    assert store.assets.photos([row])[row].content == "sha256:1"
    listed(store, asset("a.jpg", revision="r2"), generation=3)
    assert store.assets.photos([row])[row].content == ""


def test_missing_digests_are_never_equal() -> None:
    store = Store(None)
    listed(store, asset("a.jpg"), asset("b.jpg"))
    assert store.assets.exact() == []


def test_an_unread_folder_hides_nothing_from_memory() -> None:
    from connectors.base import Unread

    store = Store(None)
    source = store.assets.source("disk", "local")
    rows = listed(store, asset("in/a.jpg"), asset("in2/b.jpg"))
    assert store.assets.missing(source, 2, [Unread("in", "no permission")]) == [rows[1]]
    assert store.assets.missing(source, 2, [Unread("", "dead")]) == []


def test_the_journal_is_append_only() -> None:
    store = Store(None)
    one = asset("a.jpg")
    step = Step(0, one, "sha256:1", "delete", "", asset("b.jpg"), "sha256:1", "exact", "g", "same bytes")
    store.plans.record("p", step, "t", "intent")
    for statement in ("UPDATE journal SET state = 'done'", "DELETE FROM journal"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store.db.execute(statement)
    assert [entry.state for entry in store.plans.open_intents()] == ["intent"]
    store.plans.record("p", step, "t", "done", {"token": "t"})
    assert store.plans.open_intents() == []


def test_a_plan_comes_back_as_it_was() -> None:
    store = Store(None)
    step = Step(0, asset("bad\udcff.jpg"), "sha256:1", "move", "dup", asset("b"), "sha256:1", "near", "g", "smaller")
    plan = Plan("abc123", 1.0, (step,), {"protected": 2})
    store.plans.put(plan)
    assert store.plans.get("abc") == plan
    assert store.plans.get("") == plan
    assert store.plans.get("zzz") is None


def test_groups_come_back_as_they_were() -> None:
    store = Store(None)
    a, b, c = listed(store, asset("a"), asset("b"), asset("c"))
    edge = Edge(1, 2, "near", 0.93, Evidence(distance=4, inliers=80), "unknown", "same picture")
    choice = Choice(Group("g1", "near", (a, b, c), (edge,)), b, (a,), "larger picture", {a: "smaller", c: "edited"})
    run = store.runs.begin()
    store.runs.put(run, [choice])
    assert list(store.runs.choices()) == []
    store.runs.finish(run, "mark", {})
    assert list(store.runs.choices()) == [choice]


def test_two_writers_cannot_work_at_once(tmp_path: Path) -> None:
    code = f"""
import sys; from pathlib import Path
from dedupe_core.store import Store, Locked
try:
    with Store(Path({str(tmp_path)!r})).writing("second"): print("in")
except Locked as error: print(error)
"""
    with Store(tmp_path) as store, store.writing("first"):
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert "first, process" in answer
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "in\n"


def test_the_lock_is_held_against_the_same_process_too(tmp_path: Path) -> None:
    with Store(tmp_path) as store, store.writing("first"), pytest.raises(Locked), store.writing("again"):
        pass


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.db.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match="newer KeepOne"):
        Store(tmp_path)


def test_signatures_are_kept_by_content_and_moved_files_are_known() -> None:
    store = Store(None)
    signature = Signature("sha256:1", "JPEG", 40, 30, bytes(range(256)), 50.0, 3.0, 0.1, taken_at=datetime(2024, 1, 1))
    store.signatures.put([signature], recipe=3)
    assert store.signatures.has("sha256:1", 3)
    assert not store.signatures.has("sha256:1", 4)
    rows, hashes = store.signatures.matrix()
    assert len(rows) == 0, "a content that is nowhere takes part in nothing"
    (row,) = listed(store, asset("a.jpg"))
    store.assets.set_content(row, "sha256:1")
    rows, hashes = store.signatures.matrix()
    assert hashes.shape == (1, 8, 32)
    assert hashes.tobytes() == bytes(range(256))
    assert store.assets.photos([row])[row].signature == signature


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.25, 4), st.sampled_from(range(8)), st.sampled_from(["a b", "b a"]))
def test_evidence_reads_the_same_from_both_sides(oa: float, ob: float, scale: float, symmetry: int, order: str) -> None:
    evidence = Evidence(overlap_a=oa, overlap_b=ob, scale=scale, symmetry=symmetry)
    back = turned(turned(evidence))
    assert back.symmetry == symmetry
    assert back.overlap_a == oa
    assert back.scale == pytest.approx(scale)
    a, b = order.split()
    store = Store(None)
    store.evidence.put([(a, b, evidence)], 1)
    same = store.evidence.get(a, b, 1)
    assert same is not None
    assert (same.overlap_a, same.overlap_b, same.symmetry) == (oa, ob, symmetry)
    assert same.scale == pytest.approx(scale)
    mirrored = store.evidence.get(b, a, 1)
    assert mirrored is not None
    assert (mirrored.overlap_a, mirrored.overlap_b) == (ob, oa)
    assert store.evidence.get(a, b, 2) is None
