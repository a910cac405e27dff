"""Who may propose whom, and that what was joined before is not joined again, with the very same result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import pytest

from connectors.base import Asset, AssetId
from dedupe_core import join, scopes
from dedupe_core.engine import Engine
from dedupe_core.model import Signature
from dedupe_core.settings import Embedding
from dedupe_core.store import Store
from tests.embed.test_join import library

COUNT = 24
START = datetime(2024, 6, 29, 12)
ENGINE = Engine(workers=1)
Pairs = set[tuple[int, int]]


@pytest.fixture
def store() -> Iterator[Store]:
    """24 photos, all alike, eight hours apart (the third has no time): the even ones in source "a", folder by folder of
    six, every fifth in an album."""
    with Store(None) as store:
        sources = [store.assets.source(name, "memory") for name in ("a", "b")]
        with store.transaction():
            for number in range(COUNT):
                taken = None if number == 2 else START + timedelta(hours=8 * number)
                name = "ab"[number % 2]
                key = f"{number // 6}/{number}.jpg"
                labels = frozenset({"best"} if number % 5 == 0 else ())
                asset = Asset(AssetId(name, key), "1", f"{number}.jpg", str(number // 6), number + 1, labels=labels)
                store.assets.upsert(sources[number % 2], [asset], 1)
                content = f"sha256:{number}"
                store.signatures.put([Signature(content, "JPEG", 8, 8, bytes(256), 20, 9, 0.1, taken_at=taken)], 1)
                store.work.set_contents([(store.assets.rows_of(sources[number % 2], [key])[0], content)])
        yield store


def found(store: Store, **chosen: object) -> Pairs:
    rows = np.arange(1, COUNT + 1)
    vectors = library(1, COUNT, 16, 0.0, 0.0) * 0 + 1
    settings = Embedding(neighbours=64, **chosen)
    matches, _ = scopes.nearest(store, ENGINE, settings, "m", rows, vectors, 0.9)
    pairs = list(zip(matches.a.tolist(), matches.b.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs), "each pair once"
    return set(pairs)


def those(accepts: object) -> Pairs:
    return {pair for pair in combinations(range(COUNT), 2) if accepts(*pair)}  # type: ignore[operator]


def month(number: int) -> int:
    return (START + timedelta(hours=8 * number)).month


def test_a_scope_is_exactly_what_its_name_says(store: Store) -> None:
    assert found(store) == those(lambda a, b: True)
    assert found(store, scope="folder") == those(lambda a, b: a // 6 == b // 6 and a % 2 == b % 2)
    assert found(store, scope="across") == those(lambda a, b: a % 2 != b % 2)
    assert found(store, scope="month") == those(lambda a, b: month(a) == month(b) and 2 not in (a, b))
    assert found(store, scope="album") == those(lambda a, b: a % 10 == b % 10 and a % 5 == 0)
    assert found(store, scope="time", hours=24) == those(lambda a, b: b - a <= 3 and 2 not in (a, b))


def test_new_photos_are_joined_with_all_and_the_result_is_that_of_a_whole_join(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = library(4, COUNT, 16, 0.0, 0.5)
    rows = np.arange(1, COUNT + 1)
    settings = Embedding(neighbours=2)
    model = store.embeddings.model("m", 16)

    def kept(count: int) -> list[tuple[int, int, float]]:
        matches, mark = scopes.nearest(store, ENGINE, settings, "m", rows[:count], vectors[:count], 0.3)
        a, b = rows[matches.a], rows[matches.b]
        pairs = list(zip(a.tolist(), b.tolist(), matches.similarity.tolist(), strict=True))
        store.embeddings.put_pairs(model, pairs, 0.3, joined=mark)
        return pairs

    since: list[int] = []
    whole = join.within

    def noted(*given: object, **named: object) -> Iterator[join.Matches]:
        since.append(int(named.get("since", given[2] if len(given) > 2 else 0)))  # type: ignore[call-overload]
        yield from whole(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(join, "within", noted)
    kept(17)
    added = kept(COUNT)
    assert since == [0, 17]
    store.embeddings.put_pairs(model, [], 0.3)
    fresh = kept(COUNT)
    assert since == [0, 17, 0], "without a mark everything is joined"
    assert [pair[:2] for pair in added] == [pair[:2] for pair in fresh]
    kept(COUNT - 4)
    assert since[-1] == 0, "photos went away, so others are nearest now"
