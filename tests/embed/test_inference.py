"""Our service and our client over HTTP on loopback, with a real (small) model; and servers that answer nonsense."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedupe_app.inference import client, protocol
from dedupe_app.inference.batching import Batcher, Busy
from dedupe_app.inference.client import Remote
from dedupe_app.inference.server import MOST_BYTES, Serving, application
from dedupe_core.embedders import ModelError
from dedupe_core.embedders.local import LocalEmbedder
from dedupe_core.embedders.preprocess import prepared, shaped
from dedupe_core.embedders.towers import build
from dedupe_core.engine import Engine
from dedupe_core.settings import Embedding
from tests.embed import models
from tests.pictures import scene

NAME = "tiny"


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application behind a real server on a free port of loopback."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> LocalEmbedder:
    file = models.clip_checkpoint(tmp_path_factory.mktemp("weights"))
    return LocalEmbedder(build("open_clip", models.CLIP, file), "cpu", "fp32")


@pytest.fixture(scope="module")
def service(encoder: LocalEmbedder) -> Iterator[str]:
    with Engine(workers=1) as engine:
        serving = Serving(NAME, encoder, engine)
        with served(application(serving)) as url:
            yield url
        serving.batcher.close()


def remote(url: str, model: str = NAME) -> client.RemoteEmbedder:
    return Remote(Embedding(url=url, model=model, size=64)).open()


def pictures(count: int, encoder: LocalEmbedder) -> list[NDArray[np.uint8]]:
    return [shaped(scene(seed, 200, 160), encoder.preprocess) for seed in range(count)]


def test_a_remote_model_gives_what_the_local_one_gives(service: str, encoder: LocalEmbedder) -> None:
    found = remote(service)
    inputs = pictures(40, encoder)
    assert found.dimension == encoder.dimension
    assert found.preprocess == encoder.preprocess
    assert found.model == encoder.model, "one model, wherever it runs"
    assert found.how == service
    assert np.abs(found.embed(inputs) - encoder.embed(inputs)).max() < 1e-5


def test_health_and_metadata_are_those_of_the_protocol(service: str, encoder: LocalEmbedder) -> None:
    assert "binary_tensor_data" in httpx.get(f"{service}/v2").json()["extensions"]
    for path in ("/v2/health/live", "/v2/health/ready", f"/v2/models/{NAME}/ready"):
        assert httpx.get(service + path).status_code == 200
    told = httpx.get(f"{service}/v2/models/{NAME}").json()
    assert told["versions"] == [encoder.model]
    assert {one["name"] for one in told["inputs"]} == {"pixels", "image"}
    assert httpx.get(f"{service}/v2/models/other").status_code == 404


def test_plain_json_works_without_any_extension(service: str, encoder: LocalEmbedder) -> None:
    one = pictures(1, encoder)[0]
    body = {
        "id": "7",
        "inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1, 64, 64, 3], "data": one.ravel().tolist()}],
    }
    answer = httpx.post(f"{service}/v2/models/{NAME}/infer", json=body).json()
    assert answer["id"] == "7"
    assert answer["outputs"][0]["shape"] == [1, encoder.dimension]
    assert np.abs(np.array(answer["outputs"][0]["data"]) - encoder.embed([one])[0]).max() < 1e-5


def test_files_are_decoded_in_guarded_workers(service: str, encoder: LocalEmbedder) -> None:
    packed = io.BytesIO()
    scene(3, 500, 400).save(packed, "JPEG")
    images = protocol.Tensor("image", "BYTES", (1,), [packed.getvalue()])
    body, headers = protocol.encode([images], "inputs", {"parameters": {"binary_data_output": True}})
    answer = httpx.post(f"{service}/v2/models/{NAME}/infer", content=body, headers=headers)
    found = protocol.decode(answer.content, answer.headers[protocol.HEADER_LENGTH], "outputs").tensors[0]
    expected = encoder.embed([prepared(packed.getvalue(), encoder.preprocess)])
    assert np.abs(np.asarray(found.data) - expected).max() < 1e-5
    broken = protocol.Tensor("image", "BYTES", (1,), [b"no picture"])
    body, headers = protocol.encode([broken], "inputs")
    answer = httpx.post(f"{service}/v2/models/{NAME}/infer", content=body, headers=headers)
    assert answer.status_code == 400
    assert "Picture 0" in answer.json()["error"]


WRONG: list[tuple[str, Any]] = [
    ("not JSON", b"{"),
    ("no inputs", {}),
    ("no name", {"inputs": [{}]}),
    ("unknown input", {"inputs": [{"name": "x", "datatype": "UINT8", "shape": [1], "data": [1]}]}),
    ("wrong shape", {"inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [0] * 12}]}),
    ("too few numbers", {"inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1, 64, 64, 3], "data": [0]}]}),
    ("negative size", {"inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 64, 64, 3], "data": []}]}),
    ("out of range", {"inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1], "data": [4000]}]}),
    ("unknown type", {"inputs": [{"name": "pixels", "datatype": "COMPLEX", "shape": [1], "data": [1]}]}),
    ("two inputs", {"inputs": [{"name": "a", "datatype": "UINT8", "shape": [1], "data": [1]}] * 2}),
    ("deep", b"[" * 100_000),
]


@pytest.mark.parametrize(("case", "body"), WRONG)
def test_a_wrong_request_is_answered_with_a_sentence(service: str, case: str, body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = httpx.post(f"{service}/v2/models/{NAME}/infer", content=content)
    assert answer.status_code == 400, case
    assert answer.json()["error"]


def test_another_output_or_version_is_refused(service: str, encoder: LocalEmbedder) -> None:
    data = pictures(1, encoder)[0].ravel().tolist()
    body = {"inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1, 64, 64, 3], "data": data}]}
    wanted = {**body, "outputs": [{"name": "logits"}]}
    assert httpx.post(f"{service}/v2/models/{NAME}/infer", json=wanted).status_code == 400
    assert httpx.post(f"{service}/v2/models/{NAME}/versions/0/infer", json=body).status_code == 404
    same = httpx.post(f"{service}/v2/models/{NAME}/versions/{encoder.model}/infer", json=body)
    assert same.status_code == 200


def test_a_request_that_is_too_large_is_refused_before_it_is_held(service: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // (1 << 20) + 2):
            yield bytes(1 << 20)

    assert httpx.post(f"{service}/v2/models/{NAME}/infer", content=endless()).status_code == 413


def test_what_happens_is_told_to_prometheus(service: str, encoder: LocalEmbedder) -> None:
    remote(service).embed(pictures(3, encoder))
    text = httpx.get(f"{service}/metrics").text
    assert 'keepone_inference_requests_total{status="200"}' in text
    assert "keepone_inference_pictures_total" in text


def test_requests_that_arrive_together_run_together() -> None:
    seen: list[int] = []
    begun = threading.Event()

    def model(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
        begun.set()
        seen.append(len(levels))
        time.sleep(0.05)
        return levels.reshape(len(levels), -1)[:, :4].astype(np.float32)

    batcher = Batcher(model, batch=32)
    first = batcher.submit(np.zeros((1, 2, 2, 3), np.uint8))
    begun.wait(5)
    others = [batcher.submit(np.full((1, 2, 2, 3), value, np.uint8)) for value in range(1, 17)]
    answers = [other.result(5) for other in [first, *others]]
    assert seen == [1, 16]
    assert [int(answer[0, 0]) for answer in answers] == list(range(17))
    batcher.close()


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(encoder: LocalEmbedder) -> None:
    hold = threading.Event()

    def model(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
        hold.wait(10)
        return np.ones((len(levels), 4), np.float32)

    batcher = Batcher(model, batch=2, most=4)
    accepted: list[Future[NDArray[np.float32]]] = []

    def fill() -> None:
        for _ in range(20):
            accepted.append(batcher.submit(np.zeros((1, 2, 2, 3), np.uint8)))

    with pytest.raises(Busy) as busy:
        fill()
    assert busy.value.retry_after >= 1
    assert 4 <= len(accepted) <= 6
    hold.set()
    assert all(len(answer.result(5)) == 1 for answer in accepted)
    batcher.close()


def test_a_busy_service_answers_429_and_the_client_comes_back(encoder: LocalEmbedder) -> None:
    class Slow:
        model, dimension, preprocess, how, batch = "slow", encoder.dimension, encoder.preprocess, "cpu", 1

        def embed(self, some: Any) -> NDArray[np.float32]:
            time.sleep(0.1)
            return encoder.embed(some)

    with Engine(workers=1) as engine:
        serving = Serving(NAME, Slow(), engine, batch=1, most=2)
        with served(application(serving)) as url:
            body, headers = protocol.encode([protocol.tensor("pixels", np.zeros((1, 64, 64, 3), np.uint8))], "inputs")
            with ThreadPoolExecutor(12) as pool:
                path = f"{url}/v2/models/{NAME}/infer"
                answers = list(pool.map(lambda _: httpx.post(path, content=body, headers=headers), range(12)))
                refused = [answer for answer in answers if answer.status_code == 429]
                assert refused
                assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
                found = list(pool.map(lambda _: len(remote(url).embed(pictures(2, encoder)[:1])), range(3)))
            assert found == [1, 1, 1]
        serving.batcher.close()


Answer = Callable[[str], tuple[int, dict[str, str], bytes]]
METADATA: dict[str, Any] = {
    "name": NAME,
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3, 64, 64]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
}


@contextmanager
def foreign(answer: Answer) -> Iterator[str]:
    """A server that tells the metadata above and answers what a test wants."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, {"Content-Type": "application/json"}, json.dumps(METADATA).encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(*answer(self.path))

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def outputs(shape: list[int], data: Any, datatype: str = "FP32", name: str = "y") -> bytes:
    one = {"name": name, "datatype": datatype, "shape": shape, "data": data}
    return json.dumps({"outputs": [one]}).encode()


