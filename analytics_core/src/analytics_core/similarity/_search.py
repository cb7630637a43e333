"""Compiled loops: exact nearest neighbors by a prefix tree of the recipes.

In the terms of text retrieval the recipe whose neighbors are wanted is the query, the others are
documents, and the k-th best distance so far is the threshold; only that less is better here, so
what WAND [1]_ and MaxScore [2]_ do with upper bounds of scores is done with lower bounds of
distances. The stages, each for what the one before has left:

1. *Seeds*: the query's neighbors in the tree, or an earlier graph's. They give a first threshold.
2. *The tree* (`analytics_core.similarity.prefix_tree`). All of p's mass must come from something in
   the query: ``sum_i p_i min_j c_ij``, one half of the relaxed distance [3]_, never exceeds the
   distance. It is a sum over postings, each of which adds something not negative, so the sum over
   the first postings of a path holds for all recipes below. Where it exceeds the threshold, the
   search skips to the next posting outside. Tops are opened in the order of their bounds.
3. *The whole bound* of each recipe in a leaf. Those that pass wait in a pool.
4. *The pool*, when it is full or the tree is read: in the order of the bounds, the other half of
   the relaxed distance, and what passes both is solved. Solved distances lower the threshold for
   all that is left, as in optimal multi-step search [4]_.

A bound is a sum with rounding of its own, and distances are compared on a grid, ties by row. So
what is left out must exceed the threshold by a `margin` that covers both; between that and the
threshold it is left out only if its row is higher than the k-th best. No order of recipes, seeds
or threads can then decide the result: it is the k least of (distance on the grid, row).

The Manhattan distance of rows that sum up to the same is a transport distance, too: 2 for all mass
that p has and the query has not. The same walk adds up ``2 max(0, p_i - q_i)``.

References
----------
.. [1] A. Broder et al., "Efficient query evaluation using a two-level retrieval process",
   CIKM 2003.
.. [2] H. Turtle and J. Flood, "Query evaluation: strategies and optimizations", Information
   Processing & Management 31, 1995.
.. [3] M. Kusner et al., "From word embeddings to document distances", ICML 2015.
.. [4] T. Seidl and H.-P. Kriegel, "Optimal multi-step k-nearest neighbor search", SIGMOD 1998.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from analytics_core.similarity import _kernels
from analytics_core.similarity._kernels import DISTANCE_GRID, solve, workspace

HALF_STEP = 0.5 / DISTANCE_GRID  # distances this far apart may fall on one point of the grid
MARGIN = 2.0**-43  # of the largest distance possible: what sums of a few products err by, and more
POOL = 64  # recipes that wait to be solved: enough to begin with the best
DEPTHS = 20  # of a path in the tree, at most: its nodes tell 16 apart
WINDOW = 16  # places before and after the query's own whose recipes are seeds

NODES_READ = 0
BOUNDED = 1
SOLVED = 2
STALLED = 3
COUNTS = 4


@njit(error_model="numpy")
def _scratch(tree, width):
    """Lay out what the queries of one call share: `own` by column, `seen`, the pool and the walk.

    `seen` has for each place the query that met it last, so nothing is cleared between queries.
    """
    waiting = max(POOL, 2 * WINDOW + 1)
    tops = tree[6].size
    return (
        np.zeros(width),
        np.full(tree[0].size, -1, np.int32),
        (np.empty(waiting, np.int32), np.empty(waiting)),
        (np.empty(tops, np.int32), np.empty(tops), np.zeros(DEPTHS)),
        np.empty(5, np.int64),
    )


@njit(error_model="numpy")
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


@njit(error_model="numpy", forceinline=True)
def _bound(p, tree, rate, own):
    """Cost of all that p has beyond what is its `own`, at the query's rates."""
    indptr, columns, values = tree[2:5]
    total = 0.0
    for e in range(indptr[p], indptr[p + 1]):
        column = columns[e]
        total += rate[column] * max(0.0, values[e] - own[column])
    return total


