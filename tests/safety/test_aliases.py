"""One photo reached by two ways is never its own duplicate: every kind of alias, with all defences and with the last.

*Blind* connectors tell nothing of what the two ways have in common (no alias tokens, no paths), as a source would that
cannot know it. Then only the last defence is left: the victim is renamed away, the keeper is read again, and the rename
is taken back when the keeper went with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Asset, AssetId, Connector
from connectors.local import LocalConnector, LocalOptions
from dedupe_core.apply import ApplyResult
from dedupe_core.model import Plan, Step
from dedupe_core.store.plans import plan_id
from tests.fakes.folding_fs import folded
from tests.safety.world import Drop, World

BYTES = b"\xff\xd8 one photo, two ways " * 100
NAME = "Año.jpg"


class Blind(LocalConnector):
    """Does not say where its files are."""

    def look(self, asset_id: AssetId) -> Asset:
        return replace(super().look(asset_id), aliases=frozenset())

    def path(self, asset: Asset) -> Path | None:
        return None


@pytest.fixture
def folding(tmp_path: Path) -> Iterator[Path]:
    """A mount point on which cases and spellings fold and inode numbers are worth nothing."""
    backing, point = tmp_path / "backing", tmp_path / "share"
    backing.mkdir()
    point.mkdir()
    if not Path("/dev/fuse").exists() or os.geteuid() != 0:
        pytest.skip("no FUSE, or no right to mount")
    command = [sys.executable, "-m", "tests.fakes.folding_fs", str(backing), str(point)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            pytest.skip("FUSE cannot be mounted here")
        try:
            yield point
        finally:
            subprocess.run(["umount", point], check=True)


def _two_ways(tmp_path: Path, one: Path, other: Path, blind: bool) -> tuple[World, dict[str, Connector]]:
    world = World(one, tmp_path / "data", {"one": one, "other": other})
    world.scan()
    kind = Blind if blind else LocalConnector
    return world, {name: kind(name, LocalOptions(path=path)) for name, path in world.roots.items()}


def _plan(world: World, connectors: dict[str, Connector], victim: AssetId, keeper: AssetId) -> Plan:
    """A plan that a deceived listing would make."""
    content = "sha256:" + next(facts.sha256 for facts in world.tree().values())
    seen = [connectors[identity.source].look(identity) for identity in (victim, keeper)]
    now = time.time()
    step = Step(1, seen[0], content, "delete", "", seen[1], content, "exact", "g", "a test")
    return Plan(plan_id(now, (step,)), now, (step,))


def _nothing_happened(world: World, result: ApplyResult) -> None:
    assert (result.done, result.skipped, result.freed) == (0, 1, 0), result
    assert [folded(os.fsencode(key)) for key in world.tree()] == [folded(os.fsencode(NAME))]
    assert (world.root / NAME).read_bytes() == BYTES


def _ends(world: World, blind: bool, result: ApplyResult) -> None:
    """The photo is where it was; blind, because the rename was taken back."""
    _nothing_happened(world, result)
    assert ("brought back at once" in result.messages[-1]) == blind, result.messages


@pytest.mark.parametrize("blind", [False, True], ids=["seen", "blind"])
def test_one_folder_listed_twice_is_no_duplicate(tmp_path: Path, blind: bool) -> None:
    folder = tmp_path / "photos"
    World(folder, tmp_path).write(NAME, BYTES)
    (folder / "inner").mkdir()
    world, connectors = _two_ways(tmp_path, folder, folder / "inner" / "..", blind)
    plan = _plan(world, connectors, AssetId("other", NAME), AssetId("one", NAME))
    _ends(world, blind, world.apply(plan, connectors=connectors))


@pytest.mark.parametrize("blind", [False, True], ids=["seen", "blind"])
def test_a_folder_reached_through_a_symbolic_link_is_no_duplicate(tmp_path: Path, blind: bool) -> None:
    folder, link = tmp_path / "photos", tmp_path / "link"
    World(folder, tmp_path).write(NAME, BYTES)
    link.symlink_to(folder, target_is_directory=True)
    world, connectors = _two_ways(tmp_path, folder, link, blind)
    plan = _plan(world, connectors, AssetId("other", NAME), AssetId("one", NAME))
    _ends(world, blind, world.apply(plan, connectors=connectors))


@pytest.mark.root
@pytest.mark.parametrize("blind", [False, True], ids=["seen", "blind"])
def test_a_bind_mount_is_no_duplicate(tmp_path: Path, bind_mount: Callable[[Path, Path], None], blind: bool) -> None:
    folder, bound = tmp_path / "photos", tmp_path / "bound"
    World(folder, tmp_path).write(NAME, BYTES)
    bind_mount(folder, bound)
    world, connectors = _two_ways(tmp_path, folder, bound, blind)
    plan = _plan(world, connectors, AssetId("other", NAME), AssetId("one", NAME))
    _ends(world, blind, world.apply(plan, connectors=connectors))


@pytest.mark.root
def test_a_bind_mount_inside_the_root_is_refused_not_copied(
    tmp_path: Path, bind_mount: Callable[[Path, Path], None]
) -> None:
    world = World(tmp_path / "photos", tmp_path / "data")
    world.write("b/a.jpg", BYTES)
    world.write("c.jpg", BYTES)
    world.scan()
    (tmp_path / "elsewhere").mkdir()
    plan = world.plan([Drop("b/a.jpg", "c.jpg")])
    bind_mount(world.root / "b", world.root / "b")
    before = world.tree()
    result = world.apply(plan)
    assert (result.done, result.failed) == (0, 1), result
    assert "mount that looks like the same disk" in result.messages[-1]
    assert world.tree() == before


@pytest.mark.root
@pytest.mark.parametrize("blind", [False, True], ids=["seen", "blind"])
@pytest.mark.parametrize(
    "spelling", [NAME.upper().replace("JPG", "jpg"), unicodedata.normalize("NFD", NAME)], ids=["case", "normalisation"]
)
def test_a_second_spelling_on_a_share_with_unsteady_inodes_is_no_duplicate(
    tmp_path: Path, folding: Path, spelling: str, blind: bool
) -> None:
    World(folding, tmp_path).write(NAME, BYTES)
    assert (folding / NAME).stat().st_ino != (folding / spelling).stat().st_ino, "the share should deceive us"
    world, connectors = _two_ways(tmp_path, folding, folding, blind)
    known = connectors["one"].look(AssetId("one", NAME))
    step_victim = replace(known, id=AssetId("other", spelling), name=spelling)
    victim = Spelled("other", LocalOptions(path=folding), spelling, blind)
    connectors["other"] = victim
    content = "sha256:" + world.tree()[NAME].sha256
    now = time.time()
    step = Step(1, step_victim, content, "delete", "", known, content, "exact", "g", "a test")
    plan = Plan(plan_id(now, (step,)), now, (step,))
    _ends(world, blind, world.apply(plan, connectors=connectors))


class Spelled(LocalConnector):
    """A listing that knows the file by its other spelling, as it comes from a cursor, a catalogue or an argument."""

    def __init__(self, name: str, options: LocalOptions, spelled: str, blind: bool) -> None:
        super().__init__(name, options)
        self._folded, self._spelled, self._blind = folded(os.fsencode(spelled)), spelled, blind

    def look(self, asset_id: AssetId) -> Asset:
        there = next(name for name in os.listdir(self.root) if folded(os.fsencode(name)) == self._folded)
        real = super().look(AssetId(self.name, there))
        aliases = frozenset() if self._blind else real.aliases
        return replace(real, id=AssetId(self.name, self._spelled), name=self._spelled, aliases=aliases)

    def path(self, asset: Asset) -> Path | None:
        return None if self._blind else super().path(asset)


@pytest.mark.root
def test_two_folders_that_are_one_by_case_are_no_duplicates(tmp_path: Path, folding: Path) -> None:
    World(folding / "Photos", tmp_path).write(NAME, BYTES)
    world, connectors = _two_ways(tmp_path, folding / "Photos", folding / "PHOTOS", blind=True)
    plan = _plan(world, connectors, AssetId("other", NAME), AssetId("one", NAME))
    _ends(world, True, world.apply(plan, connectors=connectors))


@pytest.mark.parametrize("which", ["keeper", "victim"])
def test_a_symbolic_link_to_a_photo_is_neither_kept_nor_put_away(tmp_path: Path, which: str) -> None:
    world = World(tmp_path / "photos", tmp_path / "data")
    world.write("a.jpg", BYTES)
    world.write("b.jpg", BYTES)
    world.scan()
    plan = world.plan([Drop("b.jpg", "a.jpg")])
    link, other = ("a.jpg", "b.jpg") if which == "keeper" else ("b.jpg", "a.jpg")
    (world.root / link).unlink()
    (world.root / link).symlink_to(other)
    result = world.apply(plan)
    assert (result.done, result.skipped) == (0, 1), result
    assert (world.root / link).is_symlink()
    assert (world.root / other).read_bytes() == BYTES


def test_two_hard_links_are_one_photo(tmp_path: Path) -> None:
    world = World(tmp_path / "photos", tmp_path / "data")
    world.write("a.jpg", BYTES)
    os.link(world.root / "a.jpg", world.root / "b.jpg")
    world.scan()
    result = world.apply(world.plan([Drop("b.jpg", "a.jpg")]))
    assert (result.done, result.skipped, result.freed) == (0, 1, 0), result
    assert "one file reached by two ways" in result.messages[-1]


def test_a_hard_link_that_goes_frees_nothing_and_says_so(tmp_path: Path) -> None:
    """Two links of one file and a copy: one link may go because of the copy, and the disk is no emptier for it."""
    world = World(tmp_path / "photos", tmp_path / "data")
    world.write("a.jpg", BYTES)
    os.link(world.root / "a.jpg", world.root / "b.jpg")
    world.write("copy.jpg", BYTES)
    world.write("copy2.jpg", BYTES)
    world.scan()
    result = world.apply(world.plan([Drop("b.jpg", "copy.jpg"), Drop("copy2.jpg", "copy.jpg")]))
    assert result.done == 2
    assert result.freed == len(BYTES)


def test_a_blind_source_whose_two_photos_are_hard_links_loses_no_bytes(tmp_path: Path) -> None:
    world = World(tmp_path / "photos", tmp_path / "data")
    world.write("a.jpg", BYTES)
    os.link(world.root / "a.jpg", world.root / "b.jpg")
    world.scan()
    plan = world.plan([Drop("b.jpg", "a.jpg")])
    result = world.apply(plan, connectors={"home": Blind("home", LocalOptions(path=world.root))})
    assert result.freed == 0
    assert (world.root / "a.jpg").read_bytes() == BYTES


@pytest.mark.parametrize("folder", ["phone", ""])
def test_a_folder_that_became_a_link_leads_no_write_elsewhere(tmp_path: Path, folder: str) -> None:
    world = World(tmp_path / "photos", tmp_path / "data")
    world.write("keep/a.jpg", BYTES)
    world.write("phone/a.jpg", BYTES)
    world.scan()
    plan = world.plan([Drop("phone/a.jpg", "keep/a.jpg")])
    outside = tmp_path / "outside"
    if folder:
        (world.root / folder).rename(outside)
        (world.root / folder).symlink_to(outside)
    else:
        outside.mkdir()
        (world.root / ".keepone").symlink_to(outside)
    result = world.apply(plan)
    assert result.done == 0, result
    assert (world.root / "phone/a.jpg").read_bytes() == BYTES
    assert [path.name for path in outside.iterdir()] == (["a.jpg"] if folder else [])
