"""Writes: what was seen is moved whole, under its own times, over nothing, and can be brought back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.base import Asset, Changed, NotFound, Refused, Unsupported
from connectors.onedrive import OneDriveConnector
from dedupe_app.demo.graph.drive import Item
from tests.fakes.graph import PERSONAL, GraphFake
from tests.onedrive.conftest import Make, listed

JUNE, THERE = "Pictures/2024/06", "Pictures/2024/06/duplicates"


def one(graph: GraphFake, connector: OneDriveConnector, name: str = "IMG_1.jpg", *companions: str) -> Asset:
    for number, each in enumerate((name, *companions)):
        graph.drive.put(f"{JUNE}/{each}", each.encode(), modified=1_100_000_000.0 + number, strange=True)
    return listed(connector)[f"{JUNE}/{name}"]


def found(graph: GraphFake, path: str) -> Item:
    item = graph.drive.find(path)
    assert item is not None, sorted(graph.drive.tree())
    return item


def test_a_move_keeps_name_times_and_id_and_undo_is_identity(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud)
    before = graph.drive.tree()
    receipt = cloud.move(asset, THERE, "t")
    moved = found(graph, f"{THERE}/IMG_1.jpg")
    assert (moved.id, moved.fs_modified) == (asset.id.key, 1_100_000_000.0)
    back = cloud.restore(receipt)
    assert graph.drive.tree() == before
    assert back == asset
    writes = graph.accounting.count("PATCH")
    assert cloud.restore(receipt) == asset
    assert graph.accounting.count("PATCH") == writes


@pytest.mark.parametrize(
    "name",
    [
        "IMG #1.jpg", "%41.jpg", "100%.jpg", "a?b.jpg"[:1] + "+b&c=d.jpg", "Größe.jpg", "e\u0301.jpg", "😀 🏳️‍🌈.jpg",
        "it's (1).jpg", "~a.jpg", "a;b,c.jpg", "x.tar.jpg", ".jpg.jpg", "n" * 200 + ".jpg",
    ],
)  # fmt: skip
def test_hard_names_survive_the_round_trip(graph: GraphFake, cloud: OneDriveConnector, name: str) -> None:
    asset = one(graph, cloud, name)
    before = graph.drive.tree()
    graph.drive.put(f"{THERE}/{name}", b"somebody else's")
    receipt = cloud.move(asset, THERE, "t")
    assert receipt.after["name"] != name
    assert found(graph, f"{THERE}/{receipt.after['name']}").id == asset.id.key
    cloud.restore(receipt)
    assert {path: what for path, what in graph.drive.tree().items() if THERE not in path} == before


def test_a_long_path_is_moved_too(graph: GraphFake, cloud: OneDriveConnector) -> None:
    deep = "/".join(["d" * 40] * 8)
    graph.drive.put(f"{JUNE}/{deep}/{'n' * 40}.jpg", b"deep")
    asset = next(iter(listed(cloud).values()))
    assert len(f"{asset.folder}/{asset.name}") > 380
    receipt = cloud.move(asset, f"{asset.folder}/duplicates", "t")
    assert receipt.after["folder"] == f"{asset.folder}/duplicates"
    assert cloud.restore(receipt) == asset


def test_an_old_name_that_onedrive_takes_no_longer_is_moved_as_it_is(graph: GraphFake, make: Make) -> None:
    cloud = make()
    graph.drive.put(f"{JUNE}/ended..jpg", b"dots", strange=True)
    graph.drive.put(f"{JUNE}/ lead.jpg", b"lead", strange=True)
    for asset in listed(cloud).values():
        assert cloud.move(asset, THERE, "t").after["name"] == asset.name


def test_a_taken_name_gets_the_same_mark_every_time_and_nothing_is_replaced(graph: GraphFake, make: Make) -> None:
    cloud = make()
    asset = one(graph, cloud)
    other = graph.drive.put(f"{THERE}/img_1.JPG", b"other")
    names = set()
    for _ in range(2):
        receipt = cloud.move(asset, THERE, "t")
        names.add(receipt.after["name"])
        asset = cloud.restore(receipt)
    assert len(names) == 1
    assert "(dup-" in names.pop()
    assert found(graph, f"{THERE}/img_1.JPG") is other
    assert not any("conflictBehavior" in seen.target for seen in graph.accounting.seen if seen.method == "PATCH")


def test_companions_move_with_their_photo_under_one_mark(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud, "IMG_1.HEIC", "IMG_1.mov", "IMG_1.HEIC.xmp")
    before = graph.drive.tree()
    graph.drive.put(f"{THERE}/IMG_1.mov", b"foreign")
    receipt = cloud.move(asset, THERE, "t")
    mark = receipt.after["name"].removeprefix("IMG_1").removesuffix(".HEIC")
    assert "dup" in mark
    now = {path for path in graph.drive.tree() if path.startswith(THERE)}
    assert now == {f"{THERE}/IMG_1{mark}{end}" for end in (".HEIC", ".mov", ".HEIC.xmp")} | {f"{THERE}/IMG_1.mov"}
    cloud.restore(receipt)
    assert {path: what for path, what in graph.drive.tree().items() if not path.startswith(THERE)} == before


def test_a_bumped_tag_without_another_content_is_still_moved(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud)
    item = found(graph, f"{JUNE}/IMG_1.jpg")
    graph.drive.touch(item)
    bumps = graph.weather.add("call", on="graph PATCH", times=2, run=lambda: graph.drive.touch(item))
    graph.quirks.wrong_if_match = "notAllowed"
    cloud.move(asset, THERE, "t")
    assert bumps.hits == 2
    assert found(graph, f"{THERE}/IMG_1.jpg") is item


Change = Callable[[GraphFake, Item], object]
CHANGES: dict[str, Change] = {
    "content": lambda graph, item: graph.drive.put(f"{JUNE}/{item.name}", b"new bytes"),
    "moved": lambda graph, item: graph.drive.relocate(item, graph.drive.folder("Pictures/2024/07"), item.name),
    "renamed": lambda graph, item: graph.drive.relocate(item, graph.drive.folder(JUNE), "renamed.jpg"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("when", ["before", "between"])
def test_what_changed_since_it_was_seen_is_not_touched(
    graph: GraphFake, cloud: OneDriveConnector, change: str, when: str
) -> None:
    asset = one(graph, cloud)
    item = found(graph, f"{JUNE}/IMG_1.jpg")
    if when == "before":
        CHANGES[change](graph, item)
    else:
        graph.weather.add("call", on="graph PATCH", run=lambda: CHANGES[change](graph, item))
    with pytest.raises(Changed):
        cloud.move(asset, THERE, "t")
    assert not [path for path in graph.drive.tree() if path.startswith(THERE)]


def test_a_photo_that_is_gone_is_not_found(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud)
    graph.drive.recycle(found(graph, f"{JUNE}/IMG_1.jpg"))
    with pytest.raises(NotFound):
        cloud.move(asset, THERE, "t")
    with pytest.raises(NotFound):
        cloud.look(asset.id)


def test_a_companion_that_changed_keeps_everything_at_its_place(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud, "IMG_1.HEIC", "IMG_1.mov")
    graph.drive.put(f"{JUNE}/IMG_1.mov", b"cut")
    before = graph.drive.tree()
    with pytest.raises(Changed):
        cloud.move(asset, THERE, "t")
    assert graph.drive.tree() == before


def test_a_companion_that_cannot_follow_brings_the_photo_back(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud, "IMG_1.HEIC", "IMG_1.mov")
    found(graph, f"{JUNE}/IMG_1.mov").locked = True
    before = graph.drive.tree()
    with pytest.raises(Refused):
        cloud.move(asset, THERE, "t")
    assert graph.drive.tree() == before


def test_a_server_that_answers_nothing_or_resets_times_is_checked(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud)
    graph.quirks.patch_answers_204 = True
    item = found(graph, f"{JUNE}/IMG_1.jpg")

    def forgetful() -> None:
        item.fs_modified = graph.clock.now()

    graph.weather.add("call", on="graph GET .*items/.*", skip=3, run=forgetful)
    cloud.move(asset, THERE, "t")
    assert item.fs_modified == 1_100_000_000.0


def test_a_sign_in_for_reading_moves_nothing_and_says_what_to_do(graph: GraphFake, make: Make) -> None:
    cloud = make(scope="Files.Read")
    asset = one(graph, cloud)
    with pytest.raises(Refused, match="keepone login"):
        cloud.move(asset, THERE, "t")
    reader = make(read_only=True)
    assert not reader.features.move
    assert not reader.features.report
    with pytest.raises(Unsupported):
        reader.move(asset, THERE, "t")


def test_the_recycle_bin_is_used_only_where_it_was_allowed(graph: GraphFake, make: Make) -> None:
    asset = one(graph, make())
    with pytest.raises(Unsupported):
        make().delete(asset, "t")
    cloud = make(recycle_bin=True)
    before = graph.drive.tree()
    receipt = cloud.delete(asset, "t")
    assert graph.drive.tree() == {}
    if graph.state.flavour is PERSONAL:
        assert cloud.features.restore
        assert cloud.restore(receipt).name == "IMG_1.jpg"
        assert cloud.restore(receipt).id == asset.id
        assert graph.drive.tree() == before
    else:
        assert not cloud.features.restore
        with pytest.raises(Unsupported, match="recycle bin"):
            cloud.restore(receipt)


def test_restoring_over_a_new_file_takes_a_free_name(graph: GraphFake, make: Make) -> None:
    cloud = make(recycle_bin=True)
    asset = one(graph, cloud)
    receipts = [cloud.move(asset, THERE, "t")]
    newer = graph.drive.put(f"{JUNE}/IMG_1.jpg", b"newer")
    back = cloud.restore(receipts[0])
    assert "(restored-" in back.name
    assert found(graph, f"{JUNE}/IMG_1.jpg") is newer
    assert cloud.restore(receipts[0]).name == back.name
    if graph.state.flavour is PERSONAL:
        binned = cloud.delete(back, "u")
        graph.drive.put(f"{JUNE}/{back.name}", b"again newer")
        assert cloud.restore(binned).name not in (back.name, "IMG_1.jpg")


def test_undo_makes_the_folder_again_when_it_is_gone(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud)
    receipt = cloud.move(asset, "Pictures/2024/07/duplicates", "t")
    graph.drive.recycle(graph.drive.folder(JUNE))
    assert cloud.restore(receipt).folder == JUNE


def test_a_photo_that_a_person_moved_on_is_not_pulled_back(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud)
    receipt = cloud.move(asset, THERE, "t")
    graph.drive.relocate(found(graph, f"{THERE}/IMG_1.jpg"), graph.drive.folder("Keep"), "mine.jpg")
    with pytest.raises(Changed):
        cloud.restore(receipt)
    assert "Keep/mine.jpg" in graph.drive.tree()


def test_settling_looks_and_tells(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud, "IMG_1.HEIC", "IMG_1.mov")
    before = graph.drive.tree()
    assert cloud.settle("move", asset, THERE, "t") is None
    graph.drive.relocate(graph.drive.items[asset.id.key], graph.drive.folder(THERE), "IMG_1.HEIC")
    assert cloud.settle("move", asset, THERE, "t") is None
    assert set(graph.drive.tree()) == set(before)
    graph.drive.put(f"{THERE}/IMG_1.HEIC", b"foreign")
    cloud.move(asset, THERE, "t")
    receipt = cloud.settle("move", asset, THERE, "t")
    assert receipt
    cloud.restore(receipt)
    assert {path for path in graph.drive.tree() if THERE not in path} == set(before)


def test_settling_a_delete_looks_too(graph: GraphFake, make: Make) -> None:
    cloud = make(recycle_bin=True)
    asset = one(graph, cloud)
    assert cloud.settle("delete", asset, "", "t") is None
    cloud.delete(asset, "t")
    receipt = cloud.settle("delete", asset, "", "t")
    assert receipt
    if graph.state.flavour is PERSONAL:
        assert cloud.restore(receipt) == asset


def test_a_file_in_the_way_of_the_folder_is_refused(graph: GraphFake, cloud: OneDriveConnector) -> None:
    asset = one(graph, cloud)
    graph.drive.put(f"{JUNE}/duplicates", b"a file")
    with pytest.raises(Refused):
        cloud.move(asset, THERE, "t")
