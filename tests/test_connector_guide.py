"""The connector that the contributing guide builds works, as it stands there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "contributing.md"


def test_the_connector_of_the_guide_passes_the_suite(tmp_path: Path) -> None:
    section = GUIDE.read_text(encoding="utf-8").partition("## Write a connector in an hour")[2]
    code = "\n\n".join(re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
    (tmp_path / "test_zip.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "test_zip.py"]
    run = subprocess.run(command, cwd=tmp_path, env=_here(), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert int(re.findall(r"(\d+) passed", run.stdout)[0]) >= 7, run.stdout


def test_the_connector_of_the_guide_imports_nothing_of_ours_but_the_contract() -> None:
    section = GUIDE.read_text(encoding="utf-8").partition("**2. Write")[2].partition("**3. ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    modules = {node.module for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)}
    assert {module for module in modules if module and module.split(".")[0] in ("connectors", "dedupe_core")} == {
        "connectors.base"
    }


def _here() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}
