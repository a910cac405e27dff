"""A listing says what is there and what changed since the last one."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.base import AssetId, Changed, ConnectorError, Refused
from connectors.local import LocalConnector, LocalOptions
from connectors.local.cursor import Memory, pack
from connectors.local.reading import open_regular
from tests.connectors.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root").mkdir()
    return Tree(tmp_path / "root")


def test_only_regular_visible_photos_are_listed(tree: Tree) -> None:
    for name in ("a.jpg", "B.JPEG", "c.HeIc", "d.dng", "e.avif", ".hidden.jpg", "._a.jpg", "f.txt", "g.mov", "jpg"):
        tree.put(name)
    for name in (".hidden/a.jpg", ".keepone/quarantine/t/a.jpg", "duplicates/a.jpg", "x/Duplicates/a.jpg"):
        tree.put(name)
    for name in ("@eaDir/a.jpg", "My.photoslibrary/originals/a.jpg", "CloudStorage/OneDrive-Personal/a.jpg"):
        tree.put(name)
    os.mkfifo(tree.root / "fifo.jpg")
    (tree.root / "dangling.jpg").symlink_to("nowhere")
    (tree.root / "link.jpg").symlink_to("a.jpg")
    (tree.root / "folder.jpg").mkdir()
    (tree.root / "loop").symlink_to(tree.root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tree.root / "s.jpg"))
        assert set(tree.know()) == {"a.jpg", "B.JPEG", "c.HeIc", "d.dng", "e.avif"}
    assert tree.assets["B.JPEG"].media_type == "image/jpeg"
    assert not tree.unread


def test_a_special_file_in_the_place_of_a_photo_is_not_opened(tree: Tree) -> None:
    tree.put("a.jpg")
    asset = tree.know()["a.jpg"]
    (tree.root / "a.jpg").unlink()
    os.mkfifo(tree.root / "a.jpg")
    with pytest.raises(Changed):
        tree.connector.open(asset)
    (tree.root / "a.jpg").unlink()
    tree.put("b.jpg")
    (tree.root / "a.jpg").symlink_to("b.jpg")
    with pytest.raises(Changed):
        tree.connector.open(asset)


def test_nothing_but_a_regular_file_is_opened_and_nothing_blocks(tmp_path: Path) -> None:
    target = tmp_path / "a.jpg"
    target.write_bytes(b"1")
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "link.jpg").symlink_to(target)
    (tmp_path / "folder.jpg").mkdir()
    for name in ("fifo.jpg", "link.jpg", "folder.jpg"):
        with pytest.raises(OSError, match=r"regular|symbolic|directory"):
            open_regular(str(tmp_path / name))
    with open_regular(str(target)) as handle:
        assert os.get_blocking(handle.fileno())
        assert handle.read() == b"1"


@pytest.mark.parametrize("key", ["../a.jpg", "/etc/passwd", "x/../../a.jpg", "a//b.jpg", "", "a\0.jpg"])
def test_a_key_never_leads_out_of_the_root(tree: Tree, key: str) -> None:
    tree.put("a.jpg")
    asset = replace(tree.know()["a.jpg"], id=AssetId("box", key))
    for ask in (tree.connector.open, tree.connector.path, lambda a: tree.connector.look(a.id)):
        with pytest.raises(ConnectorError):
            ask(asset)


def test_an_unchanged_folder_is_counted_and_not_listed(tree: Tree) -> None:
    for n in range(30):
        tree.put(f"{n % 3}/{n}.jpg")
    tree.know()
    cursor = tree.cursor
    tree.know()
    assert (tree.named, tree.gone, tree.walked, tree.cursor) == (set(), set(), 30, cursor)


def test_an_unchanged_tree_opens_no_file(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("a.heic")
    tree.put("a.mov")
    tree.put("b.jpg")
    tree.put("b.jpg.json", "{}")
    tree.know()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("connectors.local.reading.open_regular", refuse)
    tree.know()
    assert tree.walked == 2


def test_a_cursor_of_another_version_lists_everything(tree: Tree) -> None:
    tree.put("a.jpg")
    tree.know()
    body = json.loads(zlib.decompress(base64.b64decode(tree.cursor or "")))
    tree.cursor = base64.b64encode(zlib.compress(json.dumps([99, *body[1:]]).encode())).decode()
    tree.know()
    assert tree.named == {"a.jpg"}


def test_only_the_photo_that_changed_is_listed(tree: Tree) -> None:
    for name in "abc":
        tree.put(f"x/{name}.jpg")
    tree.know()
    path = tree.put("x/b.jpg", "other")
    os.utime(path, ns=(1, 1))
    tree.know()
    assert (tree.named, tree.gone) == ({"x/b.jpg"}, set())


def test_a_sidecar_that_comes_or_changes_lists_its_photo(tree: Tree) -> None:
    tree.put("x/a.jpg")
    tree.put("x/b.jpg")
    tree.know()
    tree.put("x/a.jpg.xmp", "1")
    assert [part.key for part in tree.know()["x/a.jpg"].parts] == ["x/a.jpg.xmp"]
    assert tree.named == {"x/a.jpg"}
    tree.put("x/a.jpg.xmp", "22")
    assert tree.know()["x/a.jpg"].parts[0].size == 2
    assert tree.named == {"x/a.jpg"}


def test_a_removed_folder_is_gone_and_a_renamed_one_is_listed_anew(tree: Tree) -> None:
    for name in ("old/a.jpg", "old/deep/b.jpg", "stays/c.jpg"):
        tree.put(name)
    tree.know()
    (tree.root / "old").rename(tree.root / "new")
    tree.know()
    assert tree.gone == {"old/a.jpg", "old/deep/b.jpg"}
    assert tree.named == {"new/a.jpg", "new/deep/b.jpg"}


def test_a_rename_over_a_photo_with_the_same_size_and_time_is_a_change(tree: Tree) -> None:
    path = tree.put("a.jpg", "12345")
    os.utime(path, ns=(7, 7))
    before = tree.know()["a.jpg"].revision
    other = tree.put("b.txt", "54321")
    os.utime(other, ns=(7, 7))
    other.rename(path)
    assert tree.know()["a.jpg"].revision != before


@pytest.mark.parametrize("option", [{"exclude": ("x/**",)}, {"include": ("*.png",)}, {"protected": ("x",)}])
def test_other_options_make_a_listing_from_the_beginning(tree: Tree, option: dict[str, Any]) -> None:
    tree.put("x/a.jpg")
    tree.put("y/b.png")
    tree.know()
    tree.options = option
    tree.know()
    assert "y/b.png" in tree.named, "the listing has to be whole"
    assert tree.assets == Tree(tree.root, option).know()


def test_a_page_never_holds_more_than_its_share(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.local.listing.PAGE", 10)
    for n in range(25):
        tree.put(f"flat/{n}.jpg")
        tree.put(f"many/{n}/{n}.jpg")
    pages = list(tree.connector.scan(None))
    assert max(len(page.assets) for page in pages) <= 10
    assert sum(page.walked for page in pages) == 50
    cursor = pages[-1].cursor
    shutil.rmtree(tree.root / "flat")
    pages = list(tree.connector.scan(cursor))
    assert sum(len(page.gone) for page in pages) == 25
    assert max(len(page.gone) for page in pages) <= 10


def test_a_listing_that_was_broken_off_is_listed_again(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.local.listing.PAGE", 5)
    for n in range(30):
        tree.put(f"{n}/{n}.jpg")
    pages = tree.connector.scan(None)
    first = next(pages)
    assert first.cursor is None, "a cursor before the end would skip the rest"
    assert not first.restart


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "eJw=",
        "AAAA",
        pack(Memory("of other rules", (1, 2, 3), True)),
        pack(Memory("", (0, 0, 0), False)),
    ],
)
def test_a_cursor_that_is_no_good_lists_everything(tree: Tree, cursor: str) -> None:
    tree.put("a.jpg")
    tree.cursor = cursor
    assert set(tree.know()) == {"a.jpg"}


@pytest.mark.parametrize(
    "place",
    ["My.photoslibrary", "My.photoslibrary/originals", "Library/CloudStorage/OneDrive-Home/x", "OneDrive/Pictures"],
)
def test_a_folder_that_another_program_manages_is_refused(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    root.mkdir(parents=True)
    (root / "a.jpg").write_bytes(b"1")
    with pytest.raises(Refused, match="allow_managed"):
        LocalConnector("box", LocalOptions(path=root))
    link = tmp_path / "innocent"
    link.symlink_to(root)
    with pytest.raises(Refused):
        LocalConnector("box", LocalOptions(path=link))
    allowed = Tree(root, {"allow_managed": True})
    assert set(allowed.know()) == {"a.jpg"}
