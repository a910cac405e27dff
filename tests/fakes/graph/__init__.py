"""OneDrive on loopback (`dedupe_app/demo/graph`), with the check of every request against the description of Graph."""

from dedupe_app.demo.graph import BUSINESS, PERSONAL, Content, Flavour, GraphFake, VirtualClock, oriented, picture

__all__ = ["BUSINESS", "PERSONAL", "Content", "Flavour", "GraphFake", "VirtualClock", "oriented", "picture"]
