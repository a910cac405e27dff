"""Vectors are kept by content and model, and no wrong one gets in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.base import Asset, AssetId
from dedupe_core.model import Signature
from dedupe_core.store import Store


def filled(store: Store, count: int) -> list[int]:
    """Signature rows of `count` pictures that are there."""
    source = store.assets.source("memory", "memory")
    assets = [
        Asset(id=AssetId("memory", f"{n}.jpg"), revision="1", name=f"{n}.jpg", folder="", size=n + 1)
        for n in range(count)
    ]
    with store.transaction():
        store.assets.upsert(source, assets, 1)
        store.signatures.put([Signature(f"sha256:{n}", "JPEG", 8, 8, bytes(256), 20, 9, 0.1) for n in range(count)], 1)
        known = store.assets.rows_of(source, [f"{n}.jpg" for n in range(count)])
        store.work.set_contents([(row, f"sha256:{n}") for n, row in enumerate(known)])
    return [row for row, _, _ in _signatures(store)]


def _signatures(store: Store) -> list[tuple[int, str, bytes]]:
    return [tuple(row) for row in store.db.execute("SELECT id, content, phashes FROM signature ORDER BY id")]


def drawn(count: int, dimension: int = 16, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


def test_vectors_come_back_as_unit_vectors_in_the_order_of_their_contents() -> None:
    with Store(None) as store:
        rows = filled(store, 50)
        vectors = drawn(50)
        model = store.embeddings.model("m", 16)
        order = np.random.default_rng(3).permutation(50)
        for part in np.array_split(order, 7):
            store.embeddings.put(model, [rows[i] for i in part], vectors[part])
        found, matrix = store.embeddings.matrix("m")
        assert found.tolist() == rows
        assert np.abs(matrix - vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).max() < 1e-3
        one = store.embeddings.get("m", [rows[4], 999])
        assert list(one) == [rows[4]]
        assert (one[rows[4]] == matrix[4]).all()


def test_a_vector_that_is_written_again_replaces_the_older_one() -> None:
    with Store(None) as store:
        rows = filled(store, 3)
        model = store.embeddings.model("m", 16)
        store.embeddings.put(model, rows, drawn(3))
        again = drawn(1, seed=9)
        store.embeddings.put(model, [rows[1]], again)
        found, matrix = store.embeddings.matrix("m")
        assert found.tolist() == rows
        assert np.abs(matrix[1] - again[0] / np.linalg.norm(again)).max() < 1e-3
        assert (store.embeddings.get("m", rows)[rows[1]] == matrix[1]).all()
        assert store.embeddings.models()[0]["vectors"] == 3


def test_only_pictures_without_a_vector_of_this_model_are_missing() -> None:
    with Store(None) as store:
        rows = filled(store, 10)
        one, other = store.embeddings.model("one", 16), store.embeddings.model("other", 16)
        store.embeddings.put(one, rows[:4], drawn(4))
        assert list(store.embeddings.missing(one)) == rows[4:]
        assert store.embeddings.count_missing(one) == 6
        assert list(store.embeddings.missing(other)) == rows


def test_vectors_of_different_models_never_meet() -> None:
    with Store(None) as store:
        rows = filled(store, 6)
        store.embeddings.put(store.embeddings.model("one", 16), rows[:3], drawn(3))
        store.embeddings.put(store.embeddings.model("other", 8), rows, drawn(6, 8))
        assert store.embeddings.matrix("one")[1].shape == (3, 16)
        assert store.embeddings.matrix("other")[1].shape == (6, 8)
        with pytest.raises(ValueError, match="has 16 numbers"):
            store.embeddings.model("one", 8)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0])
def test_a_vector_without_direction_is_not_kept_nor_its_batch(wrong: float) -> None:
    with Store(None) as store:
        rows = filled(store, 3)
        vectors = drawn(3)
        vectors[1] = wrong
        model = store.embeddings.model("m", 16)
        with pytest.raises(ValueError, match="direction"):
            store.embeddings.put(model, rows, vectors)
        with pytest.raises(ValueError, match="shape"):
            store.embeddings.put(model, rows, drawn(3, 15))
        assert list(store.embeddings.missing(model)) == rows


def test_a_photo_that_went_away_takes_part_in_no_join() -> None:
    with Store(None) as store:
        rows = filled(store, 4)
        store.embeddings.put(store.embeddings.model("m", 16), rows, drawn(4))
        store.assets.mark_gone(store.assets.rows_of(1, ["1.jpg"]))
        assert store.embeddings.matrix("m")[0].tolist() == [rows[0], *rows[2:]]
        assert store.embeddings.load("m")[0].tolist() == rows


def test_an_unknown_model_has_no_vectors() -> None:
    with Store(None) as store:
        assert len(store.embeddings.matrix("none")[0]) == 0
        assert store.embeddings.floor("none") is None


def test_counts_at_other_thresholds_come_from_the_kept_pairs() -> None:
    with Store(None) as store:
        rows = filled(store, 5)
        model = store.embeddings.model("m", 16)
        store.embeddings.put_pairs(model, [(rows[0], rows[1], 0.95), (rows[1], rows[2], 0.9)], 0.8)
        store.embeddings.put_pairs(
            model, [(rows[0], rows[1], 0.95), (rows[1], rows[2], 0.9), (rows[3], rows[4], 0.81)], 0.8
        )
        assert store.embeddings.counts("m", [0.8, 0.85, 0.95, 0.99]) == {
            0.8: (3, 5),
            0.85: (2, 3),
            0.95: (1, 2),
            0.99: (0, 0),
        }
        assert store.embeddings.floor("m") == 0.8
        store.embeddings.forget("m")
        assert store.embeddings.models() == []
        assert store.embeddings.counts("m", [0.0]) == {0.0: (0, 0)}


def test_a_vector_of_512_numbers_takes_less_than_two_and_a_half_kilobytes(tmp_path: Path) -> None:
    """Everything that belongs to it counts: the file with 2,000 vectors against the file before."""
    with Store(tmp_path) as store:
        rows = filled(store, 2000)
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = (tmp_path / "keepone.sqlite3").stat().st_size
        with store.transaction():
            store.embeddings.put(store.embeddings.model("m", 512), rows, drawn(2000, 512))
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert (tmp_path / "keepone.sqlite3").stat().st_size - before < 2000 * 2560
