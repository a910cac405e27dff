"""The deletion with a person, and what doctor says about access."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from connectors.base import Refused
from connectors.photos import PhotosConnector, PhotosOptions, access, deleting, photokit
from connectors.photos.deleting import Outcome, Removal, delete
from connectors.photos.photokit import PhotoKit
from tests.fakes.photos import FakePhotosModule, SimulatedPhotos, SyntheticLibrary
from tests.photos.conftest import Make


class Deletion:
    """A keeper and its copies, and the journal of what was done to them."""

    def __init__(self, connector: PhotosConnector, library: SyntheticLibrary, copies: int = 2) -> None:
        self.keeper = library.add("keep.jpg", b"same")
        self.copies = [library.add(f"copy{number}.jpg", b"same") for number in range(copies)]
        self.connector = connector
        self.journal: list[tuple[str, str]] = []

    def removals(self) -> list[Removal]:
        found = {asset.id.key: asset for page in self.connector.scan(None) for asset in page.assets}
        return [Removal(found[key], found[self.keeper]) for key in self.copies]

    def run(self, removals: Sequence[Removal] | None = None, asked: bool = True) -> list[Outcome]:
        def record(removal: Removal, outcome: Outcome | None) -> None:
            self.journal.append((removal.asset.id.key, outcome.state if outcome else "intent"))

        chosen = self.removals() if removals is None else removals
        return list(delete(self.connector, chosen, asked, record, wait=lambda seconds: None))


@pytest.fixture
def deletion(make: Make, library: SyntheticLibrary, photos: SimulatedPhotos, kit: FakePhotosModule) -> Deletion:
    return Deletion(make(writing=True, kit=kit), library)


def test_photos_are_deleted_in_one_question_and_looked_for_afterwards(
    deletion: Deletion, library: SyntheticLibrary, kit: FakePhotosModule
) -> None:
    assert [outcome.state for outcome in deletion.run()] == ["deleted", "deleted"]
    assert kit.questions == [deletion.copies]
    assert [library.value(key, "ZTRASHEDSTATE") for key in (deletion.keeper, *deletion.copies)] == [0, 1, 1]
    assert [state for _, state in deletion.journal] == ["intent", "intent", "deleted", "deleted"]
    assert not deletion.connector.features.delete


def test_a_no_of_the_person_is_a_no_and_nothing_more_is_asked(
    deletion: Deletion, library: SyntheticLibrary, kit: FakePhotosModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "BATCH", 1)
    kit.answer = photokit.USER_CANCELLED
    outcomes = deletion.run()
    assert [outcome.state for outcome in outcomes] == ["refused", "refused"]
    assert "You said no" in outcomes[0].sentence
    assert len(kit.questions) == 1
    assert library.value(deletion.copies[0], "ZTRASHEDSTATE") == 0


def test_nobody_is_asked_when_nobody_asked_or_launchd_did(
    deletion: Deletion, kit: FakePhotosModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused, match="when a person asks"):
        deletion.run(asked=False)
    monkeypatch.setenv("XPC_SERVICE_NAME", "org.keepone.daemon")
    monkeypatch.delenv("TERM", raising=False)
    with pytest.raises(Refused, match="when a person asks"):
        deletion.run()
    assert kit.questions == []


def test_another_library_than_the_systems_is_never_deleted_from(
    deletion: Deletion, kit: FakePhotosModule, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("connectors.photos.library.system_library", lambda: tmp_path)
    with pytest.raises(Refused, match="not the system's library"):
        deletion.run()
    assert kit.questions == []


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("changed", "changed or is gone"),
        ("keeper changed", "which was to stay"),
        ("favourite", "favourite"),
        ("burst", "whole burst"),
        ("live", "something that keep.jpg lacks"),
        ("other edit", "an edit of its own"),
        ("damaged", "not what Photos has recorded"),
        ("keeper lost", "neither here nor in iCloud"),
        ("no fingerprint", "no fingerprint"),
        ("shared", "shared or protected"),
    ],
)
def test_each_photo_is_proved_just_before_and_stays_when_the_proof_fails(
    deletion: Deletion, library: SyntheticLibrary, kit: FakePhotosModule, what: str, said: str
) -> None:
    victim, keeper, removals = deletion.copies[0], deletion.keeper, deletion.removals()
    if what == "changed":
        library.change(victim, b"other")
    elif what == "keeper changed":
        library.change(keeper, b"other")
    else:
        _spoil(library, victim, keeper, what)
        removals = deletion.removals()
        if what == "damaged":
            library.original(victim).write_bytes(b"eman")
    outcomes = {outcome.asset.id.key: outcome for outcome in deletion.run(removals[:1])}
    assert outcomes[victim].state == "stays"
    assert said in outcomes[victim].sentence
    assert kit.questions == []


def _spoil(library: SyntheticLibrary, victim: str, keeper: str, what: str) -> None:
    if what == "favourite":
        library.set(victim, ZFAVORITE=1)
    elif what == "burst":
        library.set(victim, ZAVALANCHEUUID="B", ZAVALANCHEPICKTYPE=16)
    elif what == "other edit":
        for key, at in ((victim, 1.0), (keeper, 2.0)):
            library.set(key, **{library.names.edited: 1, "ZADJUSTMENTTIMESTAMP": at})
    elif what == "live":
        library.live(victim, b"movie")
    elif what == "shared":
        library.set(victim, ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE=1)
    elif what == "keeper lost":
        library.original(keeper).rename(library.path / "lost.jpg")
    elif what == "no fingerprint":
        library.attribute(victim, **{library.names.fingerprint: None})
        library.original(victim).rename(library.path / "away.jpg")


def test_a_keeper_that_goes_itself_keeps_nobody(deletion: Deletion, kit: FakePhotosModule) -> None:
    first, second = deletion.removals()
    outcomes = deletion.run([first, Removal(second.asset, first.asset)])
    assert [outcome.state for outcome in outcomes] == ["stays", "deleted"]
    assert kit.questions == [[first.asset.id.key]]


def test_a_yes_that_the_library_does_not_show_is_unknown(
    deletion: Deletion, kit: FakePhotosModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePhotosModule, "deleteAssets_", lambda self, assets: None)
    assert [outcome.state for outcome in deletion.run()] == ["unknown", "unknown"]


@pytest.mark.parametrize("code", [3201, 3300, 3307, 3310, 3311, 1])
def test_each_number_of_photokit_is_a_sentence_and_nothing_is_changed(code: int, library: SyntheticLibrary) -> None:
    key = library.add("a.jpg", b"1")
    kit = PhotoKit(FakePhotosModule(library, answer=code))
    with pytest.raises(Exception, match=r"\.$"):
        kit.delete([key])
    assert library.value(key, "ZTRASHEDSTATE") == 0


def test_the_numbers_are_those_of_apples_framework() -> None:
    """Against pyobjc's own table: on a Mac that of the installed package, elsewhere that of its unpacked wheel at
    KEEPONE_PYOBJC_PHOTOS."""
    table = _pyobjc_table()
    if table is None:
        pytest.skip("no pyobjc-framework-Photos here; set KEEPONE_PYOBJC_PHOTOS to its unpacked wheel")
    found = dict(re.findall(r"\$?(PH\w+)@(-?\d+)", table))
    assert {name: int(found[name]) for name in photokit.CONSTANTS} == photokit.CONSTANTS


def _pyobjc_table() -> str | None:
    named = os.environ.get("KEEPONE_PYOBJC_PHOTOS")
    spec = find_spec("Photos")
    places = [Path(named) / "Photos"] if named else []
    if spec is not None and spec.submodule_search_locations:
        places.append(Path(spec.submodule_search_locations[0]))
    return next(((place / "_metadata.py").read_text() for place in places if (place / "_metadata.py").is_file()), None)


# doctor


def test_doctor_says_which_switch_of_which_program(
    library: SyntheticLibrary, kit: FakePhotosModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = PhotosOptions(path=library.path, state=tmp_path)
    good = access.checks(options, PhotoKit(kit), lambda command, seconds: (0, "10.0\n"))
    assert [check.good for check in good] == [True, True, True]
    denied = "36:43: execution error: Not authorized to send Apple events to Photos. (-1743)"
    kit.authorization = 4
    monkeypatch.setenv("XPC_SERVICE_NAME", "org.keepone.daemon")
    monkeypatch.delenv("TERM", raising=False)
    read, automation, photo_access = access.checks(options, PhotoKit(kit), lambda command, seconds: (1, denied))
    assert read.good
    assert not automation.good
    assert "Automation" in automation.sentence
    assert "launchd started it" in automation.sentence
    assert "limited to some photos" in photo_access.sentence
    assert "Full Access" in photo_access.sentence


def test_doctor_never_waits_for_a_photos_that_asks_something(library: SyntheticLibrary) -> None:
    def hanging(command: Sequence[str], seconds: float) -> tuple[int, str]:
        raise subprocess.TimeoutExpired(command, seconds)

    check = access.automation(hanging)
    assert not check.good
    assert "is it asking something" in check.sentence


def test_doctor_says_what_is_wrong_with_the_library(tmp_path: Path) -> None:
    check = access.library(PhotosOptions(path=tmp_path / "No.photoslibrary"))
    assert not check.good
    assert "There is no Photos library" in check.sentence


def test_every_option_is_on_the_page_about_photos() -> None:
    page = (Path(__file__).parents[2] / "docs" / "apple-photos.md").read_text("utf-8")
    assert not {name for name in PhotosOptions.model_fields if f"`{name}`" not in page}
