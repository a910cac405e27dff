"""Both sides of the protocol against programs that others wrote. They take part where they are installed: tritonclient
beside the tests (`pip install "tritonclient[http]"`), mlserver anywhere, in the PATH or named by KEEPONE_MLSERVER."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dedupe_app.inference.server import Serving, application
from dedupe_core.embedders.local import LocalEmbedder
from dedupe_core.embedders.preprocess import prepared
from dedupe_core.embedders.towers import build
from dedupe_core.engine import Engine
from tests.embed import models
from tests.embed.test_inference import NAME, pictures, remote, served
from tests.pictures import scene

MLSERVER = os.environ.get("KEEPONE_MLSERVER") or shutil.which("mlserver")
_MODEL = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Means(MLModel):
    async def load(self):
        return True

    async def predict(self, payload):
        pixels = NumpyCodec.decode_input(payload.inputs[0])
        means = pixels.astype(np.float32).reshape(len(pixels), 4, -1).mean(axis=2) + 1
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("means", means)])
"""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> LocalEmbedder:
    file = models.clip_checkpoint(tmp_path_factory.mktemp("weights"))
    return LocalEmbedder(build("open_clip", models.CLIP, file), "cpu", "fp32")


@pytest.mark.skipif(importlib.util.find_spec("tritonclient") is None, reason="tritonclient[http] is not installed")
@pytest.mark.parametrize("binary", [True, False])
def test_the_client_of_triton_speaks_with_our_service(tmp_path: Path, encoder: LocalEmbedder, binary: bool) -> None:
    triton: Any = importlib.import_module("tritonclient.http")
    scene(3, 300, 200).save(tmp_path / "3.jpg")
    file = (tmp_path / "3.jpg").read_bytes()
    with Engine(workers=1) as engine:
        serving = Serving(NAME, encoder, engine)
        with served(application(serving)) as url:
            client = triton.InferenceServerClient(url.removeprefix("http://"))
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready(NAME)
            assert client.get_server_metadata()["name"] == "keepone"
            told = client.get_model_metadata(NAME)
            assert told["versions"] == [encoder.model]
            levels = np.stack(pictures(5, encoder))
            pixels = triton.InferInput("pixels", list(levels.shape), "UINT8")
            pixels.set_data_from_numpy(levels, binary_data=binary)
            wanted = [triton.InferRequestedOutput("embedding", binary_data=binary)]
            found = client.infer(NAME, [pixels], outputs=wanted, request_id="7")
            assert found.get_response()["id"] == "7"
            assert np.abs(found.as_numpy("embedding") - encoder.embed(list(levels))).max() < 1e-5
            image = triton.InferInput("image", [1], "BYTES")
            image.set_data_from_numpy(np.array([file], object), binary_data=True)
            found = client.infer(NAME, [image]).as_numpy("embedding")
            assert np.abs(found - encoder.embed([prepared(file, encoder.preprocess)])).max() < 1e-5
            wrong = triton.InferInput("pixels", [1, 2, 2, 3], "UINT8")
            wrong.set_data_from_numpy(np.zeros((1, 2, 2, 3), np.uint8))
            with pytest.raises(triton.InferenceServerException, match="shape"):
                client.infer(NAME, [wrong])
            client.close()
        serving.batcher.close()


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLServer with a model of four means."""
    folder = tmp_path_factory.mktemp("mlserver")
    ports = [_free_port() for _ in range(3)]
    (folder / "means.py").write_text(_MODEL)
    told = {"host": "127.0.0.1", "http_port": ports[0], "grpc_port": ports[1], "metrics_port": ports[2]}
    (folder / "settings.json").write_text(json.dumps({**told, "parallel_workers": 0}))
    inputs = [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 64, 64, 3]}]
    outputs = [{"name": "means", "datatype": "FP32", "shape": [-1, 4]}]
    model = {"name": "means", "implementation": "means.Means", "inputs": inputs, "outputs": outputs}
    (folder / "model-settings.json").write_text(json.dumps(model))
    log = (folder / "log").open("wb")
    process = subprocess.Popen([str(MLSERVER), "start", "."], cwd=folder, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        _wait_for(f"{url}/v2/models/means/ready", process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(900):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"MLServer does not start: {log.read_text()[-2000:]}")


@pytest.mark.skipif(MLSERVER is None, reason="mlserver is not installed")
def test_a_model_behind_mlserver_gives_vectors(mlserver: str, encoder: LocalEmbedder) -> None:
    found = remote(mlserver, "means")
    inputs = pictures(5, encoder)
    assert found.dimension == 4
    assert found.model.startswith("kserve:means@")
    means = np.stack(inputs).astype(np.float32).reshape(5, 4, -1).mean(axis=2) + 1
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert np.abs(found.embed(inputs) - expected).max() < 1e-4
