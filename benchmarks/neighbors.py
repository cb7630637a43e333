"""Nearest neighbors by the index beside what a user would write or pick instead, as recipes grow.

Seconds are those of all cores: processor time divided by the cores, which a busy machine changes
least. Loops over all pairs are timed on a sample of the pairs, pynndescent on its smallest sizes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from rich.console import Console
from rich.table import Table

from analytics_core.similarity.ground_cost import LEARNED, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.similarity.neighbors import KnnGraph, nearest_in_l1, nearest_neighbors
from analytics_core.similarity.transport import emd_matrix, emd_pairs
from analytics_core.similarity.updating import EarlierGraph, update_neighbors
from analytics_core.source.cocktaildb import load_catalog
from benchmarks import _inputs
from benchmarks._common import Figures, cores, database, median
from benchmarks.all_pairs import LOOPS

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.mixture import Mixtures

K = 10
SIZES = (1_400, 5_000, 20_000, 50_000, 100_000)
GROWTH = (5_000, 100_000)  # the exponent of time is measured between these
NNDESCENT_SIZES = (350, 1_400)  # at 5,000 it had not ended after minutes
UPDATED = {"quick": 1_400, "full": 20_000}  # recipes of which some go, to update the graph
GONE = (1, 0.001, 0.01, 0.05)  # how many go, or what share
SPARE = 4  # neighbors more than are wanted that the earlier graph has
LOOP_PAIRS = {"ot.emd2": 3_000, "emd_c": 30_000, "all pairs, same solver": 200_000}
GOALS = {
    "times ot.emd2, 1,400 recipes": 500,
    "times emd_c, 20,000 recipes": 250,
    "seconds, 20,000 recipes": 1.2,
    "seconds, 100,000 recipes": 45,
    "seconds in L1, 100,000 recipes": 15,
    "exponent": 1.6,
}


def busy_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of one call, divided by the cores, and what it returns."""
    start = time.process_time()
    found = work()
    return (time.process_time() - start) / cores(), found


def run(out: Console, *, quick: bool) -> Figures:
    """Measure each size, print tables, return the figures."""
    sizes = SIZES[:2] if quick else SIZES
    figures: Figures = {"k": K, "cores": cores(), "goals": GOALS, "sizes": {}}
    for recipes in sizes:
        figures["sizes"][str(recipes)] = _measure(recipes, quick=quick)
    figures["reference"] = _of_all_pairs(_inputs.load(database(), "reference"))
    figures["pynndescent"] = {
        str(recipes): _by_nndescent(recipes) for recipes in NNDESCENT_SIZES[: 1 if quick else None]
    }
    figures["updates"] = _updates(UPDATED["quick" if quick else "full"])
    low, high = (str(size) for size in (GROWTH if not quick else sizes))
    figures["exponent"] = {
        name: round(
            math.log(figures["sizes"][high][name] / figures["sizes"][low][name])
            / math.log(int(high) / int(low)),
            2,
        )
        for name in ("seconds", "seconds_in_l1")
    }
    for table in _tables(figures):
        out.print(table)
    return figures


def _measure(recipes: int, *, quick: bool) -> Figures:
    inputs = _inputs.load(database(recipes), "learned")
    plain = _inputs.load_mixtures(database(recipes)).rows
    mixtures, cost = inputs.mixtures, inputs.learned.distance_cost
    searches: dict[str, Callable[[], KnnGraph]] = {
        "seconds": lambda: nearest_neighbors(mixtures, cost, K, threads=cores()),
        "seconds_in_l1": lambda: nearest_in_l1(plain, K, threads=cores()),
    }
    figures: Figures = {}
    graphs = {}
    for name, search in searches.items():
        search()  # what is compiled is loaded
        rounds = [busy_seconds(search) for _ in range(1 if recipes > SIZES[2] or quick else 5)]
        figures[name] = round(median([seconds for seconds, _ in rounds]), 4)
        graphs[name] = rounds[-1][1]
    graph = graphs["seconds"]
    figures |= {
        f"{name}_a_recipe": round(value / recipes, 1)
        for name, value in (
            ("postings", graph.postings),
            ("bounded", graph.bounded),
            ("solved", graph.solved),
        )
    }
    seeded, _ = busy_seconds(lambda: nearest_neighbors(mixtures, cost, K, seeds=graph.indices))
    figures["seconds_seeded_by_itself"] = round(seeded, 4)
    read, entries = _bare_read(mixtures, cost, graph)
    figures["bare_read_seconds"] = round(read, 4)
    figures["entries_a_recipe"] = round(entries / recipes)
    figures["loops"] = _loops(mixtures, cost)
    return figures