@njit(error_model="numpy", forceinline=True)
def _pool_seeds(row, tree, rate, own, seeds, pool, seen):
    """Put the seeds of a query into the pool. Returns how many there are."""
    order, place = tree[:2]
    wait, bounds = pool
    q = place[row]
    seen[q] = row
    filled = 0
    for s in range(seeds.shape[1]):
        other = seeds[row, s]
        if other >= 0 and filled < POOL and seen[place[other]] != row:
            p = place[other]
            seen[p] = row
            wait[filled] = p
            bounds[filled] = _bound(p, tree, rate, own)
            filled += 1
    if filled == 0:
        for p in range(max(0, q - WINDOW), min(order.size, q + WINDOW + 1)):
            if p != q:
                seen[p] = row
                wait[filled] = p
                bounds[filled] = _bound(p, tree, rate, own)
                filled += 1
    return filled


@njit(error_model="numpy", forceinline=True)
def _open_tops(limit, tree, rate, own, ways):
    """Sort the tops within the limit by their bounds. Returns how many there are."""
    nodes, tops, unit = tree[5:8]
    opened, opened_bounds, _ = ways
    count = 0
    for t in range(tops.size):
        node = tops[t]
        column = nodes[node, 0] >> 5
        bound = rate[column] * max(0.0, nodes[node, 1] * unit - own[column])
        if bound <= limit:
            at = count
            while at > 0 and opened_bounds[at - 1] > bound:
                opened_bounds[at] = opened_bounds[at - 1]
                opened[at] = opened[at - 1]
                at -= 1
            opened_bounds[at] = bound
            opened[at] = node
            count += 1
    return count


@njit(error_model="numpy", forceinline=True)
def _fill_pool(row, limit, tie, worst, opened, state, tree, rate, own, ways, pool, seen, counts):
    """Walk on through the tree until the pool is full or all is read. Returns how many wait.

    `state` says where the walk is: the next node and the end of its top, the next top to open, the
    next place of a leaf and the leaf's end.
    """
    order = tree[0]
    nodes, _, unit = tree[5:8]
    tops, top_bounds, sums = ways
    wait, bounds = pool
    node = state[0]
    stop = state[1]
    top = state[2]
    place = state[3]
    leaf_end = state[4]
    filled = 0
    while True:
        while place < leaf_end and filled < POOL:
            if seen[place] != row:
                counts[BOUNDED] += 1
                bound = _bound(place, tree, rate, own)
                if bound <= limit and (bound <= tie or order[place] < worst):
                    wait[filled] = place
                    bounds[filled] = bound
                    filled += 1
            place += 1
        if filled == POOL:
            break
        if node >= stop:
            if top >= opened or top_bounds[top] > limit:
                break
            node = tops[top]
            stop = nodes[node, 2]
            top += 1
        counts[NODES_READ] += 1
        packed = nodes[node, 0]
        depth = packed >> 1 & 15
        column = packed >> 5
        bound = sums[depth] + rate[column] * max(0.0, nodes[node, 1] * unit - own[column])
        if bound > limit:
            node = nodes[node, 2]
        elif packed & 1:
            place = nodes[node, 3]
            node = nodes[node, 2]
            leaf_end = nodes[node, 3]
        else:
            sums[depth + 1] = bound
            node += 1
    state[0] = node
    state[1] = stop
    state[2] = top
    state[3] = place
    state[4] = leaf_end
    return filled


@njit(error_model="numpy", forceinline=True)
def _sort_pool(filled, pool):
    wait, bounds = pool
    for a in range(1, filled):
        bound = bounds[a]
        p = wait[a]
        at = a
        while at > 0 and bounds[at - 1] > bound:
            bounds[at] = bounds[at - 1]
            wait[at] = wait[at - 1]
            at -= 1
        bounds[at] = bound
        wait[at] = p


@njit(error_model="numpy", forceinline=True)
def _gather(p, q, tree, ground, ws):
    """Lay out the problem of the recipes at two places. Returns (sources, targets)."""
    indptr, columns, values = tree[2:5]
    cost = ws[0]
    supply = ws[3]
    demand = ws[4]
    p0 = indptr[p]
    q0 = indptr[q]
    m = indptr[p + 1] - p0
    n = indptr[q + 1] - q0
    for i in range(m):
        supply[i] = values[p0 + i]
        line = ground[columns[p0 + i]]
        for j in range(n):
            cost[i * n + j] = line[columns[q0 + j]]
    for j in range(n):
        demand[j] = values[q0 + j]
    return m, n


