"""What every test may use: the evaluation's photos where they are, and the rights that some proofs need."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """A shell starts what it puts into the background deaf to interrupts, and every child of ours would be."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The folder of real photos beside the checkout, or where KEEPONE_TESTDATA points; skips where there is none."""
    named = os.environ.get("KEEPONE_TESTDATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "testdata"
    if not (folder / "photos").is_dir():
        pytest.skip(f"no real photos at {folder}; set KEEPONE_TESTDATA to use yours")
    return folder


Mount = Callable[..., None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """`mount(target, "--bind", source)` or `mount(target, "-t", "tmpfs", "none")`, until the test ends; skips without
    the right."""
    mounted: list[Path] = []

    def attach(target: Path, *how: str | Path) -> None:
        target.mkdir(exist_ok=True)
        if shutil.which("mount") is None:
            pytest.skip("no mount command")
        done = subprocess.run(["mount", *how, target], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("no right to mount")
        mounted.append(target)

    yield attach
    for target in reversed(mounted):
        subprocess.run(["umount", target], check=False)


@pytest.fixture
def bind_mount(mount: Mount) -> Callable[[Path, Path], None]:
    """`bind_mount(source, target)` shows `source` at `target` too, until the test ends; skips without the right."""
    return lambda source, target: mount(target, "--bind", source)
