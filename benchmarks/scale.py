"""A refresh of far more recipes than a site has: time and memory must grow gently."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks._common import SCRATCH, Figures, cores, database, run_refresh, stage_table

LARGE = 20_000


def run(out: Console, *, quick: bool) -> Figures:
    """Refresh a large database once, without the page, with warm compile caches."""
    recipes = 3_000 if quick else LARGE
    path = database(recipes)
    kept = SCRATCH / "compiled"
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        run_refresh(database(150), Path(folder) / "first", compile_cache=kept)  # fills the caches
        process = run_refresh(
            path, Path(folder) / "large", compile_cache=kept, arguments=["--no-page"]
        )
    figures: Figures = {"recipes": recipes, "cores": cores(), "page": False, **process.figures()}
    out.print(
        stage_table(
            f"refresh, {recipes} recipes, {cores()} cores, a new process, no page",
            {"warm caches": figures},
        )
    )
    return figures
