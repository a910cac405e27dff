"""The notebook face: groups that show themselves, frames, figures, plans, and data sets that leak."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from dedupe_app.config import ConfigError
from dedupe_app.notebook import COLUMNS, SHOWN_GROUPS, GroupSet, OpenLibrary, open_library
from tests.app.gallery_for_reports import drawn

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


def picture(scene: int, size: tuple[int, int] = (320, 240), quality: int = 92) -> bytes:
    out = io.BytesIO()
    drawn(scene, size).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four pairs of equal files in train and test, one of them with a name that is markup."""
    place = tmp_path_factory.mktemp("notebook")
    for part in ("train", "test", "other"):
        (place / "birds" / part).mkdir(parents=True)
    for scene in range(22):
        for copy in ("a", "b"):
            (place / "birds" / "train" / f"{scene:02}{copy}.jpg").write_bytes(picture(scene))
    (place / "birds" / "train" / "leak.jpg").write_bytes(picture(40))
    (place / "birds" / "test" / HOSTILE).write_bytes(picture(40))
    (place / "birds" / "other" / "alone.jpg").write_bytes(picture(41))
    (place / "config.yaml").write_text("levels: [exact, pixels]\n")
    return place


@pytest.fixture(scope="module")
def lib(folder: Path) -> Iterator[OpenLibrary]:
    with open_library(folder / "birds", data=folder / "data", config=folder / "config.yaml") as library:
        library.scan()
        yield library


def test_groups_are_a_sequence_of_what_was_found(lib: OpenLibrary) -> None:
    groups = lib.groups()
    assert len(groups) == 23
    assert isinstance(groups[:3], GroupSet)
    assert [group.id for group in groups[:3]] == [group.id for group in list(groups)[:3]]
    assert repr(groups).startswith("23 groups, 46 photos, ")
    assert groups.frees == sum(group.frees for group in groups)
    assert len(lib.groups("pixels")) == len(lib.groups(min_score=2)) == 0
    assert len(groups.where(lambda group: group.keep.name == "00a.jpg")) == 1


def test_a_set_shows_twenty_groups_and_says_how_many_more(lib: OpenLibrary) -> None:
    html = lib.groups()._repr_html_()
    assert html.count("data:image/webp;base64,") == 2 * SHOWN_GROUPS
    assert "… 3 more" in html
    assert html.count("outline:3px solid") == SHOWN_GROUPS


def test_a_group_shows_itself_and_no_name_speaks_html(lib: OpenLibrary) -> None:
    (leak,) = lib.leakage()
    html = leak._repr_html_()
    assert html.count("data:image/webp;base64,") == 2
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;.jpg" in html


def test_leakage_finds_what_lies_in_train_and_test(lib: OpenLibrary) -> None:
    (leak,) = lib.leakage(split="train|test")
    assert {photo.name for photo in leak.members} == {"leak.jpg", HOSTILE}
    assert len(lib.leakage(split="train|other")) == 0


def test_a_frame_has_one_row_a_photo_and_these_columns(lib: OpenLibrary) -> None:
    frame = lib.groups().to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 46
    assert frame["is_keeper"].sum() == 23
    assert set(frame["role"]) == {"keep", "drop"}
    assert frame["bytes"].dtype.kind == "i"
    assert (frame.groupby("group_id")["is_keeper"].first()).all()


def test_an_empty_set_is_a_frame_with_columns(lib: OpenLibrary) -> None:
    frame = lib.groups("pixels").to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame.empty


@pytest.mark.parametrize(("module", "call"), [("pandas", "to_frame"), ("matplotlib.figure", "montage")])
def test_what_is_missing_is_said_with_the_command(
    lib: OpenLibrary, monkeypatch: pytest.MonkeyPatch, module: str, call: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "dedupe_app.montage", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'keepone\[notebook\]'"):
        getattr(lib.groups()[:1], call)()


def test_a_montage_is_a_figure_that_nobody_shows(lib: OpenLibrary) -> None:
    from matplotlib import pyplot

    figure = lib.groups().montage(3)
    assert not pyplot.get_fignums()
    assert len([ax for ax in figure.axes if ax.images]) == 6
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=50)
    assert Image.open(io.BytesIO(out.getvalue())).size[0] > 100


def test_nothing_moves_without_being_told_twice(lib: OpenLibrary, folder: Path) -> None:
    before = sorted((folder / "birds").rglob("*.jpg"))
    plan = lib.groups()[:2].plan()
    assert len(plan.steps) == 2
    rehearsal = lib.apply(plan)
    assert rehearsal.done == 0
    assert sorted((folder / "birds").rglob("*.jpg")) == before
    assert lib.apply(plan, dry_run=False).done == 2
    assert not any(
        step.asset.id.key in {p.relative_to(folder / "birds").as_posix() for p in (folder / "birds").rglob("*")}
        for step in plan.steps
    )
    lib.undo(plan)
    assert all(path.exists() for path in before)


def test_a_report_of_a_set_shows_that_set(lib: OpenLibrary, tmp_path: Path) -> None:
    page = lib.groups()[:4].report(tmp_path / "four.html")
    assert page.read_text(encoding="utf-8").count("<article") == 4


def test_a_place_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(ConfigError, match="neither a folder nor a source"):
        open_library(folder / "nowhere", data=folder / "other", config=folder / "config.yaml")
