"""Where drinks lie, from one refresh to the next: a map is moved only as far as it has to be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity.embedding import SMALLEST, embed, scale_few, tie
from analytics_core.similarity.parallel import ignore_progress
from analytics_core.similarity.quality import neighbors_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import BoolArray, FloatArray, IntArray
    from analytics_core.similarity.embedding import Edges, MapSettings
    from analytics_core.similarity.neighbors import KnnGraph

MAP_DECIMALS = 4  # the map is some 20 units wide: finer digits are noise

MARGIN = 0.02
"""Of `neighbors_kept`: a map that falls behind one laid out anew by more is given up."""

ENOUGH_KNOWN = 0.5
"""Share of drinks that have to be on the earlier map for it to be gone on from."""

HELD_BACK = 0.05
"""Share of a step that a drink takes whose recipe and neighbors did not change."""

FAR = 0.05
"""Of the diameter: a changed drink further than this from its neighbors' mean begins there."""


@dataclass(frozen=True, slots=True, eq=False)
class EarlierMap:
    """A map as it was published.

    Attributes
    ----------
    ids : int64 (p,)
        Recipes, ascending.
    points : float64 (p, 2)
    graph : str
        `fingerprint` of what it was drawn from; empty where nobody noted it.
    kept_anew : float, optional
        `neighbors_kept` of the last map laid out anew.
    """

    ids: IntArray
    points: FloatArray
    graph: str = ""
    kept_anew: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlacedMap:
    """A map, and how it came about.

    Attributes
    ----------
    points : float64 (recipes, 2)
        Rounded to `MAP_DECIMALS`.
    began : str
        ``anew``, ``from the earlier map``, or ``unchanged``.
    why : str
        Why it was laid out anew; otherwise empty.
    graph : str
        `fingerprint` of what it was drawn from.
    kept_anew : float
        `neighbors_kept` of the last map laid out anew: this one, or one before it.
    """

    points: FloatArray
    began: str
    why: str
    graph: str
    kept_anew: float


def fingerprint(graph: KnnGraph, ids: IntArray, settings: MapSettings) -> str:
    """SHA-256 (hex) of what decides a map laid out anew.

    Parameters
    ----------
    graph : KnnGraph
    ids : int64 (recipes,)
    settings : MapSettings

    Returns
    -------
    str
    """
    digest = hashlib.sha256(json.dumps(asdict(settings)).encode())
    for array, form in ((ids, "<i8"), (graph.indices, "<i4"), (graph.distances, "<f8")):
        digest.update(np.ascontiguousarray(array.astype(form)).tobytes())
    return digest.hexdigest()


