"""Figures that say whether a run is good enough to publish."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.errors import AnalyticsError

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray
    from analytics_core.similarity.ground_cost import LearnedCost
    from analytics_core.similarity.neighbors import KnnGraph

NEIGHBORS_JUDGED = 10


def neighbors_kept(graph: KnnGraph, points: FloatArray) -> float:
    """Share of each recipe's nearest recipes that are also its nearest on the map.

    Parameters
    ----------
    graph : KnnGraph
    points : float64 (recipes, 2)

    Returns
    -------
    float
        0 to 1, of the `NEIGHBORS_JUDGED` nearest.
    """
    from analytics_core.similarity import _layout

    k = min(NEIGHBORS_JUDGED, graph.k)
    n = points.shape[0]
    if k == 0:
        return 1.0
    strip = max(1, math.isqrt(n * k))  # strips about as wide as k neighbors are apart
    order = np.argsort(points[:, 0], kind="stable")
    order = order[np.lexsort((points[order, 1], np.arange(n) // strip))]
    kept = _layout.count_kept(points, order, strip, k, np.ascontiguousarray(graph.indices[:, :k]))
    share: float = kept / (n * k)
    return share


def mutual_share(graph: KnnGraph) -> float:
    """Share of neighbor relations that hold both ways.

    Parameters
    ----------
    graph : KnnGraph

    Returns
    -------
    float
        0 to 1.
    """
    n, k = graph.indices.shape
    if k == 0:
        return 1.0
    forward = np.repeat(np.arange(n, dtype=np.int64), k) * n + graph.indices.ravel()
    backward = graph.indices.ravel().astype(np.int64) * n + np.repeat(np.arange(n), k)
    return float(np.isin(forward, backward).mean())


def max_occurrence(graph: KnnGraph) -> float:
    """How often the most listed recipe is listed.

    Parameters
    ----------
    graph : KnnGraph

    Returns
    -------
    float
        In multiples of the average; large where one recipe crowds out others.
    """
    n, k = graph.indices.shape
    return float(np.bincount(graph.indices.ravel(), minlength=n).max() / k) if k else 0.0


def judge(
    *,
    similar: KnnGraph,
    manhattan: KnnGraph,
    points_manhattan: FloatArray,
    points_learned: FloatArray,
    cost: LearnedCost,
    listed: int,
) -> dict[str, float]:
    """Collect the figures, and refuse what must never be published.

    Parameters
    ----------
    similar, manhattan : KnnGraph
        Under the chosen cost, and by plain volumes.
    points_manhattan, points_learned : float64 (recipes, 2)
        The maps of the two.
    cost : LearnedCost
    listed : int
        Neighbors of each recipe that are published; a map may need more.

    Returns
    -------
    dict
        Figure by name; see ``docs/data.md``.

    Raises
    ------
    AnalyticsError
        A distance, a cost or a coordinate is not finite.
    """
    for name, values in (
        ("distance", similar.distances),
        ("distance", manhattan.distances),
        ("cost", cost.cost),
        ("coordinate", points_manhattan),
        ("coordinate", points_learned),
    ):
        if not np.isfinite(values).all():
            raise AnalyticsError(f"a {name} is not finite; nothing was published")
    n = similar.indices.shape[0]
    published = similar.head(listed)
    return {
        "map_neighbors_kept_manhattan": round(neighbors_kept(manhattan, points_manhattan), 4),
        "map_neighbors_kept_learned": round(neighbors_kept(similar, points_learned), 4),
        "neighbors_mutual": round(mutual_share(published), 4),
        "max_occurrence": round(max_occurrence(published), 4),
        "pairs_solved_share": round(similar.solved / max(1, n * (n - 1)), 6),
        "cost_rounds": float(cost.changes.size),
        "cost_last_change": round(float(cost.changes[-1]), 6) if cost.changes.size else 0.0,
    }
