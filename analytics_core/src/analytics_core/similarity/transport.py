"""Exact Earth Mover's Distance and unique optimal plans between small mixtures.

Single problems of up to 64 ingredients per side are solved by this package's compiled simplex,
larger ones by POT's network simplex. Pairs of recipes go to the compiled simplex at any size. A
problem on which it stalls is solved by POT, whichever function met it: the distance is exact all
the same, but of several optimal plans POT's need not be the one described at `transport_plan`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.errors import SolverError
from analytics_core.similarity import _kernels
from analytics_core.similarity.parallel import for_chunks

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.mixture import Mixtures

MASS_BALANCE_TOLERANCE = 1e-9  # of the total: beyond it the masses do not belong together
ROWS_PER_CALL = 16  # rows of all pairs per compiled call
PAIRS_PER_CALL = 2048


@dataclass(frozen=True, slots=True, eq=False)
class TransportPlan:
    """What moves where. Flows are sorted by (source, target).

    Attributes
    ----------
    source, target : int (flows,)
        Indices into the two mass vectors.
    mass : float64 (flows,)
        Positive.
    value : float
        Total cost: the distance.
    """

    source: IntArray
    target: IntArray
    mass: FloatArray
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class PairPlans:
    """Plans of many pairs of recipes, flows of all pairs one after the other.

    Attributes
    ----------
    indptr : int64 (pairs + 1,)
        Flows of pair ``k``: ``indptr[k]:indptr[k + 1]``.
    source, target : int32 (flows,)
        Columns of the mixtures.
    mass : float64 (flows,)
        Fraction of the drink.
    """

    indptr: IntArray
    source: IntArray
    target: IntArray
    mass: FloatArray


def _checked(a: FloatArray, b: FloatArray, cost: FloatArray) -> tuple[FloatArray, ...]:
    a = np.ascontiguousarray(a, dtype=np.float64)
    b = np.ascontiguousarray(b, dtype=np.float64)
    cost = np.ascontiguousarray(cost, dtype=np.float64)
    if a.ndim != 1 or b.ndim != 1 or cost.shape != (a.size, b.size):
        raise SolverError(
            f"cost has shape {cost.shape}; masses of shape {a.shape} and {b.shape} "
            f"need ({a.size}, {b.size})"
        )
    for name, values in (("source masses", a), ("target masses", b), ("costs", cost)):
        if not np.isfinite(values).all() or (values < 0).any():
            raise SolverError(f"{name} must be finite and not negative")
    total = a.sum()
    if abs(total - b.sum()) > MASS_BALANCE_TOLERANCE * max(total, b.sum()):
        raise SolverError(f"masses do not balance: {total!r} against {b.sum()!r}")
    return a, b, cost


def _by_pot(a: FloatArray, b: FloatArray, cost: FloatArray) -> FloatArray:
    """Optimal plan by POT, float64 (m, n); for problems beyond the compiled solver."""
    import ot

    matrix: FloatArray = ot.emd(a, b * (a.sum() / b.sum()), cost, numItermax=1_000_000)
    return matrix


def transport_plan(
    a: FloatArray, b: FloatArray, cost: FloatArray, *, keys: tuple[IntArray, IntArray] | None = None
) -> TransportPlan:
    r"""Solve one transport problem exactly.

    .. math:: \min_{T \ge 0} \sum_{ij} T_{ij} c_{ij}, \quad T 1 = a, \; T^\top 1 = b

    Parameters
    ----------
    a : float64 (m,)
        Masses at the sources, not negative.
    b : float64 (n,)
        Masses at the targets, of the same sum.
    cost : float64 (m, n)
        Not negative; no triangle inequality is needed.
    keys : (int (m,), int (n,)), optional
        Identities of sources and targets, by which ties are broken: of all optimal plans the one
        that moves least between different keys is returned, further ties are settled by a fixed
        number for each unordered pair of keys. Default: the positions.

    Returns
    -------
    TransportPlan

    Raises
    ------
    SolverError
        Negative or non-finite input, wrong shapes, masses that do not balance.

    Examples
    --------
    >>> import numpy as np
    >>> plan = transport_plan(np.array([0.5, 0.5]), np.array([1.0]), np.array([[0.0], [2.0]]))
    >>> plan.value
    1.0
    """
    a, b, cost = _checked(a, b, cost)
    if keys is None:
        keys = (np.arange(a.size), np.arange(b.size))
    rows, cols = np.flatnonzero(a > 0), np.flatnonzero(b > 0)
    m, n = rows.size, cols.size
    if m == 0 or n == 0:
        empty = np.empty(0, np.int64)
        return TransportPlan(empty, empty, np.empty(0), 0.0)
    small = np.ascontiguousarray(cost[np.ix_(rows, cols)])
    status = _kernels.STATUS_STALLED
    if max(m, n) <= _kernels.MAX_SUPPORT:
        secondary = _kernels.secondary_costs(
            np.asarray(keys[0], np.int64)[rows], np.asarray(keys[1], np.int64)[cols]
        )
        flat, value, status = _kernels.plan(m, n, small.ravel(), secondary, a[rows], b[cols])
        flow = flat.reshape(m, n)
    if status != _kernels.STATUS_OK:
        flow = _by_pot(a[rows], b[cols], small)
        value = float((flow * small).sum())
    i, j = np.nonzero(flow > _kernels.MASS_EPSILON)
    return TransportPlan(rows[i], cols[j], flow[i, j], float(value))


def emd(a: FloatArray, b: FloatArray, cost: FloatArray) -> float:
    """Earth Mover's Distance of two mass vectors.

    Parameters
    ----------
    a : float64 (m,)
        Masses at the sources, not negative.
    b : float64 (n,)
        Masses at the targets, of the same sum.
    cost : float64 (m, n)
        Not negative; no triangle inequality is needed.

    Returns
    -------
    float
        In the unit of the cost, times that of the masses.

    Raises
    ------
    SolverError
        Negative or non-finite input, wrong shapes, masses that do not balance.

    See Also
    --------
    transport_plan : What moves where.
    emd_pairs, emd_matrix : Many recipes at once, much faster.

    Examples
    --------
    >>> import numpy as np
    >>> emd(np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.array([[0.0, 3.0], [3.0, 0.0]]))
    1.5
    """
    return transport_plan(a, b, cost).value


def check_ground_cost(mixtures: Mixtures, cost: FloatArray) -> FloatArray:
    """Return the cost as the kernels want it.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        Between the ingredients in play.

    Returns
    -------
    float64 (m, m)
        The same numbers, contiguous.

    Raises
    ------
    SolverError
        The cost has another shape, is not symmetric, negative or not finite.
    """
    cost = np.ascontiguousarray(cost, dtype=np.float64)
    width = mixtures.in_play.size
    if cost.shape != (width, width):
        raise SolverError(
            f"cost has shape {cost.shape}; the ingredients in play need {(width,) * 2}"
        )
    if not np.isfinite(cost).all() or (cost < 0).any():
        raise SolverError("costs must be finite and not negative")
    if (cost != cost.T).any():  # a pair of recipes has one distance, and the bounds count on it
        raise SolverError("the cost between ingredients must be symmetric")
    return cost


def _pot_distance(mixtures: Mixtures, p: int, q: int, cost: FloatArray) -> float:
    p, q = min(p, q), max(p, q)
    a, b = (slice(int(mixtures.indptr[r]), int(mixtures.indptr[r + 1])) for r in (p, q))
    small = np.ascontiguousarray(cost[np.ix_(mixtures.columns[a], mixtures.columns[b])])
    flow = _by_pot(mixtures.fractions[a], mixtures.fractions[b], small)
    return float((flow * small).sum())


def emd_pairs(
    mixtures: Mixtures,
    cost: FloatArray,
    first: IntArray,
    second: IntArray,
    *,
    threads: int | None = None,
) -> FloatArray:
    """Exact distances of the listed pairs of recipes.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        Between the ingredients in play: symmetric, not negative; no triangle inequality is needed.
    first, second : int (pairs,)
        Rows of the mixtures.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.

    Returns
    -------
    float64 (pairs,)
        In the unit of the cost.

    Raises
    ------
    SolverError
        As `check_ground_cost`.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics_core import IngredientTree, load_catalog
    >>> from analytics_core.sample import write_sample_database
    >>> from analytics_core.similarity.mixture import build_mixtures
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> catalog = load_catalog("bar.db")
    >>> tree = IngredientTree.from_ingredients(catalog.ingredients)
    >>> mixtures = build_mixtures(catalog, tree)
    >>> cost = tree.distance_matrix(mixtures.in_play)
    >>> catalog.recipes.names[:2]
    ('Negroni', 'Boulevardier')
    >>> emd_pairs(mixtures, cost, np.array([0]), np.array([1])).round(3)
    array([1.81])
    """
    cost = check_ground_cost(mixtures, cost)
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    out = np.empty(first.size)
    problem = (mixtures.indptr, mixtures.columns, mixtures.fractions, cost)
    for_chunks(
        0,
        first.size,
        PAIRS_PER_CALL,
        lambda start, stop: _kernels.pairs(
            start, stop, first, second, *problem, mixtures.largest_support, out
        ),
        threads=threads,
    )
    for k in np.flatnonzero(np.isnan(out)):
        out[k] = _pot_distance(mixtures, int(first[k]), int(second[k]), cost)
    return out


def emd_matrix(mixtures: Mixtures, cost: FloatArray, *, threads: int | None = None) -> FloatArray:
    """All-pairs distances.

    The job never calls this: its memory grows with the square of the recipes.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        As in `emd_pairs`.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.

    Returns
    -------
    float64 (recipes, recipes)
        Symmetric, zero diagonal.

    Raises
    ------
    SolverError
        As `check_ground_cost`.

    Examples
    --------
    >>> from analytics_core import IngredientTree, load_catalog
    >>> from analytics_core.sample import write_sample_database
    >>> from analytics_core.similarity.mixture import build_mixtures
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> catalog = load_catalog("bar.db")
    >>> tree = IngredientTree.from_ingredients(catalog.ingredients)
    >>> mixtures = build_mixtures(catalog, tree)
    >>> emd_matrix(mixtures, tree.distance_matrix(mixtures.in_play)).shape
    (40, 40)
    """
    cost = check_ground_cost(mixtures, cost)
    upper = np.zeros((mixtures.count, mixtures.count))
    problem = (mixtures.indptr, mixtures.columns, mixtures.fractions, cost)
    for_chunks(
        0,
        mixtures.count,
        ROWS_PER_CALL,
        lambda start, stop: _kernels.matrix(start, stop, *problem, mixtures.largest_support, upper),
        threads=threads,
    )
    for p, q in np.argwhere(np.isnan(upper)):
        upper[p, q] = _pot_distance(mixtures, int(p), int(q), cost)
    full: FloatArray = upper + upper.T
    return full


def plans_of_pairs(
    mixtures: Mixtures,
    cost: FloatArray,
    first: IntArray,
    second: IntArray,
    *,
    threads: int | None = None,
) -> PairPlans:
    """Unique optimal plans of the listed pairs.

    Parameters
    ----------
    mixtures : Mixtures
    cost : float64 (m, m)
        As in `emd_pairs`.
    first, second : int (pairs,)
        Rows of the mixtures; plans lead from `first` to `second`.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.

    Returns
    -------
    PairPlans
        Which of several optimal plans, is described at `transport_plan`.

    Raises
    ------
    SolverError
        As `check_ground_cost`.
    """
    cost = check_ground_cost(mixtures, cost)
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    size = mixtures.largest_support
    width = 2 * size - 1  # a basis has no more flows
    counts = np.zeros(first.size, np.int64)
    sources, targets = (np.zeros((first.size, width), np.int32) for _ in range(2))
    masses = np.zeros((first.size, width))
    problem = (mixtures.indptr, mixtures.columns, mixtures.fractions, cost)
    keys = np.asarray(mixtures.ingredient_ids, np.int64)
    for_chunks(
        0,
        first.size,
        PAIRS_PER_CALL,
        lambda start, stop: _kernels.pair_plans(
            start, stop, first, second, *problem, keys, size, counts, sources, targets, masses
        ),
        threads=threads,
    )
    for k in np.flatnonzero(counts < 0):
        rows = (int(first[k]), int(second[k]))
        a, b = (slice(int(mixtures.indptr[r]), int(mixtures.indptr[r + 1])) for r in rows)
        small = np.ascontiguousarray(cost[np.ix_(mixtures.columns[a], mixtures.columns[b])])
        flow = _by_pot(mixtures.fractions[a], mixtures.fractions[b], small)
        i, j = np.nonzero(flow > _kernels.MASS_EPSILON)
        counts[k] = i.size
        sources[k, : i.size] = mixtures.columns[a][i]
        targets[k, : i.size] = mixtures.columns[b][j]
        masses[k, : i.size] = flow[i, j]
    kept = np.arange(masses.shape[1])[None, :] < counts[:, None]
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return PairPlans(indptr, sources[kept], targets[kept], masses[kept])
