"""Memory for a cost between all ingredients: little more than it needs."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from analytics_core.similarity.arrays import off_diagonal_median, row_blocks
from analytics_core.similarity.ground_cost import learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures
from tests.strategies import ingredients_of, mixtures_of

COUNT = 1200


def flat(count: int) -> tuple[Mixtures, IngredientTree]:
    """As many ingredients without parents, each in a recipe with its neighbors."""
    rows = [{n: 1.0, (n + 1) % count: 2.0, (n * 7 + 3) % count: 0.5} for n in range(count)]
    ids = list(range(1, count + 1))
    tree = IngredientTree.from_ingredients(ingredients_of(ids, [-1] * count, [False] * count))
    return mixtures_of(rows, count, ids), tree


def test_learning_holds_few_squares() -> None:
    mixtures, tree = flat(COUNT)
    learn_cost(*flat(10))  # what is made once
    tracemalloc.start()
    try:
        cost = learn_cost(mixtures, tree).cost
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * cost.nbytes
    assert (cost == cost.T).all()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 7, 40])
def test_the_median_off_the_diagonal(size: int) -> None:
    draw = np.random.default_rng(size).random((size, size))
    square = draw + draw.T
    off = square[~np.eye(size, dtype=bool)]
    assert off_diagonal_median(square) == (float(np.median(off)) if off.size else 0.0)


def test_blocks_cover_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics_core.similarity.arrays.BLOCK_ENTRIES", 10)
    for rows, width in ((0, 5), (7, 3), (6, 3), (3, 100)):
        blocks = [list(range(block.start, block.stop)) for block in row_blocks(rows, width)]
        assert [row for block in blocks for row in block] == list(range(rows))
        assert all(len(block) == 1 or len(block) * width <= 10 for block in blocks)


def test_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    mixtures, tree = flat(60)
    whole = learn_cost(mixtures, tree).cost
    monkeypatch.setattr("analytics_core.similarity.arrays.BLOCK_ENTRIES", 150)
    assert (learn_cost(mixtures, tree).cost == whole).all()
