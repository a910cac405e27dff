"""Where the safety proofs work, and the rights that some of them need."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.safety.tracing import Server, server


@pytest.fixture(scope="module")
def children() -> Iterator[Server]:
    """The process whose children are traced; skips where strace cannot trace."""
    with server() as started:
        yield started


@pytest.fixture
def swift(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one (a killed process does not care, and it is much faster than a disk), else
    on the disk. The slow proofs of the same things use the disk."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="keepone-") as folder:
        yield Path(folder)


@pytest.fixture
def mount_memory() -> Iterator[Callable[[Path], Path]]:
    """`mount_memory(folder)` makes the folder another file system until the test ends; skips without the right."""
    mounted: list[Path] = []

    def mount(folder: Path, options: str = "size=16m") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("no right to mount")
        mounted.append(folder)
        return folder

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", folder], check=True)
