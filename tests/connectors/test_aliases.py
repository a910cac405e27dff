"""One photo reached by two ways is one asset; two photos are two where that can be proved."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.base import Asset
from connectors.local import LocalConnector, LocalOptions, aliases
from tests.connectors.tree import Tree

NFC, NFD = "Zürich.jpg", "Zu\u0308rich.jpg"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root").mkdir()
    return Tree(tmp_path / "root")


@pytest.fixture
def unsteady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder counts as a share whose inode numbers mean nothing."""
    monkeypatch.setattr(aliases, "_mounts", _Mounts())
    aliases.forget_mounts()


class _Mounts:
    def __call__(self) -> tuple[tuple[str, str], ...]:
        return (("/", "fuse.sshfs"),)

    def cache_clear(self) -> None:
        """Nothing is kept."""


def one(a: Asset, b: Asset) -> bool:
    """Whether the core will take the two for one photo."""
    return bool(a.aliases & b.aliases)


def test_hard_links_are_one_photo(tree: Tree) -> None:
    tree.put("a.jpg")
    tree.put("c.jpg")
    os.link(tree.root / "a.jpg", tree.root / "b.jpg")
    known = tree.know()
    assert one(known["a.jpg"], known["b.jpg"])
    assert not one(known["a.jpg"], known["c.jpg"])


def test_links_to_files_and_folders_are_not_listed(tree: Tree) -> None:
    tree.put("x/a.jpg")
    (tree.root / "link.jpg").symlink_to("x/a.jpg")
    (tree.root / "y").symlink_to("x")
    (tree.root / "x" / "up").symlink_to("..")
    assert set(tree.know()) == {"x/a.jpg"}


def test_a_root_reached_through_a_link_has_the_same_photos(tree: Tree, tmp_path: Path) -> None:
    tree.put("a.jpg")
    (tmp_path / "link").symlink_to(tree.root)
    other = Tree(tmp_path / "link")
    assert one(tree.know()["a.jpg"], other.know()["a.jpg"])


def test_overlapping_roots_have_the_same_photos(tree: Tree) -> None:
    tree.put("x/a.jpg")
    inner = Tree(tree.root / "x")
    assert one(tree.know()["x/a.jpg"], inner.know()["a.jpg"])


@pytest.mark.root
def test_a_bind_mount_shows_the_same_photos(tree: Tree, bind_mount: Callable[[Path, Path], None]) -> None:
    tree.put("x/a.jpg")
    bind_mount(tree.root / "x", tree.root / "y")
    known = tree.know()
    assert set(known) == {"x/a.jpg", "y/a.jpg"}
    assert one(known["x/a.jpg"], known["y/a.jpg"])


@pytest.mark.root
def test_a_folder_mounted_into_itself_ends(tree: Tree, bind_mount: Callable[[Path, Path], None]) -> None:
    tree.put("x/a.jpg")
    (tree.root / "x/inner").mkdir()
    bind_mount(tree.root, tree.root / "x/inner")
    assert set(tree.know()) == {"x/a.jpg"}
    assert [(u.folder, u.reason) for u in tree.unread] == [("x/inner", "it contains itself")]


def test_names_that_differ_in_case_or_normalisation_are_two_photos_where_inodes_prove_it(tree: Tree) -> None:
    for name in ("a.jpg", "A.jpg", NFC, NFD):
        tree.put(name, name)
    known = tree.know()
    assert len(known) == 4
    assert not one(known["a.jpg"], known["A.jpg"])
    assert not one(known[NFC], known[NFD])


@pytest.mark.usefixtures("unsteady")
def test_names_that_differ_in_case_or_normalisation_are_one_photo_where_nothing_proves_otherwise(tree: Tree) -> None:
    for name in ("a.jpg", "A.jpg", NFC, NFD):
        tree.put(name, name)
    known = tree.know()
    assert one(known["a.jpg"], known["A.jpg"])
    assert one(known[NFC], known[NFD])
    assert not one(known["a.jpg"], known[NFC])


@pytest.mark.usefixtures("unsteady")
def test_two_spellings_of_a_root_are_one_root_where_inodes_mean_nothing(tmp_path: Path) -> None:
    """A case-insensitive share whose inode numbers differ under each spelling, as the reference measured it: all byte
    dedupers deleted both files there."""
    for spelling in ("Photos", "photos"):
        (tmp_path / spelling).mkdir()
        (tmp_path / spelling / "a.jpg").write_bytes(b"same")
    a, b = (Tree(tmp_path / spelling).know()["a.jpg"] for spelling in ("Photos", "photos"))
    assert one(a, b)


@pytest.mark.usefixtures("unsteady")
def test_a_revision_does_not_hold_an_inode_number_that_means_nothing(tree: Tree) -> None:
    path = tree.put("a.jpg", "12345")
    revision = tree.know()["a.jpg"].revision
    assert str(path.stat().st_ino) not in revision.split("-")
    assert tree.look("a.jpg").revision == revision


def test_a_revision_holds_the_inode_number_that_names_the_file(tree: Tree) -> None:
    path = tree.put("a.jpg")
    assert tree.know()["a.jpg"].revision.endswith(f"-{path.stat().st_ino}")


def test_mounts_are_read_as_linux_and_macos_write_them() -> None:
    linux = (
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "40 22 0:44 / /mnt/with\\040space rw,nosuid - fuse.sshfs host:/ rw\n"
        "41 22 8:1 /sub /mnt/card rw master:1 propagate_from:2 - vfat /dev/sda1 rw\n"
        "broken line\n"
    )
    assert aliases.parse_mountinfo(linux) == (("/", "ext4"), ("/mnt/with space", "fuse.sshfs"), ("/mnt/card", "vfat"))
    mac = (
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n"
        "/dev/disk4s1 on /Volumes/MY CARD (msdos, local, nodev)\n"
    )
    assert aliases.parse_mount(mac) == (("/", "apfs"), ("/Volumes/MY CARD", "msdos"))


def test_the_nearest_mount_point_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mounts(_Mounts):
        def __call__(self) -> tuple[tuple[str, str], ...]:
            return (("/", "ext4"), ("/mnt", "exfat"), ("/mnt/disk", "btrfs"))

    monkeypatch.setattr(aliases, "_mounts", Mounts())
    aliases.forget_mounts()
    steady = {path: aliases.steady(n, path) for n, path in enumerate(("/a", "/mnt/a", "/mnt/disk/a", "/mnt/disks/a"))}
    aliases.forget_mounts()
    assert steady == {"/a": True, "/mnt/a": False, "/mnt/disk/a": True, "/mnt/disks/a": False}


def test_an_ordinary_photo_costs_one_token(tree: Tree) -> None:
    tree.put("a.jpg")
    assert [len(a.aliases) for a in tree.know().values()] == [1]
    assert LocalConnector("x", LocalOptions(path=tree.root)).scope == ()
