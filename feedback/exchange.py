"""Answers as JSON lines, to be carried to another machine or library: one label a line, nothing that could be executed.

An import is all or nothing. Every line is looked at, every fault is named with its line, and only a file without any
fault is written, in one transaction. Answers that are there already are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dedupe_core.store import Store
from dedupe_core.store.codec import dumps
from dedupe_core.store.labels import Label, Side, Verdict
from feedback.features import NAMES
from feedback.labels import contradictions
from feedback.memory import Contradiction

FORMAT = 1
LONGEST_LINE = 20_000
_MOST_FAULTS = 20
_Text = Annotated[str, Field(max_length=2000)]


class ImportRefused(Exception):
    """A file of answers that cannot be taken; the message names its faults by line, and nothing was written."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Side(_Strict):
    content: str = Field(pattern=r"^[a-z0-9_]{2,16}:[\x21-\x7e]{1,200}$")
    pixels: str = Field("", pattern=r"^(\d{1,7}x\d{1,7}:[0-9a-f]{64})?$")
    look: str = Field("", pattern=r"^([0-9a-f]{64}:\d{1,7}x\d{1,7}(:[0-9.e+-]{1,20}){5})?$")


class _Line(_Strict):
    keepone: Literal["label"]
    version: Literal[1]
    a: _Side
    b: _Side
    verdict: Verdict
    created_at: float = Field(ge=0, lt=1e11)
    weight: float = Field(1.0, gt=0, le=1)
    origin: _Text = "pair"
    who: _Text = ""
    why: _Text = ""
    relation: _Text = ""
    answer: _Text = ""
    features: dict[str, float] | None = None

    @field_validator("features")
    @classmethod
    def _known_and_finite(cls, told: dict[str, float] | None) -> dict[str, float] | None:
        for name, value in (told or {}).items():
            if name not in NAMES or not math.isfinite(value):
                raise ValueError(f"{name!r} is no number that the learner knows")
        return told


@dataclass(frozen=True, slots=True)
class Imported:
    """`added` labels are new, `known` were there already; `contradictions` that there are now."""

    added: int
    known: int
    contradictions: tuple[Contradiction, ...] = ()


def export(store: Store) -> Iterator[str]:
    """The answers that hold, a line each, oldest first. ASCII."""
    for one in store.labels.active():
        told: dict[str, Any] = {"keepone": "label", "version": FORMAT, "verdict": one.verdict}
        told |= {"a": _side(one.a), "b": _side(one.b), "created_at": one.created_at, "weight": one.weight}
        told |= {name: value for name in _OPTIONAL if (value := getattr(one, name))}
        yield dumps(told) + "\n"


_OPTIONAL = ("origin", "who", "why", "relation", "answer", "features")


def import_lines(store: Store, lines: Iterable[str | bytes]) -> Imported:
    """Take over the answers of an export. Raises `ImportRefused` when a single line is not one, and takes nothing."""
    labels, faults = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                labels.append(_label(line))
            except (ValueError, RecursionError) as error:
                faults.append(f"line {number}: {_reason(error)}")
    if faults:
        more = f"\n… and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise ImportRefused("Nothing was imported.\n" + "\n".join(faults[:_MOST_FAULTS]) + more)
    return _added(store, labels)


def _added(store: Store, labels: Iterable[Label]) -> Imported:
    there = {_key(one) for one in store.labels.active()}
    listed = {_key(one): one for one in labels}
    fresh = [one for key, one in listed.items() if key not in there]
    with store.transaction():
        store.labels.add(fresh)
    return Imported(len(fresh), len(listed) - len(fresh), tuple(contradictions(store)))


def _label(line: str | bytes) -> Label:
    if len(line) > LONGEST_LINE:
        raise ValueError("it is too long for an answer")
    text = line.decode("utf-8") if isinstance(line, bytes) else line
    told = _Line.model_validate(json.loads(text, parse_constant=_refused))
    if not told.a.content < told.b.content:
        raise ValueError("its two photos are not in order, or the same")
    sides = {name: Side(**getattr(told, name).model_dump()) for name in ("a", "b")}
    return Label(**(told.model_dump(exclude={"keepone", "version", "a", "b"}) | sides))


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg'][0].lower()}{first['msg'][1:]}"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON ({error.msg} at character {error.pos + 1})"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return str(error) if isinstance(error, ValueError) else "it is nested too deeply"


def _key(one: Label) -> tuple[str, str, str, str, float]:
    return one.a.content, one.b.content, one.verdict, one.who, one.created_at


def _side(side: Side) -> dict[str, str]:
    told = {"content": side.content, "pixels": side.pixels, "look": side.look}
    return {name: value for name, value in told.items() if value}
