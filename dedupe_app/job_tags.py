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
    for identity, numbers in _keep_no_more(library, sources, redundant).items():
        wrong.setdefault(identity, set()).update(numbers)
    for identity, numbers in wrong.items():
        made = store.plans.get(identity)
        steps = (*made.steps, *made.gifts) if made else ()
        asked = {step.number for step in steps if step.relation in library.settings.levels}
        if made is not None and asked & numbers:
            yield undo(store, library.connectors(), made, asked & numbers, progress)


def _keep_no_more(library: Library, sources: Collection[str], redundant: Collection[int]) -> dict[str, set[int]]:
    """Gifts, by plan, of photos that stayed then and would go now."""
    store = library.store
    found: dict[str, set[int]] = {}
    for row in store.plans.all():
        plan = store.plans.get(row["id"])
        states = store.plans.states(row["id"]) if plan is not None and plan.gifts else {}
        for step in plan.gifts if plan is not None else ():
            photo = store.assets.find(step.asset.id) if step.asset.id.source in sources else None
            given = step.number in states and states[step.number].state == "done"
            if given and photo is not None and photo.row in redundant:
                found.setdefault(plan.id if plan else "", set()).add(step.number)
    return found


def _redundant(library: Library) -> set[int]:
    """Photos beside which a better copy stands now."""
    choices = [choice for choice in library.store.runs.choices() if choice.drop]
    present = library.store.assets.present(choice.keep for choice in choices)
    return {row for choice in choices if choice.keep in present for row in choice.drop}
