"""The first stage: what a source lists goes into the store. Absence is believed only when a listing positively says it.

A page is one short transaction; the cursor is committed with the last page only, so a scan that was killed lists the
rest again and nothing is lost. A source that lost a tenth of its photos is not believed: the scan of it halts.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.base import Connector, ConnectorError, Page, SignInRequired, Unread
from dedupe_core.model import Progress
from dedupe_core.settings import Scanning
from dedupe_core.store import Store


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """What one listing brought. `halted` is the sentence that tells why a source was not believed, "" when it was;
    `retry_after` the seconds for which it wants to be left alone, if it said so."""

    source: str
    walked: int = 0
    changed: int = 0
    gone: int = 0
    unread: tuple[Unread, ...] = ()
    halted: str = ""
    retry_after: float | None = None


def scan(
    store: Store, connector: Connector, settings: Scanning, progress: Progress, accept_loss: bool = False
) -> ScanCounts:
    """List one source into the store. Errors of the source become its state and the `halted` sentence, so that one
    dead mount or expired login never ends the run of the others."""
    source = store.assets.source(connector.name, connector.kind)
    try:
        return _listing(store, connector, source, settings, progress, accept_loss)
    except SignInRequired as error:
        return _halt(store, source, ScanCounts(connector.name, halted=str(error)), "needs login")
    except ConnectorError as error:
        wait = getattr(error, "retry_after", None)
        return _halt(store, source, ScanCounts(connector.name, halted=str(error), retry_after=wait), "unavailable")


def _listing(
    store: Store, connector: Connector, source: int, settings: Scanning, progress: Progress, accept_loss: bool
) -> ScanCounts:
    assets = store.assets
    known, generation = assets.known(source), assets.generation(source)
    walked = changed = 0
    gone: set[int] = set()
    unread: list[Unread] = []
    page = Page()
    away = store.plans.moved(connector.name)
    for page in connector.scan(assets.cursor(source)):
        listed = [asset for asset in page.assets if asset.id.key not in away]
        with store.transaction():
            assets.upsert(source, listed, generation)
        walked += page.walked or len(page.assets)
        changed += len(listed)
        gone.update(assets.rows_of(source, page.gone))
        unread += page.unread
        _tell(progress, page)
    if page.restart:
        gone.update(assets.missing(source, generation, unread))
    lost = assets.lost(source, gone)
    counts = ScanCounts(connector.name, walked, changed, len(gone), tuple(unread))
    if not accept_loss and lost > settings.max_lost_min and lost > settings.max_lost * known:
        return _halt(store, source, _too_much_lost(counts, lost, known), "halted")
    with store.transaction():
        assets.mark_gone(sorted(gone))
        assets.finish_scan(source, page.cursor)
    return counts


def _tell(progress: Progress, page: Page) -> None:
    progress.advance(page.walked or len(page.assets), current=page.assets[-1].id.key if page.assets else "")
    for item in page.unread:
        progress.error(item.folder, item.reason)


def _too_much_lost(counts: ScanCounts, lost: int, known: int) -> ScanCounts:
    sentence = (
        f"{counts.source} lists {lost:,} of {known:,} photos no more. Nothing was forgotten. If they really are gone, "
        f"run: keepone scan --accept-loss {counts.source}"
    )
    return ScanCounts(counts.source, counts.walked, counts.changed, 0, counts.unread, sentence)


def _halt(store: Store, source: int, counts: ScanCounts, state: str) -> ScanCounts:
    store.assets.note(source, state, counts.halted)
    return counts
