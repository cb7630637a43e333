"""The reference: the cost learned by rounds of matching, as the site has it.

Expectation-maximization in the manner of BLOSUM substitution matrices [1]_. Expectation: under the
present cost, find each recipe's nearest neighbors exactly and collect what their optimal plans
match with what. Maximization: an ingredient pair matched more often than chance is cheap. See
``docs/method.md``.

References
----------
.. [1] S. Henikoff and J. G. Henikoff, "Amino acid substitution matrices from protein blocks",
   PNAS 89, 1992.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity._kernels import DISTANCE_GRID
from analytics_core.similarity.arrays import off_diagonal_median
from analytics_core.similarity.neighbors import KnnGraph, nearest_neighbors
from analytics_core.similarity.parallel import ignore_progress
from analytics_core.similarity.transport import plans_of_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import FloatArray
    from analytics_core.similarity.mixture import Mixtures


ROUNDS = 5
"""Rounds of expectation and maximization at most."""
VOTERS = 10
"""Nearest recipes that vote, each with weight ``exp(-(d - d_min))``, normalized."""
TOLERANCE = 1e-3
"""Relative Frobenius change at which to stop."""
FLOWS = 3
"""Largest flows kept of each plan."""
SMALLEST_FLOW = 0.05
"""Share of the largest flow below which a flow is dropped."""
PSEUDO_COUNTS = 1.0
"""Matches that each pair of ingredients is taken to have had before any is seen."""


def expected_matches(
    mixtures: Mixtures,
    cost: FloatArray,
    graph: KnnGraph,
    *,
    flows: int = FLOWS,
    smallest_flow: float = SMALLEST_FLOW,
    threads: int | None = None,
) -> FloatArray:
    """Mass that neighboring recipes match between ingredients.

    Each recipe's neighbors share one unit of weight; of a plan only the largest flows count.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        Under which the neighbors were found.
    graph : KnnGraph
    flows : int
        How many flows of a plan count at most.
    smallest_flow : float
        The least that counts, as a share of a plan's largest flow.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.

    Returns
    -------
    float64 (m, m)
        Symmetric.
    """
    width = mixtures.in_play.size
    if graph.k == 0:
        return np.zeros((width, width))
    recipe = np.repeat(np.arange(mixtures.count), graph.k)
    neighbor = graph.indices.ravel()
    # One orientation per pair: which of equally large flows are kept must not depend on direction.
    plans = plans_of_pairs(
        mixtures,
        cost,
        np.minimum(recipe, neighbor),
        np.maximum(recipe, neighbor),
        threads=threads,
    )
    weight = np.exp(-(graph.distances - graph.distances[:, :1]))
    weight /= weight.sum(axis=1, keepdims=True)
    pair = np.repeat(np.arange(recipe.size), np.diff(plans.indptr))
    grid = np.rint(plans.mass * DISTANCE_GRID)
    order = np.lexsort((plans.target, plans.source, -grid, pair))
    starts = plans.indptr[:-1]
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size) - starts[pair[order]]
    largest = plans.mass[order][starts]
    kept = (rank < flows) & (plans.mass >= smallest_flow * largest[pair])
    cell = plans.source[kept].astype(np.int64) * width + plans.target[kept]
    mass = weight.ravel()[pair[kept]] * plans.mass[kept]
    matches = np.bincount(cell, weights=mass, minlength=width * width).reshape(width, width)
    return np.asarray(0.5 * (matches + matches.T), dtype=np.float64)


def cost_from_matches(matches: FloatArray) -> FloatArray:
    """Log-odds cost from expected matches.

    Parameters
    ----------
    matches : float64 (m, m)
        From `expected_matches`.

    Returns
    -------
    float64 (m, m)
        Symmetric, zero diagonal, median 1.
    """
    observed = matches + PSEUDO_COUNTS
    margin = observed.sum(axis=1)
    expected = np.outer(margin, margin) / observed.sum()
    cost: FloatArray = -np.log(observed / expected).astype(np.float64)
    cost = 0.5 * (cost + cost.T)
    cost -= cost.min()
    np.fill_diagonal(cost, 0.0)
    median = off_diagonal_median(cost)
    return cost / median if median > 0 else cost


def match_in_rounds(
    mixtures: Mixtures,
    tree_cost: FloatArray,
    *,
    rounds: int = ROUNDS,
    tolerance: float = TOLERANCE,
    threads: int | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Learn the cost by rounds of matching, beginning with the tree distance.

    Parameters
    ----------
    mixtures : Mixtures
        Plain volume fractions.
    tree_cost : float64 (m, m)
        Tree distance between the ingredients in play.
    rounds : int
        At most.
    tolerance : float
        Relative Frobenius change at which to stop.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.
    progress : callable, optional
        Called with (rounds done, rounds at most).

    Returns
    -------
    tuple of float64 arrays
        The cost after the last round (m, m), the cost under which that round measured distances
        (m, m), and the relative Frobenius change of each round.
    """
    cost = distance_cost = tree_cost
    changes: list[float] = []
    seeds = None  # those of the round before: they lie near under the next cost, too
    for number in range(rounds if mixtures.count > 1 else 0):
        graph = nearest_neighbors(mixtures, cost, VOTERS, seeds=seeds, threads=threads)
        seeds = graph.indices
        updated = cost_from_matches(expected_matches(mixtures, cost, graph, threads=threads))
        norm = float(np.linalg.norm(cost))
        changes.append(float(np.linalg.norm(updated - cost)) / norm if norm else 0.0)
        distance_cost, cost = cost, updated
        progress(number + 1, rounds)
        if changes[-1] < tolerance:
            break
    return cost, distance_cost, np.array(changes)
