"""The whole refresh as a process of its own, and the same work done the straightforward way."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import ot
from rich.console import Console
from rich.table import Table

from benchmarks import _inputs
from benchmarks._common import (
    SCRATCH,
    Figures,
    cores,
    database,
    median,
    run_refresh,
    stage_table,
)

GOALS = {"warm_seconds": 15, "cold_seconds": 45, "peak_mb": 700}


def straightforward(path: Path, *, pairs: int) -> Figures:
    """Time of all pairs by POT in a plain loop, estimated from a sample of them.

    The loop is what one would write first: for each pair take the two supports, cut their cost out
    of the ingredient cost, call ``ot.emd2``.
    """
    inputs = _inputs.load(path, "learned")
    mixtures, cost = inputs.mixtures, inputs.learned.distance_cost
    first, second = _inputs.sample_pairs(mixtures.count, pairs)
    columns = np.split(mixtures.columns, mixtures.indptr[1:-1])
    masses = np.split(mixtures.fractions, mixtures.indptr[1:-1])

    def loop() -> float:
        start = time.perf_counter()
        for p, q in zip(first, second, strict=True):
            ot.emd2(masses[p], masses[q], cost[np.ix_(columns[p], columns[q])])
        return time.perf_counter() - start

    loop()
    each = median([loop() for _ in range(3)]) / first.size
    every = mixtures.count * (mixtures.count - 1) // 2
    return {
        "estimated_from_pairs": int(first.size),
        "microseconds_a_pair": round(each * 1e6, 1),
        "pairs": every,
        "one_pass_seconds": round(each * every, 1),
    }


def run(out: Console, *, quick: bool) -> Figures:
    """Measure warm and cold, print stages and goals, return the figures."""
    path = database()
    warm_runs = 1 if quick else 3
    SCRATCH.mkdir(parents=True, exist_ok=True)
    kept = SCRATCH / "compiled"
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        runs: dict[str, Figures] = {}
        if not quick:
            shutil.rmtree(kept, ignore_errors=True)
            cold = run_refresh(path, Path(folder) / "cold", compile_cache=kept)
            runs["without caches"] = cold.figures()
        else:
            run_refresh(path, Path(folder) / "first", compile_cache=kept)  # fills the caches
        warm = [
            run_refresh(path, Path(folder) / f"warm-{number}", compile_cache=kept)
            for number in range(warm_runs)
        ]
    middle = sorted(warm, key=lambda process: process.wall_seconds)[warm_runs // 2]
    runs = {"warm caches": middle.figures(), **runs}
    figures: Figures = {
        "recipes": 1400,
        "cores": cores(),
        "warm_runs": warm_runs,
        "warm_wall_seconds": [round(process.wall_seconds, 2) for process in warm],
        "runs": runs,
        "goals": GOALS,
        "straightforward": straightforward(path, pairs=500 if quick else 3_000),
    }
    out.print(stage_table(f"refresh, 1400 recipes, {cores()} cores, a new process", runs))
    out.print(_goal_table(figures))
    out.print(_comparison(figures))
    return figures


def _goal_table(figures: Figures) -> Table:
    table = Table(title="against the goals", title_justify="left")
    for name in ("figure", "measured", "goal"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    runs = figures["runs"]
    table.add_row(
        f"warm caches, median of {figures['warm_runs']}",
        f"{runs['warm caches']['wall_seconds']:.1f} s",
        f"{GOALS['warm_seconds']} s",
    )
    if "without caches" in runs:
        table.add_row(
            "without caches",
            f"{runs['without caches']['wall_seconds']:.1f} s",
            f"{GOALS['cold_seconds']} s",
        )
    peak = max(run["peak_mb"] for run in runs.values())
    table.add_row("largest peak memory", f"{peak:.0f} MB", f"{GOALS['peak_mb']} MB")
    return table


def _comparison(figures: Figures) -> Table:
    plain = figures["straightforward"]
    warm = figures["runs"]["warm caches"]["wall_seconds"]
    table = Table(
        title="instead: a plain loop over ot.emd2, distances alone (estimated from "
        f"{plain['estimated_from_pairs']:,} pairs)",
        title_justify="left",
    )
    table.add_column("work")
    table.add_column("seconds", justify="right")
    table.add_column("whole refresh is", justify="right")
    for label, seconds in (
        (f"one pass over {plain['pairs']:,} pairs, 1 core", plain["one_pass_seconds"]),
        (f"the same on {cores()} cores, at best", plain["one_pass_seconds"] / cores()),
    ):
        table.add_row(label, f"{seconds:.0f}", f"{seconds / warm:.1f} x as fast")
    return table
