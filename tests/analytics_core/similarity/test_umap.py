"""UMAP is imported without its neighbor search, and nobody is left without it who needs it."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(program: str) -> list[str]:
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


def test_the_search_is_not_loaded() -> None:
    said = run("""
        import sys
        from analytics_core.similarity._umap import load
        load()
        print(any(name.startswith("pynndescent") for name in sys.modules), "umap" in sys.modules)
    """)
    assert said == ["False", "True"]


def test_whoever_asks_for_the_search_gets_the_real_one() -> None:
    said = run("""
        import numpy as np
        from analytics_core.similarity._umap import load
        engine, _ = load()
        search = engine.NNDescent(np.random.RandomState(0).rand(60, 3), n_neighbors=5)
        print(type(search).__module__, search.neighbor_graph[0].shape[0])
    """)
    assert said == ["pynndescent.pynndescent_", "60"]


def test_a_umap_that_is_there_already_is_used_as_it_is() -> None:
    said = run("""
        import umap.umap_
        from analytics_core.similarity._umap import load
        print(load()[0] is umap.umap_, umap.umap_.NNDescent.__module__)
    """)
    assert said == ["True", "pynndescent.pynndescent_"]
