"""A model in an ONNX file: what it computes, and that no file that is wrong leaves a vector."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.registry import connect
from dedupe_core import pipeline
from dedupe_core.embedders import ModelError, chain, fetch
from dedupe_core.embedders.chain import Local
from dedupe_core.embedders.preprocess import shaped
from dedupe_core.engine import Engine
from dedupe_core.model import NoFeedback, Silent
from dedupe_core.settings import Embedding, Settings
from dedupe_core.store import Store
from tests.embed import onnx_files
from tests.pictures import scene


def link(file: Path, **changes: Any) -> Local:
    return Local(Embedding(kind="onnx", model="copies", weights=str(file), **changes), file.parent)


def test_without_the_runtime_the_command_that_brings_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r'onnxruntime is not installed; run: pip install "keepone\[onnx\]"'):
        link(onnx_files.model(tmp_path / "m.onnx", onnx_files.weights())).open()


def test_a_file_of_yours_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a file of yours"):
        fetch.pull(Embedding(kind="onnx", weights="some tag"), tmp_path)


@pytest.fixture(scope="module")
def _runtime() -> None:
    pytest.importorskip("onnxruntime", reason='needs pip install "keepone[onnx]"')


runs = pytest.mark.usefixtures("_runtime")


@runs
@pytest.mark.parametrize("shape", [("n", 3, 64, 64), (4, 3, 64, 64), (1, 3, 64, 64), ("n", "c", "h", "w")])
def test_vectors_are_those_of_the_graph_whatever_it_takes_at_once(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    kernels = onnx_files.weights()
    embedder = link(onnx_files.model(tmp_path / "m.onnx", kernels, shape), size=64, batch=3).open()
    assert embedder.preprocess.size == 64
    assert embedder.dimension == onnx_files.CHANNELS * 16
    pictures = [shaped(scene(seed, 200, 150), embedder.preprocess) for seed in range(7)]
    found = embedder.embed(pictures)
    levels = np.stack(pictures).astype(np.float32) / 255
    given = ((levels - embedder.preprocess.mean) / embedder.preprocess.std).transpose(0, 3, 1, 2).astype(np.float32)
    own = onnx_files.expected(given, kernels)
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    assert found.shape == own.shape
    assert np.abs(found - own).max() < 1e-5
    assert embedder.embed([]).shape == (0, embedder.dimension)


@runs
def test_other_weights_are_another_model(tmp_path: Path) -> None:
    names = [
        link(onnx_files.model(tmp_path / f"{seed}.onnx", onnx_files.weights(seed))).open().model for seed in (1, 2)
    ]
    assert names[0] != names[1]
    assert all(name.startswith("onnx:copies@") for name in names)
    chosen = Embedding(kind="onnx", model="copies", weights=str(tmp_path / "1.onnx"))
    assert fetch.verify(chosen, tmp_path) == names[0]


@runs
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"inputs": 2}, "takes 2 inputs, not one batch"),
        ({"shape": ("n", 1, 64, 64)}, "takes n × 1 × 64 × 64 of tensor"),
        ({"shape": ("n", 3, 64, 32)}, "takes n × 3 × 64 × 32"),
        ({"shape": ("n", 3, 64)}, "m.onnx cannot be used as an ONNX model"),
        ({"kind": 2, "shape": ("n", 3, 64, 64)}, "m.onnx"),
        ({"flat": False}, "gives no vector a picture"),
        ({"elsewhere": "weights.bin"}, "m.onnx cannot be used as an ONNX model"),
    ],
)
def test_a_file_that_is_no_model_of_pictures_is_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    kernels = onnx_files.weights()
    (tmp_path / "weights.bin").write_bytes(kernels.tobytes())
    file = onnx_files.model(tmp_path / "m.onnx", kernels, **changes)
    with pytest.raises(ModelError, match=told) as raised:
        link(file, size=64).open()
    assert "\n" not in str(raised.value)


@runs
@pytest.mark.parametrize("cut", [0, 10, 1000, -500])
def test_a_corrupt_file_is_refused(tmp_path: Path, cut: int) -> None:
    file = onnx_files.model(tmp_path / "m.onnx", onnx_files.weights())
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"m\.onnx"):
        link(file).open()
    file.write_bytes(b"no graph of any kind")
    with pytest.raises(ModelError, match=r"m\.onnx"):
        link(file).open()


@runs
def test_a_batch_that_does_not_fit_is_halved_until_it_does(tmp_path: Path) -> None:
    embedder: Any = link(onnx_files.model(tmp_path / "m.onnx", onnx_files.weights()), batch=8).open()
    whole, seen = embedder._session, []

    class Hungry:
        def run(self, names: list[str], given: dict[str, Any]) -> Any:
            seen.append(len(given["x0"]))
            if seen[-1] > 2:
                raise RuntimeError("Failed to allocate memory for requested buffer of size 9")
            return whole.run(names, given)

    pictures = [shaped(scene(seed), embedder.preprocess) for seed in range(5)]
    own = embedder.embed(pictures)
    embedder._session = Hungry()
    assert np.allclose(embedder.embed(pictures), own)
    assert (seen, embedder.batch) == ([5, 4, 2, 2, 1], 2)


@runs
def test_the_device_that_is_asked_for_has_to_be_there(tmp_path: Path) -> None:
    file = onnx_files.model(tmp_path / "m.onnx", onnx_files.weights())
    assert link(file, device="cpu").open().how == "cpu, ONNX Runtime"
    runtime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" not in runtime.get_available_providers():
        with pytest.raises(ModelError, match="no device 'cuda'"):
            link(file, device="cuda").open()


@runs
@pytest.mark.parametrize("good", [True, False])
def test_a_scan_by_a_file_has_all_vectors_or_none(tmp_path: Path, good: bool) -> None:
    (tmp_path / "photos").mkdir()
    for seed in range(4):
        scene(seed, 320, 240).save(tmp_path / "photos" / f"{seed}.jpg")
    kernels = onnx_files.weights() if good else np.full_like(onnx_files.weights(), np.nan)
    model = link(onnx_files.model(tmp_path / "m.onnx", kernels))
    source = connect("local", "photos", {"path": str(tmp_path / "photos")})
    with Store(tmp_path / "data") as store, Engine(workers=1) as engine:
        report = pipeline.run(
            store, [source], {"photos": source}, engine, Settings(), NoFeedback(), Silent(), chain=[model]
        )
        assert report.level.backend == ("local" if good else "none")
        assert report.level.new == (4 if good else 0)
        assert sum(row["vectors"] for row in store.embeddings.models()) == report.level.new
        assert good or "no numbers" in report.level.sentence


@runs
def test_torch_is_not_needed(tmp_path: Path) -> None:
    file = onnx_files.model(tmp_path / "m.onnx", onnx_files.weights())
    code = (
        "import sys, numpy; from pathlib import Path; from dedupe_core.embedders.chain import Local; "
        "from dedupe_core.settings import Embedding; "
        f"model = Local(Embedding(kind='onnx', weights={str(file)!r}), Path('.')).open(); "
        "model.embed([numpy.full((64, 64, 3), 90, numpy.uint8)]); print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
