"""Single facts, against recorded rows where they are present."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from requests.structures import CaseInsensitiveDict

from connectors.base import SHARED
from connectors.onedrive import OneDriveOptions
from connectors.onedrive.companions import stem_of
from connectors.onedrive.facts import asset_of, content_revision, digests, drive_key, is_photo, local_time
from connectors.onedrive.gate import asked_wait
from connectors.onedrive.memory import Memory, remembered
from connectors.onedrive.moves import marked, marks
from connectors.onedrive.scope import Scope
from connectors.onedrive.session import _codes


@pytest.fixture
def samples(testdata: Path) -> Path:
    folder = testdata / "graph" / "samples"
    if not folder.is_dir():
        pytest.skip("no recorded answers beside the checkout")
    return folder


def sample(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text())


def test_a_recorded_personal_photo_is_understood(samples: Path) -> None:
    row = sample(samples, "personal_photo_2023")
    asset = asset_of(row, "cloud", "x", drive_key(row["parentReference"]))
    assert asset.taken_at == datetime(2007, 1, 4, 20, 53, 43)
    assert asset.modified_at == 1167962022.0
    assert (asset.width, asset.height, asset.camera, asset.size) == (2048, 1360, "SONY CYBERSHOT", 1307465)
    assert asset.digests["sha1"] == "9cf13dd16c95cf658b27e218eaa0f8b7caa3fde9"
    assert SHARED in asset.flags


def test_recorded_rows_of_other_kinds_are_no_photos(samples: Path) -> None:
    assert is_photo(sample(samples, "personal_livephoto_heic_2023"))
    assert not is_photo(sample(samples, "business_pdf_2026"))
    assert not is_photo(sample(samples, "business_video_2026"))
    assert not any(is_photo(row) for row in sample(samples, "personal_delta_page_2026")["value"])


def test_recorded_errors_give_all_their_codes(samples: Path) -> None:
    codes = {name: _codes(one["body"])[0] for name, one in sample(samples, "errors").items()}
    assert codes["429_createLink_personal"] == ("accessDenied", "throttledRequest")
    assert codes["429_no_retry_after"] == ("activityLimitReached", "throttledRequest")
    assert codes["412_issue706"] == ("notAllowed",)
    assert codes["406_thumb_fetch_cloudreve373"] == ("generalException", "SubStreamCached_GeneralFailure")


def row(name: str = "a.jpg", **more: Any) -> dict[str, Any]:
    return {"id": "1", "name": name, "size": 3, "file": {"hashes": {}}, "eTag": "e", "cTag": "c", **more}


def hashed(**hashes: str) -> dict[str, Any]:
    return {"file": {"hashes": hashes}}


def test_digests_are_normalised_and_zeros_are_none() -> None:
    assert digests(row(**hashed(sha1Hash="ABC1"))) == {"sha1": "abc1"}
    assert digests(row(**hashed(sha1Hash="0" * 40, quickXorHash="AAAAAAAAAAAAAAAAAAAAAAAAAAA="))) == {}
    in_hex = "4a" + "00" * 19
    assert digests(row(**hashed(quickXorHash=in_hex))) == {"quickxor": "SgAAAAAAAAAAAAAAAAAAAAAAAAA="}
    assert digests(row(**hashed(quickXorHash="not base64!"))) == {}


def test_a_revision_is_made_of_content_and_tags_are_the_last_resort() -> None:
    strong = row(**hashed(sha256Hash="AB", quickXorHash="SgAAAAAAAAAAAAAAAAAAAAAAAAA="))
    assert content_revision(strong) == content_revision({**strong, "eTag": "other", "cTag": "other"})
    assert content_revision(strong) != content_revision({**strong, "size": 4})
    assert content_revision(row()) != content_revision(row(cTag="other"))
    times = {"fileSystemInfo": {"lastModifiedDateTime": "2024-01-01T00:00:00Z"}}
    quick = hashed(quickXorHash="SgAAAAAAAAAAAAAAAAAAAAAAAAA=")
    assert content_revision(row("a.bmp", **quick)) != content_revision(row("a.bmp", **quick, **times))
    assert content_revision(row("a.jpg", **quick)) == content_revision(row("a.jpg", **quick, **times))


def test_drive_ids_compare_in_every_recorded_spelling() -> None:
    spellings = ["0FAB1234CD567890", "fab1234cd567890", "0fab1234cd567890"]
    assert len({drive_key({"driveId": one, "driveType": "personal"}) for one in spellings}) == 1
    assert drive_key({"driveId": "b!Xy", "driveType": "business"}) == "b!xy"


def test_the_camera_s_time_is_not_converted() -> None:
    assert local_time("2024-03-31T02:30:00.5Z") == datetime(2024, 3, 31, 2, 30, 0, 500000)
    assert local_time("nonsense") is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120), ({"retry-after": "2.128"}, 2.128), ({}, None), ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90), ({"Retry-After": "5", "RateLimit-Reset": "30"}, 30),
        ({"Retry-After": "-5"}, 0),
    ],
)  # fmt: skip
def test_retry_after_is_understood_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(CaseInsensitiveDict(headers), 10.0) == seconds


def test_a_cursor_survives_and_a_damaged_one_means_everything() -> None:
    memory = Memory("d", "r", "s", "https://x/?token=1", {"f": ("r", "Größe")}, {"a": "f"})
    assert remembered(memory.cursor()) == memory
    for broken in (None, "", "nonsense", memory.cursor()[:-9], memory.cursor().replace("e", "f")):
        assert remembered(broken) is None


def test_marks_are_fixed_and_keep_the_suffix() -> None:
    first = list(marks("dup", "item"))
    assert first == list(marks("dup", "item"))
    assert first[0] == ""
    assert marked("IMG 1.tar.jpg", "m") == "IMG 1.tar (m).jpg"
    assert marked(".jpg", "m") == ".jpg (m)"
    assert len(set(first)) == len(first)


def test_companions_are_known_by_their_stem() -> None:
    assert {stem_of(name) for name in ("IMG_1.JPG", "img_1.mov", "IMG_1.jpg.xmp", "IMG_1.xmp")} == {"img_1"}
    assert stem_of("a.b.jpg") != stem_of("a.jpg")


@pytest.mark.parametrize(
    ("template", "inside", "outside"),
    [
        ("Pictures/{year}/{month:02d}", ["Pictures/2024/06", "pictures/1999/12/x"], ["Pictures/2024/6"]),
        ("Fotos/{year}-{month:02d}", ["Fotos/2024-06"], ["Fotos/2024/06", "Fotos/2024-06x"]),
        ("{year}/{month}", ["2024/6", "2024/12"], ["x/2024/6"]),
    ],
)  # fmt: skip
def test_templates_mean_what_they_say(template: str, inside: list[str], outside: list[str]) -> None:
    scope = Scope(OneDriveOptions(template=template))
    assert all(scope.holds(one) for one in inside)
    assert not any(scope.holds(one) for one in [*outside, f"{inside[0]}/duplicates", f"{inside[0]}/DUPLICATES/x"])


def test_options_refuse_what_would_be_unsafe() -> None:
    for wrong in ({"endpoint": "http://graph.example"}, {"template": "Pictures"}, {"template": "{day}"}, {"colour": 1}):
        with pytest.raises(ValidationError):
            OneDriveOptions.model_validate(wrong)
