"""What was tagged and is no duplicate any more loses its tag, by the same undo that a person would ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from connectors.base import AssetId
from dedupe_app.library import Library
from dedupe_core.model import Progress
from dedupe_core.undo import UndoResult, undo


def leave(library: Library, sources: Collection[str], progress: Progress) -> Iterator[UndoResult]:
    """Take off the tags of photos of these sources that no group would put away any more, plan by plan. A photo that is
    gone itself keeps its tag, and so does one that was tagged for a relation that nobody looked for this time."""
    store = library.store
    redundant = _redundant(library)
    wrong: dict[str, set[int]] = {}
    for name in sorted(sources):
        for key, (plan, step) in store.plans.tagged(name).items():
            photo = store.assets.find(AssetId(name, key))
            if photo is not None and store.assets.present({photo.row} - redundant):
                wrong.setdefault(plan, set()).add(step)
    for identity, numbers in wrong.items():
        made = store.plans.get(identity)
        asked = {step.number for step in made.steps if step.relation in library.settings.levels} if made else set()
        if made is not None and asked & numbers:
            yield undo(store, library.connectors(), made, asked & numbers, progress)


def _redundant(library: Library) -> set[int]:
    """Photos beside which a better copy stands now."""
    choices = [choice for choice in library.store.runs.choices() if choice.drop]
    present = library.store.assets.present(choice.keep for choice in choices)
    return {row for choice in choices if choice.keep in present for row in choice.drop}
