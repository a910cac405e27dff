"""Month by month: what moves, what is said, what is written down, and that all of it can be taken back."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PIL import Image

from dedupe_app.config import ConfigError
from dedupe_app.months import MonthResult, run_deduplication_for_months, undo_deduplication_for_months
from tests.app.gallery_for_reports import drawn

Files = dict[str, bytes]


class Months:
    """A gallery of month folders, and what running over it says."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "Gallery"
        self.data = folder / "data"
        self.config = folder / "config.yaml"
        self.config.write_text("sources: []\n")
        self.said: list[str] = []

    def photo(self, path: str, scene: int, size: tuple[int, int] = (320, 240)) -> bytes:
        out = io.BytesIO()
        drawn(scene, size).resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=92)
        return self.put(path, out.getvalue())

    def put(self, path: str, data: bytes) -> bytes:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return data

    def files(self, below: str = "") -> Files:
        """Every photo of the gallery by its path."""
        photos = (path for path in (self.root / below).rglob("*.jpg") if ".keepone" not in path.parts)
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in photos}

    def run(self, *months: tuple[int, int], **options: object) -> list[MonthResult]:
        self.said.clear()
        return run_deduplication_for_months(
            months,
            gallery=self.root,
            data=self.data,
            config=self.config,
            say=self.said.append,
            **options,  # type: ignore[arg-type]
        )

    def undo(self, *months: tuple[int, int]) -> list[MonthResult]:
        self.said.clear()
        return undo_deduplication_for_months(
            months, gallery=self.root, data=self.data, config=self.config, say=self.said.append
        )

    def table(self, name: str = "dedupe_log.csv", year: int = 2024) -> list[dict[str, str]]:
        with (self.root / str(year) / "duplicates_summary" / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))


@pytest.fixture
def months(tmp_path: Path) -> Months:
    """June holds two groups of three and two files, one of them in a folder below; July holds nothing twice."""
    made = Months(tmp_path)
    first = made.photo("2024/06/IMG_1.jpg", 1)
    made.put("2024/06/IMG_1 (1).jpg", first)
    made.put("2024/06/IMG_1 (2).jpg", first)
    made.put("2024/06/from phone/IMG_2.jpg", made.photo("2024/06/IMG_2.jpg", 2))
    made.photo("2024/06/IMG_3.jpg", 3)
    made.photo("2024/07/IMG_4.jpg", 4)
    made.put("2024/07/IMG_1 in July.jpg", first)
    return made


def test_two_lines_are_said_a_month(months: Months) -> None:
    months.run((2024, 6), (2024, 7))
    assert months.said == [
        "Moved 3 duplicate files from 2 group(s) in 2024/06.",
        "Summary updated for 2024/06.",
        "No duplicates found in 2024/07.",
        "Summary updated for 2024/07 (no duplicates found).",
    ]


def test_lines_are_printed_when_nobody_says_where(months: Months, capsys: pytest.CaptureFixture[str]) -> None:
    run_deduplication_for_months([(2024, 7)], gallery=months.root, data=months.data, config=months.config)
    assert capsys.readouterr().out.splitlines()[0] == "No duplicates found in 2024/07."


def test_duplicates_go_into_the_months_own_folder_and_every_picture_stays(months: Months) -> None:
    before = months.files()
    months.run((2024, 6))
    after = months.files()
    assert {path for path in after if "duplicates" in path} == {path for path in after if "2024/06/duplicates/" in path}
    assert len([path for path in after if "2024/06/duplicates/" in path]) == 3
    assert sorted(after.values()) == sorted(before.values())
    kept = [data for path, data in after.items() if path.startswith("2024/06/") and "duplicates" not in path]
    assert len(set(kept)) == len(kept) == 3


def test_only_the_months_that_are_named_are_looked_at(months: Months) -> None:
    july = months.files("2024/07")
    months.put("2024/08/a.jpg", b"not a photo, and never opened")
    months.run((2024, 6))
    assert months.files("2024/07") == july
    assert not (months.root / "2024/08/duplicates").exists()


