"""Who stays. The rules of `keeping.rules` are asked in order; each sends home those that another candidate beats, until
one is left. So the choice depends on no order of the candidates, also where a rule only knows "about equal".

A damaged file is never chosen over a whole one, whatever the configured order says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dedupe_core import traits
from dedupe_core.guards import hold
from dedupe_core.model import Choice, Edge, Group, Photo
from dedupe_core.rules import SERIES_RULES, Rule, resolve
from dedupe_core.sentences import said
from dedupe_core.settings import Keeping
from dedupe_core.sight import Case, index

_ADVANTAGES = ("favorite", "field_of_view", "pixels", "compression_quality", "in_album", "metadata", "largest")


def choose(group: Group, photos: Mapping[int, Photo], keeping: Keeping, protected: Sequence[str] = ()) -> Choice:
    """The keeper of a group, what may be dropped for it, and a sentence for every other member.

    `photos` are those of the members by row; `protected` the folder patterns from which nothing is dropped. `similar`
    and `series` have no drops. Raises `UnknownRule`."""
    rules = resolve(("undamaged", *(SERIES_RULES if group.relation == "series" else keeping.rules)))
    members = {row: photos[row] for row in group.members}
    case = Case(group.relation, members, keeping, tuple(protected), index(group.edges))
    keep, reason, left_by = _winner(case, rules)
    held = {row: hold(case, members[keep], photo) for row, photo in members.items() if row != keep}
    reasons = {row: words or _why(case, rules, keep, row, left_by[row]) for row, words in held.items()}
    drop = sorted(row for row, words in held.items() if words is None)
    return Choice(group, keep, tuple(drop), reason, reasons)


def held_back(choice: Choice, held: Mapping[int, str]) -> Choice:
    """The same group without the drops that `held` names, each with its reason."""
    drop = tuple(row for row in choice.drop if row not in held)
    reasons = {row: held[row] if row in choice.drop and row in held else words for row, words in choice.reasons.items()}
    return replace(choice, drop=drop, reasons=reasons)


def beside(choice: Choice, photos: Mapping[int, Photo]) -> Choice:
    """The same group with nothing dropped, each member's reason being the view in which it meets the keeper."""
    keeper = photos[choice.keep].signature_row
    met = {
        ({edge.a, edge.b} - {keeper}).pop(): edge.sentence for edge in choice.group.edges if keeper in (edge.a, edge.b)
    }
    others = (row for row in choice.group.members if row != choice.keep)
    words = {row: met.get(photos[row].signature_row or 0) for row in others}
    reasons = {row: said("hold.beside_as", what=told) if told else said("hold.beside") for row, told in words.items()}
    return replace(choice, drop=(), reasons=reasons)


def rank(photos: Mapping[int, Photo], edges: Iterable[Edge], keeping: Keeping, protected: Sequence[str]) -> list[int]:
    """All these rows, the likeliest keeper first; the same order whatever order they come in. Around the first ones
    groups are built, so that a group's middle is its keeper."""
    case = Case("near", photos, keeping, tuple(protected), index(edges))
    linked = case.linked(photos)
    standing: dict[int, tuple[object, ...]] = dict.fromkeys(photos, ())
    *rules, path = resolve(("undamaged", *keeping.rules))
    for rule in rules:
        beaten = _beaten_by_equals(case, rule, linked, standing)
        standing = {
            row: (*so_far, row not in beaten, _place(rule.worth(case, photos[row]))) for row, so_far in standing.items()
        }
    last = {row: (photo.width * photo.height, path.worth(case, photo)) for row, photo in photos.items()}
    return sorted(photos, key=lambda row: (standing[row], last[row]), reverse=True)


def _place(worth: object) -> tuple[int, object]:
    return (0, 0) if worth is None else (1, worth)


def _beaten_by_equals(
    case: Case, rule: Rule, linked: Iterable[tuple[int, int]], standing: Mapping[int, tuple[object, ...]]
) -> set[int]:
    """Rows that this rule beats by one that no earlier rule put behind them."""
    beaten: set[int] = set()
    for a, b in linked if rule.beats is not None else ():
        if standing[a] == standing[b]:
            for winner, loser in ((a, b), (b, a)):
                if rule.wins(case, case.photos[winner], case.photos[loser]):
                    beaten.add(loser)
    return beaten


def _winner(case: Case, rules: Sequence[Rule]) -> tuple[int, str, dict[int, Rule]]:
    """The one that is left, the sentence of the rule that left it alone, and the rule that sent each other one home."""
    left = set(case.photos)
    left_by: dict[int, Rule] = {}
    for rule in rules:
        gone = rule.beaten(case, left)
        left -= gone
        left_by |= dict.fromkeys(gone, rule)
        if len(left) == 1:
            keep = next(iter(left))
            return keep, _decided(case, rule, keep, gone), left_by
    raise ValueError("two photos of one source and path")


def _decided(case: Case, rule: Rule, keep: int, gone: Iterable[int]) -> str:
    """The rule's sentence against the first, in order of path, of those that it sent home last."""
    keeper = case.photos[keep]
    others = sorted(gone, key=lambda row: traits.first_path(case, case.photos[row]), reverse=True)
    beaten = next((row for row in others if rule.wins(case, keeper, case.photos[row])), others[0])
    return _separated(case, rule, keeper, case.photos[beaten])


def _why(case: Case, rules: Sequence[Rule], keep: int, row: int, left_by: Rule) -> str:
    """The first rule that puts the keeper before this photo, and what the photo has over the keeper, if anything."""
    keeper, photo = case.photos[keep], case.photos[row]
    rule = next((rule for rule in rules if rule.wins(case, keeper, photo)), left_by)
    return _advantage(case, keeper, photo, _separated(case, rule, keeper, photo))


def _separated(case: Case, rule: Rule, keeper: Photo, photo: Photo) -> str:
    if rule.wins(case, keeper, photo):
        return rule.sentence(case, keeper, photo)
    return said("reason.before", rule=rule.said)


def _advantage(case: Case, keeper: Photo, photo: Photo, why: str) -> str:
    """The reason, with the first thing that the photo has over the keeper, if there is one."""
    if case.relation == "exact":
        return why
    for rule in resolve(_ADVANTAGES):
        if rule.name != "path" and rule.wins(case, photo, keeper):
            if words := rule.words(case, photo, keeper):
                return said("reason.advantage_of", why=why, rule=rule.said, words=words)
            return said("reason.advantage", why=why, rule=rule.said)
    return why
