"""How far each two of a set of photos are from each other: by their hashes, and by a model where there is one."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dedupe_app.cli.output import Output
    from dedupe_app.library import Library
    from dedupe_core.engine import Engine

    Vectors = Mapping[int, NDArray[np.float32]]

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
    """The tables of some photos of the library, by row; nothing is computed but distances."""
    photos = library.store.assets.photos(rows)
    name = library.store.embeddings.current()
    kept = [photos.get(row) for row in rows]
    known = [photo.signature_row if photo else None for photo in kept]
    vectors = library.store.embeddings.get(name, {row for row in known if row is not None})
    hashes = {at: one.signature.phashes for at, one in enumerate(kept) if one is not None and one.signature}
    return _tables(name, len(rows), hashes, {at: vectors[row] for at, row in enumerate(known) if row in vectors})


def of_files(library: Library, files: Sequence[Path]) -> Distances:
    """The tables of any files, in the library or not: they are looked at now, and shown to the model that works."""
    with library.engine() as engine:
        name, vectors = _encoded(library, engine, files)
        return _tables(name, len(files), _hashed(engine, files), vectors)


def _hashed(engine: Engine, files: Sequence[Path]) -> dict[int, bytes]:
    from dedupe_core.look import look
    from dedupe_core.signing import signatures
    from dedupe_core.tasks import Task

    looks = [outcome.value for outcome in engine.map(look, [[Task(at, str(file))] for at, file in enumerate(files)])]
    seen = [one for one in looks if one is not None and one.facts is not None]
    return {one.row: signature.phashes for one, signature in zip(seen, signatures(seen), strict=True)}


def _encoded(library: Library, engine: Engine, files: Sequence[Path]) -> tuple[str, Vectors]:
    """The first model of the chain that works, and its vectors by place."""
    import numpy as np

    from dedupe_core.embed import Wanted, shape
    from dedupe_core.embedders import ModelError

    for link in library.chain():
        try:
            encoder = link.open()
            task = functools.partial(shape, preprocess=encoder.preprocess)
            outcomes = engine.map(task, [[Wanted(at, str(file), "")] for at, file in enumerate(files)])
            levels = {one.item.row: one.value for one in outcomes if one.value is not None}
            size = encoder.preprocess.size
            pictures = [np.frombuffer(data, np.uint8).reshape(size, size, 3) for data in levels.values()]
            found = encoder.embed(pictures)
        except ModelError:
            continue
        return encoder.model, dict(zip(levels, found, strict=True))
    return "", {}


def _tables(model: str, size: int, hashes: Mapping[int, bytes], vectors: Vectors) -> Distances:
    import numpy as np

    from dedupe_core import hamming, join

    bits: list[list[int | None]] = [[None] * size for _ in range(size)]
    cosines: list[list[float | None]] = [[None] * size for _ in range(size)]
    first, second = np.array([0]), np.array([1])
    for i in range(size):
        for j in range(size):
            if i in hashes and j in hashes:
                both = np.frombuffer(hashes[i] + hashes[j], np.uint8).reshape(2, 8, 32)
                bits[i][j] = int(hamming.distances(both, first, second)[0][0])
            if i in vectors and j in vectors:
                pair = np.stack([vectors[i], vectors[j]])
                cosines[i][j] = round(float(join.similarities(pair, first, second)[0]), 4)
    return Distances(model, tuple(map(tuple, bits)), tuple(map(tuple, cosines)))


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
