"""Amounts without a unit: read as what the file shows that the ingredient is poured in."""

from __future__ import annotations

import numpy as np
import pytest

from analytics_core.source.bare import Reading
from analytics_core.source.poured import poured_volumes_ml
from analytics_core.source.units import Unit

OZ, ML, DASH, EACH, CL = range(5)
UNITS = (
    Unit("Ounce", "oz", 30.0),
    Unit("ml", "ml", 1.0),
    Unit("Dash", None, 0.6),
    Unit("Each", None, None),
    Unit("cl", None, 10.0),
)
# name, parent
INGREDIENTS = (
    ("Spirit", -1),
    ("Rum", 0),
    ("Aged Rum", 1),
    ("White Rum", 1),
    ("Lime", -1),
    ("Lime Juice", -1),
    ("House Bitters", -1),
    ("Mint", -1),
    ("Mint Syrup", -1),
    ("Egg White", -1),
    ("Chili Vodka", 0),
    ("Verjus", -1),
)
NAMES = tuple(name for name, _ in INGREDIENTS)
Line = tuple[int, str, float, int]  # recipe, ingredient, amount, unit


def read(line: Line, *others: Line) -> tuple[float, Reading]:
    lines = [*others, line]
    poured = poured_volumes_ml(
        np.array([amount for _, _, amount, _ in lines]),
        np.array([unit for *_, unit in lines], np.int32),
        UNITS,
        np.array([NAMES.index(name) for _, name, _, _ in lines], np.int32),
        NAMES,
        recipe=np.array([recipe for recipe, *_ in lines], np.int32),
        parents=np.array([parent for _, parent in INGREDIENTS], np.int32),
    )
    return round(float(poured.volume_ml[-1]), 6), Reading(poured.reading[-1])


RUMS: tuple[Line, ...] = (
    *((recipe, "White Rum", 1.5, OZ) for recipe in range(10, 14)),
    *((recipe, "White Rum", 2.0, OZ) for recipe in range(14, 16)),
)
METRIC: tuple[Line, ...] = tuple(
    (recipe, "White Rum", float(amount), ML)
    for recipe, amount in zip(range(10, 22), (40, 45, 50, 60) * 3, strict=True)
)


def test_the_ingredients_own_unit_comes_first() -> None:
    assert read((1, "White Rum", 2.0, -1), *RUMS) == (60.0, Reading.BARE_SHOWN)
    assert read((1, "White Rum", 50.0, -1), *METRIC) == (50.0, Reading.BARE_SHOWN)


def test_what_is_poured_of_its_kind_says_it_where_it_is_always_bare() -> None:
    assert read((1, "Aged Rum", 1.0, -1), *RUMS) == (30.0, Reading.BARE_SHOWN)
    assert read((1, "Rum", 2.0, -1), *RUMS) == (60.0, Reading.BARE_SHOWN)


def test_the_number_has_to_fit() -> None:
    """45 ounces of rum are no reading of "45", nor is 1 ml of "1"."""
    assert read((1, "White Rum", 45.0, -1), *RUMS) == (45.0, Reading.BARE_GUESSED)
    milliliters = [(recipe, "White Rum", 40.0, ML) for recipe in range(20, 30)]
    ounces = [(1, "Lime Juice", 0.5, OZ)]
    assert read((1, "White Rum", 1.0, -1), *milliliters, *ounces) == (30.0, Reading.BARE_SHOWN)


def test_the_recipes_other_lines_say_it_where_nothing_else_does() -> None:
    ounces: list[Line] = [(1, "Lime Juice", 0.5, OZ), (1, "Mint Syrup", 0.25, OZ)]
    metric: list[Line] = [(1, "Lime Juice", 20.0, ML), (1, "Mint Syrup", 10.0, ML)]
    assert read((1, "Verjus", 1.0, -1), *ounces) == (30.0, Reading.BARE_SHOWN)
    assert read((1, "Verjus", 25.0, -1), *metric) == (25.0, Reading.BARE_SHOWN)


