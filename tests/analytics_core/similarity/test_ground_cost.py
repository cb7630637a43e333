"""The costs: against an independent oracle on real recipes, and by their own properties."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.sample import write_sample_database
from analytics_core.similarity.context_cost import context_cost
from analytics_core.similarity.ground_cost import (
    LEARNED,
    REFERENCE,
    TREE,
    CostSettings,
    learn_cost,
)
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.similarity.neighbors import nearest_neighbors
from analytics_core.similarity.reference_cost import (
    FLOWS,
    PSEUDO_COUNTS,
    ROUNDS,
    SMALLEST_FLOW,
    TOLERANCE,
    VOTERS,
    cost_from_matches,
    expected_matches,
    match_in_rounds,
)
from analytics_core.source.cocktaildb import load_catalog
from tests.oracle import Oracle, Variant
from tests.strategies import mixtures_of, symmetric_costs, trees_with_mixtures

RECIPES = 60


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fourth recipe of the sample, 60 in all."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    write_sample_database(path)
    with closing(sqlite3.connect(path)) as connection:
        kept = "SELECT id FROM recipes WHERE id % 4 = 1 ORDER BY id LIMIT ?"
        connection.execute(
            f"DELETE FROM recipe_ingredients WHERE recipe_id NOT IN ({kept})", (RECIPES,)
        )
        connection.execute(f"DELETE FROM recipes WHERE id NOT IN ({kept})", (RECIPES,))
        connection.commit()
    return path


@pytest.fixture(scope="module")
def oracle(database: Path) -> Oracle:
    return Oracle(database)


@pytest.fixture(scope="module")
def prepared(database: Path) -> tuple[Mixtures, IngredientTree]:
    catalog = load_catalog(database)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    return build_mixtures(catalog, tree), tree


def test_the_oracle_reads_the_same_recipes(
    oracle: Oracle, prepared: tuple[Mixtures, IngredientTree]
) -> None:
    mixtures, _ = prepared
    assert mixtures.count == len(oracle.recipes) >= RECIPES - 5
    assert mixtures.ingredient_ids.tolist() == oracle.ingredients
    for row, recipe in enumerate(oracle.recipes):
        own = oracle.mixture[recipe]
        dense = [own.get(i, 0.0) for i in oracle.ingredients]
        np.testing.assert_allclose(mixtures.dense_row(row), dense, atol=1e-14)


@pytest.mark.parametrize(
    ("preset", "variant"),
    [(REFERENCE, Variant()), (TREE, Variant(rounds=0))],
    ids=["reference", "tree"],
)
def test_costs_distances_and_neighbors_are_the_oracles(
    preset: CostSettings,
    variant: Variant,
    oracle: Oracle,
    prepared: tuple[Mixtures, IngredientTree],
) -> None:
    mixtures, tree = prepared
    expected = oracle.learn(variant)
    found = learn_cost(mixtures, tree, preset)
    assert found.changes.size == expected.rounds
    np.testing.assert_allclose(found.cost, expected.cost, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.distance_cost, expected.last_cost, rtol=0, atol=1e-9)
    graph = nearest_neighbors(mixtures.compressed(preset.power), found.distance_cost, 10)
    for row, recipe in enumerate(expected.recipes):
        near = expected.neighbors[recipe]
        ids = mixtures.recipe_ids[graph.indices[row]].tolist()
        assert ids == [other for other, _ in near], f"neighbors of recipe {recipe}"
        np.testing.assert_allclose(
            graph.distances[row], [distance for _, distance in near], rtol=0, atol=1e-9
        )


def test_the_context_cost_is_the_oracles(
    oracle: Oracle, prepared: tuple[Mixtures, IngredientTree]
) -> None:
    found = learn_cost(*prepared)
    np.testing.assert_allclose(found.cost, oracle.context(), rtol=0, atol=1e-11)
    assert found.cost is found.distance_cost
    assert found.changes.size == 0


def test_neighbors_under_the_context_cost_are_those_of_brute_force(
    oracle: Oracle, prepared: tuple[Mixtures, IngredientTree]
) -> None:
    """Every pair is solved by POT; which pairs a lower bound spares must not show."""
    mixtures, tree = prepared
    found = learn_cost(mixtures, tree)
    expected = oracle.nearest(oracle.distances(oracle.context(), LEARNED.power), 10)
    graph = nearest_neighbors(mixtures.compressed(LEARNED.power), found.distance_cost, 10)
    assert graph.solved < mixtures.count * (mixtures.count - 1)
    for row, recipe in enumerate(oracle.recipes):
        ids = mixtures.recipe_ids[graph.indices[row]].tolist()
        near = expected[recipe]
        np.testing.assert_allclose(graph.distances[row], [d for _, d in near], rtol=0, atol=1e-9)
        apart = [abs(a - b) for (_, a), (_, b) in pairwise(near)]
        if min(apart) > 1e-9:  # ties on the oracle's own rounding are in either order
            assert ids == [other for other, _ in near], f"neighbors of recipe {recipe}"


def test_declared_substitutes_are_a_prior(
    oracle: Oracle, prepared: tuple[Mixtures, IngredientTree]
) -> None:
    mixtures, tree = prepared
    used = [int(i) for i in mixtures.ingredient_ids[np.unique(mixtures.columns)]]
    plain = learn_cost(mixtures, tree).cost
    pair = (used[3], used[-4])
    told = learn_cost(mixtures, tree, declared=[pair, pair[::-1], (used[0], 10**9)]).cost
    np.testing.assert_allclose(told, oracle.context(declared=(pair,)), rtol=0, atol=1e-11)
    at = [mixtures.ingredient_ids.tolist().index(i) for i in pair]
    assert told[at[0], at[1]] < plain[at[0], at[1]]
    for settings_ in (REFERENCE, TREE):
        with pytest.raises(ValueError, match="declared substitutes have no place"):
            learn_cost(mixtures, tree, settings_, declared=[pair])


@settings(max_examples=60, deadline=None)
@given(trees_with_mixtures(), st.randoms(use_true_random=False))
def test_the_context_cost_depends_on_neither_order_nor_size(drawn: Any, chance: Any) -> None:
    tree, mixtures = drawn
    rows = [
        {
            int(c): float(f) * scale
            for c, f in zip(
                mixtures.columns[a:b].tolist(), mixtures.fractions[a:b].tolist(), strict=True
            )
        }
        for a, b, scale in zip(
            mixtures.indptr[:-1].tolist(),
            mixtures.indptr[1:].tolist(),
            [chance.choice([0.5, 1.0, 30.0]) for _ in range(mixtures.count)],
            strict=True,
        )
    ]
    chance.shuffle(rows)
    width = mixtures.in_play.size
    other = mixtures_of(rows, width, tree.ids.tolist())
    tree_cost = tree.distance_matrix(mixtures.in_play, decay=0.8)
    one = context_cost(mixtures.compressed(0.4), tree, tree_cost)
    np.testing.assert_allclose(
        context_cost(other.compressed(0.4), tree, tree_cost), one, rtol=0, atol=1e-6
    )
    off = one[~np.eye(width, dtype=bool)]
    assert (one == one.T).all()
    assert (off >= 0).all()


def test_drinks_of_one_ingredient_say_nothing(prepared: tuple[Mixtures, IngredientTree]) -> None:
    _, tree = prepared
    alone = mixtures_of([{0: 1.0}, {2: 1.0}], tree.ids.size, tree.ids.tolist())
    tree_cost = tree.distance_matrix(alone.in_play, decay=0.8)
    cost = context_cost(alone, tree, tree_cost)
    median = np.median(tree_cost[~np.eye(tree.ids.size, dtype=bool)])
    expected = tree_cost / (2 * median) + 0.5 * (1 - np.eye(tree.ids.size))
    np.testing.assert_allclose(cost, expected, rtol=0, atol=1e-11)


def test_parts_of_the_work_add_up(
    prepared: tuple[Mixtures, IngredientTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = learn_cost(*prepared).cost
    monkeypatch.setattr("analytics_core.similarity.context_cost.PAIRS_AT_ONCE", 7)
    np.testing.assert_allclose(learn_cost(*prepared).cost, whole, rtol=0, atol=1e-11)


def test_the_reference_really_learns_on_this_data(oracle: Oracle) -> None:
    """Guards the test above: with costs that stay the tree's, it would show little."""
    outcome = oracle.learn()
    assert outcome.rounds >= 2
    assert np.abs(outcome.cost - outcome.tree).max() > 0.1


