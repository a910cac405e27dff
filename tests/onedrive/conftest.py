"""An emulated OneDrive of each flavour, and the connector on it; every request is checked against the description of
the API where that is present, and three things must never happen, whatever a test does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Asset
from connectors.onedrive import OneDriveConnector, OneDriveOptions
from tests.fakes.graph import BUSINESS, PERSONAL, Flavour, GraphFake
from tests.fakes.graph.openapi import Description

Make = Callable[..., OneDriveConnector]


class EmulatorTokens:
    """Access tokens straight from the emulator, a new one whenever the old is refused."""

    def __init__(self, graph: GraphFake, scope: str = "Files.ReadWrite") -> None:
        self._graph, self._scope = graph, scope
        self.asked = 0
        self.value = graph.state.token(scope)

    def token(self, refused: str | None = None) -> str:
        if refused == self.value:
            self.asked += 1
            self.value = self._graph.state.token(self._scope)
        return self.value


@pytest.fixture(scope="session")
def description() -> Description | None:
    """The OpenAPI description beside the checkout; without it requests are not checked."""
    named = os.environ.get("KEEPONE_TESTDATA")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "testdata"
    file = folder / "graph" / "openapi-drives-subset.json"
    return Description(file) if file.is_file() else None


@pytest.fixture(params=[PERSONAL, BUSINESS], ids=["personal", "business"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def graph(flavour: Flavour, description: Description | None) -> Iterator[GraphFake]:
    with GraphFake(flavour, description=description) as fake:
        yield fake
        books = fake.accounting
        assert books.violations == []
        assert books.permanent_deletes == 0
        assert books.credentials_at_content == 0
        assert books.inside_window == 0


@pytest.fixture
def make(graph: GraphFake, tmp_path: Path) -> Iterator[Make]:
    """Makes connectors on the emulator; keywords are options."""
    made: list[OneDriveConnector] = []

    def build(
        name: str = "cloud", scope: str = "Files.ReadWrite", tokens: Any = None, **more: Any
    ) -> OneDriveConnector:
        tenant = "consumers" if graph.state.flavour.restore else "organizations"
        options = OneDriveOptions(endpoint=graph.url, state=tmp_path / "state", tenant=tenant, **more)
        connector = OneDriveConnector(name, options, tokens or EmulatorTokens(graph, scope), graph.clock)
        made.append(connector)
        return connector

    yield build
    for connector in made:
        connector.close()


@pytest.fixture
def cloud(make: Make) -> OneDriveConnector:
    return make()


def listed(connector: OneDriveConnector) -> dict[str, Asset]:
    """A first listing, by path."""
    return {f"{a.folder}/{a.name}": a for page in connector.scan(None) for a in page.assets}
