r"""Neighbors after an edit: found again only where the edit can have changed them.

An earlier graph lists the K nearest of each recipe, K more than are wanted now. Recipes that are
not on a recipe's list lie at least as far as the last one on it. A new cost moves no distance from
a recipe by more than it moves what the recipe pours:

.. math:: d'(q, p) \ge d(q, p) - \sum_i q_i \max_j (c_{ij} - c'_{ij})^+,

since the best plan under the new cost was a plan under the old one. So a recipe's nearest are the
best of its old list and of the recipes that changed, as soon as the k-th best of these is nearer
than the last on the old list can have come. The other recipes are searched for, with what they had
for seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity import _search
from analytics_core.similarity._kernels import DISTANCE_GRID
from analytics_core.similarity.neighbors import KnnGraph, Search
from analytics_core.similarity.prefix_tree import build_l1_index, build_prefix_tree
from analytics_core.similarity.transport import check_ground_cost

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import BoolArray, FloatArray, IntArray
    from analytics_core.similarity.mixture import Mixtures


@dataclass(frozen=True, slots=True, eq=False)
class EarlierGraph:
    """A graph that was found before an edit.

    Attributes
    ----------
    graph : KnnGraph
        Of all rows; it pays to have some neighbors more than will be wanted.
    mixtures : Mixtures
        Its recipes.
    cost : float64 (m, m), optional
        Under which it was found; None for the L1 norm.
    """

    graph: KnnGraph
    mixtures: Mixtures
    cost: FloatArray | None = None


def update_neighbors(
    earlier: EarlierGraph,
    mixtures: Mixtures,
    cost: FloatArray | None,
    k: int,
    *,
    threads: int | None = None,
) -> tuple[KnnGraph, int]:
    """Exact k nearest neighbors, from those before an edit.

    Parameters
    ----------
    earlier : EarlierGraph
    mixtures : Mixtures
        After the edit.
    cost : float64 (m, m), optional
        After the edit; None for the L1 norm, if that is what the earlier graph is of.
    k : int
        Fewer are given where there are fewer other recipes.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.

    Returns
    -------
    graph : KnnGraph
        The same, to the last bit, as if all had been searched for.
    searched : int
        Rows that were.

    Raises
    ------
    SolverError
        As `nearest_neighbors`.
    """
    old = earlier.graph.head(_search.POOL)  # no more seeds are looked at
    if cost is not None:
        cost = check_ground_cost(mixtures, cost)
    was, column = _matched(earlier.mixtures, mixtures)
    same = was >= 0
    seeds = np.full((mixtures.count, old.k), -1, np.int32)
    now = np.full(earlier.mixtures.count, -1, np.int32)
    now[was[same]] = np.flatnonzero(same)
    seeds[same] = now[old.indices[was[same]]]

    def search(wanted: IntArray, seeds: IntArray, only: BoolArray | None = None) -> KnnGraph:
        search = Search(mixtures.rows, k, seeds, threads=threads)
        if cost is None:
            return search.in_l1(wanted, build_l1_index(mixtures.rows, only=only))
        tree = build_prefix_tree(mixtures.rows, only=only)
        return search.by_transport(mixtures, cost, wanted, tree)

    likely = np.flatnonzero(same)
    graph = search(likely, seeds, ~same)
    falls, moved = _moves(earlier, mixtures, cost, column)
    costs = [c for c in (earlier.cost, cost) if c is not None]
    largest = max([2.0, *(float(c.max(initial=0.0)) for c in costs)])  # 2: that of L1
    margin = 2.0 / DISTANCE_GRID + 2.0 * _search.MARGIN * largest
    if graph.k and old.k:
        last_listed = old.distances[was[likely], -1]
        proven = graph.distances[:, -1] < last_listed - falls[likely] - margin
    else:
        proven = np.zeros(likely.size, bool)
    # Where no cost moved, who lost a tie loses it again: rows keep their order.
    whole = (seeds[likely] >= 0).all(axis=1)
    proven |= whole & ~moved[likely] & (old.k >= graph.k)
    rest = np.setdiff1d(np.arange(mixtures.count), likely[proven])
    seeds = np.full((mixtures.count, graph.k), -1, np.int32)
    seeds[likely] = graph.indices
    again = search(rest, seeds)
    indices = np.empty((mixtures.count, graph.k), np.int32)
    distances = np.empty(indices.shape)
    indices[likely], distances[likely] = graph.indices, graph.distances
    indices[rest], distances[rest] = again.indices, again.distances
    return KnnGraph(
        indices,
        distances,
        graph.solved + again.solved,
        graph.bounded + again.bounded,
        graph.postings + again.postings,
    ), int(rest.size)


def _matched(before: Mixtures, after: Mixtures) -> tuple[IntArray, IntArray]:
    """Return the earlier row of each recipe that is as it was, and the earlier column of each.

    -1 where there is none.
    """
    column = np.full(after.in_play.size, -1)
    _, old, new = np.intersect1d(before.ingredient_ids, after.ingredient_ids, return_indices=True)
    column[new] = old
    _, old, new = np.intersect1d(before.recipe_ids, after.recipe_ids, return_indices=True)
    size = np.diff(after.indptr)[new]
    alike = np.diff(before.indptr)[old] == size
    old, new, size = old[alike], new[alike], size[alike]
    step = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    then, now = (np.repeat(m.indptr[r], size) + step for m, r in ((before, old), (after, new)))
    differs = before.columns[then] != column[after.columns[now]]
    differs |= before.fractions[then] != after.fractions[now]
    same = np.bincount(np.repeat(np.arange(size.size), size), weights=differs) == 0
    was = np.full(after.count, -1)
    was[new[same]] = old[same]
    return was, column


def _moves(
    earlier: EarlierGraph, mixtures: Mixtures, cost: FloatArray | None, column: IntArray
) -> tuple[FloatArray, BoolArray]:
    """Return by how much distances from each row can fall, and whether any may differ at all."""
    if cost is None or earlier.cost is None:
        return np.zeros(mixtures.count), np.zeros(mixtures.count, bool)
    there = np.flatnonzero(column >= 0)
    gain = earlier.cost[np.ix_(column[there], column[there])] - cost[np.ix_(there, there)]
    fall, move = np.zeros(column.size), np.zeros(column.size)
    fall[there] = gain.max(axis=1, initial=0.0)
    move[there] = np.abs(gain).max(axis=1, initial=0.0)
    row, poured = mixtures.recipe_of_entries(), mixtures.fractions

    def of_rows(by: FloatArray) -> FloatArray:
        weights = poured * by[mixtures.columns]
        return np.bincount(row, weights, mixtures.count).astype(np.float64)

    return of_rows(fall), of_rows(move) > 0
