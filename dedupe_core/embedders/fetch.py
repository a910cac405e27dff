"""Fetching weights once, so that everything afterwards works offline. Called only when a person asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dedupe_core.embedders import ModelError, towers, weights
from dedupe_core.embedders.chain import HUB, Local, names_a_file, weights_file
from dedupe_core.settings import Embedding
from dedupe_core.whole import write_whole

KNOWN: tuple[tuple[str, str, str, str], ...] = (
    ("open_clip", "ViT-B-32", "openai", "the default: 512 numbers, fast on any machine"),
    ("open_clip", "ViT-B-32", "laion2b_s34b_b79k", "the same size, trained on LAION-2B"),
    ("open_clip", "MobileCLIP-S1", "datacompdr", "for small machines"),
    ("open_clip", "ViT-B-16-SigLIP2", "webli", "finer, three times as slow"),
    ("timm", "resnet50.a1_in1k", "a1_in1k", "2048 numbers, no CLIP"),
    ("timm", "vit_small_patch14_dinov2.lvd142m", "lvd142m", "384 numbers, good at near copies"),
)
"""(library, model, tag, what it is for): a choice. Every name that open_clip or timm knows may be asked for."""


def pull(settings: Embedding, folder: Path) -> Path:
    """Fetch the weights that the configuration names and keep the image side of them as safetensors, with their digest
    beside them. Raises `ModelError`."""
    file = weights_file(settings, folder)
    if file.is_file():
        return file
    if names_a_file(settings.weights):
        raise ModelError(f"{settings.weights} is a file of yours, and it is not there.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.parent.mkdir(exist_ok=True, mode=0o700)
    state = _fetched(settings, folder / "downloads", file.parent)
    _save(state, file)
    origin = {"kind": settings.kind, "model": settings.model, "weights": settings.weights}
    note = json.dumps({**origin, "sha256": weights.digest(file)}, indent=1).encode()
    write_whole(_note(file), [note])
    return file


def verify(settings: Embedding, folder: Path) -> str:
    """Compare the file with the digest of the day it was fetched, and load it. The model's full name; raises
    `ModelError`."""
    file = weights_file(settings, folder)
    if not file.is_file():
        raise ModelError(f"The weights of {settings.model} ({settings.weights}) are not here; run: keepone models pull")
    if _note(file).is_file():
        try:
            told = json.loads(_note(file).read_text("utf-8"))["sha256"]
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{_note(file).name} cannot be read; delete it and run: keepone models pull") from error
        if told != weights.digest(file):
            raise ModelError(f"{file.name} is not what was fetched; delete it and run: keepone models pull")
    return Local(settings, folder).open().model


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _fetched(settings: Embedding, cache: Path, beside: Path) -> Mapping[str, Any]:
    if settings.kind in ("torchscript", "onnx"):
        raise ModelError(f"A model of the kind {settings.kind} is a file of yours: set embedding.weights to its path.")
    try:
        if settings.kind == "timm":
            timm = towers.imported("timm")
            if not timm.is_model(settings.model):
                raise ModelError(f"timm has no model {settings.model!r}. See: keepone models list")
            found: Mapping[str, Any] = timm.create_model(settings.model, pretrained=True, cache_dir=cache).state_dict()
            return found
        clip = towers.imported("open_clip")
        if settings.model.startswith(HUB):
            return _from_hub(clip, settings.model.removeprefix(HUB), cache, beside)
        given = clip.get_pretrained_cfg(settings.model, settings.weights)
        if not given:
            known = ", ".join(clip.list_pretrained_tags_by_model(settings.model)) or "none"
            raise ModelError(f"{settings.model} has no weights {settings.weights!r}; there are: {known}.")
        return _images_only(weights.read(Path(clip.download_pretrained(given, cache_dir=str(cache)))))
    except ImportError as error:
        raise ModelError(f'{error.name} is not installed; run: pip install "keepone[clip]"') from error
    except (OSError, RuntimeError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"The weights cannot be fetched now ({first[:200]}); try again when the network is there."
        ) from error


def _from_hub(clip: Any, repository: str, cache: Path, beside: Path) -> Mapping[str, Any]:
    """The weights of a repository, whose description of the model is put beside them."""
    fetch = clip.pretrained.download_pretrained_from_hf
    described = Path(fetch(repository, filename=towers.DESCRIPTION, cache_dir=str(cache)))
    write_whole(beside / towers.DESCRIPTION, [described.read_bytes()])
    return _images_only(weights.read(Path(fetch(repository, cache_dir=str(cache)))))


def _images_only(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the side that reads texts."""
    return {name: value for name, value in state.items() if name.startswith("visual.")} or state


def _save(state: Mapping[str, Any], file: Path) -> None:
    from safetensors.torch import save

    write_whole(file, [save({name: value.contiguous().clone() for name, value in state.items()})])
