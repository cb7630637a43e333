"""Compiled loops: nearest neighbours by lower bounds, and in the L1 norm.

References
----------
.. [1] M. Kusner et al., "From word embeddings to document distances", ICML 2015 (the relaxed
   lower bounds).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from analytics_core._kernels import DISTANCE_GRID, pair, workspace


@njit(cache=True, error_model="numpy")
def _insert(distances, indices, k, filled, value, index):
    """Insert into the k best, sorted by (distance, index). Returns how many are filled."""
    if filled == k:
        last = distances[k - 1]
        if value > last or (value == last and index > indices[k - 1]):
            return filled
        pos = k - 1
    else:
        pos = filled
        filled += 1
    while pos > 0 and (
        distances[pos - 1] > value or (distances[pos - 1] == value and indices[pos - 1] > index)
    ):
        distances[pos] = distances[pos - 1]
        indices[pos] = indices[pos - 1]
        pos -= 1
    distances[pos] = value
    indices[pos] = index
    return filled


@njit(cache=True, error_model="numpy")
def _try(
    p,
    q,
    k,
    found,
    indptr,
    columns,
    fractions,
    ground,
    ws,
    best_distance,
    best_index,
    solved,
    stalled,
):
    """Solve one pair and keep p if it is among the k nearest of q. Returns how many are kept."""
    value, status = pair(min(p, q), max(p, q), indptr, columns, fractions, ground, ws, False)
    solved[q] += 1
    stalled[q] += status
    value = np.rint(value * DISTANCE_GRID) / DISTANCE_GRID
    return _insert(best_distance, best_index, k, found, value, p)


@njit(cache=True, nogil=True, error_model="numpy")
def emd_neighbors(
    start, stop, indptr, columns, fractions, ground, size, indices, distances, solved, stalled
):
    """Exact nearest mixtures of the rows start..stop, most pairs excluded by lower bounds.

    All of q must go somewhere in p's support, and all of p must come from q's:
    max(sum_i p_i min_j c_ij, sum_j q_j min_i c_ij) never exceeds the distance [1]_. The rows of
    `indices` and `distances` (recipes, k) and of `solved` and `stalled` (recipes,) are filled.
    """
    n = indptr.size - 1
    m = ground.shape[0]
    k = indices.shape[1]
    slack = 1e-11 * (1.0 + ground.max())  # bounds are sums with rounding of their own
    ws = workspace(size)
    nearest = np.empty(m)
    bound = np.empty(n)
    first_index = np.empty(k, np.int32)
    first_bound = np.empty(k)
    for q in range(start, stop):
        q0 = indptr[q]
        q1 = indptr[q + 1]
        nearest[:] = np.inf
        for e in range(q0, q1):
            for i in range(m):
                nearest[i] = min(nearest[i], ground[i, columns[e]])
        filled = 0
        for p in range(n):
            total = 0.0
            for e in range(indptr[p], indptr[p + 1]):
                total += fractions[e] * nearest[columns[e]]
            bound[p] = total
            if p != q:
                filled = _insert(first_bound, first_index, k, filled, total, p)
        bound[q] = np.inf
        best_index = indices[q]
        best_distance = distances[q]
        # The most promising k give a limit that excludes nearly all others.
        found = 0
        for c in range(filled):
            p = first_index[c]
            found = _try(
                p,
                q,
                k,
                found,
                indptr,
                columns,
                fractions,
                ground,
                ws,
                best_distance,
                best_index,
                solved,
                stalled,
            )
            bound[p] = np.inf
        limit = best_distance[k - 1] + slack if found == k else np.inf
        for p in range(n):
            if bound[p] > limit or bound[p] == np.inf:
                continue
            total = 0.0
            for e in range(q0, q1):
                lowest = np.inf
                for f in range(indptr[p], indptr[p + 1]):
                    lowest = min(lowest, ground[columns[f], columns[e]])
                total += fractions[e] * lowest
            if total > limit:
                continue
            found = _try(
                p,
                q,
                k,
                found,
                indptr,
                columns,
                fractions,
                ground,
                ws,
                best_distance,
                best_index,
                solved,
                stalled,
            )
            limit = best_distance[k - 1] + slack


@njit(cache=True, nogil=True, error_model="numpy")
def l1_neighbors(start, stop, indptr, columns, values, width, indices, distances):
    """Exact nearest rows of the rows start..stop in the L1 norm of sparse non-negative rows."""
    k = indices.shape[1]
    dense = np.zeros(width)
    for q in range(start, stop):
        mass = 0.0
        for e in range(indptr[q], indptr[q + 1]):
            dense[columns[e]] = values[e]
            mass += values[e]
        filled = 0
        for p in range(indptr.size - 1):
            if p == q:
                continue
            # |x - y| summed where p has something, plus what q has elsewhere
            total = mass
            for e in range(indptr[p], indptr[p + 1]):
                y = dense[columns[e]]
                total += abs(values[e] - y) - y
            total = np.rint(max(total, 0.0) * DISTANCE_GRID) / DISTANCE_GRID
            filled = _insert(distances[q], indices[q], k, filled, total, p)
        for e in range(indptr[q], indptr[q + 1]):
            dense[columns[e]] = 0.0
