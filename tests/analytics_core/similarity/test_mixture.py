"""Mixtures: fractions after roll-up, from real SQLite files."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.source.catalog import Catalog
from analytics_core.source.cocktaildb import load_catalog
from tests.analytics_core.databases import EACH, OUNCE, write_database
from tests.oracle import Oracle
from tests.strategies import Tables, mixtures, mixtures_of, tables


def read(path: Path) -> tuple[Catalog, IngredientTree, Mixtures]:
    catalog = load_catalog(path)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    return catalog, tree, build_mixtures(catalog, tree)


@settings(max_examples=15, deadline=None)
@given(tables())
def test_mixtures_are_what_plain_arithmetic_gives(rows: Tables) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_database(Path(folder) / "bar.db", **vars(rows))
        _, _, found = read(path)
        expected = Oracle(path)
    assert found.recipe_ids.tolist() == expected.recipes
    assert found.ingredient_ids.tolist() == expected.ingredients
    for row, recipe in enumerate(expected.recipes):
        own = expected.mixture[recipe]
        np.testing.assert_allclose(
            found.dense_row(row), [own.get(i, 0.0) for i in expected.ingredients], atol=1e-14
        )


@settings(max_examples=15, deadline=None)
@given(tables())
def test_roll_up_conserves_mass(rows: Tables) -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalog, tree, found = read(write_database(Path(folder) / "bar.db", **vars(rows)))
    lines = catalog.lines
    assert np.diff(found.indptr).min(initial=1) >= 1
    for row in range(found.count):
        dense = found.dense_row(row)
        assert dense.sum() == pytest.approx(1.0, abs=1e-12)
        own = lines.recipe == row
        total = lines.volume_ml[own].sum()
        roots = tree.roots[found.in_play]
        for root in np.unique(tree.roots):  # nothing leaves its root ingredient
            before = lines.volume_ml[own][tree.roots[lines.ingredient[own]] == root].sum() / total
            assert dense[roots == root].sum() == pytest.approx(before, abs=1e-12)
    assert (found.fractions > 0).all()
    for row in range(found.count):
        columns = found.columns[found.indptr[row] : found.indptr[row + 1]]
        assert (np.diff(columns) > 0).all()


@settings(max_examples=8, deadline=None)
@given(tables(), st.integers(1, 99))
def test_the_order_of_rows_changes_no_bit(rows: Tables, shuffle: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = read(write_database(Path(folder) / "a.db", **vars(rows)))[2]
        second = read(write_database(Path(folder) / "b.db", **vars(rows), shuffle=shuffle))[2]
    for name in ("recipe_ids", "in_play", "ingredient_ids", "indptr", "columns", "fractions"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name


def test_substitutable_leaves_count_as_their_parent_and_add_up(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        recipes=[(1, "Two gins")],
        # London Dry Gin (17) rolls up to Gin (10); Old Tom (18) stands for itself
        lines=[(1, 17, OUNCE, 1.0), (1, 10, OUNCE, 1.0), (1, 18, OUNCE, 1.0), (1, 17, OUNCE, 1.0)],
    )
    _, _, found = read(path)
    assert found.ingredient_ids.tolist() == [1, 10, 18]  # with the ancestor, Spirit
    np.testing.assert_allclose(found.dense_row(0), [0.0, 0.75, 0.25])


def test_an_amount_of_zero_keeps_its_ingredient_in_play_and_stays_out_of_the_row(
    tmp_path: Path,
) -> None:
    path = write_database(
        tmp_path / "bar.db",
        recipes=[(1, "Nearly Campari")],
        lines=[(1, 3, OUNCE, 1.0), (1, 5, OUNCE, 0.0)],
    )
    _, _, found = read(path)
    assert found.ingredient_ids.tolist() == [3, 5]
    assert found.columns.tolist() == [0]
    assert found.fractions.tolist() == [1.0]


def test_an_egg_counts_a_milliliter(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db", recipes=[(1, "Egg")], lines=[(1, 7, EACH, 3.0), (1, 3, None, 9.0)]
    )
    np.testing.assert_allclose(read(path)[2].fractions, [0.9, 0.1])


@settings(max_examples=40, deadline=None)
@given(mixtures(), st.sampled_from([0.25, 0.5, 2.0]))
def test_compression_keeps_rows_whole_and_in_order(recipes: Mixtures, power: float) -> None:
    compressed = recipes.compressed(power)
    for row in range(recipes.count):
        before, after = recipes.dense_row(row), compressed.dense_row(row)
        assert after.sum() == pytest.approx(1.0, abs=1e-12)
        np.testing.assert_allclose(after, before**power / (before**power).sum(), atol=1e-14)


def test_a_power_of_one_changes_nothing() -> None:
    recipes = mixtures_of([{0: 1, 1: 2}], 2)
    assert recipes.compressed(1.0) is recipes


def test_no_recipe_is_a_mixture_of_nothing(tmp_path: Path) -> None:
    _, _, found = read(write_database(tmp_path / "bar.db", recipes=[], lines=[]))
    assert found.count == 0
    assert found.in_play.size == found.fractions.size == 0
    assert found.indptr.tolist() == [0]
    assert found.largest_support == 1
    assert found.compressed(0.5).count == 0


def test_the_largest_support_is_the_longest_row() -> None:
    recipes = mixtures_of([{0: 1}, {0: 1, 1: 1, 2: 1}], 3)
    assert recipes.largest_support == 3
    assert recipes.recipe_of_entries().tolist() == [0, 1, 1, 1]
    assert replace(recipes, recipe_ids=recipes.recipe_ids).count == 2
