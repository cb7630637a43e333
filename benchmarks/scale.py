"""The whole refresh as recipes grow, in new processes: a first map, then from the previous one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks._common import (
    SCRATCH,
    Figures,
    Process,
    cores,
    database,
    run_refresh,
    stage_table,
)
from benchmarks.map_moves import Collection

GOALS = {
    "1400": {"first": 3, "again": 2, "peak_mb": 350},
    "20000": {"first": 10, "again": None, "peak_mb": 700},
    "100000": {"first": 240, "again": 120, "peak_mb": 1_300},
}
"""Seconds and megabytes, by recipes."""
ROUNDS = {"1400": 5, "20000": 3, "100000": 1}
CHANGED = 0.01


def run(out: Console, *, quick: bool) -> Figures:
    """Refresh databases of each size with warm caches; of several rounds the median is shown."""
    figures: Figures = {"cores": cores(), "changed": CHANGED, "goals": GOALS, "sizes": {}}
    kept = SCRATCH / "compiled"
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        run_refresh(database(150), Path(folder) / "warm", compile_cache=kept)  # fills the caches
        for recipes in list(GOALS)[: 1 if quick else None]:
            runs = [
                _both(int(recipes), Path(folder) / f"{recipes}-{number}", kept)
                for number in range(1 if quick else ROUNDS[recipes])
            ]
            size = figures["sizes"][recipes] = {
                name: sorted((own[name] for own in runs), key=_wall)[len(runs) // 2].figures()
                for name in ("first", "again")
            }
            for name, own in size.items():
                own["wall_of_each"] = [round(run[name].wall_seconds, 2) for run in runs]
            out.print(stage_table(f"refresh, {int(recipes):,} recipes, {cores()} cores", size))
    out.print(_goal_table(figures))
    return figures


_wall: Callable[[Process], float] = lambda process: process.wall_seconds  # noqa: E731


def _both(recipes: int, folder: Path, kept: Path) -> dict[str, Process]:
    """Refresh a database, change a part of its recipes, and refresh it again to the same place."""
    folder.mkdir()
    edited = max(1, round(CHANGED * recipes))
    collection = Collection(folder / "bar.db", recipes=recipes, reserve=edited)
    output = folder / "out"
    first = run_refresh(collection.path, output, compile_cache=kept)
    collection.edit(CHANGED)
    return {"first": first, "again": run_refresh(collection.path, output, compile_cache=kept)}


def _goal_table(figures: Figures) -> Table:
    table = Table(title="against the goals", title_justify="left")
    for name in ("recipes", "map", "wall, s", "goal, s", "CPU, s", "peak, MB", "goal, MB"):
        table.add_column(name, justify="left" if name == "map" else "right")
    for recipes, size in figures["sizes"].items():
        goals = figures["goals"][recipes]
        for name, own in size.items():
            table.add_row(
                f"{int(recipes):,}",
                TOLD[name],
                f"{own['wall_seconds']:.1f}",
                str(goals[name] or ""),
                f"{own['cpu_seconds']:.1f}",
                f"{own['peak_mb']:.0f}",
                str(goals["peak_mb"]),
            )
    return table


TOLD = {"first": "first", "again": f"from the previous one, {CHANGED:.0%} changed"}
