"""Where the compiled simplex stalls, every function goes to POT and finds the same distances."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics_core.similarity.mixture import Mixtures
from analytics_core.similarity.neighbors import nearest_neighbors
from analytics_core.similarity.transport import emd_matrix
from tests.strategies import mixtures_of

COUNT, WIDTH, K = 14, 9, 4


def recipes() -> Mixtures:
    rng = np.random.default_rng(3)
    return mixtures_of(
        [
            {int(c): float(rng.random() + 0.1) for c in rng.choice(WIDTH, rng.integers(2, 6))}
            for _ in range(COUNT)
        ],
        WIDTH,
    )


def ground_cost() -> np.ndarray:
    cost = np.random.default_rng(5).random((WIDTH, WIDTH))
    return np.triu(cost, 1) + np.triu(cost, 1).T


def through_every_door() -> Any:
    """Make the simplex stall, then ask every public function; runs without compilation."""
    from analytics_core.similarity import _kernels
    from analytics_core.similarity.transport import (
        emd,
        emd_pairs,
        plans_of_pairs,
        transport_plan,
    )

    stalls = []

    def stall(*_: object) -> Any:
        stalls.append(1)
        return _kernels.STATUS_STALLED

    setattr(_kernels, sys.argv[1], stall)
    mixtures, cost = recipes(), ground_cost()
    first, second = np.triu_indices(COUNT, 1)
    rows = [mixtures.dense_row(r) for r in range(COUNT)]
    plans = plans_of_pairs(mixtures, cost, first, second)
    costs = cost[plans.source, plans.target] * plans.mass
    graph = nearest_neighbors(mixtures, cost, K, threads=1)
    print(
        json.dumps(
            {
                "emd": [emd(rows[p], rows[q], cost) for p, q in zip(first, second, strict=True)],
                "transport_plan": [
                    transport_plan(rows[p], rows[q], cost).value
                    for p, q in zip(first, second, strict=True)
                ],
                "emd_pairs": emd_pairs(mixtures, cost, first, second).tolist(),
                "emd_matrix": emd_matrix(mixtures, cost)[first, second].tolist(),
                "plans_of_pairs": np.add.reduceat(costs, plans.indptr[:-1]).tolist(),
                "indices": graph.indices.tolist(),
                "distances": graph.distances.tolist(),
                "stalls": len(stalls),
            }
        )
    )


@pytest.mark.parametrize("where", ["_improve", "_make_unique"])
def test_every_function_finds_what_it_finds_otherwise(where: str) -> None:
    program = f"from {__name__} import through_every_door; through_every_door()"
    done = subprocess.run(
        [sys.executable, "-c", program, where],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=Path(__file__).parents[3],
        env={"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": "."},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    mixtures, cost = recipes(), ground_cost()
    expected = emd_matrix(mixtures, cost)[np.triu_indices(COUNT, 1)]
    assert found["stalls"] > 50
    for door in ("emd", "transport_plan", "emd_pairs", "emd_matrix", "plans_of_pairs"):
        np.testing.assert_allclose(found[door], expected, rtol=0, atol=1e-12, err_msg=door)
    graph = nearest_neighbors(mixtures, cost, K)
    assert found["indices"] == graph.indices.tolist()
    np.testing.assert_allclose(found["distances"], graph.distances, rtol=0, atol=1e-11)