@njit(error_model="numpy", forceinline=True)
def _other_bound(m, n, from_sources, ws):
    """Cost of moving every source, or every target, to what is nearest on the other side."""
    cost = ws[0]
    mass = ws[3] if from_sources else ws[4]
    outer, inner = (m, n) if from_sources else (n, m)
    step, stride = (n, 1) if from_sources else (1, n)
    total = 0.0
    for i in range(outer):
        lowest = np.inf
        for j in range(inner):
            lowest = min(lowest, cost[i * step + j * stride])
        total += mass[i] * lowest
    return total


@njit(error_model="numpy", forceinline=True)
def _solve_pool(row, filled, found, margin, tree, ground, pool, nearest, ws, counts):
    """Solve what waits, the best bounds first, until a bound is too much. Returns what is found."""
    order, place = tree[:2]
    wait, bounds = pool
    distances, indices = nearest
    k = indices.size
    q = place[row]
    limit = distances[k - 1] + HALF_STEP + margin  # infinite until k are found
    tie = distances[k - 1] - HALF_STEP + margin
    for at in range(filled):
        if bounds[at] > limit:
            break
        p = wait[at]
        other = order[p]
        late = other > indices[k - 1] and found == k
        if late and bounds[at] > tie:
            continue
        forward = row < other  # one orientation, so that d(p, q) == d(q, p) to the bit
        if forward:
            m, n = _gather(q, p, tree, ground, ws)
        else:
            m, n = _gather(p, q, tree, ground, ws)
        bound = _other_bound(m, n, forward, ws)
        if bound > limit or (late and bound > tie):
            continue
        value, _, status = solve(m, n, ws)
        counts[SOLVED] += 1
        counts[STALLED] += status
        value = np.rint(value * DISTANCE_GRID) / DISTANCE_GRID
        found = _insert(distances, indices, k, found, value, other)
        limit = distances[k - 1] + HALF_STEP + margin
        tie = distances[k - 1] - HALF_STEP + margin
    return found


def _made_with(solver: int) -> Callable[..., Any]:
    """Compile the search that calls the solver, whose file has the checksum `solver`.

    Numba looks at a function's own file, and at the values that it takes from around it, to tell
    whether what it has cached is out of date. A function that inlines another file's must hence
    take that file's checksum from around it: it returns it. What else it calls is not cached.
    """

    @njit(cache=True, nogil=True, error_model="numpy")
    def emd_neighbors(first, last, asked, tree, ground, size, seeds, indices, distances, counts):
        """Exact nearest mixtures under a ground cost.

        `asked` has the rows in the order in which they are searched, of which this call does
        ``first:last``, and the slot of each one's results in the last three arrays.
        """
        place, indptr, columns = tree[1:4]
        m = ground.shape[0]
        margin = MARGIN * ground.max()
        ws = workspace(size)
        rate = np.empty(m)
        own, seen, pool, ways, state = _scratch(tree, m)
        rows, slots = asked
        for at in range(first, last):
            row = rows[at]
            slot = slots[at]
            nearest = distances[slot], indices[slot]
            k = nearest[1].size
            count = counts[slot]
            rate[:] = np.inf
            q = place[row]
            for e in range(indptr[q], indptr[q + 1]):
                line = ground[columns[e]]
                for i in range(m):
                    rate[i] = min(rate[i], line[i])
            filled = _pool_seeds(row, tree, rate, own, seeds, pool, seen)
            count[BOUNDED] += filled
            opened = -1
            found = 0
            while opened < 0 or filled > 0:
                _sort_pool(filled, pool)
                found = _solve_pool(
                    row, filled, found, margin, tree, ground, pool, nearest, ws, count
                )
                limit = nearest[0][k - 1] + HALF_STEP + margin
                tie = nearest[0][k - 1] - HALF_STEP + margin
                if opened < 0:
                    opened = _open_tops(limit, tree, rate, own, ways)
                    count[NODES_READ] += tree[6].size
                    state[:] = 0
                filled = _fill_pool(
                    row,
                    limit,
                    tie,
                    nearest[1][k - 1],
                    opened,
                    state,
                    tree,
                    rate,
                    own,
                    ways,
                    pool,
                    seen,
                    count,
                )
        return solver

    return emd_neighbors


emd_neighbors = _made_with(zlib.crc32(Path(_kernels.__file__).read_bytes()))


