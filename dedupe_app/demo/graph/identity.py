"""The sign-in authority: discovery, device code, authorization code with PKCE, refresh."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dedupe_app.demo.graph.state import State
from dedupe_app.demo.graph.wire import Answer, Call

LOGIN = "https://login.microsoftonline.com"
TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"


@dataclass
class Grant:
    """Something that can be turned into tokens once."""

    user: str
    scope: str
    challenge: str = ""
    nonce: str = ""
    client: str = ""


@dataclass
class Authority:
    """The authority's memory and its moods."""

    state: State
    user: str = "anna@example.invalid"
    device_answers: list[str] = field(default_factory=list)
    rotating: bool = False
    refuse_refresh: bool = False
    seconds: int = 3600
    devices: dict[str, Grant] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)
    refreshes: int = 0

    def answer(self, call: Call) -> Answer:
        """Answer one request to the authority."""
        path = call.path
        if path.endswith("/.well-known/openid-configuration"):
            return Answer.of(self._configuration(path.split("/")[1]))
        if path == "/common/discovery/instance":
            names = {"preferred_network": "login.microsoftonline.com", "preferred_cache": "login.windows.net"}
            known = {**names, "aliases": list(names.values())}
            there = f"{LOGIN}/common/v2.0/.well-known/openid-configuration"
            return Answer.of({"tenant_discovery_endpoint": there, "metadata": [known]})
        if path.endswith("/devicecode"):
            return self._device(call)
        if path.endswith("/token"):
            return self._token(dict(parse_qsl(call.body.decode())))
        if path.endswith("/authorize"):
            return self._authorize(call)
        return Answer.of({"error": "not_found"}, 404)

    @staticmethod
    def _configuration(tenant: str) -> dict[str, Any]:
        base = f"{LOGIN}/{tenant}/oauth2/v2.0"
        return {
            "issuer": f"{LOGIN}/{TENANT}/v2.0",
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "device_authorization_endpoint": f"{base}/devicecode",
        }

    def _device(self, call: Call) -> Answer:
        form = dict(parse_qsl(call.body.decode()))
        code = secrets.token_hex(8)
        self.devices[code] = Grant(self.user, form["scope"], client=form["client_id"])
        return Answer.of({
            "user_code": "ABCD1234", "device_code": code, "verification_uri": "https://www.microsoft.com/link",
            "expires_in": 900, "interval": 1, "message": "To sign in, open https://www.microsoft.com/link, ABCD1234",
        })  # fmt: skip

    def _authorize(self, call: Call) -> Answer:
        query = call.query
        code = secrets.token_hex(8)
        self.codes[code] = Grant(
            self.user, query["scope"], query["code_challenge"], query.get("nonce", ""), query["client_id"]
        )
        form = {"code": code, "state": query["state"], "redirect_uri": query["redirect_uri"]}
        return Answer.of(form)

    def _token(self, form: dict[str, str]) -> Answer:
        kind = form["grant_type"]
        if kind == "refresh_token":
            return self._refresh(form)
        if kind == "authorization_code":
            grant = self.codes.pop(form["code"], None)
            proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
            if grant is None or grant.challenge != proof.rstrip("="):
                return Answer.of({"error": "invalid_grant"}, 400)
            return self._issue(grant)
        return self._poll(form)

    def _poll(self, form: dict[str, str]) -> Answer:
        if self.device_answers:
            mood = self.device_answers.pop(0)
            return Answer.of({"error": mood, "error_description": mood}, 400)
        grant = self.devices.pop(form["device_code"], None)
        return self._issue(grant) if grant else Answer.of({"error": "expired_token"}, 400)

    def _refresh(self, form: dict[str, str]) -> Answer:
        self.refreshes += 1
        grant = self.refresh.get(form["refresh_token"])
        if grant is None or self.refuse_refresh:
            return Answer.of({"error": "invalid_grant", "suberror": "bad_token", "error_description": "expired"}, 400)
        wanted = set(form.get("scope", grant.scope).split())
        if not wanted <= set(grant.scope.split()):
            described = "AADSTS65001: The user or administrator has not consented to use the application."
            return Answer.of(
                {"error": "invalid_grant", "suberror": "consent_required", "error_description": described}, 400
            )
        if self.rotating:
            del self.refresh[form["refresh_token"]]
        return self._issue(Grant(grant.user, form.get("scope", grant.scope), client=grant.client))

    def _issue(self, grant: Grant) -> Answer:
        scopes = [one for one in grant.scope.split() if one not in ("openid", "profile", "offline_access")]
        refresh = secrets.token_hex(12)
        self.refresh[refresh] = grant
        return Answer.of({
            "token_type": "Bearer", "scope": grant.scope, "expires_in": self.seconds,
            "access_token": self.state.token(*scopes), "refresh_token": refresh, "id_token": self._id_token(grant),
            "client_info": _packed({"uid": _digest(grant.user), "utid": TENANT}),
        })  # fmt: skip

    def _id_token(self, grant: Grant) -> str:
        now = int(time.time())
        claims = {
            "iss": f"{LOGIN}/{TENANT}/v2.0", "aud": grant.client, "sub": _digest(grant.user), "tid": TENANT,
            "preferred_username": grant.user, "exp": now + 3600, "iat": now, "nonce": grant.nonce, "oid": "0",
        }  # fmt: skip
        return f"{_packed({'alg': 'none'})}.{_packed(claims)}."


def _packed(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def form_of(answer: dict[str, str]) -> str:
    """What a browser posts to the redirect address after a person agreed."""
    return urlencode({"code": answer["code"], "state": answer["state"]})
