"""Near-neighbour search over 256-bit hashes in eight symmetries, against popcount brute force in the same run.

    python benchmarks/neighbours.py [--sizes 100000,300000,1000000] [--radius 90]

The baseline is the plain definition in numpy (xor, bitwise_count, eight symmetries) on both cores, measured on a slice
of the pairs and extrapolated to all of them. Everything found in the slice is compared with the search's answer.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from dedupe_core import hamming
from dedupe_core.phash import phash256

_CHUNK = 1_000
_SLICE = 64
_BLOCK = 8192


def library(count: int, seed: int = 1) -> NDArray[np.uint8]:
    """Hashes (count, 8, 32) of random textured pictures; every fiftieth is a noisy copy of the one before it."""
    draw = np.random.default_rng(seed)
    parts = []
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        coarse = draw.integers(0, 256, (size, 16, 16), dtype=np.uint8)
        pictures = coarse.repeat(4, axis=1).repeat(4, axis=2)
        copies = np.arange(1, size, 50)
        noise = draw.integers(-12, 13, (len(copies), 64, 64))
        pictures[copies] = np.clip(pictures[copies - 1][:, :, ::-1].astype(np.int16) + noise, 0, 255)
        parts.append(phash256(pictures))
    return np.concatenate(parts)


def brute(hashes: NDArray[np.uint8], rows: range, radius: int) -> list[tuple[int, int]]:
    """All pairs (a, b), a in `rows`, a < b, by definition: xor and bitwise_count of whole columns, in blocks that fit
    the first cache, without a temporary."""
    words = np.ascontiguousarray(hashes.view(np.uint64).reshape(len(hashes), 8, 4).transpose(1, 2, 0))
    turned = np.empty(_BLOCK, np.uint64)
    count, total = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK, np.uint8)
    found = []
    for first in range(0, len(hashes), _BLOCK):
        size = min(_BLOCK, len(hashes) - first)
        block = words[:, :, first : first + size]
        for a in rows:
            near = np.zeros(size, np.bool_)
            for symmetry in range(8):
                for word in range(4):
                    np.bitwise_xor(block[symmetry, word], words[0, word, a], out=turned[:size])
                    np.bitwise_count(turned[:size], out=count[:size] if word else total[:size])
                    if word:
                        np.add(total[:size], count[:size], out=total[:size])
                near |= total[:size] <= radius
            found += [(a, first + int(b)) for b in np.flatnonzero(near) if first + int(b) > a]
    return found


def measure(count: int, radius: int) -> None:
    """Print time, memory and ratio for one size."""
    hashes = library(count)
    cores = os.cpu_count() or 1
    rows = range(0, min(_SLICE, count // 4))
    began, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(cores) as pool:
        parts = pool.map(lambda part: brute(hashes, part, radius), [rows[core::cores] for core in range(cores)])
        expected = {pair for part in parts for pair in part}
    times = (count - 1) / 2 / len(rows)
    baseline, baseline_worked = (time.perf_counter() - began) * times, (time.process_time() - worked) * times
    began, worked = time.perf_counter(), time.process_time()
    found = 0
    seen: set[tuple[int, int]] = set()
    for part in hamming.within(hashes, radius):
        found += len(part)
        early = part.a < len(rows)
        seen.update(zip(part.a[early].tolist(), part.b[early].tolist(), strict=True))
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if seen != expected:
        raise SystemExit(f"the search differs from brute force on the slice: {len(seen ^ expected)} pairs")
    print(
        f"{count:>9,} photos: {seconds:8.1f} s, brute force {baseline:10.1f} s (extrapolated from {len(rows)} rows), "
        f"ratio {baseline / seconds:5.1f}, by processor time {baseline_worked / worked:5.1f}, {found:,} pairs, "
        f"{memory:,.0f} MB peak, slice equal ({len(expected)} pairs)"
    )


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100000,300000,1000000")
    parser.add_argument("--radius", type=int, default=90)
    options = parser.parse_args()
    for size in options.sizes.split(","):
        measure(int(size), options.radius)


if __name__ == "__main__":
    main()
