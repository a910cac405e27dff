"""`keepone doctor`: what is wrong, said in one line each with what mends it, and a bundle that names nobody."""

from __future__ import annotations

import json
import os
import shlex
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Home, Keepone, Start


def checks(keepone: Keepone, **how: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(keepone("doctor", "--json", **how).stdout)["checks"]
    return found


def line(keepone: Keepone, name: str, **how: Any) -> dict[str, str]:
    """The one line of that name."""
    (found,) = [check for check in checks(keepone, **how) if check["name"] == name]
    return found


def test_every_part_that_the_work_needs_has_a_line_and_what_is_not_well_says_what_mends_it(
    home: Home, keepone: Keepone
) -> None:
    home.job(action="nothing", schedule="daily at 03:00")
    assert home.run().state == "done"
    found = checks(keepone)
    names = {check["name"] for check in found}
    parts = {"versions", "imports", "decoders", "HEIC", "verification", "RAW", "weights", "configuration"}
    assert parts | {"data folder", "database", "clock", "source gallery", "service", "jobs are started by"} <= names
    assert {check["level"] for check in found} <= {"ok", "warn", "fail"}
    assert [check for check in found if check["level"] != "ok" and not check["fix"]] == []


def test_a_photo_library_and_a_sync_folder_inside_a_source_are_said_to_be_left_out(
    home: Home, keepone: Keepone
) -> None:
    (home.photos / "2019" / "Old.photoslibrary" / "originals").mkdir(parents=True)
    (home.photos / "OneDrive" / "Pictures").mkdir(parents=True)
    for name in ("2019/Old.photoslibrary/originals/x.jpg", "OneDrive/Pictures/y.jpg"):
        home.picture(name, 9)
    said = [check for check in checks(keepone) if check["name"] == "source gallery" and check["level"] == "warn"]
    assert ["2019/Old.photoslibrary" in said[0]["text"], "OneDrive is a folder" in said[1]["text"]] == [True, True]
    assert all("left out" in one["text"] and one["fix"] for one in said)
    home.job(action="nothing", levels=["exact"])
    home.run()
    with home.store() as store:
        assert {photo.asset.name for photo in store.assets.all()} & {"x.jpg", "y.jpg"} == set(), "and they are"
    home.raw["sources"][0]["allow_managed"] = True
    home.write()
    assert [one for one in checks(keepone) if "left out" in one["text"]] == []


def test_a_source_that_another_program_manages_is_a_fault(home: Home, keepone: Keepone) -> None:
    managed = home.base / "OneDrive - Family"
    managed.mkdir()
    home.raw["sources"].append({"name": "sync", "kind": "local", "path": str(managed)})
    home.write()
    found = [check for check in checks(keepone) if check["name"] == "source sync"]
    assert found[-1]["level"] == "fail"
    assert "allow_managed" in found[-1]["fix"]


def test_jobs_that_nobody_starts_are_said(home: Home, keepone: Keepone, start: Start, tmp_path: Path) -> None:
    home.job(action="nothing", levels=["exact"], schedule="daily at 03:00")
    (tmp_path / "bin").mkdir()
    for answer, stand_in in (("ActiveState=active", "systemctl"),):
        (tmp_path / "bin" / stand_in).write_text(f"#!/bin/sh\necho {shlex.quote(answer)}\n")
        (tmp_path / "bin" / stand_in).chmod(0o755)
    path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    nobody = line(keepone, "jobs are started by", env=path)
    assert (nobody["level"], nobody["fix"]) == ("warn", "keepone schedule install nightly")
    assert keepone("schedule", "install", env=path).returncode == 0
    assert line(keepone, "jobs are started by", env=path)["text"] == "systemd: nightly"
    home.job(action="nothing", levels=["exact"], schedule="daily at 04:00")
    older = line(keepone, "job nightly", env=path)
    assert ("older" in older["text"], older["fix"]) == (True, "keepone schedule install nightly")
    daemon = start().ready()
    by_daemon = line(keepone, "jobs are started by", env=path)
    assert by_daemon["level"] == "ok"
    assert f"process {daemon.process.pid}" in by_daemon["text"]


def test_what_a_job_found_wrong_is_a_line_until_it_ends_well(home: Home, keepone: Keepone) -> None:
    home.job(action="delete", trust=["exact"], levels=["exact"], max_items=1)
    home.run()
    capped = line(keepone, "job nightly")
    assert capped["text"].startswith("cap reached")
    assert "keepone apply" in capped["fix"]
    home.job(action="delete", trust=["exact"], levels=["exact"])
    home.run()
    assert [check for check in checks(keepone) if check["name"] == "job nightly"] == []


def test_weights_that_are_not_here_are_a_warning_and_none_wanted_are_none(home: Home, keepone: Keepone) -> None:
    assert line(keepone, "weights")["level"] == "warn"
    home.raw["embedding"] = {"mode": "off"}
    home.write()
    assert line(keepone, "weights")["level"] == "ok"


def test_a_package_of_somebody_else_under_our_name_is_found(home: Home, keepone: Keepone, tmp_path: Path) -> None:
    (tmp_path / "other" / "feedback").mkdir(parents=True)
    (tmp_path / "other" / "feedback" / "__init__.py").write_text("")
    (tmp_path / "other" / "sitecustomize.py").write_text("")
    clash = {"PYTHONPATH": f"{tmp_path / 'other'}:{os.environ['PYTHONPATH']}"}
    found = line(keepone, "imports", env=clash)
    assert found["level"] == "fail"
    assert "feedback" in found["text"]


def test_a_clock_that_is_wrong_is_said(home: Home, keepone: Keepone) -> None:
    home.job(action="nothing", levels=["exact"])
    home.run()
    assert line(keepone, "clock")["level"] == "ok"
    later = 4_000_000_000
    os.utime(home.data / "keepone.sqlite3", (later, later))
    assert line(keepone, "clock")["level"] == "warn"


NAMES = ["wedding of bob", "bobs album", "holiday best", "private of bob", "ann@example.org", "grandmas-night"]
SECRETS = ["T000/HOOKSECRET", "0a1b2c3d-client", "hooks.example.org"]


def test_a_bundle_holds_no_home_no_secret_and_no_name_of_anything(
    home: Home, keepone: Keepone, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = home.picture("2019/IMG of bob.jpg", 7)
    (home.photos / "2019" / "Bobs.photoslibrary").mkdir()
    home.raw["sources"][0]["protected"] = ["wedding of bob/*"]
    cloud = {"client_id": "0a1b2c3d-client", "account": "ann@example.org", "state": str(home.base / "home" / "state")}
    home.raw["sources"].append({"name": "anns drive", "kind": "onedrive", **cloud})
    home.raw["planning"] = {"protected": ["private of bob"]}
    home.raw["keeping"] = {"folders": ["holiday best"]}
    home.raw["service"]["webhook"] = "https://hooks.example.org/T000/HOOKSECRET"
    trust = {"action": "delete", "trust": ["exact"], "levels": ["exact"], "max_items": 1}
    home.job("grandmas-night", sources=["gallery"], folders=["**"], albums=[], schedule="daily at 03:00", **trust)
    photo.with_name("IMG of bob 2.jpg").write_bytes(photo.read_bytes())
    home.run("grandmas-night")
    made = keepone("doctor", "--bundle", str(home.base / "b.zip"))
    assert made.returncode in (0, 1)
    with zipfile.ZipFile(home.base / "b.zip") as bundle:
        parts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert set(parts) == {"doctor.json", "config.json", "versions.json"}
    whole = "".join(parts.values())
    for private in [*NAMES, *SECRETS, str(home.base), os.environ["HOME"], "IMG of", "Bobs", "gallery", "anns"]:
        assert private not in whole, private
    assert '"max_items": 1' in parts["config.json"], "what helps is still there"
    assert '"daily at 03:00"' in parts["config.json"]
    assert "cap reached" not in parts["doctor.json"] or "<name>" in parts["doctor.json"]
