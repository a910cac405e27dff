"""OneDrive on loopback: an emulator of Microsoft Graph's drives part, its content host and its sign-in authority.

`keepone demo --onedrive` tries the connector on it without an account, and the tests prove the connector with it.
Nothing of it was ever checked against the live service; where it behaves strangely it does so on purpose, after
Microsoft's documentation, issue threads and recorded answers.
"""

from dedupe_app.demo.graph.clock import VirtualClock
from dedupe_app.demo.graph.contents import Content, oriented, picture
from dedupe_app.demo.graph.flavour import BUSINESS, PERSONAL, Flavour
from dedupe_app.demo.graph.server import GraphFake

__all__ = [
    "BUSINESS",
    "PERSONAL",
    "Content",
    "Flavour",
    "GraphFake",
    "VirtualClock",
    "oriented",
    "picture",
]
