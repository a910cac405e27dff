"""The password of a page that others than this machine can reach: kept as a hash, compared in constant time, and asked
for slowly after it was wrong a few times."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from pathlib import Path

VARIABLE = "KEEPONE_PAGE_PASSWORD"
FILE = "page.password"
SHORTEST = 8
FREE_TRIES = 5
"""Wrong passwords from one address before it has to wait; each further one doubles the wait."""
LONGEST_WAIT = 900.0
TRIES_A_MINUTE = 60
"""From everywhere together: whoever has many addresses is no faster for it."""
_COST = (2**14, 8, 1)  # scrypt's n, r, p: 16 MB and some 50 ms a try
_ADDRESSES = 1000


class NoPassword(Exception):
    """There is no password to be had; the message is a sentence with the next step."""


class Door:
    """Lets in who knows the password. `clock` is for tests."""

    def __init__(self, hashed: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._hashed = hashed
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._tries: deque[float] = deque(maxlen=TRIES_A_MINUTE)

    def wait(self, address: str) -> float:
        """Seconds for which nobody at this address is asked; 0 when it may try."""
        now = self._clock()
        count, last = self._wrong.get(address, (0, 0.0))
        pause = min(LONGEST_WAIT, 2.0 ** (count - FREE_TRIES)) if count >= FREE_TRIES else 0.0
        full = len(self._tries) == TRIES_A_MINUTE
        return max(0.0, last + pause - now, self._tries[0] + 60 - now if full else 0.0)

    def opens(self, address: str, password: str) -> bool:
        """Is it the password? A wrong one counts; while there is a wait even the right one does not open."""
        if self.wait(address) > 0:
            return False
        self._tries.append(self._clock())
        if matches(password, self._hashed):
            self._wrong.pop(address, None)
            return True
        count, _ = self._wrong.get(address, (0, 0.0))
        self._wrong[address] = (count + 1, self._clock())
        self._wrong.move_to_end(address)
        while len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)
        return False


def hashed(password: str) -> str:
    """A password as it is kept: scrypt with a salt of its own. Raises `NoPassword` for one that is too short."""
    if len(password) < SHORTEST:
        raise NoPassword(f"A password for the page has at least {SHORTEST} characters. Choose a longer one.")
    salt = secrets.token_bytes(16)
    parts = (base64.b64encode(salt), base64.b64encode(_scrypt(password, salt, *_COST)))
    return "$".join(("scrypt", *map(str, _COST), *(part.decode() for part in parts)))


def matches(password: str, kept: str) -> bool:
    """Is this the password of that hash?"""
    kind, *cost, salt, digest = kept.strip().split("$")
    if kind != "scrypt" or len(cost) != 3:
        return False
    n, r, p = map(int, cost)
    made = _scrypt(password, base64.b64decode(salt), n, r, p)
    return hmac.compare_digest(made, base64.b64decode(digest))


def known(data: Path, environment: Mapping[str, str] = os.environ) -> str:
    """The hash of the password from the environment, or else from the data folder. Raises `NoPassword` where there is
    none, it is too short, or others can read its file."""
    if given := environment.get(VARIABLE, ""):
        return hashed(given)
    file = data / FILE
    if not file.is_file():
        raise NoPassword(
            "Others can reach this address, so the page needs a password. Set one: keepone review --set-password, "
            f"or {VARIABLE} in the environment."
        )
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise NoPassword(f"Other people can read {file}. Take that from them: chmod 600 '{file}'")
    text = file.read_text("utf-8")
    if text.count("$") != 5:
        raise NoPassword(f"{file} holds no password. Set it again: keepone review --set-password")
    return text


def keep(data: Path, password: str) -> Path:
    """Write the hash into the data folder, for its owner's eyes only; where it is."""
    data.mkdir(parents=True, exist_ok=True)
    file = data / FILE
    text = hashed(password)
    fresh = file.with_name(f"{FILE}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
    fresh.replace(file)
    return file


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogateescape"), salt=salt, n=n, r=r, p=p, maxmem=2**26)
