"""From amounts to mixtures: the volume fractions of each recipe, as sparse rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity.arrays import SparseRows

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.source.catalog import Catalog


@dataclass(frozen=True, slots=True, eq=False)
class Mixtures:
    """One sparse row per recipe over the ingredients in play.

    Attributes
    ----------
    recipe_ids : int64 (recipes,)
        Ascending.
    in_play : int32 (m,)
        Ingredient index of each column, ascending.
    ingredient_ids : int64 (m,)
        Database id of each column.
    indptr : int64 (recipes + 1,)
        Row ``r`` is ``columns[indptr[r]:indptr[r + 1]]``.
    columns : int32 (entries,)
        Ascending within a row.
    fractions : float64 (entries,)
        Positive; each row sums to 1.
    """

    recipe_ids: IntArray
    in_play: IntArray
    ingredient_ids: IntArray
    indptr: IntArray
    columns: IntArray
    fractions: FloatArray

    @property
    def count(self) -> int:
        """Number of recipes."""
        return int(self.indptr.size - 1)

    @property
    def largest_support(self) -> int:
        """Most ingredients in one recipe, at least 1."""
        return max(1, int(np.diff(self.indptr).max(initial=0)))

    @property
    def rows(self) -> SparseRows:
        """The fractions alone, without what recipes and columns stand for."""
        return SparseRows(self.indptr, self.columns, self.fractions, self.in_play.size)

    def recipe_of_entries(self) -> IntArray:
        """Row of each entry, int64 (entries,)."""
        return self.rows.row_of_entries()

    def dense_row(self, row: int) -> FloatArray:
        """Fractions of one recipe over all columns.

        Parameters
        ----------
        row : int

        Returns
        -------
        float64 (m,)
        """
        return self.rows.dense_row(row)

    def compressed(self, power: float) -> Mixtures:
        """Return mixtures whose fractions are proportional to ``fraction ** power``.

        A power below 1 lets a dash of bitters say more than its volume.

        Parameters
        ----------
        power : float
            Positive.

        Returns
        -------
        Mixtures
        """
        if power == 1.0:
            return self
        raised = self.fractions**power
        totals = np.bincount(self.recipe_of_entries(), weights=raised, minlength=self.count)
        return Mixtures(
            recipe_ids=self.recipe_ids,
            in_play=self.in_play,
            ingredient_ids=self.ingredient_ids,
            indptr=self.indptr,
            columns=self.columns,
            fractions=raised / totals[self.recipe_of_entries()],
        )


def build_mixtures(catalog: Catalog, tree: IngredientTree) -> Mixtures:
    """Volume fractions after roll-up.

    Lines of one recipe with the same ingredient add up. A line of volume zero keeps its
    ingredient in play and stays out of the row. What the owner declares to be a substitute is in
    play too, used or not.

    Parameters
    ----------
    catalog : Catalog
        Its recipes all have a positive volume.
    tree : IngredientTree
        Of the same catalog.

    Returns
    -------
    Mixtures

    Examples
    --------
    >>> from analytics_core import IngredientTree, load_catalog
    >>> from analytics_core.sample import write_sample_database
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> catalog = load_catalog("bar.db")
    >>> mixtures = build_mixtures(catalog, IngredientTree.from_ingredients(catalog.ingredients))
    >>> catalog.recipes.names[0], mixtures.dense_row(0)[mixtures.dense_row(0) > 0].round(3)
    ('Negroni', array([0.333, 0.333, 0.333]))
    """
    lines = catalog.lines
    declared = catalog.ingredients.counts_as[catalog.substitutes[:, 1]]
    in_play = tree.with_ancestors(np.union1d(lines.rolled, declared))
    width = max(1, in_play.size)
    column = np.searchsorted(in_play, lines.rolled)
    key = lines.recipe.astype(np.int64) * width + column
    order = np.lexsort((lines.volume_ml, key))  # sums in one order, whatever order the rows came in
    unique, start = np.unique(key[order], return_index=True)
    volume = (
        np.add.reduceat(lines.volume_ml[order], start) if start.size else np.empty(0, np.float64)
    )
    unique, volume = unique[volume > 0], volume[volume > 0]
    recipe = unique // width
    recipes = catalog.recipes.ids.size
    total = np.bincount(recipe, weights=volume, minlength=recipes)
    return Mixtures(
        recipe_ids=np.asarray(catalog.recipes.ids, np.int64),
        in_play=in_play,
        ingredient_ids=tree.ids[in_play],
        indptr=np.searchsorted(recipe, np.arange(recipes + 1)).astype(np.int64),
        columns=(unique % width).astype(np.int32),
        fractions=volume / total[recipe],
    )
