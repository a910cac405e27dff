"""A model in an ONNX file, an SSCD copy-detection model for example, run by ONNX Runtime; torch is not needed.

The file has to stand alone: it is read once, its digest is part of the model's name, and weights that lie in other
files are refused. It is a graph of known operators; nothing else in it is run.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe_core.embedders import ModelError
from dedupe_core.embedders.local import Choice, unit_rows
from dedupe_core.embedders.preprocess import Preprocess

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue: what files expect that do not say what they expect."""
_PROVIDERS = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider", "cpu": "CPUExecutionProvider"}
_NUMBERS: dict[str, np.dtype[Any]] = {"tensor(float)": np.dtype(np.float32), "tensor(float16)": np.dtype(np.float16)}
_BATCH = 16
_ERRORS = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NotImplemented", "EPFail")
_MORE_ERRORS = ("RuntimeException", "ModelLoaded", "NoSuchFile", "EngineError")
_NO_MEMORY = ("bad_alloc", "bad allocation", "allocate memory", "out of memory")


class OnnxEmbedder:
    """Runs the file. `size` is the side of its input where the file does not say it, `device` "auto", "cuda", "mps" (by
    Core ML) or "cpu", `batch` 0 what serves most files. Raises `ModelError` for a file that cannot be used."""

    def __init__(self, file: Path, model: str, size: int = 224, device: str = "auto", batch: int = 0) -> None:
        runtime = importlib.import_module("onnxruntime")
        self._broken = _errors()
        device = _device_of(device, runtime.get_available_providers())
        data = _read(file)
        self._session = self._loaded(runtime, data, file.name, _PROVIDERS[device])
        self._input, self._type, fixed, side = _input_of(self._session.get_inputs(), file.name, size)
        self._output = self._session.get_outputs()[0].name
        self._fixed = fixed
        self.preprocess = Preprocess(side, side, MEAN, DEVIATION, "bilinear", "squash")
        self.model = f"onnx:{model}@{hashlib.sha256(data).hexdigest()[:16]}/{self.preprocess.mark}"
        self.batch = fixed or batch or _BATCH
        self.choice = Choice(device, "fp32", {})
        self.dimension = self._run([np.zeros((side, side, 3), np.uint8)]).shape[1]

    @property
    def how(self) -> str:
        """The device, and what runs the model there."""
        return f"{self.choice.device}, ONNX Runtime"

    def measure(self, pictures: Sequence[Any] | None = None) -> Choice:
        """The one way there is: the precision is that of the file."""
        del pictures
        return self.choice

    def embed(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """float32 (n, dimension), rows of unit length, from n pictures as `preprocess` gives them: uint8 (size, size,
        3). A batch that does not fit into memory is halved, for good. Raises `ModelError`."""
        parts = [np.empty((0, self.dimension), np.float32)]
        at = 0
        while at < len(pictures):
            some = pictures[at : at + self.batch]
            try:
                parts.append(self._run(some))
            except MemoryError as error:
                if self.batch == 1 or self._fixed:
                    raise ModelError(f"The model {self.model} needs more memory than there is.") from error
                self.batch = max(1, self.batch // 2)
                continue
            at += len(some)
        return unit_rows(np.concatenate(parts), self.model)

    def _loaded(self, runtime: Any, data: bytes, name: str, provider: str) -> Any:
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        providers = list(dict.fromkeys((provider, _PROVIDERS["cpu"])))
        try:
            return runtime.InferenceSession(data, options, providers=providers)
        except self._broken as error:
            raise ModelError(f"{name} cannot be used as an ONNX model ({_line(error)}).") from error

    def _run(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """(n, dimension) as the model gives them. Raises `MemoryError`, and `ModelError` for every other failure."""
        levels = np.stack([np.asarray(one, np.uint8) for one in pictures])
        if self._fixed > len(levels):
            levels = np.concatenate([levels, np.zeros((self._fixed - len(levels), *levels.shape[1:]), np.uint8)])
        scaled = (levels.astype(np.float32) / 255 - np.asarray(MEAN, np.float32)) / np.asarray(DEVIATION, np.float32)
        given = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), self._type)
        try:
            answer = self._session.run([self._output], {self._input: given})[0]
        except self._broken as error:
            if any(words in str(error) for words in _NO_MEMORY):
                raise MemoryError(_line(error)) from error
            raise ModelError(f"The model {self.model} fails ({_line(error)}).") from error
        return self._vectors(answer, len(levels))[: len(pictures)]

    def _vectors(self, answer: Any, count: int) -> NDArray[np.float32]:
        """Of shape (n, dimension), or with further axes of length one."""
        fits = isinstance(answer, np.ndarray) and answer.ndim >= 2 and np.issubdtype(answer.dtype, np.floating)
        if not fits or len(answer) != count or any(side != 1 for side in answer.shape[2:]):
            raise ModelError(f"The model {self.model} gives no vector a picture.")
        vectors: NDArray[np.float32] = answer.reshape(count, -1).astype(np.float32)
        return vectors


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"The weights {file} cannot be read ({error.strerror or error}).") from error


def _device_of(asked: str, providers: Sequence[str]) -> str:
    there = [device for device, provider in _PROVIDERS.items() if provider in providers]
    if asked == "auto":
        return there[0]
    if asked not in there:
        raise ModelError(f"ONNX Runtime has no device {asked!r} here; it has {', '.join(there)}.")
    return asked


def _input_of(inputs: Sequence[Any], name: str, size: int) -> tuple[str, np.dtype[Any], int, int]:
    """(name, type, pictures at once or 0 for any number, side) of the one input (n, 3, side, side)."""
    if len(inputs) != 1:
        raise ModelError(f"{name} takes {len(inputs)} inputs, not one batch of pictures.")
    shape, kind = list(inputs[0].shape), _NUMBERS.get(inputs[0].type)
    count, channels, *sides = (side if isinstance(side, int) and side > 0 else 0 for side in shape)
    known = set(sides) - {0}
    if len(sides) != 2 or channels not in (0, 3) or len(known) > 1 or kind is None:
        told = " × ".join(str(side) for side in shape)
        raise ModelError(f"{name} takes {told} of {inputs[0].type}, not n × 3 × side × side floats.")
    return str(inputs[0].name), kind, count, known.pop() if known else size


def _errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its errors have no base of their own."""
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    named = (getattr(state, name, None) for name in (*_ERRORS, *_MORE_ERRORS))
    return (RuntimeError, ValueError, *(error for error in named if error is not None))


def _line(error: Exception) -> str:
    """Its complaint as one line."""
    return " ".join(str(error).split())[:200].rstrip(". ")
