"""Compiled loops: small exact transport problems and their unique plans.

They stand in one file because Numba looks at one file, that of the function itself, to tell
whether what it has cached is out of date: a kernel inlined from another file would go on in its
old form, and two forms of one workspace end in a crash. How a function of another file may call
these all the same, `analytics_core.similarity._search` shows.

Everything here works on raw arrays that the public modules have checked. A
problem is a pair of *supports*: ingredient indices with their masses. Recipes
have a handful of ingredients, so the solver is a transportation simplex
(Dantzig 1951) on arrays that fit into a few cache lines: a start by least centered cost,
dual prices along the basis tree, the most negative reduced cost enters.

The start decides the speed. Taking the cheapest cell first leaves the last cells to chance and
wants 1.2 pivots a pair of recipes; Russell (1969) takes the cell that is cheapest beside the
dearest of its row and column: 0.5 pivots. Beside the *mean* of its row and column, weighted by
mass, which is what the cell's mass would cost if it were spread evenly: 0.3, and three pairs of
four need none.

A second phase makes the plan unique. Where several plans cost the same, it
moves along arcs of reduced cost zero to the plan of least *secondary* cost:
staying put is free, any move costs 1 plus a small number that depends on the
unordered pair of ingredients alone. So the plan does not depend on the order
of rows, the starting basis or the direction in which a pair is read.

References
----------
.. [1] G. B. Dantzig, "Application of the simplex method to a transportation
   problem", Activity Analysis of Production and Allocation, 1951.
.. [2] E. J. Russell, "Extension of Dantzig's algorithm to finding an initial near-optimal basis
   for the transportation problem", Operations Research 17, 1969.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAX_SUPPORT = 64  # ingredients per side; larger problems go to POT
OPTIMALITY_TOLERANCE = 1e-13  # of the largest cost: a reduced cost above minus this is zero
TIE_TOLERANCE = 1e-12  # of the largest cost: arcs this close to optimal count as tied
MASS_EPSILON = 1e-15  # mass below this is rounding, not a flow
DISTANCE_GRID = 2.0**40  # steps in 1: distances are compared on a grid, so rounding decides nothing

# What runs for every pair is inlined (`forceinline`): handing a dozen arrays from function to
# function costs a third of the time of a problem this small.
STATUS_OK = 0
STATUS_STALLED = 1


@njit(cache=True, error_model="numpy")
def _secondary(a, b):  # pragma: no cover - compiled
    """Tie-breaking cost of moving mass between ingredients a and b: 0 for staying put."""
    if a == b:
        return 0.0
    low = np.uint64(min(a, b))
    high = np.uint64(max(a, b))
    # splitmix64 of the unordered pair: no two sums of such numbers agree by chance
    z = (low << np.uint64(32)) ^ high
    z = (z + np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return 1.0 + (z >> np.uint64(11)) * (2.0**-53 * 2.0**-6)


@njit(cache=True, error_model="numpy", forceinline=True)
def _center(m, n, cost, supply, demand, centered, column_mean):
    """Cost less the means of its row and its column, weighted by mass, into `centered`."""
    total = 0.0
    for i in range(m):
        total += supply[i]
    for j in range(n):
        column_mean[j] = 0.0
    scale = 1.0 / total
    for i in range(m):
        base = i * n
        weight = supply[i] * scale
        mean = 0.0
        for j in range(n):
            price = cost[base + j]
            mean += price * demand[j]
            column_mean[j] += price * weight
        mean *= scale
        for j in range(n):
            centered[base + j] = cost[base + j] - mean
    for i in range(m):
        base = i * n
        for j in range(n):
            centered[base + j] -= column_mean[j]


@njit(cache=True, error_model="numpy", forceinline=True)
def _start(m, n, cost, supply, demand, order, cells, parent, flow, open_lines):
    """Fill a plan cheapest cell first: m + n - 1 cells that form a spanning tree. Returns its root.

    Step t fills ``cells[t]`` and closes the line ``order[t]`` (a source, or m + a sink), which so
    hangs on its `parent`, still open, by the amount in `flow`. Only one line closes a step, also
    where row and column run out together: a tree, then, even for degenerate masses.
    """
    for v in range(m + n):
        open_lines[v] = v if v < m else v - m
    rows = m
    cols = n
    t = 0
    while rows > 1 and cols > 1:
        best = np.inf
        at_row = 0
        at_col = 0
        for r in range(rows):
            base = open_lines[r] * n
            for c in range(cols):
                price = cost[base + open_lines[m + c]]
                if price < best:
                    best = price
                    at_row = r
                    at_col = c
        i = open_lines[at_row]
        j = open_lines[m + at_col]
        have = supply[i]
        need = demand[j]
        cells[t] = i * n + j
        if have <= need:
            order[t] = i
            parent[i] = m + j
            flow[i] = have
            demand[j] = need - have
            rows -= 1
            open_lines[at_row] = open_lines[rows]
        else:
            order[t] = m + j
            parent[m + j] = i
            flow[m + j] = need
            supply[i] = have - need
            cols -= 1
            open_lines[m + at_col] = open_lines[m + cols]
        t += 1
    if rows == 1:
        i = open_lines[0]
        for c in range(cols):
            j = open_lines[m + c]
            cells[t] = i * n + j
            order[t] = m + j
            parent[m + j] = i
            flow[m + j] = demand[j]
            t += 1
        root = i
    else:
        j = open_lines[m]
        for r in range(rows):
            i = open_lines[r]
            cells[t] = i * n + j
            order[t] = i
            parent[i] = m + j
            flow[i] = supply[i]
            t += 1
        root = m + j
    parent[root] = -1
    flow[root] = 0.0
    return root


@njit(cache=True, error_model="numpy")
def _cell(v, parent, m, n):
    """Index of the cell between the line v and its parent, one a source, one a sink."""
    if v < m:
        return v * n + parent[v] - m
    return parent[v] * n + v - m


@njit(cache=True, error_model="numpy")
def _prices(m, n, cost, root, parent, price, priced, path):
    """Dual prices along the basis tree from its root: cost = price_i + price_j."""
    for v in range(m + n):
        priced[v] = 0
    price[root] = 0.0
    priced[root] = 1
    for v in range(m + n):
        above = v
        length = 0
        while not priced[above]:
            path[length] = above
            length += 1
            above = parent[above]
        while length > 0:
            length -= 1
            line = path[length]
            price[line] = cost[_cell(line, parent, m, n)] - price[above]
            priced[line] = 1
            above = line


@njit(cache=True, error_model="numpy")
def _pivot(m, n, enter, parent, flow, marked):
    """Push flow around the cycle that cell `enter` closes; the tightest cell leaves the basis."""
    source = enter // n
    sink = m + enter % n
    for v in range(m + n):
        marked[v] = 0
    v = sink
    while v >= 0:
        marked[v] = 1
        v = parent[v]
    junction = source
    while not marked[junction]:
        junction = parent[junction]
    # What the entering cell brings the sink, the sink's own cell loses, the next one up gains, and
    # so on to the junction; the same from the source.
    theta = np.inf
    leave = -1
    last = -1
    v = sink
    while v != junction:
        if v >= m:
            cell = _cell(v, parent, m, n)
            if flow[v] < theta or (flow[v] == theta and cell < leave):
                theta = flow[v]
                leave = cell
                last = v
        v = parent[v]
    child = sink
    above = source
    v = source
    while v != junction:
        if v < m:
            cell = _cell(v, parent, m, n)
            if flow[v] < theta or (flow[v] == theta and cell < leave):
                theta = flow[v]
                leave = cell
                last = v
                child = source
                above = sink
        v = parent[v]
    v = sink
    while v != junction:
        flow[v] += -theta if v >= m else theta
        v = parent[v]
    v = source
    while v != junction:
        flow[v] += -theta if v < m else theta
        v = parent[v]
    # What hung on the leaving cell now hangs on the entering one, by the path between the two.
    carried = theta
    v = child
    while above != last:
        next_line = parent[v]
        next_carried = flow[v]
        parent[v] = above
        flow[v] = carried
        above = v
        carried = next_carried
        v = next_line


@njit(cache=True, error_model="numpy")
def _improve(m, n, cost, tolerance, root, parent, flow, price, marked, path):
    """Pivot until no reduced cost is negative; `price` is that of the start. Returns the status."""
    # Pivots by steepest price; afterward by Bland's rule, which cannot cycle.
    patience = 20 + 8 * (m + n)
    for step in range(patience + 50 * m * n):
        enter = -1
        best = tolerance
        for i in range(m):
            base = i * n
            own = price[i]
            for j in range(n):
                reduced = cost[base + j] - own - price[m + j]
                if reduced < best and parent[i] != m + j and parent[m + j] != i:
                    best = reduced
                    enter = base + j
                    if step >= patience:
                        best = -np.inf
        if enter < 0:
            return STATUS_OK
        _pivot(m, n, enter, parent, flow, marked)
        _prices(m, n, cost, root, parent, price, marked, path)
    return STATUS_STALLED


@njit(cache=True, error_model="numpy", forceinline=True)
def solve(m, n, ws):
    """Minimum cost of moving supply (m,) to demand (n,) under cost (m * n,), all in the workspace.

    Most recipe pairs are solved by the start itself. Returns (value, root, status); `parent` and
    `flow` hold an optimal basis as a tree: each line (source i, or sink m + j) but the root hangs
    on another, and `flow` is what moves between the two.
    """
    cost, centered, _, supply, demand, price, _, parent, flow, order, cells, marked, path = ws
    _center(m, n, cost, supply, demand, centered, price)
    root = _start(m, n, centered, supply, demand, order, cells, parent, flow, path)
    # Backwards, each line hangs on one that is priced already: the tree needs no search.
    value = 0.0
    price[root] = 0.0
    for back in range(m + n - 1):
        t = m + n - 2 - back
        line = order[t]
        price[line] = cost[cells[t]] - price[parent[line]]
        value += flow[line] * cost[cells[t]]
    largest = 0.0
    lowest = np.inf
    for i in range(m):
        base = i * n
        own = price[i]
        for j in range(n):
            largest = max(largest, cost[base + j])
            lowest = min(lowest, cost[base + j] - own - price[m + j])
    tolerance = -OPTIMALITY_TOLERANCE * largest
    if lowest >= tolerance:
        return value, root, STATUS_OK
    status = _improve(m, n, cost, tolerance, root, parent, flow, price, marked, path)
    value = 0.0
    for v in range(m + n):
        if v != root:
            value += flow[v] * cost[_cell(v, parent, m, n)]
    return value, root, status


@njit(cache=True, error_model="numpy")
def _make_unique(m, n, root, ws):
    """From an optimal basis to the optimal plan of least secondary cost. Returns the status."""
    cost, _, secondary, _, _, price, price2, parent, flow, _, _, marked, path = ws
    largest = 0.0
    for cell in range(m * n):
        largest = max(largest, cost[cell])
    tied = TIE_TOLERANCE * largest
    patience = 20 + 8 * (m + n)
    for step in range(patience + 50 * m * n):
        _prices(m, n, cost, root, parent, price, marked, path)
        _prices(m, n, secondary, root, parent, price2, marked, path)
        enter = -1
        best = -1e-12
        for i in range(m):
            base = i * n
            for j in range(n):
                if parent[i] == m + j or parent[m + j] == i:
                    continue
                if cost[base + j] - price[i] - price[m + j] > tied:
                    continue
                reduced = secondary[base + j] - price2[i] - price2[m + j]
                if reduced < best:
                    best = reduced
                    enter = base + j
                    if step >= patience:
                        best = -np.inf
        if enter < 0:
            return STATUS_OK
        _pivot(m, n, enter, parent, flow, marked)
    return STATUS_STALLED


@njit(cache=True, error_model="numpy")
def _spread_out(m, n, root, ws):
    """Write the tree's flows into a full matrix (m * n,), which takes the place of `centered`."""
    full = ws[1]
    parent = ws[7]
    flow = ws[8]
    for cell in range(m * n):
        full[cell] = 0.0
    for v in range(m + n):
        if v != root:
            full[_cell(v, parent, m, n)] = flow[v]
    return full


