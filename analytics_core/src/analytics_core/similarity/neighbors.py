"""Exact k nearest neighbors, found by an index and lower bounds instead of all pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.similarity import _search
from analytics_core.similarity._kernels import DISTANCE_GRID
from analytics_core.similarity.parallel import for_chunks, ignore_progress
from analytics_core.similarity.prefix_tree import (
    L1Index,
    PrefixTree,
    build_l1_index,
    build_prefix_tree,
)
from analytics_core.similarity.transport import check_ground_cost, emd_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import FloatArray, IntArray, SparseRows
    from analytics_core.similarity.mixture import Mixtures

ROWS_PER_CALL = 64
"""Rows per compiled call: some milliseconds."""


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
    bounded : int
        Pairs whose own bound, or closed form, was computed.
    postings : int
        Postings of the index that were read.
    """

    indices: IntArray
    distances: FloatArray
    solved: int = 0
    bounded: int = 0
    postings: int = 0

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
        return replace(self, indices=self.indices[:, :k], distances=self.distances[:, :k])


def nearest_neighbors(
    mixtures: Mixtures,
    cost: FloatArray,
    k: int,
    *,
    span: tuple[int, int] | None = None,
    index: PrefixTree | None = None,
    seeds: IntArray | None = None,
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
    index : PrefixTree, optional
        `build_prefix_tree` of these mixtures' rows, for those who ask span by span.
    seeds : int (recipes, any), optional
        Rows that are likely to be near each row, such as the indices of an earlier graph; -1 for
        none. Good ones make the search faster; none change its result.
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
    ValueError
        The index or the seeds are those of other mixtures.

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
    search = Search(mixtures.rows, k, seeds, threads=threads, progress=progress)
    return search.by_transport(mixtures, cost, np.arange(*span or (0, mixtures.count)), index)


def nearest_in_l1(
    rows: SparseRows,
    k: int,
    *,
    span: tuple[int, int] | None = None,
    index: L1Index | None = None,
    seeds: IntArray | None = None,
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
    index : L1Index, optional
        `build_l1_index` of these rows, for those who ask span by span.
    span, seeds, threads, progress
        As in `nearest_neighbors`.

    Returns
    -------
    KnnGraph
        Of the rows of `span`; no pair counts as solved.

    Raises
    ------
    ValueError
        The index or the seeds are those of other rows.
    """
    search = Search(rows, k, seeds, threads=threads, progress=progress)
    return search.in_l1(np.arange(*span or (0, rows.count)), index)


class Search:
    """What both searches have in common. Parameters are those of `nearest_neighbors`."""

    def __init__(
        self,
        rows: SparseRows,
        k: int,
        seeds: IntArray | None = None,
        *,
        threads: int | None = None,
        progress: Callable[[int, int], None] = ignore_progress,
    ) -> None:
        if seeds is None:
            seeds = np.empty((rows.count, 0), np.int32)
        if seeds.ndim != 2 or seeds.shape[0] != rows.count:
            raise ValueError(
                f"seeds have shape {seeds.shape}; {rows.count} rows need one line each"
            )
        if seeds.max(initial=-1) >= rows.count:
            raise ValueError(f"there are {rows.count} rows; seeds name row {seeds.max()}")
        self._rows = rows
        self._k = max(0, min(k, rows.count - 1))
        self._seeds = np.ascontiguousarray(seeds, np.int32)
        self._threads = threads
        self._progress = progress

    def by_transport(
        self, mixtures: Mixtures, cost: FloatArray, wanted: IntArray, tree: PrefixTree | None = None
    ) -> KnnGraph:
        """Return the nearest under a ground cost.

        Parameters
        ----------
        mixtures : Mixtures
        cost : float64 (m, m)
            As `check_ground_cost` returns it.
        wanted : int (wanted,)
            Rows whose neighbors are wanted.
        tree : PrefixTree, optional
            Of the mixtures' rows, or of those that may be found.

        Returns
        -------
        KnnGraph
            Of the wanted rows, in their order.
        """
        graph, stalled = self._run(
            _search.emd_neighbors, wanted, tree, (cost, mixtures.largest_support)
        )
        solved = graph.solved
        for at in np.flatnonzero(stalled):
            own = int(wanted[at])
            others = np.delete(np.arange(mixtures.count), own)
            pairs = np.full(others.size, own), others
            found = emd_pairs(mixtures, cost, *pairs, threads=self._threads)
            found = np.rint(found * DISTANCE_GRID) / DISTANCE_GRID
            nearest = np.lexsort((others, found))[: self._k]
            graph.indices[at], graph.distances[at] = others[nearest], found[nearest]
            solved += others.size
        return replace(graph, solved=solved)

    def in_l1(self, wanted: IntArray, index: L1Index | None = None) -> KnnGraph:
        """Return the nearest in the L1 norm.

        Parameters
        ----------
        wanted : int (wanted,)
            Rows whose neighbors are wanted.
        index : L1Index, optional
            Of the rows, or of those that may be found.

        Returns
        -------
        KnnGraph
            Of the wanted rows, in their order.
        """
        index = index or build_l1_index(self._rows)
        problem = (index.postings, index.by_mass, index.totals, max(1, self._rows.width))
        return self._run(_search.l1_neighbors, wanted, index.tree, problem)[0]

    def _run(
        self,
        kernel: Callable[..., Any],
        wanted: IntArray,
        tree: PrefixTree | None,
        problem: tuple[Any, ...],
    ) -> tuple[KnnGraph, IntArray]:
        """Search in the order of places: what one row has read is in the cache for the next.

        Returns the graph, and for each row how many problems stalled.
        """
        indices = np.full((wanted.size, self._k), -1, np.int32)
        distances = np.full(indices.shape, np.inf)
        counts = np.zeros((wanted.size, _search.COUNTS), np.int64)
        if indices.size:
            rows = self._rows
            tree = tree or build_prefix_tree(rows)
            if tree.rows.values is not rows.values or tree.rows.columns is not rows.columns:
                raise ValueError("the index is one of other rows")
            slots = np.argsort(tree.place[wanted], kind="stable")
            asked = wanted[slots].astype(np.int32), slots
            results = indices, distances, counts
            arrays = tree.arrays
            for_chunks(
                0,
                wanted.size,
                ROWS_PER_CALL,
                lambda first, last: kernel(
                    first, last, asked, arrays, *problem, self._seeds, *results
                ),
                threads=self._threads,
                progress=self._progress,
            )
        read, bounded, solved, _ = (int(count) for count in counts.sum(axis=0))
        graph = KnnGraph(indices, distances, solved, bounded, read)
        return graph, counts[:, _search.STALLED]
