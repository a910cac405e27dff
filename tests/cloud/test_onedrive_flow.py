"""OneDrive through the command line: scan, groups, plan, apply, undo, on both flavours, beside a local folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tests.cloud.conftest import JUNE, Cloud, Keepone, Tree, jpeg, on_personal
from tests.embed import models
from tests.fakes.graph import BUSINESS, Flavour
from tests.pictures import scene

DAY = "2024-06-01T12:00:00Z"


def groups(keepone: Keepone) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = keepone("groups", "--json").json["groups"]
    return found


def sources_of(group: dict[str, Any]) -> list[str]:
    return sorted(photo["source"] for photo in group["photos"])


def an_hour_later(cloud: Cloud) -> None:
    """All waiting times are over, for the emulator and in the connector's memory of them."""
    cloud.graph.clock.advance(3601)
    for memory in (cloud.folder / "state").glob("*wait"):
        memory.write_text('{"until": 0}')


def test_equal_photos_are_moved_into_the_months_duplicates_and_come_back(cloud: Cloud, keepone: Keepone) -> None:
    data = jpeg(1)
    for name in ("A.jpg", "A copy.jpg"):
        cloud.put(f"{JUNE}/{name}", data)
    cloud.put(f"{JUNE}/B.jpg", jpeg(2))
    before = cloud.tree
    assert keepone("scan").status == 0
    assert len(groups(keepone)) == 1
    assert keepone("plan").status == 0
    applied = keepone("apply", "--yes")
    assert applied.status == 0, applied.err
    assert f"{JUNE}/duplicates/A copy.jpg" in cloud.tree
    assert keepone("scan").status == 0
    assert groups(keepone) == []
    assert keepone("undo").status == 0
    assert cloud.tree == before
    assert cloud.originals == 0


def test_a_photo_in_the_cloud_meets_its_local_copy_without_a_download(
    cloud: Cloud, keepone: Keepone, tmp_path: Path, snap: Callable[[Path], Tree]
) -> None:
    data, disk = jpeg(3), tmp_path / "disk"
    disk.mkdir()
    (disk / "from the phone.jpg").write_bytes(data)
    (disk / "other.jpg").write_bytes(jpeg(4))
    cloud.put(f"{JUNE}/IMG_3.jpg", data)
    cloud.put(f"{JUNE}/IMG_5.jpg", jpeg(5))
    before = cloud.tree, snap(disk)
    assert keepone("scan", "cloud", disk).status == 0
    (group,) = groups(keepone)
    assert sources_of(group) == ["cloud", "disk"]
    assert group["relation"] == ("exact" if cloud.graph.state.flavour.drive_type == "personal" else "near")
    assert keepone("plan").status == 0
    assert keepone("apply", "--yes").status == 0
    there = sum("duplicates" not in path for path in cloud.tree) + len(snap(disk))
    assert there == 3, "one of four went, and one copy of each photo stays"
    assert keepone("undo").status == 0
    assert (cloud.tree, snap(disk)) == before
    assert cloud.originals == 0


@on_personal
def test_a_folder_that_was_scanned_before_the_cloud_was_known_is_read_only_where_lengths_are_equal(
    cloud: Cloud, keepone: Keepone, tmp_path: Path
) -> None:
    data, disk = jpeg(6), tmp_path / "disk"
    disk.mkdir()
    (disk / "early.jpg").write_bytes(data)
    assert keepone("scan", disk).status == 0
    cloud.put(f"{JUNE}/late.jpg", data)
    assert keepone("scan", "cloud").status == 0
    (group,) = groups(keepone)
    assert sources_of(group) == ["cloud", "disk"]
    assert cloud.originals == 0


def test_a_smaller_copy_is_found_on_previews_alone(cloud: Cloud, keepone: Keepone, flavour: Flavour) -> None:
    cloud.put(f"{JUNE}/large.jpg", jpeg(7), (800, 600), DAY)
    cloud.put(f"{JUNE}/small.jpg", jpeg(7, (400, 300), 80), (400, 300), DAY)
    cloud.put(f"{JUNE}/other.jpg", jpeg(8), (800, 600), DAY)
    assert keepone("scan").status == 0
    (group,) = groups(keepone)
    if flavour is BUSINESS:  # no dimensions are listed: nobody can say which of the two is the larger
        assert group["relation"] in ("near", "similar")
        assert group["drop"] == []
    else:
        assert (group["relation"], group["keep"], group["drop"]) == ("near", f"{JUNE}/large.jpg", [f"{JUNE}/small.jpg"])
    assert cloud.originals == 0


