"""The page's script says its types in comments, and they hold."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_the_types_of_the_script_hold() -> None:
    tsc = shutil.which("tsc") or shutil.which("tsc", path=str(ROOT / "node_modules" / ".bin"))
    if tsc is None:
        pytest.skip("no tsc was found: npm install -g typescript")
    found = subprocess.run([tsc, "--project", HERE / "tsconfig.json"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_every_file_of_the_script_asks_to_be_checked() -> None:
    files = sorted((ROOT / "dedupe_app" / "web" / "static").glob("*.js"))
    assert files
    assert not [file.name for file in files if not file.read_text("utf-8").startswith("// @ts-check\n")]
