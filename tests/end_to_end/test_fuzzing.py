"""A few broken databases of each layout; `make torture` has ten thousand."""

from __future__ import annotations

import pytest

from tests.analytics_core.layout_files import LAYOUTS
from tests.end_to_end.fuzzing import MEMORY_BYTES, fuzz

# Cases in which SQLite's own words were quoted in full: a table's whole CREATE statement over
# several lines, or thousands of characters on one page.
ONCE_A_FAULT = {"cocktaildb": 89, "bar-assistant": 29, "other.toml": 183}


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_broken_database_is_a_set_or_one_sentence(layout: str) -> None:
    figures = fuzz(layout, 0, 60)
    assert figures.faults == {}
    assert sum(figures.outcomes.values()) == 60
    assert figures.outcomes["refused"] > 5
    assert figures.outcomes["set"] + figures.outcomes["read"] > 5
    assert figures.peak_bytes < MEMORY_BYTES


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "seed"), ONCE_A_FAULT.items())
def test_what_was_a_fault_once(layout: str, seed: int) -> None:
    assert fuzz(layout, seed, seed + 1).faults == {}
