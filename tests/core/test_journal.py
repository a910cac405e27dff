"""The journal says the same in the database and in a file that a person can read without our program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dedupe_core import journal
from dedupe_core.model import Plan
from dedupe_core.store import Store
from tests.safety.world import Drop, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "photos", tmp_path / "data")
    name = "caf\udce9" if sys.platform == "linux" else "café"
    for folder in ("2024", "phone"):
        made.write(f"{folder}/{name}.jpg", b"a picture" * 100, mode=0o640)
    made.write(f"phone/{name}.jpg.xmp", b"<x/>")
    made.scan()
    return made


def _plan(world: World) -> Plan:
    keys = sorted(key for key in world.tree() if key.endswith(".jpg"))
    return world.plan([Drop(keys[1], keys[0])])


def _lines(world: World) -> list[dict[str, object]]:
    return list(journal.read_lines(world.data / journal.FILE))


def test_every_line_of_the_database_is_in_the_file(world: World) -> None:
    plan = _plan(world)
    world.apply(plan)
    world.undo(plan)
    lines = _lines(world)
    with world.store() as store:
        entries = store.plans.journal()
    assert [line["state"] for line in lines] == ["intent", "done", "undo_intent", "undone"]
    assert [(line["seq"], line["state"], line["key"], line["token"]) for line in lines] == [
        (entry.seq, entry.state, entry.key, entry.token) for entry in entries
    ]
    assert lines[1]["receipt"] == entries[1].receipt


def test_the_intent_tells_what_will_be_done_and_for_which_photo(world: World) -> None:
    plan = _plan(world)
    world.apply(plan)
    intent = _lines(world)[0]
    step = plan.steps[0]
    assert (intent["verb"], intent["content"], intent["size"]) == ("delete", step.content, 900)
    assert intent["keeper"] == {"source": "home", "key": step.keeper.id.key, "content": step.keeper_content}
    assert intent["parts"] == [part.key for part in step.asset.parts]


def test_the_file_alone_is_enough_to_bring_everything_back(world: World, tmp_path: Path) -> None:
    """Twenty lines of somebody else's Python, standard library only, and no database."""
    before = world.tree()
    plan = _plan(world)
    world.apply(plan)
    (world.data / "keepone.sqlite3").unlink()
    script = tmp_path / "rescue.py"
    script.write_text(
        "import json, os, sys\n"
        "root, journal = sys.argv[1:]\n"
        "for line in open(journal, encoding='ascii'):\n"
        "    entry = json.loads(line)\n"
        "    if entry['state'] != 'done':\n"
        "        continue\n"
        "    receipt = entry['receipt']\n"
        "    for place, item in zip(receipt['after']['paths'], receipt['before']['unit']['items']):\n"
        "        target = os.path.join(root, item['path'])\n"
        "        os.makedirs(os.path.dirname(target), exist_ok=True)\n"
        "        os.link(os.path.join(root, place), target)\n"
        "        os.unlink(os.path.join(root, place))\n"
    )
    subprocess.run([sys.executable, "-I", script, world.root, world.data / journal.FILE], check=True)
    assert world.tree() == before


def test_a_torn_last_line_spoils_no_other_and_is_written_again(world: World) -> None:
    plan = _plan(world)
    world.apply(plan)
    file = world.data / journal.FILE
    whole = file.read_bytes()
    os.truncate(file, len(whole) - 40)
    assert [line["state"] for line in _lines(world)] == ["intent"]
    with world.store() as store:
        assert journal.catch_up(store) == 1
        assert journal.catch_up(store) == 0
    assert [line["state"] for line in _lines(world)] == ["intent", "done"]
    world.undo(plan)
    assert [line["state"] for line in _lines(world)] == ["intent", "done", "undo_intent", "undone"]


@pytest.mark.parametrize("cut", [1, 2, 10, 200])
def test_wherever_the_last_line_is_torn_the_file_gets_whole_again(world: World, cut: int) -> None:
    plan = _plan(world)
    world.apply(plan)
    file = world.data / journal.FILE
    os.truncate(file, max(0, file.stat().st_size - cut))
    world.undo(plan)
    assert [line["state"] for line in _lines(world)] == ["intent", "done", "undo_intent", "undone"]


def test_a_file_that_was_deleted_is_made_again(world: World) -> None:
    plan = _plan(world)
    world.apply(plan)
    (world.data / journal.FILE).unlink()
    world.undo(plan)
    lines = _lines(world)
    assert [line["state"] for line in lines] == ["intent", "done", "undo_intent", "undone"]
    assert lines[0]["verb"] == "delete"


def test_lines_are_ascii_json_whatever_the_name(world: World) -> None:
    world.apply(_plan(world))
    raw = (world.data / journal.FILE).read_bytes()
    assert raw.isascii()
    assert raw.endswith(b"\n")
    assert [json.loads(line)["key"] for line in raw.splitlines()] == [_lines(world)[0]["key"]] * 2


def test_the_file_is_for_its_owner_only(world: World) -> None:
    world.apply(_plan(world))
    assert (world.data / journal.FILE).stat().st_mode & 0o077 == 0


def test_a_store_in_memory_has_no_file() -> None:
    with Store(None) as store:
        assert journal.catch_up(store) == 0


def test_a_journal_that_cannot_be_written_touches_nothing(world: World) -> None:
    plan = _plan(world)
    before = world.tree(own=True)
    (world.data / journal.FILE).mkdir()
    result_or_error: str
    try:
        result = world.apply(plan)
        result_or_error = result.stopped
        assert result.done == 0
    except journal.JournalError as error:
        result_or_error = str(error)
    assert "journal cannot be written" in result_or_error
    assert world.tree(own=True) == before
    (world.data / journal.FILE).rmdir()
    assert world.apply(plan).done == 1
