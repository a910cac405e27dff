"""The model on this machine as a link of the chain: found without torch, loaded only when a picture needs it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dedupe_core.embedders import ModelError
from dedupe_core.settings import Embedding

if TYPE_CHECKING:
    from dedupe_core.embedders.local import LocalEmbedder
    from dedupe_core.embedders.onnx_file import OnnxEmbedder

HUB = "hf-hub:"
"""What the name of a model begins with that comes with its own description, from the Hugging Face hub."""
_NEEDS = {
    "open_clip": ("torch", "open_clip"),
    "timm": ("torch", "timm"),
    "torchscript": ("torch",),
    "onnx": ("onnxruntime",),
}


def weights_file(settings: Embedding, folder: Path) -> Path:
    """Where the weights lie, whether they are there or not: the file that `weights` names, or the one that
    `keepone models pull` writes into `folder`."""
    named = Path(settings.weights).expanduser()
    if names_a_file(settings.weights):
        return named
    if settings.model.startswith(HUB):
        return folder / settings.model.replace(":", "--").replace("/", "--") / "open_clip_model.safetensors"
    return folder / f"{settings.kind}--{settings.model.replace('/', '_')}--{settings.weights}.safetensors"


def missing(settings: Embedding) -> list[str]:
    """Packages that the model needs and that are not installed; none of them is imported."""
    return [name for name in _NEEDS[settings.kind] if find_spec(name) is None]


def extra(settings: Embedding) -> str:
    """The extra of this package that brings what the model needs."""
    return "onnx" if settings.kind == "onnx" else "clip"


def names_a_file(weights: str) -> bool:
    """Whether `weights` is a person's own file and no tag that can be fetched."""
    named = Path(weights).expanduser()
    return bool(named.suffix) and (named.is_absolute() or named.exists())


class Local:
    """The model that the configuration names, with its weights from a file. Nothing is fetched here."""

    name = "local"

    def __init__(self, settings: Embedding, folder: Path) -> None:
        self.settings = settings
        self.file = weights_file(settings, folder)

    @property
    def asked(self) -> str:
        """Model, file and the file's state: other weights under the same name are another model."""
        try:
            state = self.file.stat()
        except OSError:
            return f"local {self.settings.kind} {self.settings.model} {self.file}"
        place = f"{self.file} {state.st_mtime_ns} {state.st_size}"
        return f"local {self.settings.kind} {self.settings.model} {self.settings.size} {place}"

    def open(self) -> LocalEmbedder | OnnxEmbedder:
        """The model, loaded. Raises `ModelError`."""
        lacking = missing(self.settings)
        if lacking:
            command = f'pip install "keepone[{extra(self.settings)}]"'
            raise ModelError(f"{lacking[0]} is not installed; run: {command}")
        if not self.file.is_file():
            raise ModelError(
                f"The weights of {self.settings.model} ({self.settings.weights}) are not here; run: keepone models pull"
            )
        wanted = self.settings
        if wanted.kind == "onnx":
            from dedupe_core.embedders.onnx_file import OnnxEmbedder

            return OnnxEmbedder(self.file, wanted.model, wanted.size, wanted.device, wanted.batch)
        from dedupe_core.embedders.local import LocalEmbedder
        from dedupe_core.embedders.towers import build

        tower = build(wanted.kind, wanted.model, self.file, wanted.size)
        return LocalEmbedder(tower, wanted.device, wanted.precision, wanted.batch)
