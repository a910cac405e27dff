"""A person's machine for the service: a gallery of real pictures, a config.yaml, `keepone` as a process."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dedupe_app.config import Config, build
from dedupe_app.job_reports import JobReport
from dedupe_app.jobs import run_job
from dedupe_core.store import Store
from tests.pictures import exif, jpeg, scene

ROOT = Path(__file__).parents[2]
THIS_MONTH = f"{date.today():%Y/%m}"
LAST_MONTH = f"{date.today().replace(day=1) - timedelta(days=1):%Y/%m}"


@dataclass(slots=True)
class Home:
    """`photos` is one local source called `gallery`; `raw` is what stands in config.yaml."""

    base: Path
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def photos(self) -> Path:
        return self.base / "photos"

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def file(self) -> Path:
        return self.base / "config.yaml"

    def picture(self, key: str, seed: int, quality: int = 90, taken: str = "2020:01:01 10:00:00") -> Path:
        """A photo of its own: one scene a seed."""
        path = self.photos / key
        path.parent.mkdir(parents=True, exist_ok=True)
        moment = datetime.strptime(taken, "%Y:%m:%d %H:%M:%S") + timedelta(minutes=seed)
        path.write_bytes(jpeg(scene(seed), quality, exif(taken=moment)))
        return path

    def copy(self, key: str, of: str) -> Path:
        path = self.photos / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((self.photos / of).read_bytes())
        return path

    def job(self, name: str = "nightly", **keys: Any) -> None:
        """Add a job, or change one of the same name, and write the file."""
        jobs = [one for one in self.raw.get("jobs", []) if one["name"] != name]
        self.raw["jobs"] = [*jobs, {"name": name, **keys}]
        self.write()

    def write(self) -> None:
        self.file.write_text(yaml.safe_dump(self.raw), "utf-8")

    @property
    def config(self) -> Config:
        return build(self.raw, "the test", self.base)

    def run(self, name: str = "nightly", **how: Any) -> JobReport:
        return run_job(self.config, name, **how)

    def contents(self) -> dict[str, int]:
        """How often each content is anywhere below the gallery, quarantine included."""
        found: dict[str, int] = {}
        for file in self.photos.rglob("*.jpg"):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            found[digest] = found.get(digest, 0) + 1
        return found

    def there(self) -> set[str]:
        """Keys of the photos that stand where a person put them."""
        files = (file.relative_to(self.photos).as_posix() for file in self.photos.rglob("*.jpg"))
        return {key for key in files if "/." not in f"/{key}" and "duplicates/" not in key}

    def store(self) -> Store:
        return Store(self.data)


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the person who runs the tests is read or written."""
    for name in list(os.environ):
        if name.startswith("KEEPONE_") and name != "KEEPONE_TESTDATA":
            monkeypatch.delenv(name)
    for name, folder in (("XDG_CONFIG_HOME", "conf"), ("XDG_DATA_HOME", "share"), ("HOME", "home")):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def home(own_folders: Path) -> Home:
    """Two months with one exact copy each, and a photo without any."""
    home = Home(own_folders)
    home.raw = {
        "data": str(home.data),
        "sources": [{"name": "gallery", "kind": "local", "path": str(home.photos)}],
        "limits": {"workers": 1},
        "service": {"desktop": False, "port": 0},
    }
    home.picture(f"{THIS_MONTH}/a.jpg", 1)
    home.copy(f"{THIS_MONTH}/a copy.jpg", f"{THIS_MONTH}/a.jpg")
    home.picture("2019/01/b.jpg", 2)
    home.copy("2019/01/b copy.jpg", "2019/01/b.jpg")
    home.picture("2019/01/c.jpg", 3)
    home.write()
    return home


Keepone = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def keepone(home: Home) -> Keepone:
    """`keepone` in a process of its own, with the test's config.yaml."""

    def run(*args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(home, *args),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, **(env or {})},
        )

    return run


def command(home: Home, *args: str) -> list[str]:
    return [sys.executable, "-m", "dedupe_app.cli", "--config", str(home.file), *args]


def until(what: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Wait for something to become true and return it; a test that waits in vain fails here."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came true")


class Daemon:
    """`keepone daemon` as a real process."""

    def __init__(self, home: Home, *args: str, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.err = home.base / f"daemon-{time.monotonic_ns()}.err"
        with self.err.open("wb") as stream:
            self.process = subprocess.Popen(
                command(home, "daemon", *args), stdout=stream, stderr=stream, env={**os.environ, **(env or {})}
            )

    def runs(self, job: str = "nightly", *states: str) -> list[Any]:
        """Finished runs of a job, oldest first."""
        if not (self.home.data / "keepone.sqlite3").exists():
            return []
        with self.home.store() as store:
            found = [run for run in store.jobs.history(job) if run.finished_at]
        return [run for run in reversed(found) if not states or run.state in states]

    def log(self) -> list[dict[str, Any]]:
        file = self.home.data / "logs" / "daemon.jsonl"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["event"] == event]

    def ready(self) -> Daemon:
        until(lambda: self.said("ready") or self.process.poll() is not None)
        assert self.process.poll() is None, self.err.read_text()
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(timeout=10)


Start = Callable[..., Daemon]


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    """`start("--port", "0")` starts a daemon on the test's configuration; none survives the test."""
    started: list[Daemon] = []

    def begin(*args: str, env: Mapping[str, str] | None = None) -> Daemon:
        started.append(Daemon(home, *args, env=env))
        return started[-1]

    yield begin
    for daemon in started:
        daemon.end()


def paths(values: Sequence[Path]) -> list[str]:
    return [value.as_posix() for value in values]
