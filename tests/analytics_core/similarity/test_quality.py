"""Quality figures: on graphs small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.errors import AnalyticsError
from analytics_core.similarity.ground_cost import LearnedCost
from analytics_core.similarity.neighbors import KnnGraph
from analytics_core.similarity.quality import judge, max_occurrence, mutual_share, neighbors_kept

# Four drinks in a row; each names the one before it, the first the second.
ROW = KnnGraph(np.array([[1], [0], [1], [2]], np.int32), np.ones((4, 1)), solved=6)
LINE = np.array([[0.0, 0.0], [1.0, 0.0], [2.1, 0.0], [3.3, 0.0]])
NOBODY = KnnGraph(np.empty((1, 0), np.int32), np.empty((1, 0)))
COST = LearnedCost(np.zeros((2, 2)), np.zeros((2, 2)), np.array([0.5, 0.25]))


def test_neighbors_kept_counts_who_is_near_on_the_map_too() -> None:
    assert neighbors_kept(ROW, LINE) == 1.0
    swapped = LINE[[0, 1, 3, 2]]  # 2 and 3 have changed places: only 0 and 1 still lie by theirs
    assert neighbors_kept(ROW, swapped) == 0.5


def test_neighbors_kept_where_points_coincide_is_a_share() -> None:
    assert 0.0 <= neighbors_kept(ROW, np.zeros((4, 2))) <= 1.0


SPREADS = ("even", "line", "crowded here, lonely there")


@settings(deadline=None)
@given(st.integers(2, 300), st.integers(1, 14), st.integers(0, 2**32 - 1), st.sampled_from(SPREADS))
def test_neighbors_kept_is_what_all_pairs_say(count: int, k: int, seed: int, spread: str) -> None:
    rng = np.random.default_rng(seed)
    k = min(k, count - 1)
    points = rng.random((count, 2))
    if spread == "line":
        points *= [1.0, 1e-9]
    elif spread == "crowded here, lonely there":
        points = np.exp(8 * points)
    listed = np.array([rng.permutation(np.delete(np.arange(count), r))[:k] for r in range(count)])
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    judged = min(k, 10)
    near = np.argsort(apart, axis=1)[:, :judged]
    kept = [len(set(near[r]) & set(listed[r, :judged])) for r in range(count)]
    graph = KnnGraph(listed.astype(np.int32), np.ones((count, k)))
    assert neighbors_kept(graph, points) == pytest.approx(sum(kept) / (count * judged))


def test_mutual_share_counts_relations_that_hold_both_ways() -> None:
    assert mutual_share(ROW) == 0.5  # 0 and 1 name each other, 2 and 3 are not named back
    ring = KnnGraph(np.array([[1], [2], [0]], np.int32), np.ones((3, 1)))
    assert mutual_share(ring) == 0.0


def test_max_occurrence_is_the_most_listed_in_multiples_of_the_average() -> None:
    assert max_occurrence(ROW) == 2.0
    everybody = KnnGraph(np.array([[1, 2], [0, 2], [0, 1]], np.int32), np.ones((3, 2)))
    assert max_occurrence(everybody) == 1.0


def test_nobody_has_neighbors_and_nothing_breaks() -> None:
    assert neighbors_kept(NOBODY, np.zeros((1, 2))) == 1.0
    assert mutual_share(NOBODY) == 1.0
    assert max_occurrence(NOBODY) == 0.0


def figures(**changes: Any) -> Any:
    given = {
        "similar": ROW,
        "manhattan": ROW,
        "points_manhattan": LINE,
        "points_learned": LINE,
        "cost": COST,
        "listed": 10,
    }
    return judge(**{**given, **changes})


def test_all_figures_come_together() -> None:
    assert figures() == {
        "map_neighbors_kept_manhattan": 1.0,
        "map_neighbors_kept_learned": 1.0,
        "neighbors_mutual": 0.5,
        "max_occurrence": 2.0,
        "pairs_solved_share": 0.5,
        "cost_rounds": 2.0,
        "cost_last_change": 0.25,
    }
    untaught = figures(cost=replace(COST, changes=np.empty(0)))
    assert untaught["cost_rounds"] == untaught["cost_last_change"] == 0.0


def test_exactly_ten_neighbors_are_judged() -> None:
    """Graph and map agree on who the ten nearest are, and neither on the nine nor the eleven."""
    points = np.column_stack([1.3 ** np.arange(13), np.zeros(13)])
    apart = np.abs(points[:, :1] - points[:, 0])
    by_map = np.argsort(apart, axis=1)[:, 1:]
    listed = np.column_stack([by_map[:, 9::-1], by_map[:, [11, 10]]]).astype(np.int32)
    graph = KnnGraph(listed, np.ones(listed.shape))
    assert neighbors_kept(graph, points) == 1.0
    assert neighbors_kept(graph.head(9), points) < 1.0


def test_neighbors_that_only_the_map_needs_are_not_judged() -> None:
    """Each of four drinks lists the next; for the map all name drink 0, too."""
    graph = KnnGraph(np.array([[1, 3], [2, 0], [3, 0], [0, 1]], np.int32), np.ones((4, 2)))
    found = figures(similar=graph, listed=1)
    assert (found["max_occurrence"], found["neighbors_mutual"]) == (1.0, 0.0)
    found = figures(similar=graph, listed=2)
    assert (found["max_occurrence"], found["neighbors_mutual"]) == (1.5, 0.5)


def test_figures_have_four_decimals() -> None:
    """Of three relations, two hold both ways."""
    graph = KnnGraph(np.array([[1], [0], [0]], np.int32), np.ones((3, 1)))
    found = figures(similar=graph, points_learned=np.array([[0.0, 0.0], [2.0, 0.0], [3.0, 0.0]]))
    assert found["neighbors_mutual"] == 0.6667
    assert found["map_neighbors_kept_learned"] == 0.3333
    assert found["max_occurrence"] == 2.0


@pytest.mark.parametrize(
    ("named", "changes"),
    [
        ("distance", {"similar": KnnGraph(ROW.indices, np.full((4, 1), np.inf))}),
        ("distance", {"manhattan": KnnGraph(ROW.indices, np.full((4, 1), np.nan))}),
        ("cost", {"cost": replace(COST, cost=np.full((2, 2), np.nan))}),
        ("coordinate", {"points_learned": LINE + np.inf}),
        ("coordinate", {"points_manhattan": LINE * np.nan}),
    ],
)
def test_what_is_not_finite_is_never_published(named: str, changes: dict[str, Any]) -> None:
    with pytest.raises(AnalyticsError, match=f"a {named} is not finite"):
        figures(**changes)
