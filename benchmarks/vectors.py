"""Loading vectors from the store against a plain .npy file, in the same run.

    python benchmarks/vectors.py [--size 1000000] [--dimension 512] [--folder DIR]

Both files are read once before, so that both come from the page cache, and the best of three is taken.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dedupe_core.store import Store

_BATCH = 10_000


def fill(store: Store, count: int, dimension: int) -> None:
    """Signatures and vectors of made-up contents."""
    draw = np.random.default_rng(1)
    model = store.embeddings.model("benchmark", dimension)
    for start in range(0, count, _BATCH):
        size = min(_BATCH, count - start)
        vectors = draw.standard_normal((size, dimension), dtype=np.float32)
        with store.transaction() as db:
            db.executemany(
                "INSERT INTO signature (content, recipe, facts) VALUES (?, 1, '{}')",
                [(f"sha256:{number:064x}",) for number in range(start, start + size)],
            )
            store.embeddings.put(model, range(start + 1, start + size + 1), vectors)


def best(action: Callable[[], object]) -> float:
    """The shortest of three, in seconds."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where the two files are written for the time of the run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name, Store(Path(name)) as store:
        fill(store, options.size, options.dimension)
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows, vectors = store.embeddings.load("benchmark")
        plain = Path(name) / "vectors.npy"
        np.save(plain, vectors)
        each = (Path(name) / "keepone.sqlite3").stat().st_size / options.size
        del rows, vectors
        ours, theirs = best(lambda: store.embeddings.load("benchmark")), best(lambda: np.load(plain))
        print(
            f"{options.size:,} × {options.dimension}: store {ours:.2f} s, .npy {theirs:.2f} s, "
            f"ratio {ours / theirs:.1f}, {each:,.0f} bytes a picture on the disk, signature row included"
        )


if __name__ == "__main__":
    main()
