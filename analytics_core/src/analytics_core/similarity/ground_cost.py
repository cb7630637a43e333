"""The learned ingredient cost: what recipes that are alike tell about what stands in for what.

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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analytics_core.similarity._kernels import DISTANCE_GRID
from analytics_core.similarity.neighbors import KnnGraph, nearest_neighbors
from analytics_core.similarity.parallel import ignore_progress
from analytics_core.similarity.transport import plans_of_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import FloatArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures


@dataclass(frozen=True, slots=True)
class CostSettings:
    """How a cost is learned. The defaults are those of `reference`.

    Attributes
    ----------
    rounds : int
        Rounds of expectation and maximization at most; 0 keeps the tree distance.
    neighbors : int
        Nearest recipes that vote, each with weight ``exp(-(d - d_min))``, normalized.
    tolerance : float
        Relative Frobenius change at which to stop.
    flows : int
        Largest flows kept of each plan.
    smallest_flow : float
        Share of the largest flow below which a flow is dropped.
    power : float
        Exponent on the volume fractions; below 1 small amounts say more.
    decay : float
        Factor by which tree edges shrink from level to level.
    prior : {"uniform", "tree"}
        ``uniform``: `pseudo_counts` for each ingredient pair. ``tree``: `prior_strength` times the
        observed mass, spread over pairs by usage and ``exp(-tree distance / temperature)``.
    pseudo_counts, prior_strength, temperature : float
        See `prior`.
    blend : float
        Share of the tree distance (its median scaled to 1) in each round's cost, 0 to 1.
    """

    rounds: int = 5
    neighbors: int = 10
    tolerance: float = 1e-3
    flows: int = 3
    smallest_flow: float = 0.05
    power: float = 1.0
    decay: float = 1.0
    prior: Literal["uniform", "tree"] = "uniform"
    pseudo_counts: float = 1.0
    prior_strength: float = 1.0
    temperature: float = 1.0
    blend: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, in one sentence."""
        for name, low, high in (
            ("rounds", 0, 1000), ("neighbors", 1, 1000), ("flows", 1, 1000), ("tolerance", 0, 1),
            ("smallest_flow", 0, 1), ("power", 0.01, 10), ("decay", 0.01, 10), ("blend", 0, 1),
            ("pseudo_counts", 1e-9, 1e9), ("prior_strength", 1e-9, 1e9), ("temperature", 1e-3, 1e3),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; it must lie between {low} and {high}")


REFERENCE = CostSettings()
TREE = CostSettings(rounds=0)
# Chosen on the sample by `python -m benchmarks.cost_settings`; docs/method.md tells how sure.
LEARNED = CostSettings(
    power=0.5,
    decay=0.8,
    prior="tree",
    prior_strength=0.3,
    temperature=0.25,
    blend=0.75,
)

PRESETS = {"learned": LEARNED, "reference": REFERENCE, "tree": TREE}


@dataclass(frozen=True, slots=True, eq=False)
class LearnedCost:
    """A cost between the ingredients in play and how it came about.

    Attributes
    ----------
    cost : float64 (m, m)
        The cost after the last round; symmetric, zero diagonal, not negative.
    distance_cost : float64 (m, m)
        The cost under which the last round measured distances; the published distances use it.
    changes : float64 (rounds,)
        Relative Frobenius change of each round.
    """

    cost: FloatArray
    distance_cost: FloatArray
    changes: FloatArray


def _off_diagonal_median(cost: FloatArray) -> float:
    off = cost[~np.eye(cost.shape[0], dtype=bool)]
    return float(np.median(off)) if off.size else 0.0


def _median_to_one(cost: FloatArray) -> FloatArray:
    median = _off_diagonal_median(cost)
    return cost / median if median > 0 else cost


def expected_matches(
    mixtures: Mixtures,
    cost: FloatArray,
    graph: KnnGraph,
    settings: CostSettings,
    *,
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
    settings : CostSettings
        Its `flows` and `smallest_flow` count.
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
    kept = (rank < settings.flows) & (plans.mass >= settings.smallest_flow * largest[pair])
    cell = plans.source[kept].astype(np.int64) * width + plans.target[kept]
    mass = weight.ravel()[pair[kept]] * plans.mass[kept]
    matches = np.bincount(cell, weights=mass, minlength=width * width).reshape(width, width)
    return np.asarray(0.5 * (matches + matches.T), dtype=np.float64)


def cost_from_matches(
    matches: FloatArray, tree_cost: FloatArray, settings: CostSettings
) -> FloatArray:
    """Log-odds cost from expected matches.

    Parameters
    ----------
    matches : float64 (m, m)
        From `expected_matches`.
    tree_cost : float64 (m, m)
        Tree distance, for the prior and the blend.
    settings : CostSettings

    Returns
    -------
    float64 (m, m)
        Symmetric, zero diagonal; without a blend, median 1.
    """
    m = matches.shape[0]
    if settings.prior == "uniform":
        prior = np.full((m, m), settings.pseudo_counts)
    else:
        usage = matches.sum(axis=1)
        usage = usage / max(float(usage.sum()), 1e-300) + 0.1 / m  # none is impossible
        prior = np.outer(usage, usage) * np.exp(-tree_cost / settings.temperature)
        prior *= settings.prior_strength * max(float(matches.sum()), 1.0) / prior.sum()
    observed = matches + prior
    margin = observed.sum(axis=1)
    expected = np.outer(margin, margin) / observed.sum()
    cost: FloatArray = -np.log(observed / expected).astype(np.float64)
    cost = 0.5 * (cost + cost.T)
    cost -= cost.min()
    np.fill_diagonal(cost, 0.0)
    cost = _median_to_one(cost)
    if settings.blend:
        cost = (1.0 - settings.blend) * cost + settings.blend * _median_to_one(tree_cost)
    return cost


def learn_cost(
    mixtures: Mixtures,
    tree: IngredientTree,
    settings: CostSettings = LEARNED,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> LearnedCost:
    """Learn the cost between ingredients from the recipes themselves.

    Parameters
    ----------
    mixtures : Mixtures
        Plain volume fractions; `settings.power` is applied here.
    tree : IngredientTree
    settings : CostSettings
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.
    progress : callable, optional
        Called with (rounds done, rounds at most).

    Returns
    -------
    LearnedCost

    Examples
    --------
    >>> from analytics_core import IngredientTree, load_catalog
    >>> from analytics_core.sample import write_sample_database
    >>> from analytics_core.similarity.mixture import build_mixtures
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> catalog = load_catalog("bar.db")
    >>> tree = IngredientTree.from_ingredients(catalog.ingredients)
    >>> learned = learn_cost(build_mixtures(catalog, tree), tree)
    >>> learned.cost.shape, learned.changes.size
    ((65, 65), 3)
    """
    measured = mixtures.compressed(settings.power)
    tree_cost = tree.distance_matrix(mixtures.in_play, decay=settings.decay)
    cost = distance_cost = tree_cost
    changes: list[float] = []
    for number in range(settings.rounds if mixtures.count > 1 else 0):
        graph = nearest_neighbors(measured, cost, settings.neighbors, threads=threads)
        matches = expected_matches(measured, cost, graph, settings, threads=threads)
        updated = cost_from_matches(matches, tree_cost, settings)
        norm = float(np.linalg.norm(cost))
        changes.append(float(np.linalg.norm(updated - cost)) / norm if norm else 0.0)
        distance_cost, cost = cost, updated
        progress(number + 1, settings.rounds)
        if changes[-1] < settings.tolerance:
            break
    return LearnedCost(cost, distance_cost, np.array(changes))
