"""The context cost: two ingredients stand in for each other if the rest of the glass is the same.

Where drinks have the same vermouth and bitters beside rye as beside Scotch, rye and Scotch play one
part. So each ingredient is described by what is in the glass with it, on average over its recipes,
and two ingredients are as far apart as these descriptions are, and as the hierarchy says. The
formula is closed: there are no rounds. See ``docs/method.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity._kernels import DISTANCE_GRID
from analytics_core.similarity.arrays import off_diagonal_median, row_blocks

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures

PRIOR_LINES = 10.0
"""Lines of its parent's that an ingredient's own context is mixed with."""
DECLARED_LINES = 10.0
"""Lines that a declared substitute adds to an ingredient's context."""
FLOOR = 0.01
"""Share of a glass below which it hardly matters that something is there more often than usual."""
ROUNDING = 1e-9
"""What is smaller than this is 0, but for rounding."""
PAIRS_AT_ONCE = 1 << 20
"""Pairs of lines of one recipe that are held in memory together."""

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Contexts:
    """What is in the glass beside each ingredient.

    Attributes
    ----------
    rest : float64 (m, m)
        ``rest[b, a]``: the share of the rest of the glass that is `a` or below it, as a mean over
        the lines of `b` or below it, drawn toward the parent's.
    usual : float64 (m,)
        The mean over all lines.
    lines : float64 (m,)
        Lines at or below each ingredient, in recipes of two ingredients or more.
    """

    rest: FloatArray
    usual: FloatArray
    lines: FloatArray


def context_cost(
    mixtures: Mixtures,
    tree: IngredientTree,
    tree_cost: FloatArray,
    *,
    declared: Sequence[tuple[int, int]] = (),
) -> FloatArray:
    """Cost between ingredients, half from the hierarchy and half from what is in the glass.

    Parameters
    ----------
    mixtures : Mixtures
        Masses as likeness is measured on; all ancestors of what is used are in play.
    tree : IngredientTree
    tree_cost : float64 (m, m)
        Tree distance between the ingredients in play.
    declared : sequence of (int, int)
        Ids of ingredients that the owner declares to stand in for each other. Each takes the mean
        context of the other as `DECLARED_LINES` lines of its own. Pairs of which one is not in
        play are passed over.

    Returns
    -------
    float64 (m, m)
        Symmetric, zero diagonal, not negative. Both halves have the median 1/2. Rounded to a grid
        of 2**-40, below which processors differ.
    """
    cost = _apart(find_contexts(mixtures, tree, declared=declared))
    scale, tree_scale = _half_scale(cost), _half_scale(tree_cost)
    for rows in row_blocks(*cost.shape):
        block = cost[rows]
        block /= scale
        block += tree_cost[rows] / tree_scale
        block *= DISTANCE_GRID
        np.rint(block, out=block)
        block /= DISTANCE_GRID
    return cost


def _apart(contexts: Contexts) -> FloatArray:
    """Return how far contexts are apart, 0 to 2; their own memory is used up for it."""
    surprise = contexts.rest
    surprise += FLOOR
    surprise /= contexts.usual + FLOOR
    np.log(surprise, out=surprise)
    surprise *= np.sqrt(contexts.usual + FLOOR)
    length = np.sqrt(np.einsum("ba,ba->b", surprise, surprise))
    told = length > ROUNDING  # else the context is the usual one, and has no direction
    surprise *= np.where(told, 1.0 / np.where(told, length, 1.0), 0.0)[:, None]
    apart: FloatArray = surprise @ surprise.T
    np.subtract(1.0, apart, out=apart)
    for rows in row_blocks(*apart.shape):  # symmetric to the last bit, whatever the library does
        right = apart[rows, rows.start :]
        right += apart[rows.start :, rows].T.copy()
        right *= 0.5
        np.clip(right, 0.0, 2.0, out=right)
        apart[rows.start :, rows] = right.T
    np.fill_diagonal(apart, 0.0)
    return apart


