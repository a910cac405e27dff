"""Changing Apple Photos through the command line: albums, what photos that stay take over, deleting with a person."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from dedupe_app.config import load
from dedupe_app.job_tags import leave
from dedupe_app.library import Library
from dedupe_core.model import Silent
from tests.cloud.conftest import Keepone, jpeg, keepone, own_folders
from tests.cloud.test_photos_flow import groups, mac, put
from tests.fakes.photos import FakePhotosModule, SimulatedPhotos, SyntheticLibrary, timed_out
from tests.photos.conftest import engine, kit, library, photos

__all__ = ["engine", "keepone", "kit", "library", "mac", "own_folders", "photos"]


def by_role(library: SyntheticLibrary, role: str) -> list[str]:
    """Who is in our albums of a role, whatever their day."""
    return sorted(key for name, keys in library.albums().items() if name.endswith(f"/{role}") for key in keys)


def twins(library: SyntheticLibrary, seed: int = 20) -> tuple[str, str]:
    """A photo that stays because it is a favourite, and its copy, which has all else."""
    stays, goes = put(library, "stays.jpg", jpeg(seed), ZFAVORITE=1), put(library, "goes.jpg", jpeg(seed))
    library.put_in("Trips/Rome", goes)
    library.set_keywords(goes, ["sea"])
    library.attribute(goes, ZTITLE="At the fountain")
    return stays, goes


def facts(library: SyntheticLibrary, *keys: str) -> list[Any]:
    """All that writing may change of photos."""
    return [(library.keywords(key), library.value(key, "ZFAVORITE")) for key in keys] + [
        {name: keys for name, keys in library.albums().items() if keys}
    ]


def test_photos_that_stay_are_shown_beside_those_that_are_redundant(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone
) -> None:
    stays, goes = twins(library)
    library.put_in("Best", stays)
    library.set_keywords(stays, ["dog"])
    before = facts(library, stays, goes)
    assert keepone("scan", library.path).status == 0
    assert keepone("plan").status == 0
    assert keepone("apply", "--yes").status == 0
    redundant, keepers = by_role(library, "Redundant"), by_role(library, "Keepers")
    assert sorted([*redundant, *keepers]) == sorted([stays, goes])
    assert len(keepers) == 1
    writes = len(photos.calls)
    assert keepone("scan").status == 0
    assert keepone("plan", "--json").json["steps"] == []
    assert keepone("apply", "--yes").status == 0
    assert not [name for name, _ in photos.calls[writes:] if "Set" in name or "Add" in name or "Create" in name]
    assert keepone("undo").status == 0
    assert facts(library, stays, goes) == before


def test_a_library_in_which_nothing_changed_keeps_its_groups_although_it_is_listed_whole_each_time(
    library: SyntheticLibrary, keepone: Keepone
) -> None:
    stays, _ = twins(library)
    first = keepone("scan", library.path, "--json").json
    again = keepone("scan", "--json").json
    assert (again["run"], again["unchanged"]) == (first["run"], True)
    library.set_keywords(stays, ["dog"])
    assert not keepone("scan", "--json").json["unchanged"], "what a photo is called may change who stays"


def test_what_a_copy_has_is_previewed_carried_and_taken_back(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone
) -> None:
    data = jpeg(21)
    keeper = put(library, "keeper.jpg", data, ZFAVORITE=1)
    library.put_in("Best", keeper)
    library.put_in("Summer", keeper)
    goes = put(library, "goes.jpg", data)
    library.put_in("Trips/Rome", goes)
    library.attribute(goes, ZTITLE="At the fountain")
    before = facts(library, keeper, goes)
    assert keepone("scan", library.path).status == 0
    (group,) = groups(keepone)
    assert group["keep"].endswith("keeper.jpg")
    planned = keepone("plan", "--carry")
    assert "keeper.jpg gets the album" in planned.err
    assert "the album Trips/Rome" in planned.err
    assert "the title “At the fountain”" in planned.err
    assert facts(library, keeper, goes) == before, "a plan changes nothing"
    assert keepone("apply", "--yes").status == 0
    assert keeper in library.albums()["Trips/Rome"]
    assert by_role(library, "Keepers") == [keeper]
    assert keepone("undo").status == 0
    assert facts(library, keeper, goes) == before


def test_tagged_photos_get_keywords_where_that_is_wanted(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, own_folders: Path
) -> None:
    pair = [put(library, name, jpeg(22)) for name in ("A.jpg", "B.jpg")]
    library.set_keywords(pair[0], ["dog"])
    before = facts(library, *pair)
    added = keepone("sources", "add", library.path, "--name", "apple", "-O", "tag_keywords=true")
    assert added.status == 0, added.err
    for command in (["scan"], ["plan"], ["apply", "--yes"]):
        assert keepone(*command).status == 0
    (goes,), (stays,) = by_role(library, "Redundant"), by_role(library, "Keepers")
    assert "keepone:redundant" in library.keywords(goes)
    assert "keepone:keep" in library.keywords(stays)
    assert "dog" in library.keywords(pair[0])
    assert keepone("undo").status == 0
    assert facts(library, *pair) == before


def test_one_photo_that_photos_does_not_hand_out_never_stops_the_others(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone
) -> None:
    pairs = [[put(library, f"{name}{n}.jpg", jpeg(23 + n)) for name in "AB"] for n in range(3)]
    assert keepone("scan", library.path).status == 0
    steps = keepone("plan", "--json").json["steps"]
    assert len(steps) == 3
    photos.withhold(steps[1]["key"])
    photos.drop_adds(steps[2]["key"], 2)
    applied = keepone("apply", "--yes")
    assert applied.status == 3
    assert by_role(library, "Redundant") == sorted(step["key"] for step in (steps[0], steps[2]))
    assert len(pairs) == 3


@pytest.mark.parametrize("words", [False, True], ids=["albums", "albums and keywords"])
@pytest.mark.parametrize("call", range(1, 14))
def test_a_run_that_dies_at_any_call_is_finished_by_the_next(
    library: SyntheticLibrary,
    photos: SimulatedPhotos,
    mac: None,
    keepone: Keepone,
    call: int,
    words: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Photos stops answering at the nth write or reading back, for good: what is left is settled by the next run."""
    pair = [put(library, name, jpeg(26)) for name in ("A.jpg", "B.jpg")]
    library.set_keywords(pair[1], ["dog"])
    before = facts(library, *pair)
    options = ["-O", "tag_keywords=true"] if words else []
    assert keepone("sources", "add", library.path, "--name", "apple", *options).status == 0
    assert keepone("scan").status == 0
    assert keepone("plan").status == 0
    calls, answer = iter(range(1, 10_000)), photos.call
    steps = ("albumAdd", "albumPhotes", "photosLibraryCreateAlbumAtFolder", "photosLibraryCreateFolder")

    def dying(handler: str, *values: Any) -> Any:
        given = answer(handler, *values)
        if (handler in steps or "photoSet" in handler) and next(calls) >= call:
            raise timed_out()
        return given

    with monkeypatch.context() as sick:
        sick.setattr(photos, "call", dying)
        keepone("apply", "--yes")
    for _ in range(3):
        keepone("apply", "--yes")
        keepone("scan")
        keepone("plan")
    assert len(by_role(library, "Redundant")) == 1
    assert len(by_role(library, "Keepers")) == 1
    writes = len(photos.calls)
    assert keepone("apply", "--yes").status == 0
    assert not [name for name, _ in photos.calls[writes:] if "Set" in name or "Add" in name or "Create" in name]
    while keepone("undo", "--fail-if-empty").status == 0:
        pass
    assert facts(library, *pair) == before