@on_personal
def test_two_shots_of_one_second_are_left_to_a_person(cloud: Cloud, keepone: Keepone) -> None:
    """Listings tell the time to the second, and a burst fits into one."""
    first = scene(9, 800, 600)
    for number, picture in enumerate((first, first.crop((0, 0, 798, 599)).resize((800, 600)))):
        out = BytesIO()
        picture.save(out, "JPEG", quality=92)
        cloud.put(f"{JUNE}/IMG_{number}.jpg", out.getvalue(), (800, 600), DAY)
    assert keepone("scan").status == 0
    assert all(group["drop"] == [] for group in groups(keepone))
    assert json.loads(keepone("plan", "--json").out)["steps"] == []


def bmp_twins() -> tuple[bytes, bytes]:
    """Two pictures that differ, of equal length and quickXorHash: their rows are whole 160-byte blocks, and forty of
    these changed places with forty others."""
    out = BytesIO()
    scene(10, 160, 120).convert("P", palette=Image.Palette.ADAPTIVE).save(out, "BMP")
    data, rows = bytearray(out.getvalue()), 160 * 40
    first, second = len(data) - 160 * 110, len(data) - 160 * 50
    data[first : first + rows], data[second : second + rows] = (
        data[second : second + rows],
        data[first : first + rows],
    )
    return out.getvalue(), bytes(data)


def test_a_quickxor_of_uncompressed_pictures_authorises_nothing(cloud: Cloud, keepone: Keepone) -> None:
    from connectors.onedrive.quickxor import quickxor

    one, other = bmp_twins()
    assert one != other
    assert quickxor(one) == quickxor(other)
    cloud.put(f"{JUNE}/one.bmp", one)
    cloud.put(f"{JUNE}/other.bmp", other)
    cloud.put(f"{JUNE}/same as one.bmp", one)
    assert keepone("scan").status == 0
    exact = [group for group in groups(keepone) if group["relation"] == "exact"]
    assert [sorted(group["members"]) for group in exact] == [[f"{JUNE}/one.bmp", f"{JUNE}/same as one.bmp"]]
    assert all(group["drop"] == [] for group in groups(keepone) if group["relation"] != "exact")
    business = cloud.graph.state.flavour.drive_type == "business"
    assert cloud.originals == (3 if business else 0), "only where nothing but the weak digest speaks are bytes read"
    assert keepone("scan").status == 0
    assert cloud.originals == (3 if business else 0), "and only once"


@on_personal
def test_what_has_no_preview_is_counted_and_compared_by_its_digest(cloud: Cloud, keepone: Keepone) -> None:
    data = jpeg(11)
    for name in ("A.jpg", "B.jpg", "C.jpg"):
        cloud.put(f"{JUNE}/{name}", data if name != "C.jpg" else jpeg(12))
    drive = cloud.graph.drive
    for name in ("A.jpg", "B.jpg"):
        item = drive.find(f"{JUNE}/{name}")
        assert item is not None
        cloud.graph.quirks.no_thumbnails.add(item.id)
    scanned = keepone("scan", "--json")
    assert scanned.status == 0
    assert scanned.json["unseen"] > 0
    (group,) = groups(keepone)
    assert group["relation"] == "exact"
    calls = cloud.graph.accounting.count(contains="thumbnails")
    assert keepone("scan").status == 0
    assert cloud.graph.accounting.count(contains="thumbnails") == calls, "it is not asked for again at once"


def test_a_photo_that_changed_since_the_plan_stays(cloud: Cloud, keepone: Keepone) -> None:
    for name in ("A.jpg", "A copy.jpg"):
        cloud.put(f"{JUNE}/{name}", jpeg(13))
    assert keepone("scan").status == 0
    assert keepone("plan").status == 0
    for name in ("A.jpg", "A copy.jpg"):
        cloud.put(f"{JUNE}/{name}", jpeg(14))
    before = cloud.tree
    keepone("apply", "--yes")
    assert cloud.tree == before