def _loops(mixtures: Mixtures, cost: FloatArray) -> Figures:
    """Seconds of a loop over all pairs on all cores, from a sample on one."""
    pairs = mixtures.count * (mixtures.count - 1) // 2
    random = np.random.default_rng(0)
    first, second = random.integers(0, mixtures.count, (2, max(LOOP_PAIRS.values())))
    first, second = first[first != second], second[first != second]
    loops: Figures = {}
    for name, size in LOOP_PAIRS.items():
        some = first[:size], second[:size]
        if name in LOOPS:
            problems = _inputs.gather(mixtures, cost, *some)
            seconds, _ = busy_seconds(lambda loop=LOOPS[name], p=problems: loop(p))  # type: ignore[misc]
        else:
            seconds, _ = busy_seconds(lambda s=some: emd_pairs(mixtures, cost, *s))  # type: ignore[misc]
        loops[name] = round(seconds * pairs / some[0].size, 3)
    return loops


@njit(fastmath=True)
def _sum_lists(
    indptr: IntArray,
    columns: IntArray,
    reach: FloatArray,
    starts: IntArray,
    lists: FloatArray,
    cost: FloatArray,
) -> tuple[float, int]:  # pragma: no cover
    """Add up the posting lists of all ingredients nearer to a recipe than its last neighbor."""
    total, entries = 0.0, 0
    for row in range(indptr.size - 1):
        for i in range(cost.shape[0]):
            near = np.inf
            for e in range(indptr[row], indptr[row + 1]):
                near = min(near, cost[columns[e], i])
            if near <= reach[row]:
                own = 0.0
                for f in range(starts[i], starts[i + 1]):
                    own += lists[f]
                total += own
                entries += starts[i + 1] - starts[i]
    return total, entries


def _bare_read(mixtures: Mixtures, cost: FloatArray, graph: KnnGraph) -> tuple[float, int]:
    """Seconds of one read of the postings that no search by posting lists alone can do without."""
    order = np.argsort(mixtures.columns, kind="stable")
    starts = np.searchsorted(mixtures.columns[order], np.arange(cost.shape[0] + 1))
    lists = mixtures.fractions[order]
    some = min(mixtures.count, 2_000)
    chosen = np.linspace(0, mixtures.count - 1, some).astype(np.int64)
    size = np.diff(mixtures.indptr)[chosen]
    entry = np.concatenate([np.arange(mixtures.indptr[r], mixtures.indptr[r + 1]) for r in chosen])
    problem = (
        np.concatenate([[0], np.cumsum(size)]),
        mixtures.columns[entry],
        graph.distances[chosen, -1],
        starts,
        lists,
        cost,
    )
    _sum_lists(*problem)
    seconds, (_, entries) = busy_seconds(lambda: _sum_lists(*problem))
    return seconds * mixtures.count / some, entries * mixtures.count // some


def _updates(recipes: int) -> Figures:
    """Update a graph after some recipes went and the cost was learned anew, beside a search."""
    catalog = load_catalog(database(recipes))
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    plain = build_mixtures(catalog, tree)
    before, cost = plain.compressed(LEARNED.power), learn_cost(plain, tree).distance_cost
    earlier = EarlierGraph(nearest_neighbors(before, cost, K + SPARE), before, cost)
    random = np.random.default_rng(0)
    figures: Figures = {"recipes": recipes, "spare": SPARE, "gone": {}}
    for gone in GONE:
        number = gone if isinstance(gone, int) else round(gone * recipes)
        kept = np.sort(random.permutation(recipes)[number:])
        left = _inputs.rows_of(plain, kept)
        after, moved = left.compressed(LEARNED.power), learn_cost(left, tree).distance_cost
        anew, graph = busy_seconds(partial(nearest_neighbors, after, moved, K))
        update, (found, searched) = busy_seconds(
            partial(update_neighbors, earlier, after, moved, K)
        )
        figures["gone"][str(number)] = {
            "search_seconds": round(anew, 3),
            "update_seconds": round(update, 3),
            "rows_searched": searched,
            "largest_move_of_cost": round(float(np.abs(moved - cost).max()), 4),
            "differences": int((found.indices != graph.indices).sum()),
        }
    return figures


