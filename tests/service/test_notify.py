"""What reaches the person: only news, no names, over https or loopback, and never at the price of a run."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dedupe_app.config import ConfigError, build
from dedupe_app.daemon.logs import open_log, redacted, say
from dedupe_app.notify import desktop_command, notify, post
from tests.service.conftest import Home, Keepone


class Hook:
    """A webhook on loopback that keeps what it gets; `status` is what it answers."""

    def __init__(self) -> None:
        self.got: list[dict[str, object]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.send_header("Location", "http://example.invalid/")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?key=secret"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_webhook_gets_numbers_and_no_names(home: Home, hook: Hook, keepone: Keepone) -> None:
    home.raw["service"] |= {"webhook": hook.url}
    home.job(action="delete", trust=["exact"], levels=["exact"])
    assert keepone("jobs", "run", "nightly").returncode == 0
    (got,) = hook.got
    assert (got["job"], got["state"], got["put_away"]) == ("nightly", "done", 2)
    assert "copy.jpg" not in json.dumps(got)
    assert str(home.photos) not in json.dumps(got)


def test_only_what_is_new_is_told(home: Home, hook: Hook) -> None:
    home.raw["service"] |= {"webhook": hook.url}
    home.job(action="delete", trust=["exact"], levels=["exact"], max_items=1)
    told = [notify(home.config, home.run()) for _ in range(3)]
    assert told == [True, False, False], "the cap was reached, and is still"
    home.job(action="delete", trust=["exact"], levels=["exact"])
    assert notify(home.config, home.run())
    assert not notify(home.config, home.run())
    assert [got["state"] for got in hook.got] == ["cap reached", "done"]


def test_the_end_of_a_trouble_is_told_too(home: Home, hook: Hook) -> None:
    home.raw["service"] |= {"webhook": hook.url}
    home.job(action="nothing", levels=["exact"])
    home.photos.rename(home.base / "away")
    assert notify(home.config, home.run())
    (home.base / "away").rename(home.photos)
    assert notify(home.config, home.run())
    assert [got["state"] for got in hook.got] == ["unavailable", "done"]


def test_a_webhook_that_fails_costs_a_line_in_the_log(
    home: Home, hook: Hook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("keepone"), "propagate", True)
    hook.status = 500
    home.raw["service"] |= {"webhook": hook.url}
    home.job(action="delete", trust=["exact"], levels=["exact"])
    with caplog.at_level(logging.WARNING, "keepone.notify"):
        assert notify(home.config, home.run())
    assert "status 500" in caplog.text
    assert "secret" not in caplog.text


def test_a_redirect_is_not_followed(hook: Hook) -> None:
    hook.status = 302
    with pytest.raises(ValueError, match="302"):
        post(hook.url, {})
    assert len(hook.got) == 1


@pytest.mark.parametrize(
    "url", ["http://example.com/hook", "ftp://127.0.0.1/x", "http://127.0.0.1.example.com/", "//127.0.0.1/", "https://"]
)
def test_a_webhook_that_others_could_read_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="neither https nor this machine"):
        build({"service": {"webhook": url}}, "the test")
    with pytest.raises(ValueError, match="neither"):
        post(url, {})


def test_a_secret_of_the_service_is_in_no_error() -> None:
    with pytest.raises(ConfigError) as refused:
        build({"service": {"webhook": "http://ann:pw@example.com/hook?token=abc"}}, "the test")
    assert "abc" not in str(refused.value)
    assert "pw" not in str(refused.value)


def test_a_notification_is_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = '" & do shell script "touch /tmp/x" & "'
    monkeypatch.setattr("sys.platform", "darwin")
    words = desktop_command("KeepOne", evil)
    assert words is not None
    assert words[-2:] == [evil, "KeepOne"]
    assert not any(evil in word for word in words[:-2])


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("https://x.example/?access_token=abcdef&x=1", "abcdef"),
        ('{"refresh_token": "M.C5_BAY"}', "M.C5_BAY"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.sig here", "eyJhbGciOiJIUzI1NiJ9"),
        ("https://cdn.example/a.jpg?tempauth=v1.xyz", "v1.xyz"),
        ("https://ann:hunter2@example.com/", "hunter2"),
    ],
)
def test_no_secret_is_in_a_log(text: str, secret: str) -> None:
    assert secret not in redacted(text)
    assert "[left out]" in redacted(text)


def test_logs_are_lines_of_json_and_turn_over(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "daemon.jsonl"
    open_log(file, 0.001)
    try:
        for number in range(100):
            say("ended", job="nightly", number=number, note=f"{Path.home()}/Pictures is not there")
    finally:
        open_log(tmp_path / "other.jsonl", 1)
    files = sorted(file.parent.iterdir())
    assert len(files) == 5
    for one in files:
        assert one.stat().st_size <= 1000
        for line in one.read_text("utf-8").splitlines():
            assert json.loads(line)["note"] == "~/Pictures is not there"
