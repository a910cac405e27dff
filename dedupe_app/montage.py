"""Groups as a matplotlib figure: a group a line, the keeper first and framed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from dedupe_app.showing import COLOURS, WORDS, short
from dedupe_app.views import GroupView, PhotoView


class Montage(Figure):
    """A figure that a notebook shows whether or not pyplot was ever imported."""

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=100)
        return out.getvalue()


def montage(groups: Sequence[GroupView], pictures: Mapping[int, bytes], most: int) -> Montage:
    """At most `most` photos of each group. `pictures` are thumbnails by row."""
    columns = max((min(len(group.members), most) for group in groups), default=1)
    figure = Montage(figsize=(2.2 * columns, 2.3 * max(1, len(groups))), layout="constrained")
    axes = figure.subplots(max(1, len(groups)), columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for line, group in zip(axes, groups, strict=False):
        for ax, photo in zip(line, group.members, strict=False):
            _draw(ax, photo, pictures[photo.row])
    return figure


def _draw(ax: Any, photo: PhotoView, picture: bytes) -> None:
    with Image.open(io.BytesIO(picture)) as image:
        ax.imshow(np.asarray(image.convert("RGB")))
    ax.set_title(f"{WORDS[photo.role]}: {short(photo.name)}", fontsize=7, color=COLOURS[photo.role], parse_math=False)
    if photo.role == "keep":
        ax.set_axis_on()
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(color=COLOURS["keep"], linewidth=3)
