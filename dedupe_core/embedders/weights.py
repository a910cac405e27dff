"""Checkpoints: read without running anything that is in them, and known by their digest."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dedupe_core.embedders import ModelError

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


def digest(file: Path) -> str:
    """sha256 of the file, hexadecimal. Raises `ModelError` when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"The weights {file} cannot be read ({error.strerror or error}).") from error


def read(file: Path) -> Mapping[str, Any]:
    """The tensors of a checkpoint by name, on the processor. safetensors, or torch files of which nothing but tensors
    is unpickled. Raises `ModelError`."""
    import torch

    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(file)
        else:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{file.name} holds more than weights; convert it to safetensors.") from error
    except OSError as error:
        raise ModelError(f"The weights {file} cannot be read ({error.strerror or error}).") from error
    except _broken() as error:
        raise ModelError(f"{file.name} is not a complete checkpoint; fetch it again: keepone models pull") from error
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()) or not found:
        raise ModelError(f"{file.name} holds no table of weights.")
    return {str(name).removeprefix("module."): value for name, value in found.items()}


def _broken() -> tuple[type[Exception], ...]:
    from safetensors import SafetensorError

    return (SafetensorError, RuntimeError, ValueError, EOFError, KeyError)
