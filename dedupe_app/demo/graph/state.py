"""What all handlers of one emulator share."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, field
from urllib.parse import unquote

from dedupe_app.demo.graph.accounting import Accounting
from dedupe_app.demo.graph.clock import VirtualClock
from dedupe_app.demo.graph.contents import Content
from dedupe_app.demo.graph.delta import Feed
from dedupe_app.demo.graph.drive import Drive, GraphError, Item
from dedupe_app.demo.graph.faults import Weather
from dedupe_app.demo.graph.flavour import Flavour


@dataclass(frozen=True, slots=True)
class Ticket:
    """A pre-authenticated URL at the content host."""

    content: Content
    name: str
    expires: float
    edge: int = 0
    crop: bool = False
    upright: bool = True


@dataclass
class Quirks:
    """Behaviour that a test switches on."""

    ignore_range: bool = False
    content_takes_credentials: bool = False
    expired_status: int = 401
    ticket_seconds: float = 3600.0
    no_thumbnails: set[str] = field(default_factory=set)
    bigger_thumbnails: bool = False
    wrong_if_match: str = "resourceModified"
    patch_answers_204: bool = False
    bad_resync_location: bool = False
    shuffle_batch: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL names: an item that is there, or a path where one could be made."""

    item: Item | None
    path: str
    tail: str

    def there(self) -> Item:
        """The item, or Graph's 404."""
        if self.item is None:
            raise GraphError(404, "itemNotFound", "The resource could not be found.")
        return self.item


class State:
    """One emulated account."""

    def __init__(self, flavour: Flavour, clock: VirtualClock) -> None:
        self.flavour, self.clock = flavour, clock
        self.drive = Drive(flavour, clock)
        self.feed = Feed(self.drive)
        self.weather = Weather()
        self.accounting = Accounting()
        self.quirks = Quirks()
        self.tickets: dict[str, Ticket] = {}
        self.handed_out: set[str] = set()
        self.lock = threading.RLock()
        self.tokens: dict[str, frozenset[str]] = {}
        self.base = self.content_base = ""

    def token(self, *scopes: str) -> str:
        """An access token that is good until `revoke`."""
        value = f"at-{secrets.token_hex(8)}"
        self.tokens[value] = frozenset(scopes or ("Files.ReadWrite",))
        return value

    def revoke(self) -> None:
        """All access tokens expire now."""
        self.tokens.clear()

    def ticket(self, item: Item, edge: int = 0, crop: bool = False, upright: bool = True) -> str:
        """A URL at the content host, another one at each call."""
        assert item.content is not None
        key = secrets.token_urlsafe(12)
        until = self.clock.now() + self.quirks.ticket_seconds
        self.tickets[key] = Ticket(item.content, item.name, until, edge, crop, upright)
        kind = "transform/thumbnail" if edge else "download.aspx"
        return f"{self.content_base}/{kind}?tempauth={key}"

    def resolve(self, raw: str) -> Place:
        """The place that a raw path below /v1.0 names. Item ids and paths are percent-decoded after splitting."""
        match = re.match(r"^/(?:me/drive|drives/([^/]+))(/.*)?$", raw)
        if not match:
            raise GraphError(400, "BadRequest", "Resource not found for the segment.")
        named = unquote(match[1] or self.flavour.drive_id).casefold()
        if named.lstrip("0") != self.flavour.drive_id.casefold().lstrip("0"):
            raise GraphError(404, "itemNotFound", "The drive could not be found.")
        rest = match[2] or ""
        if not rest:
            return Place(None, "", "drive")
        return self._inside(rest)

    def _inside(self, rest: str) -> Place:
        by_path = re.match(r"^/(root|items/[^/:]+):/(.*?)(?::(?:/(.*))?)?$", rest)
        if by_path:
            start = self.drive.root if by_path[1] == "root" else self.drive.live(unquote(by_path[1][6:]))
            below = self.drive.path(start)
            path = "/".join(filter(None, [below, unquote(by_path[2])]))
            return Place(self.drive.find(path), path, by_path[3] or "")
        plain = re.match(r"^/(root|items/([^/]+)|special/([^/]+)|bundles/([^/]+))(?:/(.*))?$", rest)
        if not plain:
            return Place(None, "", rest.strip("/"))
        return Place(self._named(plain), "", plain[5] or "")

    def _named(self, match: re.Match[str]) -> Item | None:
        if match[1] == "root":
            return self.drive.root
        if match[3]:
            if match[3] not in self.flavour.specials:
                raise GraphError(400, "invalidRequest", "Special folder not supported.")
            return self.drive.folder({"photos": "Pictures", "cameraroll": "Pictures/Camera Roll"}[match[3]])
        item_id = unquote(match[2] or match[4])
        return self.drive.root if item_id == "root" else self.drive.items.get(item_id)
