"""Usage and complexity: how often each ingredient is used, how many a drink has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import IntArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.source.catalog import Catalog


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """Counts of recipes, before roll-up.

    Attributes
    ----------
    direct : int64 (ingredients,)
        Recipes that name the ingredient itself.
    hierarchical : int64 (ingredients,)
        Recipes that name it or anything below it; each recipe once.
    complexity : int64 (c, 2)
        (distinct ingredients, recipes that have as many), ascending.
    """

    direct: IntArray
    hierarchical: IntArray
    complexity: IntArray


def count_usage(catalog: Catalog, tree: IngredientTree) -> Usage:
    """Count how recipes use the hierarchy.

    Parameters
    ----------
    catalog : Catalog
    tree : IngredientTree
        Of the same catalog.

    Returns
    -------
    Usage
    """
    count = tree.ids.size
    width = max(1, count)
    lines = catalog.lines
    named = np.unique(lines.recipe.astype(np.int64) * width + lines.ingredient)
    recipe, ingredient = named // width, named % width
    family = tree.lineage[ingredient]
    there = family >= 0
    touched = np.unique((recipe[:, None] * width + family)[there])
    sizes = np.bincount(recipe, minlength=catalog.recipes.ids.size)
    values, recipes = np.unique(sizes, return_counts=True)
    return Usage(
        direct=np.bincount(ingredient, minlength=count),
        hierarchical=np.bincount(touched % width, minlength=count),
        complexity=np.stack([values, recipes], axis=1).astype(np.int64),
    )