def test_bitters_are_dashes() -> None:
    dashes: list[Line] = [(recipe, "House Bitters", 2.0, DASH) for recipe in (20, 21, 22)]
    assert read((10, "House Bitters", 3.0, -1), *RUMS, *dashes) == (1.8, Reading.BARE_SHOWN)
    volume, reading = read((10, "House Bitters", 2.0, -1), *RUMS)
    assert (volume, reading) == (1.23223, Reading.BARE_GUESSED)


@pytest.mark.parametrize(
    ("name", "amount", "volume"),
    [
        ("Lime", 2.0, 50.0),
        ("Lime", 0.5, 12.5),
        ("Egg White", 1.0, 30.0),
        ("Mint", 8.0, 4.8),
        ("Mint", 20.0, 12.0),
    ],
)
def test_what_can_be_counted_is(name: str, amount: float, volume: float) -> None:
    assert read((10, name, amount, -1), *RUMS) == (volume, Reading.BARE_PIECES)


@pytest.mark.parametrize("name", ["Lime Juice", "Mint Syrup", "Chili Vodka"])
def test_a_liquid_is_not_counted_for_a_word_in_its_name(name: str) -> None:
    volume, reading = read((10, name, 1.0, -1), *RUMS)
    assert (volume, reading) == (30.0, Reading.BARE_SHOWN)  # an ounce, as all in the recipe


def test_a_lime_that_the_file_pours_is_poured() -> None:
    juice: list[Line] = [(recipe, "Lime", 0.75, OZ) for recipe in range(20, 24)]
    assert read((1, "Lime", 1.0, -1), *juice) == (30.0, Reading.BARE_SHOWN)


def test_numbers_alone_are_in_one_unit() -> None:
    metric: list[Line] = [(1, "Aged Rum", 60.0, -1), (1, "Verjus", 30.0, -1)]
    ounces: list[Line] = [(1, "Aged Rum", 2.0, -1), (1, "Verjus", 0.75, -1)]
    assert read((1, "Lime Juice", 5.0, -1), *metric) == (5.0, Reading.BARE_GUESSED)
    volume, reading = read((1, "Lime Juice", 0.5, -1), *ounces)
    assert (volume, reading) == (14.78675, Reading.BARE_GUESSED)


def test_small_numbers_of_a_metric_file_are_centiliters() -> None:
    line: Line = (1, "Verjus", 3.0, -1)
    assert read(line, *METRIC, (1, "Aged Rum", 4.0, -1)) == (30.0, Reading.BARE_GUESSED)


def test_one_bowl_of_punch_does_not_make_everything_fit() -> None:
    bowl: Line = (50, "Verjus", 3000.0, ML)
    lines = [*RUMS, *((recipe, "Lime Juice", 0.75, OZ) for recipe in range(20, 44)), bowl]
    volume, _ = read((10, "Mint Syrup", 20.0, -1), *lines)
    assert volume == 20.0  # not twenty ounces


def test_impossible_numbers_stay_as_they_are() -> None:
    assert read((1, "White Rum", -2.0, -1), *RUMS)[0] == -2.0
    assert read((1, "White Rum", float("inf"), -1), *RUMS)[0] == float("inf")


@pytest.mark.parametrize(
    ("lines", "amount", "reading"),
    [
        # from half the least to twice the most, where three lines say it or more
        ((1.5, 2.0, 2.0), 4.0, Reading.BARE_SHOWN),
        ((1.5, 2.0, 2.0), 4.25, Reading.BARE_GUESSED),
        ((1.5, 2.0, 2.0), 0.75, Reading.BARE_SHOWN),
        ((1.5, 2.0, 2.0), 0.7, Reading.BARE_GUESSED),
        # from a quarter to four times, where fewer do
        ((2.0, 2.0), 8.0, Reading.BARE_SHOWN),
        ((2.0, 2.0), 8.25, Reading.BARE_GUESSED),
        ((2.0,), 0.5, Reading.BARE_SHOWN),
        ((2.0,), 0.45, Reading.BARE_GUESSED),
    ],
)
def test_how_far_a_volume_may_be_from_the_others(
    lines: tuple[float, ...], amount: float, reading: Reading
) -> None:
    others: list[Line] = [(10 + k, "Verjus", ounces, OZ) for k, ounces in enumerate(lines)]
    assert read((1, "Verjus", amount, -1), *others)[1] == reading


