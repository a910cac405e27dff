"""A pair that was called not similar never shares a group again: through real scans of real files, after everything
about the files but their picture has changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from connectors.base import Connector
from connectors.registry import connect
from dedupe_app.config import Config
from dedupe_app.library import Library as Application
from dedupe_core.engine import Engine
from dedupe_core.model import Judge, NoFeedback, Photo, Silent, Step
from dedupe_core.pipeline import run
from dedupe_core.plan import make_plan
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from feedback import judge_of
from feedback.labels import revoke, say
from feedback.reanalyse import keep, reanalyse, regroup
from tests.feedback.libraries import label
from tests.pictures import jpeg, scene

METHODS = ("complete", "average", "components", "dbscan")
Shown = set[tuple[str, frozenset[str]]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three copies of one picture, two of another, and one photo alone."""
    folder = tmp_path / "home"
    folder.mkdir()
    whole, other = scene(1, 640, 480), scene(2, 640, 480)
    (folder / "a.jpg").write_bytes(jpeg(whole, 92))
    (folder / "b.jpg").write_bytes(jpeg(whole.resize((480, 360), Image.Resampling.LANCZOS), 85))
    (folder / "c.jpg").write_bytes(jpeg(ImageEnhance.Brightness(whole).enhance(1.2), 85))
    (folder / "d.jpg").write_bytes(jpeg(other, 92))
    (folder / "e.jpg").write_bytes(jpeg(other, 60))
    (folder / "f.jpg").write_bytes(jpeg(scene(3, 640, 480), 90))
    return folder


@dataclass
class Library:
    """The real stages on real folders, with workers that all tests share."""

    store: Store
    engine: Engine
    connectors: dict[str, Connector]
    settings: Settings

    def scan(self, judge: Judge | None = None) -> None:
        listed = list(self.connectors.values())
        asked = judge or judge_of(self.store)
        run(self.store, listed, self.connectors, self.engine, self.settings, asked, Silent(), set(self.connectors))

    def add(self, name: str, folder: Path) -> None:
        self.connectors[name] = connect("local", name, {"path": str(folder)})


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=1, seconds=60) as opened:
        yield opened


@pytest.fixture
def library(engine: Engine, home: Path) -> Iterator[Library]:
    with Store(None) as store:
        library = Library(store, engine, {}, Settings())
        library.add("home", home)
        library.scan()
        yield library


def photo(library: Library, name: str) -> Photo:
    return next(one for one in library.store.assets.all() if one.asset.name == name)


def groups(library: Library) -> list[tuple[object, ...]]:
    """What a person sees of the newest run."""
    return [(one.group.id, one.keep, one.drop, one.reason, one.reasons) for one in library.store.runs.choices()]


def together(library: Library) -> set[frozenset[str]]:
    """Pairs of file names that share a group."""
    name = {one.row: one.asset.name for one in library.store.assets.all()}
    shown = [[name[row] for row in one.group.members] for one in library.store.runs.choices()]
    return {frozenset(pair) for names in shown for pair in combinations(names, 2)}


def reject(library: Library, a: str, b: str) -> str:
    return say(library.store, [(photo(library, a), photo(library, b))], "not_similar").answer


def test_what_was_called_not_similar_is_shown_together_no_more(library: Library) -> None:
    assert frozenset(("d.jpg", "e.jpg")) in together(library)
    reject(library, "d.jpg", "e.jpg")
    library.scan()
    assert frozenset(("d.jpg", "e.jpg")) not in together(library)
    assert frozenset(("a.jpg", "b.jpg")) in together(library)


def test_it_holds_after_every_file_was_moved_and_renamed(library: Library, home: Path) -> None:
    reject(library, "d.jpg", "e.jpg")
    (home / "elsewhere").mkdir()
    for file in list(home.glob("*.jpg")):
        file.rename(home / "elsewhere" / f"new {file.name}")
    library.scan()
    assert together(library) >= {frozenset(("new a.jpg", "new b.jpg"))}
    assert frozenset(("new d.jpg", "new e.jpg")) not in together(library)


def test_it_holds_for_copies_in_a_second_source(library: Library, home: Path, tmp_path: Path) -> None:
    reject(library, "d.jpg", "e.jpg")
    shutil.copytree(home, tmp_path / "backup")
    for file in list((tmp_path / "backup").glob("*.jpg")):
        file.rename(file.with_name(f"kept {file.name}"))
    library.add("backup", tmp_path / "backup")
    library.scan()
    shown = together(library)
    assert frozenset(("d.jpg", "kept d.jpg")) in shown
    assert not any({name[-5] for name in pair} == {"d", "e"} for pair in shown)


def test_it_holds_after_other_metadata_were_written_into_both_files(library: Library, home: Path) -> None:
    reject(library, "d.jpg", "e.jpg")
    for name in ("d.jpg", "e.jpg"):
        data = (home / name).read_bytes()
        comment = b"keywords: holiday"
        (home / name).write_bytes(data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:])
    library.scan()
    assert frozenset(("d.jpg", "e.jpg")) not in together(library)
    assert frozenset(("a.jpg", "b.jpg")) in together(library)


def test_it_holds_for_the_same_pixels_in_another_format(library: Library, home: Path) -> None:
    reject(library, "d.jpg", "e.jpg")
    for name in ("d", "e"):
        Image.open(home / f"{name}.jpg").save(home / f"{name}.png")
    library.scan()
    shown = together(library)
    assert frozenset(("d.jpg", "d.png")) in shown
    assert not any({name[0] for name in pair} == {"d", "e"} for pair in shown)


