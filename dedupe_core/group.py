"""Who belongs together. Four levels stand on each other, and only the keeper of one takes part in the next:

    equal bytes -> equal pixels -> near copies -> similar pictures and series

So a photo with thirty copies and one date-stamped version shows as thirty copies, and as one pair to look at. What a
level drops is in no later group. Whatever the method of clustering, `keep` lets only those go that an accepted edge
joins to the keeper directly.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

from dedupe_core.accord import Vote, admitted, vote
from dedupe_core.cluster import Admission, Links, Question, cluster
from dedupe_core.keep import beside, choose, held_back, rank
from dedupe_core.material import Material, gather, says_nothing, taking_part, weighed
from dedupe_core.model import RELATIONS, Choice, Edge, Evidence, Group, Judge, Photo, Relation
from dedupe_core.places import show
from dedupe_core.sentences import said
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from dedupe_core.store.codec import encode_name
from dedupe_core.words import readable

Rows = tuple[int, int]
_ID = 10
_LEAST_SCORE = 1e-6
_KEPT_APART = said("hold.apart")


def decide(store: Store, edges: Sequence[Edge], settings: Settings, judge: Judge) -> list[Choice]:
    """The groups of everything that the store and these edges know, each with its keeper."""
    return group(gather(store, edges, settings.near.copy_distance), settings, judge)


def group(material: Material, settings: Settings, judge: Judge) -> list[Choice]:
    """The groups of `settings.levels` with their keepers, in the order of relation and id. The order of rows, edges
    and names changes nothing. Raises `UnknownRule`."""
    levels = Levels(material, settings, judge)
    choices = [
        *levels.equal_bytes(),
        *levels.equal_pixels(material.pixels),
        *levels.near(),
        *levels.edits(),
        *levels.beyond("similar"),
        *levels.beyond("series"),
    ]
    shown = _told_apart([choice for choice in choices if choice.group.relation in settings.levels], levels.photos)
    return sorted(shown, key=lambda choice: (RELATIONS.index(choice.group.relation), choice.group.id))


class Levels:
    """The way up. `stands[content]` is the row that speaks for a content, `behind[row]` the contents it speaks for."""

    def __init__(self, material: Material, settings: Settings, judge: Judge) -> None:
        self.settings = settings
        self.judge = judge
        self.measured = material.measured
        self.put_away = material.put_away
        self.photos = taking_part(material, settings.planning.protected)
        by_place = sorted(self.photos.values(), key=_stable, reverse=True)
        self.shown_by = {photo.signature_row: photo for photo in by_place if photo.signature_row is not None}
        self.edges = weighed(material.edges, self.shown_by, judge)
        self.stands: dict[str, int] = {}
        self.behind: dict[int, tuple[str, ...]] = {}
        self.followed: dict[int, str] = {}
        self.cut: list[Edge] = []

    def equal_bytes(self) -> list[Choice]:
        """`exact`: every place of one content."""
        places: dict[str, list[int]] = {}
        for row, photo in self.photos.items():
            places.setdefault(photo.content, []).append(row)
        self.stands = {content: rows[0] for content, rows in places.items()}
        self.behind = {row: (content,) for content, row in self.stands.items()}
        return [self._settled("exact", rows) for rows in places.values() if len(rows) > 1]

    def equal_pixels(self, classes: Iterable[Sequence[int]]) -> list[Choice]:
        """`pixels`: contents that decode to one picture."""
        choices = []
        for signatures in classes:
            found = {self._row(signature) for signature in signatures if signature in self.shown_by}
            choices += self._same_picture(sorted(found, key=lambda row: _stable(self.photos[row])))
        return choices

    def _same_picture(self, rows: Sequence[int]) -> list[Choice]:
        apart = self._apart(rows)
        if apart is None:
            return [self._settled("pixels", rows)] if len(rows) > 1 else []
        pairs = dict.fromkeys(combinations(range(len(rows)), 2), 1.0)
        some_apart = any(apart(i, j) for i, j in pairs)
        parts = cluster(Links(len(rows), pairs, apart))
        choices = [self._settled("pixels", [rows[item] for item in part]) for part in parts]
        return [held_back(one, dict.fromkeys(one.drop, _KEPT_APART)) for one in choices] if some_apart else choices

    def near(self) -> list[Choice]:
        """`near`: verified copies. What they are linked to beyond their group is left over for `similar`."""
        linked = self._lifted(edge for edge in self.edges if edge.relation == "near" and not edge.seen)
        other_shots = self._lifted(edge for edge in self.edges if edge.relation == "series")
        order = self._ranked(linked)
        links = self._links("near", order, linked, self._apart(order, set(other_shots)), self._votes(order, linked))
        choices = [held_back(choice, self.followed) for choice in self._clustered("near", order, links, linked)]
        for choice in choices:
            self._speaks(choice)
        self.cut = [replace(edge, relation="similar") for edge in linked.values()]
        return choices

    def edits(self) -> list[Choice]:
        """Also `near`: an edited photo beside copies of its other view. All of them stay."""
        linked = self._lifted(edge for edge in self.edges if edge.relation == "near" and edge.seen)
        order = self._ranked(linked)
        links = self._links("near", order, linked, self._apart(order))
        choices = [beside(choice, self.photos) for choice in self._clustered("near", order, links, linked)]
        for choice in choices:
            self._speaks(choice)
        self.cut += [replace(edge, relation="similar") for edge in linked.values()]
        return choices

    def beyond(self, relation: Relation) -> list[Choice]:
        """`similar` and `series`: one photo of each group of copies stands for all of them."""
        edges = [edge for edge in self.edges if edge.relation == relation]
        copies = self._lifted(self.cut) if relation == "similar" else {}
        linked = self._lifted([*edges, *self.cut]) if relation == "similar" else self._lifted(edges)
        order = self._ranked(linked)
        links = self._links(relation, order, linked, self._apart(order), self._of_one(order, linked, copies))
        return self._clustered(relation, order, links, linked)

    def standing(self, relation: Relation) -> list[Edge]:
        """The edges of a relation between those that stand now."""
        return list(self._lifted(edge for edge in self.edges if edge.relation == relation).values())

    def _ranked(self, linked: Mapping[Rows, Edge]) -> list[int]:
        nodes = {row: self.photos[row] for pair in linked for row in pair}
        return rank(nodes, linked.values(), self.settings.keeping, self.settings.planning.protected)

    def _links(
        self,
        relation: Relation,
        order: Sequence[int],
        linked: Mapping[Rows, Edge],
        apart: Question | None,
        admits: Admission | None = None,
    ) -> Links:
        number = {row: item for item, row in enumerate(order)}
        scores = {
            (min(number[a], number[b]), max(number[a], number[b])): max(edge.score, _LEAST_SCORE)
            for (a, b), edge in linked.items()
        }

        def elect(items: Sequence[int]) -> int:
            rows = sorted(order[item] for item in items)
            inner = [linked[pair] for pair in combinations(rows, 2) if pair in linked]
            return number[self._choice(relation, rows, inner).keep]

        return Links(len(order), scores, apart, admits, elect)

    def _clustered(
        self, relation: Relation, order: Sequence[int], links: Links, linked: Mapping[Rows, Edge]
    ) -> list[Choice]:
        how = self.settings.grouping
        parts = cluster(links, how.method, how.average, how.eps, how.min_samples)
        part_of = {order[item]: place for place, part in enumerate(parts) for item in part}
        inner: list[list[Edge]] = [[] for _ in parts]
        for (a, b), edge in linked.items():
            if a in part_of and part_of[a] == part_of.get(b):
                inner[part_of[a]].append(edge)
        return [self._choice(relation, [order[item] for item in part], inner[i]) for i, part in enumerate(parts)]

    def _settled(self, relation: Relation, rows: Iterable[int]) -> Choice:
        choice = self._choice(relation, rows, ())
        self._speaks(choice)
        return choice

    def _speaks(self, choice: Choice) -> None:
        """The keeper speaks for all of its copies from now on; also for those that were held, so that it cannot go and
        leave them behind."""
        spoken_for = [content for row in choice.group.members for content in self.behind.pop(row, ())]
        self.behind[choice.keep] = tuple(dict.fromkeys(spoken_for))
        self.stands.update(dict.fromkeys(spoken_for, choice.keep))
        if choice.review:
            first = min((self.photos[row] for row in choice.review), key=_stable)
            self.followed[choice.keep] = said("hold.speaks", path=readable(show(first.asset)))

    def _choice(self, relation: Relation, rows: Iterable[int], edges: Iterable[Edge]) -> Choice:
        members = sorted((self.photos[row] for row in rows), key=_stable)
        ordered = sorted(edges, key=lambda edge: sorted(self.shown_by[row].content for row in (edge.a, edge.b)))
        found = Group(_identity(relation, members), relation, tuple(photo.row for photo in members), tuple(ordered))
        return choose(found, self.photos, self.settings.keeping, self.settings.planning.protected)

    def _lifted(self, edges: Iterable[Edge]) -> dict[Rows, Edge]:
        """The best edge between each two that stand now. What was measured on a pixel-identical content holds for the
        one that stands for it; what was measured on a copy is only told, not counted as seen."""
        found: dict[Rows, tuple[tuple[bool, float, list[str]], Edge]] = {}
        for edge in edges:
            a, b = self._row(edge.a), self._row(edge.b)
            if a == b:
                continue
            seen = (self.shown_by[edge.a], self.shown_by[edge.b])
            direct = _one_picture(seen[0], self.photos[a]) and _one_picture(seen[1], self.photos[b])
            worth = (direct, edge.score, sorted(photo.content for photo in seen))
            key = (min(a, b), max(a, b))
            if key not in found or worth > found[key][0]:
                found[key] = (worth, self._moved(edge, seen, direct))
        return {key: edge for key, (_, edge) in found.items()}

    def _moved(self, edge: Edge, seen: tuple[Photo, Photo], direct: bool) -> Edge:
        a, b = (self.photos[self.stands[photo.content]] for photo in seen)
        moved = replace(edge, a=a.signature_row or edge.a, b=b.signature_row or edge.b)
        if direct:
            return moved
        copies = [one.asset.name for one, here in zip(seen, (a, b), strict=True) if one.content != here.content]
        sentence = said("edge.copy", what=edge.sentence, names=tuple(readable(name) for name in copies))
        return replace(moved, evidence=Evidence(edge.evidence.distance), sentence=sentence)

    def _row(self, signature: int) -> int:
        return self.stands[self.shown_by[signature].content]

    def _ever(self, row: int) -> list[str]:
        """The contents that a row speaks for, with those that were put away for their sake."""
        found = list(self.behind[row])
        for content in found:
            found += [other for other in self.put_away.get(content, ()) if other not in found]
        return found

    def _apart(self, rows: Sequence[int], never: frozenset[Rows] | set[Rows] = frozenset()) -> Question | None:
        """May never share a group: a person keeps some content of the one from some content of the other, or they
        are two shots. None when there is nothing to ask."""
        if says_nothing(self.judge) and not never:
            return None

        def question(i: int, j: int) -> bool:
            a, b = rows[i], rows[j]
            if (min(a, b), max(a, b)) in never:
                return True
            return any(self.judge.apart(x, y) for x in self._ever(a) for y in self._ever(b))

        return question

    def _votes(self, rows: Sequence[int], linked: Mapping[Rows, Edge]) -> Admission:
        """A copy of the leader joins the group when the others admit it. What was put away for the sake of a member
        votes as well, so that a second run finds what the first one found."""

        def admits(item: int, group: Sequence[int]) -> bool:
            leader, *others = (rows[member] for member in group)
            cast = [each for other in others for each in ballots(rows[item], other)]
            return admitted([*cast, *absent(rows[item], leader)])

        def ballots(a: int, b: int) -> Iterator[Vote]:
            if (min(a, b), max(a, b)) in linked:
                yield "agree"
            elif (found := self.measured(self.photos[a].content, self.photos[b].content)) is not None:
                yield vote(found, self.settings.near.copy_distance)
            yield from absent(a, b)

        def absent(a: int, b: int) -> Iterator[Vote]:
            if not self.put_away:
                return
            ours, theirs = self._ever(a), self._ever(b)
            away = {*ours, *theirs} - {*self.behind[a], *self.behind[b]}
            for x, y in product(ours, theirs):
                if (x in away or y in away) and (found := self.measured(x, y)) is not None:
                    yield vote(found, self.settings.near.copy_distance)

        return admits

    def _of_one(self, rows: Sequence[int], linked: Mapping[Rows, Edge], copies: Mapping[Rows, Edge]) -> Admission:
        """May be looked at together: an edge joins them, or both are copies of a third that could not have both in its
        group."""
        of: dict[int, set[int]] = {}
        for a, b in copies:
            of.setdefault(a, set()).add(b)
            of.setdefault(b, set()).add(a)

        def beside(a: int, b: int) -> bool:
            return (min(a, b), max(a, b)) in linked or not of.get(a, set()).isdisjoint(of.get(b, ()))

        return lambda item, group: all(beside(rows[item], rows[member]) for member in group)


def _one_picture(a: Photo, b: Photo) -> bool:
    return a.content == b.content or bool(a.pixels and a.pixels == b.pixels)


def _stable(photo: Photo) -> tuple[bytes, bytes]:
    return encode_name(photo.asset.id.source), encode_name(photo.asset.id.key)


def _identity(relation: Relation, members: Iterable[Photo], length: int = _ID) -> str:
    """The same members give the same id in every run: a digest of what they are and where they lie."""
    digest = hashlib.sha256(relation.encode())
    for photo in members:
        for part in (photo.content.encode(), *_stable(photo)):
            digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()[:length]


def _told_apart(choices: Sequence[Choice], photos: Mapping[int, Photo]) -> list[Choice]:
    """Ten digits are enough for people; the few groups that share them by chance get twenty."""
    seen = Counter(choice.group.id for choice in choices)
    told = []
    for choice in choices:
        found = choice.group
        if seen[found.id] > 1:
            found = replace(found, id=_identity(found.relation, [photos[row] for row in found.members], 2 * _ID))
        told.append(replace(choice, group=found))
    return told
