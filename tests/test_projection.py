"""Measured growth is continued as it was, and put together to a refresh that adds up."""

from __future__ import annotations

import tomllib

import pytest

from benchmarks.projection import GROWING, PAGE, PRICES, chain, measured, powers, project, tables

FIXED = 5.0
PRICE_LIST = tomllib.loads(PRICES.read_text())


def figures(power: float) -> dict[str, object]:
    """Figures of a benchmark in which everything grows with one power."""
    sizes = {}
    for recipes in (1_000, 4_000, 16_000):
        grown = dict.fromkeys(GROWING, FIXED + (recipes / 1_000) ** power)
        sizes[str(recipes)] = {
            **grown,
            "search_cpu_seconds": FIXED + (recipes / 1_000) ** power + 4 * 2.0,
            "start_cpu_seconds": 2.0,
            "speedup": 1.9,
        }
    return {"shards": 4, "sizes": sizes}


@pytest.mark.parametrize("power", [1.0, 1.4, 2.0])
def test_a_fixed_part_and_a_power_are_found_and_continued(power: float) -> None:
    sizes = measured(figures(power))
    assert all(found == pytest.approx(power) for found in powers(sizes).values())
    told = project(sizes, 1_000_000)
    assert told == {key: pytest.approx(FIXED + 1_000**power) for key in GROWING}


def test_what_seems_to_grow_more_slowly_than_the_recipes_is_continued_in_a_straight_line() -> None:
    sizes = measured(figures(0.5))
    assert set(powers(sizes).values()) == {1.0}
    slope = (16**0.5 - 4**0.5) / 12_000
    told = project(sizes, 1_000_000)
    assert told == {key: pytest.approx(FIXED + 4 + slope * 984_000) for key in GROWING}


def test_more_machines_are_faster_and_cost_little_more() -> None:
    told = project(measured(figures(1.5)), 1_000_000)
    one, many = (chain(told, 2.0, 1_000_000, machines, PRICE_LIST) for machines in (1, 16))
    assert one["shards"] == many["shards"]
    assert many["minutes"] < one["minutes"]
    searching = told["search"] / 2 / 60
    assert one["minutes"] - many["minutes"] <= searching * 15 / 16 * 1.2
    assert one["dollars"] <= many["dollars"] <= one["dollars"] * 1.5
    assert many["requests"] > 1_000_000 / 4096


def test_the_page_has_a_place_for_each_table() -> None:
    text = PAGE.read_text()
    for number in (1, 2):
        assert text.count(f"<!-- figures: begin {number} -->") == 1
        assert text.count(f"<!-- figures: end {number} -->") == 1
    told = tables(
        {
            "measured_at": "2026-01-01T00:00:00+00:00",
            "machine": {"cores": 2, "cpu": "x", "system": "y", "load": 0.1, "versions": {"p": "1"}},
            "figures": figures(1.2),
        }
    )
    assert "10,000,000 recipes" in told
    assert len({row.count("|") for row in told.split("Projected:")[1].splitlines() if row}) == 1
