"""Months and patterns say what is listed and what is protected."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from connectors.base import PROTECTED, Refused
from connectors.local import LocalConnector, LocalOptions
from tests.connectors.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root").mkdir()
    return Tree(tmp_path / "root")


def test_months_restrict_the_walk_and_leave_the_rest_as_it_is_known(tree: Tree) -> None:
    for place in ("2024/05/a.jpg", "2024/06/b.jpg", "2024/06/trip/c.jpg", "2023/06/d.jpg", "loose.jpg"):
        tree.put(place)
    tree.options = {"months": ("2024-06",)}
    assert set(tree.know()) == {"2024/06/b.jpg", "2024/06/trip/c.jpg"}
    assert tree.connector.scope == ("2024/06",)
    tree.options = {}
    assert len(tree.know()) == 5, "the first listing without months is whole"
    for place in ("2024/05/a.jpg", "2024/06/b.jpg"):
        (tree.root / place).unlink()
    tree.options = {"months": ((2024, 6),)}
    tree.know()
    assert tree.gone == {"2024/06/b.jpg"}
    tree.options = {}
    tree.know()
    assert (tree.gone, tree.named) == ({"2024/05/a.jpg"}, set())


def test_months_never_forget_what_an_older_listing_knew(tree: Tree) -> None:
    for place in ("2024/05/a.jpg", "2024/06/b.jpg"):
        tree.put(place)
    tree.know()
    tree.cursor = "lost"
    tree.options = {"months": ("2024-06",)}
    assert len(tree.know()) == 2
    shutil.rmtree(tree.root / "2024/05")
    tree.options = {}
    assert set(tree.know()) == {"2024/06/b.jpg"}, "the whole listing has to start over"


def test_month_templates_are_folders_with_year_and_month(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"month_template": "Pictures/{year}/{year}-{month:02d}", "months": ("2024-06",)})
    tree.put("Pictures/2024/2024-06/a.jpg")
    tree.put("Pictures/2024/2024-060/a.jpg")
    tree.put("Pictures/2024/a.jpg")
    assert set(tree.know()) == {"Pictures/2024/2024-06/a.jpg"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"months": ("2024-13",)}, "2024-06"),
        ({"months": ("June",)}, "2024-06"),
        ({"month_template": "{year}"}, "does not tell months apart"),
        ({"month_template": "{yaer}/{month}"}, "no month template"),
    ],
)
def test_a_wrong_month_or_template_is_said(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LocalOptions(path=tmp_path, **keys)


def test_patterns_include_exclude_and_protect(tree: Tree) -> None:
    for place in ("a.jpg", "b.PNG", "Screenshots/c.png", "x/Screenshots/d.png", "x/e.png", "x/y/f.png", "keep/g.png"):
        tree.put(place)
    tree.options = {"include": ("*.png",), "exclude": ("Screenshots", "x/y/*"), "protected": ("keep", "/x/*")}
    assert set(tree.know()) == {"b.PNG", "x/e.png", "keep/g.png"}
    assert {key for key, asset in tree.assets.items() if PROTECTED in asset.flags} == {"keep/g.png", "x/e.png"}


def test_a_whole_path_pattern_stays_inside_one_folder_unless_it_says_otherwise(tree: Tree) -> None:
    for place in ("x/a.jpg", "x/y/b.jpg", "x/y/z/c.jpg", "d.jpg"):
        tree.put(place)
    for pattern, left in (
        ("x/*.jpg", 3),
        ("x/**", 1),
        ("x/**/*.jpg", 1),
        ("**/z/*.jpg", 3),
        ("x/[!y]*", 3),
        ("?.jpg", 0),
    ):
        other = Tree(tree.root, {"exclude": (pattern,)})
        assert len(other.know()) == left, pattern


def test_a_pattern_may_be_a_whole_path_of_this_machine(tree: Tree) -> None:
    for place in ("x/a.jpg", "y/x/b.jpg"):
        tree.put(place)
    tree.options = {"protected": (f"{tree.root}/x/",)}
    assert {key for key, asset in tree.know().items() if PROTECTED in asset.flags} == {"x/a.jpg"}
    tree.options = {"protected": (str(tree.root),)}
    assert {key for key, asset in tree.know().items() if PROTECTED in asset.flags} == {"x/a.jpg", "y/x/b.jpg"}


def test_a_pattern_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no pattern"):
        LocalOptions(path=tmp_path, exclude=("[z-a]",))


def test_a_root_that_leads_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(Refused, match="Correct the path"):
        LocalConnector("box", LocalOptions(path=tmp_path / "a"))
