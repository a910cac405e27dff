"""Finds the code and the values of a sentence of ours that came as plain text: the one place where that is done.

Nothing here searches back and forth as a pattern would: the literal pieces of a template are looked for one after the
other, so that a name of any length, full of whatever, costs little. What can be read in two ways, and what is none of
ours, stays the plain text that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from string import Formatter

from dedupe_app.web.catalogue import TEMPLATES, WITHIN
from dedupe_core.sentences import SENTENCES, Said, Value, said

LONGEST = 4000
"""Characters beyond which a text is not looked at."""
_MOST_WAYS = 24
"""Ways to cut a text into a template's values that are tried before it counts as unclear."""
_DEEPEST = 2
_MOST_NOTES = 16
_FIGURES = {",": re.compile(r"\d{1,3}(,\d{3}){0,4}", re.ASCII), "d": re.compile(r"\d{1,15}", re.ASCII)}
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?(e[+-]?\d{1,2})?", re.ASCII)
_TEXTS = ("", "said", "list")
_SENTENCES_IN = frozenset({"what", "more", "why", "detail", "reason", "error", "note"})
"""Values of a sentence with a code that may be sentences which came as plain text."""


@dataclass(frozen=True, slots=True)
class Template:
    """`literals` stand around the values: one more than there are `names`; `kinds` are their format specifications."""

    code: str
    literals: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]

    @property
    def weight(self) -> int:
        """Characters that are not values: the more, the surer."""
        return sum(map(len, self.literals))

    def may_be(self, text: str) -> bool:
        """Does it begin and end as this one does? Cheap, and no for nearly all."""
        first, last = self.literals[0], self.literals[-1]
        return text.startswith(first) and text.endswith(last) and len(text) >= self.weight + len(self.names)


def recognised(text: str) -> str:
    """The sentence with its code where it is one of ours, else the text as it came. A sentence that has its code
    already gets those of the sentences in it."""
    if not text:
        return text
    if not isinstance(text, Said) or not text.code:
        return _find(str(text), 0) or text
    found: dict[str, Value] = {}
    values = text.values
    for name, value in values.items():
        told = _inside(name, value)
        if told is not value:
            found[name] = told
    return Said(str(text), text.code, {**values, **found}) if found else text


def recognised_notes(text: str, places: Sequence[str] = ()) -> str:
    """The same of several sentences with "; " between, each perhaps after one of `places` and ": "."""
    found = _notes(text, places)
    if not found:
        return recognised(text)
    told = found[-1]
    for one in reversed(found[:-1]):
        told = said("edge.also", what=one, more=told)
    return told


def _notes(text: str, places: Sequence[str]) -> list[str]:
    """The sentences of a note; none where it is not made of sentences of ours in exactly one way."""
    ends = [found.start() for found in re.finditer("; ", text)]
    if len(ends) >= _MOST_NOTES:
        return []
    ways: dict[int, list[list[str]]] = {0: [[]]}
    for end in (*ends, len(text)):
        for start, before in list(ways.items()):
            one = _after_place(text[start:end], places)
            if one:
                ways.setdefault(end + 2, []).extend([*some, one] for some in before[:2])
    found = ways.get(len(text) + 2, [])
    return found[0] if len(found) == 1 else []


def _after_place(text: str, places: Sequence[str]) -> str | None:
    for place in places:
        rest = _find(text.removeprefix(f"{place}: "), 0) if text.startswith(f"{place}: ") else None
        if rest is not None:
            return said("step.at", place=place, what=rest)
    return _find(text, 0)


def _inside(name: str, value: Value) -> Value:
    if isinstance(value, Said):
        return recognised(value)
    if isinstance(value, str) and name in _SENTENCES_IN:
        return _find(value, 0) or _find(f"{value}.", 0) or value  # some are told without their full stop
    return value


@lru_cache(maxsize=4096)
def _find(text: str, depth: int) -> Said | None:
    """The template that fits; of several the one that is a special case of all others, None without such a one."""
    if not text or len(text) > LONGEST:
        return None
    plain = _PLAIN.get(text) or (_PLAIN_WITHIN.get(text.casefold()) if depth else None)
    if plain is not None:
        return Said(text, plain)
    found: dict[str, Said | None] = {}
    for template in _WITHIN if depth else _TEMPLATES:
        if template.may_be(text):
            values = _read(template, text, depth)
            if values is not None:
                found[template.code] = Said(text, template.code, values) if values else None
    best = next(iter(found), "")  # the heaviest come first
    clear = len(found) == 1 or all(code in _wider(best) for code in found if code != best)
    return found[best] if found and clear else None


