"""`keepone inference`: one model behind KServe V2. Stateless: nothing is kept of what is sent.

It takes pictures that are shaped already ("pixels": UINT8 [n, size, size, 3]) or files ("image": BYTES [n], any format
that a scan reads, decoded in guarded worker processes), and answers unit vectors ("embedding": FP32 [n, dimension]).
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from numpy.typing import NDArray

from dedupe_app.inference import protocol
from dedupe_app.inference.batching import Batcher, Busy
from dedupe_app.inference.metrics import Metrics
from dedupe_core.embed import Encoder, Wanted, shape
from dedupe_core.embedders import ModelError
from dedupe_core.engine import Engine

MOST_BYTES = 64 << 20
_PIXELS, _IMAGE, _EMBEDDING = "pixels", "image", "embedding"


class Refused(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after


class Serving:
    """One model under one name, with its queue and its decoders."""

    def __init__(
        self, name: str, encoder: Encoder, engine: Engine, batch: int = 32, most: int = 512, linger: float = 0.004
    ) -> None:
        self.name = name
        self.encoder = encoder
        self.engine = engine
        self.metrics = Metrics()
        self.batcher = Batcher(self._embed, batch, most, linger)

    def _embed(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self.metrics.forward.time():
            found = self.encoder.embed(list(pictures))
        self.metrics.pictures.inc(len(pictures))
        return found

    @property
    def version(self) -> str:
        """The model's full name is its version: it changes with the weights."""
        return self.encoder.model

    def metadata(self) -> dict[str, Any]:
        """What the protocol tells of a model; `parameters` say how pictures are to be shaped."""
        size = self.encoder.preprocess.size
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "keepone",
            "inputs": [
                {"name": _PIXELS, "datatype": "UINT8", "shape": [-1, size, size, 3]},
                {"name": _IMAGE, "datatype": "BYTES", "shape": [-1]},
            ],
            "outputs": [{"name": _EMBEDDING, "datatype": "FP32", "shape": [-1, self.encoder.dimension]}],
            "parameters": {"preprocess": list(self.encoder.preprocess), "how": self.encoder.how},
        }

    async def infer(self, request: protocol.Message) -> NDArray[np.float32]:
        """Unit vectors of one request. Raises `Refused`."""
        unknown = set(request.wanted) - {_EMBEDDING}
        if unknown:
            raise Refused(400, f"There is no output {sorted(unknown)[0]!r}; there is {_EMBEDDING!r}.")
        if len(request.tensors) != 1:
            raise Refused(400, f"Send one input: {_PIXELS!r} or {_IMAGE!r}.")
        pictures = await self._pictures(request.tensors[0])
        if not len(pictures):
            return np.empty((0, self.encoder.dimension), np.float32)
        try:
            answer = self.batcher.submit(pictures)
        except Busy as busy:
            raise Refused(429, f"Busy: {busy}.", busy.retry_after) from busy
        self.metrics.waiting.set(self.batcher.waiting)
        try:
            return await asyncio.wrap_future(answer)
        except (ModelError, RuntimeError, ValueError) as error:
            raise Refused(500, f"The model failed: {error}") from error

    async def _pictures(self, one: protocol.Tensor) -> NDArray[np.uint8]:
        size = self.encoder.preprocess.size
        if one.name == _IMAGE and isinstance(one.data, list) and len(one.shape) == 1:
            return await asyncio.to_thread(self._decoded, one.data)
        if one.name == _PIXELS and one.datatype == "UINT8" and not isinstance(one.data, list):
            if one.data.ndim != 4 or one.data.shape[1:] != (size, size, 3):
                raise Refused(400, f"{_PIXELS} has shape {list(one.shape)}, not [n, {size}, {size}, 3].")
            return one.data
        raise Refused(
            400, f"The input {one.name!r} ({one.datatype}) is not one of {_PIXELS} (UINT8), {_IMAGE} (BYTES)."
        )

    def _decoded(self, files: list[bytes]) -> NDArray[np.uint8]:
        size = self.encoder.preprocess.size
        task = functools.partial(shape, preprocess=self.encoder.preprocess)
        wanted = [(Wanted(row, data, ""),) for row, data in enumerate(files)]
        found = np.empty((len(files), size, size, 3), np.uint8)
        for outcome in self.engine.map(task, wanted):
            if outcome.value is None:
                raise Refused(400, f"Picture {outcome.item.row}: {outcome.error}")
            found[outcome.item.row] = np.frombuffer(outcome.value, np.uint8).reshape(size, size, 3)
        return found


def application(serving: Serving) -> FastAPI:
    """The service over HTTP."""
    app = FastAPI(title="KeepOne inference", docs_url=None, redoc_url=None, openapi_url=None)
    base = f"/v2/models/{serving.name}"
    versioned = f"{base}/versions/{{version:path}}"

    @app.get("/v2")
    async def server() -> dict[str, Any]:
        return {"name": "keepone", "version": "2", "extensions": ["binary_tensor_data"]}

    @app.get("/v2/health/live")
    @app.get("/v2/health/ready")
    @app.get(f"{base}/ready")
    async def ready() -> dict[str, bool]:
        return {"live": True, "ready": True}

    @app.get(base)
    async def metadata() -> dict[str, Any]:
        return serving.metadata()

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(serving.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.post(f"{versioned}/infer")
    @app.post(f"{base}/infer")
    async def infer(request: Request) -> Response:
        began = time.perf_counter()
        response = await _answered(serving, request)
        serving.metrics.seconds.observe(time.perf_counter() - began)
        serving.metrics.requests.labels(str(response.status_code)).inc()
        return response

    return app


async def _answered(serving: Serving, request: Request) -> Response:
    version = request.path_params.get("version")
    try:
        if version not in (None, serving.version):
            raise Refused(404, f"There is no version {version!r} of {serving.name}.")
        body = await _body(request)
        message = protocol.decode(body, request.headers.get(protocol.HEADER_LENGTH), "inputs")
        vectors = await serving.infer(message)
    except protocol.ProtocolError as error:
        return _refusal(Refused(400, str(error)))
    except Refused as error:
        return _refusal(error)
    told = {"model_name": serving.name, "model_version": serving.version, "id": message.id}
    encode = protocol.encode if message.binary else protocol.encode_json
    answer, headers = encode([protocol.tensor(_EMBEDDING, vectors)], "outputs", told)
    return Response(answer, headers=headers)


async def _body(request: Request) -> bytes:
    """The whole body. Raises `Refused` as soon as it is too large, whatever the header says."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise Refused(413, f"A request may have {MOST_BYTES >> 20} MB.")
        parts.append(part)
    return b"".join(parts)


def _refusal(error: Refused) -> Response:
    headers: Mapping[str, str] = {}
    if error.retry_after is not None:
        headers = {"Retry-After": str(math.ceil(error.retry_after))}
    body = json.dumps({"error": str(error)})
    return Response(body, error.status, dict(headers), media_type="application/json")
