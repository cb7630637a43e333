"""A map of the recipes: UMAP from exact neighbors, laid over the previous map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity.parallel import compiled_threads

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.neighbors import KnnGraph

MAP_DECIMALS = 4  # the map is some 20 units wide: finer digits are noise


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


def _small_map(distances: FloatArray) -> FloatArray:
    """Classical scaling of a handful of points, for which UMAP's statistics mean nothing."""
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
    graph: KnnGraph,
    features: FloatArray,
    settings: MapSettings,
    *,
    threads: int | None = None,
) -> FloatArray:
    """Place recipes in the plane so that neighbors stay near.

    Parameters
    ----------
    graph : KnnGraph
        Exact neighbors; `settings.neighbors - 1` of them are used.
    features : float64 (recipes, f)
        A coarse description, used only to arrange parts of the graph that are not connected.
    settings : MapSettings
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.

    Returns
    -------
    float64 (recipes, 2)
        Same graph, settings and machine: the same bits.
    """
    n = graph.indices.shape[0]
    k = min(settings.neighbors - 1, graph.k)
    if n < 12:
        return _small_map(_graph_distances(graph)) if n > 1 else np.zeros((n, 2))
    import warnings

    from analytics_core.similarity._umap import load

    engine, _ = load()
    myself = np.arange(n, dtype=np.int32)[:, None]
    indices = np.hstack([myself, graph.indices[:, :k]]).astype(np.int32)
    distances = np.hstack([np.zeros((n, 1)), graph.distances[:, :k]]).astype(np.float32)
    random_state = np.random.RandomState(settings.seed)
    a, b = engine.find_ab_params(settings.spread, settings.min_dist)
    with warnings.catch_warnings(), compiled_threads(threads):
        warnings.simplefilter("ignore")  # spectral start: several components is a case, not a fault
        fuzzy, _, _ = engine.fuzzy_simplicial_set(
            features, k + 1, random_state, "manhattan", knn_indices=indices, knn_dists=distances
        )[:3]
        coordinates, _ = engine.simplicial_set_embedding(
            data=features.astype(np.float32),
            graph=fuzzy,
            n_components=2,
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=None,
            init="spectral",
            random_state=random_state,
            metric="manhattan",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
            parallel=False,
        )
    return _stand_upright(np.asarray(coordinates, dtype=np.float64))


def _stand_upright(points: FloatArray) -> FloatArray:
    """Center a map and turn its longest axis level; signs by the third moment."""
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    turned = centered @ axes.T
    signs = np.where((turned**3).sum(axis=0) < 0, -1.0, 1.0)
    upright: FloatArray = turned * signs
    return upright


def align(
    points: FloatArray, ids: IntArray, previous: FloatArray, previous_ids: IntArray
) -> FloatArray:
    """Turn, mirror and shift a map so that drinks stay where people remember them.

    Orthogonal Procrustes on the recipes that both maps have; scale and shape are not touched.
    A map that is the previous one up to rounding is returned as the previous one, so that a run
    repeated over its own result gives the same bytes.

    Parameters
    ----------
    points : float64 (n, 2)
    ids : int64 (n,)
        Ascending recipe ids of `points`.
    previous : float64 (p, 2)
    previous_ids : int64 (p,)

    Returns
    -------
    float64 (n, 2)
        Rounded to `MAP_DECIMALS`.
    """
    rounded: FloatArray = np.round(points, MAP_DECIMALS) + 0.0
    _, here, there = np.intersect1d(ids, previous_ids, return_indices=True)
    if here.size < 3 or not np.isfinite(previous[there]).all():
        return rounded
    old, new = previous[there], points[here]
    old_center, new_center = old.mean(axis=0), new.mean(axis=0)
    left, _, right = np.linalg.svd((new - new_center).T @ (old - old_center))
    moved = (points - new_center) @ (left @ right) + old_center
    result: FloatArray = np.round(moved, MAP_DECIMALS) + 0.0
    if here.size == ids.size and np.abs(result[here] - old).max() < 20 * 10.0**-MAP_DECIMALS:
        result[here] = old
    return result
