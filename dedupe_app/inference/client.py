"""The remote link of the chain: a model behind any server that speaks KServe V2 (ours, Triton, MLServer, OpenVINO Model
Server). What it answers is checked before it is believed: datatype, shape, dimension, and that it has a direction."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from dedupe_app.inference import protocol
from dedupe_core.embedders import ModelError
from dedupe_core.settings import Embedding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dedupe_core.embedders.preprocess import Preprocess

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 60.0
_BATCH = 32
_ATTEMPTS = 6
_LONGEST_WAIT = 20.0
_MOST_BYTES = 64 << 20
_LARGEST = 4096
"""Pixels of a side that a service may ask for."""
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""What the models of OpenAI and LAION were trained with; for servers that do not say what theirs wants."""


class Remote:
    """The service at `url` with the model that the configuration names."""

    name = "remote"

    def __init__(self, settings: Embedding) -> None:
        self.settings = settings

    @property
    def asked(self) -> str:
        """Service and model; which version it has, only the service knows."""
        return f"remote {self.settings.url} {self.settings.model}"

    def open(self) -> RemoteEmbedder:
        """Ask the service what it has. Raises `ModelError`."""
        return RemoteEmbedder(Service(self.settings.url), self.settings.model, self.settings.size)


class Service:
    """One server. Every call is a request of its own, so that threads and restarts do no harm."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ModelError(f"{url!r} is no address of a service; write it as http://host:port.")
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._parts = parts

    def get(self, path: str) -> Mapping[str, Any]:
        """A JSON document. Raises `ModelError`."""
        status, _, body = self._call("GET", path)
        if status != 200:
            raise ModelError(f"The service at {self.url} has no {path.rsplit('/', 1)[-1]} (status {status}).")
        try:
            found = json.loads(body)
        except ValueError as error:
            raise ModelError(f"The service at {self.url} does not speak KServe V2.") from error
        if not isinstance(found, dict):
            raise ModelError(f"The service at {self.url} does not speak KServe V2.")
        return found

    def takes_binary(self) -> bool:
        """Whether tensors may be raw bytes: what a server does not list among its extensions it need not know."""
        try:
            listed = self.get("/v2").get("extensions")
        except ModelError:
            return False
        return isinstance(listed, list) and "binary_tensor_data" in listed

    def infer(self, model: str, body: bytes, headers: Mapping[str, str]) -> protocol.Message:
        """One answer; a busy service is asked again when it says. Raises `ModelError`."""
        path = f"/v2/models/{quote(model, safe='')}/infer"
        for attempt in range(_ATTEMPTS):
            status, answer, found = self._call("POST", path, body, headers)
            if status not in (429, 503):
                break
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_wait(answer.get("Retry-After"), attempt))
        if status != 200:
            raise ModelError(f"The service at {self.url} refuses (status {status}): {_complaint(found)}")
        try:
            return protocol.decode(found, answer.get(protocol.HEADER_LENGTH), "outputs")
        except protocol.ProtocolError as error:
            raise ModelError(f"The service at {self.url} answers nonsense: {error}") from error

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(ANSWER_SECONDS)
            connection.request(method, f"{self._parts.path.rstrip('/')}{path}", body, dict(headers or {}))
            response = connection.getresponse()
            found = response.read(_MOST_BYTES + 1)
        except TimeoutError as error:
            raise ModelError(f"The service at {self.url} does not answer in time.") from error
        except (OSError, http.client.HTTPException) as error:
            raise ModelError(f"The service at {self.url} does not answer ({error or type(error).__name__}).") from error
        finally:
            connection.close()
        if len(found) > _MOST_BYTES:
            raise ModelError(f"The service at {self.url} answers with more than {_MOST_BYTES >> 20} MB.")
        return response.status, response.headers, found  # type: ignore[return-value]


class RemoteEmbedder:
    """An embedder whose model runs elsewhere. A KeepOne service tells the full name of its model, whose vectors are
    those of the same model on this machine; of others the name carries service name and version."""

    batch = 2 * _BATCH

    def __init__(self, service: Service, model: str, size: int) -> None:
        self._service = service
        self._asked = model
        told = service.get(f"/v2/models/{quote(model, safe='')}")
        self._binary = service.takes_binary()
        self._input, self.preprocess, self._normalised = _input_of(told, size, service.url)
        self._output = _output_of(told, service.url)
        version = str((told.get("versions") or ["unversioned"])[-1])
        ours = told.get("platform") == "keepone" and version.endswith(f"/{self.preprocess.mark}")
        self.model = version if ours else f"kserve:{model}@{version}/{self.preprocess.mark}"
        self.dimension = 0
        self.dimension = len(self._ask([_blank(self.preprocess.size)])[0])

    @property
    def how(self) -> str:
        """Where the model runs."""
        return self._service.url

    def embed(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """float32 (n, dimension), rows of unit length. Raises `ModelError` for every other answer."""
        import numpy as np

        from dedupe_core.embedders.local import unit_rows

        parts = [self._ask(pictures[at : at + _BATCH]) for at in range(0, len(pictures), _BATCH)]
        return unit_rows(np.concatenate([np.empty((0, self.dimension), np.float32), *parts]), self.model)

    def _ask(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        import numpy as np

        levels = np.stack([np.asarray(one, np.uint8) for one in pictures])
        data: NDArray[Any] = levels
        if self._normalised:
            scaled = (levels.astype(np.float32) / 255 - self.preprocess.mean) / self.preprocess.std
            data = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)
        output = {"name": self._output, **({"parameters": {"binary_data": True}} if self._binary else {})}
        encode = protocol.encode if self._binary else protocol.encode_json
        body, headers = encode([protocol.tensor(self._input, data)], "inputs", {"outputs": [output]})
        answer = self._service.infer(self._asked, body, headers)
        found = next((one for one in answer.tensors if one.name == self._output), None)
        if found is None or isinstance(found.data, list) or found.datatype not in ("FP16", "FP32", "FP64"):
            raise ModelError(f"The service at {self._service.url} answers without numbers named {self._output}.")
        vectors = found.data.astype(np.float32)
        wide = vectors.ndim == 2 and vectors.shape[1] == (self.dimension or vectors.shape[1])
        if not wide or len(vectors) != len(pictures):
            shape = f"shape {list(vectors.shape)} to {len(pictures)} pictures"
            raise ModelError(f"The service at {self._service.url} answers with {shape}.")
        return vectors


def _blank(size: int) -> NDArray[np.uint8]:
    """A picture whose vector only tells the dimension."""
    import numpy as np

    return np.full((size, size, 3), 127, np.uint8)


def _input_of(told: Mapping[str, Any], size: int, url: str) -> tuple[str, Preprocess, bool]:
    """(name, preprocessing, whether it is normalised FP32 instead of levels) of the first input that takes pictures."""
    from dedupe_core.embedders.preprocess import Preprocess

    given = told.get("parameters")
    parameters = given.get("preprocess") if isinstance(given, dict) else None
    inputs = told.get("inputs")
    for one in inputs if isinstance(inputs, list) else []:
        if not isinstance(one, dict):
            continue
        shape = one.get("shape")
        sides = list(shape)[-3:] if isinstance(shape, list) and len(shape) >= 3 else []
        levels = one.get("datatype") == "UINT8" and len(sides) == 3 and sides[2] == 3
        normalised = one.get("datatype") == "FP32" and len(sides) == 3 and sides[0] == 3
        if levels or normalised:
            edge = sides[1] if isinstance(sides[1], int) and 0 < sides[1] <= _LARGEST else size
            wanted = _preprocess_of(parameters, url) if parameters else Preprocess(edge, edge, *_CLIP)
            return str(one.get("name")), wanted, normalised
    raise ModelError(f"The service at {url} has no input for pictures (UINT8 [n, s, s, 3] or FP32 [n, 3, s, s]).")


def _preprocess_of(told: Any, url: str) -> Preprocess:
    """What a KeepOne service says of shaping, in the order of `Preprocess`. Raises `ModelError`."""
    from dedupe_core.embedders.preprocess import Preprocess

    try:
        size, resize, mean, std, interpolation, fit = told
        sizes = (int(size), int(resize))
        means, deviations = ((float(r), float(g), float(b)) for r, g, b in (mean, std))
    except (TypeError, ValueError) as error:
        raise ModelError(f"The service at {url} says nothing sensible of its pictures' shape.") from error
    known = interpolation in ("bicubic", "bilinear") and fit in ("shortest", "squash", "longest")
    if not known or not all(1 <= side <= _LARGEST for side in sizes) or 0 in deviations:
        raise ModelError(f"The service at {url} wants pictures of a shape that is not known here.")
    return Preprocess(*sizes, means, deviations, interpolation, fit)


def _output_of(told: Mapping[str, Any], url: str) -> str:
    outputs = told.get("outputs")
    for one in outputs if isinstance(outputs, list) else []:
        if isinstance(one, dict) and one.get("datatype") in ("FP16", "FP32", "FP64"):
            return str(one.get("name"))
    raise ModelError(f"The service at {url} has no output of numbers.")


def _wait(told: str | None, attempt: int) -> float:
    try:
        seconds = float(told) if told else 0.5 * 2**attempt
    except ValueError:
        seconds = 0.5 * 2**attempt
    return min(max(seconds, 0.05), _LONGEST_WAIT)


def _complaint(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return hashlib.sha256(body).hexdigest()[:8] if body else "no reason given"
    return str(found.get("error", found))[:200] if isinstance(found, dict) else str(found)[:200]
