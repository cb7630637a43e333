"""All-pairs exact EMD: this solver beside a loop over POT, on the same pairs and cores."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np
import ot
from ot.lp._network_simplex import emd_c
from rich.console import Console
from rich.table import Table

from analytics_core.similarity.transport import emd_matrix
from benchmarks import _inputs
from benchmarks._common import Figures, cores, database, interleaved, median, seconds_of

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray

Problem = tuple["FloatArray", "FloatArray", "FloatArray"]

GOALS = {"ot.emd2": 100, "emd_c": 8}
ITERATIONS = 100_000  # what ot.emd2 allows by default


def by_emd2(problems: list[Problem]) -> list[float]:
    """Distances by POT's public function."""
    return [float(ot.emd2(a, b, cost)) for a, b, cost in problems]


def by_emd_c(problems: list[Problem]) -> list[float]:
    """Distances by POT's compiled solver, called as ot.emd2 calls it but for all its checks."""
    return [emd_c(a, b, cost, ITERATIONS, 1)[1] for a, b, cost in problems]


LOOPS: dict[str, Callable[[list[Problem]], list[float]]] = {"ot.emd2": by_emd2, "emd_c": by_emd_c}


def _serve(loop: str, problems: list[Problem], parent: Connection) -> None:
    """Solve the problems each time the parent says so, until it says stop."""
    work = LOOPS[loop]
    parent.send("ready")
    while parent.recv():
        work(problems)
        parent.send("done")


@contextmanager
def _in_processes(loop: str, problems: list[Problem], count: int) -> Iterator[Callable[[], float]]:
    """Yield a function that solves the problems in `count` waiting processes: wall seconds."""
    context = multiprocessing.get_context("spawn")
    workers = []
    for number in range(count):
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(loop, problems[number::count], theirs), daemon=True
        )
        process.start()
        workers.append((process, ours))
    for _, pipe in workers:
        pipe.recv()

    def run() -> float:
        start = time.perf_counter()
        for _, pipe in workers:
            pipe.send(True)
        for _, pipe in workers:
            pipe.recv()
        return time.perf_counter() - start

    try:
        yield run
    finally:
        for process, pipe in workers:
            pipe.send(False)
            process.join()


def _compare(
    inputs: _inputs.Inputs, problems: dict[str, list[Problem]], *, threads: int, rounds: int
) -> Figures:
    """Pairs a second of each contender on `threads` cores, medians over interleaved rounds."""
    mixtures, cost = inputs.mixtures, inputs.learned.cost
    pairs = mixtures.count * (mixtures.count - 1) // 2

    def ours() -> float:
        return pairs / seconds_of(lambda: emd_matrix(mixtures, cost, threads=threads))

    with (
        _in_processes("ot.emd2", problems["ot.emd2"], threads) as emd2,
        _in_processes("emd_c", problems["emd_c"], threads) as raw,
    ):
        speeds = interleaved(
            {
                "emd_matrix": ours,
                "ot.emd2": lambda: len(problems["ot.emd2"]) / emd2(),
                "emd_c": lambda: len(problems["emd_c"]) / raw(),
            },
            rounds=rounds,
        )
    figures: Figures = {
        "pairs_per_second": {name: round(median(values)) for name, values in speeds.items()},
        "slowest_and_fastest": {
            name: [round(min(values)), round(max(values))] for name, values in speeds.items()
        },
        "ratio": {
            name: round(median(speeds["emd_matrix"]) / median(speeds[name]), 2) for name in GOALS
        },
    }
    return figures


def run(out: Console, *, quick: bool) -> Figures:
    """Measure, print a table for one core and one for all, return the figures."""
    rounds = 3 if quick else 9
    sizes = {"ot.emd2": 1_000 if quick else 3_000, "emd_c": 10_000 if quick else 30_000}
    inputs = _inputs.load(database(), "reference")
    mixtures, cost = inputs.mixtures, inputs.learned.cost
    first, second = _inputs.sample_pairs(mixtures.count, max(sizes.values()))
    gathered = _inputs.gather(mixtures, cost, first, second)
    problems = {name: gathered[:size] for name, size in sizes.items()}

    distances = emd_matrix(mixtures, cost)[first, second]
    difference = {
        name: float(np.abs(distances[: sizes[name]] - LOOPS[name](problems[name])).max())
        for name in GOALS
    }
    support = np.diff(mixtures.indptr)
    figures: Figures = {
        "recipes": mixtures.count,
        "pairs": mixtures.count * (mixtures.count - 1) // 2,
        "sampled_pairs": sizes,
        "rounds": rounds,
        "support": {"mean": round(float(support.mean()), 2), "largest": int(support.max())},
        "largest_difference": difference,
        "goals": GOALS,
    }
    for threads in sorted({1, min(2, cores())}):
        label = "1 core" if threads == 1 else f"{threads} cores"
        figures[label] = _compare(inputs, problems, threads=threads, rounds=rounds)
        out.print(_table(label, figures))
    return figures


def _table(label: str, figures: Figures) -> Table:
    measured = figures[label]
    table = Table(
        title=f"all-pairs EMD, {figures['recipes']} recipes, {label}: median of "
        f"{figures['rounds']} rounds",
        title_justify="left",
    )
    table.add_column("contender")
    table.add_column("pairs timed", justify="right")
    table.add_column("pairs/s", justify="right")
    table.add_column("slowest .. fastest", justify="right")
    table.add_column("emd_matrix is", justify="right")
    table.add_column("goal", justify="right")
    table.add_column("largest difference", justify="right")
    for name, speed in measured["pairs_per_second"].items():
        low, high = measured["slowest_and_fastest"][name]
        timed = figures["sampled_pairs"].get(name, figures["pairs"])
        row = [name, f"{timed:,}", f"{speed:,}", f"{low:,} .. {high:,}"]
        if name in GOALS:
            row += [
                f"{measured['ratio'][name]:.1f} x",
                f"{GOALS[name]} x",
                f"{figures['largest_difference'][name]:.1e}",
            ]
        table.add_row(*row)
    return table
