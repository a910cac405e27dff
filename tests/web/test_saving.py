"""A changed order of rules is written into a person's own file, of which nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dedupe_app.web.desk import Desk
from dedupe_app.web.saving import with_list
from tests.web.conftest import Page

ORDER = ["in_album", "oldest"]
WRITTEN = """# mine, do not lose
data: /photos   # the big disk
keeping:        # who stays
  # the album first
  rules: [oldest, pixels]   # my order
  folders: [a, b]

jobs: []  # none
"""


def test_only_the_line_of_the_list_is_another_one() -> None:
    changed = with_list(WRITTEN, "keeping", "rules", ORDER)
    assert changed == WRITTEN.replace("[oldest, pixels]", "[in_album, oldest]")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "keeping:\n  rules: [in_album, oldest]\n"),
        ("data: x", "data: x\nkeeping:\n  rules: [in_album, oldest]\n"),
        ("keeping:\n    folders: [a]\n", "keeping:\n    rules: [in_album, oldest]\n    folders: [a]\n"),
        ("keeping:\n  rules:\n    - a\n    - b\n# end\n", "keeping:\n  rules: [in_album, oldest]\n# end\n"),
        ("keeping:\n  rules:\n  - a\n  folders: [x]\n", "keeping:\n  rules: [in_album, oldest]\n  folders: [x]\n"),
    ],
)
def test_the_usual_layouts_are_understood(before: str, after: str) -> None:
    assert with_list(before, "keeping", "rules", ORDER) == after


@pytest.mark.parametrize(
    "text",
    [
        "keeping: {rules: [a]}\n",
        "keeping:\n  rules:\n    - a  # because\n    - b\n",
        "keeping:\n  rules: [a,\n    b]\n",
        "keeping:\n  rules: &mine [a]\njobs: *mine\n",
    ],
)
def test_a_layout_that_would_lose_something_is_left_alone(text: str) -> None:
    assert with_list(text, "keeping", "rules", ORDER) is None


def test_folders_with_any_name_are_what_they_were() -> None:
    odd = ["Bilder: 2024", 'a "b" #c', "日本", "- x"]
    changed = with_list(WRITTEN, "keeping", "folders", odd)
    assert changed is not None
    assert yaml.safe_load(changed)["keeping"] == {"rules": ["oldest", "pixels"], "folders": odd}


def test_the_page_writes_the_order_and_works_by_it(page: Page, desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(WRITTEN)
    desk.loaded = replace(desk.loaded, file=file, origins={"keeping.rules": f"file {file}"})
    answer = page.post("/rules", {"rules": ORDER})
    assert answer["saved"]
    assert file.read_text() == WRITTEN.replace("[oldest, pixels]", "[in_album, oldest]")
    assert [rule["name"] for rule in page.get("/rules") if rule["order"]] == [*ORDER, "path"]
    assert desk.jobs.config.settings.keeping.rules == tuple(ORDER)


def test_without_a_file_or_against_the_environment_nothing_is_written(page: Page, desk: Desk, tmp_path: Path) -> None:
    answer = page.post("/rules", {"rules": ORDER, "folders": ["A: b"]})
    assert not answer["saved"]
    assert yaml.safe_load(answer["lines"]) == {"keeping": {"rules": ORDER, "folders": ["A: b"]}}
    file = tmp_path / "config.yaml"
    file.write_text(WRITTEN)
    desk.loaded = replace(desk.loaded, file=file, origins={"keeping.rules": "env KEEPONE__KEEPING__RULES"})
    assert not page.post("/rules", {"rules": ORDER})["saved"]
    assert file.read_text() == WRITTEN
    page.post("/rules", {"rules": ["no_such_rule"]}, status=422)