def test_a_server_of_somebody_else_with_normalised_input_is_understood() -> None:
    with foreign(lambda path: (200, {}, outputs([1, 4], [3, 0, 4, 0]))) as url:
        found = remote(url).embed([np.zeros((64, 64, 3), np.uint8)])
    assert np.abs(found - [[0.6, 0, 0.8, 0]]).max() < 1e-6


SHAPES: list[Any] = [7, [64], ["x"] * 6, [64, 64, [1, 1, 1], [0, 1, 1], "bicubic", "shortest"]]
SHAPES += [[10**9, 64, [1, 1, 1], [1, 1, 1], "bicubic", "shortest"], [64, 64, [1, 1, 1], [1, 1, 1], "no", "shortest"]]


@pytest.mark.parametrize("told", SHAPES)
def test_a_shape_that_makes_no_sense_is_refused(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METADATA, "parameters", {"preprocess": told})
    with (
        foreign(lambda path: (200, {}, outputs([1, 4], [3, 0, 4, 0]))) as url,
        pytest.raises(ModelError, match="shape"),
    ):
        remote(url)


NONSENSE: list[tuple[int, dict[str, str], bytes]] = [
    (200, {}, b"<html>"),
    (200, {}, b"{}"),
    (200, {protocol.HEADER_LENGTH: "99999"}, b"{}"),
    (200, {}, outputs([2, 4], [0] * 8)),
    (200, {}, outputs([4], [1, 0, 0, 0])),
    (200, {}, outputs([1, 4], [1, 2])),
    (200, {}, outputs([1, 4], ["a", "b", "c", "d"])),
    (200, {}, outputs([1, 4], [1, 0, 0, 0], name="z")),
    (200, {}, outputs([1, 4], ["x"] * 4, datatype="BYTES")),
    (500, {}, b'{"error": "out of memory"}'),
    (404, {}, b""),
]


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense_is_an_error_and_never_a_vector(answer: tuple[int, dict[str, str], bytes]) -> None:
    with foreign(lambda path: answer) as url, pytest.raises(ModelError, match="service"):
        remote(url)


