"""Signing in against the emulated authority, through msal as it is: only the host is another one."""

from __future__ import annotations

import json
import stat
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msal
import pytest
import requests

from connectors.base import Refused, SignInRequired, Unavailable
from connectors.onedrive import OneDriveConnector, OneDriveOptions, auth
from dedupe_app.demo.graph.identity import LOGIN, form_of
from tests.fakes.graph import PERSONAL, GraphFake


class Rewired(requests.Session):
    """The person's network, in which the authority's name leads to the emulator."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, url.replace(LOGIN, self.address), *args, **kwargs)


class World:
    """One machine with an empty sign-in cache."""

    def __init__(self, graph: GraphFake, folder: Path) -> None:
        self.graph, self.folder = graph, folder
        self.said: list[str] = []
        self.cache = msal.SerializableTokenCache()

    def options(self, **more: Any) -> OneDriveOptions:
        known = {"client_id": "00000000-0000-0000-0000-000000000001", "endpoint": self.graph.url, "state": self.folder}
        return OneDriveOptions(**{**known, **more})

    @property
    def http(self) -> Rewired:
        return Rewired(self.graph.login_address)

    def login(self, **more: Any) -> auth.Account:
        device = more.pop("device", True)
        return auth.login(self.options(**more), self.said.append, device, self.http, self.cache, self.browse)

    def tokens(self, **more: Any) -> auth.SignedIn:
        return auth.SignedIn(self.options(**more), self.http, self.cache)

    def browse(self, address: str) -> None:
        """What a browser does when the person agrees: open the page, and post the answer to loopback."""

        def agree() -> None:
            with urllib.request.urlopen(address.replace(LOGIN, self.graph.login_address)) as page:
                answer = json.loads(page.read())
            back = answer["redirect_uri"].replace("localhost", "127.0.0.1")
            for _ in range(50):
                try:
                    urllib.request.urlopen(
                        urllib.request.Request(back, form_of(answer).encode(), method="POST")
                    ).close()
                    return
                except OSError:
                    time.sleep(0.05)

        threading.Thread(target=agree, daemon=True).start()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GraphFake(PERSONAL) as graph:
        yield World(graph, tmp_path)


@pytest.mark.parametrize("device", [False, True], ids=["browser", "device"])
def test_signing_in_gives_tokens_that_the_drive_takes(world: World, device: bool) -> None:
    world.graph.authority.device_answers = ["authorization_pending"]
    account = world.login(device=device)
    assert account.username == "anna@example.invalid"
    assert ("microsoft.com/link" in world.said[-1]) == device
    world.graph.drive.put("Pictures/2024/06/a.jpg", b"a")
    cloud = OneDriveConnector("cloud", world.options(), world.tokens(), world.graph.clock)
    assert [asset.name for page in cloud.scan(None) for asset in page.assets] == ["a.jpg"]
    cloud.close()


def test_a_dry_run_asks_for_reading_only(world: World) -> None:
    world.login(read_only=True)
    token = world.tokens(read_only=True).token()
    assert world.graph.state.tokens[token] == {"Files.Read"}
    assert auth.scopes(world.options()) == ["Files.ReadWrite"]


@pytest.mark.parametrize("answer", ["authorization_declined", "expired_token"])
def test_a_person_who_declines_is_told_so(world: World, answer: str) -> None:
    world.graph.authority.device_answers = [answer]
    with pytest.raises(Refused, match="did not work"):
        world.login()


def test_nobody_is_ever_prompted_outside_login(world: World) -> None:
    with pytest.raises(SignInRequired, match="keepone login onedrive"):
        world.tokens().token()
    with pytest.raises(SignInRequired, match="client_id"):
        auth.SignedIn(world.options(client_id="")).token()
    assert world.said == []


def test_an_expired_grant_wants_a_person_and_a_revoked_token_is_renewed(world: World) -> None:
    world.login()
    tokens = world.tokens()
    first = tokens.token()
    world.graph.state.revoke()
    assert tokens.token(refused=first) != first
    world.graph.authority.refuse_refresh = True
    with pytest.raises(SignInRequired, match="expired"):
        tokens.token(refused=tokens.token())


def test_many_threads_refresh_once(world: World) -> None:
    world.graph.authority.rotating = True
    world.login()
    tokens = world.tokens()
    first = tokens.token()
    world.graph.state.revoke()
    with ThreadPoolExecutor(8) as pool:
        renewed = set(pool.map(lambda _: tokens.token(refused=first), range(8)))
    assert len(renewed) == 1
    assert world.graph.authority.refreshes == 1


def test_being_offline_is_later_and_not_a_sign_in(world: World) -> None:
    world.login()
    offline = auth.SignedIn(world.options(), Rewired("http://127.0.0.1:9"), world.cache)
    with pytest.raises(Unavailable, match="online"):
        offline.token(refused="old")


@pytest.mark.parametrize(
    "fault", [{"kind": "html"}, {"kind": "status", "status": 503}, {"kind": "status", "status": 429}, {"kind": "drop"}]
)
def test_a_captive_portal_or_a_busy_authority_is_later(world: World, fault: dict[str, Any]) -> None:
    world.login()
    world.graph.weather.add(**fault, on="^login", times=9)
    with pytest.raises(Unavailable):
        world.tokens().token(refused="old")


def test_several_accounts_are_kept_apart_and_one_has_to_be_named(world: World) -> None:
    world.login()
    world.graph.authority.user = "bert@example.invalid"
    world.login()
    with pytest.raises(SignInRequired, match="set account"):
        world.tokens().token()
    assert world.tokens(account="bert@example.invalid").token()
    assert {one.username for one in auth.accounts(world.options(), world.http, world.cache)} == {
        "anna@example.invalid",
        "bert@example.invalid",
    }
    gone = auth.logout(world.options(account="anna@example.invalid"), world.http, world.cache)
    assert [one.username for one in gone] == ["anna@example.invalid"]
    assert world.tokens().token()


def test_without_a_keyring_the_cache_is_a_private_file_and_that_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_keyring(_: str) -> None:
        raise ImportError("no keyring library")

    monkeypatch.setattr(auth, "build_encrypted_persistence", no_keyring)
    (world.folder / "tokens.json").write_text("")
    (world.folder / "tokens.json").chmod(0o644)
    auth.login(world.options(), world.said.append, True, world.http)
    file = world.folder / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert any(str(file) in sentence for sentence in world.said)
    assert auth.SignedIn(world.options(), world.http).token()
    auth.logout(world.options(), world.http)
    with pytest.raises(SignInRequired):
        auth.SignedIn(world.options(), world.http).token()


def test_a_damaged_cache_file_is_later_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_keyring(_: str) -> None:
        raise ImportError("no keyring library")

    monkeypatch.setattr(auth, "build_encrypted_persistence", no_keyring)
    (world.folder / "tokens.json").write_text("{broken")
    with pytest.raises(Unavailable):
        auth.SignedIn(world.options(), world.http).token()