def test_a_second_run_moves_nothing(months: Months) -> None:
    months.run((2024, 6))
    after = months.files()
    table = months.table()
    (again,) = months.run((2024, 6))
    assert (again.moved, again.left) == (0, ())
    assert months.files() == after
    assert months.table() == table


def test_everything_can_be_brought_back(months: Months) -> None:
    before = months.files()
    months.run((2024, 6))
    (back,) = months.undo((2024, 6))
    assert back.moved == 3
    assert months.files() == before
    assert months.said == ["Brought back 3 duplicate files from 2 group(s) in 2024/06.", "Summary updated for 2024/06."]
    assert [row["new_location"] for row in months.table()] == ["No duplicates found"]


def test_what_was_brought_back_can_be_moved_again(months: Months) -> None:
    months.run((2024, 6))
    after = months.files()
    months.undo((2024, 6))
    months.run((2024, 6))
    assert months.files() == after


def test_the_tables_tell_who_stayed_what_moved_and_where_to(months: Months) -> None:
    months.run((2024, 6), (2024, 7))
    june = months.table("dedupe_log_2024-06.csv")
    assert [(row["year"], row["month"], row["relation"]) for row in june] == [("2024", "06", "exact")] * 3
    for row in june:
        assert Path(row["group_leader"]).is_file()
        assert not Path(row["moved_file"]).exists()
        assert Path(row["new_location"]).read_bytes() == Path(row["group_leader"]).read_bytes()
        assert row["reason"]
    (july,) = months.table("dedupe_log_2024-07.csv")
    assert (july["group_leader"], july["new_location"]) == ("None", "No duplicates found")
    assert months.table() == [*june, july]


def test_a_table_that_was_lost_is_written_again_from_the_journal(months: Months) -> None:
    months.run((2024, 6))
    before = months.table()
    for file in (months.root / "2024" / "duplicates_summary").iterdir():
        file.unlink()
    months.run((2024, 6))
    assert months.table() == before


def test_a_month_that_is_not_there_is_said_and_keeps_the_others_from_nothing(months: Months) -> None:
    missing, june = months.run((2024, 5), (2024, 6))
    assert missing.skipped.startswith("there is no folder")
    assert months.said[0].startswith("Skipped 2024/05: there is no folder")
    assert june.moved == 3
    assert not (months.root / "2024/05").exists()


def test_smaller_copies_move_unless_only_equal_files_may(months: Months) -> None:
    with Image.open(months.root / "2024/06/IMG_3.jpg") as image:
        image.resize((200, 150)).save(months.root / "2024/06/IMG-WA0001.jpg", quality=80)
    (careful,) = months.run((2024, 6), relations=("exact", "pixels"))
    assert careful.moved == 3
    (all_of_it,) = months.run((2024, 6))
    assert all_of_it.moved == 1
    assert (months.root / "2024/06/duplicates/IMG-WA0001.jpg").is_file()


def test_the_gallery_comes_from_the_configuration(months: Months) -> None:
    months.config.write_text(f"sources:\n  - name: gallery\n    kind: local\n    path: {months.root}\n")
    said: list[str] = []
    run_deduplication_for_months([(2024, 6)], data=months.data, config=months.config, say=said.append)
    assert said[0] == "Moved 3 duplicate files from 2 group(s) in 2024/06."


def test_without_one_gallery_it_asks_which(months: Months) -> None:
    with pytest.raises(ConfigError, match="gallery="):
        run_deduplication_for_months([(2024, 6)], data=months.data, config=months.config)


def test_a_protected_folder_of_the_gallery_stays_protected(months: Months) -> None:
    gallery = f"  - name: gallery\n    kind: local\n    path: {months.root}\n    protected: ['2024/06/from phone']\n"
    months.config.write_text(f"sources:\n{gallery}")
    run_deduplication_for_months([(2024, 6)], data=months.data, config=months.config, say=months.said.append)
    assert (months.root / "2024/06/from phone/IMG_2.jpg").is_file()
    assert not (months.root / "2024/06/IMG_2.jpg").exists()
