"""Compiled loops of the map: edge weights, a smooth start, and the optimization.

Every number comes from additions, multiplications, divisions and square roots of float64, which
IEEE 754 fixes to the last bit. No library function, no fused multiply-add, no sum in an order of
the compiler's choice: the optimization makes worlds of a last bit, and processors differ in how
they come by ``exp`` and ``pow``. The loops hold no lock, so maps can be laid out side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray

NEGATIVES = 5
"""Drinks pushed away for each one pulled near."""

_STEP = 4.0  # no drink moves further than this, times the rate, by one pull or push

_NEAREST, _FURTHEST = -30, 14
"""Powers of two between which squared distances are told apart: 3e-5 to 128 map units."""
_LARGEST = 2.0**_FURTHEST
_PIECES_BITS = 4  # of a double's fraction: 16 straight pieces from one power of two to the next
_PIECES = (_FURTHEST - _NEAREST) << _PIECES_BITS
_SHIFT = np.int64(52 - _PIECES_BITS)
_FIRST = np.int64((1023 + _NEAREST) << _PIECES_BITS)


def forces(curve: float) -> tuple[FloatArray, FloatArray]:
    """Pull and push by squared distance, as straight pieces: float64 (pieces, 2) each.

    A piece is (a, b) of ``a + b * square``. The pull is that of UMAP's 1 / (1 + a d^(2b)) with
    b = 7/8, for which three square roots will do; pieces are within a thousandth of it, and
    reading them is five times as fast.
    """
    steps = np.arange(_PIECES + 1)
    within = 1.0 + (steps % (1 << _PIECES_BITS)) / (1 << _PIECES_BITS)
    square = np.ldexp(within, (steps >> _PIECES_BITS) + _NEAREST)
    eighth = np.sqrt(np.sqrt(np.sqrt(square)))
    found = []
    for force in (
        -1.75 * curve / (eighth + curve * square),  # s^(b-1) = s^(-1/8)
        1.75 / ((0.001 + square) * (1.0 + curve * square / eighth)),
    ):
        slope = (force[1:] - force[:-1]) / (square[1:] - square[:-1])
        found.append(np.stack([force[:-1] - slope * square[:-1], slope], axis=1))
    pulls, pushes = found
    return pulls, pushes


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


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def _force(pieces, square):  # pragma: no cover - compiled
    """Read a force off its pieces: a double's leading bits number them."""
    square = min(square, _LARGEST)
    piece = (np.float64(square).view(np.int64) >> _SHIFT) - _FIRST
    piece = min(max(piece, np.int64(0)), np.int64(_PIECES - 1))
    return pieces[piece, 0] + pieces[piece, 1] * square


@njit(cache=True, error_model="numpy", nogil=True, inline="always")
def _bounded(step):  # pragma: no cover - compiled
    return min(_STEP, max(-_STEP, step))


@njit(cache=True, error_model="numpy", nogil=True)
def optimize(
    points, heads, tails, strengths, due, mobility, pulls, pushes, first, last, epochs, rate, state
):  # pragma: no cover - compiled
    """Move `points` in place through the epochs from `first` to `last` of `epochs`.

    Each edge of strength 1 acts once an epoch, others as much more rarely as they are weaker
    (`due` keeps what is owed). It pulls its ends together and pushes its head away from
    `NEGATIVES` others drawn at random, from where it lies after the pull: none waits for another,
    so the processor does them side by side. The rate falls to zero over all epochs; each drink
    moves by its `mobility` times what it would. `pulls` and `pushes` are `forces`.
    """
    count = np.uint64(points.shape[0])
    drawn = state[0]
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
            pull = _force(pulls, dx * dx + dy * dy)
            gx, gy = _bounded(pull * dx), _bounded(pull * dy)
            x += mine * gx
            y += mine * gy
            points[j, 0] -= theirs * gx
            points[j, 1] -= theirs * gy
            gx = gy = 0.0
            for negative in range(NEGATIVES):
                if negative % 2 == 0:  # xorshift; 64 bits are two draws
                    drawn ^= drawn << np.uint64(13)
                    drawn ^= drawn >> np.uint64(7)
                    drawn ^= drawn << np.uint64(17)
                    half = drawn >> np.uint64(32)
                else:
                    half = drawn & np.uint64(0xFFFFFFFF)
                k = np.int64(half * count >> np.uint64(32))
                dx, dy = x - points[k, 0], y - points[k, 1]  # of itself nothing but zeros
                push = _force(pushes, dx * dx + dy * dy)
                gx += _bounded(push * dx)
                gy += _bounded(push * dy)
            points[i, 0] = x + mine * gx
            points[i, 1] = y + mine * gy
    state[0] = drawn


@njit(cache=True, error_model="numpy", nogil=True)
def count_kept(points, order, strip, k, indices):  # pragma: no cover - compiled
    """Count how many of each drink's listed neighbors are among its `k` nearest on the map.

    `order` sorts the points by x in strips of `strip` points, and by y within a strip. Strips are
    searched outward from the drink's own, and each up and down from its height, as far as
    something nearer may lie. Of points equally far those met first count.
    """
    n = points.shape[0]
    strips = -(-n // strip)
    left, right = np.empty(strips), np.empty(strips)
    for s in range(strips):
        left[s], right[s] = np.inf, -np.inf
        for at in range(s * strip, min(n, (s + 1) * strip)):
            left[s] = min(left[s], points[order[at], 0])
            right[s] = max(right[s], points[order[at], 0])
    best, nearest = np.empty(k), np.empty(k, np.int64)
    total = 0
    for own in range(n):
        r = order[own]
        x, y = points[r, 0], points[r, 1]
        found = 0
        middle_strip = own // strip
        for turn in range(2 * strips):
            # the own strip and those to its right, then those to its left
            s = middle_strip + turn if turn < strips else middle_strip + strips - 1 - turn
            if s < 0 or s >= strips:
                continue
            aside = max(0.0, left[s] - x, x - right[s])
            if found == k and aside * aside >= best[k - 1]:
                continue
            first, last = s * strip, min(n, (s + 1) * strip)
            low, high = first, last
            while low < high:
                middle = (low + high) // 2
                if points[order[middle], 1] < y:
                    low = middle + 1
                else:
                    high = middle
            for step in (1, -1):
                at = low if step == 1 else low - 1
                while first <= at < last:
                    p = order[at]
                    dx, dy = points[p, 0] - x, points[p, 1] - y
                    if found == k and dy * dy >= best[k - 1]:
                        break
                    square = dx * dx + dy * dy
                    if p != r and (found < k or square < best[k - 1]):
                        found = min(k, found + 1)
                        place = found - 1
                        while place > 0 and best[place - 1] > square:
                            best[place], nearest[place] = best[place - 1], nearest[place - 1]
                            place -= 1
                        best[place], nearest[place] = square, p
                    at += step
        for listed in range(k):
            for near in range(found):
                if nearest[near] == indices[r, listed]:
                    total += 1
                    break
    return total
