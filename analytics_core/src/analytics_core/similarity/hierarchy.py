"""The ingredient hierarchy: ancestors, tree distance and its transport in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity.arrays import SparseRows, row_blocks

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import BoolArray, FloatArray, IntArray
    from analytics_core.source.catalog import Ingredients


@dataclass(frozen=True, slots=True, eq=False)
class IngredientTree:
    """A forest of ingredients under one implicit root.

    Attributes
    ----------
    ids : int64 (ingredients,)
        Database ids, ascending.
    parents : int32 (ingredients,)
        Index of the parent; -1 under the implicit root.
    depth : int32 (ingredients,)
        Edges to the implicit root; 1 for a root ingredient.
    lineage : int32 (ingredients, levels)
        ``lineage[i, d]`` is the ancestor of ``i`` at depth ``d + 1`` (``i`` itself at its own
        depth), -1 below.
    """

    ids: IntArray
    parents: IntArray
    depth: IntArray
    lineage: IntArray

    @classmethod
    def from_ingredients(cls, ingredients: Ingredients) -> IngredientTree:
        """Build the tree of a catalog's ingredients.

        Parameters
        ----------
        ingredients : Ingredients
            Acyclic: the catalog has seen to it.

        Returns
        -------
        IngredientTree
        """
        parents = np.asarray(ingredients.parents, dtype=np.int32)
        count = parents.size
        upward = [np.arange(count, dtype=np.int32)]
        while count and (upward[-1] >= 0).any():
            current = upward[-1]
            upward.append(np.where(current >= 0, parents[current], -1).astype(np.int32))
        chain = np.stack(upward, axis=1) if count else np.empty((0, 1), np.int32)
        depth = (chain >= 0).sum(axis=1).astype(np.int32)
        levels = int(depth.max()) if count else 0
        lineage = np.full((count, levels), -1, dtype=np.int32)
        rows = np.arange(count)
        for step in range(levels):
            alive = depth > step
            lineage[rows[alive], depth[alive] - 1 - step] = chain[alive, step]
        return cls(np.asarray(ingredients.ids, np.int64), parents, depth, lineage)

    @property
    def roots(self) -> IntArray:
        """Index of the root ingredient above each ingredient, int32 (ingredients,)."""
        return self.lineage[:, 0] if self.lineage.shape[1] else np.empty(0, np.int32)

    def has_children(self) -> BoolArray:
        """Whether each ingredient has children, bool (ingredients,)."""
        inner = np.zeros(self.parents.size, dtype=bool)
        inner[self.parents[self.parents >= 0]] = True
        return inner

    def with_ancestors(self, used: IntArray) -> IntArray:
        """Return the given ingredients and all their ancestors.

        Parameters
        ----------
        used : int (n,)
            Ingredient indices.

        Returns
        -------
        int32 (m,)
            Ascending, each once.
        """
        family = np.unique(self.lineage[np.asarray(used, dtype=np.int64)])
        return family[family >= 0].astype(np.int32)

    def edge_weights(self, decay: float = 1.0) -> FloatArray:
        """Weight of the edge above a node of each depth.

        Parameters
        ----------
        decay : float, default 1.0

        Returns
        -------
        float64 (levels,)
            ``decay ** (depth - 1)`` for depths from 1.
        """
        return np.asarray(decay, dtype=np.float64) ** np.arange(self.lineage.shape[1])

    def distance_matrix(self, nodes: IntArray, *, decay: float = 1.0) -> FloatArray:
        """Tree distance between the given ingredients.

        Parameters
        ----------
        nodes : int (m,)
            Ingredient indices.
        decay : float, default 1.0
            Factor by which edges shrink from level to level; 1 counts edges.

        Returns
        -------
        float64 (m, m)
            Symmetric, zero diagonal; unit: edges next to the root.

        Examples
        --------
        >>> import numpy as np
        >>> from analytics_core import load_catalog
        >>> from analytics_core.sample import write_sample_database
        >>> write_sample_database("bar.db", recipes=40, overwrite=True)
        >>> ingredients = load_catalog("bar.db").ingredients
        >>> tree = IngredientTree.from_ingredients(ingredients)
        >>> names = ("Gin", "London Dry Gin", "Campari")
        >>> tree.distance_matrix(np.array([ingredients.names.index(name) for name in names]))
        array([[0., 1., 4.],
               [1., 0., 5.],
               [4., 5., 0.]])
        """
        nodes = np.asarray(nodes, dtype=np.int64)
        weights = self.edge_weights(decay)
        height = np.concatenate([[0.0], np.cumsum(weights)])[self.depth[nodes]]
        distance = np.empty((nodes.size, nodes.size))
        lineage = self.lineage[nodes]
        for rows in row_blocks(nodes.size, nodes.size):
            shared = np.zeros((rows.stop - rows.start, nodes.size))
            for level, weight in enumerate(weights):
                column = lineage[:, level]
                own = column[rows, None]
                shared += weight * ((own == column[None, :]) & (own >= 0))
            distance[rows] = height[rows, None] + height[None, :] - 2.0 * shared
        np.fill_diagonal(distance, 0.0)
        return np.maximum(distance, 0.0, out=distance)

    def spread(self, rows: SparseRows, nodes: IntArray, *, decay: float = 1.0) -> SparseRows:
        """Spread the masses of each row over the edges above its ingredients.

        Under a tree distance the Earth Mover's Distance is the L1 distance of these rows: every
        edge carries the difference between the masses below it [1]_.

        Parameters
        ----------
        rows : SparseRows
            Such as those of mixtures.
        nodes : int (width,)
            Ingredient index of each column.
        decay : float, default 1.0
            As in `distance_matrix`.

        Returns
        -------
        SparseRows
            Columns are ingredients (edges toward the root), values mass below times edge weight.

        References
        ----------
        .. [1] S. N. Evans and F. A. Matsen, "The phylogenetic Kantorovich-Rubinstein metric for
           environmental sequence samples", J. R. Stat. Soc. B 74, 2012.
        """
        weights = self.edge_weights(decay)
        count = self.ids.size
        row = rows.row_of_entries()
        node = nodes[rows.columns]
        keys: list[IntArray] = []
        masses: list[FloatArray] = []
        for level, weight in enumerate(weights):
            ancestor = self.lineage[node, level]
            there = ancestor >= 0
            keys.append(row[there].astype(np.int64) * max(count, 1) + ancestor[there])
            masses.append(rows.values[there] * weight)
        key = np.concatenate(keys) if keys else np.empty(0, np.int64)
        mass = np.concatenate(masses) if masses else np.empty(0)
        unique, inverse = np.unique(key, return_inverse=True)
        total = np.bincount(inverse, weights=mass, minlength=unique.size)
        return SparseRows(
            indptr=np.searchsorted(unique // max(count, 1), np.arange(rows.count + 1)).astype(
                np.int64
            ),
            columns=(unique % max(count, 1)).astype(np.int32),
            values=total.astype(np.float64),
            width=count,
        )
