"""Small ONNX files, written down field by field (onnx.proto), so that making them needs nothing but numpy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PATCH, CHANNELS = 16, 8
_FLOAT, _EXTERNAL = 1, 1


def weights(seed: int = 0) -> NDArray[np.float32]:
    """(CHANNELS, 3, PATCH, PATCH): what each number of a vector looks for in a patch."""
    return np.random.default_rng(seed).normal(size=(CHANNELS, 3, PATCH, PATCH)).astype(np.float32)


def expected(inputs: NDArray[np.float32], kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the graph of `model` gives for (n, 3, s, s)."""
    count, _, side, _ = inputs.shape
    patches = inputs.reshape(count, 3, side // PATCH, PATCH, side // PATCH, PATCH)
    found: NDArray[np.float32] = np.maximum(np.einsum("ncyixj,kcij->nkyx", patches, kernels), 0)
    return found.reshape(count, -1)


def model(
    file: Path,
    kernels: NDArray[np.float32],
    shape: Iterable[int | str] = ("n", 3, 64, 64),
    inputs: int = 1,
    flat: bool = True,
    elsewhere: str = "",
    kind: int = _FLOAT,
) -> Path:
    """conv (stride = kernel) -> relu -> flatten. `flat` False leaves the flattening out, `elsewhere` names another file
    that is to hold the weights, `kind` is the input's type."""
    tensor = _numbers(1, kernels.shape) + _number(2, _FLOAT) + _text(8, "kernels")
    if elsewhere:
        tensor += _bytes(13, _text(1, "location") + _text(2, elsewhere)) + _number(14, _EXTERNAL)
    else:
        tensor += _bytes(9, kernels.astype("<f4").tobytes())
    strides = _text(1, "strides") + _numbers(8, (PATCH, PATCH)) + _number(20, 7)
    nodes = [
        _text(1, "x0") + _text(1, "kernels") + _text(2, "seen") + _text(4, "Conv") + _bytes(5, strides),
        _text(1, "seen") + _text(2, "y" if not flat else "lit") + _text(4, "Relu"),
    ]
    if flat:
        nodes.append(_text(1, "lit") + _text(2, "y") + _text(4, "Flatten"))
    graph = b"".join(_bytes(1, node) for node in nodes) + _text(2, "graph") + _bytes(5, tensor)
    for number in range(inputs):
        graph += _bytes(11, _value(f"x{number}", shape, kind))
    graph += _bytes(12, _value("y", ("n", "d") if flat else ("n", CHANNELS, "h", "w"), _FLOAT))
    file.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13)))
    return file


def _value(name: str, shape: Iterable[int | str], kind: int) -> bytes:
    dimensions = (_number(1, side) if isinstance(side, int) else _text(2, side) for side in shape)
    tensor = _number(1, kind) + _bytes(2, b"".join(_bytes(1, dimension) for dimension in dimensions))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _numbers(field: int, values: Iterable[int]) -> bytes:
    return b"".join(_number(field, value) for value in values)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
