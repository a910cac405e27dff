"""Tables of groups: stable columns, and names that can be read back whatever they are made of."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe_core import words
from dedupe_core.tables import COLUMNS, name_from_csv, rows, write_csv, write_json, write_json_lines, write_parquet
from tests.app.gallery_for_reports import TAKEN, Gallery

NAMES = (
    "two\nlines.jpg",
    os.fsdecode(b"caf\xe9 \xff.jpg"),
    "back\\slash \\xff.jpg",
    "=HYPERLINK(1).jpg",
    'a "b", c.jpg',
    "Ä🏔️.jpg",
)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = Gallery(tmp_path)
    first = [made.photo(name, 1, taken_at=TAKEN) for name in NAMES]
    made.group("exact", first[0], tuple(first[1:]), reason="It stays.", reasons={first[1]: "It goes."})
    return made


def test_columns_are_these_and_stay_these(gallery: Gallery) -> None:
    (first, *_) = rows(gallery.choices, gallery.lookup, gallery.connectors)
    assert tuple(first) == COLUMNS
    assert COLUMNS[:4] == ("group_id", "relation", "lane", "score")
    assert first["is_keeper"] is True
    assert first["role"] == "keep"
    assert first["reason"] == "It stays."
    assert first["taken_at"] == TAKEN.isoformat()


def test_csv_is_utf8_and_gives_every_name_back(gallery: Gallery) -> None:
    out = io.StringIO(newline="")
    write_csv(rows(gallery.choices, gallery.lookup, {}), out)
    read = list(csv.DictReader(io.StringIO(out.getvalue().encode("utf-8").decode(), newline="")))
    assert {name_from_csv(row["key"]).removeprefix("./") for row in read} == set(NAMES)
    assert not [row for row in read for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


@given(st.text(st.characters(codec="utf-8") | st.integers(0xDC80, 0xDCFF).map(chr)))
def test_any_name_survives_csv(name: str) -> None:
    out = io.StringIO(newline="")
    write_csv([dict.fromkeys(COLUMNS, "") | {"source": f"s{name}"}], out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue().encode("utf-8").decode("utf-8"), newline=""))
    assert name_from_csv(row["source"]) == f"s{name}"


def test_json_and_json_lines_say_the_same(gallery: Gallery) -> None:
    whole, lines = io.StringIO(), io.StringIO()
    write_json(rows(gallery.choices, gallery.lookup, {}), whole)
    write_json_lines(rows(gallery.choices, gallery.lookup, {}), lines)
    assert json.loads(whole.getvalue()) == [json.loads(line) for line in lines.getvalue().splitlines()]
    assert {row["key"] for row in json.loads(whole.getvalue())} == set(NAMES)
    assert whole.getvalue().isascii()


def test_an_empty_table_is_a_table(gallery: Gallery) -> None:
    whole, sheet = io.StringIO(), io.StringIO()
    write_json([], whole)
    write_csv([], sheet)
    assert json.loads(whole.getvalue()) == []
    assert sheet.getvalue().strip() == ",".join(COLUMNS)


def test_parquet_works_or_says_what_to_install(gallery: Gallery, tmp_path: Path) -> None:
    table = rows(gallery.choices, gallery.lookup, {})
    try:
        write_parquet(table, tmp_path / "groups.parquet")
    except ImportError as missing:
        assert "pip install pandas pyarrow" in str(missing)  # noqa: PT017 one of two right outcomes
    else:
        import pandas as pd

        assert len(pd.read_parquet(tmp_path / "groups.parquet")) == len(NAMES)


def test_evidence_tells_equal_bytes_direct_comparison_and_none(tmp_path: Path) -> None:
    made = Gallery(tmp_path)
    keep, twin, copy, far = (
        made.photo("a.jpg", 1),
        made.photo("b.jpg", 1),
        made.photo("c.jpg", 2),
        made.photo("d.jpg", 3),
    )
    made.group("near", keep, (twin, copy), sentence="96 % of blocks agree.")
    choice = made.choices[0]
    made.choices[0] = type(choice)(
        type(choice.group)(choice.group.id, "near", (*choice.group.members, far), choice.group.edges),
        keep,
        (twin, copy),
        "",
    )
    said = {row["photo_id"]: row["evidence"] for row in rows(made.choices, made.lookup, {})}
    assert said[keep] == ""
    assert said[twin].startswith("The same bytes")
    assert said[copy] == "96 % of blocks agree."
    assert said[far].startswith("Not compared with the keeper itself")


@pytest.mark.parametrize(
    ("size", "keeper", "delta"),
    [
        ((800, 600), (1600, 1200), "½ size"),
        ((600, 800), (1600, 1200), "½ size"),
        ((1600, 1200), (1600, 1200), ""),
        ((1200, 1600), (1600, 1200), ""),
        ((3200, 2400), (1600, 1200), "2 × size"),
        ((640, 480), (1600, 1200), "40 % size"),
        ((1000, 1000), (2000, 1500), "−2.0 MP"),
        ((0, 0), (1600, 1200), ""),
    ],
)
def test_resolution_is_compared_as_people_do(size: tuple[int, int], keeper: tuple[int, int], delta: str) -> None:
    assert words.pixels_delta(size, keeper) == delta


def test_sizes_are_decimal_and_differences_have_a_true_sign() -> None:
    assert [words.bytes_text(n) for n in (1, 999, 4_200_000, 312_000_000_000)] == [
        "1 byte",
        "999 bytes",
        "4.2 MB",
        "312 GB",
    ]
    assert words.bytes_delta(1_000_000, 5_200_000) == "−4.2 MB"
    assert words.bytes_delta(5, 5) == ""


@given(st.text(st.characters(exclude_categories=())))
def test_whatever_is_readable_can_be_printed_and_encoded(text: str) -> None:
    shown = words.readable(text)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert all(char.isprintable() or char in " \u3000\u00a0\u200d" for char in shown)
