"""Who stays, by which rule, and in what words; and what is not put away although another photo was chosen over it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import EDITED, FAVORITE, PROTECTED, Part
from dedupe_core.keep import choose, rank
from dedupe_core.model import Choice, Edge, Group, Photo, Relation
from dedupe_core.rules import RULES, SERIES_RULES, UnknownRule, resolve
from dedupe_core.settings import Keeping
from tests.core.albums import NOON, edge, photo, worlds

DOCS = Path(__file__).parents[2] / "docs" / "keeper-rules.md"


def chosen(
    photos: Iterable[Photo],
    edges: Iterable[Edge] = (),
    relation: Relation = "near",
    protected: Any = (),
    **keeping: Any,
) -> Choice:
    known = {one.row: one for one in photos}
    return choose(Group("g", relation, tuple(known), tuple(edges)), known, Keeping(**keeping), protected)


def two(a: dict[str, Any], b: dict[str, Any], relation: Relation = "near", seen: Any = None, **how: Any) -> Choice:
    """The choice between a photo `a` (row 1) and a photo `b` (row 2)."""
    same = {"pixels": "p"} if relation == "pixels" else {}
    letters = ("a", "a") if relation == "exact" else ("a", "b")
    photos = [photo(1, letters[0], **(same | a)), photo(2, letters[1], **(same | b))]
    edges = [edge("a", "b", relation, **(seen or {}))] if relation not in ("exact", "pixels") else []
    return chosen(photos, edges, relation, **how)


LIVE = Part("live_video", "x.mov", "1", 9)
STRIPPED = {"camera": "", "exif_fields": 0}

# name of the rule, the photo that stays (row 1, and last in the order of path), the other one, what is said
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("undamaged", {}, {"damage": "cut off after 40 %"}, "undamaged: read to its end against cut off after 40 %"),
    (
        "protected",
        {"folder": "keep", "flags": frozenset({PROTECTED})},
        {"folder": "in"},
        "in a protected place: keep against in",
    ),
    ("favorite", {"flags": frozenset({FAVORITE})}, {}, "favourite: z.jpg against b.jpg"),
    ("in_album", {"labels": frozenset({"Summer", "Lake"})}, {}, "in album: Lake, Summer"),
    (
        "has_keywords",
        {"labels": frozenset("ab"), "title": "T"},
        {"labels": frozenset("c")},
        "more description: 3 against 1",
    ),
    ("edited", {"flags": frozenset({EDITED})}, {}, "edited version: z.jpg against b.jpg"),
    ("companions", {"parts": (LIVE,)}, {}, "complete: with Live Photo movie against alone"),
    ("raw_or_heic_original", {"format": "HEIF", "taken_at": NOON}, {}, "the camera's own format: HEIF against JPEG"),
    (
        "raw_or_heic_original",
        {"format": "JPEG", "parts": (Part("raw", "x.cr2", "1", 9),)},
        {"format": "HEIF", "parts": (LIVE,)},
        "the camera's own format: RAW against HEIF",
    ),
    ("camera_original", {}, STRIPPED, "camera original: Canon EOS 7D against no camera recorded"),
    (
        "camera_original",
        {},
        {"software": "Adobe Photoshop 7.0"},
        "camera original: Canon EOS 7D against saved by Adobe Photoshop 7.0",
    ),
    (
        "camera_original",
        {},
        {"jpeg_quality": 40},
        "camera original: Canon EOS 7D against Canon EOS 7D, compressed again (JPEG quality 40)",
    ),
    (
        "compression_quality",
        {"jpeg_quality": 95},
        {"jpeg_quality": 75},
        "less compressed: JPEG quality 95 against JPEG quality 75",
    ),
    ("score", {"score": 0.72}, {"score": 0.4}, "rated higher by its library: 0.72 against 0.40"),
    ("metadata", {"exif_fields": 36}, {"exif_fields": 3}, "more metadata: 36 fields against 3 fields"),
    ("folder_priority", {"folder": "Pictures"}, {"folder": "WhatsApp"}, "preferred folder: Pictures against WhatsApp"),
    ("name_pattern", {}, {"name": "b (1).jpg"}, "name without a copy mark: z.jpg against b (1).jpg"),
    (
        "oldest",
        {"taken_at": NOON},
        {"taken_at": NOON + timedelta(days=1)},
        "older: 2024-06-18 12:00:00 against 2024-06-19 12:00:00",
    ),
    ("oldest", {"taken_at": NOON}, {}, "older: 2024-06-18 12:00:00 against unknown"),
    (
        "newest",
        {"taken_at": NOON + timedelta(days=1)},
        {"taken_at": NOON},
        "newer: 2024-06-19 12:00:00 against 2024-06-18 12:00:00",
    ),
    ("largest", {"size": 6_100_000}, {"size": 2_000_000}, "larger file: 6.1 MB against 2.0 MB"),
    ("smallest", {"size": 2_000_000}, {"size": 6_100_000}, "smaller file: 2.0 MB against 6.1 MB"),
    ("shortest_path", {}, {"folder": "a/b"}, "shorter path: z.jpg against a/b/b.jpg"),
    ("longest_path", {"folder": "z/y"}, {}, "longer path: z/y/z.jpg against b.jpg"),
    ("sharpness", {"sharpness": 412.0}, {"sharpness": 380.0}, "sharper: 412 against 380"),
    ("clipping", {"clipped": 0.01}, {"clipped": 0.09}, "less clipped: 1 % against 9 %"),
]


@pytest.mark.parametrize(
    ("rule", "stays", "other", "said"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_rule_decides_alone_against_the_order_of_path_and_says_why(
    rule: str, stays: dict[str, Any], other: dict[str, Any], said: str
) -> None:
    choice = two({"name": "z.jpg"} | stays, {"name": "b.jpg"} | other, rules=(rule,), folders=("Pictures",))
    assert choice.keep == 1
    assert choice.reason == said


def test_every_rule_is_tried_above_or_by_its_evidence() -> None:
    assert {case[0] for case in CASES} | {"unframed", "field_of_view", "pixels", "not_a_resave", "path"} == {
        rule.name for rule in RULES
    }


def test_the_first_rule_that_separates_decides() -> None:
    old, large = {"taken_at": NOON}, {"taken_at": NOON + timedelta(days=1), "size": 9_000_000}
    assert two(old, large, rules=("oldest", "largest")).keep == 1
    assert two(old, large, rules=("largest", "oldest")).keep == 2


def test_the_last_resort_is_the_order_of_source_and_path() -> None:
    assert two({"name": "b.jpg"}, {"name": "a.jpg"}).keep == 2
    assert two({"source": "a", "name": "b.jpg"}, {"source": "b", "name": "a.jpg"}).keep == 1


def test_an_unknown_rule_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownRule, match=r"keeping\.rules has no rule 'favourite'\. Did you mean 'favorite'"):
        resolve(("undamaged", "favourite"))
    with pytest.raises(UnknownRule, match="There are: undamaged, "):
        two({}, {}, rules=("xyzzy",))


def test_the_default_order_knows_all_its_rules() -> None:
    assert [rule.name for rule in resolve(Keeping().rules)] == list(Keeping().rules)
    assert [rule.name for rule in resolve(SERIES_RULES)] == list(SERIES_RULES)


# pictures of different size and view ------------------------------------------------------------------------------


def test_the_larger_picture_stays() -> None:
    choice = two({"name": "z.jpg"}, {"width": 1600, "height": 1200, "size": 400_000})
    assert choice.keep == 1
    assert choice.reason == "larger picture: 4032 × 3024 against 1600 × 1200"
    assert choice.drop == (2,)


def test_what_looks_like_an_enlargement_is_not_the_larger_picture_and_yet_is_not_dropped() -> None:
    small, large = (
        {"name": "z.jpg", "width": 2688, "height": 2016, "jpeg_quality": 95, "taken_at": NOON},
        {"taken_at": NOON},
    )
    choice = two(small | {"modified_at": 1.0}, large | {"jpeg_quality": 91, "modified_at": 2.0})
    assert (choice.keep, choice.drop) == (1, ())
    assert choice.reason.startswith("older: 1970-01-01 ")
    assert choice.reasons[2] == "larger than the keeper: 4032 × 3024"


@pytest.mark.parametrize(
    "true",
    [
        {"jpeg_quality": 96},
        {"jpeg_quality": 91, "exif_fields": 40},
        {"jpeg_quality": 91, "modified_at": 1.0},
        {"jpeg_quality": 91, "width": 9999},
    ],
    ids=["less compressed", "other metadata", "older", "much larger"],
)
def test_what_does_not_look_like_one_is_the_larger_picture(true: dict[str, Any]) -> None:
    small = {"name": "a.jpg", "width": 2688, "height": 2016, "jpeg_quality": 95, "modified_at": 2.0}
    choice = two({"name": "z.jpg", "modified_at": 3.0} | true, small)
    assert (choice.keep, choice.drop) == (1, (2,))


def test_the_whole_picture_stays_for_its_crop_and_never_goes_for_it() -> None:
    view = {"overlap_a": 0.64, "overlap_b": 1.0, "margin_a": 0.3, "margin_b": 0.0}
    whole, crop = {"name": "z.jpg", "width": 2000, "height": 1500}, {"width": 1600, "height": 1200}
    choice = two(whole, crop, seen=view)
    assert (choice.keep, choice.drop) == (1, (2,))
    assert choice.reason == "shows more: 100 % of the whole against 64 % of the whole"
    forced = two(whole, crop | {"flags": frozenset({FAVORITE})}, seen=view)
    assert (forced.keep, forced.drop) == (2, ())
    assert forced.reasons[1] == "shows more than the keeper: 30 % of it lies outside"


def test_a_sharp_crop_is_not_given_up_for_a_thumbnail_of_the_whole() -> None:
    view = {"overlap_a": 0.64, "overlap_b": 1.0}
    choice = two({"width": 320, "height": 240, "size": 20_000}, {"width": 3200, "height": 2400}, seen=view)
    assert (choice.keep, choice.drop) == (2, ())


def test_a_border_shows_nothing_more() -> None:
    framed = {"name": "a.jpg", "width": 4400, "height": 3400, "fullest_bin": 0.3}
    for margin in (0.0, None):
        seen = {"overlap_a": 0.8, "overlap_b": 1.0, "margin_a": margin}
        choice = two(framed, {"name": "z.jpg", "taken_at": NOON}, seen=seen)
        assert choice.keep == 2
        assert choice.drop == ((1,) if margin == 0.0 else ())


FRAMED = {"overlap_a": 0.7, "overlap_b": 1.0, "margin_a": 0.0, "margin_b": 0.0, "framed_a": True}


def test_a_picture_stays_for_its_screenshot_though_a_viewer_enlarged_it() -> None:
    screen = {"name": "a.png", "format": "PNG", "jpeg_quality": None, "width": 828, "height": 1792} | STRIPPED
    shown = {"name": "z.jpg", "width": 600, "height": 900} | STRIPPED
    choice = two(screen, shown, seen=FRAMED)
    assert (choice.keep, choice.drop) == (2, ()), "larger than the keeper: that is for a person to judge"
    assert choice.reason == "without a frame: 100 % of it is the picture against 70 % of it is the picture"


def test_a_large_framed_picture_is_not_given_up_for_a_small_one_without_a_frame() -> None:
    framed, small = {"width": 4400, "height": 3400}, {"name": "z.jpg", "width": 1600, "height": 1200}
    choice = two(framed, small, seen=FRAMED)
    assert choice.keep == 1
    assert choice.reason == "larger picture: 4400 × 3400 against 1600 × 1200"


def test_a_heic_smaller_than_any_camera_writes_was_reduced_and_is_no_original() -> None:
    small = {"format": "HEIF", "jpeg_quality": None, "taken_at": NOON, "name": "a.heic"}
    shot = {"taken_at": NOON, "name": "z.jpg", "exif_fields": 31}
    assert two(small | {"width": 1024, "height": 768}, shot | {"width": 1024, "height": 768}).keep == 2
    assert two(small, shot).keep == 1


def test_the_real_surroundings_of_a_crop_are_no_border() -> None:
    seen = {"overlap_a": 0.8, "overlap_b": 1.0}
    assert two({"name": "z.jpg", "fullest_bin": 0.12}, {"fullest_bin": 0.1}, seen=seen).keep == 1


def test_a_quarter_turn_is_no_smaller_picture() -> None:
    choice = two({"name": "z.jpg", "width": 3024, "height": 4032, "taken_at": NOON}, {})
    assert (choice.keep, choice.drop) == (1, (2,))


def test_of_equal_pixels_the_png_is_the_one_that_was_saved_again() -> None:
    choice = two(
        {"name": "z.jpg"} | STRIPPED, {"format": "PNG", "jpeg_quality": None, "size": 9_000_000} | STRIPPED, "pixels"
    )
    assert (choice.keep, choice.drop) == (1, (2,))
    assert choice.reason == "source of the pixels: JPEG of 3.0 MB against PNG of 9.0 MB"


def test_a_higher_number_above_ninety_is_no_better_quality() -> None:
    assert two({"jpeg_quality": 92, "taken_at": NOON, "name": "z.jpg"}, {"jpeg_quality": 98}).keep == 1
    assert two({"jpeg_quality": 88, "name": "z.jpg", "taken_at": NOON}, {"jpeg_quality": 90}).keep == 1


def test_what_the_other_has_over_the_keeper_is_said() -> None:
    choice = two({"flags": frozenset({FAVORITE})}, {"labels": frozenset({"Lake"})})
    assert choice.reasons[2] == "favourite: a1.jpg against b2.jpg; the other is in album (Lake)"


# what stays although it was not chosen ----------------------------------------------------------------------------

HELD: list[tuple[str, Relation, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    (
        "protected",
        "exact",
        {"flags": frozenset({PROTECTED})},
        {"flags": frozenset({PROTECTED})},
        {},
        "protected: nothing is dropped",
    ),
    ("weak digest", "exact", {}, {}, {}, "no strong digest"),
    (
        "movie",
        "exact",
        {"flags": frozenset({FAVORITE})},
        {"parts": (LIVE,)},
        {},
        "with Live Photo movie, which the other one lacks",
    ),
    ("damaged", "pixels", {}, {"damage": "cut off"}, {}, "damaged: cut off"),
    (
        "other time",
        "pixels",
        {"taken_at": NOON},
        {"taken_at": NOON + timedelta(seconds=1)},
        {},
        "taken at another time",
    ),
    ("damaged twin", "near", {}, {}, {"damaged_twin": True}, "a damaged twin"),
    ("edited", "near", {}, {"flags": frozenset({EDITED})}, {}, "an edited version and its original"),
    (
        "edited by name",
        "near",
        {"name": "a.jpg", "taken_at": NOON},
        {"name": "a-edited.jpg"},
        {},
        "an edited version and its original",
    ),
    (
        "edited by Apple",
        "near",
        {"name": "IMG_0001.jpg"},
        {"name": "IMG_E0001.jpg"},
        {},
        "an edited version and its original",
    ),
    (
        "edited by tag",
        "near",
        {"name": "a.jpg"},
        {"name": "a.png", "software": "GIMP 2.10"},
        {},
        "an edited version and its original",
    ),
    (
        "camera original",
        "near",
        {"flags": frozenset({FAVORITE}), **STRIPPED},
        {},
        {},
        "a camera original (Canon EOS 7D)",
    ),
    ("frames", "near", {"taken_at": NOON}, {"frames": 9}, {}, "has 9 frames, the keeper 1"),
    (
        "larger",
        "near",
        {"flags": frozenset({FAVORITE}), "width": 800, "height": 600},
        {},
        {},
        "larger than the keeper: 4032 × 3024",
    ),
    (
        "quality",
        "near",
        {"flags": frozenset({FAVORITE}), "jpeg_quality": 72},
        {"jpeg_quality": 95},
        {},
        "less compressed than the keeper",
    ),
    ("similar", "similar", {}, {}, {}, "for you to judge: similar, no copy"),
    ("series", "series", {}, {}, {}, "for you to judge: a shot of the same series"),
]


@pytest.mark.parametrize(
    ("which", "relation", "keeper", "other", "seen", "said"),
    HELD,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_shown_and_not_dropped(
    which: str, relation: Relation, keeper: dict[str, Any], other: dict[str, Any], seen: dict[str, Any], said: str
) -> None:
    if which == "weak digest":
        photos = [replace(photo(row, "a"), content="quickxor:a") for row in (1, 2)]
        choice = chosen(photos, (), relation)
    else:
        choice = two(keeper, other, relation, seen)
    assert choice.keep == 1
    assert choice.drop == ()
    assert choice.review == (2,)
    assert choice.reasons[2].startswith(said)


def test_edited_versions_may_go_when_the_person_says_so() -> None:
    assert two({}, {"flags": frozenset({EDITED})}, keep_edited=False).drop == (2,)
    assert two({"flags": frozenset({EDITED})}, {"flags": frozenset({EDITED})}).drop == (2,)


def test_a_damaged_file_is_never_the_keeper_whatever_the_order_says() -> None:
    broken = {"damage": "cut off", "flags": frozenset({FAVORITE}), "width": 9000, "height": 9000}
    choice = two(broken, {}, rules=("favorite", "pixels", "undamaged"))
    assert choice.keep == 2
    assert choice.drop == ()


def test_nothing_is_dropped_for_a_keeper_that_it_was_not_compared_with() -> None:
    photos = [photo(1, "a"), photo(2, "b"), photo(3, "c")]
    choice = chosen(photos, [edge("a", "b"), edge("b", "c")])
    assert (choice.keep, choice.drop) == (1, (2,))
    assert choice.reasons[3] == "a copy of another photo here; nothing proves it one of the keeper"


@pytest.mark.parametrize("pattern", ["2024", "2024/*", "*/06", "home:2024", "2024/06/", "HOME:2024", "20??"])
def test_nothing_is_dropped_from_a_protected_folder_or_below_it(pattern: str) -> None:
    inside, outside = {"folder": "2024/06", "name": "z.jpg"}, {"folder": "in"}
    choice = two(inside, outside, protected=(pattern,))
    assert (choice.keep, choice.drop) == (1, (2,))
    both = two(inside, inside | {"name": "b.jpg"}, protected=(pattern,))
    assert both.drop == ()


@pytest.mark.parametrize("pattern", ["2023", "06", "2024/0", "phone:2024", "", "/"])
def test_other_folders_are_not_protected(pattern: str) -> None:
    choice = two({"folder": "2024/06", "taken_at": NOON}, {"folder": "2024/06"}, protected=(pattern,))
    assert choice.drop == (2,)


def test_a_pattern_protects_a_folder_in_either_unicode_spelling_and_case() -> None:
    choice = two({"folder": "Fotos/Öl"}, {"folder": "Fotos/O\u0308L"}, protected=("fotos/öl",))
    assert choice.drop == ()


def test_in_a_series_the_sharpest_is_suggested_and_clipping_comes_second() -> None:
    shots = [
        photo(1, "a", "a.jpg", sharpness=300.0, clipped=0.0),
        photo(2, "b", "b.jpg", sharpness=412.0, clipped=0.2),
        photo(3, "c", "c.jpg", sharpness=412.0, clipped=0.1),
    ]
    choice = chosen(shots, [edge("a", "b", "series"), edge("b", "c", "series")], "series")
    assert choice.keep == 3
    assert choice.reason == "less clipped: 10 % against 20 %"
    assert choice.drop == ()


def test_ten_thousand_equal_files_are_chosen_from() -> None:
    choice = chosen([photo(row, "a", f"{row:05}.jpg") for row in range(10_000)], relation="exact")
    assert (choice.keep, len(choice.drop)) == (0, 9_999)


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_the_choice_and_the_rank_do_not_depend_on_the_order_of_candidates(world: Any, chance: random.Random) -> None:
    photos = list(world.by_row.values())
    edges = [one for one in world.edges if one.relation == "near"]
    first, first_rank = chosen(photos, edges), rank(world.by_row, edges, Keeping(), ())
    chance.shuffle(photos)
    chance.shuffle(edges)
    again = chosen(photos, edges)
    assert (again.keep, again.drop, again.reason, again.reasons) == (
        first.keep,
        first.drop,
        first.reason,
        first.reasons,
    )
    assert rank({one.row: one for one in photos}, edges, Keeping(), ()) == first_rank


def test_the_documentation_names_every_rule_and_the_default_order() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for rule in RULES:
        assert f"`{rule.name}`" in text
        assert rule.tells in text, rule.name
    places = [text.index(f"| `{name}` |") for name in Keeping().rules]
    assert places == sorted(places)
