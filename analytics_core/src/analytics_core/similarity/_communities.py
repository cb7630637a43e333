"""A compiled loop: communities of a graph, for `analytics_core.similarity.families`."""

from __future__ import annotations

import numpy as np
from numba import njit

PASSES_AT_MOST = 20


@njit(cache=True, error_model="numpy")
def communities(start, other, tie):  # pragma: no cover - compiled
    """Move each node to the neighboring group that raises modularity most, until none moves."""
    nodes = start.size - 1
    group = np.arange(nodes)
    strength = np.zeros(nodes)
    total = 0.0
    for node in range(nodes):
        for at in range(start[node], start[node + 1]):
            strength[node] += tie[at]
        total += strength[node]
    if total == 0.0:
        return group
    weight = strength.copy()
    pull = np.zeros(nodes)  # of the groups around one node, and 0 again after it
    for _ in range(PASSES_AT_MOST):
        moved = 0
        for node in range(nodes):
            here = group[node]
            for at in range(start[node], start[node + 1]):
                pull[group[other[at]]] += tie[at]
            weight[here] -= strength[node]
            share = strength[node] / total
            best = here
            gain = pull[here] - share * weight[here]
            for at in range(start[node], start[node + 1]):
                there = group[other[at]]
                gained = pull[there] - share * weight[there]
                # of equal groups the node's own, then the lowest
                if gained > gain or (gained == gain and best != here and there < best):
                    best = there
                    gain = gained
            for at in range(start[node], start[node + 1]):
                pull[group[other[at]]] = 0.0
            weight[best] += strength[node]
            group[node] = best
            moved += best != here
        if moved <= nodes // 1000:
            break
    return group
