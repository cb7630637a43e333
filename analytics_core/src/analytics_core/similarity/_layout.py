"""Compiled loops of the map: edge weights, a smooth start, and the optimization.

Every number comes from additions, multiplications, divisions and square roots of float64, which
IEEE 754 fixes to the last bit. No library function, no fused multiply-add, no sum in an order of
the compiler's choice: the optimization makes worlds of a last bit, and processors differ in how
they come by ``exp`` and ``pow``. The loops hold no lock, so maps can be laid out side by side.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NEGATIVES = 5
"""Drinks pushed away for each one pulled near."""

_STEP = 4.0  # no drink moves further than this, times the rate, by one pull or push


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def _next(state):  # pragma: no cover - compiled
    """Advance a xorshift generator by one; 64 random bits."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return x


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def _decay(x):  # pragma: no cover - compiled
    """exp(-x) of x >= 0, to some twelve digits."""
    if x > 60.0:
        return 0.0
    t = x / 4096.0
    value = 1.0 / (1.0 + t * (1.0 + t * (0.5 + t * (1.0 / 6.0 + t / 24.0))))
    for _ in range(12):
        value = value * value
    return value


@njit(cache=True, error_model="numpy", nogil=True)
def weigh(indptr, distances, neighbors, target):  # pragma: no cover - compiled
    """Weights of the edges from each drink to its neighbors, float64 as `distances`.

    The nearest has weight 1; the others fall off by a width found by bisection so that the weights
    add up to `target` times the share of `neighbors` that the drink has.
    """
    weights = np.empty_like(distances)
    mean = 0.0
    for e in range(distances.size):
        mean += distances[e]
    mean = mean / max(1, distances.size)
    for r in range(indptr.size - 1):
        first, last = indptr[r], indptr[r + 1]
        if first == last:
            continue
        nearest = -1.0
        own = 0.0
        for e in range(first, last):
            own += distances[e]
            if distances[e] > 0.0 and (nearest < 0.0 or distances[e] < nearest):
                nearest = distances[e]
        nearest = max(nearest, 0.0)
        own = own / (last - first)
        wanted = target * (last - first) / neighbors
        low, high, width = 0.0, -1.0, 1.0
        for _ in range(64):
            total = 0.0
            for e in range(first, last):
                total += _decay(max(0.0, distances[e] - nearest) / width)
            if total > wanted:
                high = width
                width = (low + high) / 2.0
            else:
                low = width
                width = width * 2.0 if high < 0.0 else (low + high) / 2.0
        width = max(width, 1e-3 * (own if nearest > 0.0 else mean))
        for e in range(first, last):
            beyond = max(0.0, distances[e] - nearest)
            weights[e] = 1.0 if beyond == 0.0 else _decay(beyond / width)
    return weights


@njit(cache=True, error_model="numpy", nogil=True)
def smooth(indptr, tails, weights, rounds, state):  # pragma: no cover - compiled
    """Two coordinates that vary slowly along the edges, float64 (drinks, 2), between -10 and 10.

    Subspace iteration on the graph's random walk, half of each step staying put, away from the
    constant. Not to convergence: what is smooth enough to begin with is all that is wanted.
    """
    n = indptr.size - 1
    mass = np.empty(n)
    whole = 0.0
    for r in range(n):
        mass[r] = 1e-3
        for e in range(indptr[r], indptr[r + 1]):
            mass[r] += weights[e]
        whole += mass[r]
    points = np.empty((n, 2))
    for r in range(n):
        for d in range(2):
            points[r, d] = np.float64(_next(state) >> np.uint64(11)) / 9007199254740992.0 - 0.5
    moved = np.empty((n, 2))
    for _ in range(rounds):
        for r in range(n):
            for d in range(2):
                pull = 1e-3 * points[r, d]
                for e in range(indptr[r], indptr[r + 1]):
                    pull += weights[e] * points[tails[e], d]
                moved[r, d] = 0.5 * points[r, d] + 0.5 * pull / mass[r]
        for d in range(2):  # away from the constant and, the second, from the first; of one size
            mean, across, norm = 0.0, 0.0, 0.0
            for r in range(n):
                mean += mass[r] * moved[r, d]
            mean = mean / whole
            for r in range(n):
                moved[r, d] -= mean
                across += mass[r] * moved[r, d] * points[r, 0]
            if d == 1:
                for r in range(n):
                    moved[r, d] -= across * points[r, 0]
            for r in range(n):
                norm += mass[r] * moved[r, d] * moved[r, d]
            norm = np.sqrt(norm)
            for r in range(n):
                points[r, d] = moved[r, d] / norm if norm > 0.0 else 0.0
    for d in range(2):
        largest = 0.0
        for r in range(n):
            largest = max(largest, abs(points[r, d]))
        for r in range(n):
            noise = np.float64(_next(state) >> np.uint64(11)) / 9007199254740992.0 - 0.5
            points[r, d] = (10.0 * points[r, d] / largest if largest > 0.0 else 0.0) + 1e-3 * noise
    return points


@njit(cache=True, error_model="numpy", nogil=True)
def optimize(
    points, heads, tails, strengths, due, mobility, curve, first, last, epochs, rate, state
):  # pragma: no cover - compiled
    """Move `points` in place through the epochs from `first` to `last` of `epochs`.

    Each edge of strength 1 acts once an epoch, others as much more rarely as they are weaker
    (`due` keeps what is owed). It pulls its ends together and pushes its head away from
    `NEGATIVES` others drawn at random. The rate falls to zero over all epochs; each drink moves by
    its `mobility` times what it would.

    The curve is UMAP's 1 / (1 + a d^(2b)) with b = 7/8, for which three square roots will do.
    """
    n = points.shape[0]
    for epoch in range(first, last):
        alpha = rate * (1.0 - epoch / epochs)
        for e in range(heads.size):
            due[e] += strengths[e]
            if due[e] < 1.0:
                continue
            due[e] -= 1.0
            i, j = heads[e], tails[e]
            mine, theirs = alpha * mobility[i], alpha * mobility[j]
            x, y = points[i, 0], points[i, 1]
            dx, dy = x - points[j, 0], y - points[j, 1]
            square = dx * dx + dy * dy
            if square > 0.0 and (mine > 0.0 or theirs > 0.0):
                eighth = np.sqrt(np.sqrt(np.sqrt(square)))
                pull = -1.75 * curve / (eighth + curve * square)  # s^(b-1) = s^(-1/8)
                gx = min(_STEP, max(-_STEP, pull * dx))
                gy = min(_STEP, max(-_STEP, pull * dy))
                x += mine * gx
                y += mine * gy
                points[j, 0] -= theirs * gx
                points[j, 1] -= theirs * gy
            if mine > 0.0:
                for _ in range(NEGATIVES):
                    k = np.int64((_next(state) >> np.uint64(33)) % np.uint64(n))
                    if k == i:
                        continue
                    dx, dy = x - points[k, 0], y - points[k, 1]
                    square = dx * dx + dy * dy
                    if square > 0.0:
                        eighth = np.sqrt(np.sqrt(np.sqrt(square)))
                        push = 1.75 / ((0.001 + square) * (1.0 + curve * square / eighth))
                        x += mine * min(_STEP, max(-_STEP, push * dx))
                        y += mine * min(_STEP, max(-_STEP, push * dy))
            points[i, 0] = x
            points[i, 1] = y