@lru_cache(maxsize=1024)
def _wider(code: str) -> frozenset[str]:
    """Templates that fit a plain example of this one as well: it is a special case of them, and goes before them."""
    mine = next(one for one in _WITHIN if one.code == code)
    found: set[str] = set()
    for sentence in ("x", "x."):
        values = ["x" if kind in ("", "list") else sentence if kind in ("said", "one") else "7" for kind in mine.kinds]
        example = "".join(chain.from_iterable(zip(mine.literals, [*values, ""], strict=True)))
        found |= {one.code for one in _WITHIN if one is not mine and one.may_be(example) and _ways(one, example)}
    return frozenset(found)


def _ways(template: Template, text: str) -> list[list[str]]:
    """The ways to cut a text that may be this sentence into values, one more than are tried at the most."""
    end = len(text) - len(template.literals[-1])
    return list(islice(_cuts(text, len(template.literals[0]), end, template.literals[1:-1]), _MOST_WAYS + 1))


def _read(template: Template, text: str, depth: int) -> dict[str, Value] | None:
    """The values in the text; None where it is another sentence, {} where it can be cut in two ways."""
    ways = _ways(template, text)
    if len(ways) > _MOST_WAYS:
        return {}
    kinds = template.kinds
    fitting = [cut for cut in ways if all(_fits(*one, depth) for one in zip(kinds, cut, strict=True))]
    if len(fitting) != 1:
        return {} if fitting else None
    told = zip(template.names, kinds, fitting[0], strict=True)
    return {name: _value(kind, one, depth) for name, kind, one in told}


def _cuts(text: str, start: int, end: int, literals: Sequence[str]) -> Iterator[list[str]]:
    """Every way to cut what is between two places at these literals, with nothing left empty."""
    latest, at = [0] * len(literals), end
    for number in range(len(literals) - 1, -1, -1):
        at = text.rfind(literals[number], start + 1, at - 1)
        if at < 0:
            return
        latest[number] = at
    yield from _cuts_before(text, start, end, literals, latest)


def _cuts_before(
    text: str, start: int, end: int, literals: Sequence[str], latest: Sequence[int]
) -> Iterator[list[str]]:
    """The same; from `latest` on, a literal leaves no place for those after it, so that every try gives a way."""
    if not literals:
        yield [text[start:end]]
        return
    at = text.find(literals[0], start + 1)
    while 0 <= at <= latest[0]:
        for rest in _cuts_before(text, at + len(literals[0]), end, literals[1:], latest[1:]):
            yield [text[start:at], *rest]
        at = text.find(literals[0], at + 1)


def _one(text: str, depth: int) -> Said | None:
    return _find(text, depth + 1) if depth < _DEEPEST else None


def _fits(kind: str, text: str, depth: int) -> bool:
    """Whether a text can be a value of this format specification."""
    if kind == "one":
        return _one(text, depth) is not None
    return kind in _TEXTS or _figure(kind, text) is not None


def _value(kind: str, text: str, depth: int) -> Value:
    """The value of a text that fits."""
    if kind == "list":
        return tuple(_one(word, depth) or word for word in text.split(", "))
    if kind in ("said", "one"):
        return _one(text, depth) or text
    figure = None if kind in _TEXTS else _figure(kind, text)
    return text if figure is None else figure


def _figure(kind: str, text: str) -> int | float | None:
    if not _FIGURES.get(kind, _NUMBER).fullmatch(text):
        return None
    number = float(text.replace(",", ""))
    return int(number) if number.is_integer() else number


def template_of(code: str, english: str) -> Template:
    """The pieces of a template."""
    literals, names, kinds = [""], [], []
    for literal, name, kind, _ in Formatter().parse(english):
        literals[-1] += literal
        if name is not None:
            literals.append("")
            names.append(name)
            kinds.append(kind or "")
    return Template(code, tuple(literals), tuple(names), tuple(kinds))


def _ordered(templates: Mapping[str, str]) -> tuple[Template, ...]:
    found = (template_of(code, english) for code, english in templates.items() if "{" in english)
    return tuple(sorted(found, key=lambda template: -template.weight))


_TEMPLATES = _ordered(TEMPLATES)
_WITHIN = _ordered({**TEMPLATES, **WITHIN})
_OWN = {english: code for code, english in SENTENCES.items() if isinstance(english, str) and " " in english}
_PLAIN = {english: code for english, code in _OWN.items() if "{" not in english} | {
    english: code for code, english in TEMPLATES.items() if "{" not in english
}
_PLAIN_WITHIN = {english.casefold(): code for code, english in WITHIN.items() if "{" not in english}
