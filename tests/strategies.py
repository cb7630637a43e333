"""What Hypothesis draws: hierarchies, mixtures, costs, transport problems, whole databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures
from analytics_core.source.catalog import Ingredients
from tests.analytics_core.databases import EACH, OUNCE, TO_RINSE, TO_TOP, UNITS

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Tables:
    """Rows of a database, as `tests.analytics_core.databases.write_database` takes them."""

    ingredients: list[tuple[Any, ...]]
    units: tuple[tuple[Any, ...], ...]
    recipes: list[tuple[Any, ...]]
    lines: list[tuple[Any, ...]]


@st.composite
def forests(draw: Draw, min_size: int = 1, max_size: int = 14) -> Ingredients:
    """A hierarchy of any shape. Parents may have higher ids than their children, ids have gaps."""
    count = draw(st.integers(min_size, max_size))
    ids = sorted(draw(st.sets(st.integers(1, 500), min_size=count, max_size=count)))
    order = draw(st.permutations(range(count)))  # an ingredient's parent comes earlier in here
    parents = [-1] * count
    for place, node in enumerate(order):
        above = draw(st.integers(-1, place - 1))
        parents[node] = order[above] if above >= 0 else -1
    return ingredients_of(
        ids, parents, draw(st.lists(st.booleans(), min_size=count, max_size=count))
    )


def ingredients_of(ids: list[int], parents: list[int], allow: list[bool]) -> Ingredients:
    """Ingredients with names and paths made from parent indices."""

    def path(node: int) -> str:
        above = "/" if parents[node] < 0 else path(parents[node])
        return f"{above}{ids[node]}/"

    return Ingredients(
        ids=np.array(ids, np.int64),
        names=tuple(f"Ingredient {i}" for i in ids),
        parents=np.array(parents, np.int32),
        allow_substitution=np.array(allow, bool),
        paths=tuple(path(node) for node in range(len(ids))),
        strength=np.full(len(ids), np.nan),
    )


def mixtures_of(rows: list[dict[int, float]], width: int, ids: list[int] | None = None) -> Mixtures:
    """Mixtures from {column: weight}; each row is divided by its sum."""
    columns, fractions, indptr = [], [], [0]
    for row in rows:
        total = sum(row.values())
        for column in sorted(row):
            columns.append(column)
            fractions.append(row[column] / total)
        indptr.append(len(columns))
    return Mixtures(
        recipe_ids=np.arange(1, len(rows) + 1, dtype=np.int64) * 3,
        in_play=np.arange(width, dtype=np.int32),
        ingredient_ids=np.array(ids if ids is not None else range(1, width + 1), np.int64),
        indptr=np.array(indptr, np.int64),
        columns=np.array(columns, np.int32),
        fractions=np.array(fractions, np.float64),
    )


# Few distinct weights make ties and degenerate problems, arbitrary ones make neither.
WEIGHTS = st.one_of(
    st.integers(1, 3).map(float), st.floats(1e-3, 10, allow_nan=False, allow_subnormal=False)
)


def rows(width: int, *, max_support: int = 6) -> st.SearchStrategy[dict[int, float]]:
    """One recipe: some of the columns, with weights."""
    return st.dictionaries(
        st.integers(0, width - 1), WEIGHTS, min_size=1, max_size=min(width, max_support)
    )


@st.composite
def mixtures(
    draw: Draw, min_recipes: int = 1, max_recipes: int = 9, width: int | None = None
) -> Mixtures:
    """A few recipes over a few ingredients."""
    width = width or draw(st.integers(1, 8))
    return mixtures_of(
        draw(st.lists(rows(width), min_size=min_recipes, max_size=max_recipes)), width
    )


@st.composite
def trees_with_mixtures(draw: Draw, min_recipes: int = 1) -> tuple[IngredientTree, Mixtures]:
    """A hierarchy, and recipes over all of its ingredients, inner ones too."""
    tree = IngredientTree.from_ingredients(draw(forests()))
    width = tree.ids.size
    recipes = draw(st.lists(rows(width), min_size=min_recipes, max_size=6))
    return tree, mixtures_of(recipes, width, tree.ids.tolist())


def cost_entries() -> st.SearchStrategy[st.SearchStrategy[float]]:
    """Choose what a cost is made of: nothing but zeros, ties, or arbitrary numbers."""
    return st.sampled_from(
        [
            st.just(0.0),
            st.integers(0, 2).map(float),
            st.floats(0, 5, allow_subnormal=False),
            st.floats(0, 1e-6, allow_subnormal=False),
            st.floats(0, 1e6, allow_subnormal=False),
        ]
    )


@st.composite
def symmetric_costs(draw: Draw, width: int) -> np.ndarray:
    """A symmetric cost with a zero diagonal, metric or not."""
    square = draw(arrays(np.float64, (width, width), elements=draw(cost_entries())))
    cost = np.triu(square, 1)
    found: np.ndarray = cost + cost.T
    return found


@st.composite
def metric_costs(draw: Draw, width: int) -> np.ndarray:
    """A (pseudo)metric: shortest paths through an arbitrary cost."""
    cost = draw(symmetric_costs(width)).copy()
    for k in range(width):
        cost = np.minimum(cost, cost[:, k, None] + cost[None, k, :])
    found: np.ndarray = cost
    return found


@dataclass(frozen=True)
class Problem:
    """One transport problem."""

    a: np.ndarray
    b: np.ndarray
    cost: np.ndarray


@st.composite
def problems(draw: Draw, max_side: int = 7, *, whole: bool = False) -> Problem:
    """A balanced problem with any non-negative cost, of any shape, not symmetric either.

    With `whole`, masses and costs are small whole numbers: ties everywhere, and no rounding.
    """
    m, n = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    if whole:
        units = draw(st.integers(1, 12))
        a, b = np.zeros(m), np.zeros(n)
        for side in (a, b):
            for place in draw(
                st.lists(st.integers(0, side.size - 1), min_size=units, max_size=units)
            ):
                side[place] += 1
        return Problem(a, b, draw(arrays(np.float64, (m, n), elements=st.integers(0, 3))))
    weight = st.one_of(st.just(0.0), WEIGHTS)
    a, b = (
        np.array(draw(st.lists(weight, min_size=size, max_size=size).filter(any)))
        for size in (m, n)
    )
    cost = draw(arrays(np.float64, (m, n), elements=draw(cost_entries())))
    return Problem(a / a.sum(), b / b.sum(), cost)


@st.composite
def tables(draw: Draw, max_recipes: int = 7) -> Tables:
    """A sound database: a hierarchy, units, recipes whose volumes are positive."""
    ingredients = draw(forests(max_size=10))
    ids = ingredients.ids.tolist()
    recipe_ids = sorted(draw(st.sets(st.integers(1, 90), min_size=0, max_size=max_recipes)))
    measured = st.tuples(
        st.sampled_from([*(unit[0] for unit in UNITS if unit[3]), None]),
        st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 30.0]),
    )
    vague = st.tuples(
        st.sampled_from([TO_TOP, TO_RINSE, EACH, OUNCE, None]), st.sampled_from([None, 1.0])
    )
    lines = []
    for recipe in recipe_ids:
        used = draw(st.lists(st.sampled_from(ids), min_size=1, max_size=5))
        lines += [(recipe, ingredient, *draw(st.one_of(measured, vague))) for ingredient in used]
    rows = [
        (
            ids[i],
            ingredients.names[i],
            None if ingredients.parents[i] < 0 else ids[ingredients.parents[i]],
            ingredients.paths[i],
            int(ingredients.allow_substitution[i]),
        )
        for i in range(len(ids))
    ]
    return Tables(rows, UNITS, [(r, f"Recipe {r}") for r in recipe_ids], lines)