def find_contexts(
    mixtures: Mixtures, tree: IngredientTree, *, declared: Sequence[tuple[int, int]] = ()
) -> Contexts:
    """Average the rest of the glass over the lines of each ingredient.

    Parameters
    ----------
    mixtures : Mixtures
        Masses as they count for likeness.
    tree : IngredientTree
    declared : sequence of (int, int), optional
        Ids of ingredients that an owner calls substitutes; see `context_cost`.

    Returns
    -------
    Contexts
    """
    width = mixtures.in_play.size
    beside, lines = _beside(mixtures)
    levels = list(_levels(mixtures.in_play, tree))
    for nodes, parents in reversed(levels):  # what is below counts as the parent, too
        np.add.at(beside.T, parents, beside.T[nodes])
    usual = beside.sum(axis=0) / max(1.0, float(lines.sum()))
    for nodes, parents in reversed(levels):
        np.add.at(beside, parents, beside[nodes])
        np.add.at(lines, parents, lines[nodes])
    told = [
        (one, DECLARED_LINES * beside[other] / lines[other])
        for a, b in _columns(declared, mixtures.ingredient_ids)
        for one, other in ((a, b), (b, a))
        if lines[other]
    ]
    weight = lines + PRIOR_LINES
    for one, said in told:
        beside[one] += said
        weight[one] += DECLARED_LINES
    roots = np.setdiff1d(np.arange(width), np.concatenate([_NONE, *(n for n, _ in levels)]))
    for rows in row_blocks(roots.size, width):
        some = roots[rows]
        beside[some] = (beside[some] + PRIOR_LINES * usual) / weight[some, None]
    for nodes, parents in levels:  # from sums to means, the parents' first
        beside[nodes] += PRIOR_LINES * beside[parents]
        beside[nodes] /= weight[nodes, None]
    return Contexts(beside, usual, lines)


def _half_scale(cost: FloatArray) -> float:
    """Return what to divide a cost by, so that its median is 1/2."""
    median = off_diagonal_median(cost)
    return 2.0 * median if median > ROUNDING else 1.0


def _beside(mixtures: Mixtures) -> tuple[FloatArray, FloatArray]:
    """Sum up what is beside each ingredient: (m, m) shares of the rest, and (m,) lines."""
    width = mixtures.in_play.size
    beside = np.zeros(width * width)
    lines = np.zeros(width)
    size = np.diff(mixtures.indptr).astype(np.int64)
    done = np.concatenate([[0], np.cumsum(size * size)])
    start = 0
    while start < mixtures.count:
        stop = int(np.searchsorted(done, done[start] + PAIRS_AT_ONCE, side="right")) - 1
        stop = max(stop, start + 1)
        first, second = _pairs(mixtures.indptr[start : stop + 1])
        mass = mixtures.fractions[second]
        begin, end = int(mixtures.indptr[start]), int(mixtures.indptr[stop])
        others = np.bincount(first - begin, weights=mass, minlength=end - begin)
        own = mixtures.columns[begin:end][others > 0]
        lines += np.bincount(own, minlength=width)
        share = mass / others[first - begin]
        cell = mixtures.columns[first].astype(np.int64) * width + mixtures.columns[second]
        np.add.at(beside, cell, share)
        start = stop
    return beside.reshape(width, width), lines


def _pairs(indptr: IntArray) -> tuple[IntArray, IntArray]:
    """Return every ordered pair of different entries of a row, for rows that follow each other."""
    size = np.diff(indptr)
    partners = np.repeat(size, size)
    first = np.repeat(np.arange(indptr[0], indptr[-1]), partners)
    place = np.arange(first.size) - np.repeat(np.cumsum(partners) - partners, partners)
    second = np.repeat(np.repeat(indptr[:-1], size), partners) + place
    different = first != second
    return first[different], second[different]


def _levels(in_play: IntArray, tree: IngredientTree) -> Iterator[tuple[IntArray, IntArray]]:
    """Columns whose parent is in play, and the parents', level by level from the top."""
    parents = tree.parents[in_play]
    depth = tree.depth[in_play]
    below = np.flatnonzero(parents >= 0)
    column = np.searchsorted(in_play, parents[below])
    for level in np.unique(depth[below]):
        chosen = depth[below] == level
        yield below[chosen], column[chosen]


def _columns(pairs: Sequence[tuple[int, int]], ids: IntArray) -> list[tuple[int, int]]:
    """Return pairs of ids as pairs of columns, each pair once; without those not in play."""
    column = {int(key): at for at, key in enumerate(ids)}
    found = {
        (min(column[a], column[b]), max(column[a], column[b]))
        for a, b in pairs
        if a in column and b in column and a != b
    }
    return sorted(found)
