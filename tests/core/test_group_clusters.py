"""Clustering: what may never share a group does not, whatever the method; and the order of input changes nothing."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from dedupe_core.cluster import Links, Method, cluster

METHODS: tuple[Method, ...] = ("complete", "average", "components", "dbscan")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, dict[tuple[int, int], float], set[tuple[int, int]]]:
    size = draw(st.integers(2, 9))
    pairs = list(combinations(range(size), 2))
    scores = draw(st.dictionaries(st.sampled_from(pairs), st.sampled_from([0.3, 0.6, 0.6, 0.9, 1.0]), max_size=20))
    return size, scores, set(draw(st.lists(st.sampled_from(pairs), max_size=4)))


@given(graphs(), st.sampled_from(METHODS))
def test_what_is_kept_apart_never_shares_a_group_with_any_method(graph: Any, method: Method) -> None:
    size, scores, never = graph
    groups = cluster(Links(size, scores, lambda i, j: (min(i, j), max(i, j)) in never), method)
    assert not [pair for group in groups for pair in combinations(group, 2) if pair in never]


@given(graphs(), st.sampled_from(METHODS))
def test_groups_are_parts_of_two_and_more_and_the_order_of_links_changes_nothing(graph: Any, method: Method) -> None:
    size, scores, _ = graph
    groups = cluster(Links(size, scores), method)
    members = [item for group in groups for item in group]
    assert len(members) == len(set(members))
    assert all(len(group) > 1 and list(group) == sorted(group) for group in groups)
    assert groups == cluster(Links(size, dict(reversed(scores.items()))), method)


@given(graphs())
def test_complete_link_groups_are_cliques_and_all_are_linked_to_one_leader(graph: Any) -> None:
    size, scores, _ = graph
    for group in cluster(Links(size, scores)):
        assert all(pair in scores for pair in combinations(group, 2))


@given(graphs())
def test_complete_link_leaves_a_linked_pair_alone_only_when_one_leader_refused_both(graph: Any) -> None:
    size, scores, _ = graph
    placed = {item for group in cluster(Links(size, scores)) for item in group}
    linked = {item: {other for pair in scores if item in pair for other in pair} for item in range(size)}
    for i, j in scores:
        assert placed & {i, j} or (linked[i] & linked[j] & placed)


def test_a_chain_does_not_become_one_group() -> None:
    chain = {(i, i + 1): 0.9 for i in range(28)}
    assert all(len(group) == 2 for group in cluster(Links(29, chain)))
    assert len(cluster(Links(29, chain), "components")) == 1


def test_the_strongest_link_wins_a_contested_item() -> None:
    assert cluster(Links(3, {(0, 1): 0.6, (0, 2): 0.9})) == [(0, 2)]


def test_an_item_joins_when_the_group_admits_it_and_only_then() -> None:
    crops = {(0, 1): 0.9, (0, 2): 0.8}
    assert cluster(Links(3, crops, admits=lambda item, group: True)) == [(0, 1, 2)]
    assert cluster(Links(3, crops, admits=lambda item, group: len(group) < 2)) == [(0, 1)]


def test_two_that_one_leader_refused_do_not_form_a_group() -> None:
    scores = {(0, 1): 0.9, (0, 2): 0.8, (0, 3): 0.8, (2, 3): 1.0, (3, 4): 0.7}
    assert cluster(Links(5, scores, apart=lambda i, j: {i, j} in ({1, 2}, {1, 3}))) == [(0, 1), (3, 4)]


def test_the_group_is_formed_again_around_the_leader_that_it_elects() -> None:
    scores = {(0, 1): 0.5, (1, 2): 0.9, (1, 3): 0.9, (2, 3): 0.9}
    links = Links(4, scores, elect=lambda group: 1 if 1 in group else group[0])
    assert cluster(links) == [(1, 2, 3)]


@given(graphs())
def test_components_are_those_of_the_graph(graph: Any) -> None:
    size, scores, _ = graph
    of = list(range(size))
    for _ in range(size):
        for i, j in scores:
            of[i] = of[j] = min(of[i], of[j])
    expected = {tuple(i for i in range(size) if of[i] == root) for root in of}
    assert set(cluster(Links(size, scores), "components")) == {part for part in expected if len(part) > 1}


@given(graphs())
def test_dbscan_with_two_samples_is_the_components_within_eps(graph: Any) -> None:
    size, scores, _ = graph
    close = {pair: score for pair, score in scores.items() if score >= 0.6}
    assert cluster(Links(size, scores), "dbscan", eps=0.4) == cluster(Links(size, close), "components")


def test_dbscan_leaves_noise_alone_and_gives_a_border_to_its_strongest_core() -> None:
    star = {(0, 1): 0.9, (0, 2): 0.9, (1, 2): 0.9, (2, 3): 0.8, (4, 5): 0.9}
    assert cluster(Links(6, star), "dbscan", eps=0.3, min_samples=3) == [(0, 1, 2, 3)]


def test_average_link_agrees_with_scipy() -> None:
    rng = np.random.default_rng(7)
    for _ in range(30):
        size = 8
        scores = {pair: float(rng.random() * 0.9 + 0.05) for pair in combinations(range(size), 2)}
        distances = [1 - scores[pair] for pair in combinations(range(size), 2)]
        flat = fcluster(linkage(distances, "average"), 0.5, "distance")
        expected = {tuple(np.flatnonzero(flat == label).tolist()) for label in flat}
        assert set(cluster(Links(size, scores), "average", average=0.5)) == {part for part in expected if len(part) > 1}


@pytest.mark.parametrize("method", METHODS)
def test_a_hundred_thousand_links_of_one_component_are_clustered(method: Method) -> None:
    draw = random.Random(3)
    size = 20_000
    ring = {(i, i + 1): 0.9 for i in range(size - 1)}
    ring.update({tuple(sorted(draw.sample(range(size), 2))): 0.7 for _ in range(85_000)})  # type: ignore[misc]
    groups = cluster(Links(size, ring), method)
    assert sum(map(len, groups)) > size / 2
