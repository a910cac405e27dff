"""What a model is worth on this machine, in figures of one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedupe_core.embedders.chain import Local
from dedupe_core.settings import Embedding

if TYPE_CHECKING:
    from dedupe_core.embedders.precision import Precision
    from dedupe_core.store import Store


@dataclass(frozen=True, slots=True)
class Measured:
    """Pictures a second: `batched` as a scan does it, `single` one picture a call in float32; `tried` by precision,
    with the least cosine to float32; `vectors` a second from the store (0: there are none)."""

    model: str
    how: str
    batch: int
    batched: float
    single: float
    tried: Mapping[Precision, tuple[float, float]]
    vectors: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.model} on {self.how}"
        for precision, (speed, cosine) in self.tried.items():
            yield f"{precision}: {speed:.1f} pictures a second, cosine to fp32 {cosine:.5f}"
        ratio = self.batched / self.single
        told = f"in batches of {self.batch}, {ratio:.1f} × one by one in fp32"
        yield f"encoding: {self.batched:.1f} pictures a second {told}"
        if self.vectors:
            yield f"loading: {self.vectors:,.0f} vectors a second"


def measured(settings: Embedding, folder: Path, count: int, store: Store) -> Measured:
    """Encode `count` made-up pictures. Raises `ModelError`."""
    import numpy as np

    encoder = Local(settings, folder).open()
    size = encoder.preprocess.size
    pictures = list(np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8))
    choice = encoder.choice or encoder.measure(pictures)
    plain = Local(settings.model_copy(update={"precision": "fp32", "batch": 1}), folder).open()
    alone = pictures[: max(1, count // 8)]
    single = len(alone) / _seconds(lambda: [plain.embed([one]) for one in alone])
    batched = count / _seconds(lambda: encoder.embed(pictures))
    name = store.embeddings.current()
    loaded = 0.0
    if name:
        began = time.perf_counter()
        rows, _ = store.embeddings.load(name)
        loaded = len(rows) / max(time.perf_counter() - began, 1e-9)
    return Measured(encoder.model, encoder.how, encoder.batch, batched, single, choice.tried, loaded)


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
