"""What is poured: pieces by their size, units by their names, guesses that are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_core.source.bare import Reading
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.poured import poured_volumes_ml, with_known_sizes
from analytics_core.source.sizes import piece_volume_ml
from analytics_core.source.units import Unit, line_volumes_ml
from tests.analytics_core.databases import (
    DASH,
    EACH,
    OUNCE,
    TO_RINSE,
    TO_TOP,
    UNITS,
    change,
    finding,
    write_database,
)

NONE = float("nan")


@pytest.mark.parametrize(
    ("unit", "ingredient", "milliliters"),
    [
        ("Each", "Egg White", 30.0),
        ("each", "Egg Whites", 30.0),
        ("whole", "Egg Yolk", 18.0),
        ("Each", "Whole Egg", 50.0),
        ("Each", "Egg", 50.0),
        ("Leaves", "Sage", 0.6),
        ("leaf", "Lemon Verbena", 0.6),  # the unit comes first
        ("Sprigs", "Mint", 3.0),
        ("Each", "Mint", 0.6),
        ("Each", "Lime Wedge", 6.0),  # what was cut comes before what it was cut from
        ("wedges", "Lime", 6.0),
        ("Each", "Lime", 25.0),
        ("Each", "Lemons", 35.0),
        ("Slices", "Orange", 5.0),
        ("Each", "Orange Peel", 1.0),
        ("twist", "Lemon", 1.0),
        ("Each", "Sugar Cube", 4.0),
        ("Each", "Strawberries", 12.0),
        ("Each", "Cherries", 4.0),
        ("Each", "Passion-Fruit", 15.0),
        (None, "Kumquats", 8.0),
        ("Each", "Grapefruit", None),  # no grape
        ("Each", "Peppercorn", None),
        ("Each", "Olive", None),
    ],
)
def test_words_tell_the_size_of_a_piece(
    unit: str | None, ingredient: str, milliliters: float | None
) -> None:
    assert piece_volume_ml(unit, ingredient) == milliliters


def test_units_are_known_by_name_or_abbreviation() -> None:
    units = (
        Unit("Centiliters", None, None),
        Unit("Deci", "dl", None),
        Unit("Fluid Ounces", "fl. oz", None),
        Unit("cl", None, 9.0),  # the database knows better
        Unit("to top", "l", None),
        Unit("Smidgen", None, None),
    )
    assert [u.conversion_to_ml for u in with_known_sizes(units).units] == [
        10.0,
        100.0,
        29.5735,
        9.0,
        None,
        None,
    ]


PARTS = [
    *(("1/2", 0.5), ("3/4", 0.75), ("1/8", 0.125), ("half", 0.5), ("quarter", 0.25)),
    *(("1 1/2", 1.5), ("cuarto de", 0.25), ("demi", 0.5), ("2-3", 2.5), ("two", 2.0)),
]


@given(
    st.sampled_from([("oz", 29.5735), ("cup", 236.588), ("litro", 1000.0), ("barspoon", 2.46446)]),
    st.sampled_from(PARTS),
    st.floats(0.7, 1.4),
    st.sampled_from([None, "oz", "x"]),
)
def test_a_right_conversion_of_a_part_is_never_overruled(
    unit: tuple[str, float], part: tuple[str, float], near: float, short: str | None
) -> None:
    size = unit[1] * part[1] * near
    given_unit = Unit(f"{part[0]} {unit[0]}", short, size)
    known = with_known_sizes([given_unit, Unit(given_unit.name, given_unit.abbreviation, None)])
    assert known.contradicted == ()
    assert known.units[0] == given_unit
    assert known.units[1].conversion_to_ml == pytest.approx(unit[1] * part[1])


NAMES = ("Egg White", "Campari", "Olive", "Lime Juice")
KNOWN = (
    Unit("Ounce", "oz", 30.0),
    Unit("Each", None, None),
    Unit("to top", None, None),
    Unit("Smidgen", None, None),
    Unit("to rinse", None, 12.0),
)


@pytest.mark.parametrize(
    ("amount", "unit", "ingredient", "milliliters", "reading"),
    [
        (2.0, 0, 1, 60.0, Reading.WRITTEN),
        (NONE, 0, 1, 52.5, Reading.MISSING),  # the median of the other lines, what tops included
        (NONE, 0, 3, 1.0, Reading.MISSING),
        (2.0, 1, 0, 60.0, Reading.WRITTEN),
        (NONE, 1, 0, 30.0, Reading.WRITTEN),  # one piece
        (0.0, 1, 0, 0.0, Reading.WRITTEN),
        (2.0, 1, 1, 45.0, Reading.GUESSED),  # the median of the other measured lines
        (3.0, 3, 1, 45.0, Reading.UNKNOWN_UNIT),
        (3.0, 1, 2, 15.0, Reading.GUESSED),  # of which nothing is known
        (NONE, 3, 2, 5.0, Reading.UNKNOWN_UNIT),
        (2.0, 3, 3, 10.0, Reading.UNKNOWN_UNIT),  # no limes in lime juice
        (NONE, 2, 0, 90.0, Reading.WRITTEN),
        (NONE, 4, 1, 5.0, Reading.WRITTEN),
        (2.0, -1, 0, 60.0, Reading.BARE_SHOWN),  # egg whites are counted
        (6.0, -1, 0, 180.0, Reading.BARE_PIECES),
        (20.0, -1, 0, 20.0, Reading.BARE_GUESSED),  # nobody takes twenty: milliliters
        (20.0, -1, 1, 20.0, Reading.BARE_GUESSED),
        (1.0, -1, 1, 30.0, Reading.BARE_SHOWN),  # it is poured by the ounce
        (NONE, -1, 0, 30.0, Reading.MISSING),  # one piece
        (0.0, -1, 0, 30.0, Reading.MISSING),  # the form asked for a number
        (2.0, 1, -1, 1.0, Reading.WRITTEN),  # a line without an ingredient is left out later
    ],
)
def test_volume_of_one_line(
    amount: float, unit: int, ingredient: int, milliliters: float, reading: Reading
) -> None:
    others = ((1.0, 0, 1), (2.0, 0, 1), (NONE, 2, 1), (1.0, 1, 0), (1.5, 0, 1))
    lines = [*others, (amount, unit, ingredient)]
    if amount == 2.0 and unit == 0:
        lines = lines[-1:]
    poured = poured_volumes_ml(
        np.array([line[0] for line in lines]),
        np.array([line[1] for line in lines], np.int32),
        KNOWN,
        np.array([line[2] for line in lines], np.int32),
        NAMES,
    )
    assert poured.volume_ml[-1] == pytest.approx(milliliters)
    assert poured.reading[-1] == reading


def test_the_first_ingredient_has_a_median_too() -> None:
    poured = poured_volumes_ml(
        np.array([1.0, 3.0, 2.0]),
        np.array([0, 0, 1], np.int32),
        KNOWN,
        np.zeros(3, np.int32),
        ("Olive",),
    )
    assert poured.volume_ml.tolist() == [30.0, 90.0, 60.0]


def test_without_pieces_nothing_differs() -> None:
    amount, unit = np.array([1.0, NONE, 0.0]), np.array([0, 2, 0], np.int32)
    poured = poured_volumes_ml(amount, unit, KNOWN, np.array([1, 1, 1], np.int32), NAMES)
    np.testing.assert_array_equal(poured.volume_ml, line_volumes_ml(amount, unit, KNOWN))
    assert not poured.reading.any()
    nothing = poured_volumes_ml(np.empty(0), np.empty(0, np.int32), (), np.empty(0, np.int32), ())
    assert nothing.volume_ml.size == nothing.reading.size == 0


def test_guesses_are_findings_with_their_recipes(tmp_path: Path) -> None:
    lines = [
        *((1, 17, OUNCE, 2.0), (1, 20, EACH, 3.0), (1, 18, EACH, 1.0)),
        *((2, 17, OUNCE, 2.0), (2, 20, EACH, 1.0), (2, 4, DASH, 1.0)),
    ]
    path = write_database(tmp_path / "bar.db", recipes=[(1, "One"), (2, "Two")], lines=lines)
    found = finding(load_catalog(path, volumes="poured"), "guessed-volume")
    assert found.count == 3
    assert found.message.startswith("Guessed the volume of 3 lines in “Each” in 2 recipes, because")
    assert any("in One (id 1)" in example for example in found.examples)
    assert not [f for f in load_catalog(path).findings if f.code == "guessed-volume"]
    assert load_catalog(path).fingerprint != load_catalog(path, volumes="poured").fingerprint


def test_a_unit_known_by_its_name_is_poured(tmp_path: Path) -> None:
    units = (*UNITS, (90, "cl", "cl", None))
    lines = [(1, 17, 90, 4.0), (1, 18, OUNCE, 1.0), (1, 4, TO_RINSE, None), (1, 5, TO_TOP, None)]
    path = write_database(tmp_path / "bar.db", units=units, recipes=[(1, "One")], lines=lines)
    site, poured = load_catalog(path), load_catalog(path, volumes="poured")
    assert sorted(site.lines.volume_ml.tolist()) == [4.0, 5.0, 29.5735, 90.0]
    assert sorted(poured.lines.volume_ml.tolist()) == [5.0, 29.5735, 40.0, 90.0]
    assert {u.name: u.conversion_to_ml for u in poured.units}["cl"] == 10.0


def test_an_overflow_is_the_catalogs_to_report(tmp_path: Path) -> None:
    lines = [(1, 17, OUNCE, 2.0), (2, 17, EACH, 1e308), (2, 18, OUNCE, 1.0)]
    path = write_database(tmp_path / "bar.db", recipes=[(1, "One"), (2, "Two")], lines=lines)
    catalog = load_catalog(change(path, "SELECT 1"), volumes="poured")
    assert catalog.recipes.names in {("One",), ("One", "Two")}
