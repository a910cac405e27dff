"""What a worker does with a few pairs: read and decode each picture once, lay the pairs on each other, measure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from dedupe_core import decode
from dedupe_core.compare import Hint, compare
from dedupe_core.features import COARSE_EDGE, FINE_EDGE, View
from dedupe_core.model import Evidence, Pair

SAME_PIXELS = 24
"""Two files of one picture in full decode differ by the rounding of two scaled decodes at most: a few bits of 256."""

_TWIN_SHARE = 0.99
_ROUNDING = 2.0
_VIEWS = 32
_OPEN = 2  # files whose bytes are in memory; a folder of scans may hold hundreds of megabytes each
_views: OrderedDict[tuple[str, int], View] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One picture on the bench: where its bytes are and how many, the sha256 they must have ("" when any will do),
    whether it is flat or a document, its upright size, format, and pixel digest ("" when it is not known yet).
    `preview`: the bytes are a source's rendering, which tells of the picture and nothing of the file."""

    source: str | bytes
    proof: str
    flat: bool
    size: tuple[int, int]
    format: str = ""
    length: int = 0
    pixels: str = ""
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """Pairs that are measured together because they share a picture; `sheets` by signature row."""

    sheets: Mapping[int, Sheet]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Evidence by pair, pixel digests that were made on the way, and what could not be read."""

    evidence: dict[tuple[int, int], Evidence] = field(default_factory=dict)
    pixels: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


def measure(bench: Bench) -> Measured:
    """Measure every pair of a bench; a picture that cannot be read fails its own pairs."""
    cv2.setNumThreads(1)
    found = Measured()
    table = _Table(bench, found)
    for pair in bench.pairs:
        try:
            found.evidence[pair.a, pair.b] = table.evidence(pair)
        except decode.Unreadable as error:
            found.evidence[pair.a, pair.b] = Evidence(pair.distance, pair.symmetry, failed=str(error))
    return found


class _Table:
    """The pictures of a bench, read when they are first needed."""

    def __init__(self, bench: Bench, found: Measured) -> None:
        self.bench = bench
        self.found = found
        self.data: OrderedDict[int, bytes] = OrderedDict()

    def evidence(self, pair: Pair) -> Evidence:
        """Equal pixels need no look; a damaged twin is not looked at as a copy."""
        if self._may_be_equal(pair) and self._digest(pair.a) == self._digest(pair.b):
            return Evidence(pair.distance, pair.symmetry, pixels_equal=True)
        hint = Hint(pair.distance, pair.symmetry, self.bench.sheets[pair.a].flat or self.bench.sheets[pair.b].flat)
        seen = compare(self._view(pair.a), self._view(pair.b), hint, lambda: self._finer(pair))
        return replace(seen, damaged_twin=self._is_twin(pair))

    def _may_be_equal(self, pair: Pair) -> bool:
        """Worth two full decodes. Files of one format with equal pixels decode alike at a small scale, too (it is the
        same picture or the same coefficients); another format's decoder rounds differently."""
        if pair.distance > SAME_PIXELS or not self._one_size(pair) or self._only_seen(pair):
            return False
        a, b = (self._view(row).colour for row in (pair.a, pair.b))
        if a.shape != b.shape:
            return False
        if self.bench.sheets[pair.a].format == self.bench.sheets[pair.b].format:
            return bool(np.array_equal(a, b))
        return float(cv2.absdiff(a, b).mean()) <= _ROUNDING

    def _only_seen(self, pair: Pair) -> bool:
        """The bytes of one of the two were not read."""
        return self.bench.sheets[pair.a].preview or self.bench.sheets[pair.b].preview

    def _one_size(self, pair: Pair) -> bool:
        return self.bench.sheets[pair.a].size == self.bench.sheets[pair.b].size

    def _digest(self, row: int) -> str:
        known = self.bench.sheets[row].pixels or self.found.pixels.get(row, "")
        if not known:
            known = self.found.pixels[row] = decode.pixel_digest(self._bytes(row))
        return known

    def _finer(self, pair: Pair) -> tuple[View, View]:
        return self._view(pair.a, FINE_EDGE), self._view(pair.b, FINE_EDGE)

    def _view(self, row: int, edge: int = COARSE_EDGE) -> View:
        """Neighbouring benches share pictures, so the last few stay decoded."""
        key = (self.bench.sheets[row].proof, edge)
        view = _views.get(key) if key[0] else None
        if view is None:
            view = View(decode.rgb(self._bytes(row), edge))
            if key[0]:
                _views[key] = view
                while len(_views) > _VIEWS:
                    _views.popitem(last=False)
        return view

    def _bytes(self, row: int) -> bytes:
        if row not in self.data:
            sheet = self.bench.sheets[row]
            try:
                self.data[row] = decode.read(sheet.source, proof=sheet.proof)
            except decode.Unreadable as error:
                self.found.failed[row] = str(error)
                raise
            while len(self.data) > _OPEN:
                self.data.popitem(last=False)
        return self.data[row]

    def _is_twin(self, pair: Pair) -> bool:
        """Equal length and nearly all bytes equal, but not the same picture: one of the two is damaged."""
        one, other = self.bench.sheets[pair.a], self.bench.sheets[pair.b]
        if one.length != other.length or not self._one_size(pair) or self._only_seen(pair):
            return False
        a, b = (np.frombuffer(self._bytes(row), np.uint8) for row in (pair.a, pair.b))
        return len(a) == len(b) and bool(np.mean(a == b) > _TWIN_SHARE)
