"""`keepone login` and `logout` through msal as it is; only the authority's name leads to the emulator."""

from __future__ import annotations

import json
import stat
import threading
import time
import urllib.request
import webbrowser
from typing import Any

import pytest
import requests

from dedupe_app.demo.graph.identity import LOGIN, form_of
from tests.cloud.conftest import JUNE, Cloud, Keepone, jpeg, on_personal

pytestmark = on_personal
CLIENT = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(autouse=True)
def network(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's network and browser: the authority is the emulator, and the person agrees to everything."""
    here, send = cloud.graph.login_address, requests.Session.request

    def rewired(session: requests.Session, method: str, url: str, *args: Any, **more: Any) -> requests.Response:
        return send(session, method, url.replace(LOGIN, here), *args, **more)

    def agree(address: str) -> None:
        with urllib.request.urlopen(address.replace(LOGIN, here)) as page:
            answer = json.loads(page.read())
        back = answer["redirect_uri"].replace("localhost", "127.0.0.1")
        for _ in range(50):
            try:
                urllib.request.urlopen(urllib.request.Request(back, form_of(answer).encode(), method="POST")).close()
                return
            except OSError:
                time.sleep(0.05)

    def browse(address: str, *_: Any, **__: Any) -> bool:
        threading.Thread(target=agree, args=(address,), daemon=True).start()
        return True

    monkeypatch.setattr(requests.Session, "request", rewired)
    monkeypatch.setattr(webbrowser, "open", browse)
    monkeypatch.setattr(webbrowser, "get", lambda *_: type("Browser", (), {"open": staticmethod(browse)}))
    cloud.configure(client_id=CLIENT, token_file=None)


@pytest.mark.parametrize("way", [[], ["--device"]], ids=["browser", "device"])
def test_signing_in_says_where_the_sign_in_lies_and_lets_photos_move(
    cloud: Cloud, keepone: Keepone, way: list[str]
) -> None:
    for name in ("A.jpg", "A copy.jpg"):
        cloud.put(f"{JUNE}/{name}", jpeg(70))
    needs = keepone("scan")
    assert needs.status == 7
    assert "keepone login onedrive" in needs.out + needs.err
    signed = keepone("login", "onedrive", *way)
    assert signed.status == 0, signed.err
    kept = cloud.folder / "state" / "tokens.json"
    assert str(kept) in signed.err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "signed in as anna@example.invalid" in signed.err
    for step in (["scan"], ["plan"], ["apply", "--yes"]):
        assert keepone(*step).status == 0
    assert f"{JUNE}/duplicates/A copy.jpg" in cloud.tree
    assert "forgot anna@example.invalid" in keepone("logout", "cloud").err
    assert keepone("scan").status == 7


def test_a_sign_in_for_reading_dry_runs_and_moves_nothing(cloud: Cloud, keepone: Keepone) -> None:
    for name in ("A.jpg", "A copy.jpg"):
        cloud.put(f"{JUNE}/{name}", jpeg(71))
    before = cloud.tree
    assert keepone("login", "cloud", "--device", "--read-only").status == 0
    assert keepone("scan").status == 0
    assert keepone("plan").status == 0
    assert keepone("apply", "--dry-run").status == 0
    assert set(cloud.graph.state.tokens.values()) - {frozenset({"Files.ReadWrite"})} == {frozenset({"Files.Read"})}
    refused = keepone("apply", "--yes")
    assert refused.status != 0
    assert "keepone login onedrive" in refused.out + refused.err
    assert cloud.tree == before
    assert keepone("login", "cloud", "--device").status == 0
    assert keepone("apply", "--yes").status == 0
    assert f"{JUNE}/duplicates/A copy.jpg" in cloud.tree


def test_of_several_accounts_one_is_named(cloud: Cloud, keepone: Keepone) -> None:
    cloud.put(f"{JUNE}/A.jpg", jpeg(72))
    for who in ("anna@example.invalid", "bert@example.invalid"):
        cloud.graph.authority.user = who
        assert keepone("login", "cloud", "--device").status == 0
    torn = keepone("scan")
    assert torn.status == 7
    assert "Several accounts are signed in" in torn.out + torn.err
    cloud.configure(client_id=CLIENT, token_file=None, account="bert@example.invalid")
    assert keepone("scan").status == 0
    gone = keepone("logout", "cloud", "--account", "anna@example.invalid", "--json").json
    assert gone["accounts"] == ["anna@example.invalid"]
    assert keepone("scan").status == 0
