"""Signing in to Microsoft, and tokens without a person.

`login` is the only function here that ever talks to a person; everything else works silently or raises
`SignInRequired`. Being offline, behind a captive portal or refused for a minute is `Unavailable`: later, not "sign in
again". The msal library talks to the network already when it is constructed, so that too happens under these rules.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msal
import requests
from msal.exceptions import MsalServiceError
from msal_extensions import FilePersistence, PersistedTokenCache, build_encrypted_persistence
from msal_extensions.persistence import BasePersistence

from connectors.base import Refused, SignInRequired, Unavailable
from connectors.onedrive.options import OneDriveOptions

AUTHORITY = "https://login.microsoftonline.com/"
READ, WRITE = "Files.Read", "Files.ReadWrite"
BROWSER_SECONDS = 300
_FILE = "tokens.json"
Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in."""

    username: str
    home: str


def scopes(options: OneDriveOptions) -> list[str]:
    """Reading only for dry runs; more is asked for when something is to be moved. (offline_access, openid and profile
    are added by msal itself, which refuses to be given them.)"""
    return [READ] if options.read_only else [WRITE]


def cache(folder: Path, say: Say | None = None) -> PersistedTokenCache:
    """The token cache: Keychain, libsecret or DPAPI, else a file that only its owner may read, said aloud."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return PersistedTokenCache(_persistence(folder / _FILE, say))


def _persistence(file: Path, say: Say | None) -> BasePersistence:
    try:
        return build_encrypted_persistence(str(file))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        if say is not None:
            say(f"No keyring here ({error}): the sign-in is kept in {file}, which only you can read.")
    handle = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    os.close(handle)
    file.chmod(0o600)
    return FilePersistence(str(file))


class SignedIn:
    """Tokens of the account that signed in. One refresh at a time, however many threads ask. Whoever signed in for
    reading only gets tokens for reading, and OneDrive refuses writes by them."""

    def __init__(
        self, options: OneDriveOptions, http: Any = None, persisted: msal.SerializableTokenCache | None = None
    ) -> None:
        self._options, self._http, self._cache = options, http, persisted
        self._lock = threading.Lock()
        self._app: msal.PublicClientApplication | None = None
        self._current = ""

    def token(self, refused: str | None = None) -> str:
        """A good access token. With `refused` a new one, unless another thread has fetched it meanwhile."""
        with self._lock:
            if refused is not None and self._current not in ("", refused):
                return self._current
            self._current = _attempt(lambda: self._silent(force=refused is not None))
            return self._current

    def _silent(self, force: bool) -> str:
        application = self._application()
        account = _account(application, self._options)
        answer = None
        for scope in dict.fromkeys((*scopes(self._options), READ)):
            answer = application.acquire_token_silent_with_error([scope], account, force_refresh=force)
            if not _wants_consent(answer):
                break
        return _token(answer)

    def _application(self) -> msal.PublicClientApplication:
        if self._app is None:
            self._app = application(self._options, self._http, self._cache or cache(self._options.state))
        return self._app


class FromFile:
    """Tokens that another program writes into a file and keeps fresh."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def token(self, refused: str | None = None) -> str:
        """What the file holds now; one that was refused has to be another by then."""
        try:
            value = self._file.read_text("utf-8").strip()
        except OSError as error:
            raise SignInRequired(f"The token file {self._file} cannot be read ({error.strerror}).") from error
        if not value or value == refused:
            raise SignInRequired(
                f"OneDrive refuses the token in {self._file}: the program that writes it has to renew it."
            )
        return value


def tokens_of(options: OneDriveOptions) -> SignedIn | FromFile:
    """Where the access tokens of these options come from."""
    return SignedIn(options) if options.token_file is None else FromFile(options.token_file)


def application(
    options: OneDriveOptions, http: Any = None, persisted: msal.SerializableTokenCache | None = None
) -> msal.PublicClientApplication:
    """The msal application of these options. Raises `SignInRequired` without an application id."""
    if not options.client_id:
        raise SignInRequired(
            "OneDrive needs the id of your own app registration: set client_id in the source's options "
            "(docs/onedrive.md shows how to get one in five minutes)."
        )
    more = {} if http is None else {"http_client": http}
    return msal.PublicClientApplication(
        options.client_id, authority=AUTHORITY + options.tenant, token_cache=persisted, instance_discovery=False, **more
    )


