"""The main job as a person does it: scan, look, plan, apply, undo, on a folder with known duplicates."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dedupe_app.cli import COMMANDS, main
from dedupe_app.cli.codes import Exit
from dedupe_app.demo import formats
from dedupe_app.demo.gallery import fingerprints
from dedupe_app.demo.scenes import SCENES
from tests.app.conftest import Answer, Keepone


def picture(number: int, motif: str = "table") -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture of 480 × 360 pixels that no other number looks like."""
    return SCENES[motif](np.random.default_rng(number), 480, 360)


def draw(folder: Path) -> Path:
    """Two exact copies, one of equal pixels, one smaller copy, and a broken file."""
    (folder / "copies").mkdir(parents=True)
    first, second, third = (formats.jpeg(picture(number), 88) for number in (1, 2, 3))
    (folder / "one.jpg").write_bytes(first)
    (folder / "two.jpg").write_bytes(second)
    (folder / "three.jpg").write_bytes(third)
    (folder / "copies" / "one (1).jpg").write_bytes(first)
    (folder / "copies" / "two\nlines.jpg").write_bytes(second)
    (folder / "copies" / "three.jpg").write_bytes(formats.with_comment(third, "filed"))
    (folder / "copies" / "small.jpg").write_bytes(formats.jpeg(picture(2)[::2, ::2], 80))
    (folder / "broken.jpg").write_bytes(b"this is no photo, whatever its name says" * 20)
    for file in folder.rglob("*.jpg"):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture
def photos(own_folders: Path) -> Path:
    """A folder of photos that a test may change."""
    return draw(own_folders / "photos")


