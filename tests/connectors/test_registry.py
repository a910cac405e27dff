"""Connectors are found by name, loaded when used, and what is wrong is said in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connectors import registry
from connectors.base import Refused
from connectors.local import LocalConnector
from connectors.memory import MemoryConnector


def test_every_built_in_can_be_loaded_and_has_its_own_kind() -> None:
    for kind in registry.BUILT_IN:
        assert registry.load(kind).kind == kind


def test_a_source_is_opened_with_its_options(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"1")
    source = registry.connect("local", "holiday", {"path": str(tmp_path), "months": ["2024-06"]})
    assert isinstance(source, LocalConnector)
    assert (source.name, source.root, source.scope) == ("holiday", tmp_path.resolve(), ("2024/06",))
    assert isinstance(registry.connect("memory", "m", {}), MemoryConnector)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "the key 'path' is missing"),
        ({"path": "/", "exlude": []}, "no key 'exlude'. Did you mean 'exclude'?"),
        ({"path": "/", "zzz": 1}, "It knows: path, include"),
        ({"path": "/", "trash": "gone"}, "'trash' is wrong"),
        ({"path": "/", "months": ["June"]}, "write it like 2024-06"),
    ],
)
def test_wrong_options_are_said_in_a_sentence(options: dict[str, object], said: str) -> None:
    with pytest.raises(registry.WrongOptions) as caught:
        registry.connect("local", "holiday", options)
    assert "holiday" in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(registry.UnknownKind, match="Did you mean 'local'"):
        registry.load("locl")
    with pytest.raises(registry.UnknownKind, match="There are: "):
        registry.load("zzzzzz")


def test_what_the_connector_refuses_is_handed_on(tmp_path: Path) -> None:
    root = tmp_path / "A.photoslibrary"
    root.mkdir()
    with pytest.raises(Refused, match="photo library"):
        registry.connect("local", "holiday", {"path": root})


def test_somebody_elses_connector_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs.py").write_text(
        "from connectors.memory import MemoryConnector\n"
        "class Theirs(MemoryConnector):\n    kind = 'theirs'\n"
        "class Other:\n    pass\n"
    )
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[keepone.connectors]\ntheirs = theirs:Theirs\nbroken = theirs_needs_this:X\nother = theirs:Other\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"theirs", "broken", "local"} <= set(registry.kinds())
    assert registry.connect("theirs", "t", {}).kind == "theirs"
    with pytest.raises(registry.Missing, match="Install what theirs needs"):
        registry.load("broken")
    with pytest.raises(registry.Missing, match="is no connector"):
        registry.load("other")


def test_nothing_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, connectors.registry; print([m for m in sys.modules if m.startswith(('connectors.local', 'PIL'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_local_connector_lists_without_loading_a_picture_library(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"1")
    code = (
        "import sys; from connectors.local import *\n"
        f"list(LocalConnector('x', LocalOptions(path={str(tmp_path)!r})).scan(None))\n"
        "print([m for m in ('PIL', 'numpy', 'rawpy', 'cv2', 'pytest') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
