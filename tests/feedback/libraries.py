"""Libraries with photos that a store knows, for the tests of feedback; nothing is read from a disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dedupe_core.model import Edge, Photo
from dedupe_core.store import Store
from dedupe_core.store.labels import Label, Side, Verdict
from dedupe_core.verify import RECIPE
from tests.core.albums import edge, fill, photo

__all__ = ["by_letter", "edge", "label", "library", "photo"]


def library(photos: Iterable[Photo], edges: Sequence[Edge] = ()) -> Store:
    """A store of these photos with the evidence of these edges."""
    store = Store(None)
    listed = list(photos)
    fill(store, listed)
    content = {one.signature_row: one.content for one in listed}
    measured = [(content[one.a], content[one.b], one.evidence) for one in edges]
    with store.transaction():
        store.evidence.put(measured, RECIPE)
    return store


def by_letter(store: Store) -> dict[str, Photo]:
    """The photos by the letter of their content; of several places the first."""
    found: dict[str, Photo] = {}
    for one in store.assets.all():
        found.setdefault(one.content.removeprefix("sha256:"), one)
    return found


def label(a: str, b: str, verdict: Verdict = "not_similar", at: float = 1.0, number: int = 0, **more: object) -> Label:
    """An answer about two contents that are named by letters."""
    first, second = sorted((a, b))
    return Label(Side(f"sha256:{first}"), Side(f"sha256:{second}"), verdict, at, id=number, **more)  # type: ignore[arg-type]
