"""Absence is not deletion: what could not be read, and roots that cannot be believed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Unavailable
from connectors.local import walk as walking
from dedupe_core.model import Silent
from dedupe_core.scan import scan
from dedupe_core.settings import Scanning
from dedupe_core.store import Store
from tests.connectors.tree import Tree, nobody


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root").mkdir()
    return Tree(tmp_path / "root")


@pytest.fixture
def open_tree() -> Iterator[Tree]:
    """A tree that somebody without rights can reach; pytest's own folders are private."""
    top = Path(tempfile.mkdtemp())
    top.chmod(0o755)
    yield Tree(top)
    shutil.rmtree(top)


def test_a_root_that_is_missing_empty_or_no_folder_is_unavailable(tree: Tree) -> None:
    with pytest.raises(Unavailable, match="empty"):
        tree.know()
    (tree.root / ".DS_Store").touch()
    with pytest.raises(Unavailable, match="empty"):
        tree.know()
    tree.put("a.jpg")
    tree.know()
    shutil.rmtree(tree.root)
    with pytest.raises(Unavailable, match="cannot be reached"):
        tree.know()
    tree.root.touch()
    with pytest.raises(Unavailable, match="not a folder"):
        tree.know()


def test_a_root_without_its_photos_is_unavailable_and_nothing_is_gone(tree: Tree) -> None:
    tree.put("a.jpg")
    tree.put("notes.txt")
    tree.know()
    (tree.root / "a.jpg").unlink()
    with pytest.raises(Unavailable, match="Nothing was forgotten"):
        tree.know()
    assert set(tree.assets) == {"a.jpg"}


def test_a_root_whose_photos_we_put_away_ourselves_is_believed(tree: Tree) -> None:
    tree.put("a.jpg")
    asset = tree.know()["a.jpg"]
    tree.connector.delete(asset, "token")
    assert tree.know() == {}
    assert tree.gone == {"a.jpg"}


@pytest.mark.root
def test_a_mount_that_is_missing_or_another_one_is_unavailable(
    tree: Tree, tmp_path: Path, bind_mount: Callable[[Path, Path], None]
) -> None:
    tree.put("a.jpg")
    tree.know()
    other = tmp_path / "other"
    (other / "x").mkdir(parents=True)
    (other / "x" / "b.jpg").write_bytes(b"other")
    bind_mount(other, tree.root)
    with pytest.raises(Unavailable, match="Another volume"):
        tree.know()
    empty = tmp_path / "empty"
    empty.mkdir()
    bind_mount(empty, tree.root)
    with pytest.raises(Unavailable, match="empty"):
        tree.know()
    assert set(tree.assets) == {"a.jpg"}


@pytest.mark.root
def test_a_disk_inside_the_root_that_is_not_mounted_is_unknown(tree: Tree, mount: Callable[..., None]) -> None:
    tree.put("a.jpg")
    mount(tree.root / "card", "-t", "tmpfs", "none")
    tree.put("card/DCIM/b.jpg")
    tree.know()
    subprocess.run(["umount", tree.root / "card"], check=True)
    for _ in range(2):
        assert set(tree.know()) == {"a.jpg", "card/DCIM/b.jpg"}
        assert [(u.folder, u.reason) for u in tree.unread] == [("card", "Its disk is not mounted")]
    mount(tree.root / "card", "-t", "tmpfs", "none")
    tree.put("card/DCIM/c.jpg")
    tree.know()
    assert (tree.named, tree.gone, tree.unread) == ({"card/DCIM/c.jpg"}, {"card/DCIM/b.jpg"}, [])


def test_a_folder_without_permission_is_unknown_and_nothing_in_it_is_gone(open_tree: Tree) -> None:
    open_tree.put("closed/a.jpg")
    open_tree.put("closed/deep/b.jpg")
    open_tree.put("open/c.jpg")
    open_tree.know()
    (open_tree.root / "closed").chmod(0)
    open_tree.put("open/d.jpg")
    for cursor in (open_tree.cursor, None):
        open_tree.cursor = cursor
        with nobody():
            known = open_tree.know()
        assert set(known) == {"closed/a.jpg", "closed/deep/b.jpg", "open/c.jpg", "open/d.jpg"}
        assert [(u.folder, u.reason) for u in open_tree.unread] == [("closed", "Permission denied")]
    (open_tree.root / "closed").chmod(0o755)
    assert len(open_tree.know()) == 4


