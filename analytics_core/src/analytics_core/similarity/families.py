"""Families of drinks: communities of the graph of nearest neighbors.

One level of the Louvain method (Blondel, Guillaume, Lambiotte and Lefebvre,
2008), then the smallest communities join the one they are tied to most, until
few enough are left to be told apart by color and shape.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from analytics_core.similarity._communities import communities
from analytics_core.similarity.arrays import FloatArray, IntArray

FAMILIES_AT_MOST = 9


def find_families(
    start: Sequence[int], to: Sequence[int], distance: Sequence[int]
) -> tuple[list[int], int]:
    """Group recipes into at most nine families.

    Parameters
    ----------
    start : sequence of int (recipes + 1,)
        Where each recipe's neighbors begin in `to`.
    to, distance : sequence of int (pairs,)
        The neighbors as indices of recipes, and their distances; only the
        ratios of distances matter.

    Returns
    -------
    tuple
        The family of each recipe, numbered from the largest, and how many
        families there are.
    """
    begin, other, tie = _ties(
        np.array(start, np.int64), np.array(to, np.int64), np.array(distance, np.int64)
    )
    joined = _merge(*_between(communities(begin, other, tie), begin, other, tie))
    order = [group for group, _ in Counter(joined).most_common()]
    number = {group: index for index, group in enumerate(order)}
    return [number[group] for group in joined], len(order)


def _ties(
    start: IntArray, to: IntArray, distance: IntArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Symmetric ties that fall with distance, on the scale of the median distance.

    Returns where each recipe's ties begin (recipes + 1,), to whom they lead and how strong they
    are, in the order in which they are named.
    """
    recipes = start.size - 1
    if not to.size:
        return np.zeros(recipes + 1, np.int64), to, np.empty(0, np.float64)
    scale = int(np.sort(distance)[distance.size // 2]) or 1
    apart, which = np.unique(distance, return_inverse=True)
    weight = np.array([math.exp(-one / scale) for one in apart.tolist()])[which]
    one = np.repeat(np.arange(recipes), np.diff(start))
    apart_from_self = one != to
    one, to, weight = one[apart_from_self], to[apart_from_self], weight[apart_from_self]
    # each is named from both of its ends, one after the other
    key = np.column_stack([one * recipes + to, to * recipes + one]).ravel()
    named, first, tie = np.unique(key, return_index=True, return_inverse=True)
    strength = np.bincount(tie, weights=np.repeat(weight, 2), minlength=named.size)
    order = np.lexsort((first, named // recipes))
    named = named[order]
    begin = np.searchsorted(named // recipes, np.arange(recipes + 1))
    return begin.astype(np.int64), named % recipes, strength[order].astype(np.float64)


def _between(
    groups: IntArray, start: IntArray, other: IntArray, tie: FloatArray
) -> tuple[list[int], dict[int, dict[int, float]]]:
    """Return the group of each node, and what ties groups to each other."""
    one, two = np.repeat(groups, np.diff(start)), groups[other]
    across = one != two
    pair, which = np.unique(one[across] * groups.size + two[across], return_inverse=True)
    sums = np.bincount(which, weights=tie[across], minlength=pair.size)
    ties: dict[int, dict[int, float]] = {group: {} for group in groups.tolist()}
    for key, weight in zip(pair.tolist(), sums.tolist(), strict=True):
        ties[key // groups.size][key % groups.size] = weight
    return groups.tolist(), ties


def _merge(groups: list[int], ties: dict[int, dict[int, float]]) -> list[int]:
    """Join the smallest groups to where their ties lead, relative to the target's size."""
    size = Counter(groups)
    becomes: dict[int, int] = {}
    while len(size) > FAMILIES_AT_MOST:
        small = min(size, key=lambda group: (size[group], group))
        around = ties.pop(small)
        # without any tie, the rest gather in the smallest group that is left
        others = [group for group in size if group != small]
        into = max(
            around or others,
            key=lambda group: (around.get(group, 0.0) / size[group], -size[group], -group),
        )
        becomes[small] = into
        size[into] += size.pop(small)
        for other, weight in around.items():
            del ties[other][small]
            if other != into:
                ties[into][other] = ties[into].get(other, 0.0) + weight
                ties[other][into] = ties[other].get(into, 0.0) + weight
    return [_root(group, becomes) for group in groups]


def _root(group: int, becomes: dict[int, int]) -> int:
    while group in becomes:
        group = becomes[group]
    return group