@njit(cache=True, error_model="numpy")
def workspace(size):
    """Arrays for problems of up to `size` ingredients per side; lines are sources, then sinks."""
    return (
        np.empty(size * size),  # cost
        np.empty(size * size),  # centered cost
        np.empty(size * size),  # secondary cost
        np.empty(size),  # supply
        np.empty(size),  # demand
        np.empty(2 * size),  # price of each line
        np.empty(2 * size),  # secondary price
        np.empty(2 * size, np.int64),  # parent of each line in the basis tree
        np.empty(2 * size),  # flow between a line and its parent
        np.empty(2 * size, np.int64),  # lines in the order in which the start closed them
        np.empty(2 * size, np.int64),  # cells in that order
        np.empty(2 * size, np.uint8),  # marks
        np.empty(2 * size, np.int64),  # a path in the tree, or the start's open lines
    )


@njit(cache=True, error_model="numpy", forceinline=True)
def pair(p, q, indptr, columns, fractions, ground, ws):
    """Exact distance between the mixtures p and q; see `solve`."""
    cost = ws[0]
    supply = ws[3]
    demand = ws[4]
    p0 = indptr[p]
    q0 = indptr[q]
    m = indptr[p + 1] - p0
    n = indptr[q + 1] - q0
    for i in range(m):
        supply[i] = fractions[p0 + i]
        row = columns[p0 + i]
        for j in range(n):
            cost[i * n + j] = ground[row, columns[q0 + j]]
    for j in range(n):
        demand[j] = fractions[q0 + j]
    return solve(m, n, ws)


