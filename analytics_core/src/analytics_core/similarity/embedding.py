"""A map of the recipes that stays: UMAP from exact neighbors, begun where the last map ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.similarity.parallel import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.similarity.neighbors import KnnGraph

SMALLEST = 12
"""Drinks below which UMAP's statistics mean nothing, and scaling lays them out."""

COLD = ((500, 1.0), (500, 0.1))
"""Epochs and first rate of each pass of a map laid out anew; the second lets it come to rest."""

LARGE = 10_000
"""Drinks from which a map laid out anew is given two fifths of the epochs, as UMAP does."""

WARM = (100, 0.1)
"""Epochs and first rate of a map that begins where the last one ended."""

SMOOTHING_ROUNDS = 200
EPOCHS_PER_CALL = 10  # tenths of a second at most, so that a request to stop is heard


@dataclass(frozen=True, slots=True)
class MapSettings:
    """UMAP's own parameters [1]_.

    Attributes
    ----------
    neighbors : int
        Recipes that each recipe is tied to, itself included.
    min_dist, spread : float
        How tightly points may be packed, in map units.
    seed : int
        Of the random optimization; one seed, one map.

    References
    ----------
    .. [1] L. McInnes, J. Healy, J. Melville, "UMAP: Uniform Manifold Approximation and Projection
       for Dimension Reduction", 2018.
    """

    neighbors: int = 15
    min_dist: float = 0.1
    spread: float = 1.0
    seed: int = 42

    @property
    def curve(self) -> float:
        """The `a` of 1 / (1 + a d^(7/4)), fitted as UMAP fits it, on a grid of 1/1000.

        UMAP's exponent for its own defaults is 1.79; 7/4 needs square roots alone, which every
        processor rounds alike.
        """
        apart = np.linspace(0, 3 * self.spread, 300)[1:]
        wanted = np.where(
            apart < self.min_dist, 1.0, np.exp(-(apart - self.min_dist) / self.spread)
        )
        grid = np.arange(1, 20_000) / 1000.0
        powers = apart**1.75
        errors = [float(((1 / (1 + a * powers) - wanted) ** 2).sum()) for a in grid[::50]]
        near = 50 * int(np.argmin(errors))
        fine = grid[max(0, near - 50) : near + 51]
        errors = [float(((1 / (1 + a * powers) - wanted) ** 2).sum()) for a in fine]
        return float(fine[int(np.argmin(errors))])


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Ties between spots, symmetric, as sparse rows.

    Attributes
    ----------
    indptr : int64 (spots + 1,)
        Spot ``s`` is tied to ``tails[indptr[s]:indptr[s + 1]]``, ascending.
    tails : int64 (edges,)
    weights : float64 (edges,)
        0 to 1.
    """

    indptr: IntArray
    tails: IntArray
    weights: FloatArray

    @property
    def heads(self) -> IntArray:
        """Where each edge begins, int64 (edges,)."""
        return np.repeat(np.arange(self.indptr.size - 1), np.diff(self.indptr))


def twins_of(mixtures: Mixtures) -> IntArray:
    """Return for each recipe the first one of the same mixture, int64 (recipes,).

    Fractions are compared to nine digits: 2 to 1 is 1 to a half.

    Parameters
    ----------
    mixtures : Mixtures

    Returns
    -------
    int64 (recipes,)
    """
    first: dict[bytes, int] = {}
    fractions = np.rint(mixtures.fractions * 1e9).astype(np.int64)
    bounds = mixtures.indptr.tolist()
    return np.array(
        [
            first.setdefault(mixtures.columns[a:b].tobytes() + fractions[a:b].tobytes(), r)
            for r, (a, b) in enumerate(pairwise(bounds))
        ],
        dtype=np.int64,
    )


def tie(graph: KnnGraph, spot: IntArray, settings: MapSettings) -> Edges:
    """Return UMAP's edges between spots, of which each holds the recipes of one mixture.

    Parameters
    ----------
    graph : KnnGraph
        Exact neighbors; `settings.neighbors - 1` of them are used.
    spot : int64 (recipes,)
        Spot of each recipe, numbered from 0.
    settings : MapSettings

    Returns
    -------
    Edges
        Of a spot to itself there is none.
    """
    from analytics_core.similarity import _layout

    n, k = int(spot.max(initial=-1)) + 1, min(settings.neighbors - 1, graph.k)
    heads = np.repeat(spot, k)
    tails = spot[graph.indices[:, :k].ravel()]
    distances = graph.distances[:, :k].ravel()
    order = np.lexsort((distances, tails, heads))
    heads, tails, distances = heads[order], tails[order], distances[order]
    new = np.ones(heads.size, dtype=bool)  # of several twins the nearest stands for its spot
    new[1:] = (heads[1:] != heads[:-1]) | (tails[1:] != tails[:-1])
    new &= heads != tails
    heads, tails, distances = heads[new], tails[new], distances[new]
    indptr = np.searchsorted(heads, np.arange(n + 1)).astype(np.int64)
    weights = _layout.weigh(indptr, distances, max(1, k), round(math.log2(k + 1), 6))
    there, back = heads * n + tails, tails * n + heads
    both = np.sort(np.concatenate([there, back]))
    both = both[np.diff(both, prepend=-1) > 0]
    a, b = np.zeros(both.size), np.zeros(both.size)
    a[np.searchsorted(both, there)] = weights
    b[np.searchsorted(both, back)] = weights
    # either of two ties holds: a + b - a b, put so that both directions have the same bits
    union = (a + b) - a * b
    both, union = both[union > 0.0], union[union > 0.0]
    indptr = np.searchsorted(both, n * np.arange(n + 1, dtype=np.int64)).astype(np.int64)
    return Edges(indptr, both % max(1, n), union)


def scale_few(graph: KnnGraph) -> FloatArray:
    """Classical scaling of a handful of drinks, for which UMAP's statistics mean nothing.

    Parameters
    ----------
    graph : KnnGraph

    Returns
    -------
    float64 (recipes, 2)
    """
    distances = _graph_distances(graph)
    n = distances.shape[0]
    if n < 2:
        return np.zeros((n, 2))
    center = np.eye(n) - 1.0 / n
    values, vectors = np.linalg.eigh(-0.5 * center @ (distances**2) @ center)
    coordinates = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0.0))
    out = np.zeros((n, 2))
    out[:, : coordinates.shape[1]] = coordinates
    # An eigenvector's sign is arbitrary; fix it so that one input has one map.
    peak = out[np.abs(out).argmax(axis=0), [0, 1]]
    return out * np.where(peak < 0, -1.0, 1.0)


def _graph_distances(graph: KnnGraph) -> FloatArray:
    """Shortest paths along the neighbor graph, float64 (n, n); for small n alone."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    n = graph.indices.shape[0]
    rows = np.repeat(np.arange(n), graph.k)
    tiny = 1e-12  # a stored zero would read as no edge
    edges = coo_array((graph.distances.ravel() + tiny, (rows, graph.indices.ravel())), shape=(n, n))
    distances: FloatArray = shortest_path(edges.tocsr(), directed=False)
    finite = distances[np.isfinite(distances)]
    distances[~np.isfinite(distances)] = 2.0 * finite.max(initial=1.0)
    return distances


