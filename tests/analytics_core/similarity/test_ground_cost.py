"""The learned cost: against an independent oracle on real recipes, and by its own properties."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.sample import write_sample_database
from analytics_core.similarity.ground_cost import (
    LEARNED,
    REFERENCE,
    TREE,
    CostSettings,
    cost_from_matches,
    expected_matches,
    learn_cost,
)
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.similarity.neighbors import nearest_neighbors
from analytics_core.source.cocktaildb import load_catalog
from tests.oracle import Oracle, Variant
from tests.strategies import symmetric_costs, trees_with_mixtures

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
    [
        (REFERENCE, Variant()),
        (TREE, Variant(rounds=0)),
        (
            LEARNED,
            Variant(
                power=LEARNED.power,
                decay=LEARNED.decay,
                tree_prior=(LEARNED.prior_strength, LEARNED.temperature),
                blend=LEARNED.blend,
            ),
        ),
    ],
    ids=["reference", "tree", "learned"],
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


def test_the_reference_really_learns_on_this_data(oracle: Oracle) -> None:
    """Guards the test above: with costs that stay the tree's, it would show little."""
    outcome = oracle.learn()
    assert outcome.rounds >= 2
    assert np.abs(outcome.cost - outcome.tree).max() > 0.1


def test_the_reference_is_the_contracts() -> None:
    assert CostSettings() == REFERENCE
    assert (REFERENCE.rounds, REFERENCE.neighbors, REFERENCE.tolerance) == (5, 10, 1e-3)
    assert (REFERENCE.flows, REFERENCE.smallest_flow, REFERENCE.pseudo_counts) == (3, 0.05, 1.0)
    assert (REFERENCE.power, REFERENCE.decay, REFERENCE.blend) == (1.0, 1.0, 0.0)
    assert REFERENCE.prior == "uniform"


def test_learning_twice_gives_the_same_bits(prepared: tuple[Mixtures, IngredientTree]) -> None:
    first, second = (learn_cost(*prepared, LEARNED) for _ in range(2))
    assert first.cost.tobytes() == second.cost.tobytes()
    assert first.distance_cost.tobytes() == second.distance_cost.tobytes()


def test_rounds_are_told(prepared: tuple[Mixtures, IngredientTree]) -> None:
    told = []
    found = learn_cost(
        *prepared, replace(REFERENCE, rounds=2), progress=lambda *now: told.append(now)
    )
    assert told == [(1, 2), (2, 2)]
    assert found.changes.size == 2


def test_learning_stops_when_the_cost_hardly_changes(
    prepared: tuple[Mixtures, IngredientTree],
) -> None:
    first = learn_cost(*prepared, replace(REFERENCE, rounds=1))
    assert 0.05 < first.changes[0] < 1
    stopped = learn_cost(*prepared, replace(REFERENCE, tolerance=1.0))
    assert stopped.changes.size == 1
    np.testing.assert_array_equal(stopped.cost, first.cost)


@settings(max_examples=40, deadline=None)
@given(
    trees_with_mixtures(), st.sampled_from([REFERENCE, LEARNED, TREE, replace(LEARNED, blend=0.0)])
)
def test_a_learned_cost_is_a_cost_whatever_the_recipes(drawn: Any, preset: CostSettings) -> None:
    tree, mixtures = drawn
    found = learn_cost(mixtures, tree, preset)
    for cost in (found.cost, found.distance_cost):
        assert np.isfinite(cost).all()
        assert (cost >= 0).all()
        np.testing.assert_allclose(cost, cost.T, rtol=0, atol=1e-12)
        assert (np.diag(cost) == 0).all()
    assert found.changes.size <= preset.rounds
    tree_cost = tree.distance_matrix(mixtures.in_play, decay=preset.decay)
    if preset is TREE or mixtures.count < 2:
        np.testing.assert_array_equal(found.cost, tree_cost)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_matches_are_shared_out_within_a_unit_a_recipe(data: st.DataObject) -> None:
    _, mixtures = data.draw(trees_with_mixtures(min_recipes=2))
    cost = data.draw(symmetric_costs(mixtures.in_play.size).map(lambda c: np.minimum(c, 10)))
    k = data.draw(st.integers(1, 4))
    graph = nearest_neighbors(mixtures, cost, k)
    whole = CostSettings(flows=1000, smallest_flow=0.0)
    matches = expected_matches(mixtures, cost, graph, whole)
    np.testing.assert_allclose(matches, matches.T, atol=1e-12)
    assert matches.sum() == pytest.approx(mixtures.count)
    trimmed = expected_matches(mixtures, cost, graph, REFERENCE)
    assert (trimmed <= matches + 1e-12).all()
    assert 0 < trimmed.sum() <= mixtures.count + 1e-9


def test_the_formula_of_the_maximisation_by_hand() -> None:
    """Two ingredients, matched 2 to 1 with themselves and 1 with each other; a = 1, m = 2."""
    matches = np.array([[2.0, 1.0], [1.0, 1.0]])
    cost = cost_from_matches(matches, np.array([[0.0, 2.0], [2.0, 0.0]]), REFERENCE)
    np.testing.assert_allclose(cost, [[0.0, 1.0], [1.0, 0.0]])  # the median is 1 by definition

    matches = np.zeros((3, 3))
    matches[0, 1] = matches[1, 0] = 3.0
    cost = cost_from_matches(matches, np.ones((3, 3)) - np.eye(3), REFERENCE)
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
        ("rounds", -1), ("neighbors", 0), ("tolerance", 2.0), ("flows", 0), ("smallest_flow", 1.5),
        ("power", 0.0), ("decay", -1.0), ("pseudo_counts", 0.0), ("prior_strength", -1.0),
        ("temperature", 0.0), ("blend", 1.1), ("blend", float("nan")),
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is"):
        CostSettings(**{name: value})
