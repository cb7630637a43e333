"""The index that neighbors are found by: a prefix tree of the recipes, largest masses first.

An inverted index keeps, for each ingredient, the recipes that hold it and how much of it (their
*impact*). This one keeps the same postings in the order of the recipes: each recipe's ingredients
are sorted by mass, and recipes that begin alike share the postings that they begin with. So one
posting stands for all recipes below it, with the least mass that any of them has: the bound of a
block, as in block-max indexes [1]_. A search adds up what the postings on a path cost at least and
leaves a subtree as soon as that is too much. The largest masses come first for the same reason for
which joins of similar sets filter by prefixes of rare words [2]_: they are what excludes most.

Two recipes begin alike if they have the same ingredient in the same *mass class*; without classes
the least mass of a subtree would say little.

References
----------
.. [1] S. Ding and T. Suel, "Faster top-k document retrieval using block-max indexes", SIGIR 2011.
.. [2] R. Bayardo, Y. Ma and R. Srikant, "Scaling up all pairs similarity search", WWW 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.similarity._kernels import DISTANCE_GRID

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import BoolArray, FloatArray, IntArray, SparseRows

CLASSES = 4
"""Classes of mass, equally full over all entries."""
LEAF_ROWS = 4
"""Recipes that are no longer told apart by further postings: to look at each is as fast."""
DEEPEST = 8
"""Postings on a path at most."""
MASS_STEPS = 2.0**30
"""Steps in which masses are kept, from nothing to the largest of all; rounded down."""


@dataclass(frozen=True, slots=True, eq=False)
class PrefixTree:
    """Rows in the order of their prefixes, and the postings that they share.

    A row's number in that order is its *place*.

    Attributes
    ----------
    rows : SparseRows
        What is indexed.
    order : int32 (rows,)
        Row at each place.
    place : int32 (rows,)
        Place of each row.
    indptr, columns, values
        The rows again, as in `SparseRows`, by place: what is near in the tree is near in memory.
    nodes : int32 (nodes + 1, 4)
        Postings in preorder, and one to end with: ``column << 5 | depth << 1 | is a leaf``; the
        least value below, in units of `unit`; the next node outside; the first place below. A leaf
        holds the places up to the next node's first.
    tops : int32 (tops,)
        Nodes of depth 0.
    unit : float
        Of the values in `nodes`.
    """

    rows: SparseRows
    order: IntArray
    place: IntArray
    indptr: IntArray
    columns: IntArray
    values: FloatArray
    nodes: IntArray
    tops: IntArray
    unit: float

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the compiled search takes, in its order."""
        rows = (self.order, self.place, self.indptr, self.columns, self.values)
        return (*rows, self.nodes, self.tops, self.unit)


@dataclass(frozen=True, slots=True, eq=False)
class L1Index:
    """What a search in the L1 norm needs.

    Attributes
    ----------
    tree : PrefixTree
    postings : (int64 (columns + 1,), int32 (entries,))
        Where the list of each column begins, and the places of the rows that hold it.
    by_mass : (int32 (rows,), float64 (rows,), float64 (rows,))
        Rows by their total on the grid of distances, then by number; the least total from each one
        on; and the least of those that are further along on the grid, infinite if there are none.
    totals : float64 (rows,)
        Sum of each row.
    """

    tree: PrefixTree
    postings: tuple[IntArray, IntArray]
    by_mass: tuple[IntArray, FloatArray, FloatArray]
    totals: FloatArray


def build_prefix_tree(rows: SparseRows, *, only: BoolArray | None = None) -> PrefixTree:
    """Index rows by their largest entries.

    Parameters
    ----------
    rows : SparseRows
    only : bool (rows,), optional
        The rows that a search is to find, beside seeds; default: all. Every row has a place.

    Returns
    -------
    PrefixTree
    """
    size = np.diff(rows.indptr)
    levels = max(1, min(DEEPEST, int(size.max(initial=0))))
    keys, values = _sorted_entries(rows, levels)
    only = np.ones(rows.count, bool) if only is None else only
    order = np.lexsort((*keys[::-1], ~only))
    found = order[: np.count_nonzero(only)]
    place = np.empty(rows.count, np.int32)
    place[order] = np.arange(rows.count, dtype=np.int32)
    unit = float(rows.values.max(initial=0.0)) / MASS_STEPS or 1.0
    nodes, tops = _nodes(keys[:, found], values[:, found], unit)
    entry = np.repeat(rows.indptr[order], size[order]) + _ramps(size[order])
    return PrefixTree(
        rows=rows,
        order=order.astype(np.int32),
        place=place,
        indptr=np.concatenate([[0], np.cumsum(size[order])]).astype(np.int64),
        columns=rows.columns[entry],
        values=rows.values[entry],
        nodes=nodes,
        tops=tops,
        unit=unit,
    )


