"""The page's script says its types in comments, and they hold."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_the_types_of_the_script_hold() -> None:
    own = Path(sys.prefix) / "node" / "node_modules" / ".bin"
    tsc = shutil.which("tsc", path=str(own)) or shutil.which("tsc")
    if tsc is None:
        pytest.skip("no tsc was found: install Node.js, and make test brings it")
    found = subprocess.run([tsc, "--project", HERE / "tsconfig.json"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_every_file_of_the_script_asks_to_be_checked() -> None:
    files = sorted((ROOT / "dedupe_app" / "web" / "static").glob("*.js"))
    assert files
    assert not [file.name for file in files if not file.read_text("utf-8").startswith("// @ts-check\n")]