@njit(error_model="numpy", forceinline=True)
def _compare_in_l1(p, mass, tree, own):
    """Manhattan distance of the row at a place from the query, on the grid."""
    indptr, columns, values = tree[2:5]
    total = mass  # |x - y| summed where p has something, plus what the query has elsewhere
    for e in range(indptr[p], indptr[p + 1]):
        y = own[columns[e]]
        total += abs(values[e] - y) - y
    return np.rint(max(total, 0.0) * DISTANCE_GRID) / DISTANCE_GRID


@njit(error_model="numpy", forceinline=True)
def _read_postings(row, mass, tree, postings, by_mass, margin, own, nearest, found, seen, count):
    """Compare a query with all that shares a column with it, and with the lightest of the rest.

    For queries that so few rows share something with that the threshold is no less than the
    distance from a row that shares nothing. That distance is the sum of both masses.
    """
    order, place, indptr, columns = tree[:4]
    starts, places = postings
    lightest, least, least_beyond = by_mass
    distances, indices = nearest
    k = indices.size
    q = place[row]
    for e in range(indptr[q], indptr[q + 1]):
        for f in range(starts[columns[e]], starts[columns[e] + 1]):
            p = places[f]
            count[NODES_READ] += 1
            if seen[p] != row:
                seen[p] = row
                count[BOUNDED] += 1
                value = _compare_in_l1(p, mass, tree, own)
                found = _insert(distances, indices, k, found, value, order[p])
    for at in range(lightest.size):
        if found == k:
            worst = distances[k - 1]
            late = lightest[at] > indices[k - 1]
            if mass + least[at] > worst + HALF_STEP + margin:
                break
            if late and mass + least[at] > worst - HALF_STEP + margin:
                # the rows to come have this mass and are higher, or have more mass
                if mass + least_beyond[at] > worst + HALF_STEP + margin:
                    break
                continue
        p = place[lightest[at]]
        if seen[p] != row:
            seen[p] = row
            count[BOUNDED] += 1
            value = _compare_in_l1(p, mass, tree, own)
            found = _insert(distances, indices, k, found, value, lightest[at])


@njit(cache=True, nogil=True, error_model="numpy")
def l1_neighbors(
    first,
    last,
    asked,
    tree,
    postings,
    by_mass,
    totals,
    width,
    seeds,
    indices,
    distances,
    counts,
):
    """Exact nearest in the L1 norm of sparse non-negative rows; see `emd_neighbors`."""
    order, place, indptr, columns, values = tree[:5]
    lightest = by_mass[1][0]
    heaviest = totals.max()
    margin = MARGIN * 2.0 * heaviest
    rate = np.full(width, 2.0)
    own, seen, pool, ways, state = _scratch(tree, width)
    rows, slots = asked
    for at in range(first, last):
        row = rows[at]
        slot = slots[at]
        nearest = distances[slot], indices[slot]
        k = nearest[1].size
        count = counts[slot]
        q = place[row]
        mass = 0.0
        for e in range(indptr[q], indptr[q + 1]):
            own[columns[e]] = values[e]
            mass += values[e]
        more = heaviest - mass  # what a row has more than the query, at most
        filled = _pool_seeds(row, tree, rate, own, seeds, pool, seen)
        count[BOUNDED] += filled
        opened = -1
        found = 0
        while opened < 0 or filled > 0:
            for a in range(filled):
                p = pool[0][a]
                value = _compare_in_l1(p, mass, tree, own)
                found = _insert(nearest[0], nearest[1], k, found, value, order[p])
            limit = nearest[0][k - 1] + HALF_STEP + margin
            if opened < 0 and limit >= mass + lightest:
                _read_postings(
                    row, mass, tree, postings, by_mass, margin, own, nearest, found, seen, count
                )
                break
            # The walk adds up twice what a row has beyond the query. The distance is no less than
            # half of that, and than that less what the row has more in all.
            reach = min(2.0 * limit, limit + more)
            tie = nearest[0][k - 1] - HALF_STEP + margin
            if opened < 0:
                opened = _open_tops(reach, tree, rate, own, ways)
                count[NODES_READ] += tree[6].size
                state[:] = 0
            filled = _fill_pool(
                row,
                reach,
                min(2.0 * tie, tie + more),
                nearest[1][k - 1],
                opened,
                state,
                tree,
                rate,
                own,
                ways,
                pool,
                seen,
                count,
            )
        for e in range(indptr[q], indptr[q + 1]):
            own[columns[e]] = 0.0
