"""Bringing photos back, and settling what a crash left open: by looking at the source, never by guessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.base import Asset, Connector, ConnectorError, Receipt
from dedupe_core import journal
from dedupe_core.model import Entry, JournalState, Step
from dedupe_core.places import show
from dedupe_core.proof import Unsafe, prove_after, prove_content
from dedupe_core.stopping import never
from dedupe_core.store import Store


def settle_open(store: Store, connectors: Mapping[str, Connector]) -> tuple[str, ...]:
    """Every write that was announced and not reported is looked at and finished or taken back; a sentence for each.
    What cannot be settled now (its source is not set up, or not reachable) stays open, and nobody touches it."""
    journal.catch_up(store)
    return tuple(_settle(store, connectors, entry) for entry in store.plans.open_intents())


def _settle(store: Store, connectors: Mapping[str, Connector], entry: Entry) -> str:
    plan = store.plans.get(entry.plan)
    step = plan.step(entry.step) if plan else None
    connector = connectors.get(entry.source)
    if step is None or connector is None:
        return f"{entry.key}: a write on it is not settled; its source {entry.source} is not set up now."
    try:
        if entry.state == "undo_intent":
            return _finish_undo(store, connector, entry, step)
        return _finish_step(store, connectors, connector, entry, step)
    except ConnectorError as error:
        return f"{entry.key}: a write on it is not settled yet: {error}"


def _finish_step(
    store: Store, connectors: Mapping[str, Connector], connector: Connector, entry: Entry, step: Step
) -> str:
    asset = proved(step)
    receipt = connector.settle(step.verb, asset, step.target, entry.token)
    if receipt is None:
        note = "It was interrupted and did not happen."
        journal.record(store, entry.plan, step, entry.token, "failed", None, note)
        return f"{entry.key}: an interrupted write was found; the photo is at its place."
    try:
        prove_after(connectors, step, never)
    except (ConnectorError, Unsafe) as error:
        bring_back(store, connector, step, receipt, entry.plan, "refused", str(error))
        return f"{entry.key}: an interrupted write was found and taken back: {error}"
    put_away(store, entry.plan, step, receipt)
    return f"{entry.key}: an interrupted write was found complete; it is in the journal now."


def _finish_undo(store: Store, connector: Connector, entry: Entry, step: Step) -> str:
    receipt = receipt_for(store.plans.journal(entry.plan), entry)
    asset = bring_back(store, connector, step, receipt, entry.plan, "undone")
    return f"{entry.key}: an interrupted undo was finished; the photo is at {show(asset)}."


def proved(step: Step) -> Asset:
    """The step's asset with the digest that was proved for it, by which a connector knows the very bytes."""
    algorithm, _, digest = step.content.partition(":")
    return replace(step.asset, digests={algorithm: digest, **step.asset.digests})


def put_away(store: Store, plan: str, step: Step, receipt: Receipt, note: str = "") -> None:
    """The step is done: the receipt is in the journal, and a photo that went takes part in nothing any more."""
    gone = store.assets.find(step.asset.id) if step.verb in ("delete", "move") else None
    rows = [gone.row] if gone else []
    journal.record(store, plan, step, receipt.token, "done", receipt, note, also=lambda: store.assets.mark_gone(rows))


def bring_back(
    store: Store,
    connector: Connector,
    step: Step,
    receipt: Receipt,
    plan: str,
    state: JournalState,
    reason: str = "",
) -> Asset:
    """Restore, and know the photo again without decoding it again; `state` is what the journal then says. Raises what
    the connector raises."""
    asset = connector.restore(receipt)
    note = reason
    if show(asset) != show(step.asset):
        note = f"{reason} Its place was taken; it is at {show(asset)}.".strip()
    try:
        prove_content(connector, asset, step.content, never, step.asset)
        content = step.content
    except ConnectorError:
        content = ""  # it is back, and the next scan reads what it holds
    journal.record(
        store, plan, step, receipt.token, state, receipt, note, also=lambda: _know(store, connector, asset, content)
    )
    return asset


def receipt_for(lines: Sequence[Entry], entry: Entry) -> Receipt:
    """The receipt of the write that `entry` undoes. Raises `ConnectorError` when the journal has none."""
    for known in reversed(lines):
        if known.token == entry.token and known.receipt is not None:
            return journal.receipt_of(known)
    raise ConnectorError(f"The journal has no receipt for {entry.key}.")


def _know(store: Store, connector: Connector, asset: Asset, content: str) -> None:
    source = store.assets.source(connector.name, connector.kind)
    store.assets.upsert(source, [asset], generation=0)  # no listing has seen it yet
    known = store.assets.find(asset.id)
    if known is not None and content:
        store.assets.set_content(known.row, content)