def test_it_holds_when_only_files_in_another_format_are_left(library: Library, home: Path) -> None:
    reject(library, "d.jpg", "e.jpg")
    library.scan()
    for name in ("d", "e"):
        Image.open(home / f"{name}.jpg").save(home / f"{name}.png")
        (home / f"{name}.jpg").rename(home.parent / f"{name}.jpg")
    library.scan()
    assert frozenset(("d.png", "e.png")) not in together(library)


def test_it_holds_when_the_photos_were_gone_and_come_back(library: Library, home: Path, tmp_path: Path) -> None:
    reject(library, "d.jpg", "e.jpg")
    (tmp_path / "away").mkdir()
    for name in ("d.jpg", "e.jpg"):
        (home / name).rename(tmp_path / "away" / name)
    library.scan()
    for name in ("d.jpg", "e.jpg"):
        (tmp_path / "away" / name).rename(home / f"import {name}")
    library.scan()
    assert frozenset(("import d.jpg", "import e.jpg")) not in together(library)


@pytest.mark.parametrize("method", METHODS)
def test_it_holds_under_every_method_of_grouping_and_every_threshold(library: Library, method: str) -> None:
    reject(library, "a.jpg", "b.jpg")
    store = library.store
    rows = {photo(library, name).row for name in ("a.jpg", "b.jpg")}
    for extreme in (0.01, 1.0):
        grouping = {"method": method, "eps": extreme, "average": max(extreme, 0.01), "min_samples": 1}
        settings = library.settings.model_copy(
            update={"grouping": library.settings.grouping.model_copy(update=grouping)}
        )
        for choice in regroup(store, settings, judge_of(store)):
            assert not rows <= set(choice.group.members)


def test_equal_bytes_stay_together_whatever_else_was_rejected(library: Library, home: Path) -> None:
    shutil.copy(home / "d.jpg", home / "d again.jpg")
    library.scan()
    for one, other in (("d.jpg", "e.jpg"), ("a.jpg", "b.jpg"), ("d.jpg", "f.jpg")):
        reject(library, one, other)
    library.scan()
    assert frozenset(("d.jpg", "d again.jpg")) in together(library)


def plan(library: Library) -> tuple[Step, ...]:
    return make_plan(library.store, library.settings, judge=judge_of(library.store)).steps


def test_no_plan_puts_away_what_was_kept_apart_after_the_scan(library: Library) -> None:
    assert any(step.asset.name == "e.jpg" for step in plan(library))
    reject(library, "d.jpg", "e.jpg")
    assert not any(step.asset.name in ("d.jpg", "e.jpg") for step in plan(library))


def test_taking_the_answer_back_restores_the_groups_exactly(library: Library) -> None:
    before = groups(library)
    answer = reject(library, "d.jpg", "e.jpg")
    library.scan()
    assert groups(library) != before
    revoke(library.store, [answer])
    library.scan()
    assert groups(library) == before


def test_the_stored_evidence_gives_the_groups_of_the_scan(library: Library) -> None:
    scanned = {(one.group.id, one.keep, one.drop) for one in library.store.runs.choices()}
    again = regroup(library.store, library.settings, NoFeedback())
    assert {(one.group.id, one.keep, one.drop) for one in again} == scanned


def regrouped(library: Library) -> None:
    judge = judge_of(library.store)
    keep(library.store, library.settings, judge, reanalyse(library.store, library.settings, judge))


def test_a_photo_that_a_broken_scan_left_uncompared_is_compared_after_groups_were_made_again(
    library: Library, home: Path
) -> None:
    shutil.copy(home / "f.jpg", home / "other.jpg")
    (home / "smaller.jpg").write_bytes(jpeg(scene(3, 640, 480).resize((480, 360), Image.Resampling.LANCZOS), 85))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dedupe_core.pipeline.compare", _killed)
        with pytest.raises(KeyboardInterrupt):
            library.scan()
    regrouped(library)
    assert frozenset(("f.jpg", "smaller.jpg")) not in together(library)
    library.scan()
    assert frozenset(("f.jpg", "smaller.jpg")) in together(library)


def _killed(*args: object) -> None:
    raise KeyboardInterrupt


def test_a_labelled_photo_is_recognised_later_though_groups_were_made_again_in_between(
    library: Library, home: Path
) -> None:
    reject(library, "d.jpg", "e.jpg")
    regrouped(library)
    library.scan()
    for name in ("d", "e"):
        Image.open(home / f"{name}.jpg").save(home / f"{name}.png")
        (home / f"{name}.jpg").rename(home.parent / f"{name}.jpg")
    library.scan()
    assert frozenset(("d.png", "e.png")) not in together(library)


def test_a_scan_after_groups_were_made_again_finds_nothing_to_do(library: Library) -> None:
    reject(library, "d.jpg", "e.jpg")
    library.scan()
    regrouped(library)
    newest = library.store.runs.latest()
    library.scan()
    after = library.store.runs.latest()
    assert newest is not None
    assert after is not None
    assert after["id"] == newest["id"]


def test_the_library_asks_what_people_said_until_now(tmp_path: Path) -> None:
    with Application.open(Config(data=tmp_path / "data")) as opened:
        assert isinstance(opened.judge, NoFeedback)
        opened.store.labels.add([label("a", "b")])
        assert opened.judge.apart("sha256:a", "sha256:b")