def login(
    options: OneDriveOptions, say: Say, device: bool = False, http: Any = None,
    persisted: msal.SerializableTokenCache | None = None, on_uri: Callable[[str], None] | None = None,
) -> Account:  # fmt: skip
    """Sign in with a person: in the browser (authorization code with PKCE, answered on loopback), or with a code that
    is typed on any device. `say` shows sentences; `on_uri` opens the sign-in page instead of the usual browser.

    Raises `Refused` when the person declined or the time ran out, `Unavailable` when the authority does not answer."""
    kept = persisted or cache(options.state, say)
    answer = _attempt(lambda: _ask(application(options, http, kept), options, say, device, on_uri))
    if "access_token" not in answer:
        raise Refused(f"Signing in did not work: {_why(answer)}")
    claims = answer.get("id_token_claims") or {}
    return Account(str(claims.get("preferred_username", "")), str(claims.get("sub", "")))


def _ask(
    app: msal.PublicClientApplication, options: OneDriveOptions, say: Say, device: bool,
    on_uri: Callable[[str], None] | None,
) -> dict[str, Any]:  # fmt: skip
    if not device:
        say("Your browser opens for the sign-in. (Over SSH or without a browser: keepone login onedrive --device)")
        more = {} if on_uri is None else {"auth_uri_callback": on_uri}
        answer = app.acquire_token_interactive(
            scopes(options),
            prompt="select_account",
            timeout=BROWSER_SECONDS,
            login_hint=options.account or None,
            **more,
        )
        return dict(answer)
    flow = app.initiate_device_flow(scopes=scopes(options))
    if "user_code" not in flow:
        return dict(flow)
    say(str(flow["message"]))
    return dict(app.acquire_token_by_device_flow(flow))


def logout(
    options: OneDriveOptions, http: Any = None, persisted: msal.SerializableTokenCache | None = None
) -> list[Account]:
    """Forget the account of these options, all of them when none is named; who was forgotten."""
    app = _attempt(lambda: application(options, http, persisted or cache(options.state)))
    found = [one for one in app.get_accounts() if not options.account or one["username"] == options.account]
    for one in found:
        app.remove_account(one)
    return [Account(one["username"], one["home_account_id"]) for one in found]


def accounts(
    options: OneDriveOptions, http: Any = None, persisted: msal.SerializableTokenCache | None = None
) -> list[Account]:
    """Who is signed in on this machine."""
    app = _attempt(lambda: application(options, http, persisted or cache(options.state)))
    return [Account(one["username"], one["home_account_id"]) for one in app.get_accounts()]


def _account(app: msal.PublicClientApplication, options: OneDriveOptions) -> dict[str, Any]:
    found = app.get_accounts(options.account or None)
    if len(found) == 1:
        return dict(found[0])
    if not found:
        who = f" as {options.account}" if options.account else ""
        raise SignInRequired(f"Nobody is signed in to OneDrive{who}. Run: keepone login onedrive")
    names = ", ".join(one["username"] for one in found)
    raise SignInRequired(
        f"Several accounts are signed in ({names}); set account in the source's options to one of them."
    )


def _token(answer: dict[str, Any] | None) -> str:
    if answer and "access_token" in answer:
        return str(answer["access_token"])
    if answer and answer.get("error") not in ("invalid_grant", "interaction_required", "consent_required", None):
        raise Unavailable(
            f"Microsoft's sign-in service does not answer properly now ({_why(answer)}); try again later."
        )
    raise SignInRequired("The sign-in to OneDrive has expired. Run: keepone login onedrive")


def _wants_consent(answer: dict[str, Any] | None) -> bool:
    """The person is signed in and never allowed as much as this (AADSTS65001)."""
    return answer is not None and "consent_required" in (answer.get("suberror"), answer.get("error"))


def _why(answer: dict[str, Any]) -> str:
    text = str(answer.get("error_description") or answer.get("error") or "no reason given")
    return text.splitlines()[0]


def _attempt(ask: Callable[[], T]) -> T:
    """Network trouble, captive portals, a damaged cache file and a busy authority all mean: later."""
    try:
        return ask()
    except requests.RequestException as error:
        raise Unavailable("The sign-in service cannot be reached; KeepOne tries again when you are online.") from error
    except MsalServiceError as error:
        raise Unavailable("The sign-in service does not answer properly now; try again later.") from error
    except ValueError as error:  # what msal makes of HTML, of an empty answer and of a damaged cache file
        raise Unavailable(
            "Something answers for the sign-in service, or the kept sign-in is damaged; try again later. If it stays "
            "so, check tenant in the source's options and run: keepone login onedrive"
        ) from error
