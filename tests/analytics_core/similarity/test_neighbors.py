"""Exact neighbors: the same as those of all pairs, whatever the cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.errors import SolverError
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures
from analytics_core.similarity.neighbors import KnnGraph, nearest_in_l1, nearest_neighbors
from analytics_core.similarity.transport import emd_matrix
from tests.strategies import (
    metric_costs,
    mixtures,
    mixtures_of,
    symmetric_costs,
    trees_with_mixtures,
)

GRID = 2.0**40


def brute_force(distances: np.ndarray, k: int) -> tuple[list[list[int]], np.ndarray]:
    """The k nearest of every row, compared on the grid, ties to the lower row."""
    on_grid = np.rint(distances * GRID)
    near = []
    for row in range(len(distances)):
        others = sorted((on_grid[row, other], other) for other in range(len(distances)))
        near.append([other for _, other in others if other != row][:k])
    chosen = np.array(
        [[on_grid[row, other] / GRID for other in own] for row, own in enumerate(near)]
    )
    return near, chosen


def assert_nearest(graph: KnnGraph, distances: np.ndarray, k: int) -> None:
    """The k nearest, where `distances` were summed in another order: ties may differ."""
    n = len(distances)
    assert graph.indices.shape == graph.distances.shape == (n, max(0, min(k, n - 1)))
    for row, own in enumerate(graph.indices.tolist()):
        assert len({*own, row}) == len(own) + 1
        np.testing.assert_allclose(graph.distances[row], distances[row, own], atol=1e-11)
        nearest = np.sort(np.delete(distances[row], row))[: len(own)]
        np.testing.assert_allclose(graph.distances[row], nearest, atol=1e-11)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_neighbors_are_those_of_all_pairs(data: st.DataObject) -> None:
    recipes = data.draw(mixtures(max_recipes=12))
    width = recipes.in_play.size
    cost = data.draw(st.one_of(symmetric_costs(width), metric_costs(width)))
    k = data.draw(st.integers(0, 14))
    graph = nearest_neighbors(recipes, cost, k)
    near, distances = brute_force(emd_matrix(recipes, cost), k)
    assert graph.k == min(k, recipes.count - 1)
    assert graph.indices.tolist() == near
    if graph.k:
        np.testing.assert_array_equal(graph.distances, distances)


@pytest.mark.parametrize("kind", ["metric", "not metric", "ties"])
def test_neighbors_of_many_are_those_of_all_pairs(kind: str) -> None:
    rng = np.random.default_rng(11)
    width, count = 30, 150
    recipes = mixtures_of(
        [
            {int(c): float(rng.integers(1, 5)) for c in rng.choice(width, rng.integers(1, 8))}
            for _ in range(count)
        ],
        width,
    )
    cost = rng.random((width, width)) ** 4
    if kind == "ties":
        cost = np.floor(3 * cost)
    cost = np.triu(cost, 1) + np.triu(cost, 1).T
    if kind == "metric":
        for via in range(width):
            cost = np.minimum(cost, cost[:, via, None] + cost[None, via])
    graph = nearest_neighbors(recipes, cost, 10)
    near, distances = brute_force(emd_matrix(recipes, cost), 10)
    assert graph.indices.tolist() == near
    np.testing.assert_array_equal(graph.distances, distances)
    if kind != "ties":
        assert count * 10 <= graph.solved < count * (count - 1)  # bounds excluded some pairs


def test_ties_go_to_the_lower_recipe_id() -> None:
    same = mixtures_of([{0: 1}] * 5, 2)
    graph = nearest_neighbors(same, np.zeros((2, 2)), 3)
    assert graph.indices.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]
    assert (graph.distances == 0).all()
    assert nearest_in_l1(same.rows, 3).indices.tolist() == graph.indices.tolist()


def test_rounding_does_not_decide_who_is_nearer() -> None:
    """Recipes 1 and 2 lie equally far, but for the last bit of the masses."""
    third = 1 / 3
    recipes = mixtures_of([{0: 1}, {0: third, 1: 2 * third}, {0: 0.1, 1: 0.2}, {0: 1, 1: 2}], 2)
    cost = np.array([[0.0, 0.7], [0.7, 0.0]])
    assert nearest_neighbors(recipes, cost, 3).indices[0].tolist() == [1, 2, 3]
    assert nearest_in_l1(recipes.rows, 3).indices[0].tolist() == [1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(mixtures(max_recipes=12), st.integers(0, 14))
def test_neighbors_in_l1_are_those_of_all_pairs(recipes: Mixtures, k: int) -> None:
    graph = nearest_in_l1(recipes.rows, k)
    rows = np.array([recipes.dense_row(r) for r in range(recipes.count)])
    assert_nearest(graph, np.abs(rows[:, None] - rows[None]).sum(axis=2), k)


@settings(max_examples=40, deadline=None)
@given(trees_with_mixtures(min_recipes=2), st.integers(1, 6))
def test_spread_over_the_tree_l1_finds_what_transport_finds(
    drawn: tuple[IngredientTree, Mixtures], k: int
) -> None:
    tree, recipes = drawn
    by_transport = emd_matrix(recipes, tree.distance_matrix(recipes.in_play))
    assert_nearest(nearest_in_l1(tree.spread(recipes.rows, recipes.in_play), k), by_transport, k)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_recipes_have_few_neighbors(count: int) -> None:
    recipes = mixtures_of([{0: 1.0}, {1: 1.0}][:count], 2)
    expected = {0: [], 1: [[]], 2: [[1], [0]]}[count]
    for graph in (nearest_neighbors(recipes, 1 - np.eye(2), 10), nearest_in_l1(recipes.rows, 10)):
        assert graph.k == max(0, count - 1)
        assert graph.indices.tolist() == expected
        assert graph.distances.shape == graph.indices.shape


def test_the_head_is_the_nearest_alone() -> None:
    recipes = mixtures_of([{0: 1}, {0: 1, 1: 1}, {1: 1}, {0: 2, 1: 1}], 2)
    whole = nearest_neighbors(recipes, 1 - np.eye(2), 3)
    head = whole.head(1)
    assert head.k == 1
    np.testing.assert_array_equal(head.indices, whole.indices[:, :1])
    assert head.solved == whole.solved
    assert whole.head(0).indices.shape == (4, 0)


def test_threads_and_progress_change_nothing() -> None:
    rng = np.random.default_rng(2)
    recipes = mixtures_of(
        [{int(c): float(rng.random() + 0.1) for c in rng.choice(9, 4)} for _ in range(200)], 9
    )
    cost = 1 - np.eye(9)
    told: list[tuple[int, int]] = []
    alone = nearest_neighbors(recipes, cost, 5, threads=1, progress=lambda *now: told.append(now))
    together = nearest_neighbors(recipes, cost, 5, threads=4)
    assert alone.indices.tobytes() == together.indices.tobytes()
    assert alone.distances.tobytes() == together.distances.tobytes()
    assert told[-1] == (200, 200)
    assert told == sorted(told)


@pytest.mark.parametrize("find", ["transport", "l1"])
def test_spans_of_rows_together_are_the_whole(find: str) -> None:
    rng = np.random.default_rng(4)
    recipes = mixtures_of(
        [{int(c): float(rng.random() + 0.1) for c in rng.choice(9, 4)} for _ in range(150)], 9
    )

    def nearest(**more: Any) -> KnnGraph:
        if find == "l1":
            return nearest_in_l1(recipes.rows, 5, **more)
        return nearest_neighbors(recipes, 1 - np.eye(9), 5, **more)

    told: list[tuple[int, int]] = []
    whole = nearest()
    parts = [
        nearest(span=span, progress=lambda *now: told.append(now))
        for span in ((0, 70), (70, 70), (70, 150))
    ]
    assert [part.indices.shape for part in parts] == [(70, 5), (0, 5), (80, 5)]
    assert np.concatenate([part.indices for part in parts]).tolist() == whole.indices.tolist()
    joined = np.concatenate([part.distances for part in parts])
    assert joined.tobytes() == whole.distances.tobytes()
    assert sum(part.solved for part in parts) == whole.solved
    assert told == [(64, 70), (70, 70), (64, 80), (80, 80)]


@pytest.mark.parametrize(
    "cost",
    [
        np.ones((3, 3)),
        -np.ones((2, 2)),
        np.full((2, 2), np.inf),
        np.array([[0.0, 1.0], [2.0, 0.0]]),
    ],
)
def test_a_cost_that_does_not_fit_is_refused(cost: np.ndarray) -> None:
    with pytest.raises(SolverError):
        nearest_neighbors(mixtures_of([{0: 1}, {1: 1}], 2), cost, 1)
