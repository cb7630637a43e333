"""The search for neighbors on many problems, plain and perverse, and what its bounds rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.similarity.arrays import SparseRows
from analytics_core.similarity.mixture import Mixtures
from analytics_core.similarity.neighbors import KnnGraph, nearest_in_l1, nearest_neighbors
from analytics_core.similarity.prefix_tree import (
    LEAF_ROWS,
    PrefixTree,
    build_l1_index,
    build_prefix_tree,
)
from analytics_core.similarity.transport import emd_matrix, emd_pairs
from tests.strategies import mixtures, mixtures_of, symmetric_costs

GRID = 2.0**40
Recipes = list[dict[int, float]]
Random = np.random.Generator


def first_of(distances: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of every row by sorting all, compared on the grid, ties to the lower row."""
    on_grid = np.rint(distances * GRID) / GRID
    np.fill_diagonal(on_grid, np.inf)
    order = np.argsort(on_grid, axis=1, kind="stable")[:, : min(k, len(distances) - 1)]
    return order, np.take_along_axis(on_grid, order, axis=1)


def in_l1(rows: SparseRows) -> np.ndarray:
    """All distances in the L1 norm; each is summed in the order in which the search sums it."""
    dense = np.array([rows.dense_row(row) for row in range(rows.count)])
    distances = np.empty((rows.count, rows.count))
    for row, own in enumerate(dense):
        total = np.full(rows.count, np.cumsum(own)[-1] if own.size else 0.0)
        for column in range(rows.width):
            there, mine = dense[:, column], own[column]
            total += np.where(there > 0, np.abs(there - mine) - mine, 0.0)
        distances[row] = np.maximum(total, 0.0)
    np.testing.assert_allclose(
        distances, np.abs(dense[:, None] - dense[None]).sum(axis=2), rtol=0, atol=1e-12
    )
    return distances