@njit(cache=True, nogil=True, error_model="numpy")
def pairs(start, stop, first, second, indptr, columns, fractions, ground, size, out):
    """Exact distances of the pairs start..stop into `out`; NaN where the simplex stalled."""
    ws = workspace(size)
    for k in range(start, stop):
        p = min(first[k], second[k])  # one orientation, so that d(p, q) == d(q, p) to the bit
        q = max(first[k], second[k])
        value, _, status = pair(p, q, indptr, columns, fractions, ground, ws)
        out[k] = value if status == STATUS_OK else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def matrix(start, stop, indptr, columns, fractions, ground, size, out):
    """Rows start..stop of all pairs above the diagonal into `out`; NaN for a stalled problem."""
    ws = workspace(size)
    for p in range(start, stop):
        for q in range(p + 1, indptr.size - 1):
            value, _, status = pair(p, q, indptr, columns, fractions, ground, ws)
            out[p, q] = value if status == STATUS_OK else np.nan


@njit(cache=True, error_model="numpy")
def plan(m, n, cost, secondary, supply, demand):
    """Unique optimal plan of one problem. Returns (flow (m * n,), value, status)."""
    ws = workspace(max(m, n))
    ws[0][: m * n] = cost
    ws[2][: m * n] = secondary
    ws[3][:m] = supply
    ws[4][:n] = demand
    value, root, status = solve(m, n, ws)
    if status == STATUS_OK:
        status = _make_unique(m, n, root, ws)
    return _spread_out(m, n, root, ws)[: m * n].copy(), value, status


