"""OneDrive on loopback: an emulator of Microsoft Graph's drives part, its content host and its sign-in authority."""

from tests.fakes.graph.clock import VirtualClock
from tests.fakes.graph.contents import Content, oriented, picture
from tests.fakes.graph.flavour import BUSINESS, PERSONAL, Flavour
from tests.fakes.graph.server import GraphFake

__all__ = ["BUSINESS", "PERSONAL", "Content", "Flavour", "GraphFake", "VirtualClock", "oriented", "picture"]
