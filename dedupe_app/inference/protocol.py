"""The Open Inference Protocol, version 2 (KServe V2), over HTTP with the binary tensor extension: JSON header, then raw
bytes of each tensor in the order of the header, little-endian. Text that a server must not believe is checked here.

https://github.com/kserve/open-inference-protocol and Triton's protocol/extension_binary_data.md
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER_LENGTH = "Inference-Header-Content-Length"
DATATYPES: Mapping[str, str] = {
    "BOOL": "?",
    "UINT8": "<u1",
    "INT8": "<i1",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
MOST_DIMENSIONS = 8


class ProtocolError(ValueError):
    """A message that is not of the protocol, or not what was asked for; one sentence."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array, or for "BYTES" a flat list of byte strings."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: NDArray[Any] | list[bytes]


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response. `binary` says that the other side may answer in raw bytes."""

    tensors: tuple[Tensor, ...]
    id: str = ""
    wanted: tuple[str, ...] = ()
    binary: bool = False


def tensor(name: str, data: NDArray[Any]) -> Tensor:
    """A tensor of a numeric array. Raises `ProtocolError` for types that the protocol has not."""
    kinds = {np.dtype(code): datatype for datatype, code in DATATYPES.items()}
    little = data.dtype.newbyteorder("<")
    if little not in kinds:
        raise ProtocolError(f"There is no datatype for arrays of {data.dtype}.")
    return Tensor(name, kinds[little], tuple(data.shape), data.astype(little, copy=False))


def encode(
    tensors: Sequence[Tensor], direction: str, extra: Mapping[str, Any] | None = None
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a message whose tensors are raw bytes. `direction` is "inputs" or "outputs"."""
    listed, raw = [], []
    for one in tensors:
        data = one.data if isinstance(one.data, list) else np.ascontiguousarray(one.data).tobytes()
        blob = b"".join(len(item).to_bytes(4, "little") + item for item in data) if isinstance(data, list) else data
        raw.append(blob)
        size = {"binary_data_size": len(blob)}
        listed.append({"name": one.name, "shape": list(one.shape), "datatype": one.datatype, "parameters": size})
    header = json.dumps({**(extra or {}), direction: listed}).encode()
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(header))}
    return b"".join([header, *raw]), headers


def encode_json(
    tensors: Sequence[Tensor], direction: str, extra: Mapping[str, Any] | None = None
) -> tuple[bytes, dict[str, str]]:
    """The same with the numbers in JSON, for those who do not ask for raw bytes."""
    listed = [
        {
            "name": one.name,
            "shape": list(one.shape),
            "datatype": one.datatype,
            "data": [item.decode("latin-1") for item in one.data]
            if isinstance(one.data, list)
            else one.data.ravel().tolist(),
        }
        for one in tensors
    ]
    return json.dumps({**(extra or {}), direction: listed}).encode(), {"Content-Type": "application/json"}


def decode(body: bytes, header_length: str | None, direction: str) -> Message:
    """What a body says, whichever way its tensors are written. Raises `ProtocolError`."""
    length = _length(header_length, len(body))
    try:
        header = json.loads(body[:length])
    except (ValueError, RecursionError) as error:
        raise ProtocolError("The header is not JSON.") from error
    if not isinstance(header, dict) or not isinstance(header.get(direction), list):
        raise ProtocolError(f"The header has no list of {direction}.")
    rest = memoryview(body)[length:]
    found = []
    for entry in header[direction]:
        one, used = _tensor(entry, rest)
        found.append(one)
        rest = rest[used:]
    if len(rest):
        raise ProtocolError(f"{len(rest)} bytes more than the header says.")
    outputs = [entry for entry in _listed(header.get("outputs")) if direction == "inputs" and isinstance(entry, dict)]
    told = header.get("parameters")
    binary = isinstance(told, dict) and bool(told.get("binary_data_output"))
    binary = binary or any(_parameters(entry).get("binary_data") for entry in outputs)
    names = tuple(str(entry.get("name")) for entry in outputs)
    return Message(tuple(found), str(header.get("id") or "")[:200], names, binary)


def _length(header_length: str | None, total: int) -> int:
    if header_length is None:
        return total
    if not header_length.isdecimal() or int(header_length) > total:
        raise ProtocolError(f"{HEADER_LENGTH} is {header_length!r} for {total} bytes.")
    return int(header_length)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parameters(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entry.get("parameters")
    return found if isinstance(found, dict) else {}


def _tensor(entry: Any, rest: memoryview) -> tuple[Tensor, int]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ProtocolError("A tensor has no name.")
    name, datatype, shape = entry["name"][:200], entry.get("datatype"), entry.get("shape")
    if not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS or not all(_is_size(side) for side in shape):
        raise ProtocolError(f"The shape of {name} is no list of sizes.")
    if not isinstance(datatype, str) or (datatype != "BYTES" and datatype not in DATATYPES):
        raise ProtocolError(f"The datatype of {name} is {datatype!r}, which is not known here.")
    size = _parameters(entry).get("binary_data_size")
    if size is None:
        return _plain(name, datatype, shape, entry.get("data")), 0
    if not _is_size(size) or size > len(rest):
        raise ProtocolError(f"{name} should have {size} bytes, but {len(rest)} are left.")
    return Tensor(name, datatype, tuple(shape), _raw(name, datatype, shape, rest[:size])), size


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def _raw(name: str, datatype: str, shape: Sequence[int], raw: memoryview) -> NDArray[Any] | list[bytes]:
    count = math.prod(shape)
    if datatype == "BYTES":
        items = list(_items(name, raw))
        if len(items) != count:
            raise ProtocolError(f"{name} has {len(items)} elements, not {count}.")
        return items
    kind = np.dtype(DATATYPES[datatype])
    if len(raw) != count * kind.itemsize:
        raise ProtocolError(f"{name} has {len(raw)} bytes, not {count * kind.itemsize}.")
    return np.frombuffer(raw, kind).reshape(shape)


def _items(name: str, raw: memoryview) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "little")
        if at + 4 + size > len(raw):
            raise ProtocolError(f"An element of {name} is longer than what is left.")
        yield bytes(raw[at + 4 : at + 4 + size])
        at += 4 + size


def _plain(name: str, datatype: str, shape: Sequence[int], data: Any) -> Tensor:
    """Numbers, or texts for BYTES, in JSON: flat or nested as the shape says."""
    if not isinstance(data, list):
        raise ProtocolError(f"{name} has no data.")
    if datatype == "BYTES":
        if not all(isinstance(item, str) for item in data) or len(data) != math.prod(shape):
            raise ProtocolError(f"{name} is not a list of {math.prod(shape)} texts.")
        return Tensor(name, datatype, tuple(shape), [item.encode("latin-1", "replace") for item in data])
    try:
        numbers = np.asarray(data, dtype=DATATYPES[datatype])
        return Tensor(name, datatype, tuple(shape), numbers.reshape(shape))
    except (ValueError, TypeError, OverflowError) as error:
        raise ProtocolError(f"The data of {name} are not numbers in its shape.") from error
