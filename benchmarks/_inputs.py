"""The mixtures and costs that the benchmarks measure on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.similarity.ground_cost import PRESETS, LearnedCost, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.source.layouts import load_catalog

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Mixtures as a preset measures them, and the cost it learns."""

    mixtures: Mixtures
    learned: LearnedCost


def load(path: Path, preset: str) -> Inputs:
    """Read a database and learn the preset's cost."""
    catalog = load_catalog(path)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = build_mixtures(catalog, tree)
    settings = PRESETS[preset]
    learned = learn_cost(mixtures, tree, settings)
    return Inputs(mixtures.compressed(settings.power), learned)


def load_mixtures(path: Path) -> Mixtures:
    """Read a database's plain volume fractions."""
    catalog = load_catalog(path)
    return build_mixtures(catalog, IngredientTree.from_ingredients(catalog.ingredients))


def rows_of(mixtures: Mixtures, rows: IntArray) -> Mixtures:
    """Return the chosen recipes alone, with the same columns."""
    size = np.diff(mixtures.indptr)[rows]
    entries = np.isin(mixtures.recipe_of_entries(), rows)
    return replace(
        mixtures,
        recipe_ids=mixtures.recipe_ids[rows],
        indptr=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        columns=mixtures.columns[entries],
        fractions=mixtures.fractions[entries],
    )


def sample_pairs(count: int, size: int, *, seed: int = 0) -> tuple[IntArray, IntArray]:
    """Return `size` different pairs p < q of `count` rows, drawn without favor."""
    p, q = np.triu_indices(count, 1)
    chosen = np.random.default_rng(seed).choice(p.size, min(size, p.size), replace=False)
    return p[chosen], q[chosen]


def gather(
    mixtures: Mixtures, cost: FloatArray, first: IntArray, second: IntArray
) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return (a, b, cost) of each pair, contiguous float64: all that POT needs and no more."""
    rows = np.split(np.arange(mixtures.columns.size), mixtures.indptr[1:-1])
    columns = [mixtures.columns[row] for row in rows]
    masses = [np.ascontiguousarray(mixtures.fractions[row]) for row in rows]
    return [
        (masses[p], masses[q], np.ascontiguousarray(cost[np.ix_(columns[p], columns[q])]))
        for p, q in zip(first.tolist(), second.tolist(), strict=True)
    ]