def place(
    graph: KnnGraph,
    ids: IntArray,
    twins: IntArray,
    settings: MapSettings,
    *,
    earlier: EarlierMap | None = None,
    changed: BoolArray | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> PlacedMap:
    """Lay out a map, from where drinks lie on the earlier one if that will do.

    Parameters
    ----------
    graph : KnnGraph
    ids : int64 (recipes,)
        Ascending.
    twins : int64 (recipes,)
        First recipe of the same mixture; they lie on one spot.
    settings : MapSettings
    earlier : EarlierMap, optional
    changed : bool (recipes,), optional
        Drinks that are not what they were; those the earlier map lacks count as such.
    progress : callable, optional
        Called with (epochs done, epochs in all).

    Returns
    -------
    PlacedMap
        Same arguments: the same bits, on every processor.
    """
    drawn_from = fingerprint(graph, ids, settings)
    before = _looked_up(earlier, ids)
    known = np.isfinite(before[:, 0])
    first, spot = np.unique(twins, return_inverse=True)
    if earlier is not None and earlier.graph == drawn_from and known.all():
        kept = earlier.kept_anew
        if kept is not None and (before == before[twins]).all():
            return PlacedMap(before, "unchanged", "", drawn_from, kept)
    steady = known if changed is None else known & ~changed
    if first.size < SMALLEST:
        few = scale_few(graph)[first]
        points = _aligned(few, spot, before, steady, known)
        kept = neighbors_kept(graph, points)
        return PlacedMap(points, "anew", "few drinks are always laid out anew", drawn_from, kept)

    edges = tie(graph, spot, settings)

    def anew(why: str) -> PlacedMap:
        upright = stand_upright(embed(edges, settings, progress=progress))
        points = _aligned(upright, spot, before, steady, known)
        return PlacedMap(points, "anew", why, drawn_from, round(neighbors_kept(graph, points), 4))

    if earlier is None or not known.any():
        return anew("there was no earlier map")
    if known.mean() < ENOUGH_KNOWN:
        return anew(f"only {int(known.sum())} of {ids.size} drinks were on the earlier map")
    start, mobility = _start(edges, spot, before, known, steady)
    moved = embed(edges, settings, start=start, mobility=mobility, progress=progress)
    points = _aligned(moved, spot, before, steady, known)
    kept = neighbors_kept(graph, points)
    reference = earlier.kept_anew
    if reference is None or kept < reference - MARGIN:
        other = anew(f"going on from the earlier map kept {kept:.3f} of the neighbors only")
        if other.kept_anew - kept > MARGIN:
            return other
        reference = other.kept_anew
    return PlacedMap(points, "from the earlier map", "", drawn_from, reference)


def _looked_up(earlier: EarlierMap | None, ids: IntArray) -> FloatArray:
    """Return where each recipe lay, float64 (recipes, 2); NaN where it was not on the map."""
    before = np.full((ids.size, 2), np.nan)
    if earlier is not None and earlier.ids.size:
        at = np.minimum(np.searchsorted(earlier.ids, ids), earlier.ids.size - 1)
        here = (earlier.ids[at] == ids) & np.isfinite(earlier.points[at]).all(axis=1)
        before[here] = earlier.points[at[here]]
    return before


def _start(
    edges: Edges, spot: IntArray, before: FloatArray, known: BoolArray, steady: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return where spots begin, float64 (spots, 2), and how freely each moves, float64 (spots,).

    A spot begins where its recipes lay, those that did not change if there are any; a new one at
    the weighted mean of the spots it is tied to.
    """
    n = edges.indptr.size - 1
    count, places = np.zeros(n), np.zeros((n, 2))
    held = np.bincount(spot, steady, n) > 0
    counted = known & (steady | ~held[spot])
    np.add.at(count, spot[counted], 1.0)
    np.add.at(places, spot[counted], before[counted])
    there = count > 0
    places[there] /= count[there, None]
    middle, size = before[known].mean(axis=0), diameter(before[known])
    mean, reached = _among_neighbors(edges, places, there)
    far = np.sqrt(((mean - places) ** 2).sum(axis=1)) > FAR * size
    restless = there & ~held & reached & far
    places[restless] = mean[restless]
    placed = there
    while (coming := reached & ~placed).any():
        places[coming] = mean[coming]
        placed = placed | coming
        mean, reached = _among_neighbors(edges, places, placed)
    places[~placed] = middle
    # two new drinks on one point would stay together for ever: neither pulls nor pushes
    fresh = np.flatnonzero(~held)
    golden = 2.399963 * np.arange(fresh.size)
    places[fresh] += 1e-3 * size * np.stack([np.cos(golden), np.sin(golden)], axis=1)
    heads = edges.heads
    loose = np.bincount(heads, edges.weights * ~held[edges.tails], n)
    whole = np.bincount(heads, edges.weights, n)
    share = np.divide(loose, whole, out=np.zeros(n), where=whole > 0)
    mobility: FloatArray = np.where(held, HELD_BACK + (1.0 - HELD_BACK) * share, 1.0)
    return np.round(places, 2 * MAP_DECIMALS), np.round(mobility, 2 * MAP_DECIMALS)


def _among_neighbors(
    edges: Edges, places: FloatArray, placed: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """Return the weighted mean of the placed spots that each is tied to, and which have any."""
    known = placed[edges.tails]
    heads, weights = edges.heads[known], edges.weights[known]
    n = placed.size
    weight = np.bincount(heads, weights, n)
    reached: BoolArray = weight > 0
    tied = places[edges.tails[known]]
    mean = np.empty((n, 2))
    for d in range(2):
        mean[:, d] = np.bincount(heads, weights * tied[:, d], n)
    mean[reached] /= weight[reached, None]
    return mean, reached


def stand_upright(points: FloatArray) -> FloatArray:
    """Center a map and turn its longest axis level; signs by the third moment.

    Parameters
    ----------
    points : float64 (n, 2)

    Returns
    -------
    float64 (n, 2)
    """
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    turned = centered @ axes.T
    signs = np.where((turned**3).sum(axis=0) < 0, -1.0, 1.0)
    upright: FloatArray = turned * signs
    return upright


def _aligned(
    spots: FloatArray, spot: IntArray, before: FloatArray, steady: BoolArray, known: BoolArray
) -> FloatArray:
    """Lay spots over the earlier map by the drinks that did not change; one row per recipe."""
    by = steady if steady.sum() >= 3 else known
    return align(spots, spots[spot[by]], before[by])[spot]


def align(points: FloatArray, here: FloatArray, there: FloatArray) -> FloatArray:
    """Turn, mirror and shift a map so that drinks stay where people remember them.

    Orthogonal Procrustes; scale and shape are not touched.

    Parameters
    ----------
    points : float64 (n, 2)
    here, there : float64 (p, 2)
        Places on the map, and where they belong; fewer than three say nothing.

    Returns
    -------
    float64 (n, 2)
        Rounded to `MAP_DECIMALS`.
    """
    if len(here) < 3:
        rounded: FloatArray = np.round(points, MAP_DECIMALS) + 0.0
        return rounded
    old_center, new_center = there.mean(axis=0), here.mean(axis=0)
    left, _, right = np.linalg.svd((here - new_center).T @ (there - old_center))
    turn = left @ right
    x, y = (points - new_center).T  # column by column: equal points stay equal to the last bit
    moved = np.stack([x * turn[0, d] + y * turn[1, d] + old_center[d] for d in range(2)], axis=1)
    result: FloatArray = np.round(moved, MAP_DECIMALS) + 0.0
    return result


def diameter(points: FloatArray) -> float:
    """Return the greatest distance between two points, within a thousandth.

    Parameters
    ----------
    points : float64 (n, 2)

    Returns
    -------
    float
        0 for fewer than two points.
    """
    if len(points) < 2:
        return 0.0
    angles = np.pi * np.arange(64) / 64
    along = points @ np.stack([np.cos(angles), np.sin(angles)])
    return float((along.max(axis=0) - along.min(axis=0)).max())


def moves(points: FloatArray, ids: IntArray, earlier: EarlierMap) -> FloatArray:
    """Return how far drinks moved, in shares of the earlier map's diameter.

    Parameters
    ----------
    points : float64 (n, 2)
    ids : int64 (n,)
    earlier : EarlierMap

    Returns
    -------
    float64 (drinks on both maps,)
    """
    before = _looked_up(earlier, ids)
    known = np.isfinite(before[:, 0])
    size = diameter(earlier.points[np.isfinite(earlier.points).all(axis=1)])
    apart = np.sqrt(((points[known] - before[known]) ** 2).sum(axis=1))
    shares: FloatArray = apart / size if size > 0 else np.zeros(apart.size)
    return shares