def test_the_reference_is_the_contracts() -> None:
    assert (ROUNDS, VOTERS, TOLERANCE) == (5, 10, 1e-3)
    assert (FLOWS, SMALLEST_FLOW, PSEUDO_COUNTS) == (3, 0.05, 1.0)
    assert CostSettings("rounds", power=1.0, decay=1.0) == REFERENCE
    assert CostSettings("context", power=0.4, decay=0.8) == LEARNED
    assert CostSettings("tree", power=1.0, decay=1.0) == TREE


def test_learning_twice_gives_the_same_bits(prepared: tuple[Mixtures, IngredientTree]) -> None:
    first, second = (learn_cost(*prepared, LEARNED) for _ in range(2))
    assert first.cost.tobytes() == second.cost.tobytes()
    assert first.distance_cost.tobytes() == second.distance_cost.tobytes()


def test_rounds_are_told(prepared: tuple[Mixtures, IngredientTree]) -> None:
    mixtures, tree = prepared
    told = []
    tree_cost = tree.distance_matrix(mixtures.in_play)
    *_, changes = match_in_rounds(
        mixtures, tree_cost, rounds=2, progress=lambda *now: told.append(now)
    )
    assert told == [(1, 2), (2, 2)]
    assert changes.size == 2
    learn_cost(mixtures, tree, progress=lambda *now: told.append(now))
    assert told[2:] == [(1, 1)]


