"""Groups as rows, one a photo, with columns that stay as they are: CSV, JSON, JSON lines and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from connectors.base import Connector
from dedupe_core.model import LANES, Choice, Edge, Photo
from dedupe_core.places import show
from dedupe_core.sentences import said

COLUMNS = (
    "group_id",
    "relation",
    "lane",
    "score",
    "photo_id",
    "source",
    "key",
    "path",
    "width",
    "height",
    "bytes",
    "taken_at",
    "format",
    "is_keeper",
    "role",
    "reason",
    "evidence",
    "content",
)
Lookup = Callable[[Iterable[int]], Mapping[int, Photo]]
Connectors = Mapping[str, Connector]
Row = dict[str, Any]


def rows(choices: Iterable[Choice], photos: Lookup, connectors: Connectors) -> Iterator[Row]:
    """One row a photo, the keeper of each group first. `photos` gives photos by row (`store.assets.photos`); one group
    is in memory at a time."""
    for choice in choices:
        found = photos(choice.group.members)
        for row in ordered(choice, found):
            yield _row(choice, found[row], found, connectors)


def ordered(choice: Choice, photos: Mapping[int, Photo]) -> list[int]:
    """The members that are still known: the keeper, what goes, what is left to a person; by source and key."""
    rank = dict.fromkeys(choice.drop, 1) | {choice.keep: 0}
    known = [row for row in choice.group.members if row in photos]
    return sorted(known, key=lambda row: (rank.get(row, 2), photos[row].asset.id))


def role(choice: Choice, row: int) -> str:
    """keep, drop or review."""
    return "keep" if row == choice.keep else "drop" if row in choice.drop else "review"


def score(choice: Choice) -> float:
    """The weakest accepted relation in the group; 1.0 for equal bytes."""
    return min((edge.score for edge in choice.group.edges), default=1.0)


def place(photo: Photo, connectors: Connectors) -> str:
    """The file on this machine where there is one, else the source's own key; of a source that is not read, the folder
    and name that it shows."""
    connector = connectors.get(photo.asset.id.source)
    if connector is not None and not connector.features.reads:
        return show(photo.asset)
    file = connector.path(photo.asset) if connector is not None else None
    return photo.asset.id.key if file is None else str(file)


def evidence(choice: Choice, photo: Photo, photos: Mapping[int, Photo]) -> str:
    """Why this photo belongs to the keeper, as it was measured; "" for the keeper itself."""
    keeper = photos.get(choice.keep)
    if photo.row == choice.keep or keeper is None:
        return ""
    if photo.content and photo.content == keeper.content:
        return said("edge.bytes")
    edge = _edge(choice, photo, keeper)
    if edge is not None:
        return edge.sentence or said("edge.score", score=f"{edge.score:.2f}")
    if choice.group.relation == "pixels" and photo.pixels and photo.pixels == keeper.pixels:
        return said("edge.pixels_only")
    return said("edge.through")


def _edge(choice: Choice, photo: Photo, keeper: Photo) -> Edge | None:
    pair = {photo.signature_row, keeper.signature_row}
    return next((edge for edge in choice.group.edges if {edge.a, edge.b} == pair), None)


def _row(choice: Choice, photo: Photo, photos: Mapping[int, Photo], connectors: Connectors) -> Row:
    values = (
        choice.group.id,
        choice.group.relation,
        LANES[choice.group.relation],
        round(score(choice), 4),
        photo.row,
        photo.asset.id.source,
        photo.asset.id.key,
        place(photo, connectors),
        photo.width or None,
        photo.height or None,
        photo.asset.size,
        photo.taken_at.isoformat() if photo.taken_at else None,
        photo.signature.format if photo.signature else "",
        photo.row == choice.keep,
        role(choice, photo.row),
        choice.reason if photo.row == choice.keep else choice.reasons.get(photo.row, ""),
        evidence(choice, photo, photos),
        photo.content,
    )
    return dict(zip(COLUMNS, values, strict=True))


def write_csv(table: Iterable[Row], out: TextIO) -> None:
    """RFC 4180 with a header. Bytes of a name that are not UTF-8 are written as `\\xff`, a backslash as two, so every
    name can be read back; a cell that a spreadsheet would take for a formula gets `./` (paths) or a space before it."""
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: cell(value, name in ("path", "key")) for name, value in row.items()} for row in table)


def name_from_csv(cell: str) -> str:
    """The inverse of what `write_csv` does to `key`, `path` and `source`."""
    text, _, rest = cell.partition("\\")
    while rest:
        if rest[0] == "\\":
            text, rest = text + "\\", rest[1:]
        else:
            text, rest = text + chr(0xDC00 + int(rest[1:3], 16)), rest[3:]
        more, _, rest = rest.partition("\\")
        text += more
    return text


def write_json(table: Iterable[Row], out: TextIO) -> None:
    """One array. ASCII, so bytes of a name that are not UTF-8 survive as lone surrogates."""
    out.write("[")
    for number, row in enumerate(table):
        out.write((",\n " if number else "\n ") + json.dumps(row))
    out.write("\n]\n")


def write_json_lines(table: Iterable[Row], out: TextIO) -> None:
    """One object a line, ASCII."""
    out.writelines(json.dumps(row) + "\n" for row in table)


def write_parquet(table: Iterable[Row], out: Path) -> None:
    """A Parquet file, through pandas and the engine that it finds. Raises `ImportError` with the command to run."""
    plain = [{name: _utf8(value) for name, value in row.items()} for row in table]
    try:
        import pandas as pd

        pd.DataFrame(plain, columns=list(COLUMNS)).to_parquet(out, index=False)
    except ImportError as missing:
        raise ImportError("Parquet needs two more packages: pip install pandas pyarrow") from missing


def cell(value: Any, is_path: bool = False) -> Any:
    """A value as `write_csv` puts it into the file."""
    if not isinstance(value, str):
        return value
    text = _utf8(value)
    if text[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return ("./" if is_path else " ") + text
    return text


def _utf8(value: Any) -> Any:
    """Text that can be encoded: lone surrogates as `\\xff`, a backslash doubled, so that it can be told from one."""
    if not isinstance(value, str):
        return value
    doubled = value.replace("\\", "\\\\")
    return "".join(f"\\x{ord(char) - 0xDC00:02x}" if 0xDC80 <= ord(char) <= 0xDCFF else char for char in doubled)
