"""What a listing says and what it never says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from connectors.base import Page, Refused, Unavailable
from connectors.onedrive import OneDriveConnector
from connectors.onedrive.spool import Spool
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Scanning
from dedupe_core.store import Store
from tests.fakes.graph import PERSONAL, Content, GraphFake
from tests.onedrive.conftest import EmulatorTokens, Make, listed

FACETS: dict[str, dict[str, object]] = {
    "image": {"width": 4032, "height": 3024},
    "photo": {
        "cameraMake": "SONY", "cameraModel": "CYBERSHOT", "orientation": 6, "takenDateTime": "2007-01-04T20:53:43Z",
    },
    "location": {"latitude": 48.1, "longitude": 11.5},
}  # fmt: skip


def names(pages: Iterable[Page]) -> set[str]:
    return {f"{asset.folder}/{asset.name}" for page in pages for asset in page.assets}


def fill(graph: GraphFake, count: int, folder: str = "Pictures/2024/06") -> None:
    for number in range(count):
        graph.drive.put(f"{folder}/IMG_{number:05}.jpg", Content(known_size=1000 + number, known_digest=str(number)))


def test_facts_come_from_the_facets_and_the_taken_time_stays_local(graph: GraphFake, cloud: OneDriveConnector) -> None:
    graph.drive.put("Pictures/2007/01/a.jpg", Content(b"abc", facets=FACETS), modified=1167962022.0)
    asset = listed(cloud)["Pictures/2007/01/a.jpg"]
    assert asset.taken_at == datetime(2007, 1, 4, 20, 53, 43)
    assert asset.modified_at == 1167962022.0
    assert asset.place == (48.1, 11.5)
    if graph.state.flavour is PERSONAL:
        assert (asset.width, asset.height, asset.camera) == (3024, 4032, "SONY CYBERSHOT")
        assert set(asset.digests) == {"sha256", "sha1", "quickxor"}
        assert asset.digests["sha1"] == asset.digests["sha1"].lower()
    else:
        assert (asset.width, asset.camera, set(asset.digests)) == (None, "", {"quickxor"})


def test_only_photos_in_month_folders_are_listed(graph: GraphFake, cloud: OneDriveConnector) -> None:
    inside = ["Pictures/2024/06/a.jpg", "Pictures/2024/06/trip/b.heic", "pictures/2023/12/c.PNG"]
    outside = [
        "Pictures/a.jpg", "Pictures/2024/a.jpg", "Pictures/2024/6/a.jpg", "Documents/2024/06/a.jpg",
        "Pictures/2024/06/a.txt", "Pictures/2024/06/duplicates/a.jpg", "Pictures/2024/06/trip/Duplicates/a.jpg",
        "Pictures/2024/duplicates_summary/2024-06.csv", "Pictures/2024/06/duplicates_summary/a.jpg",
    ]  # fmt: skip
    for path in [*inside, *outside]:
        graph.drive.put(path, path.encode())
    graph.drive.put("Pictures/2024/06/empty.jpg", b"")
    assert {path.casefold() for path in listed(cloud)} == {path.casefold() for path in inside}


def test_one_folder_or_the_whole_drive_can_be_the_scope(graph: GraphFake, make: Make) -> None:
    for path in ("a/x.jpg", "a/b/y.jpg", "ab/z.jpg", "w.jpg", "a/duplicates/v.jpg"):
        graph.drive.put(path, path.encode())
    assert set(listed(make("one", folder="A"))) == {"a/x.jpg", "a/b/y.jpg"}
    assert set(listed(make("all", folder=""))) == {"a/x.jpg", "a/b/y.jpg", "ab/z.jpg", "/w.jpg"}


def test_notebooks_links_vaults_albums_and_malware_are_no_photos(graph: GraphFake, make: Make) -> None:
    for facet in ("package", "remoteItem", "malware", "bundle"):
        item = graph.drive.put(f"Pictures/{facet}.jpg", facet.encode())
        item.facets[facet] = {}
    vault = graph.drive.folder("Pictures/Personal Vault")
    vault.facets["vault"] = True
    graph.drive.put("Pictures/ok.jpg", b"ok")
    connector = make(folder="Pictures")
    pages = list(connector.scan(None))
    assert names(pages) == {"Pictures/ok.jpg"}
    graph.drive.touch(vault)
    assert list(connector.scan(pages[-1].cursor))[-1].gone == ()


def test_the_last_occurrence_wins_in_any_order(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 120)
    graph.feed.noise.stale, graph.feed.noise.shuffle, graph.feed.most = 60, True, 17
    graph.weather.add("status", status=503, headers={"Retry-After": "3"}, skip=2)
    found = listed(cloud)
    assert set(found) == {f"Pictures/2024/06/IMG_{number:05}.jpg" for number in range(120)}
    assert sorted(asset.size for asset in found.values()) == list(range(1000, 1120))


def test_a_poll_without_changes_is_one_call(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 30)
    cursor = list(cloud.scan(None))[-1].cursor
    graph.accounting.reset()
    page = list(cloud.scan(cursor))[-1]
    assert (page.assets, page.gone, page.restart) == ((), (), False)
    assert graph.accounting.calls["graph"] == 1


def test_changes_bring_new_changed_and_gone_photos_only(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 12)
    cursor = list(cloud.scan(None))[-1].cursor
    drive = graph.drive
    new = drive.put("Pictures/2024/07/new.jpg", b"new")
    changed = drive.put("Pictures/2024/06/IMG_00001.jpg", b"other bytes")
    binned, moved, put_away = (drive.find(f"Pictures/2024/06/IMG_0000{n}.jpg") for n in (2, 3, 4))
    assert binned
    assert moved
    assert put_away
    drive.recycle(binned)
    drive.relocate(moved, drive.folder("Elsewhere"), moved.name)
    drive.relocate(put_away, drive.folder("Pictures/2024/06/duplicates"), put_away.name)
    pages = list(cloud.scan(cursor))
    assert {asset.id.key for page in pages for asset in page.assets} == {new.id, changed.id}
    assert {key for page in pages for key in page.gone} == {binned.id, moved.id, put_away.id}
    assert not pages[-1].restart


@pytest.mark.parametrize("bare", ["id_only_deletes", "bare_tombstones"])
def test_tombstones_without_anything_are_understood(graph: GraphFake, cloud: OneDriveConnector, bare: str) -> None:
    fill(graph, 3)
    cursor = list(cloud.scan(None))[-1].cursor
    setattr(graph.feed.noise, bare, True)
    item = graph.drive.find("Pictures/2024/06/IMG_00000.jpg")
    assert item
    graph.drive.recycle(item)
    assert list(cloud.scan(cursor))[-1].gone == (item.id,)


def test_a_renamed_folder_lists_everything_again_under_its_new_name(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 5)
    cursor = list(cloud.scan(None))[-1].cursor
    folder = graph.drive.folder("Pictures/2024/06")
    graph.drive.relocate(folder, graph.drive.folder("Pictures/2023"), "07")
    pages = list(cloud.scan(cursor))
    assert pages[-1].restart
    assert names(pages) == {f"Pictures/2023/07/IMG_{number:05}.jpg" for number in range(5)}


def test_an_expired_cursor_lists_everything_again_and_loses_nothing(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 25)
    store = Store(None)
    scan(store, cloud, Scanning(), Silent())
    graph.feed.expire()
    graph.quirks.bad_resync_location = True
    counts = scan(store, cloud, Scanning(), Silent())
    assert (counts.gone, counts.halted, store.assets.known(1)) == (0, "", 25)


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_listing_that_breaks_off_in_the_middle_begins_again(
    graph: GraphFake, cloud: OneDriveConnector, status: int
) -> None:
    fill(graph, 50)
    graph.feed.most = 10
    graph.weather.add("status", on="graph GET .*delta", status=status, code="itemNotFound", skip=1)
    assert len(listed(cloud)) == 50


def test_a_link_that_leads_in_a_circle_ends_in_a_sentence(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 50)
    graph.feed.most, graph.feed.loop_at = 10, 20
    with pytest.raises(Unavailable):
        list(cloud.scan(None))
    assert graph.accounting.count("GET", "delta") < 40
    graph.feed.loop_at = None
    assert len(listed(cloud)) == 50


def test_writes_during_the_listing_are_in_it(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 40)
    graph.feed.most = 10
    graph.weather.add("call", on="delta", skip=2, run=lambda: graph.drive.put("Pictures/2024/06/late.jpg", b"late"))
    assert "Pictures/2024/06/late.jpg" in listed(cloud)


def test_a_first_listing_that_was_killed_goes_on_at_the_last_whole_page(graph: GraphFake, make: Make) -> None:
    fill(graph, 95)
    graph.feed.most = 10
    graph.weather.add("status", on="delta", status=403, code="accessDenied", skip=6)
    with pytest.raises(Exception, match="403"):
        list(make().scan(None))
    graph.accounting.reset()
    assert len(listed(make())) == 95
    assert graph.accounting.count("GET", "delta") < 7


def test_a_spool_with_a_torn_end_keeps_its_whole_pages(tmp_path: Path) -> None:
    row = {"id": "1", "name": "a", "file": {}, "parentReference": {"id": "p"}}
    spool = Spool(tmp_path / "s", "mark")
    spool.page([row], "next-1")
    spool.page([{**row, "id": "2"}], "next-2")
    spool.close()
    with (tmp_path / "s").open("ab") as file:
        file.write(b'{"id":"3","name":"c","file":{},"parentReference":{"id":"p"}}\n{"id":"4","na')
    again = Spool(tmp_path / "s", "mark")
    assert set(again.tally.files) == {"1", "2"}
    assert again.link == "next-2"
    again.close()
    other = Spool(tmp_path / "s", "another drive")
    assert (other.tally.files, other.link) == ({}, None)
    other.close()


def test_a_drive_that_comes_back_nearly_empty_stops_the_scan(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 60)
    store = Store(None)
    scan(store, cloud, Scanning(), Silent())
    graph.feed.expire()
    for item in list(graph.drive.walk())[:]:
        if item.content and item.name > "IMG_00006":
            graph.drive.recycle(item)
    counts = scan(store, cloud, Scanning(), Silent())
    assert counts.halted
    assert store.assets.known(1) == 60
    assert not scan(store, cloud, Scanning(), Silent(), accept_loss=True).halted


def test_an_answer_without_the_root_is_not_an_empty_drive(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 5)
    graph.feed.most = 3
    graph.feed.hide_root = True
    with pytest.raises(Unavailable):
        list(cloud.scan(None))


def test_another_account_under_the_same_name_is_refused(graph: GraphFake, make: Make, tmp_path: Path) -> None:
    fill(graph, 3)
    connector = make()
    cursor = list(connector.scan(None))[-1].cursor
    graph.feed.expire()
    graph.state.flavour = graph.drive.flavour = replace(graph.state.flavour, drive_id="ffffffffffffffff")
    with pytest.raises(Refused):
        list(make().scan(cursor))


def test_a_migrated_account_is_listed_again_and_keeps_its_contents(graph: GraphFake, cloud: OneDriveConnector) -> None:
    fill(graph, 20)
    store = Store(None)
    scan(store, cloud, Scanning(), Silent())
    for photo in store.assets.all():
        store.assets.set_content(photo.row, "known")
    graph.drive.migrate()
    graph.drive.touch(graph.drive.root)
    counts = scan(store, cloud, Scanning(), Silent())
    assert (counts.gone, counts.halted) == (0, "")
    assert {photo.content for photo in store.assets.all()} == {"known"}


def test_companions_travel_as_parts_and_are_no_photos_of_their_own(graph: GraphFake, cloud: OneDriveConnector) -> None:
    folder = "Pictures/2024/06"
    for name in (
        "IMG_1.HEIC",
        "img_1.mov",
        "IMG_1.AAE",
        "DSC_2.JPG",
        "DSC_2.NEF",
        "DSC_2.JPG.xmp",
        "clip.mov",
        "R.DNG",
    ):
        graph.drive.put(f"{folder}/{name}", name.encode())
    pages = list(cloud.scan(None))
    found = {asset.name: sorted(part.role for part in asset.parts) for page in pages for asset in page.assets}
    assert found == {"IMG_1.HEIC": ["live_video", "sidecar"], "DSC_2.JPG": ["raw", "sidecar"], "R.DNG": []}
    movie = graph.drive.find(f"{folder}/img_1.mov")
    assert movie
    graph.drive.recycle(movie)
    graph.drive.put(f"{folder}/R.jpg", b"twin")
    later = list(cloud.scan(pages[-1].cursor))
    parts = {asset.name: [part.role for part in asset.parts] for page in later for asset in page.assets}
    assert parts["IMG_1.HEIC"] == ["sidecar"]
    assert parts["R.jpg"] == ["raw"]
    raw = graph.drive.find(f"{folder}/R.DNG")
    assert raw
    assert raw.id in {key for page in later for key in page.gone}


def test_looking_at_a_photo_says_what_the_listing_said(graph: GraphFake, cloud: OneDriveConnector) -> None:
    graph.drive.put("Pictures/2024/06/Größe & mehr/IMG 1.HEIC", Content(b"abc", facets=FACETS))
    graph.drive.put("Pictures/2024/06/Größe & mehr/IMG 1.mov", b"movie")
    graph.drive.put("Pictures/2024/06/100%25/a.jpg", b"percent")
    for asset in listed(cloud).values():
        assert cloud.look(asset.id) == asset


def test_hashes_that_are_missing_or_zero_are_not_digests(graph: GraphFake, cloud: OneDriveConnector) -> None:
    item = graph.drive.put("Pictures/2024/06/a.jpg", b"abc")
    item.no_hashes = True
    asset = listed(cloud)["Pictures/2024/06/a.jpg"]
    assert asset.digests == {}
    assert asset.revision.startswith("tag:")


def test_a_token_that_expires_in_the_middle_is_renewed_once(graph: GraphFake, make: Make) -> None:
    fill(graph, 40)
    graph.feed.most = 10
    graph.weather.add("call", on="delta", skip=2, run=graph.state.revoke)
    tokens = EmulatorTokens(graph)
    connector = make(tokens=tokens)
    assert len(listed(connector)) == 40
    assert tokens.asked == 1
