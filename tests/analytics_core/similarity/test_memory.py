"""Memory for a cost between all ingredients: little more than it needs, or a refusal before."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from analytics_core.errors import DataError
from analytics_core.similarity import memory
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


def test_what_finds_no_room_is_refused_with_the_sum() -> None:
    mixtures, _ = flat(4000)
    needed = int(memory.SQUARES * 8 * 4000**2)
    memory.require_memory(mixtures, free_bytes=needed)
    with pytest.raises(DataError) as caught:
        memory.require_memory(mixtures, free_bytes=needed - 1)
    sentence = str(caught.value)
    assert "4,000 ingredients" in sentence
    assert f"{needed >> 20:,} MiB of memory" in sentence
    assert "allow_substitution" in sentence
    memory.require_memory(flat(1000)[0], free_bytes=0)  # too little to ask


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"meminfo": "MemTotal: 9 kB\nMemAvailable:  5 kB\n"}, 5 * 1024),
        ({"meminfo": "MemAvailable: 5 kB", "max": "3000", "current": "1000"}, 2000),
        ({"meminfo": "MemAvailable: 1 kB", "max": "max", "current": "1000"}, 1024),
        ({"max": "9000", "current": "1000"}, 8000),
        ({"meminfo": "MemAvailable:"}, None),
        ({}, None),
    ],
)
def test_the_container_and_the_machine_are_asked(
    files: dict[str, str], free: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_MEMINFO", str(tmp_path / "meminfo"))
    monkeypatch.setattr(memory, "_GROUPS", ((f"{tmp_path}/max", f"{tmp_path}/current"),))
    assert memory.find_free_bytes() == free


def test_this_machine_says_how_much_there_is() -> None:
    free = memory.find_free_bytes()
    assert free is None or free > 1 << 20


def test_a_refresh_refuses_before_the_work(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom analytics_core.similarity import memory\n"
        "memory.find_free_bytes = lambda: 1000\nmemory.SMALL_BYTES = 0\n"
        "from analytics_core.sample import write_sample_database\n"
        f"write_sample_database({str(tmp_path / 'bar.db')!r}, recipes=20)\n"
        "from analytics_core.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "refresh", "--db", tmp_path / "bar.db", "--output", tmp_path],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert "MiB of memory" in lines[-1]["message"]
    assert "cost" not in {line.get("stage") for line in lines}


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
