"""Families of drinks: communities of the graph of nearest neighbors.

One level of the Louvain method (Blondel, Guillaume, Lambiotte and Lefebvre,
2008), then the smallest communities join the one they are tied to most, until
few enough are left to be told apart by color and shape.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

FAMILIES_AT_MOST = 9
PASSES_AT_MOST = 20


def find_families(
    start: Sequence[int], to: Sequence[int], distance: Sequence[int], recipes: int
) -> tuple[list[int], int]:
    """Group recipes into at most nine families.

    Parameters
    ----------
    start : sequence of int (recipes + 1,)
        Where each recipe's neighbors begin in `to`.
    to, distance : sequence of int (pairs,)
        The neighbors as indices of recipes, and their distances; only the
        ratios of distances matter.
    recipes : int
        Number of recipes.

    Returns
    -------
    tuple
        The family of each recipe, numbered from the largest, and how many
        families there are.
    """
    links = _weights(start, to, distance, recipes)
    groups = _merge(_communities(links), links)
    order = [group for group, _ in Counter(groups).most_common()]
    number = {group: index for index, group in enumerate(order)}
    return [number[group] for group in groups], len(order)


def _weights(
    start: Sequence[int], to: Sequence[int], distance: Sequence[int], recipes: int
) -> list[dict[int, float]]:
    """Symmetric ties that fall with distance, on the scale of the median distance."""
    scale = sorted(distance)[len(distance) // 2] or 1 if distance else 1
    links: list[dict[int, float]] = [{} for _ in range(recipes)]
    for recipe in range(recipes):
        for position in range(start[recipe], start[recipe + 1]):
            other = to[position]
            if other == recipe:
                continue
            weight = math.exp(-distance[position] / scale)
            links[recipe][other] = links[recipe].get(other, 0.0) + weight
            links[other][recipe] = links[other].get(recipe, 0.0) + weight
    return links


def _communities(links: Sequence[dict[int, float]]) -> list[int]:
    """Move each node to the neighboring group that raises modularity most, until none moves."""
    strength = [sum(ties.values()) for ties in links]
    total = sum(strength)
    group = list(range(len(links)))
    if not total:
        return group
    weight = list(strength)
    for _ in range(PASSES_AT_MOST):
        moved = 0
        for node, ties in enumerate(links):
            here = group[node]
            pull: dict[int, float] = {here: 0.0}
            for other, tie in ties.items():
                pull[group[other]] = pull.get(group[other], 0.0) + tie
            weight[here] -= strength[node]
            share = strength[node] / total
            best = max(pull, key=lambda g: (pull[g] - share * weight[g], g == here, -g))
            weight[best] += strength[node]
            group[node] = best
            moved += best != here
        if moved <= len(links) // 1000:
            break
    return group


def _merge(groups: list[int], links: Sequence[dict[int, float]]) -> list[int]:
    """Join the smallest groups to where their ties lead, relative to the target's size."""
    size = Counter(groups)
    ties: dict[int, defaultdict[int, float]] = {group: defaultdict(float) for group in size}
    for node, near in enumerate(links):
        for other, weight in near.items():
            if groups[node] != groups[other]:
                ties[groups[node]][groups[other]] += weight
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
                ties[into][other] += weight
                ties[other][into] += weight
    return [_root(group, becomes) for group in groups]


def _root(group: int, becomes: dict[int, int]) -> int:
    while group in becomes:
        group = becomes[group]
    return group
