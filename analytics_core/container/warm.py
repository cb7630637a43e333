"""Runs every computation once while the image is built, so that Numba's cache holds the kernels.

`map` and `kernels` compile what they can reach with a part of the package; `job` runs the whole of
it, with each ground cost, and compiles what is left. Several named together run side by side. The
number of threads changes nothing about what is compiled.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

COSTS = ("learned", "reference", "tree")

RECIPES = 80
"""Enough for the map; compiling takes the time, not computing."""


def main(names: list[str]) -> None:
    """Compile what the arguments name; a failure ends the build."""
    if len(names) > 1:
        work = [subprocess.Popen([sys.executable, __file__, name]) for name in names]  # noqa: S603
        sys.exit(max(abs(process.wait()) for process in work))
    started = time.monotonic()
    {"map": _map, "kernels": _kernels, "job": _job}[names[0]]()
    cache = Path(os.environ["NUMBA_CACHE_DIR"])
    compiled = list(cache.rglob("*.nbc"))
    size = sum(path.stat().st_size for path in compiled)
    seconds = time.monotonic() - started
    told = f"{len(compiled)} functions in the cache, {size / 1e6:.1f} MB, {seconds:.0f} s"
    print(f"{names[0]}: {told}", flush=True)
    if not compiled:
        sys.exit(f"nothing was compiled into {cache}")


def _map() -> None:
    """Lay out recipes that stand in a row, with nothing of the package but the map itself."""
    import numpy as np

    from analytics_core.similarity.embedding import MapSettings, embed, tie

    place = np.arange(RECIPES)
    apart = np.abs(place[:, None] - place).astype(np.float64)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, 1:].astype(np.int32)
    graph = SimpleNamespace(
        indices=nearest, distances=np.take_along_axis(apart, nearest, axis=1), k=RECIPES - 1
    )
    embed(tie(graph, place, MapSettings()), MapSettings())


def _kernels() -> None:
    """Find neighbors and plans of a few mixtures, with nothing of the package but these.

    The one problem at the end is what `health` solves.
    """
    import numpy as np

    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.similarity.neighbors import nearest_in_l1, nearest_neighbors
    from analytics_core.similarity.transport import emd, plans_of_pairs

    recipes, each = 6, 3
    ids = np.arange(recipes, dtype=np.int64)
    columns = (ids[:, None] + np.arange(each)) % recipes
    mixtures = Mixtures(
        recipe_ids=ids,
        in_play=ids.astype(np.int32),
        ingredient_ids=ids,
        indptr=np.arange(recipes + 1, dtype=np.int64) * each,
        columns=np.sort(columns, axis=1).astype(np.int32).ravel(),
        fractions=np.full(recipes * each, 1.0 / each),
    )
    cost = np.abs(ids[:, None] - ids).astype(np.float64)
    nearest_neighbors(mixtures, cost, 2)
    nearest_in_l1(mixtures.rows, 2)
    plans_of_pairs(mixtures, cost, ids[1:], ids[:-1])
    emd(np.array([0.5, 0.5]), np.array([0.25, 0.75]), 1.0 - np.eye(2))


def _job() -> None:
    """Run the job on the sample database with each ground cost.

    All in one process: under emulation, starting and importing takes longer than everything else.
    """
    from analytics_core import LocalStorage, refresh
    from analytics_core.pipeline import RefreshSettings
    from analytics_core.sample import write_sample_database
    from analytics_core.similarity.families import find_families

    find_families([0, 1, 2], [1, 0], [1, 1])  # the page's, for which nothing is built here
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "sample.db"
        write_sample_database(database, recipes=RECIPES)
        for cost in COSTS:
            settings = RefreshSettings(cost=cost, page=False)
            refresh(database, LocalStorage(Path(folder) / cost), settings=settings)


if __name__ == "__main__":
    main(sys.argv[1:])
