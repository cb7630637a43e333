"""Runs every computation once while the image is built, so that Numba's cache holds the kernels.

One run for each ground cost: they call different functions. The number of threads changes nothing
about what is compiled.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

COSTS = ("learned", "reference", "tree")

RECIPES = 80
"""Enough for UMAP; compiling takes the time, not computing."""


def main() -> None:
    """Run the job on the sample database; a failure ends the build."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "sample.db"
        _job("sample-db", str(database), "--recipes", str(RECIPES))
        for cost in COSTS:
            output = f"{folder}/{cost}"
            _job("refresh", "--db", str(database), "--output", output, "--cost", cost, "--no-page")
    cache = Path(os.environ["NUMBA_CACHE_DIR"])
    compiled = list(cache.rglob("*.nbc"))
    size = sum(path.stat().st_size for path in compiled)
    print(f"{len(compiled)} compiled functions, {size / 1e6:.1f} MB")
    if not compiled:
        sys.exit(f"nothing was compiled into {cache}")


def _job(*arguments: str) -> None:
    program = [sys.executable, "-m", "analytics_core", *arguments]
    subprocess.run(program, check=True)  # noqa: S603 - this program's own words


if __name__ == "__main__":
    main()
