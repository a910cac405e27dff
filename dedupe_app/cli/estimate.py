"""`keepone estimate` and `keepone scan --estimate`: what a scan would have to do. A source that makes its own forecast
is asked for it; the others are listed, and a sample of their new photos is looked at."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from connectors.base import Asset, Connector, ConnectorError
from dedupe_app.cli.codes import Exit
from dedupe_app.cli.output import number
from dedupe_app.cli.session import Command, Session, pass_session
from dedupe_app.progress import duration
from dedupe_core.words import bytes_text

if TYPE_CHECKING:
    from dedupe_app.library import Library, Narrow

_SAMPLE, _SECONDS = 40, 5.0


@click.command(cls=Command)
@click.argument("places", nargs=-1, metavar="[SOURCE|PATH]...")
@pass_session
def estimate(session: Session, places: tuple[str, ...]) -> int:
    """Say what a first scan would cost in time, calls and bytes. Nothing is changed."""
    from dedupe_app.sources import known_sources, with_paths

    config, names = with_paths(session.loaded.config, places)
    if not known_sources(config):
        raise click.UsageError("There is nothing to look at yet. Name a folder: keepone estimate ~/Pictures")
    with session.library(config) as library:
        return tell(session, library, names or None, None)


def tell(session: Session, library: Library, names: Sequence[str] | None, narrow: Narrow | None) -> int:
    """List, sample, multiply. Nothing is written, neither in the sources nor in the data folder's memory of photos."""
    out, photos, size = session.out, 0, 0
    forecasts = list(_forecasts(library, names, narrow))
    new: list[tuple[Connector, Asset]] = []
    with session.progress() as progress:
        progress.stage("listing", None)
        for connector, asset in _listed(library, names, narrow):
            photos, size = photos + 1, size + asset.size
            progress.advance(1, asset.size, asset.name)
            if not _known(library, asset):
                new.append((connector, asset))
    each = _seconds_each(new)
    workers = library.settings.limits.workers or os.cpu_count() or 1
    seconds = each * len(new) / workers
    for _, sentence in forecasts:
        out.say(f" {sentence}")
    if photos or not forecasts:
        out.say(f" {number(photos)} photos ({bytes_text(size)}), {number(len(new))} of them new")
        out.say(f" a scan takes about {duration(seconds)} on {workers} cores")
    out.say(" nothing has been changed")
    out.document(
        {
            "photos": photos,
            "bytes": size,
            "new": len(new),
            "new_bytes": sum(asset.size for _, asset in new),
            "seconds": round(seconds, 3),
            "workers": workers,
            "forecasts": [figures for figures, _ in forecasts],
        }
    )
    return Exit.OK


def _forecasts(
    library: Library, names: Sequence[str] | None, narrow: Narrow | None
) -> Iterator[tuple[dict[str, Any], str]]:
    """What sources say themselves: figures, and a sentence."""
    for name, connector in library.connectors().items():
        asked = names is None or name in names
        if asked and _has_forecast(connector) and not (narrow is not None and narrow(name, connector) is None):
            found = connector.estimate()  # type: ignore[attr-defined]
            yield {"source": name, **asdict(found)}, f"{name}: {found.sentence}"


def _has_forecast(connector: Connector) -> bool:
    """A source for which even listing costs makes a forecast of its own."""
    return callable(getattr(connector, "estimate", None))


def _listed(library: Library, names: Sequence[str] | None, narrow: Narrow | None) -> Iterator[tuple[Connector, Asset]]:
    for name, whole in library.connectors().items():
        connector = narrow(name, whole) if narrow else whole
        if connector is not None and (names is None or name in names) and not _has_forecast(whole):
            for page in connector.scan(None):
                yield from ((connector, asset) for asset in page.assets)


def _known(library: Library, asset: Asset) -> bool:
    known = library.store.assets.find(asset.id)
    return known is not None and known.asset.revision == asset.revision and bool(known.content or known.error)


def _seconds_each(new: Sequence[tuple[Connector, Asset]]) -> float:
    """Seconds of one core for one photo: the mean over a random sample, read and decoded as a scan does it."""
    from dedupe_core.decode import Unreadable, gray

    sample = random.Random(0).sample(list(new), min(_SAMPLE, len(new)))  # noqa: S311 - a sample, no secret
    began, done = time.perf_counter(), 0
    for connector, asset in sample:
        try:
            with connector.open(asset) if connector.features.reads else connector.preview(asset, 512) as stream:
                gray(stream.read(), 512)
        except (ConnectorError, Unreadable, OSError):
            pass  # an unreadable photo costs time too
        done += 1
        if time.perf_counter() - began > _SECONDS:
            break
    return (time.perf_counter() - began) / done if done else 0.0
