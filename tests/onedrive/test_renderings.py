"""Thumbnails instead of originals, and originals only in ranges and only when they are what was listed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from connectors.base import Changed, Refused
from connectors.onedrive import OneDriveConnector
from tests.fakes.graph import PERSONAL, Content, GraphFake, oriented, picture
from tests.onedrive.conftest import Make, listed

JUNE = "Pictures/2024/06"


def pictures(graph: GraphFake, count: int) -> None:
    for number in range(count):
        graph.drive.put(f"{JUNE}/IMG_{number:02}.jpg", picture(number, 320, 240))


def test_previews_come_by_the_folder_and_never_touch_an_original(graph: GraphFake, cloud: OneDriveConnector) -> None:
    pictures(graph, 30)
    graph.accounting.reset()
    for asset in listed(cloud).values():
        assert max(Image.open(cloud.preview(asset, 176)).size) == 176
    personal = graph.state.flavour is PERSONAL
    listings = graph.accounting.count("GET", "expand=thumbnails") + graph.accounting.count("GET", "expand%3Dthumb")
    assert listings <= 1 if personal else graph.accounting.count("POST", "$batch") <= 3
    assert graph.accounting.calls["graph"] <= 8
    assert graph.accounting.originals == 0


def test_sizes_are_the_smallest_that_serve(graph: GraphFake, cloud: OneDriveConnector) -> None:
    graph.drive.put(f"{JUNE}/a.jpg", picture(1, 2000, 1500))
    (asset,) = listed(cloud).values()
    assert [max(Image.open(cloud.preview(asset, edge)).size) for edge in (96, 176, 177, 800, 1200)] == [
        176, 176, 800, 800, 1200,
    ]  # fmt: skip
    graph.quirks.bigger_thumbnails = True
    graph.clock.advance(4000)
    assert max(Image.open(cloud.preview(asset, 176)).size) == 220


def test_a_rendering_is_upright_as_the_picture_is_shown(graph: GraphFake, cloud: OneDriveConnector) -> None:
    graph.drive.put(f"{JUNE}/a.jpg", oriented(3, 6, 640, 480))
    (asset,) = listed(cloud).values()
    assert Image.open(cloud.preview(asset, 176)).size == (132, 176)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_expired_link_is_asked_for_again_once(graph: GraphFake, cloud: OneDriveConnector, status: int) -> None:
    pictures(graph, 2)
    first, second = listed(cloud).values()
    cloud.preview(first, 176)
    graph.quirks.expired_status = status
    graph.state.tickets.clear()
    assert Image.open(cloud.preview(second, 176)).size


def test_a_photo_without_a_rendering_is_refused_and_the_others_go_on(
    graph: GraphFake, cloud: OneDriveConnector
) -> None:
    pictures(graph, 3)
    graph.drive.put(f"{JUNE}/raw.cr3", b"not a picture")
    found = listed(cloud)
    with pytest.raises(Refused):
        cloud.preview(found[f"{JUNE}/raw.cr3"], 176)
    graph.weather.add("status", on="content", status=406, code="generalException")
    with pytest.raises(Refused):
        cloud.preview(found[f"{JUNE}/IMG_00.jpg"], 176)
    assert cloud.preview(found[f"{JUNE}/IMG_01.jpg"], 176)


@pytest.mark.parametrize("kind", ["html", "reset", "drop", "truncated", "throttle_page"])
def test_what_is_no_picture_is_never_taken_for_one(graph: GraphFake, cloud: OneDriveConnector, kind: str) -> None:
    pictures(graph, 1)
    (asset,) = listed(cloud).values()
    graph.weather.add(kind, on="content", times=2)  # type: ignore[arg-type]
    data = cloud.preview(asset, 176).read()
    if kind != "truncated":
        Image.open(io.BytesIO(data)).load()


def test_a_batch_that_is_throttled_inside_waits_and_asks_again(graph: GraphFake, make: Make) -> None:
    pictures(graph, 5)
    cloud = make()
    cloud._thumbnails.way = "batch"
    graph.weather.add("status", on="^batch ", status=429, headers={"Retry-After": "20"}, times=2)
    start = graph.clock.now()
    for asset in listed(cloud).values():
        cloud.preview(asset, 176)
    assert graph.clock.now() - start >= 20


def test_an_original_is_read_in_ranges_and_can_be_searched(graph: GraphFake, cloud: OneDriveConnector) -> None:
    data = bytes(range(256)) * 20_000
    graph.drive.put(f"{JUNE}/a.jpg", data)
    (asset,) = listed(cloud).values()
    with cloud.open(asset) as stream:
        assert stream.read(10) == data[:10]
        stream.seek(-5, io.SEEK_END)
        assert stream.read() == data[-5:]
    assert graph.accounting.bytes["content"] < len(data)
    graph.quirks.ignore_range = True
    with cloud.open(asset) as stream:
        assert stream.read() == data


def test_a_download_survives_an_expired_link_and_a_broken_connection(
    graph: GraphFake, cloud: OneDriveConnector
) -> None:
    data = bytes(range(256)) * 20_000
    graph.drive.put(f"{JUNE}/a.jpg", data)
    (asset,) = listed(cloud).values()
    graph.weather.add("reset", on="content", skip=1)
    graph.weather.add("call", on="content", skip=3, run=graph.state.tickets.clear)
    with cloud.open(asset) as stream:
        assert stream.read() == data


def test_a_live_photo_is_never_taken_for_its_still(graph: GraphFake, cloud: OneDriveConnector) -> None:
    graph.drive.put(f"{JUNE}/a.heic", Content(picture(1), movie=b"movie" * 1000))
    graph.drive.put(f"{JUNE}/b.jpg", Content(b"short", known_size=50, known_digest="b"))
    found = listed(cloud)
    with pytest.raises(Refused, match="Live Photo"):
        cloud.open(found[f"{JUNE}/a.heic"]).read()
    with pytest.raises(Refused, match="not to be trusted"):
        cloud.open(found[f"{JUNE}/b.jpg"]).read()


def test_bytes_that_changed_since_the_listing_are_not_read(graph: GraphFake, cloud: OneDriveConnector) -> None:
    graph.drive.put(f"{JUNE}/a.jpg", b"old bytes")
    (asset,) = listed(cloud).values()
    graph.drive.put(f"{JUNE}/a.jpg", b"new bytes")
    with pytest.raises(Changed):
        cloud.open(asset)


def test_a_netrc_file_gives_the_content_host_nothing(
    graph: GraphFake,
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    pictures(graph, 1)
    cloud = make()
    (asset,) = listed(cloud).values()
    assert cloud.preview(asset, 176)
    assert graph.accounting.credentials_at_content == 0
