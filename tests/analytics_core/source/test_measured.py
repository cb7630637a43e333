"""A line's amount and unit: all that is written is read, or none of it."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_core.source.measured import Measured, in_unit, measured
from analytics_core.source.unit_table import Meaning, spellings, unit_meaning

OUNCE, TEASPOON, DASH = 29.5735, 4.92892, 0.616115
# one English spelling of each measure, and what it is worth
MEASURES = {
    m.name: (text, m.ml) for text, m in reversed(list(spellings())) if m.kind == "measure" and m.ml
}
POURED = st.sampled_from(sorted(MEASURES.values()))
AMOUNTS = st.builds(Fraction, st.integers(1, 24), st.sampled_from([1, 2, 3, 4, 8]))


def written(amount: Fraction) -> str:
    whole, part = divmod(amount, 1)
    return " ".join(str(number) for number in (whole, part) if number)


def volume_ml(line: Measured) -> float:
    meaning = unit_meaning(line.unit)
    assert meaning is not None
    assert meaning.ml is not None
    assert line.amount is not None
    return line.amount * meaning.ml


@given(AMOUNTS, POURED, AMOUNTS, POURED, st.sampled_from([" + ", "+", " plus ", " and ", " & "]))
def test_a_sum_is_the_sum(
    one: Fraction, unit: tuple[str, float], other: Fraction, more: tuple[str, float], plus: str
) -> None:
    line = measured(f"{written(one)} {unit[0]}{plus}{written(other)} {more[0]}", "")
    assert volume_ml(line) == pytest.approx(float(one) * unit[1] + float(other) * more[1])
    assert line.unit in {unit[0], more[0]}


@given(AMOUNTS, AMOUNTS, POURED, st.sampled_from(["-", " – ", "〜", " to ", " or ", " bis ", "/"]))
def test_a_range_with_its_unit_twice_is_its_middle(
    low: Fraction, high: Fraction, unit: tuple[str, float], to: str
) -> None:
    line = measured(f"{written(low)} {unit[0]}{to}{written(high)} {unit[0]}", "")
    assert volume_ml(line) == pytest.approx(0.5 * float(low + high) * unit[1])


@given(AMOUNTS, st.sampled_from([" + ", " plus ", " to ", " or ", " and "]), st.integers(2, 99))
def test_a_second_number_is_read_or_nothing_is(first: Fraction, sign: str, second: int) -> None:
    line = measured(f"{written(first)} oz{sign}{second} zzz", "")
    assert line.amount is not None
    assert math.isnan(line.amount)


@given(st.text(max_size=40), st.text(max_size=20))
def test_anything_can_be_written(amount: str, unit: str) -> None:
    line = measured(amount, unit)
    assert line.amount is None or isinstance(line.amount, float)
    assert in_unit(line, "oz") is None or line.amount is not None


@pytest.mark.parametrize("piece", ["7 b ", "1 oz + ", "(1 oz) ", "oz or 1 ", "1 oz to ", "a 1 "])
def test_nobody_can_read_many_numbers(piece: str) -> None:
    text = f"1 {piece * 40}"[:190]
    for amount, unit in ((text, ""), ("", text), (text, "oz")):
        found = measured(amount, unit).amount
        assert found is not None
        assert math.isnan(found)


@pytest.mark.parametrize(
    ("text", "milliliters"),
    [
        ("three quarters oz", 0.75 * OUNCE),
        ("1 and a half oz", 1.5 * OUNCE),
        ("one and a half ounces", 1.5 * OUNCE),
        ("1 oz and a half", 1.5 * OUNCE),
        ("1 onza y media", 1.5 * OUNCE),
        ("1 once et demie", 1.5 * OUNCE),
        ("1 oncia e mezza", 1.5 * OUNCE),
        ("1 onça e meia", 1.5 * OUNCE),
        ("1 Unze und eine halbe", 1.5 * OUNCE),
        ("1 ons en een half", 1.5 * OUNCE),
        ("1 uncja i pół", 1.5 * OUNCE),
        ("1 unce a půl", 1.5 * OUNCE),
        ("1 uns och en halv", 1.5 * OUNCE),
        ("1 unse og en halv", 1.5 * OUNCE),
        ("1 унция с половиной", 1.5 * OUNCE),
        ("une demi-once", 0.5 * OUNCE),
        ("3 quarters oz", 0.75 * OUNCE),
        ("30ml〜45ml", 37.5),
        ("2oz-3oz", 2.5 * OUNCE),
        ("1/2oz-3/4oz", 0.625 * OUNCE),
        ("1 oz to 2", 1.5 * OUNCE),
        ("1 tsp to 1 oz", 0.5 * (OUNCE + TEASPOON)),
        ("1 oz + 1 tsp", OUNCE + TEASPOON),
        ("5 cl + 1 dash", 50 + DASH),
        ("5 cl + dash", 50 + DASH),
        ("1 oz plus a dash", OUNCE + DASH),
        ("1 oz + 1 tsp + 2 dashes", OUNCE + TEASPOON + 2 * DASH),
        ("1 oz (30 ml) + 1 tsp", OUNCE + TEASPOON),
        ("1 cup 2 tbsp", 236.588 + 2 * 14.7868),
        ("1 oz, 2 dashes", OUNCE + 2 * DASH),
        ("2 dozen leaves", 24 * 0.6),
        ("30 ml x 2", 60),
        ("3/4 of an ounce", 0.75 * OUNCE),
        ("1/2 of a cup", 0.5 * 236.588),
        ("1/2 of 1 oz", 0.5 * OUNCE),
        ("1 oz + half tsp", OUNCE + 0.5 * TEASPOON),
        ("half oz + 1 tsp", 0.5 * OUNCE + TEASPOON),
        ("2 thirds oz", 2 / 3 * OUNCE),
        ("1 oz, plus 1 tsp for the rim", OUNCE),
        ("1 oz (half a jigger)", OUNCE),
        ("dash or two", 1.5 * DASH),
        ("ounce and a half", 1.5 * OUNCE),
        ("two 1 oz shots", 2 * OUNCE),
        ("one 12-oz can", 12 * OUNCE),
        ("to til tre dråber", 0.125),
        ("2、3滴", 0.125),
        ("1 oz x2", 2 * OUNCE),
        ("between 1 and 2 oz", 1.5 * OUNCE),
        ("entre 1 y 2 onzas", 1.5 * OUNCE),
        ("1 oz to 40 ml", 0.5 * (OUNCE + 40)),
        ("ein paar Blätter", 3 * 0.6),
        # one amount that is told twice, and numbers that are none
        ("2 oz (60 ml)", 2 * OUNCE),
        ("2 oz (30 ml)", 2 * OUNCE),  # each
        ("70ml/2fl oz", 70),
        ("1 tbsp (20 ml)", 14.7868),
        ("1 oz or 30 ml", OUNCE),
        ("1 can (330 ml)", 330),
        ("1 shot (25 ml)", 25),
        ("1 oz 151 proof", OUNCE),
        ("2 oz Licor 43", 2 * OUNCE),
        ("1 cup V-8", 236.588),
        ("2 oz of 100 proof rum", 2 * OUNCE),
        ("2 oz, plus more to taste", 2 * OUNCE),
        ("6 leaves and a sprig for garnish", 6 * 0.6),
        ("2+ leaves", 2 * 0.6),
        ("1 half wheel", 3),
    ],
)
def test_all_of_an_amount_is_read(text: str, milliliters: float) -> None:
    for line in (measured(text, ""), measured("", text)):
        assert volume_ml(line) == pytest.approx(milliliters)


@pytest.mark.parametrize(
    "text",
    [
        "1 oz + 2",
        "1 oz + cherry",
        "2 oz and 1 cherry",
        "1 oz (90 ml)",
        "1 oz / 2 cups",
        "1 oz 2 oz",
        "1 leaf + 1 sprig",
        "1 oz + 1 bottle",
        "1 oz + 2-Jan",
        "1 oz/30 ml + 1 tsp",
        "2 oz minus 1 tsp",
        "1 oz 1/2",
        "1 lime + 1 lemon",
        "8 leaves (plus sprig)",
        "1 and 2 oz",
        "1 oz gin, 1 dash bitters",
    ],
)
def test_what_is_more_than_can_be_read_is_no_amount(text: str) -> None:
    amount = measured(text, "").amount
    assert amount is not None
    assert math.isnan(amount)


@pytest.mark.parametrize(
    ("amount", "unit", "found", "called"),
    [
        ("2", "oz", 2.0, "oz"),
        ("2 oz", "zzz", 2.0, "oz"),
        ("1 oz + 1 oz", "zzz", 2.0, "oz"),
        ("1 + 1", "oz", 2.0, "oz"),
        ("1 and a half", "oz", 1.5, "oz"),
        ("half", "oz", 0.5, "oz"),
        ("half a", "oz", 0.5, "oz"),
        ("media", "onza", 0.5, "onza"),
        ("3 quarters", "oz", 0.75, "oz"),
        ("a few", "drops", 3.0, "drops"),
        ("a", "dash", 1.0, "dash"),
        ("二", "oz", 2.0, "oz"),
        ("1 large", "sprig", 1.0, "sprig"),
        ("2 halves", "lime", 2.0, "halves"),
        ("3/4", "leaves", 3.5, "leaves"),
        ("3/4 leaves", "", 3.5, "leaves"),
        ("", "3/4 leaves", 3.5, "leaves"),
        ("3/4", "oz", 0.75, "oz"),
        ("", "1 1/2 oz", 1.5, "oz"),
        ("", "to top", None, "to top"),
        ("", "half", None, "half"),
        ("?", "oz", None, "oz"),
        ("heaped", "tsp", None, "tsp"),
        ("to taste", "tsp", None, "tsp"),
        ("#REF!", "oz", math.nan, ""),
        ("∞", "oz", math.nan, ""),
        ("xyz", "oz", math.nan, ""),
        ("2 oz", "ml", math.nan, ""),
    ],
)
def test_two_cells(amount: str, unit: str, found: float | None, called: str) -> None:
    line = measured(amount, unit)
    if found is not None and math.isnan(found):
        assert line.amount is not None
        assert math.isnan(line.amount)
    else:
        assert (line.amount, line.unit) == (found, called)
    assert line.is_either == ("3/4" in amount + unit and "oz" not in unit)


@pytest.mark.parametrize(
    ("unit", "other", "amount"),
    [("oz", "ounces", 2.0), ("oz", "ml", 59.147), ("", "ml", 2.0), ("zzz", "zzz", 2.0)],
)
def test_amounts_in_another_unit(unit: str, other: str, amount: float) -> None:
    assert in_unit(Measured(2.0, unit), other) == pytest.approx(amount)
    assert math.isnan(in_unit(Measured(2.0, "leaf"), "ml") or 0.0)


def test_the_table_has_the_measures_that_are_tried() -> None:
    assert MEASURES["ounce"] == ("oz", OUNCE)
    assert unit_meaning("tsp") == Meaning("teaspoon", "measure", TEASPOON)
