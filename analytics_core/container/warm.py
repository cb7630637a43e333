"""Runs every computation once while the image is built, so that Numba's cache holds the kernels.

The runs differ in what changes the types or the functions that are compiled: the ground cost, one
thread or two, and a second run over the first, which lays the new map over the old one.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = (("learned", 1), ("learned", 2), ("reference", 2), ("tree", 1))
"""Ground cost and threads."""

RECIPES = 80
"""Enough for UMAP; compiling takes the time, not computing."""


def main() -> None:
    """Run the job on the sample database; a failure ends the build."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "sample.db"
        _job("sample-db", str(database), "--recipes", str(RECIPES))
        for cost, threads in RUNS:
            output = Path(folder) / cost
            _job(
                *("refresh", "--db", str(database), "--output", str(output)),
                *("--cost", cost, "--threads", str(threads), "--no-page"),
                # the second run of a cost must compute, not find the stages of the first
                *("--workspace", f"{folder}/work-{cost}-{threads}"),
            )
    cache = Path(os.environ["NUMBA_CACHE_DIR"])
    compiled = list(cache.rglob("*.nbc"))
    size = sum(path.stat().st_size for path in compiled)
    print(f"{len(compiled)} compiled functions, {size / 1e6:.1f} MB")
    if not compiled:
        sys.exit(f"nothing was compiled into {cache}")


def _job(*arguments: str) -> None:
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    subprocess.run(  # noqa: S603 - this program's own words
        [sys.executable, "-m", "analytics_core", *arguments], check=True, env=environment
    )


if __name__ == "__main__":
    main()
