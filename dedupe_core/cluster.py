"""Clustering of items joined by accepted links, under links that must not be. Pure: numbers in, numbers out.

Items are numbered in the order of preference (the best keeper first), which settles every tie; so the result depends
on what is joined and never on the order in which rows, edges or names arrive. Whatever the method, two items that are
kept `apart` never share a group.

`complete`     constrained complete link around leaders: the best free item takes its free neighbours, strongest first,
               each only when the group so far admits it (without other orders: when it is linked to *every* member). A
               chain A-B-C without A-C becomes two groups. The group elects its leader; while that is another one, it
               is formed again around him. Two items that one leader refused do not console each other: what little
               they share, they share with him.
`average`      agglomerative average link (UPGMA, Sokal & Michener 1958); a missing link counts as 0.
`components`   connected components, grown strongest link first (Kruskal 1956) so that `apart` cuts the weakest.
`dbscan`       Ester et al. 1996 on the distance 1 − score, as scikit-learn's DBSCAN: cores, borders, noise left alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Method = Literal["complete", "average", "components", "dbscan"]
Question = Callable[[int, int], bool]
Election = Callable[[Sequence[int]], int]
Admission = Callable[[int, Sequence[int]], bool]


@dataclass(frozen=True, slots=True)
class Links:
    """`size` items and the accepted links among them: score in (0, 1] by (i, j), i < j.

    `apart(i, j)`: these two must never share a group; None when nothing is apart. Of complete-link groups only:
    `admits(item, group)`: may it become a member (None: when it is linked to all); `elect(group)`: who of them leads it
    (None: the lowest number)."""

    size: int
    scores: Mapping[tuple[int, int], float]
    apart: Question | None = None
    admits: Admission | None = None
    elect: Election | None = None

    def score(self, i: int, j: int) -> float:
        """The score of a link, 0 where there is none."""
        return self.scores.get((i, j) if i < j else (j, i), 0.0)

    def welcome(self, item: int, group: Sequence[int]) -> bool:
        """May this item become a member of this complete-link group?"""
        if self.apart is not None and any(self.apart(item, member) for member in group):
            return False
        if self.admits is not None:
            return self.admits(item, group)
        return all(self.score(item, member) > 0 for member in group)

    def neighbours(self) -> dict[int, list[int]]:
        """The linked items of each item."""
        found: dict[int, list[int]] = {}
        for i, j in self.scores:
            found.setdefault(i, []).append(j)
            found.setdefault(j, []).append(i)
        return found


def cluster(
    links: Links, method: Method = "complete", average: float = 0.5, eps: float = 0.5, min_samples: int = 2
) -> list[tuple[int, ...]]:
    """Groups of two or more items, each ascending, in the order of their first item.

    `average` is the least mean score of `average`; `eps` and `min_samples` (itself included) are those of `dbscan`."""
    if method == "complete":
        groups = complete(links)
    elif method == "average":
        groups = average_link(links, average)
    elif method == "dbscan":
        groups = dbscan(links, eps, min_samples)
    else:
        groups = _grown(links, links.scores.items())
    return sorted(tuple(sorted(group)) for group in groups if len(group) > 1)


def complete(links: Links) -> list[list[int]]:
    """Constrained complete link around leaders. Every member has a direct link to the leader, who stands first."""
    neighbours = links.neighbours()
    taken: set[int] = set()
    refused = _barred(links)
    groups = []
    for seed in sorted(neighbours):
        while seed not in taken:
            group = _around(links, seed, neighbours, taken, refused)
            taken.update(group)
            for item in neighbours[group[0]]:
                if item not in taken:
                    refused.setdefault(item, set()).add(group[0])
            groups.append(group)
    return groups


def _barred(links: Links) -> dict[int, set[int]]:
    """Who is refused from the start: where a link joins two that may not be members of one group."""
    refused: dict[int, set[int]] = {}
    for i, j in links.scores:
        if not links.welcome(i, [j]):
            refused.setdefault(i, set()).add(j)
            refused.setdefault(j, set()).add(i)
    return refused


def _around(
    links: Links,
    leader: int,
    neighbours: Mapping[int, Sequence[int]],
    taken: Collection[int],
    refused: Mapping[int, set[int]],
) -> list[int]:
    """The leader's group: among free items, and around the one that it elects itself. Where each of two groups elects
    the other one's leader, the larger one stands."""
    tried: dict[int, list[int]] = {}
    while leader not in tried:
        tried[leader] = group = _gathered(links, leader, neighbours, taken, refused)
        elected = leader if links.elect is None or len(group) == 1 else links.elect(group)
        if elected == leader:
            return group
        leader = elected
    return max(tried.values(), key=lambda group: (len(group), -group[0]))