def assert_same(graph: KnnGraph, expected: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_array_equal(graph.indices, expected[0])
    assert graph.distances.tobytes() == np.ascontiguousarray(expected[1]).tobytes()


# Recipes and costs of every kind that has its own way through the search.


def some(random: Random, count: int, width: int, *, most: int = 6, whole: bool) -> Recipes:
    """Recipes of a few ingredients; with `whole` weights there are ties and duplicates."""
    return [
        {
            int(c): float(random.integers(1, 4)) if whole else float(random.random() + 0.01)
            for c in random.choice(width, random.integers(1, min(most, width) + 1), replace=False)
        }
        for _ in range(count)
    ]


def duplicates(random: Random, count: int, width: int) -> Recipes:
    few = some(random, 3, width, whole=True)
    return [few[i] for i in random.integers(0, 3, count)]


def single(random: Random, count: int, width: int) -> Recipes:
    return [{int(c): 1.0} for c in random.integers(0, width, count)]


def with_sugar(random: Random, count: int, width: int) -> Recipes:
    """One ingredient is in every recipe."""
    return [
        {**recipe, 0: float(random.integers(1, 4))}
        for recipe in some(random, count, width, whole=True)
    ]


def apart(random: Random, count: int, width: int) -> Recipes:
    """No two recipes share an ingredient."""
    return [
        {c: float(random.random() + 0.1) for c in range(2 * i, 2 * i + 2)}
        for i in range(min(count, width // 2))
    ]


def long(random: Random, count: int, width: int) -> Recipes:
    """Recipes with more ingredients than the tree is deep, that begin alike."""
    return [
        {c: float(width - c) for c in range(int(random.integers(8, width + 1)))}
        for _ in range(count)
    ]


def mixed(random: Random, count: int, width: int) -> Recipes:
    return (
        single(random, count // 3, width)
        + duplicates(random, count // 3, width)
        + some(random, count - 2 * (count // 3), width, whole=False)
    )


RECIPES: dict[str, Callable[[Random, int, int], Recipes]] = {
    "some": lambda *a: some(*a, whole=False),
    "whole": lambda *a: some(*a, whole=True),
    "duplicates": duplicates,
    "single": single,
    "with sugar": with_sugar,
    "apart": apart,
    "long": long,
    "mixed": mixed,
}


def cost_of(kind: str, random: Random, width: int) -> np.ndarray:
    """A symmetric cost that is not negative."""
    square = random.random((width, width)) ** 3
    if kind == "steps":
        square = np.floor(3 * square)
    elif kind == "zeros off the diagonal":
        square[random.random((width, width)) < 0.4] = 0.0
    elif kind == "nothing":
        square[:] = 0.0
    elif kind == "all the same":
        square[:] = 1.0
    elif kind == "large":
        square *= 1e6
    cost = np.triu(square, 0 if kind == "a diagonal, too" else 1)
    return cost + np.triu(cost, 1).T


COSTS = (
    "any",
    "steps",
    "zeros off the diagonal",
    "nothing",
    "all the same",
    "large",
    "a diagonal, too",
)


def problems(kind: str, *, each: int) -> Iterator[tuple[Random, Mixtures, np.ndarray, int]]:
    """Random problems of one kind of recipes under every kind of cost."""
    random = np.random.default_rng(sorted(RECIPES).index(kind))
    for number in range(each):
        width = int(random.integers(8 if kind == "long" else 2, 24))
        recipes = RECIPES[kind](random, int(random.integers(2, 60)), width)
        cost = cost_of(COSTS[number % len(COSTS)], random, width)
        yield random, mixtures_of(recipes, width), cost, int(random.integers(1, 13))


@pytest.mark.parametrize("kind", RECIPES)
def test_neighbors_are_the_first_of_all_to_the_bit(kind: str) -> None:
    for _, recipes, cost, k in problems(kind, each=350):
        graph = nearest_neighbors(recipes, cost, k, threads=1)
        assert_same(graph, first_of(emd_matrix(recipes, cost, threads=1), k))


@pytest.mark.parametrize("kind", RECIPES)
def test_neighbors_in_l1_are_the_first_of_all(kind: str) -> None:
    for random, recipes, _, k in problems(kind, each=150):
        rows = recipes.rows
        if random.random() < 0.5:  # rows of different sums
            scale = random.integers(1, 4, rows.width) * 0.7
            rows = SparseRows(
                rows.indptr, rows.columns, rows.values * scale[rows.columns], rows.width
            )
        assert_same(nearest_in_l1(rows, k, threads=1), first_of(in_l1(rows), k))


@pytest.mark.parametrize("kind", ["some", "with sugar", "mixed"])
def test_distances_are_those_of_pot(kind: str) -> None:
    for _, recipes, cost, k in problems(kind, each=21):
        graph = nearest_neighbors(recipes, cost, k, threads=1)
        dense = [recipes.dense_row(row) for row in range(recipes.count)]
        # POT wants sums that agree to the last bit
        apart = np.array(
            [[ot.emd2(a, b * (a.sum() / b.sum()), cost) for b in dense] for a in dense]
        )
        np.fill_diagonal(apart, np.inf)
        scale = max(1.0, float(cost.max()))
        np.testing.assert_allclose(
            graph.distances, np.sort(apart, axis=1)[:, : graph.k], rtol=0, atol=1e-11 * scale
        )
        found = np.take_along_axis(apart, graph.indices, axis=1)
        np.testing.assert_allclose(graph.distances, found, rtol=0, atol=1e-11 * scale)


def test_neither_seeds_nor_threads_nor_spans_change_a_bit() -> None:
    random = np.random.default_rng(8)
    width, count, k = 40, 700, 7
    recipes = mixtures_of(some(random, count, width, whole=True), width)
    cost = cost_of("steps", random, width)
    whole = nearest_neighbors(recipes, cost, k, threads=1)
    near = nearest_in_l1(recipes.rows, k, threads=1)
    index, l1_index = build_prefix_tree(recipes.rows), build_l1_index(recipes.rows)
    anything = random.integers(-1, count, (count, 90)).astype(np.int32)
    everything = [None, whole.indices, near.indices[:, :2], anything, np.full((count, 1), -1)]
    for seeds in everything:
        for threads, bounds in ((1, (0, count)), (4, (0, 3, 3, 350, count))):
            spans = list(pairwise(bounds))
            parts = [
                nearest_neighbors(
                    recipes, cost, k, span=span, index=index, seeds=seeds, threads=threads
                )
                for span in spans
            ]
            assert np.concatenate([p.indices for p in parts]).tobytes() == whole.indices.tobytes()
            joined = np.concatenate([p.distances for p in parts])
            assert joined.tobytes() == whole.distances.tobytes()
            parts = [
                nearest_in_l1(
                    recipes.rows, k, span=span, index=l1_index, seeds=seeds, threads=threads
                )
                for span in spans
            ]
            assert np.concatenate([p.indices for p in parts]).tobytes() == near.indices.tobytes()
            joined = np.concatenate([p.distances for p in parts])
            assert joined.tobytes() == near.distances.tobytes()


def test_good_seeds_save_work() -> None:
    random = np.random.default_rng(9)
    recipes = mixtures_of(some(random, 900, 40, whole=False), 40)
    cost = cost_of("any", random, 40)
    graph = nearest_neighbors(recipes, cost, 5)
    again = nearest_neighbors(recipes, cost, 5, seeds=graph.indices)
    assert again.solved < graph.solved
    assert again.bounded < graph.bounded
    assert again.postings < graph.postings


def test_an_index_or_seeds_of_other_recipes_are_refused() -> None:
    recipes, others = (mixtures_of([{0: 1}, {1: 1}, {0: n, 1: 1}], 2) for n in (1, 2))
    with pytest.raises(ValueError, match="index"):
        nearest_neighbors(recipes, 1 - np.eye(2), 1, index=build_prefix_tree(others.rows))
    with pytest.raises(ValueError, match="index"):
        nearest_in_l1(recipes.rows, 1, index=build_l1_index(others.rows))
    for wrong in (np.zeros((2, 1), np.int32), np.full((3, 1), 3, np.int32)):
        with pytest.raises(ValueError, match="seeds"):
            nearest_neighbors(recipes, 1 - np.eye(2), 1, seeds=wrong)
        with pytest.raises(ValueError, match="seeds"):
            nearest_in_l1(recipes.rows, 1, seeds=wrong)


@pytest.mark.parametrize("kind", ["nothing", "all the same"])
def test_ties_of_all_with_all_are_not_solved_one_by_one(kind: str) -> None:
    """Of rows that can only tie, those are left out that lose the tie."""
    recipes = mixtures_of([{c % 500: 1.0} for c in range(1500)], 500)
    graph = nearest_neighbors(recipes, cost_of(kind, np.random.default_rng(0), 500), 10)
    assert graph.solved < 100 * recipes.count


def test_in_l1_rows_that_share_nothing_are_not_compared_one_by_one() -> None:
    count = 3000
    recipes = mixtures_of([{2 * c: 1.0, 2 * c + 1: 2.0} for c in range(count)], 2 * count)
    graph = nearest_in_l1(recipes.rows, 10)
    assert (graph.distances == 2).all()
    assert graph.indices[0].tolist() == list(range(1, 11))
    assert graph.indices[5].tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert (graph.indices[10:] == np.arange(10)).all()
    assert graph.bounded < 60 * count


def test_more_postings_are_skipped_than_read() -> None:
    random = np.random.default_rng(3)
    recipes = mixtures_of(some(random, 4000, 60, whole=False), 60)
    cost = cost_of("any", random, 60)
    for graph in (nearest_neighbors(recipes, cost, 5), nearest_in_l1(recipes.rows, 5)):
        entries = recipes.columns.size
        assert 0 < graph.postings < 0.5 * recipes.count * entries
        assert 0 < graph.bounded < 0.5 * recipes.count**2


# What the search rests on.


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_neither_half_of_the_relaxed_distance_exceeds_the_distance(data: st.DataObject) -> None:
    recipes = data.draw(mixtures(max_recipes=2, min_recipes=2))
    cost = data.draw(symmetric_costs(recipes.in_play.size))
    one, other = recipes.dense_row(0), recipes.dense_row(1)
    distance = emd_pairs(recipes, cost, np.array([0]), np.array([1]))[0]
    margin = 2.0**-43 * cost.max(initial=0.0)
    assert one @ cost[:, other > 0].min(axis=1) <= distance + margin
    assert other @ cost[:, one > 0].min(axis=1) <= distance + margin


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_the_postings_of_a_path_bound_every_recipe_below(data: st.DataObject) -> None:
    """The sum over any first postings never exceeds the whole bound of a recipe below."""
    recipes = data.draw(mixtures(max_recipes=40))
    tree = build_prefix_tree(recipes.rows)
    cost = data.draw(symmetric_costs(recipes.in_play.size))
    margin = 2.0**-43 * cost.max(initial=0.0)
    query = recipes.dense_row(data.draw(st.integers(0, recipes.count - 1)))
    rates = cost[:, query > 0].min(axis=1)
    whole = np.array([recipes.dense_row(row) @ rates for row in tree.order])
    sums = np.zeros(20)
    for node, (packed, least, outside, place) in enumerate(tree.nodes[:-1]):
        depth = packed >> 1 & 15
        sums[depth + 1] = sums[depth] + rates[packed >> 5] * least * tree.unit
        assert outside > node
        below = whole[place : tree.nodes[outside, 3]]
        assert below.size
        assert (sums[depth + 1] <= below + margin).all()


def leaves(tree: PrefixTree) -> Iterator[range]:
    for packed, _, outside, place in tree.nodes[:-1]:
        if packed & 1:
            yield range(place, tree.nodes[outside, 3])


@settings(max_examples=80, deadline=None)
@given(mixtures(max_recipes=60))
def test_every_recipe_is_in_one_leaf(recipes: Mixtures) -> None:
    tree = build_prefix_tree(recipes.rows)
    assert [place for leaf in leaves(tree) for place in leaf] == list(range(recipes.count))
    assert sorted(tree.order) == list(range(recipes.count))
    np.testing.assert_array_equal(tree.order[tree.place], np.arange(recipes.count))
    for place, row in enumerate(tree.order):
        there = slice(tree.indptr[place], tree.indptr[place + 1])
        row_there = slice(recipes.indptr[row], recipes.indptr[row + 1])
        np.testing.assert_array_equal(tree.columns[there], recipes.columns[row_there])
        np.testing.assert_array_equal(tree.values[there], recipes.fractions[row_there])


def test_recipes_that_begin_alike_share_their_postings() -> None:
    random = np.random.default_rng(1)
    recipes = mixtures_of(some(random, 3000, 12, most=4, whole=True), 12)
    tree = build_prefix_tree(recipes.rows)
    assert len(tree.nodes) < 0.5 * recipes.columns.size
    assert tree.tops.size < 12 * 4 + 1
    long_leaves = [leaf for leaf in leaves(tree) if len(leaf) > LEAF_ROWS]
    for leaf in long_leaves:  # only what is alike to the end
        supports = {
            tuple(tree.columns[tree.indptr[place] : tree.indptr[place + 1]]) for place in leaf
        }
        assert len(supports) == 1


def test_rows_without_entries_have_neighbors_in_l1() -> None:
    rows = SparseRows(
        np.array([0, 0, 1, 1, 2], np.int64), np.array([0, 1], np.int32), np.array([0.5, 0.25]), 2
    )
    graph = nearest_in_l1(rows, 3)
    assert graph.indices.tolist() == [[2, 3, 1], [0, 2, 3], [0, 3, 1], [0, 2, 1]]
    assert graph.distances.tolist() == [
        [0, 0.25, 0.5],
        [0.5, 0.5, 0.75],
        [0, 0.25, 0.5],
        [0.25, 0.25, 0.75],
    ]
    empty = SparseRows(np.zeros(4, np.int64), np.empty(0, np.int32), np.empty(0), 0)
    assert nearest_in_l1(empty, 2).indices.tolist() == [[1, 2], [0, 2], [0, 1]]
