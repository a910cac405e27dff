"""How far each two of a set of photos are from each other: by their hashes, and by a model where it gave vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dedupe_app.cli.output import Output
    from dedupe_app.library import Library

_WARM = ((0.95, "red"), (0.85, "yellow"), (0.7, "green"))
_BITS = 256


@dataclass(frozen=True, slots=True)
class Distances:
    """Square tables in the order of the photos: `bits` of 256 under the nearest of eight symmetries and `cosines` of
    `model`; None where one of the two is not known."""

    model: str
    bits: tuple[tuple[int | None, ...], ...]
    cosines: tuple[tuple[float | None, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"model": self.model, "bits": self.bits, "cosines": self.cosines}


def between(library: Library, rows: Sequence[int]) -> Distances:
    """The tables of some photos, by row."""
    import numpy as np

    from dedupe_core import hamming, join

    photos = library.store.assets.photos(rows)
    name = library.store.embeddings.current()
    signatures = [photos[row].signature_row if row in photos else None for row in rows]
    vectors = library.store.embeddings.get(name, {row for row in signatures if row is not None})
    size = len(rows)
    bits: list[list[int | None]] = [[None] * size for _ in rows]
    cosines: list[list[float | None]] = [[None] * size for _ in rows]
    for i, row in enumerate(rows):
        for j, other in enumerate(rows):
            one, two = photos[row].signature, photos[other].signature
            if one is not None and two is not None:
                hashes = np.frombuffer(one.phashes + two.phashes, np.uint8).reshape(2, 8, 32)
                bits[i][j] = int(hamming.distances(hashes, np.array([0]), np.array([1]))[0][0])
            a, b = signatures[i], signatures[j]
            if a in vectors and b in vectors:
                pair = np.stack([vectors[a], vectors[b]])
                cosines[i][j] = round(float(join.similarities(pair, np.array([0]), np.array([1]))[0]), 4)
    return Distances(name, tuple(map(tuple, bits)), tuple(map(tuple, cosines)))


def heat_map(out: Output, table: Distances, names: Sequence[str]) -> str:
    """The tables as text, warm where photos are near."""
    from dedupe_app.cli.output import table as aligned

    head = ["", *(str(number) for number in range(1, len(names) + 1))]
    shown = [
        "   bits of 256 by which the hashes differ:",
        aligned([head, *_rows(out, table.bits, names)], indent="   "),
    ]
    if any(cosine is not None for row in table.cosines for cosine in row):
        shown += [f"   cosine of {table.model}:", aligned([head, *_rows(out, table.cosines, names)], indent="   ")]
    return "\n".join(shown)


def _rows(out: Output, square: Sequence[Sequence[float | None]], names: Sequence[str]) -> list[list[str]]:
    return [
        [f"{number} {name}", *(_cell(out, value) for value in row)]
        for number, (name, row) in enumerate(zip(names, square, strict=True), 1)
    ]


def _cell(out: Output, value: float | None) -> str:
    if value is None:
        return "-"
    text = str(value) if isinstance(value, int) else f"{value:.3f}"
    warmth = 1 - value / _BITS if isinstance(value, int) else value
    color = next((name for least, name in _WARM if warmth >= least), "")
    return out.paint(text, color) if color else text
