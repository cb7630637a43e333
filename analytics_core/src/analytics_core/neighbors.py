"""Exact k nearest neighbours, found by lower bounds and pruning instead of all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core import _kernels
from analytics_core.errors import SolverError

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.mixture import Mixtures
    from analytics_core.types import FloatArray, IntArray

ROWS_A_CALL = 256  # rows a compiled call, so that a request to stop is heard within a second or so


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


def _ignore(_done: int, _total: int) -> None:
    return None


def _in_chunks(
    count: int,
    k: int,
    step: Callable[[int, int], tuple[IntArray, FloatArray, int]],
    progress: Callable[[int, int], None],
) -> KnnGraph:
    indices = np.empty((count, k), np.int32)
    distances = np.empty((count, k))
    solved = 0
    if k:
        for start in range(0, count, ROWS_A_CALL):
            stop = min(count, start + ROWS_A_CALL)
            indices[start:stop], distances[start:stop], exact = step(start, stop)
            solved += exact
            progress(stop, count)
    return KnnGraph(indices, distances, solved)


def nearest_neighbors(
    mixtures: Mixtures,
    cost: FloatArray,
    k: int,
    *,
    progress: Callable[[int, int], None] = _ignore,
) -> KnnGraph:
    """Exact k nearest neighbours under the Earth Mover's Distance.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        Between the ingredients in play; any non-negative cost.
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
        The cost has the wrong shape or is negative or not finite.
    """
    from analytics_core.transport import check_ground_cost

    cost = check_ground_cost(mixtures, cost)
    size = mixtures.largest_support
    k = max(0, min(k, mixtures.count - 1))

    def step(start: int, stop: int) -> tuple[IntArray, FloatArray, int]:
        indices, distances, solved, stalled = _kernels.emd_neighbors(
            start, stop, k, mixtures.indptr, mixtures.columns, mixtures.fractions, cost, size
        )
        if stalled.any():
            row = start + int(np.flatnonzero(stalled)[0])
            raise SolverError(f"the simplex stalled at recipe {mixtures.recipe_ids[row]}")
        return indices, distances, int(solved.sum())

    return _in_chunks(mixtures.count, k, step, progress)


def nearest_in_l1(
    rows: Mixtures, k: int, *, progress: Callable[[int, int], None] = _ignore
) -> KnnGraph:
    """Exact k nearest neighbours in the L1 (Manhattan) distance of sparse rows.

    Given `IngredientTree.spread` rows this is the Earth Mover's Distance under the tree.
    """
    k = max(0, min(k, rows.count - 1))
    width = max(1, rows.in_play.size)

    def step(start: int, stop: int) -> tuple[IntArray, FloatArray, int]:
        indices, distances = _kernels.l1_neighbors(
            start, stop, k, rows.indptr, rows.columns, rows.fractions, width
        )
        return indices, distances, 0

    return _in_chunks(rows.count, k, step, progress)