@pytest.fixture(scope="module")
def scanned_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with the data folder of a finished scan beside them, for tests that only look."""
    folder = tmp_path_factory.mktemp("scanned")
    assert main(["--data", str(folder / "data"), "-q", "scan", str(draw(folder / "photos"))]) == Exit.SOME_FAILED
    return folder


@pytest.fixture
def look(keepone: Keepone, scanned_once: Path) -> Keepone:
    """`keepone` on the photos that were scanned once."""

    def run(*args: str | Path) -> Answer:
        return keepone(*args, data=scanned_once / "data")

    return run


def test_scan_plan_apply_undo_brings_everything_back(keepone: Keepone, photos: Path) -> None:
    before = fingerprints(photos)
    scanned = keepone("scan", photos, "--json")
    assert scanned.status == Exit.SOME_FAILED, "the broken file is told by the status"
    assert [error["key"] for error in scanned.json["errors"]] == ["broken.jpg"]
    assert scanned.json["relations"]["exact"] == 2
    assert fingerprints(photos) == before, "a scan changes nothing"
    planned = keepone("plan", "--json").json
    assert planned["photos"] >= 3
    assert fingerprints(photos) == before, "a plan changes nothing"
    rehearsed = keepone("apply", "--dry-run", "--json")
    assert rehearsed.json["counts"] == {"would": planned["photos"]}
    assert fingerprints(photos) == before, "a rehearsal changes nothing"
    applied = keepone("apply", "--yes", "--json")
    assert applied.status == 0
    assert applied.json["counts"] == {"done": planned["photos"]}
    left = fingerprints(photos)
    assert len(left) == len(before) - planned["photos"]
    assert {digest for digest, *_ in left.values()} >= {before[b"one.jpg"][0], before[b"two.jpg"][0]}
    undone = keepone("undo", "--json")
    assert undone.json["counts"] == {"done": planned["photos"]}
    assert fingerprints(photos) == before, "bytes, names and times are as they were"
    states = {run["id"]: run["state"] for run in keepone("runs", "--json").json["runs"]}
    assert states == {planned["id"]: "undone"}


def test_a_second_run_finds_nothing_to_do(keepone: Keepone, photos: Path) -> None:
    keepone("scan", photos)
    keepone("plan")
    keepone("apply", "--yes")
    keepone("scan")
    assert keepone("plan", "--json", "--fail-if-empty").status == Exit.NOTHING_TO_DO
    assert keepone("apply", "--yes", "--fail-if-empty").status == Exit.NOTHING_TO_DO


def test_the_groups_document_has_the_documented_shape(look: Keepone) -> None:
    document = look("groups", "--json").json
    assert list(document) == ["groups"]
    for group in document["groups"]:
        assert {"id", "relation", "lane", "keep", "drop", "members", "reason", "score", "frees"} <= set(group)
        assert set(group["drop"]) <= set(group["members"])
        assert group["keep"] in group["members"]
        assert all(Path(path).is_file() for path in group["members"]), "names with line breaks included"
    relations = sorted(group["relation"] for group in document["groups"])
    assert relations.count("exact") == 2
    assert "pixels" in relations
    assert "near" in relations


def test_groups_are_chosen_by_lane_relation_score_source_and_place(look: Keepone, scanned_once: Path) -> None:

    def relations(*args: str | Path) -> set[str]:
        return {group["relation"] for group in look("groups", "--json", *args).json["groups"]}

    assert relations("--lane", "identical") == {"exact"}
    assert relations("--lane", "same") == {"pixels", "near"}
    assert relations("--relation", "pixels") == {"pixels"}
    assert relations("--source", "photos") == relations()
    assert relations("--source", "elsewhere") == set()
    assert {"exact", "pixels"} <= relations("--against", scanned_once / "photos" / "copies") <= relations()
    assert relations("--against", scanned_once / "photos") == set()
    assert relations("--min-score", "1") <= relations()


def test_check_tells_by_the_status_that_there_are_duplicates(keepone: Keepone, photos: Path) -> None:
    keepone("scan", photos)
    assert keepone("groups").status == 0
    assert keepone("groups", "--check").status == Exit.DUPLICATES
    assert keepone("groups", "--check", "--lane", "sets").status == 0
    assert keepone("groups", "--fail-if-empty", "--lane", "sets").status == Exit.NOTHING_TO_DO
    (photos / "broken.jpg").unlink()
    assert keepone("scan", "--check").status == Exit.DUPLICATES


def test_groups_as_csv_and_as_lines(look: Keepone) -> None:
    rows = list(csv.DictReader(io.StringIO(look("groups", "--csv", "-").out)))
    groups = look("groups", "--json").json["groups"]
    assert len(rows) == sum(len(group["members"]) for group in groups)
    lines = look("groups", "--jsonl", "-").lines
    assert lines == groups
    look("groups", "--csv", "out.csv", "--jsonl", "out.jsonl")
    assert len(Path("out.jsonl").read_text().splitlines()) == len(groups)
    assert Path("out.csv").read_text().startswith("group_id,")


def test_one_group_is_shown_with_its_evidence(look: Keepone) -> None:
    near = look("groups", "--relation", "near", "--json").json["groups"][0]
    shown = look("show", near["id"][:8])
    assert "evidence" in shown.out
    assert "hash distance" in shown.out
    assert look("show", near["id"], "--json").json["id"] == near["id"]
    assert look("show", near["id"], "--montage", "m.png").status == 0
    assert Path("m.png").stat().st_size > 1000


def test_errors_are_listed_with_their_reason_without_a_scan(look: Keepone) -> None:
    listed = look("scan", "--errors")
    assert listed.status == Exit.SOME_FAILED
    assert listed.out.count("\n") == 1
    assert "broken.jpg: " in listed.out
    assert look("scan", "--errors", "--json").json["errors"][0]["key"] == "broken.jpg"


def test_apply_asks_and_nobody_there_means_no(keepone_process: Keepone, photos: Path) -> None:
    before = fingerprints(photos)
    assert keepone_process("scan", photos).status == Exit.SOME_FAILED
    assert keepone_process("plan").status == 0
    refused = keepone_process("apply")
    assert refused.status == Exit.USAGE
    assert "--yes" in refused.err
    assert fingerprints(photos) == before


def test_caps_of_the_command_line_refuse_a_larger_plan(keepone: Keepone, photos: Path) -> None:
    before = fingerprints(photos)
    keepone("scan", photos)
    keepone("plan")
    for option in (["--max-items", "1"], ["--max-bytes", "10"]):
        answer = keepone("apply", "--yes", *option)
        assert answer.status == Exit.ERROR
        assert "cap" in answer.err
    assert fingerprints(photos) == before


def test_a_plan_in_a_file_is_applied_and_an_altered_one_is_not(keepone: Keepone, photos: Path) -> None:
    keepone("scan", photos)
    keepone("plan", "--lane", "identical", "-o", "plan.json")
    raw = json.loads(Path("plan.json").read_text())
    raw["steps"][0]["asset"]["key"] = "one.jpg"
    Path("altered.json").write_text(json.dumps(raw))
    assert keepone("apply", "altered.json", "--yes").status == Exit.ERROR
    Path("nonsense.json").write_text("[]")
    assert keepone("apply", "nonsense.json", "--yes").status == Exit.USAGE
    assert keepone("apply", "plan.json", "--yes").status == 0
    assert not (photos / "copies" / "one (1).jpg").exists()


def test_move_puts_photos_into_a_folder_that_is_never_scanned_again(keepone: Keepone, photos: Path) -> None:
    before = fingerprints(photos)
    keepone("scan", photos)
    keepone("plan", "--action", "move", "--to", "extras")
    applied = keepone("apply", "--yes", "--json").json["counts"]
    assert (photos / "copies" / "extras" / "one (1).jpg").exists()
    for _ in range(2):
        keepone("scan")
        assert keepone("plan", "--action", "move", "--to", "extras", "--json").json["photos"] == 0
    assert applied["done"] >= 3
    keepone("undo")
    assert {key: value for key, value in fingerprints(photos).items() if b"extras/" not in key} == before


def test_a_photo_that_changed_since_the_plan_stays_and_the_status_says_so(keepone: Keepone, photos: Path) -> None:
    keepone("scan", photos)
    keepone("plan")
    changed = photos / "copies" / "one (1).jpg"
    changed.write_bytes(changed.read_bytes() + b"more")
    answer = keepone("apply", "--yes", "--json")
    assert answer.status == Exit.SOME_FAILED
    assert answer.json["counts"]["skipped"] == 1
    assert changed.exists()


def test_progress_events_stream_and_end_in_a_summary(keepone_process: Keepone, photos: Path) -> None:
    scanned = keepone_process("scan", photos, "--json-lines").lines
    assert {line["message_type"] for line in scanned} == {"status", "summary"}
    assert scanned[-1]["message_type"] == "summary"
    assert {"listing", "reading"} <= {line["stage"] for line in scanned[:-1]}
    keepone_process("plan")
    applied = keepone_process("apply", "--yes", "--json-lines").lines
    assert [line for line in applied if line["message_type"] == "outcome"]
    assert applied[-1]["message_type"] == "summary"


def test_talk_goes_to_stderr_when_stdout_is_a_pipe(keepone_process: Keepone, photos: Path) -> None:
    scanned = keepone_process("scan", photos)
    assert scanned.out == ""
    assert "Next: keepone plan" in scanned.err
    assert "nothing has been changed" in scanned.err
    assert "Identical" in scanned.err
    assert "1 unreadable (keepone scan --errors)" in scanned.err
    listed = keepone_process("groups")
    assert "keep" in listed.out
    assert "two\\nlines.jpg" in listed.out, "a name cannot disturb the terminal"


def test_quiet_says_nothing_that_is_not_asked_for(keepone: Keepone, photos: Path) -> None:
    answer = keepone("-q", "scan", photos)
    assert (answer.out, answer.err) == ("", "")


ARGS: dict[str, list[list[str]]] = {
    "init": [["init", "--path", "photos", "--ask", "--extras", "trash"]],
    "demo": [],  # this one and the next four go on until they are stopped, and have tests of their own
    "review": [],
    "daemon": [],
    "inference": [],
    "login": [],
    "scan": [["scan"], ["scan", "--estimate"], ["scan", "--errors"]],
    "show": [["show", "GROUP"]],
    "check": [["check", "photos/copies", "--against", "photos"]],
    "report": [["report", "r.html"]],
    "export": [["export", "csv", "out"]],
    "sources": [["sources", "list"], ["sources", "test"], ["sources", "add", "other"], ["sources", "remove", "other"]],
    "rules": [["rules", "list"], ["rules", "test", "--rules", "largest"]],
    "config": [["config", "show"], ["config", "path"], ["config", "edit"]],
    "logout": [["logout", "onedrive"]],
    "months": [["months", "2024-06"]],
    "jobs": [["jobs", "list"], ["jobs", "history"], ["jobs", "run", "nightly"]],
    "schedule": [["schedule", "status"], ["schedule", "print"]],
    "models": [["models", "list"], ["models", "path"], ["models", "verify"], ["models", "counts"]],
    "learn": [["learn", word] for word in ("stats", "questions", "reanalyse", "replay")],
    "completion": [["completion", "bash"]],
    "apply": [["apply", "--dry-run"], ["apply", "--yes"]],
}


def test_every_command_obeys_json_and_json_lines(
    keepone: Keepone, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "true")
    (photos.parent / "other").mkdir()
    keepone("scan", photos)
    group = keepone("groups", "--json").json["groups"][0]["id"]
    for name in COMMANDS:
        for args in ARGS.get(name, [[name]]):
            call = [group if word == "GROUP" else word for word in args]
            document = keepone(*call, "--json")
            assert isinstance(document.json, dict), call
            assert "error" not in document.json or document.status, call
            if args[:2] in (["sources", "add"], ["sources", "remove"], ["init", "--path"]):
                continue  # a second time is an error, and that is tested elsewhere
            lines = keepone(*call, "--json-lines")
            assert lines.lines, call
            assert all("message_type" in line for line in lines.lines), call


def test_report_and_exports_are_written_whole(look: Keepone) -> None:
    assert look("report", "r.html", "--json").json["groups"] >= 4
    page = Path("r.html").read_text("utf-8")
    assert "<html" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    for form in ("csv", "json", "jsonl"):
        assert look("export", form, "out").status == 0
        assert (Path("out") / f"groups.{form}").stat().st_size > 100
    assert look("report", "r.txt").status == Exit.ERROR


def test_an_estimate_reads_a_sample_and_remembers_nothing(keepone: Keepone, photos: Path) -> None:
    estimated = keepone("scan", photos, "--estimate", "--json").json
    assert (estimated["photos"], estimated["new"]) == (8, 8)
    assert estimated["seconds"] > 0
    keepone("scan", photos)
    again = keepone("scan", photos, "--estimate", "--json").json
    assert (again["photos"], again["new"]) == (8, 0)


def test_a_limited_scan_counts_nothing_as_gone(keepone: Keepone, photos: Path) -> None:
    keepone("scan", photos)
    assert keepone("scan", "--limit", "2", "--json").json["photos"] == 8
    assert keepone("scan", "--since", "2030", "--json").json["photos"] == 8
    fresh = keepone("scan", photos, "--limit", "2", "--json", data=photos.parent / "fresh")
    assert fresh.json["photos"] == 2
    late = keepone("scan", photos, "--since", "2030-01", "--json", data=photos.parent / "late")
    assert late.json["photos"] == 0
    assert keepone("scan", "--json", data=photos.parent / "late").json["photos"] == 8, "a whole scan lists the rest"


def test_month_narrows_to_the_month_folder_for_this_run_only(keepone: Keepone, own_folders: Path) -> None:
    for month in ("2024/06", "2024/07"):
        (own_folders / "lib" / month).mkdir(parents=True)
        for number in (1, 2):
            (own_folders / "lib" / month / f"{number}.jpg").write_bytes(formats.jpeg(picture(1), 80))
    june = keepone("scan", "lib", "--month", "2024-06", "--json")
    assert june.json["photos"] == 2
    assert keepone("scan", "lib", "--json").json["photos"] == 4
    assert keepone("scan", "lib", "--month", "2024-13").status == Exit.USAGE


def test_level_exact_looks_for_equal_bytes_only(keepone: Keepone, photos: Path) -> None:
    keepone("scan", photos, "--level", "exact")
    assert {group["relation"] for group in keepone("groups", "--json").json["groups"]} == {"exact"}
    keepone("scan", "--level", "near")
    assert {"exact", "pixels", "near"} <= {group["relation"] for group in keepone("groups", "--json").json["groups"]}


def test_a_root_that_is_away_is_a_sentence_and_forgets_nothing(keepone: Keepone, photos: Path) -> None:
    keepone("scan", photos)
    photos.rename(photos.parent / "away")
    answer = keepone("scan", "--json")
    assert answer.status in (Exit.TEMPORARY, Exit.ERROR)
    assert str(photos) in answer.json["sources"][0]["halted"]
    assert answer.json["photos"] == 8
    (photos.parent / "away").rename(photos)
    assert keepone("scan", "--json").json["photos"] == 8


def test_rules_test_tells_what_another_order_would_change(look: Keepone) -> None:
    answer = look("rules", "test", "--rules", "smallest", "--json")
    assert answer.json["groups"] >= 4
    keeps = {change["keeps"] for change in answer.json["changes"]}
    assert any("small.jpg" in path for path in keeps)
    again = {group["keep"] for group in look("groups", "--json").json["groups"]}
    assert not any("small.jpg" in path for path in again), "trying changes nothing"


@pytest.fixture
def card(photos: Path) -> Path:
    """A memory card: one byte copy, one with other metadata, one smaller copy, one that is new."""
    folder = photos.parent / "card"
    (folder / "DCIM").mkdir(parents=True)
    (folder / "DCIM" / "a.jpg").write_bytes((photos / "one.jpg").read_bytes())
    (folder / "DCIM" / "b.jpg").write_bytes(formats.with_comment((photos / "two.jpg").read_bytes(), "card"))
    (folder / "DCIM" / "c.jpg").write_bytes(formats.jpeg(picture(3)[::2, ::2], 80))
    (folder / "DCIM" / "d.jpg").write_bytes(formats.jpeg(picture(4), 88))
    return folder


def test_check_answers_photo_by_photo_whether_it_is_in_the_library(keepone: Keepone, photos: Path, card: Path) -> None:
    answer = keepone("check", card, "--against", photos, "--json")
    verdicts = {Path(photo["path"]).name: photo["verdict"] for photo in answer.json["photos"]}
    assert verdicts == {"a.jpg": "exact", "b.jpg": "pixels", "c.jpg": "better", "d.jpg": "missing"}
    assert answer.status == Exit.DUPLICATES
    assert not answer.json["complete"]
    only = keepone("check", card, "--against", "photos", "--missing")
    assert "d.jpg" in only.out
    assert "a.jpg" not in only.out
    (card / "DCIM" / "d.jpg").unlink()
    complete = keepone("check", card, "--against", "photos", "--json")
    assert complete.status == 0
    assert complete.json["complete"]


def test_a_checked_card_is_no_source_and_never_a_reason_to_drop_from_the_library(
    keepone: Keepone, photos: Path, card: Path
) -> None:
    before = fingerprints(photos)
    keepone("check", card, "--against", photos)
    assert [source["name"] for source in keepone("sources", "list", "--json").json["sources"]] == ["photos"]
    keepone("scan")
    keepone("plan")
    for group in keepone("groups", "--json").json["groups"]:
        assert not any(str(card) in path for path in group["members"])
    assert fingerprints(photos) == before


def test_check_puts_away_only_what_is_there_and_undo_brings_it_back(keepone: Keepone, photos: Path, card: Path) -> None:
    library, on_card = fingerprints(photos), fingerprints(card)
    answer = keepone("check", card, "--against", photos, "--action", "trash", "--yes", "--json")
    assert answer.status == 0
    assert {Path(os.fsdecode(path)).name for path in fingerprints(card)} == {"d.jpg"}
    assert fingerprints(photos) == library
    undone = keepone("undo", "--json", data=Path(answer.json["data"]))
    assert undone.json["counts"] == {"done": 3}
    assert fingerprints(card) == on_card


def test_the_same_files_by_another_way_are_not_in_the_library_twice(keepone: Keepone, photos: Path) -> None:
    answer = keepone("check", photos / "copies", "--against", photos, "--json")
    matches = {Path(photo["path"]).name: photo["match"] for photo in answer.json["photos"]}
    assert all(match is None or "/copies/" not in match for match in matches.values())


def test_an_interrupted_scan_is_status_130_and_goes_on_later(own_folders: Path, photos: Path) -> None:
    command = [sys.executable, "-m", "dedupe_app.cli", "--data", str(own_folders / "data"), "scan", str(photos)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    database = own_folders / "data" / "keepone.sqlite3"
    for _ in range(500):
        if database.exists() or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(2)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (Exit.INTERRUPTED, Exit.SOME_FAILED), err
    if process.returncode == Exit.INTERRUPTED:
        assert "Interrupted" in err.decode()
        assert "Traceback" not in err.decode()
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == Exit.SOME_FAILED
