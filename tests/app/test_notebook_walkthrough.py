"""The notebook in the documentation runs from top to bottom, offline, in the interpreter that runs the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "walkthrough.ipynb"


class ThisPython(AsyncKernelManager):
    """The kernel of this very interpreter; none has to be registered anywhere."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="tests", language="python")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    home = tmp_path_factory.mktemp("home")
    manager = ThisPython()
    client = NotebookClient(notebook, km=manager, timeout=240, resources={"metadata": {"path": str(home)}})
    return client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})


def outputs(notebook: nbformat.NotebookNode, source: str) -> dict[str, str]:
    """What the cell that contains `source` showed, by media type."""
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source]
    return {kind: data for output in cell.outputs for kind, data in output.get("data", {}).items()}


def test_the_notebook_in_the_documentation_runs(executed: nbformat.NotebookNode) -> None:
    assert all(cell.execution_count for cell in executed.cells if cell.cell_type == "code")


def test_it_shows_groups_as_pictures_frames_and_figures(executed: nbformat.NotebookNode) -> None:
    shown = outputs(executed, "groups = lib.groups()")["text/html"]
    assert shown.count("data:image/webp;base64,") > 20
    assert "… " in shown
    assert "dataframe" in outputs(executed, "frame[[")["text/html"]
    assert "image/png" in outputs(executed, "near.montage(3)")


def test_it_is_kept_without_results_of_one_machine() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells  # type: ignore[no-untyped-call]
    assert not [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]