@njit(cache=True, error_model="numpy")
def secondary_costs(keys_from, keys_to):
    """Tie-breaking costs (m * n,) between ingredients of the given ids."""
    m = keys_from.size
    n = keys_to.size
    out = np.empty(m * n)
    for i in range(m):
        for j in range(n):
            out[i * n + j] = _secondary(keys_from[i], keys_to[j])
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def pair_plans(
    start,
    stop,
    first,
    second,
    indptr,
    columns,
    fractions,
    ground,
    keys,
    size,
    counts,
    sources,
    targets,
    masses,
):
    """Unique optimal plans of the pairs start..stop into the last four arrays.

    `counts` (pairs,) gets the flows of each pair, -1 for a stalled problem; `sources`, `targets`
    and `masses` (pairs, 2 * size - 1) get the flows, in the order of (source, target).
    """
    ws = workspace(size)
    secondary = ws[2]
    for k in range(start, stop):
        p = first[k]
        q = second[k]
        _, root, status = pair(p, q, indptr, columns, fractions, ground, ws)
        p0 = indptr[p]
        q0 = indptr[q]
        m = indptr[p + 1] - p0
        n = indptr[q + 1] - q0
        for i in range(m):
            for j in range(n):
                secondary[i * n + j] = _secondary(keys[columns[p0 + i]], keys[columns[q0 + j]])
        if status == STATUS_OK:
            status = _make_unique(m, n, root, ws)
        if status != STATUS_OK:
            counts[k] = -1
            continue
        flow = _spread_out(m, n, root, ws)
        f = 0
        for i in range(m):
            for j in range(n):
                if flow[i * n + j] > MASS_EPSILON:
                    sources[k, f] = columns[p0 + i]
                    targets[k, f] = columns[q0 + j]
                    masses[k, f] = flow[i * n + j]
                    f += 1
        counts[k] = f
