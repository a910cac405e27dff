"""A process of its own that applies a stored plan to an emulated drive, so that it can be killed anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

from connectors.base import Connector
from connectors.onedrive import OneDriveConnector, OneDriveOptions
from dedupe_core.apply import ApplyResult, apply
from dedupe_core.settings import Settings
from dedupe_core.store import Store


class OneToken:
    """A token that is good as long as the emulator says so."""

    def __init__(self, value: str) -> None:
        self.value = value

    def token(self, refused: str | None = None) -> str:
        return self.value


def run(folder: Path, url: str, token: str, tenant: str) -> ApplyResult:
    """Apply the one plan of the store in `folder`."""
    options = OneDriveOptions(endpoint=url, state=folder / "state", tenant=tenant)
    cloud = OneDriveConnector("cloud", options, OneToken(token))
    connectors: dict[str, Connector] = {"cloud": cloud}
    with Store(folder) as store, store.writing("test"):
        plan = store.plans.get("")
        assert plan is not None
        try:
            return apply(store, connectors, plan, Settings())
        finally:
            cloud.close()


if __name__ == "__main__":
    print(run(Path(sys.argv[1]), *sys.argv[2:5]).messages)
