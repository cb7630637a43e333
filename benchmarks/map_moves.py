"""How far drinks move on the map when some recipes change, and whether the map stays as good."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics_core.analysis import find_cost, find_neighbors, load_inputs
from analytics_core.settings import RefreshSettings
from analytics_core.similarity.embedding import twins_of
from analytics_core.similarity.placing import EarlierMap, PlacedMap, moves, place
from analytics_core.similarity.quality import neighbors_kept
from analytics_core.stages import Stages
from analytics_core.store import LocalStorage
from analytics_core.store.cache import Cache
from benchmarks._common import SCRATCH, Figures, cores, database

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import BoolArray, IntArray
    from analytics_core.similarity.neighbors import KnnGraph

MAPS = ("plain", "learned")
GOALS = {"1%": (0.005, 0.03), "5%": (0.02, 0.08)}


class Collection:
    """A database that is edited step by step: amounts change, recipes come and go."""

    def __init__(self, path: Path, *, recipes: int, reserve: int, seed: int = 1) -> None:
        self.path = path
        self._draw = random.Random(seed)
        self._full = database(recipes + reserve)
        shutil.copy(self._full, path)
        with closing(sqlite3.connect(path)) as rows, rows:
            ids = [row for (row,) in rows.execute("SELECT id FROM recipes ORDER BY id")]
            self._reserve = ids[recipes:]
            self.present = ids[:recipes]
            self._remove(rows, self._reserve)
        self.changed: set[int] = set()

    def edit(self, share: float) -> None:
        """Change that share of the recipes: of five, three in an amount, one comes, one goes."""
        count = max(1, round(share * len(self.present)))
        gone = self._draw.sample(self.present, count // 5)
        come = [self._reserve.pop() for _ in range(min(count // 5, len(self._reserve)))]
        stay = sorted(set(self.present) - set(gone))
        edited = self._draw.sample(stay, count - len(gone) - len(come))
        with closing(sqlite3.connect(self.path)) as rows, rows:
            self._remove(rows, gone)
            rows.execute("ATTACH ? AS whole", (str(self._full),))
            for recipe in come:
                for table, key in (("recipes", "id"), ("recipe_ingredients", "recipe_id")):
                    rows.execute(
                        f"INSERT INTO {table} SELECT * FROM whole.{table} WHERE {key} = ?",
                        (recipe,),
                    )
            for recipe in edited:
                lines = rows.execute(
                    "SELECT id FROM recipe_ingredients WHERE recipe_id = ? ORDER BY id", (recipe,)
                ).fetchall()
                (line,) = self._draw.choice(lines)
                factor = self._draw.choice([0.5, 0.75, 1.5, 2.0])
                rows.execute(
                    "UPDATE recipe_ingredients SET amount = amount * ? WHERE id = ?", (factor, line)
                )
        self.present = sorted({*stay, *come})
        self.changed = {*edited, *come}

    @staticmethod
    def _remove(rows: sqlite3.Connection, recipes: list[int]) -> None:
        for table, key in (("recipe_ingredients", "recipe_id"), ("recipes", "id")):
            rows.executemany(f"DELETE FROM {table} WHERE {key} = ?", [(r,) for r in recipes])


@dataclass(frozen=True, slots=True, eq=False)
class Neighborhood:
    """What maps are drawn from."""

    ids: IntArray
    twins: IntArray
    graphs: dict[str, KnnGraph]
    changed: BoolArray


def neighborhood(collection: Collection, settings: RefreshSettings) -> Neighborhood:
    """Read the database and find both graphs; nothing is kept."""
    with tempfile.TemporaryDirectory() as folder:
        stages = Stages(Cache(LocalStorage(folder)), lambda _event: None)
        inputs = load_inputs(collection.path, stages)
        cost = find_cost(inputs, settings, stages)
        span = [(0, inputs.mixtures.count)]
        plain, learned = find_neighbors(inputs, cost, settings, stages, span)
    ids = inputs.mixtures.recipe_ids
    changed = np.isin(ids, sorted(collection.changed))
    graphs = {"plain": plain, "learned": learned}
    return Neighborhood(ids, twins_of(inputs.mixtures), graphs, changed)


def lay_out(
    near: Neighborhood, name: str, settings: RefreshSettings, earlier: EarlierMap | None
) -> tuple[PlacedMap, float]:
    """Return one map, and the seconds it took."""
    start = time.perf_counter()
    placed = place(
        near.graphs[name], near.ids, near.twins, settings.map, earlier=earlier, changed=near.changed
    )
    return placed, time.perf_counter() - start


def side_by_side(
    near: Neighborhood, settings: RefreshSettings, earlier: dict[str, EarlierMap]
) -> Figures:
    """Seconds that both maps take at once, in two threads, going on from the earlier ones."""
    start, spent = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: lay_out(near, name, settings, earlier[name]), MAPS))
    return {
        "wall_seconds": round(time.perf_counter() - start, 3),
        "cpu_seconds": round(time.process_time() - spent, 3),
    }


def as_earlier(near: Neighborhood, placed: PlacedMap) -> EarlierMap:
    """Return a map as the next refresh finds it."""
    return EarlierMap(near.ids, placed.points, placed.graph, placed.kept_anew)


def measured(
    near: Neighborhood, name: str, placed: PlacedMap, seconds: float, earlier: EarlierMap | None
) -> Figures:
    """Return the figures of one map."""
    figures: Figures = {
        "kept": round(neighbors_kept(near.graphs[name], placed.points), 4),
        "seconds": round(seconds, 3),
        "began": placed.began,
    }
    if earlier is not None:
        apart = moves(placed.points, near.ids, earlier)
        figures["median"] = round(float(np.median(apart)), 5)
        figures["p95"] = round(float(np.percentile(apart, 95)), 5)
    return figures


def run(out: Console, *, quick: bool, recipes: int = 1400, steps: int = 50) -> Figures:
    """Measure a map laid out anew, then after changes of 1% and 5%, and after many of 1% each."""
    steps = 5 if quick else steps
    settings = RefreshSettings()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    figures: Figures = {"recipes": recipes, "cores": cores(), "steps": steps, "goals": GOALS}
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        first: dict[str, EarlierMap] = {}
        for label, share, count in (("1%", 0.01, 1), ("5%", 0.05, 1), ("drift", 0.01, steps)):
            collection = Collection(
                Path(folder) / f"{share}-{count}.db", recipes=recipes, reserve=recipes // 5
            )
            if not first:
                near = neighborhood(collection, settings)
                for name in MAPS:
                    lay_out(near, name, settings, None)  # compiles
                    placed, seconds = lay_out(near, name, settings, None)
                    figures[f"anew, {name}"] = measured(near, name, placed, seconds, None)
                    first[name] = as_earlier(near, placed)
            earlier = dict(first)
            told: dict[str, list[Figures]] = {name: [] for name in MAPS}
            for _ in range(count):
                collection.edit(share)
                near = neighborhood(collection, settings)
                if label == "1%":
                    both = [side_by_side(near, settings, first) for _ in range(3)]
                    figures["side by side"] = min(both, key=lambda run: run["wall_seconds"])
                for name in MAPS:
                    placed, seconds = lay_out(near, name, settings, earlier[name])
                    told[name].append(measured(near, name, placed, seconds, earlier[name]))
                    earlier[name] = as_earlier(near, placed)
            for name in MAPS:
                placed, seconds = lay_out(near, name, settings, None)
                fresh = measured(near, name, placed, seconds, None)
                last = told[name][-1]
                figures[f"{label}, {name}"] = {
                    **last,
                    "kept_anew": fresh["kept"],
                    "largest_median": max(f["median"] for f in told[name]),
                    "largest_p95": max(f["p95"] for f in told[name]),
                    "anew": sum(f["began"] == "anew" for f in told[name]),
                }
    out.print(_table(figures))
    both_maps = figures["side by side"]
    out.print(
        f"both maps at once, after 1%: {both_maps['wall_seconds']:.2f} s,"
        f" {both_maps['cpu_seconds']:.2f} s of CPU time"
    )
    return figures


def _table(figures: Figures) -> Table:
    table = Table(
        title=f"moves on the map, {figures['recipes']} recipes, in shares of its diameter",
        title_justify="left",
    )
    for column in ("changed", "map"):
        table.add_column(column)
    for column in ("median", "95th", "kept", "kept, anew", "laid out anew", "s"):
        table.add_column(column, justify="right")
    for key, told in figures.items():
        if not isinstance(told, dict) or "kept" not in told:
            continue
        label, _, name = key.partition(", ")
        label = f"{figures['steps']} x 1%, worst" if label == "drift" else label
        table.add_row(
            label,
            name,
            f"{told['largest_median']:.2%}" if "largest_median" in told else "",
            f"{told['largest_p95']:.2%}" if "largest_p95" in told else "",
            f"{told['kept']:.3f}",
            f"{told['kept_anew']:.3f}" if "kept_anew" in told else "",
            str(told.get("anew", "")),
            f"{told['seconds']:.2f}",
        )
    return table