def _of_all_pairs(inputs: _inputs.Inputs) -> Figures:
    """Compare with all pairs, selected: the same indices and distances."""
    mixtures, cost = inputs.mixtures, inputs.learned.distance_cost
    graph = nearest_neighbors(mixtures, cost, K)
    distances = np.rint(emd_matrix(mixtures, cost) * 2.0**40) / 2.0**40
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :K]
    found = np.take_along_axis(distances, order, axis=1)
    return {
        "recipes": mixtures.count,
        "rows_that_differ": int(
            ((order != graph.indices) | (found != graph.distances)).any(axis=1).sum()
        ),
        "share_solved": round(graph.solved / (mixtures.count * (mixtures.count - 1) // 2), 4),
    }


def _by_nndescent(recipes: int) -> Figures:
    """Approximate neighbors by pynndescent under its transport metric, and how many are right."""
    from pynndescent import NNDescent
    from pynndescent.distances import kantorovich

    inputs = _inputs.load(database(recipes), "learned")
    mixtures, cost = inputs.mixtures, inputs.learned.distance_cost
    exact = nearest_neighbors(mixtures, cost, K)
    dense = np.array([mixtures.dense_row(row) for row in range(recipes)], np.float32)

    @njit  # one function for all calls: given as `metric_kwds`, the cost is compiled in each time
    def metric(x: Any, y: Any) -> float:  # pragma: no cover - compiled
        return float(kantorovich(x, y, cost))

    def search(rows: Any) -> IntArray:
        index = NNDescent(rows, metric=metric, n_neighbors=K + 1, n_jobs=cores(), random_state=0)
        found: IntArray = index.neighbor_graph[0]
        return found[:, 1:]  # a recipe is its own nearest

    search(dense[: recipes // 2])  # compiles
    seconds, found = busy_seconds(lambda: search(dense))
    shared = [np.intersect1d(a, b).size for a, b in zip(found, exact.indices, strict=True)]
    return {"seconds": round(seconds, 2), "recall": round(float(np.mean(shared)) / K, 3)}


def _tables(figures: Figures) -> list[Table]:
    growth = Table(
        title=f"{K} nearest neighbors, {cores()} cores: processor time / {cores()}",
        title_justify="left",
    )
    for name in (
        "recipes",
        "EMD, s",
        "seeded, s",
        "L1, s",
        "postings, bounds, solved",
        "bare read, s",
    ):
        growth.add_column(name, justify="right")
    for recipes, size in figures["sizes"].items():
        growth.add_row(
            f"{int(recipes):,}",
            f"{size['seconds']:.3f}",
            f"{size['seconds_seeded_by_itself']:.3f}",
            f"{size['seconds_in_l1']:.3f}",
            f"{size['postings_a_recipe']:,.0f}, {size['bounded_a_recipe']:,.0f}, "
            f"{size['solved_a_recipe']:.0f}",
            f"{size['bare_read_seconds']:.3f}",
        )
    growth.caption = ", ".join(f"exponent of {n}: {e}" for n, e in figures["exponent"].items())
    loops = Table(title="all pairs instead, times as long", title_justify="left")
    loops.add_column("recipes", justify="right")
    for name in LOOP_PAIRS:
        loops.add_column(name, justify="right")
    loops.add_column("pynndescent", justify="right")
    for recipes, size in figures["sizes"].items():
        other = figures["pynndescent"].get(recipes)
        loops.add_row(
            f"{int(recipes):,}",
            *(f"{seconds / size['seconds']:,.0f}" for seconds in size["loops"].values()),
            f"{other['seconds'] / size['seconds']:,.0f}, recall {other['recall']}" if other else "",
        )
    updates = Table(
        title=f"recipes gone of {figures['updates']['recipes']:,}, cost learned anew",
        title_justify="left",
    )
    for name in ("gone", "search, s", "update, s", "rows searched for", "cost moves by"):
        updates.add_column(name, justify="right")
    for number, run in figures["updates"]["gone"].items():
        updates.add_row(
            number,
            f"{run['search_seconds']:.3f}",
            f"{run['update_seconds']:.3f}",
            f"{run['rows_searched']:,}",
            f"{run['largest_move_of_cost']}",
        )
    return [growth, loops, updates]
