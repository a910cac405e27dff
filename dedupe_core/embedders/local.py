"""A model on this machine: where it runs, in which precision, and in batches that fit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe_core.embedders import ModelError
from dedupe_core.embedders.precision import Precision, input_type, known, lowered, running, worth_trying
from dedupe_core.embedders.towers import Tower
from dedupe_core.engine import cores

LEAST_COSINE = 0.9999
"""A faster precision is taken only when it gives the same directions as float32 to this cosine."""
_PROBED, _ROUNDS = 8, 3
_WORTH_MEASURING = 32
"""Pictures that come together from which on measuring costs less than it saves."""
_LARGEST = {"cpu": 16, "mps": 64, "cuda": 512}
"""Pictures at once; on a processor for each of its cores."""
_SHARE = 0.5
"""Share of the free memory that a batch may take."""
_ON_THE_WAY = 48
"""Memory of a picture inside a model in multiples of its float32 input; ViT and ResNet-50 stay below."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where and how a model runs: pictures a second of every precision that was tried, and the cosine to float32."""

    device: str
    precision: Precision
    tried: dict[Precision, tuple[float, float]]

    def __str__(self) -> str:
        return f"{self.device}, {self.precision}"


class LocalEmbedder:
    """Runs a tower. `device` and `precision` are "auto" or a name; `batch` 0 is what fits the device. On a processor a
    batch is shared out to `threads` (0: one a core), each with a core of its own: cores that work on one product
    together wait for each other, and wait long where others want them too.

    The precision that "auto" takes is the fastest of a short measurement, among those that agree with float32; `choice`
    tells it. A handful of pictures is not worth it and runs in float32. A batch that does not fit into memory is
    halved, for good.
    """

    def __init__(
        self, tower: Tower, device: str = "auto", precision: str = "auto", batch: int = 0, threads: int = 0
    ) -> None:
        self._device = device_of(device)
        self._threads = (threads or cores()) if self._device == "cpu" else 1
        self._pool: ThreadPoolExecutor | None = None
        self._modules: dict[Precision, Any] = {"fp32": tower.module.to(self._device)}
        self.model = tower.name
        self.preprocess = tower.preprocess
        self.choice: Choice | None = None
        self._use(known("fp32" if precision == "auto" else precision))
        if precision != "auto":
            self.choice = Choice(self._device, self._precision, {})
        self.batch = batch or _fitting(self._device, self.preprocess.size, self._threads)
        self.dimension = self._dimension()

    def embed(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """float32 (n, dimension), rows of unit length, from n pictures as `preprocess` gives them: uint8 (size, size,
        3). Raises `ModelError` when the model answers with something that is no direction, or when not even one
        picture fits into memory."""
        if self.choice is None and len(pictures) >= _WORTH_MEASURING:
            self.measure(pictures)
        if not len(pictures):
            return np.empty((0, self.dimension), np.float32)
        return unit_rows(self._answers(pictures), self.model)

    def measure(self, pictures: Sequence[Any] | None = None) -> Choice:
        """Try the precisions of this device on some pictures (noise by default) and take the best."""
        if pictures is None:
            size = self.preprocess.size
            pictures = list(np.random.default_rng(1).integers(0, 256, (_PROBED, size, size, 3), dtype=np.uint8))
        count = min(self.batch, max(_PROBED, 4 * self._threads))
        probe = [pictures[at % len(pictures)] for at in range(count)]
        self._use(known("fp32"))
        reference = self._answers(probe).astype(np.float64)
        cosines = {precision: self._cosine(precision, probe, reference) for precision in worth_trying(self._device)}
        times = dict.fromkeys((one for one, cosine in cosines.items() if cosine is not None), float("inf"))
        for _ in range(_ROUNDS):  # in turns, so that a machine that is busy for a moment slows all of them
            for precision in times:
                self._use(precision)
                times[precision] = min(times[precision], self._seconds(probe))
        tried = {one: (len(probe) / taken, cosines[one] or 0.0) for one, taken in times.items()}
        fit = [precision for precision, (_, cosine) in tried.items() if cosine >= LEAST_COSINE]
        best = max(fit, key=lambda precision: tried[precision][0], default=known("fp32"))
        self._modules = {precision: self._modules[precision] for precision in ("fp32", best)}
        self._use(best)
        self.choice = Choice(self._device, best, tried)
        return self.choice

    @property
    def how(self) -> str:
        """Device and precision."""
        return str(self.choice) if self.choice else f"{self._device}, {self._precision}"

    def _use(self, precision: Precision) -> None:
        """Run in this precision from now on. Raises `RuntimeError` where the module cannot."""
        if precision not in self._modules:
            self._modules[precision] = lowered(self._modules["fp32"], precision)
        self._module, self._precision = self._modules[precision], precision

    def _cosine(self, precision: Precision, probe: Sequence[Any], reference: NDArray[np.float64]) -> float | None:
        """The least cosine of a precision to float32. None where the module, or an operation of it, has no such
        precision."""
        try:
            self._use(precision)
            return _least_cosine(self._run(probe).astype(np.float64), reference)
        except RuntimeError:
            return None

    def _answers(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """(n, dimension) as the model gives them. On an accelerator one batch is copied while another runs: nothing
        waits for an answer before all batches are on their way."""
        import torch

        parts: list[Any] = []
        at = 0
        with running(self._precision):
            while at < len(pictures):
                some = pictures[at : at + self.batch]
                try:
                    parts += self._shared_out(some)
                except _out_of_memory() as error:
                    self._halve(error)
                    continue
                at += len(some)
            answer: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
        return answer

    def _shared_out(self, pictures: Sequence[Any]) -> list[Any]:
        """The answers to one batch, in pieces."""
        if self._threads == 1 or len(pictures) < 2:
            return [self._forward(pictures)]
        import torch

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "keepone-forward", torch.set_num_threads, (1,))
        each = -(-len(pictures) // self._threads)
        waiting = [self._pool.submit(self._piece, pictures[at : at + each]) for at in range(0, len(pictures), each)]
        wait(waiting)
        return [piece.result() for piece in waiting]

    def _piece(self, pictures: Sequence[Any]) -> Any:
        """One thread's share; inference mode is a matter of each thread."""
        import torch

        with torch.inference_mode():
            return self._forward(pictures)

    def _run(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """The same of one batch, whatever it needs."""
        import torch

        with running(self._precision):
            answer: NDArray[np.float32] = torch.cat(self._shared_out(pictures)).cpu().numpy()
        return answer

    def _forward(self, pictures: Sequence[Any]) -> Any:
        """float32 (n, dimension) on the device."""
        import torch

        size = self.preprocess.size
        levels = torch.empty((len(pictures), size, size, 3), dtype=torch.uint8, pin_memory=self._device == "cuda")
        np.stack([np.asarray(one) for one in pictures], out=levels.numpy())
        try:
            found = self._module(self._normalised(levels.to(self._device, non_blocking=True)))
        except TypeError as error:
            raise ModelError(f"The model {self.model} does not take a batch of pictures.") from error
        found = found[0] if isinstance(found, (tuple, list)) else found
        if not isinstance(found, torch.Tensor) or found.ndim != 2 or len(found) != len(pictures):
            raise ModelError(f"The model {self.model} gives no vector a picture.")
        return found.float()

    def _normalised(self, levels: Any) -> Any:
        """(n, 3, size, size) in the module's own type, from levels (n, size, size, 3) on the device."""
        import torch

        mean = torch.tensor(self.preprocess.mean, device=levels.device) * 255
        std = torch.tensor(self.preprocess.std, device=levels.device) * 255
        inputs = (levels.float() - mean) / std
        return inputs.permute(0, 3, 1, 2).to(input_type(self._precision)).contiguous()

    def _halve(self, error: Exception) -> None:
        """A batch did not fit: half of it next time. Raises `ModelError` when one picture does not fit, and for every
        other error."""
        if not is_out_of_memory(error):
            raise self._failure(error) from error
        if self.batch == 1:
            raise ModelError(
                f"The model {self.model} needs more memory than there is for one picture; choose a smaller one."
            ) from error
        self.batch = max(1, self.batch // 2)
        if self._device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _dimension(self) -> int:
        size = self.preprocess.size
        try:
            return int(self._run([np.zeros((size, size, 3), np.uint8)]).shape[1])
        except RuntimeError as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> ModelError:
        """The last line of torch's complaint, which may be a page of its own."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return ModelError(f"The model {self.model} fails ({lines[-1].strip()[:200]}).")

    def _seconds(self, probe: Sequence[Any]) -> float:
        began = time.perf_counter()
        self._run(probe)
        return time.perf_counter() - began


def device_of(asked: str) -> str:
    """ "cuda", "mps" or "cpu": the fastest there is, or the one asked for. Raises `ModelError` when it is not there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there.get(asked):
        names = ", ".join(name for name, is_there in there.items() if is_there)
        raise ModelError(f"There is no device {asked!r} here; there is {names}.")
    return asked


def _fitting(device: str, size: int, threads: int) -> int:
    """Pictures that run at once: what pays, halved until the free memory holds it."""
    picture = _ON_THE_WAY * 3 * 4 * size * size
    batch = _LARGEST[device] * threads
    while batch > 1 and batch * picture > _SHARE * _free(device):
        batch //= 2
    return batch


def _free(device: str) -> float:
    """Bytes that are free on a device; a Mac's accelerator shares the machine's memory."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:  # other systems give what was promised, or swap
        return float("inf")
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return 1024.0 * int(told["MemAvailable"].split()[0]) if "MemAvailable" in told else float("inf")


def unit_rows(vectors: NDArray[np.float32], model: str) -> NDArray[np.float32]:
    """Rows of unit length. Raises `ModelError` when one has no direction."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ModelError(f"The model {model} gives vectors that are no numbers; nothing of it is kept.")
    unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
    return unit


def _least_cosine(found: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(reference, axis=1)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        return 0.0
    return float((np.einsum("ij,ij->i", found, reference) / lengths).min())


def _out_of_memory() -> tuple[type[Exception], ...]:
    import torch

    return (torch.OutOfMemoryError, MemoryError, RuntimeError)


def is_out_of_memory(error: Exception) -> bool:
    """The processor's allocator has no error of its own; it says so in words."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return any(words in str(error) for words in ("can't allocate memory", "not enough memory", "out of memory"))
