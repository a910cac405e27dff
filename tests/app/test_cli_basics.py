"""The command line without a single photo: help, errors, exit statuses, configuration, sources, the doctor."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from connectors.base import Changed, SignInRequired, Unavailable
from dedupe_app.cli import COMMANDS
from dedupe_app.cli.codes import Exit
from dedupe_app.cli.errors import explain
from dedupe_app.config import ConfigError
from dedupe_core.stopping import Stopped
from dedupe_core.store import Locked, Store, StoreError
from tests.app.conftest import Keepone
from tests.pictures import scene

HEAVY = ("rich", "cv2", "scipy", "numpy", "PIL", "pydantic", "yaml", "sqlite3", "jinja2", "connectors.local")


@pytest.mark.parametrize("args", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    """Measured by what is imported and not by the clock; the budget of 150 ms is for a machine that is not busy."""
    code = (
        "import sys; from dedupe_app.cli import main; main(sys.argv[1:]); "
        f"sys.exit(','.join(name for name in {HEAVY} if name in sys.modules) or 0)"
    )
    heavy = HEAVY if args != ["--version"] else ()
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=False)
    assert not heavy or done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["status", "groups", "runs", "sources"])
def test_what_only_shows_something_loads_nothing_that_looks_at_pictures(command: str, tmp_path: Path) -> None:
    assert not _loaded("--data", str(tmp_path), command)


def test_a_scan_in_which_nothing_is_new_loads_nothing_that_looks_at_pictures(tmp_path: Path) -> None:
    for name in ("one", "other"):
        scene(1, 64, 48).save(tmp_path / f"{name}.png")
    arguments = ("--data", str(tmp_path / "data"), "scan", str(tmp_path), "--level", "near")
    assert _loaded(*arguments)
    assert not _loaded(*arguments)


def _loaded(*arguments: str) -> list[str]:
    """What of the libraries that know pictures a command imports."""
    code = (
        "import sys; from dedupe_app.cli import main; main(sys.argv[1:]); "
        "print('loaded:', *{'numpy', 'scipy', 'cv2', 'PIL'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.rpartition("loaded:")[2].split()


def test_help_names_every_command(keepone: Keepone) -> None:
    answer = keepone("--help", data=None)
    assert answer.status == 0
    for name, (_, sentence) in COMMANDS.items():
        assert f"  {name} " in answer.out
        assert sentence in answer.out


def test_without_a_command_there_is_help(keepone: Keepone) -> None:
    for args in ([], ["sources"], ["config"]):
        answer = keepone(*args, data=None)
        assert answer.status == 0
        assert answer.out.count("Usage: keepone") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(keepone: Keepone, name: str) -> None:
    answer = keepone(name, "--help", data=None)
    assert answer.status == 0
    assert "Usage: keepone" in answer.out
    assert "--json" in answer.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["scann"], "Did you mean `keepone scan`?"),
        (["qwertz"], "See: keepone --help"),
        (["scan", "--mont", "2024-06"], "--month"),
        (["groups", "--lane", "identicl"], "identical"),
        (["groups", "--relation", "nearly"], "there are exact, pixels, near"),
        (["scan"], "There is nothing to scan yet"),
        (["scan", "/no/such/folder"], "neither a folder nor a source"),
        (["scan", "--since", "yesterday"], "is no date"),
        (["apply", "nothing"], "There is no plan"),
        (["show", "abc"], "There is no group"),
        (["plan", "--action", "trash", "--to", "x"], "--to names the folder"),
        (["sources", "remove", "x"], "There is no source"),
        (["sources", "add", ".", "-O", "exclude"], "KEY=VALUE"),
        (["sources", "add", ".", "-O", "exclud=[a]"], "exclude"),
        (["init"], "--path"),
    ],
)
def test_a_misuse_is_a_sentence_and_status_2(keepone: Keepone, args: list[str], said: str) -> None:
    answer = keepone(*args)
    assert answer.status == Exit.USAGE
    assert said in answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err


def test_with_json_an_error_is_a_document_too(keepone: Keepone) -> None:
    for args in (["scan", "/no/such/folder", "--json"], ["--json", "scann"], ["scan", "--nope", "--json"]):
        answer = keepone(*args)
        assert answer.json["exit_code"] == answer.status == 2
        assert answer.json["error"] in answer.err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConfigError("x"), Exit.USAGE, "x"),
        (Locked("held"), Exit.LOCKED, "held"),
        (StoreError("newer"), Exit.ERROR, "newer"),
        (SignInRequired("Sign in: keepone login"), Exit.SIGN_IN, "Sign in"),
        (Unavailable("The disk is away.", 30), Exit.TEMPORARY, "Try again in 30 s."),
        (Changed("It changed."), Exit.ERROR, "It changed."),
        (KeyboardInterrupt(), Exit.INTERRUPTED, "saved"),
        (Stopped("stop"), Exit.INTERRUPTED, "saved"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"), Exit.ERROR, "Free some space"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES), "a\nb"), Exit.ERROR, "a\\nb: Permission denied"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), Exit.ERROR, "read-only"),
        (sqlite3.OperationalError("database is locked"), Exit.LOCKED, "Another program"),
        (sqlite3.OperationalError("database or disk is full"), Exit.ERROR, "Free some space"),
        (sqlite3.DatabaseError("database disk image is malformed"), Exit.ERROR, "keepone doctor"),
        (RuntimeError("odd"), Exit.ERROR, "a fault in KeepOne itself (RuntimeError: odd)"),
    ],
)
def test_every_error_becomes_a_sentence_and_a_status(error: BaseException, status: Exit, said: str) -> None:
    found, sentence = explain(error)
    assert found is status
    assert said in sentence


def test_an_unexpected_error_shows_its_place_only_with_v(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "data").write_text("a file where a folder should be")
    plain, verbose = keepone("status"), keepone("status", "-v")
    assert plain.status == verbose.status == Exit.ERROR
    assert "Traceback" not in plain.err
    assert "Traceback" in verbose.err


def test_a_held_lock_is_status_11(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "photos").mkdir()
    with Store(own_folders / "data") as store, store.writing("a test"):
        answer = keepone("scan", own_folders / "photos", "--json")
    assert answer.status == Exit.LOCKED
    assert "a test" in answer.json["error"]


def test_a_reader_that_leaves_early_is_no_error(own_folders: Path) -> None:
    code = "import sys; from dedupe_app.cli import main; sys.exit(main(['config', 'show']))"
    done = subprocess.run(
        f'{sys.executable} -c "{code}" | head -n 0; echo ${{PIPESTATUS[0]}}',
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "0"
    assert "Broken pipe" not in done.stderr


def test_global_options_stand_before_or_after_the_command(keepone: Keepone, own_folders: Path) -> None:
    before = keepone("--json", "config", "path", data=None)
    after = keepone("config", "path", "--json", data=None)
    between = keepone("config", "--json", "path", data=None)
    assert before.json == after.json == between.json


def test_init_asks_nothing_when_everything_was_said(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "My Photos").mkdir()
    target = own_folders / "conf" / "keepone" / "config.yaml"
    answer = keepone("init", "--path", "My Photos", "--extras", "folder", "--automatic", "--json", data=None)
    assert answer.status == 0
    assert answer.json["config"] == str(target)
    shown = keepone("config", "show", "--json", data=None).json
    assert shown["file"] == str(target)
    assert shown["values"]["planning.action"] == "move"
    assert shown["values"]["planning.unattended"] == ["exact", "pixels"]
    assert shown["origins"]["planning.action"] == f"file {target}"
    assert shown["sources"][0]["options"]["path"] == str(own_folders / "My Photos")
    again = keepone("init", "--path", "My Photos", data=None)
    assert again.status == Exit.USAGE
    assert "--force" in again.err


def test_config_edit_checks_what_was_written(
    keepone: Keepone, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = own_folders / "config.yaml"
    file.write_text("near: {copy_distance: 60}\n")
    monkeypatch.setenv("EDITOR", "sed -i s/copy_distance/copy_distnce/")
    assert "near.copy_distance" in keepone("config", "edit").err
    monkeypatch.setenv("EDITOR", "sed -i s/copy_distnce/copy_distance/")
    assert keepone("config", "edit").status == 0, "an invalid file can be edited: that is why one edits it"
    monkeypatch.setenv("EDITOR", "false")
    assert keepone("config", "edit").status == Exit.USAGE


def test_sources_are_remembered_by_the_data_folder(keepone: Keepone, own_folders: Path) -> None:
    for name in ("a", "b"):
        (own_folders / name).mkdir()
        (own_folders / name / "x.jpg").write_bytes(b"x")
    assert keepone("sources", "add", "a", "-O", "exclude=[x/**]", "--protected").status == 0
    assert keepone("sources", "add", "b", "--name", "phone").status == 0
    twice = keepone("sources", "add", "b", "--name", "phone")
    assert twice.status == Exit.USAGE
    assert "--name" in twice.err
    listed = {source["name"]: source for source in keepone("sources", "list", "--json").json["sources"]}
    assert set(listed) == {"a", "phone"}
    assert listed["phone"]["place"] == str(own_folders / "b")
    assert keepone("sources", "test").status == 0
    (own_folders / "b").rename(own_folders / "away")
    assert keepone("sources", "test", "phone").status == Exit.ERROR
    assert keepone("sources", "remove", "phone").status == 0
    assert [s["name"] for s in keepone("sources", "list", "--json-lines").lines[:-1]] == ["a"]


def test_a_source_of_the_file_is_not_removed_behind_its_owners_back(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "config.yaml").write_text("sources: [{name: pics, path: .}]\n")
    answer = keepone("sources", "remove", "pics")
    assert answer.status == Exit.USAGE
    assert "keepone config edit" in answer.err


def test_rules_are_listed_in_their_order(keepone: Keepone) -> None:
    rules = keepone("rules", "list", "--json").json["rules"]
    assert [rule["order"] for rule in rules if rule["order"]] == list(
        range(1, sum(bool(r["order"]) for r in rules) + 1)
    )
    assert rules[0]["name"] == "undamaged"
    assert all(rule["tells"] for rule in rules)
    assert keepone("rules", "test", "--rules", "bigest").status != 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(keepone: Keepone, shell: str) -> None:
    answer = keepone("completion", shell)
    assert answer.status == 0
    assert "_KEEPONE_COMPLETE" in answer.out


def test_the_shell_completes_commands_and_options(own_folders: Path) -> None:
    environ = {**os.environ, "_KEEPONE_COMPLETE": "bash_complete", "COMP_WORDS": "keepone sca", "COMP_CWORD": "1"}
    code = "from dedupe_app.cli import main; main([])"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,scan"]
    environ |= {"COMP_WORDS": "keepone scan --mo", "COMP_CWORD": "2"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["plain,--month"]


def test_the_doctor_says_what_mends_each_fault(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "photos").mkdir()
    keepone("sources", "add", "photos")
    healthy = keepone("doctor", "--json").json["checks"]
    assert not [check for check in healthy if check["level"] == "fail"]
    (own_folders / "photos").rmdir()
    answer = keepone("doctor")
    assert answer.status == Exit.ERROR
    assert "fail  source photos" in answer.out
    sick = keepone("doctor", "--json").json["checks"]
    assert all(check["fix"] for check in sick if check["level"] == "fail")


def test_the_doctor_examines_a_broken_configuration_and_database(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "config.yaml").write_text("nera: 1\n")
    (own_folders / "data").mkdir()
    (own_folders / "data" / "keepone.sqlite3").write_bytes(b"this is no database" * 100)
    answer = keepone("doctor", "--json")
    failed = {check["name"]: check for check in answer.json["checks"] if check["level"] == "fail"}
    assert answer.status == Exit.ERROR
    assert "near" in failed["configuration"]["text"]
    assert "database" in failed


def test_the_bundle_names_no_folder_no_source_and_no_secret(keepone: Keepone, own_folders: Path) -> None:
    (own_folders / "wedding of ann").mkdir()
    keepone("sources", "add", "wedding of ann")
    assert keepone("doctor", "--bundle", "b.zip").status == 0
    with zipfile.ZipFile(own_folders / "b.zip") as bundle:
        assert set(bundle.namelist()) == {"doctor.json", "config.json", "versions.json"}
        text = "".join(bundle.read(name).decode() for name in bundle.namelist())
    assert "wedding" not in text
    assert str(own_folders / "home") not in text
    assert "<source 1>" in text
