"""Exact k nearest neighbours, found by lower bounds and pruning instead of all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.errors import SolverError
from analytics_core.similarity import _kernels
from analytics_core.similarity.parallel import for_chunks, ignore_progress
from analytics_core.similarity.transport import check_ground_cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.mixture import Mixtures

ROWS_A_CALL = 64  # rows a compiled call: milliseconds to tenths of a second


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
        """Neighbours a recipe."""
        return int(self.indices.shape[1])

    def head(self, k: int) -> KnnGraph:
        """Return the graph of the `k` nearest alone."""
        return KnnGraph(self.indices[:, :k], self.distances[:, :k], self.solved)


def _blank(rows: int, k: int) -> tuple[IntArray, FloatArray]:
    return np.full((rows, k), -1, np.int32), np.full((rows, k), np.inf)


def nearest_neighbors(
    mixtures: Mixtures,
    cost: FloatArray,
    k: int,
    *,
    progress: Callable[[int, int], None] = ignore_progress,
) -> KnnGraph:
    """Exact k nearest neighbours under the Earth Mover's Distance.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        Between the ingredients in play; any symmetric non-negative cost, metric or not.
    k : int
        Fewer are given where there are fewer other recipes.
    progress : callable, optional
        Told (rows done, rows in all) from time to time.

    Returns
    -------
    KnnGraph

    Raises
    ------
    SolverError
        The cost has the wrong shape, is not symmetric, negative or not finite.
    """
    cost = check_ground_cost(mixtures, cost)
    k = max(0, min(k, mixtures.count - 1))
    indices, distances = _blank(mixtures.count, k)
    solved, stalled = (np.zeros(mixtures.count, np.int64) for _ in range(2))
    problem = (mixtures.indptr, mixtures.columns, mixtures.fractions, cost)
    if k:
        for_chunks(
            mixtures.count,
            ROWS_A_CALL,
            lambda start, stop: _kernels.emd_neighbors(
                start, stop, *problem, mixtures.largest_support, indices, distances, solved, stalled
            ),
            progress,
        )
    if stalled.any():
        recipe = mixtures.recipe_ids[int(np.flatnonzero(stalled)[0])]
        raise SolverError(f"the simplex stalled at a neighbour of recipe {recipe}")
    return KnnGraph(indices, distances, int(solved.sum()))


def nearest_in_l1(
    rows: Mixtures, k: int, *, progress: Callable[[int, int], None] = ignore_progress
) -> KnnGraph:
    """Exact k nearest neighbours in the L1 (Manhattan) distance of sparse rows.

    Given `IngredientTree.spread` rows this is the Earth Mover's Distance under the tree.
    """
    k = max(0, min(k, rows.count - 1))
    indices, distances = _blank(rows.count, k)
    width = max(1, rows.in_play.size)
    if k:
        for_chunks(
            rows.count,
            ROWS_A_CALL,
            lambda start, stop: _kernels.l1_neighbors(
                start, stop, rows.indptr, rows.columns, rows.fractions, width, indices, distances
            ),
            progress,
        )
    return KnnGraph(indices, distances)
