"""Who stays is compared with all that may go: from files to a plan through the real stages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from typing import Any

import pytest
from PIL import Image, ImageEnhance, ImageFilter

from connectors.memory import MemoryConnector
from dedupe_core.accord import Vote, admitted, vote
from dedupe_core.engine import Engine
from dedupe_core.fingerprint import fingerprint
from dedupe_core.group import decide
from dedupe_core.keepers import around_keepers, wanted
from dedupe_core.model import Evidence, NoFeedback, Silent
from dedupe_core.pipeline import compare
from dedupe_core.plan import make_plan
from dedupe_core.scan import scan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from tests.core.albums import COPY, edge, material, photo
from tests.pictures import exif, jpeg, scene

NOON = datetime(2016, 6, 1, 12, 0, 0)
DEFAULT = Settings()
ASSUMED = Evidence(distance=9, assumed=True)
DIFFERENT = edge("a", "b", "similar", difference=3.0).evidence


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=2, seconds=60) as engine:
        yield engine


def test_the_keeper_of_a_group_is_compared_with_all_of_it(engine: Engine) -> None:
    """The camera's file is not the largest here, so that verification alone compares the others with another one."""
    whole = scene(3, 960, 720)
    files = {
        "camera": jpeg(whole, 92, exif(NOON, ("Nordlys", "Phone 4"))),
        "large": jpeg(whole.resize((1440, 1080), Image.Resampling.LANCZOS), 90),
        "again": jpeg(whole, 75),
        "bright": jpeg(ImageEnhance.Brightness(whole).enhance(1.15), 85),
        "soft": jpeg(whole.filter(ImageFilter.GaussianBlur(1)), 85),
        "small": jpeg(whole.resize((480, 360), Image.Resampling.LANCZOS), 85),
        "other": jpeg(scene(4, 960, 720), 90),
    }
    store, box = Store(None), MemoryConnector("box")
    for name, data in files.items():
        box.put(f"{name}.jpg", data)
    scan(store, box, DEFAULT.scanning, Silent())
    fingerprint(store, {"box": box}, engine, DEFAULT, Silent())
    edges = compare(store, {"box": box}, engine, DEFAULT, Silent())
    (choice,) = decide(store, edges, DEFAULT, NoFeedback())
    names = {one.row: one.asset.name.removesuffix(".jpg") for one in store.assets.all()}
    assert names[choice.keep] == "camera"
    assert {names[row] for row in choice.drop} == {"again", "bright", "soft", "small"}
    assert {names[row] for row in choice.review} == {"large"}
    run = store.runs.begin()
    store.runs.put(run, [choice])
    store.runs.finish(run, "mark", {})
    away = [step.asset.name for step in make_plan(store, DEFAULT).steps]
    assert sorted(away) == ["again.jpg", "bright.jpg", "small.jpg", "soft.jpg"]
    assert around_keepers(store, {"box": box}, engine, edges, DEFAULT, Silent()) == edges


def test_what_was_only_assumed_is_asked_for_and_nothing_twice() -> None:
    """b was compared with all, and a, which will stay, with b alone."""
    photos = [
        photo(1, "a", "a.jpg"),
        *(photo(row, letter, f"{letter}.jpg", camera="") for row, letter in enumerate("bcd", 2)),
    ]
    edges = [edge("a", "b"), edge("b", "c"), edge("b", "d")]
    known = material(photos, edges, measured=lambda a, b: ASSUMED)
    assert {(pair.a, pair.b) for pair in wanted(known, DEFAULT)} == {(ord("a"), ord("c")), (ord("a"), ord("d"))}
    assert {pair.distance for pair in wanted(known, DEFAULT)} == {9}
    more = material(photos, [*edges, edge("a", "c"), edge("a", "d", "similar")], measured=lambda a, b: ASSUMED)
    assert wanted(more, DEFAULT) == []


def test_copies_of_one_copy_are_asked_for_and_those_of_a_picture_that_differs_are_not() -> None:
    photos = [photo(1, "a"), photo(2, "b", camera=""), photo(3, "c", camera="")]
    known = material(photos, [edge("a", "b"), edge("b", "c")], measured=lambda a, b: None)
    assert [(pair.a, pair.b) for pair in wanted(known, DEFAULT)] == [(ord("a"), ord("c"))]
    assert (
        wanted(material(photos, [edge("a", "b"), edge("b", "c", "similar")], measured=lambda a, b: None), DEFAULT) == []
    )


def test_a_chain_of_copies_asks_for_a_line_and_no_square() -> None:
    letters = [f"c{number}" for number in range(60)]
    photos = [photo(row, letter, f"{letter}.jpg") for row, letter in enumerate(letters)]
    edges = [edge(letters[0], letter) for letter in letters[1:]]
    known = material(photos, edges, measured=lambda a, b: ASSUMED)
    assert len(wanted(known, DEFAULT)) < len(letters) < len(list(combinations(letters, 2)))


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        ({**COPY, "difference": 0.2}, "agree"),
        ({**COPY, "difference": 1.2}, "differ"),
        ({**COPY, "difference": None}, "silent"),
        ({**COPY, "overlap_a": 0.5, "overlap_b": 0.5, "difference": 0.2}, "agree"),
        ({**COPY, "overlap_a": 0.5, "overlap_b": 0.5, "difference": 0.2, "block_p10": 0.1}, "silent"),
        ({"inliers": 4}, "silent"),
        ({"assumed": True}, "agree"),
        ({"pixels_equal": True}, "agree"),
        ({**COPY, "difference": 0.2, "damaged_twin": True}, "differ"),
        ({**COPY, "difference": 0.2, "failed": "gone"}, "silent"),
    ],
)
def test_what_a_comparison_says_of_standing_in_one_group(measured: dict[str, Any], said: str) -> None:
    assert vote(Evidence(**measured), 60) == said


def test_one_that_differs_keeps_a_copy_out_unless_a_crowd_agrees_and_silence_of_most_does_too() -> None:
    agreeing: list[Vote] = ["agree"] * 3
    assert admitted([])
    assert admitted(["agree", "silent"])
    assert not admitted(["agree", "silent", "silent"])
    assert not admitted([*agreeing, "differ"])
    assert admitted([*agreeing, "agree", "differ"])
