"""A real Dask cluster with workers as processes gives the very result of one machine, also when a worker dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster

from connectors.registry import connect
from dedupe_app.cluster import ClusterEngine, cluster_engine
from dedupe_core import join, pipeline
from dedupe_core.embedders.chain import Local
from dedupe_core.engine import Engine, EngineError
from dedupe_core.model import NoFeedback, Silent
from dedupe_core.settings import Embedding, Settings
from dedupe_core.store import Store
from tests.embed import models
from tests.embed.test_join import brute, found, library
from tests.pictures import scene


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as started:
        yield started


def engine_of(cluster: Any) -> ClusterEngine:
    return cluster_engine(cluster.scheduler_address.replace("tcp://", "dask://"))


def groups(folder: Path, data: Path, engine: Engine, checkpoint: Path) -> list[Any]:
    """Everything that a run finds, in plain values."""
    settings = Settings(embedding=Embedding(threshold=0.01, neighbours=64))
    models.open_clip()
    wanted = Embedding(model=models.CLIP, weights=str(checkpoint), device="cpu", precision="fp32")
    connector = connect("local", "photos", {"path": str(folder)})
    with Store(data) as store, engine:
        chain = [Local(wanted, data)]
        report = pipeline.run(
            store, [connector], {"photos": connector}, engine, settings, NoFeedback(), Silent(), chain=chain
        )
        assert report.failed == report.level.failed == 0
        keys = {photo.row: photo.asset.id.key for photo in store.assets.all()}
        told = [
            (c.group.relation, sorted(keys[row] for row in c.group.members), keys[c.keep], c.reason)
            for c in store.runs.choices()
        ]
        return [*sorted(told), store.embeddings.counts(store.embeddings.current(), [0.5, 0.9])]


def test_a_run_on_a_cluster_that_loses_a_worker_finds_what_one_machine_finds(tmp_path: Path, cluster: Any) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(30):
        scene(seed % 20, 480, 360).save(folder / f"{seed}.jpg", quality=92 if seed < 20 else 70)
    checkpoint = models.clip_checkpoint(tmp_path)
    expected = groups(folder, tmp_path / "alone", Engine(workers=1), checkpoint)
    victims = [worker["pid"] for worker in _identities(cluster)]
    ended = threading.Event()

    def assassin() -> None:
        time.sleep(0.5)
        os.kill(victims[0], signal.SIGKILL)
        ended.set()

    thread = threading.Thread(target=assassin)
    thread.start()
    seen = groups(folder, tmp_path / "cluster", engine_of(cluster), checkpoint)
    thread.join()
    assert ended.is_set()
    assert victims[0] not in [worker["pid"] for worker in _identities(cluster)]
    assert seen == expected
    assert len(expected) > 10


def _identities(cluster: Any) -> list[dict[str, Any]]:
    engine = engine_of(cluster)
    with engine:
        return [{"pid": pid} for pid in engine._client.run(os.getpid).values()]


def test_tiles_of_the_join_on_a_cluster_find_every_pair(cluster: Any) -> None:
    vectors = library(11, 300, 64, 0.01, 0.5).astype(np.float16)
    expected = brute(vectors.astype(np.float32), 0.9)
    with engine_of(cluster) as engine:
        seen = found(list(join.spread(vectors, 0.9, engine, tile=70)))
        nearest = join.nearest(vectors, 4, 0.9, found=join.spread(vectors, 0.9, engine, tile=128))
    assert seen.keys() == expected.keys()
    alone = join.nearest(vectors, 4, 0.9)
    assert found([nearest]) == pytest.approx(found([alone]))


def test_a_join_with_holes_is_no_join() -> None:
    with Engine(workers=1, seconds=5) as engine:
        broken = np.ones((4, 8), np.float16)
        assert sum(len(part) for part in join.spread(broken, 0.9, engine)) == 6
        with pytest.raises(ValueError, match="direction"):
            list(join.spread(broken * 0, 0.9, engine))


def test_a_cluster_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedupe_app.cluster._SECONDS", 1)
    with pytest.raises(EngineError, match="no Dask scheduler"):
        cluster_engine("dask://127.0.0.1:9")
    with pytest.raises(EngineError, match="no engine"):
        cluster_engine("tcp://127.0.0.1:9")