def test_learning_stops_when_the_cost_hardly_changes(
    prepared: tuple[Mixtures, IngredientTree],
) -> None:
    mixtures, tree = prepared
    tree_cost = tree.distance_matrix(mixtures.in_play)
    first, _, changes = match_in_rounds(mixtures, tree_cost, rounds=1)
    assert 0.05 < changes[0] < 1
    stopped, _, changes = match_in_rounds(mixtures, tree_cost, tolerance=1.0)
    assert changes.size == 1
    np.testing.assert_array_equal(stopped, first)


@settings(max_examples=40, deadline=None)
@given(trees_with_mixtures(), st.sampled_from([REFERENCE, LEARNED, TREE]))
def test_a_learned_cost_is_a_cost_whatever_the_recipes(drawn: Any, preset: CostSettings) -> None:
    tree, mixtures = drawn
    found = learn_cost(mixtures, tree, preset)
    for cost in (found.cost, found.distance_cost):
        assert np.isfinite(cost).all()
        assert (cost >= 0).all()
        np.testing.assert_allclose(cost, cost.T, rtol=0, atol=1e-12)
        assert (np.diag(cost) == 0).all()
    assert found.changes.size <= (ROUNDS if preset is REFERENCE else 0)
    tree_cost = tree.distance_matrix(mixtures.in_play, decay=preset.decay)
    if preset is TREE or (preset is REFERENCE and mixtures.count < 2):
        np.testing.assert_array_equal(found.cost, tree_cost)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_matches_are_shared_out_within_a_unit_a_recipe(data: st.DataObject) -> None:
    _, mixtures = data.draw(trees_with_mixtures(min_recipes=2))
    cost = data.draw(symmetric_costs(mixtures.in_play.size).map(lambda c: np.minimum(c, 10)))
    k = data.draw(st.integers(1, 4))
    graph = nearest_neighbors(mixtures, cost, k)
    matches = expected_matches(mixtures, cost, graph, flows=1000, smallest_flow=0.0)
    np.testing.assert_allclose(matches, matches.T, atol=1e-12)
    assert matches.sum() == pytest.approx(mixtures.count)
    trimmed = expected_matches(mixtures, cost, graph)
    assert (trimmed <= matches + 1e-12).all()
    assert 0 < trimmed.sum() <= mixtures.count + 1e-9


def test_the_formula_of_the_maximization_by_hand() -> None:
    """Two ingredients, matched 2 to 1 with themselves and 1 with each other; a = 1, m = 2."""
    matches = np.array([[2.0, 1.0], [1.0, 1.0]])
    cost = cost_from_matches(matches)
    np.testing.assert_allclose(cost, [[0.0, 1.0], [1.0, 0.0]])  # the median is 1 by definition

    matches = np.zeros((3, 3))
    matches[0, 1] = matches[1, 0] = 3.0
    cost = cost_from_matches(matches)
    rows = np.array([6.0, 6.0, 3.0])  # row sums with a = 1 on 3 columns
    log_odds = -np.log((matches + 1.0) / (np.outer(rows, rows) / 15.0))
    log_odds -= log_odds.min()
    middle = sorted([log_odds[0, 1], log_odds[0, 2], log_odds[1, 2]])[1]
    np.testing.assert_allclose(cost[0, 2], log_odds[0, 2] / middle)
    assert cost[0, 1] == 0.0  # matched most often: the cheapest
    assert cost[0, 2] == cost[1, 2] == pytest.approx(1.0)


def test_what_is_swapped_often_becomes_cheap(prepared: tuple[Mixtures, IngredientTree]) -> None:
    mixtures, tree = prepared
    found = learn_cost(mixtures, tree, LEARNED)
    off = found.cost[~np.eye(mixtures.in_play.size, dtype=bool)]
    used = np.unique(mixtures.columns)
    own = found.cost[np.ix_(used, used)] + np.diag(np.full(used.size, np.inf))
    assert np.median(own.min(axis=1)) < 0.8 * np.median(off)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "guess"),
        ("power", 0.0),
        ("power", float("nan")),
        ("decay", -1.0),
        ("decay", 11.0),
    ],
)
def test_settings_that_mean_nothing_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is"):
        CostSettings(**{name: value})