def _gathered(
    links: Links,
    leader: int,
    neighbours: Mapping[int, Sequence[int]],
    taken: Collection[int],
    refused: Mapping[int, set[int]],
) -> list[int]:
    """The leader, then those free neighbours that the group so far welcomes, strongest first."""
    nobody: set[int] = set()
    group = [leader]
    free = [item for item in neighbours[leader] if item not in taken]
    for item in sorted(free, key=lambda item: (-links.score(leader, item), item)):
        consoled = any(not refused.get(item, nobody).isdisjoint(refused.get(member, nobody)) for member in group)
        if not consoled and links.welcome(item, group):
            group.append(item)
    return group


def average_link(links: Links, threshold: float) -> list[list[int]]:
    """Merge the two groups with the highest mean score while it reaches `threshold`."""
    groups = {item: [item] for item in range(links.size)}
    sums: dict[int, dict[int, float]] = {item: {} for item in range(links.size)}
    for (i, j), score in links.scores.items():
        sums[i][j] = sums[j][i] = score
    heap = [(-score, i, j, 2) for (i, j), score in links.scores.items()]
    heapq.heapify(heap)
    while heap and -heap[0][0] >= threshold:
        _, i, j, size = heapq.heappop(heap)
        fresh = i in groups and j in groups and size == len(groups[i]) + len(groups[j])
        if not fresh or not _allowed(links, groups[i], groups[j]):
            continue
        groups[i] += groups.pop(j)
        _merge_sums(sums, i, j)
        for other, total in sums[i].items():
            mean = total / (len(groups[i]) * len(groups[other]))
            heapq.heappush(heap, (-mean, min(i, other), max(i, other), len(groups[i]) + len(groups[other])))
    return list(groups.values())


def _merge_sums(sums: dict[int, dict[int, float]], i: int, j: int) -> None:
    """Group j goes into i: what the others have in common with j they have with i from now on."""
    for other, total in sums.pop(j).items():
        del sums[other][j]
        if other != i:
            merged = sums[i].get(other, 0.0) + total
            sums[i][other] = sums[other][i] = merged


def dbscan(links: Links, eps: float, min_samples: int) -> list[list[int]]:
    """Cores (at least `min_samples` items within `eps`, itself included) grow together; a border joins the group of
    its strongest core."""
    near = {pair: score for pair, score in links.scores.items() if 1.0 - score <= eps + 1e-12}
    degree: dict[int, int] = {}
    for i, j in near:
        degree[i] = degree.get(i, 1) + 1
        degree[j] = degree.get(j, 1) + 1
    cores = {item for item, count in degree.items() if count >= min_samples}
    inner = [(pair, score) for pair, score in near.items() if pair[0] in cores and pair[1] in cores]
    groups = {item: group for group in _grown(links, inner) for item in group}
    for item in cores:
        groups.setdefault(item, [item])
    rim = [(pair, score) for pair, score in near.items() if (pair[0] in cores) != (pair[1] in cores)]
    placed: set[int] = set()
    for (i, j), _ in sorted(rim, key=_strongest_first):
        core, border = (i, j) if i in cores else (j, i)
        if border not in placed and _allowed(links, groups[core], [border]):
            groups[core].append(border)
            placed.add(border)
    return list({id(group): group for group in groups.values()}.values())


def _grown(links: Links, pairs: Iterable[tuple[tuple[int, int], float]]) -> list[list[int]]:
    """Connected components of these pairs, never across `apart`: there the weakest links give way."""
    known = sorted(pairs, key=_strongest_first)
    if links.apart is None:
        return _connected(links.size, [pair for pair, _ in known])
    group_of: dict[int, list[int]] = {}
    refused: set[tuple[int, int]] = set()
    for (i, j), _ in known:
        a, b = group_of.setdefault(i, [i]), group_of.setdefault(j, [j])
        seam = (min(a[0], b[0]), max(a[0], b[0]))
        if a is b or seam in refused:
            continue
        if not _allowed(links, a, b):
            refused.add(seam)
            continue
        small, large = (a, b) if len(a) < len(b) else (b, a)
        large.extend(small)
        for item in small:
            group_of[item] = large
    return list({id(group): group for group in group_of.values()}.values())


def _connected(size: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Components of more than one item, each in order, by their smallest: a union-find whose roots are the smallest
    items, with path halving (Tarjan and van Leeuwen 1984). Ours, because importing a library's costs every start a
    quarter of a second."""
    parent = list(range(size))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    parts: dict[int, list[int]] = {}
    for item in range(size):
        parts.setdefault(root(item), []).append(item)
    return [part for part in parts.values() if len(part) > 1]


def _strongest_first(linked: tuple[tuple[int, int], float]) -> tuple[float, tuple[int, int]]:
    return -linked[1], linked[0]


def _allowed(links: Links, a: Sequence[int], b: Sequence[int]) -> bool:
    return links.apart is None or not any(links.apart(i, j) for i in a for j in b)