def build_l1_index(rows: SparseRows, *, only: BoolArray | None = None) -> L1Index:
    """Index rows for a search in the L1 norm.

    Parameters
    ----------
    rows : SparseRows
    only : bool (rows,), optional
        As in `build_prefix_tree`.

    Returns
    -------
    L1Index
    """
    tree = build_prefix_tree(rows, only=only)
    totals: FloatArray = np.bincount(
        rows.row_of_entries(), weights=rows.values, minlength=rows.count
    ).astype(np.float64)  # whole numbers, where there are no entries
    on_grid = np.rint(totals * DISTANCE_GRID)
    lightest = np.argsort(on_grid, kind="stable")
    least = np.minimum.accumulate(totals[lightest][::-1])[::-1]
    beyond = np.searchsorted(on_grid[lightest], on_grid[lightest], side="right")
    place = np.repeat(np.arange(rows.count, dtype=np.int32), np.diff(tree.indptr))
    starts = np.concatenate(
        [[0], np.cumsum(np.bincount(tree.columns, minlength=max(1, rows.width)))]
    )
    return L1Index(
        tree=tree,
        postings=(starts.astype(np.int64), place[np.argsort(tree.columns, kind="stable")]),
        by_mass=(lightest.astype(np.int32), least, np.append(least, np.inf)[beyond]),
        totals=totals,
    )


def _sorted_entries(rows: SparseRows, levels: int) -> tuple[IntArray, FloatArray]:
    """Return the largest entries of each row, largest first: ``column * CLASSES + class``, values.

    Both (levels, rows); where a row has no more entries, the key is -1.
    """
    row = rows.row_of_entries()
    entry = np.lexsort((rows.columns, -rows.values, row))
    depth = _ramps(np.diff(rows.indptr))
    shallow = depth < levels
    entry, depth, row = entry[shallow], depth[shallow], row[shallow]
    inner = np.quantile(rows.values, np.arange(1, CLASSES) / CLASSES) if row.size else np.empty(0)
    keys = np.full((levels, rows.count), -1, np.int32)
    values = np.zeros((levels, rows.count))
    values[depth, row] = rows.values[entry]
    keys[depth, row] = rows.columns[entry] * CLASSES + np.searchsorted(inner, rows.values[entry])
    return keys, values


def _nodes(keys: IntArray, values: FloatArray, unit: float) -> tuple[IntArray, IntArray]:
    """Return nodes and tops, level by level: a node is a run of rows with the same first keys."""
    levels, count = keys.shape
    found: list[IntArray] = []
    begins = np.zeros(count, bool)
    begins[:1] = True
    open_rows = np.ones(count, bool)  # in no leaf so far
    for depth in range(levels if count else 0):
        begins[1:] |= keys[depth, 1:] != keys[depth, :-1]
        first = np.flatnonzero(begins)
        least = np.floor(np.minimum.reduceat(values[depth], first) / unit)
        stop = np.append(first[1:], count)
        wanted = open_rows[first]
        first, stop, least = first[wanted], stop[wanted], least[wanted]
        key = keys[depth, first]
        is_leaf = (key < 0) | (stop - first <= LEAF_ROWS) | (depth == levels - 1)
        packed = (np.maximum(key, 0) // CLASSES) << 5 | depth << 1 | is_leaf
        found.append(np.stack([packed, least.astype(np.int64), stop, first]))
        length = stop - first
        place = np.repeat(first, length) + _ramps(length)
        open_rows[place[np.repeat(is_leaf, length)]] = False
    packed, least, stop, first = np.concatenate(found or [np.empty((4, 0), np.int64)], axis=1)
    depths = packed >> 1 & 15
    preorder = np.lexsort((depths, first))
    nodes = np.zeros((first.size + 1, 4), np.int32)
    nodes[:-1] = np.stack([packed, least, stop, first], axis=1)[preorder]
    nodes[:-1, 2] = np.searchsorted(nodes[:-1, 3], nodes[:-1, 2])
    nodes[-1, 3] = count
    return nodes, np.flatnonzero(depths[preorder] == 0).astype(np.int32)


def _ramps(lengths: IntArray) -> IntArray:
    """Return 0, 1, 2 ... for each length, one after the other."""
    ramp: IntArray = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return ramp
