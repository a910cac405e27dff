"""Small models with random weights, saved as checkpoints: they go through the very code that real ones go through."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from dedupe_core.embedders.torchvision_guard import guard
from dedupe_core.embedders.towers import imported

CLIP = "keepone-tiny"
TIMM = "test_vit"
CONFIG = {
    "embed_dim": 48,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1},
}


@cache
def open_clip() -> Any:
    """open_clip, knowing the small architecture."""
    module = imported("open_clip")
    folder = Path(mkdtemp(prefix="keepone-model-"))
    (folder / f"{CLIP}.json").write_text(json.dumps(CONFIG))
    module.add_model_config(folder)
    return module


@cache
def whole_clip(seed: int = 0) -> Any:
    """The small CLIP with random weights."""
    import torch

    module = open_clip()
    torch.manual_seed(seed)
    return module.create_model(CLIP, pretrained=None, load_weights=False).eval()


def clip_checkpoint(folder: Path, seed: int = 0, suffix: str = ".safetensors") -> Path:
    """Its checkpoint."""
    return saved(whole_clip(seed).state_dict(), folder / f"clip-{seed}{suffix}")


@cache
def whole_timm() -> Any:
    """timm's own small vision transformer, with the head that a checkpoint has."""
    guard()
    import timm
    import torch

    torch.manual_seed(1)
    return timm.create_model(TIMM, pretrained=False).eval()


def timm_checkpoint(folder: Path) -> Path:
    """Its checkpoint."""
    return saved(whole_timm().state_dict(), folder / "timm.safetensors")


def saved(state: Any, file: Path) -> Path:
    """Write a table of weights."""
    import torch
    from safetensors.torch import save_file

    if file.suffix == ".safetensors":
        save_file({name: value.contiguous().clone() for name, value in state.items()}, file)
    else:
        torch.save(state, file)
    return file
