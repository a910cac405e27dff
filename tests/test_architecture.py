"""The house keeps its shape: who may import whom, how large a room may be, and what no room may do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.registry import BUILT_IN

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("connectors", "dedupe_core", "feedback", "dedupe_app")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SCRIPTS = sorted(path for folder in ("benchmarks", "docs", "tests") for path in (ROOT / folder).rglob("*.py"))
MAX_FILE, MAX_FUNCTION, SHORT_FUNCTION = 400, 50, 6

# Whoever takes a file away, and whose file it is. Photos go by rename into a quarantine and by nothing else.
MAY_UNLINK = {
    "connectors/local/files.py": "the second name of a photo that has both names, while it is moved or renamed",
    "connectors/local/placing.py": "what a copy to another volume left behind, when the copy was read back equal",
    "connectors/local/unit.py": "its own records of writes",
    "dedupe_app/agents.py": "its own agents of launchd and units of systemd",
    "dedupe_app/cli/schedule.py": "nothing itself: it asks launchd or systemd to remove an agent",
    "dedupe_app/daemon/page.py": "the address of the page that it served",
    "dedupe_app/sources.py": "its own unfinished list of sources",
    "dedupe_core/views.py": "renderings that it fetched itself, when there are too many of them",
    "dedupe_core/whole.py": "its own unfinished report, table or thumbnail",
}
HEAVY = {"cv2", "scipy", "imagehash", "pi_heif", "rawpy", "pandas", "matplotlib", "PIL", "numpy", "rich", "jinja2"}
NETWORK = {"socket", "ssl", "http", "urllib.request", "requests", "asyncio", "ftplib", "smtplib"}
UNSAFE_CALLS = {"eval", "exec", "pickle.loads", "pickle.load", "marshal.loads", "yaml.load", "os.system", "os.popen"}
DELETES = {"unlink", "remove", "rmtree", "removedirs"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def called(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def test_imports_run_one_way() -> None:
    command = [Path(sys.executable).with_name("lint-imports")]
    lint = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_no_file_is_longer_than_a_reader_has_patience_for() -> None:
    long = {
        name_of(path): n for path in MODULES if (n := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE
    }
    assert not long


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{name_of(path)}:{function.lineno} {function.name}: {(function.end_lineno or 0) - function.lineno + 1} lines"
        for path in MODULES
        for function in functions(tree_of(path))
        if (function.end_lineno or 0) - function.lineno + 1 > MAX_FUNCTION
    ]
    assert not long


def _bare(path: Path) -> Iterator[str]:
    """What is public and says nothing. A function of a few lines and a member of a protocol say it by their name."""
    tree = tree_of(path)
    if not ast.get_docstring(tree) and tree.body:
        yield name_of(path)
    classes = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases)
    ]
    for node in [*tree.body, *(item for one in classes for item in one.body)]:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_") or ast.get_docstring(node):
            continue
        if isinstance(node, ast.ClassDef) or (node.end_lineno or 0) - node.lineno > SHORT_FUNCTION:
            yield f"{name_of(path)}:{node.lineno} {node.name}"


def test_everything_public_says_what_it_is_for() -> None:
    assert not [place for path in MODULES for place in _bare(path)]


def test_names_are_the_fields_terms() -> None:
    vague = re.compile(r"Manager$|Helper|Utils?$|Processor$", re.IGNORECASE)
    classes = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and vague.search(node.name)
    ]
    files = [
        name_of(path)
        for path in MODULES
        if re.search(r"(^|_)(utils?|helpers?|misc|common|v\d+|copy|old|new)$", path.stem)
    ]
    assert not classes + files


def test_a_photo_is_never_deleted_for_good() -> None:
    """Only the modules named above may take files away, and only the files named there."""
    found = {
        name_of(path)
        for path in MODULES
        for _, call in called(tree_of(path))
        if call.rsplit(".", 1)[-1] in DELETES and not name_of(path).startswith("connectors/contract/")
    }
    assert found <= set(MAY_UNLINK), f"say whose files they are: {sorted(found - set(MAY_UNLINK))}"


def test_nothing_is_parsed_unsafely() -> None:
    unsafe = [
        f"{name_of(path)}:{line} {call}"
        for path in MODULES
        for line, call in called(tree_of(path))
        if call in UNSAFE_CALLS
    ]
    shell = [
        f"{name_of(path)}:{node.lineno} shell=True"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.keyword) and node.arg == "shell"
    ]
    assert not unsafe + shell


@pytest.mark.parametrize("package", ["dedupe_core", "feedback", "connectors/local"])
def test_the_main_job_opens_no_network(package: str) -> None:
    used = [
        f"{name_of(path)}: {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in imported(tree_of(path))
        if name in NETWORK or name.split(".")[0] in NETWORK
    ]
    assert not used


def test_the_core_does_not_ask_which_connector_it_has() -> None:
    """A difference between sources is a field of `Features`."""
    kinds = set(BUILT_IN)
    asks = [
        f"{name_of(path)}:{node.lineno}"
        for path in (ROOT / "dedupe_core").rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Compare)
        and any(isinstance(part, ast.Attribute) and part.attr == "kind" for part in ast.walk(node))
        and any(isinstance(part, ast.Constant) and part.value in kinds for part in ast.walk(node))
    ]
    assert not asks


def test_help_comes_before_anything_heavy_is_loaded() -> None:
    code = "import sys, dedupe_app.cli; print(sorted({name.split('.')[0] for name in sys.modules}))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(ast.literal_eval(shown))


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _texts() -> Iterator[tuple[Path, str]]:
    for path in _tracked():
        data = path.read_bytes()
        if b"\0" not in data[:4096]:
            yield path, data.decode("utf-8", "replace")


def test_no_file_names_a_folder_of_the_machine_that_it_was_written_on() -> None:
    here = [str(place) for place in (ROOT, ROOT.parent, Path.home()) if len(place.parts) > 2]
    named = [f"{name_of(path)}: {place}" for path, text in _texts() for place in here if f"{place}/" in text]
    assert not named


def test_nothing_is_left_for_later_in_the_code() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
    left = [f"{name_of(p)}: {hit.group()}" for p in MODULES + SCRIPTS if (hit := marks.search(p.read_text("utf-8")))]
    assert not left


def test_the_checkout_is_small() -> None:
    """Data belongs beside the repository; generated pictures stay under 200 kB."""
    large = {name_of(path): path.stat().st_size for path in _tracked() if path.stat().st_size > 200_000}
    assert not large