def test_a_sign_in_that_expired_is_said_and_stops_nothing_else(cloud: Cloud, keepone: Keepone, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (disk / name).write_bytes(jpeg(15))
    cloud.graph.state.revoke()
    scanned = keepone("scan", "cloud", disk)
    assert scanned.status == 7
    assert len(groups(keepone)) == 1


def test_a_source_that_falls_silent_is_asked_again_by_the_next_run(cloud: Cloud, keepone: Keepone) -> None:
    cloud.configure(longest_wait=1)
    cloud.put(f"{JUNE}/large.jpg", jpeg(16), (800, 600), DAY)
    cloud.put(f"{JUNE}/small.jpg", jpeg(16, (400, 300)), (400, 300), DAY)
    cloud.graph.weather.add("status", on="content", status=429, headers={"Retry-After": "3600"}, times=1)
    for _ in range(2):  # the second run knows that the wait is not over
        assert keepone("scan").status == 0
        assert groups(keepone) == []
    an_hour_later(cloud)
    assert keepone("scan").status == 0
    assert len(groups(keepone)) == 1


@on_personal
def test_one_month_is_looked_at_and_the_rest_stays_known(cloud: Cloud, keepone: Keepone) -> None:
    for month in ("05", "06"):
        for name in ("A.jpg", "B.jpg"):
            cloud.put(f"Pictures/2024/{month}/{name}", jpeg(17 + int(month)))
    assert keepone("scan").status == 0
    assert len(groups(keepone)) == 2
    cloud.put("Pictures/2024/06/C.jpg", jpeg(17 + 6))
    cloud.graph.accounting.reset()
    assert keepone("scan", "--month", "2024-06").status == 0
    assert cloud.graph.accounting.count(contains="/delta") == 0
    assert sorted(len(group["members"]) for group in groups(keepone)) == [2, 3]


def test_a_month_is_cleaned_with_its_table_and_without_a_download(cloud: Cloud, keepone: Keepone) -> None:
    for name in ("A.jpg", "A (1).jpg", "A (2).jpg"):
        cloud.put(f"{JUNE}/{name}", jpeg(40))
    cloud.put(f"{JUNE}/B.jpg", jpeg(41))
    cloud.put("Pictures/2024/07/A.jpg", jpeg(40))
    before = set(cloud.tree)
    answer = keepone("months", "2024-06", "--gallery", "cloud", "--yes")
    assert answer.status == 0, answer.err
    assert " Moved 2 duplicate files from 1 group(s) in 2024/06. Summary updated for 2024/06\n" in answer.err
    assert {path for path in cloud.tree if path.startswith(f"{JUNE}/duplicates/")} == {
        f"{JUNE}/duplicates/A (1).jpg",
        f"{JUNE}/duplicates/A (2).jpg",
    }
    summary = "Pictures/2024/duplicates_summary/2024-06"
    assert {f"{summary}.csv", f"{summary}.json"} <= set(cloud.tree)
    second = keepone("months", "2024-06", "--gallery", "cloud", "--yes")
    assert " No duplicates found in 2024/06. Summary updated for 2024/06\n" in second.err
    assert keepone("months", "2024-06", "--gallery", "cloud", "--undo").status == 0
    assert set(cloud.tree) - {f"{summary}.csv", f"{summary}.json"} == before
    assert cloud.originals == 0


@on_personal
def test_a_forecast_fetches_nothing(cloud: Cloud, keepone: Keepone) -> None:
    cloud.put(f"{JUNE}/A.jpg", jpeg(42))
    told = keepone("estimate", "--json").json
    assert told["forecasts"][0]["photos"] == 1
    assert cloud.graph.accounting.count(host="content", contains="") == 0
    assert cloud.graph.accounting.count(contains="/delta") == 0


def test_a_model_sees_the_renderings_that_photos_are_compared_by(
    cloud: Cloud, keepone: Keepone, own_folders: Path
) -> None:
    """Two renderings a photo, the one for the hash and the one for the model and the comparison, once each."""
    weights = str(models.timm_checkpoint(own_folders))
    chosen = {"kind": "timm", "model": models.TIMM, "weights": weights, "device": "cpu", "precision": "fp32"}
    cloud.configure(settings={"embedding": chosen})
    cloud.put(f"{JUNE}/large.jpg", jpeg(7), (800, 600), DAY)
    cloud.put(f"{JUNE}/small.jpg", jpeg(7, (400, 300), 80), (400, 300), DAY)
    cloud.put(f"{JUNE}/other.jpg", jpeg(8), (800, 600), DAY)
    told = keepone("scan", "--json").json["model"]
    assert (told["backend"], told["new"], told["failed"]) == ("local", 3, 0)
    assert any(group["relation"] in ("near", "similar") for group in groups(keepone))
    assert cloud.originals == 0
    assert cloud.graph.accounting.count(host="content") == 2 * 3
    cloud.graph.accounting.reset()
    assert keepone("scan").status == 0
    assert cloud.graph.accounting.count(host="content") == 0
    assert cloud.graph.accounting.count(contains="thumbnails") == 0
