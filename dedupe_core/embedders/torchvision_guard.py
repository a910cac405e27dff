"""A torch for the processor beside the torchvision of another build: importing it fails with "operator
torchvision::nms does not exist" (pytorch/vision issues 9077, 9085), and open_clip and timm with it.

That is what a person gets who installs torch without CUDA and then plain torchvision. Nothing here uses the two
operators that are missing, so their schemas are declared before the first import; calling them stays an error.
"""

from __future__ import annotations

from importlib.machinery import PathFinder
from typing import Any

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[Any] = []
"""The declarations live as long as what holds them."""


def guard() -> None:
    """Make torchvision importable. Does nothing for builds with CUDA, or where the operators are there."""
    import sys

    import torch

    if torch.version.cuda is not None or "torchvision" in sys.modules or _declared or _has_operators():
        return
    declare: Any = torch.library.Library
    library = declare("torchvision", "FRAGMENT")
    for schema in _SCHEMAS.values():
        library.define(schema)
    _declared.append(library)


def _has_operators() -> bool:
    """Whether torchvision's own library loads and brings them."""
    import torch

    spec = PathFinder.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True
    found = PathFinder.find_spec("_C", list(spec.submodule_search_locations))
    if found is None or found.origin is None:
        return False
    try:
        torch.ops.load_library(found.origin)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True
