"""Putting away, moving and bringing back in folders of this machine: what each write leaves on the disk."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Asset, AssetId, Changed, NotFound, Part, Refused, Unavailable, Unsupported
from connectors.local import LocalConnector, LocalOptions, files
from dedupe_core.apply import ApplyResult
from dedupe_core.store import Locked
from dedupe_core.undo import UndoResult
from tests.safety.test_aliases import folding
from tests.safety.world import Drop, World, file_facts

__all__ = ["folding"]
SHELF = ".keepone/quarantine"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "photos", tmp_path / "data")
    made.write("phone/IMG_1.jpg", b"picture" * 100, age=5000.25, mode=0o640, attribute=b"tag")
    made.write("phone/IMG_1.jpg.xmp", b"<x/>", age=4000)
    made.write("2024/IMG_1.jpg", b"picture" * 100)
    return made


def _local(world: World) -> LocalConnector:
    return LocalConnector("home", LocalOptions.model_validate({"path": world.root, "trash": world.trash}))


def _seen(world: World, key: str = "phone/IMG_1.jpg") -> Asset:
    return _local(world).look(AssetId("home", key))


def test_a_photo_and_its_companions_go_together_to_where_a_person_finds_them(world: World) -> None:
    before = world.tree()
    receipt = _local(world).delete(_seen(world), "t1")
    away = world.tree(own=True)
    for name in ("IMG_1.jpg", "IMG_1.jpg.xmp"):
        assert away[f"{SHELF}/t1/phone/{name}"] == before[f"phone/{name}"]
    assert list(world.tree()) == ["2024/IMG_1.jpg"]
    record = json.loads((world.root / SHELF / "t1.json").read_text())
    assert [item["path"] for item in record["items"]] == ["phone/IMG_1.jpg", "phone/IMG_1.jpg.xmp"]
    (line,) = (world.root / SHELF / "list.jsonl").read_text().splitlines()
    assert json.loads(line)["from"] == ["phone/IMG_1.jpg", "phone/IMG_1.jpg.xmp"]
    assert receipt.after["frees"] == 704
    assert json.loads(json.dumps(dict(receipt.before))) == receipt.before
    assert _local(world).quarantine_size() == (1, 704)


def test_what_the_readme_tells_a_person_to_type_brings_everything_back(world: World) -> None:
    world.write("phone/new\nline.jpg", b"hostile")
    before = world.tree()
    for number, key in enumerate(("phone/IMG_1.jpg", "phone/new\nline.jpg")):
        _local(world).delete(_seen(world, key), f"t{number}")
    readme = (world.root / SHELF / "README.txt").read_text()
    (command,) = (line.strip() for line in readme.splitlines() if line.strip().startswith("for unit in"))
    subprocess.run(["sh", "-c", command], cwd=world.root, check=True, capture_output=True)
    assert world.tree() == before


def test_the_command_of_the_readme_overwrites_nothing(world: World) -> None:
    _local(world).delete(_seen(world), "t1")
    world.write("phone/IMG_1.jpg", b"another")
    subprocess.run(
        ["sh", "-c", 'for unit in .keepone/quarantine/*/; do cp -anv "$unit." .; done'],
        cwd=world.root,
        check=False,
        capture_output=True,
    )
    assert (world.root / "phone/IMG_1.jpg").read_bytes() == b"another"


@pytest.mark.parametrize("what", ["edited", "gone", "new"])
def test_companions_that_changed_keep_the_whole_photo(world: World, what: str) -> None:
    asset = _seen(world)
    sidecar = world.root / "phone/IMG_1.jpg.xmp"
    if what == "gone":
        sidecar.unlink()
    else:
        (sidecar if what == "edited" else sidecar.with_name("IMG_1.xmp")).write_bytes(b"<other/>")
    before = world.tree(own=True)
    with pytest.raises(Changed):
        _local(world).delete(asset, "t1")
    assert world.tree(own=True) == before


def test_bytes_that_are_not_those_that_were_proved_are_put_back(world: World) -> None:
    asset = replace(_seen(world), digests={"sha256": "0" * 64})
    before = world.tree()
    with pytest.raises(Changed, match="changed at this moment"):
        _local(world).delete(asset, "t1")
    assert world.tree() == before
    assert _local(world).quarantine_size() == (0, 0)


@pytest.mark.parametrize("token", ["", "..", "a/b", "../../x", "x.json", "nul\0"])
def test_a_token_that_is_no_plain_name_is_refused(world: World, token: str) -> None:
    before = world.tree(own=True)
    with pytest.raises(Refused):
        _local(world).delete(_seen(world), token)
    assert world.tree(own=True) == before


def test_a_token_is_used_once(world: World) -> None:
    _local(world).delete(_seen(world), "t1")
    with pytest.raises(Refused, match="used before"):
        _local(world).delete(_seen(world, "2024/IMG_1.jpg"), "t1")
    assert world.tree().keys() == {"2024/IMG_1.jpg"}
    assert _local(world).quarantine_size() == (1, 704), "the unit that has the token is untouched"


@pytest.mark.parametrize("key", ["../outside.jpg", "/etc/passwd", "phone/../phone/IMG_1.jpg", "phone//IMG_1.jpg", ""])
def test_a_key_that_leaves_the_root_is_refused(world: World, key: str) -> None:
    (world.root.parent / "outside.jpg").write_bytes(b"not ours")
    with pytest.raises(Refused):
        _local(world).delete(replace(_seen(world), id=AssetId("home", key)), "t1")
    with pytest.raises(Refused):
        _local(world).move(_seen(world), key or "..", "t2")
    assert (world.root.parent / "outside.jpg").exists()


def test_what_lies_in_the_quarantine_or_in_a_library_is_not_ours_to_move(world: World) -> None:
    _local(world).delete(_seen(world), "t1")
    for key in (f"{SHELF}/t1/phone/IMG_1.jpg", "My.photoslibrary/originals/a.jpg"):
        with pytest.raises(Refused):
            _local(world).delete(Asset(AssetId("home", key), "1", "a.jpg"), "t2")
    with pytest.raises(Refused):
        _local(world).delete(replace(_seen(world, "2024/IMG_1.jpg"), id=AssetId("work", "2024/IMG_1.jpg")), "t3")


def test_a_companion_outside_of_the_root_is_refused(world: World) -> None:
    outside = world.root.parent / "outside.xmp"
    outside.write_bytes(b"not ours")
    asset = _seen(world)
    with pytest.raises(Refused):
        _local(world).delete(replace(asset, parts=(Part("sidecar", "../outside.xmp", "1", 8),)), "t1")
    assert outside.exists()


def test_a_pipe_that_took_the_photos_name_is_refused_at_once(world: World) -> None:
    asset = _seen(world)
    (world.root / "phone/IMG_1.jpg").unlink()
    os.mkfifo(world.root / "phone/IMG_1.jpg")
    with pytest.raises((Refused, Changed, NotFound)):
        _local(world).delete(asset, "t1")


def test_restoring_twice_is_the_same_as_once(world: World) -> None:
    before = world.tree()
    receipt = _local(world).delete(_seen(world), "t1")
    first = _local(world).restore(receipt)
    assert world.tree() == before
    assert _local(world).restore(receipt) == first
    assert world.tree() == before


def test_a_photo_comes_back_by_its_receipt_when_the_records_in_the_quarantine_are_gone(world: World) -> None:
    before = world.tree()
    receipt = _local(world).delete(_seen(world), "t1")
    (world.root / SHELF / "t1.json").unlink()
    _local(world).restore(receipt)
    assert world.tree() == before


def test_a_photo_with_companions_comes_back_under_one_free_name(world: World) -> None:
    receipt = _local(world).delete(_seen(world), "t1")
    world.write("phone/IMG_1.jpg.xmp", b"a new sidecar")
    back = _local(world).restore(receipt)
    assert back.id.key == "phone/IMG_1 (restored).jpg"
    assert [part.key for part in back.parts] == ["phone/IMG_1 (restored).jpg.xmp"]
    assert (world.root / "phone/IMG_1.jpg.xmp").read_bytes() == b"a new sidecar"
    assert _local(world).restore(receipt) == back


def test_the_longest_name_still_finds_a_free_one(world: World) -> None:
    name = "ü" * 125 + "a.jpg"
    assert len(name.encode()) == 255
    world.write(f"phone/{name}", b"long")
    receipt = _local(world).delete(_seen(world, f"phone/{name}"), "t1")
    world.write(f"phone/{name}", b"in the way")
    back = _local(world).restore(receipt)
    assert back.name.endswith(" (restored).jpg")
    assert (world.root / back.id.key).read_bytes() == b"long"


def test_moving_chooses_one_free_name_for_a_photo_and_its_companions(world: World) -> None:
    world.write("phone/duplicates/IMG_1.jpg", b"was there")
    before = world.tree()
    receipt = _local(world).move(_seen(world), "phone/duplicates", "t1")
    assert receipt.after["paths"] == ["phone/duplicates/IMG_1 (2).jpg", "phone/duplicates/IMG_1 (2).jpg.xmp"]
    assert receipt.after["frees"] == 0
    after = world.tree()
    assert after["phone/duplicates/IMG_1 (2).jpg"] == before["phone/IMG_1.jpg"]
    assert after["phone/duplicates/IMG_1.jpg"] == before["phone/duplicates/IMG_1.jpg"]
    _local(world).restore(receipt)
    assert world.tree() == before


def test_moving_into_the_folder_it_is_in_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="already"):
        _local(world).move(_seen(world), "phone", "t1")


@pytest.mark.parametrize("way", ["links", "placeholders"])
def test_without_an_exclusive_rename_nothing_is_overwritten_either(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The two ways for file systems that lack renameat2(2) or renameatx_np(2), and hard links too."""
    monkeypatch.setattr(files, "_rename_exclusive", None)
    if way == "placeholders":

        def no_links(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", no_links)
    before = world.tree()
    receipt = _local(world).move(_seen(world), "elsewhere", "t1")
    assert world.tree()["elsewhere/IMG_1.jpg"] == before["phone/IMG_1.jpg"]
    _local(world).restore(receipt)
    assert world.tree() == before
    with (
        files.open_folder(world.root, "phone") as phone,
        files.open_folder(world.root, "2024") as other,
        pytest.raises(FileExistsError),
    ):
        files.rename_new(phone, "IMG_1.jpg", other, "IMG_1.jpg")
    assert world.tree() == before


def test_a_root_that_is_away_is_unavailable(world: World) -> None:
    asset, local = _seen(world), _local(world)
    world.root.rename(world.root.with_name("away"))
    with pytest.raises(Unavailable):
        local.delete(asset, "t1")


def test_settling_a_write_that_was_never_begun_finds_nothing(world: World) -> None:
    before = world.tree(own=True)
    assert _local(world).settle("delete", _seen(world), "", "t1") is None
    assert _local(world).settle("move", _seen(world), "x", "t1") is None
    assert world.tree(own=True) == before


def test_settling_a_write_that_happened_gives_its_receipt(world: World) -> None:
    asset = _seen(world)
    receipt = _local(world).delete(asset, "t1")
    assert _local(world).settle("delete", asset, "", "t1") == receipt


def test_a_torn_record_was_never_acted_on(world: World) -> None:
    asset = _seen(world)
    shelf = world.root / SHELF
    shelf.mkdir(parents=True)
    (shelf / "t1.json").write_text('{"token": "t')
    assert _local(world).settle("delete", asset, "", "t1") is None
    assert not (shelf / "t1.json").exists()
    assert _local(world).delete(asset, "t1").token == "t1"


def test_two_commands_at_once_are_one_and_a_sentence(world: World) -> None:
    world.scan()
    plan = world.plan([Drop("phone/IMG_1.jpg", "2024/IMG_1.jpg")])
    with world.store() as store, store.writing("another command"), pytest.raises(Locked, match="another command"):
        world.apply(plan)
    assert world.apply(plan).done == 1


@pytest.mark.root
def test_a_disk_mounted_inside_the_root_has_its_own_quarantine(
    world: World, mount_memory: Callable[[Path], Path]
) -> None:
    mount_memory(world.root / "card")
    world.write("card/dcim/IMG_9.jpg", b"on the card", age=2000)
    before = world.tree()
    receipt = _local(world).delete(_seen(world, "card/dcim/IMG_9.jpg"), "t1")
    assert (world.root / "card/.keepone/quarantine/t1/dcim/IMG_9.jpg").read_bytes() == b"on the card"
    assert _local(world).quarantine_size() == (1, 11)
    _local(world).restore(receipt)
    assert world.tree() == before


@pytest.mark.root
def test_a_copy_that_would_not_fit_is_not_begun(world: World, mount_memory: Callable[..., Path]) -> None:
    mount_memory(world.root / "small", "size=64k")
    world.write("phone/large.jpg", os.urandom(200_000))
    before = world.tree(own=True)
    with pytest.raises(Refused, match="full"):
        _local(world).move(_seen(world, "phone/large.jpg"), "small/duplicates", "t1")
    assert world.tree(own=True) == before


@pytest.mark.root
def test_a_disk_that_fills_up_half_way_gives_everything_back(
    world: World, mount_memory: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mount_memory(world.root / "small", "size=64k")
    world.write("phone/large.jpg", os.urandom(200_000))
    before = world.tree()
    monkeypatch.setattr("connectors.local.actions._refuse_without_room", lambda *_: None)
    with pytest.raises(Refused, match="full"):
        _local(world).move(_seen(world, "phone/large.jpg"), "small/duplicates", "t1")
    assert world.tree() == before
    assert not list((world.root / "small").rglob("*.part"))


@pytest.mark.root
def test_a_full_disk_keeps_the_photo_and_can_still_bring_others_back(
    tmp_path: Path, mount_memory: Callable[..., Path]
) -> None:
    root = mount_memory(tmp_path / "photos", "size=256k")
    world = World(root, tmp_path / "data")
    for name in ("a", "b", "c"):
        world.write(f"{name}.jpg", b"same" * 1000)
    world.scan()
    plan = world.plan([Drop("b.jpg", "a.jpg"), Drop("c.jpg", "a.jpg")])
    before = world.tree()
    local = _local(world)
    receipt = local.delete(_seen(world, "b.jpg"), "t0")
    with suppress(OSError), (root / "filler").open("wb", buffering=0) as stream:
        while True:
            stream.write(b"\0" * 4096)
    assert os.statvfs(root).f_bavail == 0
    result = world.apply(plan)
    assert (result.done, result.failed) == (0, 1), result
    assert "full" in result.messages[-1]
    assert (root / "c.jpg").exists()
    local.restore(receipt)
    (root / "filler").unlink()
    assert world.tree() == before


@pytest.mark.root
def test_a_read_only_disk_keeps_everything_and_fails(tmp_path: Path, mount_memory: Callable[..., Path]) -> None:
    root = mount_memory(tmp_path / "photos")
    world = World(root, tmp_path / "data")
    world.write("a.jpg", b"same")
    world.write("b.jpg", b"same")
    world.scan()
    plan = world.plan([Drop("b.jpg", "a.jpg")])
    subprocess.run(["mount", "-o", "remount,ro", root], check=True)
    result = world.apply(plan)
    assert (result.done, result.failed) == (0, 1)
    assert "read-only" in result.messages[-1]
    subprocess.run(["mount", "-o", "remount,rw", root], check=True)
    assert world.apply(plan).done == 1


@pytest.fixture
def shared(swift: Path) -> World:
    """Photos in folders that everybody may write to."""
    swift.chmod(0o755)
    world = World(swift / "photos", swift / "data")
    for key in ("2024/IMG_1.jpg", "phone/IMG_1.jpg"):
        world.write(key, b"picture" * 100, age=3000).parent.chmod(0o777)
    world.root.chmod(0o777)
    world.scan()
    with world.store() as store, store.writing("imports what a locked home folder would hide from others"):
        pass
    return world


def _as_somebody(world: World, action: Callable[[], str]) -> str:
    """What `action` says when it is done by one whom rights bind; root is nobody for this."""
    if os.geteuid() != 0:
        return action()
    for path in [world.data, *world.data.iterdir()]:
        os.chown(path, 65534, 65534)
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            answer = action()
        except BaseException as error:  # noqa: BLE001  the border of the child
            answer = repr(error)
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(child, 0)
    return said


def _said(result: ApplyResult | UndoResult) -> str:
    return f"{[outcome.state for outcome in result.outcomes]} {' '.join(result.messages)}"


def test_a_folder_that_may_not_be_written_keeps_its_photos_and_fails(shared: World) -> None:
    plan = shared.plan([Drop("phone/IMG_1.jpg", "2024/IMG_1.jpg")])
    before = shared.tree()
    (shared.root / "phone").chmod(0o555)
    said = _as_somebody(shared, lambda: _said(shared.apply(plan)))
    (shared.root / "phone").chmod(0o755)
    assert said.startswith("['failed']"), said
    assert "permission" in said
    assert shared.tree() == before


def test_somebody_elses_photo_in_a_shared_folder_goes_and_comes_back_as_it_was(shared: World) -> None:
    plan = shared.plan([Drop("phone/IMG_1.jpg", "2024/IMG_1.jpg")])
    before, owner = shared.tree(), (shared.root / "phone/IMG_1.jpg").stat().st_uid
    said = _as_somebody(shared, lambda: _said(shared.apply(plan)) + _said(shared.undo(plan)))
    assert said == "['done'] ['done'] ", said
    assert shared.tree() == before
    assert (shared.root / "phone/IMG_1.jpg").stat().st_uid == owner


@pytest.mark.root
def test_somebody_elses_photo_is_not_copied_to_another_disk_where_it_would_be_ours(
    shared: World, mount_memory: Callable[[Path], Path]
) -> None:
    mount_memory(shared.root / "far").chmod(0o777)
    plan = shared.plan([Drop("phone/IMG_1.jpg", "2024/IMG_1.jpg", verb="move", target="far/duplicates")])
    before = shared.tree()
    said = _as_somebody(shared, lambda: _said(shared.apply(plan)))
    assert said.startswith("['failed']"), said
    assert "same owner" in said
    assert shared.tree() == before


@pytest.mark.root
def test_attributes_that_another_disk_cannot_hold_keep_the_photo(world: World, folding: Path) -> None:
    share = world.root / "share"
    share.mkdir()
    if subprocess.run(["mount", "--bind", folding, share], capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount")
    try:
        before = world.tree()
        with pytest.raises(Refused, match="extended attribute"):
            _local(world).move(_seen(world), "share/duplicates", "t1")
        assert world.tree() == before
        world.write("phone/plain.jpg", b"without attributes", age=3000)
        facts = file_facts(world.root / "phone/plain.jpg")
        receipt = _local(world).move(_seen(world, "phone/plain.jpg"), "share/duplicates", "t2")
        assert file_facts(share / "duplicates/plain.jpg") == facts
        _local(world).restore(receipt)
        assert file_facts(world.root / "phone/plain.jpg") == facts
    finally:
        subprocess.run(["umount", share], check=True)


SYSTEM_TRASH = """
import json, sys
from pathlib import Path
from connectors.base import AssetId
from connectors.local import LocalConnector, LocalOptions
local = LocalConnector("home", LocalOptions(path=Path(sys.argv[1]), trash="system"))
asset = local.look(AssetId("home", sys.argv[2]))
receipt = local.delete(asset, "t1")
print(json.dumps([local.features.restore, dict(receipt.before), dict(receipt.after)]))
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="would fill the person's own trash")
def test_the_systems_trash_takes_photo_and_companions_and_only_the_person_brings_them_back(
    world: World, tmp_path: Path
) -> None:
    home = tmp_path / "person"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "share")}
    command = [sys.executable, "-c", SYSTEM_TRASH, str(world.root), "phone/IMG_1.jpg"]
    asset = _seen(world)
    before = world.tree()
    told = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    restores, _, after = json.loads(told.stdout)
    assert restores is False
    assert after["trash"] == "system"
    trash = home / "share" / "Trash"
    assert {path.name for path in (trash / "files").iterdir()} == {"IMG_1.jpg", "IMG_1.jpg.xmp"}
    assert file_facts(trash / "files" / "IMG_1.jpg").sha256 == before["phone/IMG_1.jpg"].sha256
    assert "Path=" in (trash / "info" / "IMG_1.jpg.trashinfo").read_text()
    assert world.tree().keys() == {"2024/IMG_1.jpg"}
    system = LocalConnector("home", LocalOptions(path=world.root, trash="system"))
    receipt = system.settle("delete", asset, "", "t1")
    assert receipt is not None
    with pytest.raises(Unsupported, match="trash"):
        system.restore(receipt)
