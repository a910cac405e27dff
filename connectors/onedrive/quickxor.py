"""quickXorHash, the digest that OneDrive for Business keeps of every file.

The hash is linear: byte i of the file is XORed into a 160-bit ring at bit (11 · i mod 160), and the length is XORed
into the last eight bytes at the end. So it finds accidental damage and tells two compressed pictures apart, but any
two files whose 160-byte blocks are permuted share it: alone it never proves that two files are equal.
"""

from __future__ import annotations

import base64
import hashlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_BITS = 160
_RING = (1 << _BITS) - 1
_CHUNK = 160 * 8192


class QuickXor:
    """The running hash, with hashlib's `update` and `digest`."""

    def __init__(self, data: bytes = b"") -> None:
        self._columns: NDArray[np.uint8] = np.zeros(_BITS, dtype=np.uint8)
        self._length = 0
        self.update(data)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Feed the next bytes of the file."""
        values = np.frombuffer(data, dtype=np.uint8)
        start = self._length % _BITS
        self._length += values.size
        head = min((_BITS - start) % _BITS, values.size)
        self._columns[start : start + head] ^= values[:head]
        values = values[head:]
        whole = values.size // _BITS * _BITS
        if whole:
            self._columns ^= np.bitwise_xor.reduce(values[:whole].reshape(-1, _BITS), axis=0)
        rest = values[whole:]
        self._columns[: rest.size] ^= rest

    def digest(self) -> bytes:
        """The 20 bytes of the hash so far."""
        ring = 0
        for position, column in enumerate(self._columns.tolist()):
            shifted = column << (11 * position % _BITS)
            ring ^= (shifted & _RING) ^ (shifted >> _BITS)
        return (ring ^ (self._length << (_BITS - 64)) & _RING).to_bytes(20, "little")

    def text(self) -> str:
        """The hash in base64, as Graph writes it."""
        return base64.b64encode(self.digest()).decode("ascii")


class Sha1:
    """SHA-1 in lower case hex, which older personal drives keep where they have no SHA-256."""

    def __init__(self) -> None:
        self._running = hashlib.sha1(usedforsecurity=False)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Feed the next bytes of the file."""
        self._running.update(data)

    def text(self) -> str:
        """40 hex digits."""
        return self._running.hexdigest()


def quickxor(data: bytes | BinaryIO) -> str:
    """quickXorHash of bytes or of a stream read to its end, in base64."""
    if isinstance(data, bytes):
        return QuickXor(data).text()
    running = QuickXor()
    while chunk := data.read(_CHUNK):
        running.update(chunk)
    return running.text()
