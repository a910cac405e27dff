"""`keepone models` and what the other commands say about the model."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dedupe_app.cli import main
from dedupe_core.embedders import ModelError, fetch, towers
from dedupe_core.embedders.preprocess import Preprocess
from dedupe_core.settings import Embedding
from tests.embed import models
from tests.pictures import scene


@pytest.fixture
def configured(tmp_path: Path) -> list[str]:
    """Options for a data folder with the small model, and photos: a scene twice, a crop of it, and another."""
    file = models.clip_checkpoint(tmp_path)
    chosen = {"model": models.CLIP, "weights": str(file), "device": "cpu", "precision": "fp32", "threshold": 0.01}
    (tmp_path / "config.yaml").write_text(json.dumps({"data": str(tmp_path / "data"), "embedding": chosen}))
    (tmp_path / "photos").mkdir()
    for seed in (1, 2):
        scene(seed, 640, 480).save(tmp_path / "photos" / f"{seed}.jpg")
    scene(1, 640, 480).save(tmp_path / "photos" / "again.jpg", quality=60)
    scene(1, 640, 480).crop((130, 96, 520, 390)).save(tmp_path / "photos" / "crop.jpg")
    models.open_clip()
    return ["--config", str(tmp_path / "config.yaml")]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_scan_tells_which_model_ran_and_status_remembers(
    tmp_path: Path, configured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    scanned = said(capsys, *configured, "scan", str(tmp_path / "photos"))
    assert scanned["model"]["backend"] == "local"
    assert scanned["model"]["how"] == "cpu, fp32"
    assert scanned["model"]["new"] == 4
    assert said(capsys, *configured, "status")["model"] == scanned["model"]
    assert main([*configured, "status"]) == 0
    assert f"similar pictures by open_clip:{models.CLIP}, local (cpu, fp32)" in capsys.readouterr().out
    vectors = said(capsys, *configured, "models", "list")["vectors"]
    assert [row["vectors"] for row in vectors] == [4]
    counted = said(capsys, *configured, "models", "counts", "--threshold", "0.02", "--threshold", "0.9999")
    assert [row["complete"] for row in counted["counts"]] == [True, True]
    assert counted["counts"][0]["pairs"] > counted["counts"][1]["pairs"]
    assert main([*configured, "models", "counts"]) == 0
    assert main([*configured, "models", "list"]) == 0


def test_distances_of_a_group_are_a_table_of_both_kinds(
    tmp_path: Path, configured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, *configured, "scan", str(tmp_path / "photos"))
    group = said(capsys, *configured, "groups")["groups"][0]
    found = said(capsys, *configured, "show", group["id"], "--distances")["distances"]
    size = len(group["members"])
    assert len(found["bits"]) == len(found["cosines"]) == size >= 2
    assert all(found["bits"][i][i] == 0 and found["cosines"][i][i] == 1.0 for i in range(size))
    assert 0 <= found["bits"][0][1] < 60
    assert main([*configured, "show", group["id"], "--distances"]) == 0
    assert "bits of 256" in capsys.readouterr().out


def test_distances_of_any_files_need_no_library(
    tmp_path: Path, configured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(tmp_path / "photos" / name) for name in ("1.jpg", "again.jpg", "2.jpg")]
    found = said(capsys, *configured, "show", "--distances", *files)["distances"]
    assert found["model"].startswith(f"open_clip:{models.CLIP}@")
    assert found["bits"][0][1] < 30 < found["bits"][0][2]
    assert found["cosines"][0][0] == 1.0 >= found["cosines"][0][1] > found["cosines"][0][2]
    assert main([*configured, "show", "--distances", *files, str(tmp_path / "none.jpg")]) == 2
    assert main([*configured, "show", "one", "two"]) == 2


def test_the_report_says_which_model_ran(
    tmp_path: Path, configured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, *configured, "scan", str(tmp_path / "photos"))
    said(capsys, *configured, "report", str(tmp_path / "report.html"))
    assert f"similar pictures by open_clip:{models.CLIP}, local (cpu, fp32)." in (tmp_path / "report.html").read_text()


def test_verify_loads_the_weights_and_path_names_them(
    tmp_path: Path, configured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "clip-0.safetensors"
    assert said(capsys, *configured, "models", "path") == {"file": str(file), "here": True}
    assert said(capsys, *configured, "models", "verify")["model"].startswith(f"open_clip:{models.CLIP}@")
    file.write_bytes(file.read_bytes()[:-100])
    assert main([*configured, "models", "verify"]) == 1
    assert "not a complete checkpoint" in capsys.readouterr().err


def test_bench_tells_speed_and_cosine(configured: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, *configured, "models", "bench", "--pictures", "16")
    assert found["batched"] > 0
    assert found["how"] == "cpu, fp32"


def test_weights_that_were_fetched_are_known_by_their_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the way over the network is replaced; what is kept and how it is checked is the product's own."""
    monkeypatch.setattr(fetch, "_fetched", lambda settings, cache, beside: dict(models.whole_clip().state_dict()))
    models.open_clip()
    chosen = Embedding(model=models.CLIP, weights="made")
    file = fetch.pull(chosen, tmp_path / "models")
    assert file.name == f"open_clip--{models.CLIP}--made.safetensors"
    assert fetch.pull(chosen, tmp_path / "models") == file
    assert fetch.verify(chosen, tmp_path / "models").startswith(f"open_clip:{models.CLIP}@")
    other = models.clip_checkpoint(tmp_path, seed=3)
    file.write_bytes(other.read_bytes())
    with pytest.raises(ModelError, match="not what was fetched"):
        fetch.verify(chosen, tmp_path / "models")


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """A Hugging Face hub on loopback with one repository, `keepone/tiny`; its files are those of `folder`."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            prefix = "/keepone/tiny/resolve/main/"
            file = folder / self.path.removeprefix(prefix)
            there = self.path.startswith(prefix) and file.is_file()
            data = file.read_bytes() if there else b""
            self.send_response(200 if there else 404)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_model_of_the_hub_is_fetched_once_and_works_offline(tmp_path: Path) -> None:
    """The whole command in a process of its own, with the hub's real client."""
    (tmp_path / "hub").mkdir()
    models.clip_checkpoint(tmp_path / "hub").rename(tmp_path / "hub" / "open_clip_model.safetensors")
    shaping = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "resize_mode": "squash"}
    described = {"model_cfg": models.CONFIG, "preprocess_cfg": shaping}
    (tmp_path / "hub" / "open_clip_config.json").write_text(json.dumps(described))
    chosen = {"model": "hf-hub:keepone/tiny", "device": "cpu", "precision": "fp32"}
    (tmp_path / "config.yaml").write_text(json.dumps({"data": str(tmp_path / "data"), "embedding": chosen}))

    def keepone(*words: str, endpoint: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dedupe_app.cli", "--config", str(tmp_path / "config.yaml"), *words]
        surroundings = {
            **os.environ,
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
        }
        return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)

    with hub(tmp_path / "hub") as endpoint:
        pulled = keepone("models", "pull", "--json", endpoint=endpoint)
        assert pulled.returncode == 0, pulled.stderr
        assert Path(json.loads(pulled.stdout)["file"]).is_file()
    away = "http://127.0.0.1:9"
    assert keepone("models", "pull", endpoint=away).returncode == 0, "it is here already"
    verified = keepone("models", "verify", "--json", endpoint=away)
    assert json.loads(verified.stdout)["model"].startswith("open_clip:hf-hub:keepone/tiny@")
    tower = towers.build("open_clip", chosen["model"], Path(json.loads(pulled.stdout)["file"]))
    assert tower.preprocess == Preprocess(64, 64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", "squash")
    other = keepone("models", "pull", "--model", "hf-hub:keepone/other", endpoint=away)
    assert other.returncode == 1
    assert "cannot be fetched now" in other.stderr
    assert len(other.stderr.strip().splitlines()[-1]) < 400


def test_weights_that_do_not_exist_are_told_with_those_that_do(tmp_path: Path) -> None:
    models.open_clip()
    with pytest.raises(ModelError, match=r"no weights 'nonsense'; there are: .*openai"):
        fetch.pull(Embedding(weights="nonsense"), tmp_path)
    with pytest.raises(ModelError, match="file of yours"):
        fetch.pull(Embedding(weights=str(tmp_path / "none.safetensors")), tmp_path)
    with pytest.raises(ModelError, match="run: keepone models pull"):
        fetch.verify(Embedding(), tmp_path)


def test_every_model_that_is_listed_exists() -> None:
    import timm

    clip = models.open_clip()
    for kind, model, tag, _ in fetch.KNOWN:
        if kind == "open_clip":
            assert clip.get_pretrained_cfg(model, tag), (model, tag)
        else:
            assert timm.is_model(model.split(".")[0]), model
            assert model.split(".")[1] in {name.split(".")[1] for name in timm.list_pretrained(model)}, model


def test_a_scan_without_a_model_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene(1).save(tmp_path / "1.jpg")
    found = said(capsys, "--data", str(tmp_path / "data"), "scan", str(tmp_path))
    assert found["model"]["backend"] == "none"
    assert "keepone models pull" in found["model"]["passed"][0]
