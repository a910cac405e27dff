"""The precisions that a module can run in, each as a copy of the float32 module.

"medium" is float32 whose products the processor may take in bfloat16. "mixed" keeps weights and products of linear,
convolution and attention layers in bfloat16, but what flows between them, normalisation and softmax in float32: as fast
as bfloat16 where the processor has units for it, and a hundredth of its error. "bf16" and "fp16" are the whole module.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from dedupe_core.embedders import ModelError

Precision = Literal["fp32", "medium", "mixed", "bf16", "fp16"]
_ON: dict[str, tuple[Precision, ...]] = {
    "cpu": ("fp32", "medium", "mixed"),
    "cuda": ("fp32", "medium", "fp16", "bf16"),
    "mps": ("fp32", "fp16"),
}


def known(asked: str) -> Precision:
    """The precision of that name. Raises `ModelError`."""
    for precision in get_args(Precision):
        if asked == precision:
            return precision  # type: ignore[no-any-return]
    raise ModelError(f"There is no precision {asked!r}; there are {', '.join(get_args(Precision))}.")


def worth_trying(device: str) -> tuple[Precision, ...]:
    """What may be faster than float32 on a device, float32 first."""
    return _ON[device]


def lowered(module: Any, precision: Precision) -> Any:
    """The module in a precision; the one given when nothing has to be changed. Raises `RuntimeError` when the module
    cannot be copied or has no layer that could be lowered."""
    import torch

    if precision in ("fp32", "medium"):
        return module
    changed = copy.deepcopy(module)
    if precision != "mixed":
        return changed.to(torch.bfloat16 if precision == "bf16" else torch.float16)
    if not _mix(changed):
        raise RuntimeError("There is no layer to lower.")
    return changed


def input_type(precision: Precision) -> Any:
    """The dtype of what the module is given."""
    import torch

    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)


@contextmanager
def running(precision: Precision) -> Iterator[None]:
    """Around the module's calls: no gradients, and products as the precision allows."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if precision == "medium" else "highest")
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _mix(module: Any) -> int:
    """Lower the layers that multiply, at the outermost place; how many."""
    import torch

    lowers = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.MultiheadAttention)
    count = 0
    for child in module.children():
        if isinstance(child, lowers):
            child.to(torch.bfloat16)
            child.register_forward_pre_hook(_down, with_kwargs=True)
            child.register_forward_hook(_up)
            count += 1
        else:
            count += _mix(child)
    return count


def _down(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments in bfloat16. What was one tensor stays one: attention takes three equal inputs in one product."""
    del module
    import torch

    cast: dict[int, Any] = {}

    def down(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
            return value
        if id(value) not in cast:
            cast[id(value)] = value.to(torch.bfloat16)
        return cast[id(value)]

    return tuple(map(down, given)), {name: down(value) for name, value in named.items()}


def _up(module: Any, given: tuple[Any, ...], answer: Any) -> Any:
    """The answer in float32."""
    del module, given
    import torch

    if isinstance(answer, tuple):
        return tuple(part.float() if isinstance(part, torch.Tensor) else part for part in answer)
    return answer.float()
