"""What the photo that stays gets for the sake of those that go: a label that says so, and what they had and it lacks.

Gifts belong to a plan, are given after its steps, are journaled like them and taken back with them. Nothing that the
photo has of its own is ever replaced.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import (
    FAVORITE,
    Asset,
    Changed,
    Connector,
    ConnectorError,
    Features,
    NotFound,
    Receipt,
    Refused,
    Unsupported,
)
from dedupe_core import journal
from dedupe_core.model import Plan, Step
from dedupe_core.outcome import Outcome, outcome
from dedupe_core.settle import proved, put_away
from dedupe_core.stopping import Stop
from dedupe_core.store import Store
from dedupe_core.store.codec import dumps

_GIVEN = ("done", "undo_failed")
_FIELDS = ("title", "description")


def gifts(steps: Sequence[Step], features: Mapping[str, Features], carry: bool, label: bool = True) -> tuple[Step, ...]:
    """A step for each photo that stays beside others of its own source: its label (unless `label` is false), and with
    `carry` also their albums, keywords, favourite, title, description and place, the first where they differ. Numbers
    go on after those of `steps`."""
    found: list[Step] = []
    for victims in _families(steps):
        able = features.get(victims[0].keeper.id.source)
        if able is None or not able.carry:
            continue
        given = _gift(victims[0].keeper, [step.asset for step in victims], carry)
        labels = [*_own_label(victims[0].keeper, able.stays if label else ""), *given.pop("labels", [])]
        given |= {"labels": labels} if labels else {}
        if given:
            found.append(_step(len(steps) + len(found) + 1, victims[0], dumps(given)))
    return tuple(found)


def _own_label(keeper: Asset, label: str) -> list[str]:
    """The label of those that stay, unless it has it already from another day."""
    role = label.rpartition("/")[2]
    return [] if not label or any(one.rpartition("/")[2] == role for one in keeper.ours) else [label]


def _families(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """The steps of each photo that stays, as far as they are of its own source and leave the photo where it is."""
    families: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        if step.verb == "tag" and step.asset.id.source == step.keeper.id.source:
            families.setdefault((step.keeper.id.source, step.keeper.id.key), []).append(step)
    yield from families.values()


def _gift(keeper: Asset, others: Sequence[Asset], carry: bool) -> dict[str, Any]:
    """What one of the others has and the keeper lacks. What we made ourselves is nobody's."""
    if not carry:
        return {}
    found: dict[str, Any] = {}
    labels = {label for other in others for label in other.labels - other.ours} - keeper.labels
    if labels:
        found["labels"] = sorted(labels)
    if FAVORITE not in keeper.flags and any(FAVORITE in other.flags for other in others):
        found["favorite"] = True
    for name in _FIELDS:
        text = "" if getattr(keeper, name) else next((str(getattr(o, name)) for o in others if getattr(o, name)), "")
        if text:
            found[name] = text
    place = None if keeper.place else next((other.place for other in others if other.place), None)
    return found | ({"place": list(place)} if place else {})


def _step(number: int, first: Step, target: str) -> Step:
    keeper, content = first.keeper, first.keeper_content
    return Step(number, keeper, content, "carry", target, keeper, content, "exact", first.group, "it stays")


def told(plan: Plan) -> Iterator[str]:
    """What will be given, a line each; the label that every photo that stays gets is not worth one."""
    for step in plan.gifts:
        given, name = json.loads(step.target), step.asset.name
        labels = [str(label) for label in given.get("labels", [])]
        words = [label for label in labels if label.startswith("#")]
        albums = [label for label in labels if not label.startswith("#")]
        parts = [f"the album {album}" for album in albums] + [f"the keyword {word[1:]}" for word in words]
        parts += ["the heart of a favourite"] * bool(given.get("favorite"))
        parts += [f"the {field} “{given[field]}”" for field in _FIELDS if given.get(field)]
        if given.get("place"):
            parts.append("the place {:.5f}, {:.5f}".format(*given["place"]))
        yield f"{name} gets {', '.join(parts)}"


def give(
    store: Store, connectors: Mapping[str, Connector], plan: Plan, stop: Stop, everyone: bool = False
) -> list[Outcome]:
    """Give what was not given yet to those for whose sake a photo of the plan went; to `everyone` also before."""
    states = {number: entry.state for number, entry in store.plans.states(plan.id).items()}
    served = {step.keeper.id for step in plan.steps if states.get(step.number) in _GIVEN}
    settled = (*_GIVEN, "undone", "intent", "undo_intent")
    due = (step for step in plan.gifts if everyone or step.asset.id in served)
    outcomes: list[Outcome] = []
    for batch in _batches([step for step in due if states.get(step.number) not in settled], connectors):
        if stop():
            break
        outcomes += _give(store, connectors.get(batch[0].asset.id.source), plan, batch)
    return outcomes


def _batches(steps: Sequence[Step], connectors: Mapping[str, Connector]) -> Iterator[list[Step]]:
    """One by one; those that get one label and nothing else, from a source that takes many at once, together."""
    batch: list[Step] = []
    for step in steps:
        connector = connectors.get(step.asset.id.source)
        most = connector.features.together if connector is not None and _one_label(step) else 1
        if batch and (len(batch) >= most or _kind(step) != _kind(batch[0])):
            yield batch
            batch = []
        batch.append(step)
    if batch:
        yield batch


def _kind(step: Step) -> tuple[str, str]:
    return step.asset.id.source, step.target


def _one_label(step: Step) -> str:
    """The label that is all a gift consists of; "" for any other gift."""
    given = json.loads(step.target)
    labels = given.get("labels", [])
    return str(labels[0]) if len(given) == 1 and len(labels) == 1 else ""


def _give(store: Store, connector: Connector | None, plan: Plan, steps: Sequence[Step]) -> Iterator[Outcome]:
    if connector is None:
        yield from (outcome(step, "failed", f"The source {step.asset.id.source} is not set up now.") for step in steps)
        return
    tokens = []
    for step in steps:
        tokens.append(f"{time.strftime('%Y%m%d')}-{plan.id[:8]}-{step.number:05d}-{secrets.token_hex(4)}")
        journal.record(store, plan.id, step, tokens[-1], "intent")
    for step, token, answer in zip(steps, tokens, _answers(connector, steps, tokens), strict=True):
        if isinstance(answer, Changed | NotFound | Refused | Unsupported):
            journal.record(store, plan.id, step, token, "failed", None, str(answer))
            yield outcome(step, "failed", str(answer))
        elif isinstance(answer, ConnectorError):
            yield outcome(step, "failed", f"{answer} The next start of KeepOne settles it.")
        else:
            put_away(store, plan.id, step, answer)
            yield outcome(step, "done")


def _answers(connector: Connector, steps: Sequence[Step], tokens: Sequence[str]) -> list[Receipt | ConnectorError]:
    if len(steps) > 1:
        given = connector.tag_all([proved(step) for step in steps], _one_label(steps[0]), tokens)
        return [replace(one, verb="carry") if isinstance(one, Receipt) else one for one in given]
    try:
        return [connector.carry(proved(steps[0]), json.loads(steps[0].target), tokens[0])]
    except ConnectorError as error:
        return [error]


def returned(plan: Plan, away: Collection[int], steps: Collection[int]) -> set[int]:
    """The gifts that go back when of the steps that are `away` these `steps` come back: those of photos for whose sake
    nothing is away any more."""
    left = {step.keeper.id for step in plan.steps if step.number in away and step.number not in steps}
    asked = {step.keeper.id for step in plan.steps if step.number in steps}
    return {step.number for step in plan.gifts if step.asset.id in asked and step.asset.id not in left}
