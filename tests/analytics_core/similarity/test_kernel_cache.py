"""What Numba has cached of the search goes out of date with the solver, which is another file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import analytics_core

FIND = """
import numpy as np
from analytics_core.similarity import _search
from analytics_core.similarity.neighbors import nearest_neighbors
from tests.strategies import mixtures_of
recipes = mixtures_of([{0: 1}, {0: 1, 1: 1}, {1: 1}], 2)
print(nearest_neighbors(recipes, 1 - np.eye(2), 1).distances.ravel().tolist())
print(sum(_search.emd_neighbors.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_a_changed_solver_compiles_the_search_anew(tmp_path: Path) -> None:
    package = tmp_path / "analytics_core"
    shutil.copytree(
        Path(analytics_core.__file__).parent,
        package,
        ignore=shutil.ignore_patterns("__pycache__", "node_modules", "dist"),
    )
    solver = package / "similarity" / "_kernels.py"

    def find() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", FIND],
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
            cwd=Path(__file__).parents[3],
            env={"PYTHONPATH": f"{tmp_path}:.", "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        )
        return done.stdout.splitlines()

    assert find() == ["[0.5, 0.5, 0.5]", "0"]
    assert find() == ["[0.5, 0.5, 0.5]", "1"]
    text = solver.read_text()
    assert text.count("return value, root, STATUS_OK") == 1
    solver.write_text(text.replace("return value, root, STATUS_OK", "return 3 * value, root, 0"))
    assert find() == ["[1.5, 1.5, 1.5]", "0"]
