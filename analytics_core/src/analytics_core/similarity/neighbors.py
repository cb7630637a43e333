"""Exact k nearest neighbors, found by lower bounds and pruning instead of all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity import _kernels
from analytics_core.similarity.parallel import for_chunks, ignore_progress
from analytics_core.similarity.transport import check_ground_cost, emd_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import FloatArray, IntArray, SparseRows
    from analytics_core.similarity.mixture import Mixtures

ROWS_PER_CALL = 64  # rows per compiled call: milliseconds to tenths of a second


@dataclass(frozen=True, slots=True, eq=False)
class KnnGraph:
    """The k nearest recipes of each recipe, nearest first, ties by recipe id.

    Attributes
    ----------
    indices : int32 (recipes, k)
        Rows of the mixtures; never the recipe itself.
    distances : float64 (recipes, k)
        Ascending; on a grid of 2**-40, which settles what is a tie.
    solved : int
        Pairs that had to be solved exactly; 0 where a closed form serves.
    """

    indices: IntArray
    distances: FloatArray
    solved: int = 0

    @property
    def k(self) -> int:
        """Neighbors per recipe."""
        return int(self.indices.shape[1])

    def head(self, k: int) -> KnnGraph:
        """Return the graph of the `k` nearest alone.

        Parameters
        ----------
        k : int

        Returns
        -------
        KnnGraph
        """
        return KnnGraph(self.indices[:, :k], self.distances[:, :k], self.solved)


def nearest_neighbors(
    mixtures: Mixtures,
    cost: FloatArray,
    k: int,
    *,
    span: tuple[int, int] | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> KnnGraph:
    """Exact k nearest neighbors under the Earth Mover's Distance.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        Between the ingredients in play; any symmetric non-negative cost, metric or not.
    k : int
        Fewer are given where there are fewer other recipes.
    span : (int, int), optional
        First row and the one after the last, of those whose neighbors are wanted; default: all.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.
    progress : callable, optional
        Called with (rows done, rows in all) from time to time.

    Returns
    -------
    KnnGraph
        Of the rows of `span`.

    Raises
    ------
    SolverError
        The cost has the wrong shape, is not symmetric, negative or not finite.

    See Also
    --------
    nearest_in_l1 : The same under the Manhattan distance, or under a plain tree.

    Examples
    --------
    >>> from analytics_core import IngredientTree, load_catalog
    >>> from analytics_core.sample import write_sample_database
    >>> from analytics_core.similarity.mixture import build_mixtures
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> catalog = load_catalog("bar.db")
    >>> tree = IngredientTree.from_ingredients(catalog.ingredients)
    >>> mixtures = build_mixtures(catalog, tree)
    >>> graph = nearest_neighbors(mixtures, tree.distance_matrix(mixtures.in_play), 2)
    >>> catalog.recipes.names[0], [catalog.recipes.names[row] for row in graph.indices[0]]
    ('Negroni', ['Mezcal Negroni', 'Contessa'])
    """
    cost = check_ground_cost(mixtures, cost)
    start, stop = span or (0, mixtures.count)
    indices, distances = _blank(mixtures.count, k)
    solved, stalled = (np.zeros(mixtures.count, np.int64) for _ in range(2))
    problem = (mixtures.indptr, mixtures.columns, mixtures.fractions, cost)
    if indices.shape[1]:
        for_chunks(
            start,
            stop,
            ROWS_PER_CALL,
            lambda first, last: _kernels.emd_neighbors(
                first, last, *problem, mixtures.largest_support, indices, distances, solved, stalled
            ),
            threads=threads,
            progress=progress,
        )
    for row in np.flatnonzero(stalled):
        others = np.delete(np.arange(mixtures.count), row)
        found = emd_pairs(mixtures, cost, np.full(others.size, row), others, threads=threads)
        found = np.rint(found * _kernels.DISTANCE_GRID) / _kernels.DISTANCE_GRID
        nearest = np.lexsort((others, found))[: indices.shape[1]]
        indices[row], distances[row] = others[nearest], found[nearest]
        solved[row] = others.size
    return KnnGraph(indices[start:stop], distances[start:stop], int(solved.sum()))


def nearest_in_l1(
    rows: SparseRows,
    k: int,
    *,
    span: tuple[int, int] | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> KnnGraph:
    """Exact k nearest neighbors in the L1 (Manhattan) distance of sparse rows.

    Given `IngredientTree.spread` rows this is the Earth Mover's Distance under the tree.

    Parameters
    ----------
    rows : SparseRows
    k : int
        Fewer are given where there are fewer other rows.
    span, threads, progress
        As in `nearest_neighbors`.

    Returns
    -------
    KnnGraph
        Of the rows of `span`; no pair counts as solved.
    """
    start, stop = span or (0, rows.count)
    indices, distances = _blank(rows.count, k)
    if indices.shape[1]:
        for_chunks(
            start,
            stop,
            ROWS_PER_CALL,
            lambda first, last: _kernels.l1_neighbors(
                first,
                last,
                rows.indptr,
                rows.columns,
                rows.values,
                max(1, rows.width),
                indices,
                distances,
            ),
            threads=threads,
            progress=progress,
        )
    return KnnGraph(indices[start:stop], distances[start:stop])


def _blank(rows: int, k: int) -> tuple[IntArray, FloatArray]:
    k = max(0, min(k, rows - 1))
    return np.full((rows, k), -1, np.int32), np.full((rows, k), np.inf)