@pytest.mark.parametrize("data", [[float("nan"), 1, 1, 1], [0, 0, 0, 0]])
def test_a_vector_without_direction_is_refused(data: list[float]) -> None:
    with foreign(lambda path: (200, {}, outputs([1, 4], data))) as url:
        embedder = remote(url)
        with pytest.raises(ModelError, match="no numbers"):
            embedder.embed([np.zeros((64, 64, 3), np.uint8)])


def test_another_dimension_than_before_is_refused() -> None:
    sizes = iter([4, 5])

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        size = next(sizes)
        return 200, {}, outputs([1, size], [1] * size)

    with foreign(answer) as url:
        embedder = remote(url)
        with pytest.raises(ModelError, match="shape"):
            embedder.embed([np.zeros((64, 64, 3), np.uint8)])


def test_a_service_that_is_not_there_or_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="does not answer"):
        remote("http://127.0.0.1:9")
    with pytest.raises(ModelError, match="no address"):
        remote("ftp://example")
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.2)
    with foreign(lambda path: (time.sleep(1), (200, {}, b""))[1]) as url, pytest.raises(ModelError, match="in time"):  # type: ignore[func-returns-value]
        remote(url)


def test_a_service_that_stays_busy_is_left_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LONGEST_WAIT", 0.01)
    asked: list[str] = []

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 429, {"Retry-After": "1"}, b'{"error": "busy"}'

    with foreign(answer) as url, pytest.raises(ModelError, match="busy"):
        remote(url)
    assert len(asked) == client._ATTEMPTS


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(-5, 300).map(str), st.text(max_size=5)))
def test_no_bytes_break_the_protocol(body: bytes, length: str | None) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.decode(body, length, "inputs")


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(protocol.DATATYPES)), st.lists(st.integers(0, 4), max_size=4), st.booleans())
def test_what_is_encoded_is_decoded(datatype: str, shape: list[int], binary: bool) -> None:
    data = np.random.default_rng(1).integers(0, 2, shape).astype(protocol.DATATYPES[datatype])
    encode = protocol.encode if binary else protocol.encode_json
    body, headers = encode([protocol.tensor("t", data)], "outputs")
    found = protocol.decode(body, headers.get(protocol.HEADER_LENGTH), "outputs").tensors[0]
    assert found.datatype == datatype
    assert found.shape == tuple(shape)
    assert (np.asarray(found.data) == data).all()