class Keyboard(StringIO):
    """A person at the terminal who types this."""

    def isatty(self) -> bool:
        return True


def tagged_twins(library: SyntheticLibrary, keepone: Keepone) -> tuple[str, str]:
    """(stays, goes) of a pair that is tagged; the one that goes is in an album and has a title."""
    data = jpeg(40)
    stays = put(library, "stays.jpg", data, ZFAVORITE=1)
    goes = put(library, "goes.jpg", data)
    library.put_in("Best", stays)
    library.put_in("Summer", stays)
    library.put_in("Trips/Rome", goes)
    library.attribute(goes, ZTITLE="At the fountain")
    for command in (["scan", str(library.path)], ["plan"], ["apply", "--yes"]):
        assert keepone(*command).status == 0
    assert by_role(library, "Redundant") == [goes]
    return stays, goes


def test_a_person_deletes_what_was_tagged_and_the_photo_that_stays_takes_over_what_it_lacks(
    library: SyntheticLibrary,
    photos: SimulatedPhotos,
    kit: FakePhotosModule,
    mac: None,
    keepone: Keepone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stays, goes = tagged_twins(library, keepone)
    shown = keepone("delete", "--dry-run")
    assert "goes.jpg goes, stays.jpg stays" in shown.err
    assert "before that, stays.jpg gets the album Trips/Rome" in shown.err
    assert "KeepOne cannot bring them back" in shown.err
    assert kit.questions == []
    monkeypatch.setattr("sys.stdin", Keyboard("1\n"))
    assert keepone("delete").status == 0
    assert kit.questions == [[goes]]
    assert [library.value(key, "ZTRASHEDSTATE") for key in (stays, goes)] == [0, 1]
    assert stays in library.albums()["Trips/Rome"]
    assert keepone("scan").status == 0
    assert groups(keepone) == []
    undone = keepone("undo")
    assert undone.status == 3
    assert "Recently Deleted" in undone.err
    assert stays not in library.albums().get("Trips/Rome", [])
    library.set(goes, ZTRASHEDSTATE=0)
    assert keepone("undo").status == 0, "the person brought it back by hand"


def test_nobody_at_the_keyboard_or_another_number_deletes_nothing(
    library: SyntheticLibrary,
    photos: SimulatedPhotos,
    kit: FakePhotosModule,
    mac: None,
    keepone: Keepone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, goes = tagged_twins(library, keepone)
    refused = keepone("delete")
    assert refused.status != 0
    assert "by a person in a terminal" in refused.err
    monkeypatch.setattr("sys.stdin", Keyboard("2\n"))
    assert keepone("delete").status == 3
    monkeypatch.setattr("sys.stdin", Keyboard("1\n"))
    kit.answer = 3072
    said_no = keepone("delete")
    assert said_no.status == 3
    assert "You said no" in said_no.err
    assert library.value(goes, "ZTRASHEDSTATE") == 0
    assert keepone("scan").status == 0


def test_a_deletion_that_was_killed_is_looked_for_by_the_next_start(
    library: SyntheticLibrary,
    photos: SimulatedPhotos,
    kit: FakePhotosModule,
    mac: None,
    keepone: Keepone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, goes = tagged_twins(library, keepone)
    change = FakePhotosModule.performChangesAndWait_error_

    def killed(module: FakePhotosModule, *values: Any) -> None:
        change(module, *values)
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Keyboard("1\n"))
    with monkeypatch.context() as death:
        death.setattr(FakePhotosModule, "performChangesAndWait_error_", killed)
        assert keepone("delete").status == 130
    assert library.value(goes, "ZTRASHEDSTATE") == 1
    assert keepone("scan").status == 0
    assert keepone("delete", "--dry-run", "--json").json["deleted"] == 0
    lines = (Path("data") / "journal.jsonl").read_text().splitlines()
    assert '"state": "done"' in lines[-1] or '"state":"done"' in lines[-1]
    assert '"delete"' in lines[-1]


def test_a_photo_that_stayed_and_would_go_now_is_no_keeper_any_more(
    library: SyntheticLibrary, photos: SimulatedPhotos, mac: None, keepone: Keepone, own_folders: Path
) -> None:
    for name in ("A.jpg", "B.jpg"):
        put(library, name, jpeg(60))
    for command in (["scan", str(library.path)], ["plan"], ["apply", "--yes"]):
        assert keepone(*command).status == 0
    (first,) = by_role(library, "Keepers")
    better = put(library, "C.jpg", jpeg(60), ZFAVORITE=1)
    assert keepone("scan").status == 0
    (group,) = groups(keepone)
    assert group["keep"].endswith("C.jpg")
    with Library.open(load(None, own_folders / "data").config) as opened, opened.store.writing("test"):
        list(leave(opened, ["Test.photoslibrary"], Silent()))
    assert by_role(library, "Keepers") == []
    for command in (["plan"], ["apply", "--yes"]):
        assert keepone(*command).status == 0
    assert by_role(library, "Keepers") == [better]
    assert first in by_role(library, "Redundant")
