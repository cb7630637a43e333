"""Neighbors found again after an edit are those of a search from scratch, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.similarity.mixture import Mixtures
from analytics_core.similarity.neighbors import KnnGraph, nearest_in_l1, nearest_neighbors
from analytics_core.similarity.transport import emd_pairs
from analytics_core.similarity.updating import EarlierGraph, update_neighbors
from tests.strategies import mixtures, mixtures_of, symmetric_costs

Random = np.random.Generator
Recipes = dict[int, dict[int, float]]


def some_recipe(random: Random, width: int) -> dict[int, float]:
    chosen = random.choice(width, random.integers(1, min(5, width) + 1), replace=False)
    return {int(c): float(random.integers(1, 6)) for c in chosen}


def some_cost(random: Random, width: int) -> np.ndarray:
    cost = np.triu(random.random((width, width)) ** 2, 1)
    return cost + cost.T


def as_mixtures(recipes: Recipes, ingredients: np.ndarray) -> Mixtures:
    """Recipes by id, of ingredients by id; the columns are those in `ingredients` alone."""
    at = {int(ingredient): c for c, ingredient in enumerate(ingredients)}
    ids = sorted(recipes)
    rows = [{at[i]: amount for i, amount in recipes[key].items()} for key in ids]
    found = mixtures_of(rows, ingredients.size, ids=ingredients.tolist())
    return replace(found, recipe_ids=np.array(ids, np.int64))


def assert_same(graph: KnnGraph, expected: KnnGraph) -> None:
    np.testing.assert_array_equal(graph.indices, expected.indices)
    assert graph.distances.tobytes() == expected.distances.tobytes()


def edited(random: Random, recipes: Recipes, width: int, changes: int) -> Recipes:
    after = dict(recipes)
    for _ in range(changes):
        kind, key = random.integers(0, 3), int(random.choice(sorted(after)))
        if kind == 0 and len(after) > 1:
            del after[key]
        elif kind == 1:
            after[key] = some_recipe(random, width)
        else:
            after[int(random.integers(1, 10_000))] = some_recipe(random, width)
    return after


@pytest.mark.parametrize("step", [0.0, 1e-6, 0.003, 0.05, 1.0])
@pytest.mark.parametrize("spare", [0, 3])
def test_an_update_is_a_search_from_scratch(step: float, spare: int) -> None:
    random = np.random.default_rng(int(step * 1000) + spare)
    saved = 0
    for _ in range(40):
        width, k = int(random.integers(4, 25)), int(random.integers(1, 8))
        keys = random.choice(10_000, int(random.integers(2, 90)), replace=False).tolist()
        recipes = {int(key): some_recipe(random, width) for key in keys}
        cost = some_cost(random, width)
        after = edited(random, recipes, width, int(random.integers(0, 4)))
        # ingredients of no recipe come and go, and columns move with them
        names = np.arange(width) * 2
        kept = np.sort(random.choice(width, int(random.integers(1, width + 1)), replace=False))
        used = {i for recipe in recipes.values() for i in recipe} | set(kept.tolist())
        columns = np.array(sorted(used))
        before = as_mixtures(
            {key: {2 * i: a for i, a in recipe.items()} for key, recipe in recipes.items()},
            names[columns],
        )
        now = as_mixtures(
            {key: {2 * i: a for i, a in recipe.items()} for key, recipe in after.items()}, names
        )
        moved = cost + step * some_cost(random, width)
        moved = np.maximum(0.0, moved - step * some_cost(random, width))
        old_cost = np.ascontiguousarray(cost[np.ix_(columns, columns)])
        graph = nearest_neighbors(before, old_cost, k + spare)
        found, searched = update_neighbors(EarlierGraph(graph, before, old_cost), now, moved, k)
        assert_same(found, nearest_neighbors(now, moved, k))
        saved += now.count - searched
        near = nearest_in_l1(before.rows, k + spare)
        found, _ = update_neighbors(EarlierGraph(near, before), now, None, k)
        assert_same(found, nearest_in_l1(now.rows, k))
    if step == 0 or (step < 0.01 and spare):
        assert saved > 500  # rows that the bound proved


def test_where_nothing_changed_nothing_is_searched_for() -> None:
    random = np.random.default_rng(5)
    recipes = mixtures_of([some_recipe(random, 12) for _ in range(300)], 12)
    cost = np.round(4 * some_cost(random, 12))
    graph = nearest_neighbors(recipes, cost, 6)
    found, searched = update_neighbors(EarlierGraph(graph, recipes, cost), recipes, cost, 6)
    assert_same(found, graph)
    assert searched == 0
    near = nearest_in_l1(recipes.rows, 6)
    found, searched = update_neighbors(EarlierGraph(near, recipes), recipes, None, 6)
    assert_same(found, near)
    assert searched == 0


def test_one_new_recipe_is_searched_for_and_found_by_those_that_are_near() -> None:
    random = np.random.default_rng(6)
    recipes = {key: some_recipe(random, 30) for key in range(1, 400)}
    names = np.arange(30)
    before = as_mixtures(recipes, names)
    cost = some_cost(random, 30)
    graph = nearest_neighbors(before, cost, 5)
    twin = {200_000: recipes[17], **recipes}
    now = as_mixtures(twin, names)
    found, searched = update_neighbors(EarlierGraph(graph, before, cost), now, cost, 5)
    assert_same(found, nearest_neighbors(now, cost, 5))
    assert searched == 1
    assert 399 in found.indices[16]
    assert found.solved < 0.3 * nearest_neighbors(now, cost, 5).solved + 6 * now.count


@pytest.mark.parametrize("counts", [(0, 1), (1, 0), (1, 1), (1, 3), (3, 1)])
def test_few_recipes(counts: tuple[int, int]) -> None:
    names = np.arange(3)
    before, now = (as_mixtures({n: {n % 3: 1.0} for n in range(c)}, names) for c in counts)
    cost = 1 - np.eye(3)
    graph = nearest_neighbors(before, cost, 2)
    found, _ = update_neighbors(EarlierGraph(graph, before, cost), now, cost, 2)
    assert_same(found, nearest_neighbors(now, cost, 2))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_new_cost_moves_no_distance_by_more_than_it_moves_what_is_poured(
    data: st.DataObject,
) -> None:
    recipes = data.draw(mixtures(min_recipes=2, max_recipes=2))
    one, other = (data.draw(symmetric_costs(recipes.in_play.size)) for _ in range(2))
    before, after = (emd_pairs(recipes, c, np.array([0]), np.array([1]))[0] for c in (one, other))
    margin = 2.0**-42 * max(one.max(initial=0.0), other.max(initial=0.0))
    for row in range(2):
        poured = recipes.dense_row(row)
        assert after >= before - poured @ np.maximum(0, one - other).max(axis=1) - margin
        assert after <= before + poured @ np.maximum(0, other - one).max(axis=1) + margin
