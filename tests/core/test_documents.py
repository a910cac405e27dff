"""Same layout, other words: documents are never joined, and a document saved again is."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from connectors.local import LocalConnector
from connectors.local.options import LocalOptions
from dedupe_core.engine import Engine
from dedupe_core.model import NoFeedback, Silent
from dedupe_core.pipeline import run
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from tests.documents import KINDS, write


def grouped(folder: Path) -> list[list[str]]:
    """The names of each group of copies or similar pictures."""
    store, settings = Store(None), Settings()
    box = LocalConnector("papers", LocalOptions(path=folder))
    with Engine(workers=2, seconds=60) as engine:
        run(store, [box], {"papers": box}, engine, settings, NoFeedback(), Silent())
    names = {one.row: one.asset.name for one in store.assets.all()}
    return [sorted(names[row] for row in choice.group.members) for choice in store.runs.choices()]


def test_documents_of_one_layout_are_never_joined_and_their_copies_are(tmp_path: Path) -> None:
    made = write(tmp_path, 4)
    copies = []
    for path in made[::4]:
        copies.append(sorted([path.name, f"{path.stem}-again.jpg"]))
        Image.open(path).save(tmp_path / copies[-1][0 if "again" in copies[-1][0] else 1], quality=60)
    assert sorted(grouped(tmp_path)) == sorted(copies)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # of two cores at least: 2,340 fine checks at 1,024 pixels
def test_of_thousands_of_pairs_of_documents_none_is_joined(tmp_path: Path) -> None:
    """3 kinds of 40: 2,340 pairs of one layout, 7,140 in all. `benchmarks/documents.py` does 80 of each."""
    made = write(tmp_path, 40)
    assert len(made) == 40 * len(KINDS)
    assert grouped(tmp_path) == []
