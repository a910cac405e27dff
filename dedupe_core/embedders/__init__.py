"""Models that turn pictures into vectors. Nothing here imports torch before a model is loaded.

`preprocess` makes a model's input from a file (in the guarded workers), `weights` reads checkpoints without running
anything that is in them, `towers` builds the image side of open_clip and timm models and of TorchScript files, and
`local` runs one of them on this machine. `onnx_file` runs a file without torch.
"""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be used; the message is one sentence with the next step."""
