"""A search that knows what an earlier one found proposes what a search from the beginning would propose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from dedupe_core import hamming
from dedupe_core.engine import Engine
from dedupe_core.model import Edge, Evidence, Pair, Silent
from dedupe_core.neighbours import neighbours
from dedupe_core.relate import says_nothing
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.verify import RECIPE, verify
from tests.core.albums import COPY, fill, photo

Proposed = set[tuple[str, str, int, int]]


def hashes(count: int, seed: int = 0) -> list[bytes]:
    """Random hashes of which every third lies near the one before."""
    rng = np.random.default_rng(seed)
    made: list[NDArray[np.uint8]] = []
    for number in range(count):
        fresh = rng.integers(0, 256, (8, 32), dtype=np.uint8)
        if number % 3 == 2:
            fresh = made[-1].copy()
            fresh[:, int(rng.integers(32))] ^= 7
        made.append(fresh)
    return [one.tobytes() for one in made]


def add(store: Store, some: list[bytes], start: int = 0) -> None:
    letters = [chr(0x100 + start + number) for number in range(len(some))]
    with store.transaction():
        fill(
            store,
            [photo(n + 1, x, camera="", phashes=one) for n, (x, one) in enumerate(zip(letters, some, strict=True))],
        )


def proposed(store: Store) -> Proposed:
    content = dict(store.db.execute("SELECT id, content FROM signature"))
    found = neighbours(store, Settings(), Silent())
    return {(content[pair.a], content[pair.b], pair.distance, pair.symmetry) for pair in found}


def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where each search began."""
    began: list[int] = []
    within = hamming.within

    def noted(rows: NDArray[np.uint8], radius: int, since: int = 0) -> Iterator[hamming.Matches]:
        began.append(since)
        return within(rows, radius, since)

    monkeypatch.setattr(hamming, "within", noted)
    return began


def test_a_search_in_steps_proposes_what_one_search_does(monkeypatch: pytest.MonkeyPatch) -> None:
    every = hashes(240)
    whole, steps = Store(None), Store(None)
    add(whole, every)
    began = searched(monkeypatch)
    for start in range(0, 240, 60):
        add(steps, every[start : start + 60], start)
        found = proposed(steps)
    assert began == [0, 60, 120, 180]
    assert found == proposed(whole)
    assert len(found) >= 80


def test_a_library_without_a_single_picture_proposes_nothing() -> None:
    assert proposed(Store(None)) == set()


def test_nothing_new_is_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(None)
    add(store, hashes(30))
    first = proposed(store)
    began = searched(monkeypatch)
    assert proposed(store) == first
    assert began == [30]


def test_what_has_other_hashes_now_is_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store, fresh = Store(None), Store(None)
    every = hashes(60)
    add(store, every)
    proposed(store)
    every[40] = every[3]
    began = searched(monkeypatch)
    store.db.execute("UPDATE signature SET phashes = ? WHERE content = ?", (every[3], f"sha256:{chr(0x100 + 40)}"))
    add(fresh, every)
    found = proposed(store)
    assert began == [40]
    assert found == proposed(fresh)


def test_photos_that_went_take_their_pairs_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(None)
    add(store, hashes(300))
    before = proposed(store)
    gone = f"sha256:{chr(0x100 + 2)}"
    assert any(gone in pair for pair in before)
    store.assets.mark_gone([one.row for one in store.assets.with_content(gone)])
    began = searched(monkeypatch)
    assert proposed(store) == {pair for pair in before if gone not in pair}
    assert began == [299], "of what is left, all is known"


def test_when_many_went_all_is_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(None)
    add(store, hashes(90))
    proposed(store)
    store.assets.mark_gone([one.row for one in store.assets.all()][::10])
    began = searched(monkeypatch)
    proposed(store)
    assert began == [0]


def test_another_radius_is_another_search(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(None)
    add(store, hashes(30))
    proposed(store)
    began = searched(monkeypatch)
    near = Settings().near.model_copy(update={"candidate_distance": 40})
    neighbours(store, Settings().model_copy(update={"near": near}), Silent())
    assert began == [0]


def test_a_pair_that_has_nothing_in_common_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(None)
    fill(store, [photo(row, letter, camera="") for row, letter in enumerate("abc", 1)])
    rows = {one.content[-1]: one.signature_row or 0 for one in store.assets.all()}
    pairs = [Pair(rows[x], rows[y], 20, 0, "hash") for x, y in ("ab", "ac", "bc")]
    unlike, same = Evidence(distance=20, overlap_a=0.3, overlap_b=0.4, inliers=4), Evidence(distance=20, **COPY)
    read: list[tuple[str, str]] = []
    get = store.evidence.get

    def noted(a: str, b: str, recipe: int) -> Evidence | None:
        read.append((a, b))
        return get(a, b, recipe)

    monkeypatch.setattr(store.evidence, "get", noted)

    def edges() -> list[Edge]:
        return list(verify(store, {}, Engine(workers=1), pairs, Settings(), Silent()))

    store.evidence.put([("sha256:a", "sha256:b", same), ("sha256:b", "sha256:c", unlike)], RECIPE, says_nothing)
    store.evidence.put([("sha256:a", "sha256:c", unlike)], RECIPE, says_nothing)
    assert [(edge.a, edge.b) for edge in edges()] == [(rows["a"], rows["b"])]
    assert read == [("sha256:a", "sha256:b")]
    store.evidence.put([("sha256:c", "sha256:b", same)], RECIPE, says_nothing)
    assert {(edge.a, edge.b) for edge in edges()} == {(rows["a"], rows["b"]), (rows["b"], rows["c"])}
