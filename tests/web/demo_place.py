"""One scanned demo gallery for all tests of a run: really drawn, really scanned, never mocked."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.demo.gallery import build
from dedupe_app.library import Library
from dedupe_app.web.desk import Desk


@cache
def demo_place() -> Path:
    """The folder of the gallery ("gallery") and of its data ("data"), scanned."""
    place = Path(tempfile.mkdtemp(prefix="keepone-page-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    build(place / "gallery", 1)
    with Library.open(demo_config(place)) as library:
        library.scan()
    return place


def demo_config(place: Path) -> Config:
    source = SourceConfig(name="demo", kind="local", options={"path": str(place / "gallery")})
    return Config(data=place / "data", sources=(source,))


def demo_desk() -> Desk:
    """A desk on the demo gallery, with nothing decided, nothing learned and nothing planned."""
    config = demo_config(demo_place())
    with Library.open(config) as library:
        library.store.db.execute("DELETE FROM decision")
        library.store.db.execute("DELETE FROM label")
        library.store.db.execute("UPDATE plan SET state = 'withdrawn' WHERE state = 'planned'")
    return Desk(Loaded(config, None, {}), config)
