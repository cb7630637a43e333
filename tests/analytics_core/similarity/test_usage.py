"""Usage and complexity, counted again with sets."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.usage import count_usage
from analytics_core.source.cocktaildb import load_catalog
from tests.analytics_core.databases import OUNCE, write_database
from tests.strategies import Tables, tables


def counted(path: Path) -> Any:
    catalog = load_catalog(path)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    return catalog, count_usage(catalog, tree)


@settings(max_examples=20, deadline=None)
@given(tables())
def test_usage_is_what_counting_with_sets_gives(rows: Tables) -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalog, usage = counted(write_database(Path(folder) / "bar.db", **vars(rows)))
    parent = {row[0]: row[2] for row in rows.ingredients}
    direct: dict[int, set[int]] = {i: set() for i in parent}
    below: dict[int, set[int]] = {i: set() for i in parent}
    named: dict[int, set[int]] = {}
    for recipe, ingredient, _, _ in rows.lines:
        direct[ingredient].add(recipe)
        named.setdefault(recipe, set()).add(ingredient)
        above = ingredient
        while above is not None:
            below[above].add(recipe)
            above = parent[above]
    ids = catalog.ingredients.ids.tolist()
    assert usage.direct.tolist() == [len(direct[i]) for i in ids]
    assert usage.hierarchical.tolist() == [len(below[i]) for i in ids]
    sizes = sorted(Counter(len(own) for own in named.values()).items())
    assert usage.complexity.tolist() == [list(pair) for pair in sizes]


def test_an_ingredient_named_twice_counts_once_and_roll_up_does_not_count(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        recipes=[(1, "Gin and gin"), (2, "Gin")],
        # 17 would roll up to 10, its parent; usage counts what the recipe says
        lines=[(1, 17, OUNCE, 1.0), (1, 17, OUNCE, 2.0), (1, 10, OUNCE, 1.0), (2, 10, OUNCE, 1.0)],
    )
    catalog, usage = counted(path)
    at = {i: k for k, i in enumerate(catalog.ingredients.ids.tolist())}
    assert usage.direct[at[17]] == 1
    assert usage.direct[at[10]] == 2
    assert usage.hierarchical[at[10]] == 2
    assert usage.hierarchical[at[1]] == 2
    assert usage.direct[at[1]] == 0
    assert usage.complexity.tolist() == [[1, 1], [2, 1]]


def test_no_recipe_uses_nothing(tmp_path: Path) -> None:
    _, usage = counted(write_database(tmp_path / "bar.db", recipes=[], lines=[]))
    assert usage.direct.sum() == usage.hierarchical.sum() == 0
    assert usage.complexity.shape == (0, 2)


def test_no_ingredients_at_all(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db", ingredients=[], recipes=[], lines=[])
    _, usage = counted(path)
    assert usage.direct.size == usage.hierarchical.size == 0