def test_a_folder_whose_files_may_not_be_looked_at_is_unknown(open_tree: Tree) -> None:
    open_tree.put("closed/a.jpg")
    open_tree.put("open/c.jpg")
    open_tree.know()
    (open_tree.root / "closed").chmod(0o444)
    with nobody():
        open_tree.know()
    assert [u.folder for u in open_tree.unread] == ["closed"]
    assert not open_tree.gone


def test_a_root_without_permission_is_unavailable(open_tree: Tree) -> None:
    open_tree.put("a.jpg")
    open_tree.root.chmod(0)
    with nobody(), pytest.raises(Unavailable, match="permission denied"):
        open_tree.know()
    open_tree.root.chmod(0o755)


def test_a_folder_that_vanishes_during_the_walk_is_unknown(tree: Tree) -> None:
    for name in ("a/1.jpg", "b/2.jpg"):
        tree.put(name)
    folders = []
    for folder in walking.walk(str(tree.root), lambda *_: True, lambda _: True):
        folders.append((folder.path, bool(folder.unread)))
        shutil.rmtree(tree.root / "b", ignore_errors=True)
    assert folders == [("", False), ("a", False), ("b", True)]


def test_a_path_that_is_too_long_is_one_line_and_not_the_end(tree: Tree) -> None:
    tree.put("a.jpg")
    here = os.open(tree.root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert set(tree.know()) == {"a.jpg"}
    assert [u.reason for u in tree.unread] == ["File name too long"]


class _Broken:
    """`os.scandir` on a disk with one file that cannot be looked at (EIO), or a mount that dies (ENOTCONN); neither can
    be had for real without a broken disk."""

    def __init__(self, name: str, code: int) -> None:
        self._name, self._code, self._scandir = name, code, os.scandir

    def __call__(self, path: str) -> Any:
        return _Listing([_Entry(e, self._code if e.name == self._name else 0) for e in self._scandir(path)])


class _Listing(list[Any]):
    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class _Entry:
    def __init__(self, entry: os.DirEntry[str], code: int) -> None:
        self.name, self._entry, self._code = entry.name, entry, code
        self.is_dir, self.is_file = entry.is_dir, entry.is_file

    def stat(self, follow_symlinks: bool) -> os.stat_result:
        if self._code:
            raise OSError(self._code, os.strerror(self._code))
        return self._entry.stat(follow_symlinks=follow_symlinks)


def test_one_damaged_file_is_one_line_and_is_not_gone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("x/a.jpg")
    tree.put("x/b.jpg")
    tree.know()
    with monkeypatch.context() as broken:
        broken.setattr(os, "scandir", _Broken("a.jpg", errno.EIO))
        tree.put("x/c.jpg")
        assert set(tree.know()) == {"x/a.jpg", "x/b.jpg", "x/c.jpg"}
        assert [(u.folder, u.reason) for u in tree.unread] == [("x/a.jpg", "Input/output error")]
    tree.know()
    assert not tree.unread
    (tree.root / "x/a.jpg").unlink()
    tree.know()
    assert tree.gone == {"x/a.jpg"}


def test_a_damaged_file_that_goes_away_at_last_is_gone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("x/a.jpg")
    tree.put("y/b.jpg")
    tree.know()
    with monkeypatch.context() as broken:
        broken.setattr(os, "scandir", _Broken("a.jpg", errno.EIO))
        tree.know()
    (tree.root / "x/a.jpg").unlink()
    tree.know()
    assert tree.gone == {"x/a.jpg"}


def test_a_mount_that_dies_in_the_middle_of_a_folder_is_unknown(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x/a.jpg", "x/b.jpg", "y/c.jpg"):
        tree.put(name)
    tree.know()
    monkeypatch.setattr(os, "scandir", _Broken("b.jpg", errno.ENOTCONN))
    tree.know()
    assert [u.folder for u in tree.unread] == ["x"]
    assert not tree.gone


def test_the_core_forgets_nothing_that_could_not_be_read(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """One damaged file, with the cursor lost as well; what really went is gone."""
    for place in ("x/a.jpg", "x/b.jpg", "y/c.jpg"):
        tree.put(place)
    with Store(None) as store:
        scan(store, tree.connector, Scanning(), Silent())
        store.assets.finish_scan(store.assets.source("box", "local"), "lost")
        monkeypatch.setattr(os, "scandir", _Broken("a.jpg", errno.EIO))
        (tree.root / "x/b.jpg").unlink()
        counts = scan(store, tree.connector, Scanning(), Silent())
        assert (counts.gone, [u.folder for u in counts.unread]) == (1, ["x/a.jpg"])
        assert {photo.asset.id.key for photo in store.assets.all()} == {"x/a.jpg", "y/c.jpg"}
