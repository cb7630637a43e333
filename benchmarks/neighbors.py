"""Nearest neighbors by pruning beside brute force with the same solver: all pairs, then select."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics_core.similarity.neighbors import nearest_neighbors
from analytics_core.similarity.transport import emd_matrix
from benchmarks import _inputs
from benchmarks._common import Figures, cores, database, interleaved, median, seconds_of

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.mixture import Mixtures

K = 10


def brute_force(mixtures: Mixtures, cost: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """Find the k nearest of each row in the full matrix: (indices, distances), nearest first."""
    distances = emd_matrix(mixtures, cost)
    np.fill_diagonal(distances, np.inf)
    near = np.argpartition(distances, k, axis=1)[:, :k]
    found = np.take_along_axis(distances, near, axis=1)
    order = np.argsort(found, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(found, order, axis=1)


def run(out: Console, *, quick: bool) -> Figures:
    """Measure under the two learned costs, print a table, return the figures."""
    rounds = 2 if quick else 7
    figures: Figures = {"k": K, "rounds": rounds}
    for preset in ("learned", "reference"):
        inputs = _inputs.load(database(), preset)
        mixtures, cost = inputs.mixtures, inputs.learned.distance_cost
        graph = nearest_neighbors(mixtures, cost, K)
        _, distances = brute_force(mixtures, cost, K)
        seconds = interleaved(
            {
                "pruned": partial(
                    seconds_of, partial(nearest_neighbors, mixtures, cost, K, threads=cores())
                ),
                "brute force": partial(seconds_of, partial(brute_force, mixtures, cost, K)),
            },
            rounds=rounds,
        )
        pairs = mixtures.count * (mixtures.count - 1) // 2
        figures["recipes"] = mixtures.count
        figures[preset] = {
            "pruned_seconds": round(median(seconds["pruned"]), 4),
            "brute_force_seconds": round(median(seconds["brute force"]), 4),
            "ratio": round(median(seconds["brute force"]) / median(seconds["pruned"]), 2),
            "pairs_solved": graph.solved,
            "share_solved": round(graph.solved / pairs, 4),
            "largest_difference": float(np.abs(graph.distances - distances).max()),
        }
    out.print(_table(figures))
    return figures


def _table(figures: Figures) -> Table:
    table = Table(
        title=f"{K} nearest neighbors, {figures['recipes']} recipes, {cores()} cores: median of "
        f"{figures['rounds']} rounds",
        title_justify="left",
    )
    for name in ("cost", "pruned, s", "brute force, s", "ratio", "solved exactly", "difference"):
        table.add_column(name, justify="left" if name == "cost" else "right")
    for preset in ("learned", "reference"):
        row = figures[preset]
        table.add_row(
            preset,
            f"{row['pruned_seconds']:.3f}",
            f"{row['brute_force_seconds']:.3f}",
            f"{row['ratio']:.1f} x",
            f"{row['share_solved']:.1%} of pairs",
            f"{row['largest_difference']:.1e}",
        )
    return table
