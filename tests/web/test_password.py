"""Who may come from another machine: nobody without a password, whoever knows it, and nobody who guesses."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dedupe_app.cli import main
from dedupe_app.web import door
from dedupe_app.web.desk import Desk
from dedupe_app.web.door import FREE_TRIES, TRIES_A_MINUTE, Door, NoPassword, hashed, keep, known, matches
from dedupe_app.web.server import Server, serving

PASSWORD = "correct horse 7"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real hash, at a cost that a test can pay."""
    monkeypatch.setattr(door, "_COST", (2**4, 8, 1))


@pytest.fixture
def open_server(desk: Desk) -> Iterator[Server]:
    with serving(desk, "0.0.0.0", Door(hashed(PASSWORD))) as running:
        yield running


@pytest.fixture
def elsewhere(open_server: Server) -> Iterator[httpx.Client]:
    """Somebody who reached this machine by another of its addresses."""
    base = f"http://127.0.0.2:{open_server.port}"
    with httpx.Client(base_url=base, headers={"origin": base}, timeout=60) as client:
        yield client


def test_without_a_password_only_this_machine_is_listened_to(desk: Desk) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.10"):
        with pytest.raises(ValueError, match="this machine only"):
            Server(desk, 0, host)


def test_the_command_refuses_an_address_that_others_reach_while_there_is_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(door.VARIABLE, raising=False)
    for host, told in (("0.0.0.0", "needs a password"), ("everywhere", "is no address")):
        assert main(["--data", str(tmp_path), "review", "--host", host, "--no-browser"]) == 2
        assert told in capfd.readouterr().err


def test_nothing_is_told_before_the_password(elsewhere: httpx.Client) -> None:
    for path in ("/api/v1/summary", "/api/v1/about", "/api/v1/groups", "/api/v1/openapi.json"):
        assert elsewhere.get(path).status_code == 401
    page = elsewhere.get("/", headers={"accept-language": "de-CH,de;q=0.9"})
    assert page.status_code == 401
    assert "Passwort" in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_password_gives_the_cookie_that_the_printed_address_gives(
    elsewhere: httpx.Client, open_server: Server
) -> None:
    answer = elsewhere.post("/login", data={"password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{open_server.keys.cookie}={open_server.keys.session};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert elsewhere.get("/api/v1/summary").status_code == 200
    assert "keepone-app" in elsewhere.get("/").text
    token = elsewhere.get("/api/v1/about").json()["token"]
    undo = {"undo_token": "unheard of"}
    assert elsewhere.post("/api/v1/undo", json=undo).status_code == 403
    assert elsewhere.post("/api/v1/undo", json=undo, headers={"x-keepone-token": token}).status_code == 404


@pytest.mark.parametrize("guess", ["", "correct horse", PASSWORD + " ", PASSWORD.upper(), "x" * 100_000, "\x00"])
def test_a_wrong_password_opens_nothing(elsewhere: httpx.Client, guess: str) -> None:
    answer = elsewhere.post("/login", data={"password": guess})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "not the password" in answer.text
    assert elsewhere.get("/api/v1/summary").status_code == 401


def test_whoever_guesses_has_to_wait_and_even_the_right_one_does_not_open_meanwhile(elsewhere: httpx.Client) -> None:
    for number in range(FREE_TRIES):
        assert elsewhere.post("/login", data={"password": f"guess {number}"}).status_code == 403
    answer = elsewhere.post("/login", data={"password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "set-cookie" not in answer.headers
    assert elsewhere.get("/api/v1/summary").status_code == 401


def test_each_wrong_one_doubles_the_wait_and_another_address_is_not_kept_out() -> None:
    now = [0.0]
    guarded = Door(hashed(PASSWORD), lambda: now[0])
    waits = []
    for number in range(FREE_TRIES + 12):
        assert not guarded.opens("10.0.0.9", "wrong")
        waits.append(guarded.wait("10.0.0.9"))
        now[0] += waits[-1] + (1 if number % 5 else 0)
    assert waits[: FREE_TRIES - 1] == [0.0] * (FREE_TRIES - 1)
    grown = waits[FREE_TRIES - 1 :]
    assert grown[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == door.LONGEST_WAIT
    assert guarded.opens("10.0.0.8", PASSWORD)


def test_many_addresses_together_are_no_faster() -> None:
    guarded = Door(hashed(PASSWORD), lambda: 0.0)
    for number in range(TRIES_A_MINUTE):
        guarded.opens(f"10.0.{number}.1", "wrong")
    assert guarded.wait("10.9.9.9") == 60.0
    assert not guarded.opens("10.9.9.9", PASSWORD)


def test_another_web_page_can_not_even_try(elsewhere: httpx.Client) -> None:
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        answer = elsewhere.post("/login", data={"password": PASSWORD}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_foreign_name_is_refused_although_others_may_come(elsewhere: httpx.Client, open_server: Server) -> None:
    """DNS rebinding: a page of evil.example reaches this machine, and says so in Host."""
    port = open_server.port
    for host in (f"evil.example:{port}", f"192.0.2.7:{port}", "127.0.0.2", "127.0.0.2:1"):
        assert elsewhere.get("/", headers={"host": host}).status_code == 400
        origin = {"host": host, "origin": f"http://{host}"}
        assert elsewhere.post("/login", data={"password": PASSWORD}, headers=origin).status_code == 400


def test_the_address_that_was_reached_is_no_way_in_without_a_door(desk: Desk) -> None:
    with serving(desk) as server, httpx.Client() as client:
        answer = client.get(f"{server.base}/", headers={"host": f"127.0.0.2:{server.port}"})
        assert answer.status_code == 400
        assert client.post(f"{server.base}/login", data={"password": PASSWORD}).status_code in (401, 403)


def test_the_password_is_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = keep(tmp_path, PASSWORD)
    assert PASSWORD not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert matches(PASSWORD, known(tmp_path, {}))
    assert hashed(PASSWORD) != hashed(PASSWORD)
    file.chmod(0o644)
    if os.name == "posix":
        with pytest.raises(NoPassword, match="Other people"):
            known(tmp_path, {})


def test_the_environment_wins_and_a_short_password_is_none(tmp_path: Path) -> None:
    keep(tmp_path, PASSWORD)
    assert matches("from the env", known(tmp_path, {door.VARIABLE: "from the env"}))
    with pytest.raises(NoPassword, match="at least"):
        known(tmp_path, {door.VARIABLE: "short"})
    (tmp_path / door.FILE).write_text("garbage")
    with pytest.raises(NoPassword, match="no password"):
        known(tmp_path, {})
    with pytest.raises(NoPassword, match="needs a password"):
        known(tmp_path / "nowhere", {})


def test_the_password_is_asked_for_and_never_an_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda prompt: PASSWORD)
    assert main(["--data", str(tmp_path), "review", "--set-password"]) == 0
    told = capfd.readouterr()
    assert PASSWORD not in told.out + told.err
    assert matches(PASSWORD, known(tmp_path, {}))
    assert main(["review", "--set-password", PASSWORD]) == 2
