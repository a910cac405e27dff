"""The image side of a model, built from its architecture's name and a local checkpoint. Nothing is fetched here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dedupe_core.embedders import ModelError, weights
from dedupe_core.embedders.preprocess import Preprocess

Kind = Literal["open_clip", "timm", "torchscript"]
DESCRIPTION = "open_clip_config.json"
"""Beside the weights of a model that open_clip does not know by name."""
_OF_A_TAG = ("mean", "std", "interpolation", "resize_mode")
_HEADS = ("fc.", "head.", "head_dist.", "classifier.")
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class Tower:
    """A torch module from (n, 3, size, size) float32 to (n, dimension), the input it wants, and its full name."""

    module: Any
    preprocess: Preprocess
    name: str


def build(kind: Kind, model: str, file: Path, size: int = 224) -> Tower:
    """The tower of `model` with the weights in `file`, ready to run on the processor in float32. `size` is the input
    of a TorchScript file, which does not say it. Raises `ModelError`."""
    builders = {"open_clip": _open_clip, "timm": _timm, "torchscript": _torchscript}
    try:
        module, wanted = builders[kind](model, file, size)
    except ImportError as error:
        raise ModelError(f'{error.name} is not installed; run: pip install "keepone[clip]"') from error
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return Tower(module, wanted, f"{kind}:{model}@{weights.digest(file)[:16]}/{wanted.mark}")


def _open_clip(model: str, file: Path, size: int) -> tuple[Any, Preprocess]:
    del size
    clip = imported("open_clip")
    described = file.with_name(DESCRIPTION)
    if described.is_file():
        name, tag = f"local-dir:{file.parent}", _described(described)
    elif ":" not in model and clip.get_model_config(model) is not None:
        name, tag = model, clip.get_pretrained_cfg(model, file.stem.rsplit("--", 1)[-1]) or {}
    else:
        raise ModelError(f"open_clip has no model {model!r}. See: keepone models list")
    whole = clip.create_model(
        name, pretrained=None, load_weights=False, force_quick_gelu=bool(tag.get("quick_gelu", False))
    )
    state = clip.factory.convert_state_dict(whole, dict(weights.read(file)))
    clip.factory.resize_pos_embed(state, whole)
    _load(whole, state, model, file, needed="visual.")
    whole.visual.output_tokens = False
    given = {**whole.visual.preprocess_cfg, **{key: tag[key] for key in _OF_A_TAG if key in tag}}
    edge = given["size"][0] if isinstance(given["size"], (tuple, list)) else given["size"]
    return whole.visual, _wanted(edge, edge, given["mean"], given["std"], given["interpolation"], given["resize_mode"])


def _described(file: Path) -> dict[str, Any]:
    """How the pictures of a model are prepared that comes with its own description. Raises `ModelError`."""
    try:
        told = json.loads(file.read_text("utf-8"))
        return {**told.get("preprocess_cfg", {})} if isinstance(told["model_cfg"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{file} describes no model; fetch it again: keepone models pull") from error


def _timm(model: str, file: Path, size: int) -> tuple[Any, Preprocess]:
    del size
    timm = imported("timm")
    if not timm.is_model(model):
        raise ModelError(f"timm has no model {model!r}. See: keepone models list")
    module = timm.create_model(model, pretrained=False, num_classes=0)
    _load(module, dict(weights.read(file)), model, file, surplus=_HEADS)
    given = timm.data.resolve_model_data_config(module)
    edge = int(given["input_size"][-1])
    resized = int(edge / given["crop_pct"])
    return module, _wanted(edge, resized, given["mean"], given["std"], given["interpolation"], "shortest")


def _torchscript(model: str, file: Path, size: int) -> tuple[Any, Preprocess]:
    """A scripted or traced module: it holds code of TorchScript's own language, which reaches nothing outside it."""
    del model
    import torch

    try:
        module = torch.jit.load(str(file), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{file.name} is not a TorchScript file.") from error
    return module, _wanted(size, size, *_IMAGENET, "bilinear", "squash")


def _wanted(size: int, resize: int, mean: Any, std: Any, interpolation: Any, fit: Any) -> Preprocess:
    means, deviations = tuple(float(value) for value in mean), tuple(float(value) for value in std)
    smooth = "bilinear" if interpolation == "bilinear" else "bicubic"
    if len(means) != 3 or len(deviations) != 3:
        raise ModelError("The model wants other channels than red, green and blue.")
    return Preprocess(int(size), int(resize), means, deviations, smooth, fit)  # type: ignore[arg-type]


def _load(
    module: Any, state: dict[str, Any], model: str, file: Path, needed: str = "", surplus: tuple[str, ...] = ()
) -> None:
    """Put the weights in. Every weight whose name begins with `needed` has to be there, in its shape, and no other
    that begins so, except for the `surplus`. Raises `ModelError`."""
    try:
        missing, unexpected = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise ModelError(f"{file.name} does not fit the model {model}: {first}") from error
    lacking = [name for name in missing if name.startswith(needed)]
    foreign = [name for name in unexpected if name.startswith(needed) and not name.startswith(surplus or ("\0",))]
    if lacking or foreign:
        told = f"it lacks {lacking[0]}" if lacking else f"it holds {foreign[0]}"
        raise ModelError(f"{file.name} does not fit the model {model}: {told}.")


def imported(name: str) -> Any:
    """open_clip or timm, importable also beside a torchvision of another build."""
    import importlib

    from dedupe_core.embedders.torchvision_guard import guard

    guard()
    return importlib.import_module(name)
