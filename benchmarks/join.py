"""The exact join of vectors against blocked float32 numpy and against approximate indexes, in the same run.

    python benchmarks/join.py [--sizes 100000,300000,1000000] [--dimension 512] [--threshold 0.95] [--kernel cuda]

Every ratio is printed twice: by the clock, and in brackets by the processor's time, which other programs that are at
work on the machine disturb less.

The baseline is the plain definition in numpy (float32 products of 1024 rows, then a comparison) on the same cores,
measured on a slice of the rows and extrapolated; every pair of the slice is compared with the join's answer. faiss and
usearch take part where they are installed; what they need to build counts, and their recall is printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import time

import numpy as np
from numpy.typing import NDArray

from dedupe_core import join

_SLICE = 2048
_BLOCK = 1024
_MAX_INDEXED = 100_000
_NEIGHBOURS = 16


def library(count: int, dimension: int, spectrum: str, seed: int = 1) -> NDArray[np.float32]:
    """Unit vectors; every twentieth is a near copy of the one before it (cosine 0.93 to 1). "flat": all directions
    alike, the hardest case for the bound. "steep": variance falls like that of a trained model's vectors."""
    draw = np.random.default_rng(seed)
    vectors = np.empty((count, dimension), np.float32)
    scale = np.ones(dimension) if spectrum == "flat" else (1 + np.arange(dimension)) ** -0.5
    centre = 0.0 if spectrum == "flat" else draw.normal(size=dimension) * scale
    for start in range(0, count, 50_000):
        size = min(50_000, count - start)
        block = draw.standard_normal((size, dimension), dtype=np.float32) * scale.astype(np.float32) + centre
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        copies = np.arange(1, size, 20)
        noise = draw.normal(size=(len(copies), dimension)) * draw.uniform(0, 0.4, (len(copies), 1)) / dimension**0.5
        block[copies] = block[copies - 1] + noise
        vectors[start : start + size] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return vectors


def brute(vectors: NDArray[np.float32], rows: int, threshold: float) -> set[tuple[int, int]]:
    """All pairs with a row below `rows`: products in blocks and a comparison."""
    pairs: set[tuple[int, int]] = set()
    for start in range(0, rows, _BLOCK):
        for first in range(0, len(vectors), 8 * _BLOCK):
            products = vectors[start : start + _BLOCK] @ vectors[first : first + 8 * _BLOCK].T
            a, b = np.nonzero(products >= threshold)
            pairs.update((start + int(i), first + int(j)) for i, j in zip(a, b, strict=True) if start + i < first + j)
    return pairs


def now() -> NDArray[np.float64]:
    """Seconds of the clock and of this process on all cores."""
    return np.array([time.perf_counter(), time.process_time()])


def times(a: NDArray[np.float64], b: NDArray[np.float64]) -> str:
    """How many times b is in a, by the clock and in brackets by the processor."""
    return "{:.1f} ({:.1f})".format(*(a / b))


def measure(count: int, dimension: int, threshold: float, spectrum: str, kernel: str) -> None:
    """Print time, memory and ratios for one size."""
    vectors = library(count, dimension, spectrum)
    rows = min(_SLICE, count)
    began = now()
    expected = brute(vectors, rows, threshold)
    baseline = (now() - began) / rows * count / 2
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = now()
    pairs = 0
    seen: set[tuple[int, int]] = set()
    a_parts, b_parts = [], []
    for part in join.within(vectors, threshold, kernel=kernel):
        pairs += len(part)
        early = part.a < rows
        seen.update(zip(part.a[early].tolist(), part.b[early].tolist(), strict=True))
        if count <= _MAX_INDEXED:
            a_parts.append(part.a)
            b_parts.append(part.b)
    took = now() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    different = [pair for pair in seen ^ expected if abs(vectors[pair[0]] @ vectors[pair[1]] - threshold) > 1e-5]
    if different:
        raise SystemExit(f"the join differs from brute force on the slice: {len(different)} pairs")
    print(
        f"{count:>9,} × {dimension} {spectrum:<5} at {threshold}: {took[0]:7.2f} s, numpy float32 {baseline[0]:8.1f} s "
        f"(from {rows} rows), ratio {times(baseline, took)}, {count / took[0]:8,.0f} photos/s, {pairs:,} pairs, "
        f"recall 1 on the slice ({len(expected)} pairs), {memory:,.0f} MB beside {vectors.nbytes >> 20:,} MB",
        flush=True,
    )
    if count <= _MAX_INDEXED:
        truth = set(zip(np.concatenate(a_parts).tolist(), np.concatenate(b_parts).tolist(), strict=True))
        _indexes(vectors, threshold, truth, took)


def _indexes(
    vectors: NDArray[np.float32], threshold: float, truth: set[tuple[int, int]], ours: NDArray[np.float64]
) -> None:
    for name, index in (("faiss", _faiss), ("usearch", _usearch)):
        if importlib.util.find_spec(name) is None:
            print(f"          {name}: not installed")
            continue
        began = now()
        neighbours, cosines = index(vectors)
        took = now() - began
        a, k = np.nonzero(cosines >= threshold)
        b = neighbours[a, k]
        answered = {(min(i, j), max(i, j)) for i, j in zip(a.tolist(), b.tolist(), strict=True) if i != j}
        recall = len(truth & answered) / max(len(truth), 1)
        print(
            f"          {name} HNSW: {took[0]:7.2f} s with its build, {times(took, ours)} × ours, recall {recall:.4f}",
            flush=True,
        )


def _faiss(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    import faiss  # type: ignore[import-not-found]

    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    cosines, neighbours = index.search(vectors, _NEIGHBOURS)
    return neighbours, cosines


def _usearch(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    from usearch.index import Index  # type: ignore[import-not-found]

    index = Index(ndim=vectors.shape[1], metric="cos", dtype="f16")
    keys = np.arange(len(vectors))
    index.add(keys, vectors, threads=os.cpu_count() or 1)
    matches = index.search(vectors, _NEIGHBOURS, threads=os.cpu_count() or 1)
    return matches.keys.astype(np.int64), 1 - matches.distances


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100000,300000,1000000")
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--threshold", type=float, default=0.95)
    parser.add_argument("--spectrum", choices=["flat", "steep"], nargs="*", default=["flat", "steep"])
    parser.add_argument("--kernel", default="auto", help="numpy, torch, cuda or auto")
    options = parser.parse_args()
    for size in options.sizes.split(","):
        for spectrum in options.spectrum:
            measure(int(size), options.dimension, options.threshold, spectrum, options.kernel)


if __name__ == "__main__":
    main()