def embed(
    edges: Edges,
    settings: MapSettings,
    *,
    start: FloatArray | None = None,
    mobility: FloatArray | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> FloatArray:
    """Place spots in the plane so that what is tied together stays near.

    Parameters
    ----------
    edges : Edges
    settings : MapSettings
    start : float64 (spots, 2), optional
        Where they lie now: few epochs at a low rate follow. Default: begin anew.
    mobility : float64 (spots,), optional
        Share of each step that a spot takes, 0 to 1; counts where there is a `start`.
    progress : callable, optional
        Called with (epochs done, epochs in all).

    Returns
    -------
    float64 (spots, 2)
        Same arguments: the same bits, on every processor.
    """
    from analytics_core.similarity import _layout

    n = edges.indptr.size - 1
    state = _random_state(settings.seed)
    if start is None:
        points: FloatArray = _layout.smooth(
            edges.indptr, edges.tails, edges.weights, SMOOTHING_ROUNDS, state
        )
        share = 1.0 if n < LARGE else 0.4
        passes = [(int(epochs * share), rate) for epochs, rate in COLD]
    else:
        points, passes = start.copy(), [WARM]
    if start is None or mobility is None:
        mobility = np.ones(n)
    strengths = edges.weights / edges.weights.max(initial=1e-300)
    used = strengths * passes[0][0] >= 1.0  # weaker ones would never act
    heads, tails, strengths = edges.heads[used], edges.tails[used], strengths[used]
    pulls, pushes = _layout.forces(settings.curve)
    whole, done = sum(epochs for epochs, _ in passes), 0
    for epochs, rate in passes:
        due = np.zeros(heads.size)
        for first in range(0, epochs, EPOCHS_PER_CALL):
            last = min(first + EPOCHS_PER_CALL, epochs)
            _layout.optimize(
                points,
                heads,
                tails,
                strengths,
                due,
                mobility,
                pulls,
                pushes,
                first,
                last,
                epochs,
                rate,
                state,
            )
            progress(done + last, whole)
        done += epochs
    return points


def _random_state(seed: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return the state of a generator, far from the state of the next seed; never zero."""
    mixed = (seed + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return np.array([mixed ^ mixed >> 27 or 1], dtype=np.uint64)