def test_ingredients_in_the_same_unit_are_kept_apart() -> None:
    """Also those that follow each other in the table."""
    others: list[Line] = [(20 + k, "Chili Vodka", 0.25, OZ) for k in range(3)]
    others += [(30 + k, "Verjus", 3.0, OZ) for k in range(3)]
    assert read((1, "Chili Vodka", 0.5, -1), *others) == (15.0, Reading.BARE_SHOWN)
    assert read((1, "Chili Vodka", 3.0, -1), *others)[1] == Reading.BARE_GUESSED
    assert read((1, "Verjus", 3.0, -1), *others) == (90.0, Reading.BARE_SHOWN)


def test_recipes_are_kept_apart() -> None:
    others: list[Line] = [(1, "Lime Juice", 0.75, OZ), (2, "Mint Syrup", 20.0, ML)]
    assert read((1, "Verjus", 1.0, -1), *others) == (30.0, Reading.BARE_SHOWN)
    assert read((2, "Verjus", 25.0, -1), *others) == (25.0, Reading.BARE_SHOWN)


def test_a_small_number_among_milliliters_is_centiliters() -> None:
    lines: list[Line] = [*METRIC, (1, "Lime Juice", 20.0, ML)]
    assert read((1, "Verjus", 3.0, -1), *lines) == (30.0, Reading.BARE_GUESSED)


@pytest.mark.parametrize(("count", "volume"), [(9, 4.0), (10, 40.0)])
def test_ten_lines_speak_for_a_file(count: int, volume: float) -> None:
    """With fewer, anything from an eighth of an ounce to six ounces is as poured."""
    lines: list[Line] = [(10 + k, "White Rum", 40.0, ML) for k in range(count)]
    assert read((10, "Verjus", 4.0, -1), *lines)[0] == volume


def test_the_most_frequent_unit_comes_first() -> None:
    lines: list[Line] = [(10 + k, "Verjus", 2.0, OZ) for k in range(3)]
    lines += [(20 + k, "Verjus", 5.0, CL) for k in range(2)]
    assert read((1, "Verjus", 3.0, -1), *lines) == (90.0, Reading.BARE_SHOWN)
    lines += [(30 + k, "Verjus", 5.0, CL) for k in range(2)]
    assert read((1, "Verjus", 3.0, -1), *lines) == (30.0, Reading.BARE_SHOWN)


@pytest.mark.parametrize(
    ("name", "amount", "volume", "reading"),
    [
        ("Lime", 6.0, 150.0, Reading.BARE_PIECES),
        ("Lime", 7.0, 7.0, Reading.BARE_SHOWN),  # nobody takes seven: milliliters, as all else
        ("Mint", 100.0, 60.0, Reading.BARE_PIECES),
        ("Mint", 101.0, 101.0, Reading.BARE_SHOWN),
        ("House Bitters", 12.0, 7.39338, Reading.BARE_GUESSED),
        ("House Bitters", 13.0, 13.0, Reading.BARE_SHOWN),
    ],
)
def test_how_many_are_counted(name: str, amount: float, volume: float, reading: Reading) -> None:
    assert read((1, name, amount, -1), (1, "Verjus", 30.0, ML)) == (volume, reading)


@pytest.mark.parametrize(("amount", "volume"), [(3.6, 36.0), (3.7, 3.7), (180.0, 180.0)])
def test_where_few_lines_speak_no_line_of_a_drink_is_tiny(amount: float, volume: float) -> None:
    found, _ = read((1, "Verjus", amount, -1), (1, "Mint Syrup", 30.0, ML))
    assert found == volume
