"""From files to the group by way of a real (small) model: nothing is replaced between the file and the group."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.base import Connector
from connectors.registry import connect
from dedupe_core import alike, pipeline
from dedupe_core.embed import Encoder, Level, Source
from dedupe_core.embedders import ModelError
from dedupe_core.embedders.chain import Local
from dedupe_core.engine import Engine
from dedupe_core.model import NoFeedback, Silent
from dedupe_core.pipeline import RunReport
from dedupe_core.settings import Embedding, Settings
from dedupe_core.store import Store
from tests.embed import models
from tests.pictures import scene


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.clip_checkpoint(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Six scenes, and one of them cropped so far that no hash proposes it."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(6):
        scene(seed, 640, 480).save(folder / f"{seed}.jpg", quality=92)
    scene(2, 640, 480).crop((130, 96, 520, 390)).save(folder / "crop of 2.jpg", quality=92)
    return folder


@dataclass
class Noted(Silent):
    errors: list[tuple[str, str]] = field(default_factory=list)

    def error(self, item: str, reason: str) -> None:
        self.errors.append((item, reason))


def local(checkpoint: Path, **changes: Any) -> Local:
    wanted = Embedding(model=models.CLIP, weights=str(checkpoint), device="cpu", precision="fp32", **changes)
    models.open_clip()
    return Local(wanted, Path("nowhere"))


def run(
    store: Store, folder: Path, chain: Sequence[Source], settings: Settings | None = None, progress: Any = None
) -> RunReport:
    connector: Connector = connect("local", "photos", {"path": str(folder)})
    with Engine(workers=1) as engine:
        return pipeline.run(
            store,
            [connector],
            {"photos": connector},
            engine,
            settings or Settings(),
            NoFeedback(),
            progress or Silent(),
            chain=chain,
        )


@dataclass
class Broken:
    """A link of the chain that does not work."""

    name: str = "remote"
    asked: str = "remote nothing"

    def open(self) -> Encoder:
        raise ModelError("The service at http://nowhere does not answer.")


def test_every_picture_gets_one_vector_and_no_second(tmp_path: Path, gallery: Path, checkpoint: Path) -> None:
    with Store(tmp_path / "data") as store:
        first = run(store, gallery, [local(checkpoint)])
        assert (first.level.backend, first.level.new, first.level.failed) == ("local", 7, 0)
        assert first.level.model.startswith(f"open_clip:{models.CLIP}@")
        rows, vectors = store.embeddings.matrix(first.level.model)
        assert vectors.shape == (7, 48)
        scene(9, 640, 480).save(gallery / "9.jpg")
        second = run(store, gallery, [local(checkpoint)])
        assert second.level.new == 1
        assert store.embeddings.matrix(first.level.model)[0].tolist() == [*rows.tolist(), rows.max() + 1]


def test_a_library_with_all_its_vectors_loads_no_model(
    tmp_path: Path, gallery: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "data") as store:
        first = run(store, gallery, [local(checkpoint)])
        monkeypatch.setattr(Local, "open", lambda self: pytest.fail("the model was loaded"))
        again = run(store, gallery, [local(checkpoint)])
        assert again.unchanged
        assert again.level.model == first.level.model


def test_vectors_of_the_stage_are_those_of_the_model(tmp_path: Path, gallery: Path, checkpoint: Path) -> None:
    from dedupe_core.embedders.preprocess import prepared

    with Store(tmp_path / "data") as store:
        level = run(store, gallery, [local(checkpoint)]).level
        rows, vectors = store.embeddings.matrix(level.model)
        encoder = local(checkpoint).open()
        for row, vector in zip(rows.tolist(), vectors, strict=True):
            photo = store.assets.photos(store.assets.rows_by_signature([row])[row]).popitem()[1]
            expected = encoder.embed([prepared(str(gallery / photo.asset.id.key), encoder.preprocess)])[0]
            single = vector.astype(np.float32)
            assert single @ expected / np.linalg.norm(single) > 0.99999


def test_what_a_model_proposes_is_proved_before_it_is_called_a_copy(
    tmp_path: Path, gallery: Path, checkpoint: Path
) -> None:
    with Store(tmp_path / "one") as store:
        without = run(store, gallery, [])
        assert without.level.backend == "off"
        assert "near" not in without.groups
    with Store(tmp_path / "two") as store:
        everything = Settings(embedding=Embedding(neighbours=64, threshold=0.01))
        report = run(store, gallery, [local(checkpoint)], everything)
        keys = [
            {store.assets.photos([row])[row].asset.id.key for row in choice.group.members}
            for choice in store.runs.choices(relations=["near", "similar"])
        ]
        assert any({"2.jpg", "crop of 2.jpg"} <= members for members in keys)
        assert report.groups != without.groups


def test_a_link_that_does_not_work_is_passed_and_told(tmp_path: Path, gallery: Path, checkpoint: Path) -> None:
    with Store(tmp_path / "data") as store:
        report = run(store, gallery, [Broken(), local(checkpoint)])
        assert report.level.backend == "local"
        assert report.level.passed == ("The service at http://nowhere does not answer.",)
        assert "does not answer" in report.level.sentence


def test_a_run_without_any_model_goes_on_and_says_so(tmp_path: Path, gallery: Path) -> None:
    with Store(tmp_path / "data") as store:
        missing = Local(Embedding(), tmp_path / "models")
        report = run(store, gallery, [Broken(), missing])
        assert report.level.backend == "none"
        assert "keepone models pull" in report.level.sentence
        assert report.run >= 1
        assert store.embeddings.current() == ""


def test_a_service_that_answers_nonsense_leaves_no_vector(tmp_path: Path, gallery: Path, checkpoint: Path) -> None:
    class Nonsense(Broken):
        answer: NDArray[np.float32] = np.full((1, 48), np.nan, np.float32)

        def open(self) -> Encoder:
            encoder = local(checkpoint).open()
            answer = self.answer
            encoder.embed = lambda pictures: np.repeat(answer, len(pictures), 0)  # type: ignore[method-assign]
            encoder.model = "nonsense"
            return encoder

    class Wider(Nonsense):
        answer = np.ones((1, 49), np.float32)

    for wrong in (Nonsense(), Wider()):
        with Store(None) as store:
            report = run(store, gallery, [wrong])
            assert report.level.backend == "none"
            assert report.level.passed
            assert len(store.embeddings.load("nonsense")[0]) == 0


def test_a_picture_that_cannot_be_shaped_is_one_line(
    tmp_path: Path, gallery: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "data") as store:
        run(store, gallery, [])
        (gallery / "3.jpg").write_bytes(b"no picture any more")
        noted = Noted()
        connector = connect("local", "photos", {"path": str(gallery)})
        from dedupe_core.embed import embed

        with Engine(workers=1) as engine:
            level = embed(store, {"photos": connector}, engine, Settings(), [local(checkpoint)], noted)
        assert (level.new, level.failed) == (6, 1)
        assert [item for item, _ in noted.errors] == ["3.jpg"]


def test_another_model_starts_anew_and_its_vectors_alone_count(tmp_path: Path, gallery: Path, checkpoint: Path) -> None:
    other = models.clip_checkpoint(tmp_path, seed=5)
    with Store(tmp_path / "data") as store:
        first = run(store, gallery, [local(checkpoint)])
        second = run(store, gallery, [local(other)])
        assert second.level.new == 7
        assert store.embeddings.current() == second.level.model != first.level.model
        back = run(store, gallery, [local(checkpoint)])
        assert back.level.new == 0
        assert store.embeddings.current() == first.level.model


def test_thresholds_come_from_chance_and_not_from_the_copies() -> None:
    """A library half of which are copies gets nearly the threshold of one without any."""
    draw = np.random.default_rng(1)
    centre = draw.normal(size=64)
    clean = (draw.normal(size=(2000, 64)) + centre).astype(np.float32)
    crowded = clean.copy()
    crowded[1000:] = clean[:20].repeat(50, axis=0) + draw.normal(size=(1000, 64)).astype(np.float32) * 0.01
    floor, shown = alike.thresholds(clean)
    assert floor < shown
    crowd = crowded / np.linalg.norm(crowded, axis=1, keepdims=True)
    assert np.quantile((crowd @ crowd.T)[np.triu_indices(2000, 1)], 1 - 1 / 2000) > 0.99, "the plain quantile"
    assert abs(alike.thresholds(crowded)[0] - floor) < 0.1
    unit = clean / np.linalg.norm(clean, axis=1, keepdims=True)
    by_chance = np.triu(unit @ unit.T >= floor, 1).sum() / len(clean)
    assert 0.1 < by_chance < 2.0
    assert alike.thresholds(clean, 0.9) == (0.9, 0.9)


def test_levels_are_told_in_one_line() -> None:
    told = [Level("none", passed=("x",)), Level(), Level("local", "open_clip:a@b/c", "cpu, medium")]
    assert all("\n" not in level.sentence for level in told)
    assert "open_clip:a, local (cpu, medium)" in told[2].sentence


def test_a_scan_without_weights_imports_no_torch(tmp_path: Path, gallery: Path) -> None:
    code = (
        "import sys; from dedupe_app.cli import main; "
        f"main(['--data', {str(tmp_path / 'd')!r}, 'scan', {str(gallery)!r}]); "
        "print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip().endswith("False")
