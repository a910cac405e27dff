"""`keepone demo` from end to end: the whole main job on a gallery of which the truth is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.conftest import Keepone


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_the_demo_finds_what_is_there_drops_nothing_wrong_and_brings_all_back(
    keepone: Keepone, own_folders: Path, seed: int
) -> None:
    answer = keepone("demo", "--keep", "d", "--seed", seed, "--apply", "--json", data=None)
    found = answer.json
    assert found["wrong_drops"] == []
    assert found["false_pairs"] == []
    relations = found["relations"]
    assert {relation: figure["precision"] for relation, figure in relations.items()} == dict.fromkeys(relations, 1.0)
    assert relations["exact"]["recall"] == 1
    assert relations["pixels"]["recall"] == 1
    assert relations["near"]["recall"] >= 0.9
    assert found["unreadable"] == 2
    assert found["apply"]["identical"]
    assert found["apply"]["done"] == found["apply"]["planned"] == found["apply"]["restored"] > 20
    assert answer.status == 0
    assert (own_folders / "d" / "gallery" / "Pictures").is_dir()


def test_a_folder_that_is_in_use_is_not_drawn_into(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "d" / "gallery").mkdir(parents=True)
    (own_folders / "d" / "gallery" / "mine.jpg").write_bytes(b"mine")
    answer = keepone("demo", "--keep", "d", data=None)
    assert answer.status == 1
    assert "not empty" in answer.err
