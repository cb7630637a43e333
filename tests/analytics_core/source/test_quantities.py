"""Amounts as people write them: what was written is what is read."""

from __future__ import annotations

import math
import unicodedata
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics_core.source.quantities import (
    Mark,
    Quantity,
    decimal_mark,
    has_part,
    parse_quantity,
    part_of_one,
)

VULGAR = {
    Fraction(1, 4): "¼", Fraction(1, 2): "½", Fraction(3, 4): "¾", Fraction(1, 3): "⅓",
    Fraction(2, 3): "⅔", Fraction(1, 8): "⅛", Fraction(3, 8): "⅜", Fraction(5, 8): "⅝",
}  # fmt: off
UNITS = st.sampled_from(["", "oz", "cl", "dashes", "Blätter", "barspoon", "fl. oz", "枚", "ст. л."])
FRACTIONS = st.builds(Fraction, st.integers(1, 15), st.integers(2, 16)).filter(lambda f: f < 1)
EIGHTHS = st.sampled_from(sorted(VULGAR))


def behind(number: str, unit: str, blank: str = " ") -> str:
    return f"{number}{blank}{unit}" if unit else number


@given(st.integers(0, 999), FRACTIONS, UNITS, st.sampled_from(["/", "⁄", " / "]))
def test_fractions_come_back(whole: int, part: Fraction, unit: str, bar: str) -> None:
    written = f"{part.numerator}{bar}{part.denominator}"
    text = behind(f"{whole} {written}" if whole else written, unit)
    found = parse_quantity(text)
    assert found.amount == pytest.approx(float(whole + part))
    assert found.unit == unit


@given(st.integers(0, 99), EIGHTHS, UNITS, st.sampled_from(["", " ", "-"]))
def test_fractions_of_one_letter_come_back(whole: int, part: Fraction, unit: str, gap: str) -> None:
    text = behind(f"{whole}{gap}{VULGAR[part]}" if whole else VULGAR[part], unit)
    found = parse_quantity(text)
    assert found.amount == pytest.approx(float(whole + part))
    assert found.unit == unit


@given(st.integers(0, 99_999), st.integers(0, 99), st.sampled_from(".,"), UNITS)
def test_decimals_come_back_with_either_mark(
    whole: int, hundredths: int, mark: Mark, unit: str
) -> None:
    text = behind(f"{whole}{mark}{hundredths:02}", unit)
    for known in (None, mark):
        found = parse_quantity(text, known)
        assert found.amount == pytest.approx(whole + hundredths / 100)
        assert found.unit == unit


@given(st.floats(0.001, 1e6), st.sampled_from(".,"))
def test_any_number_comes_back_when_the_mark_is_known(amount: float, mark: Mark) -> None:
    text = f"{amount:.6f}".replace(".", mark)
    assert parse_quantity(text, mark).amount == pytest.approx(amount, abs=1e-6)


@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from([",", ".", "'"]))
def test_thousands(high: int, low: int, group: str) -> None:
    mark: Mark = "," if group == "." else "."
    assert parse_quantity(f"{high}{group}{low:03}", mark).amount == high * 1000 + low
    assert parse_quantity(f"{high}{group}{low:03}{mark}5", mark).amount == high * 1000 + low + 0.5


@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from("\u00a0\u2007\u2009\u202f٬"))
def test_thousands_apart(high: int, low: int, group: str) -> None:
    assert parse_quantity(f"{high}{group}{low:03} ml") == Quantity(high * 1000 + low, "ml")
    assert parse_quantity(f"{high}{group}{low:03},5 ml") == Quantity(high * 1000 + low + 0.5, "ml")


@given(st.integers(0, 999), st.integers(0, 9999), st.sampled_from([None, ".", ","]))
def test_arabic_numbers(whole: int, part: int, mark: Mark | None) -> None:
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    text = f"{whole}٫{part}"
    for written in (text, text.translate(arabic)):
        assert parse_quantity(f"{written} مل", mark).amount == float(text.replace("٫", "."))


@given(
    st.integers(1, 99),
    st.integers(1, 99),
    st.characters(exclude_categories=["L", "N", "Z", "C"]).filter(
        lambda sign: unicodedata.normalize("NFKC", sign) == sign
    ),
)
def test_no_number_is_read_in_part(first: int, second: int, sign: str) -> None:
    """Whatever stands between two numbers: they are read as one, or not at all."""
    read = parse_quantity(f"{first}{sign}{second}")
    assume(sign not in "([+&=")  # joined by `measured`
    both = (first + second) / 2 if sign in "-‐‑‒–—―−〜～" else None
    whole = {float(f"{first}.{second}"), first / second, first * second, both}
    assert read.amount in whole or math.isnan(read.amount or math.nan)


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    UNITS,
    st.sampled_from(["-", "–", "—", " - ", " – ", "〜", " to ", " or ", " bis ", " à ", " до "]),
)
def test_a_range_is_its_middle(low: int, more: int, unit: str, to: str) -> None:
    found = parse_quantity(behind(f"{low}{to}{low + more}", unit))
    assert found.amount == low + more / 2
    assert found.unit == unit


@given(EIGHTHS, st.integers(1, 9), EIGHTHS)
def test_ranges_of_fractions(low: Fraction, whole: int, high: Fraction) -> None:
    text = f"{low.numerator}/{low.denominator} - {whole} {high.numerator}/{high.denominator}"
    assert parse_quantity(text).amount == pytest.approx(float(low + whole + high) / 2)


COUNTS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 12: "twelve"}
PARTS = {Fraction(1, 2): "half", Fraction(1, 3): "third", Fraction(1, 4): "quarter"}
HALVES = [  # "one and a half" of it, in fourteen languages
    "one and a half ounces", "eine und eine halbe Unzen", "anderthalb Unzen", "une et demie onces",
    "una y media onzas", "una e mezza once", "uma e meia onças", "een en een half ons",
    "jedna i pół uncji", "půldruhé unce", "jedna a půl unce", "en och en halv uns",
    "en og en halv unse", "полторы унции", "одна с половиной унции", "1個半",
]  # fmt: off


@given(
    st.sampled_from(sorted(COUNTS)),
    st.sampled_from(sorted(PARTS)),
    st.sampled_from([" ", "-"]),
    UNITS.filter(lambda unit: unit[:1].isalpha()),
)
def test_parts_in_words_are_factors(count: int, part: Fraction, gap: str, unit: str) -> None:
    text = f"{COUNTS[count]}{gap}{PARTS[part]}{'s' * (count > 1)} {unit}".replace("halfs", "halves")
    found = parse_quantity(text)
    assert found.amount == pytest.approx(float(count * part))
    assert found.unit == unit


@given(
    st.sampled_from(sorted(COUNTS)),
    st.booleans(),
    st.sampled_from([" and ", " & ", " y ", " et "]),
    st.sampled_from(["a half", "half", "one half", "three quarters", "a third"]),
    UNITS,
)
def test_what_follows_and_is_added(
    count: int, in_words: bool, joint: str, part: str, unit: str
) -> None:
    more = {"half": 0.5, "quarters": 0.75, "third": 1 / 3}[part.split()[-1]]
    text = behind(f"{COUNTS[count] if in_words else count}{joint}{part}", unit)
    found = parse_quantity(text)
    assert found.amount == pytest.approx(count + more)
    assert found.unit == unit


@pytest.mark.parametrize("text", HALVES)
def test_one_and_a_half_in_every_language(text: str) -> None:
    assert parse_quantity(text).amount == 1.5


@given(st.sampled_from(sorted(COUNTS)), st.sampled_from(["dozen", "Dutzend", "docenas", "дюжины"]))
def test_a_dozen_is_twelve(count: int, dozen: str) -> None:
    for number in (str(count), COUNTS[count]):
        assert parse_quantity(f"{number} {dozen} leaves") == Quantity(12.0 * count, "leaves")


@given(st.text(max_size=60))
def test_anything_can_be_written(text: str) -> None:
    for mark in (None, ".", ","):
        found = parse_quantity(text, mark)
        assert found.amount is None or isinstance(found.amount, float)


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("1-1/2 oz", 1.5, "oz"),  # no range: it would go down
        ("1 & 1/2", 1.5, ""),
        ("1 and 1/2 oz", 1.5, "oz"),
        ("1-1½", 1.25, ""),
        ("2oz.", 2.0, "oz."),
        ("2 x 25 ml", 50.0, "ml"),
        ("2x", 2.0, "x"),
        ("ca. 2 cl", 2.0, "cl"),
        ("~2", 2.0, ""),
        ("about 3", 3.0, ""),
        (".5", 0.5, ""),
        (",5 cl", 0.5, "cl"),
        ("1e3", 1000.0, ""),
        ("１／２", 0.5, ""),
        ("a dash", 1.0, "dash"),
        ("half an ounce", 0.5, "ounce"),
        ("zwei Blätter", 2.0, "Blätter"),
        ("two", 2.0, ""),
        ("a couple of dashes", 2.0, "of dashes"),
        ("few drops", 3.0, "drops"),
        ("a few leaves", 3.0, "leaves"),
        ("a little", 1.0, "little"),
        ("a few", 3.0, ""),
        ("ein paar Blätter", 3.0, "Blätter"),
        ("half a dozen leaves", 6.0, "leaves"),
        ("a quarter of a lime", 0.25, "lime"),
        ("half of one lime", 0.5, "lime"),
        ("half of 1 lime", 0.5, "lime"),
        ("between 1 and 2 cl", 1.5, "cl"),
        ("three quarters", 0.75, ""),
        ("3 quarters", 3.0, "quarters"),  # of a lime
        ("half wheel", None, "half wheel"),  # a unit of its own
        ("une demi-once", 0.5, "once"),
        ("un quart d'once", 0.25, "once"),
        ("cuarto de litro", 0.25, "litro"),
        ("2 quarts", 2.0, "quarts"),  # no quarters
        ("juice of half a lime", 0.5, "lime"),
        ("zumo de medio limón", 0.5, "limón"),
        ("one or two dashes", 1.5, "dashes"),
        ("to dråber", 2.0, "dråber"),
        ("een of twee druppels", 1.5, "druppels"),
        ("3/4 of an ounce", 0.75, "of an ounce"),
        ("to top", None, "to top"),
        ("二", 2.0, ""),
        ("二枚", 2.0, "枚"),
        ("大さじ二", 2.0, "大さじ"),
        ("半個", 0.5, "個"),
        ("Juice of 1/2", 0.5, "Juice of"),
        ("juice of 1 lime", 1.0, "lime"),
        ("Add 10 cl", 10.0, "cl"),
        ("大さじ1", 1.0, "大さじ"),
        ("小さじ1/2", 0.5, "小さじ"),
        ("70ml/2fl oz", 70.0, "ml/2fl oz"),
        ("1 oz (30 ml)", 1.0, "oz (30 ml)"),
        ("-1", -1.0, ""),
        ("−2 oz", -2.0, "oz"),
        ("1,000", 1000.0, ""),
        ("1.000", 1.0, ""),
        ("0,125", 0.125, ""),
        ("1 decilitre", 1.0, "decilitre"),  # no day of December
        ("2. marasche", 2.0, "marasche"),
        ("top up", None, "top up"),
        ("to taste", None, "to taste"),
        ("half", None, "half"),
        ("", None, ""),
        (" — ", None, ""),
        ("?", None, ""),
        ("✓", None, ""),
        ("n/a", None, ""),
    ],
)
def test_what_bartenders_write(text: str, amount: float | None, unit: str) -> None:
    found = parse_quantity(text)
    assert found.amount == (None if amount is None else pytest.approx(amount))
    assert found.unit == unit


@pytest.mark.parametrize(
    "text",
    [
        "2-Jan",
        "01. Feb",
        "3. Mär",
        "Jan-02",
        "2026-02-01 00:00:00",
        "1/2/2026",
        "1.2.2026",
        "1/0",
        "1.5.2 oz",
        "1,2,3",
        "1/2/3",
        "#REF!",
        "#N/A",
        "#DIV/0!",
        "#VALUE!",
        "#NAME?",
        "#¡VALOR!",
        "#bezug!",
        "Err:502",
        "∞",
        "%",
        "9" * 300,
        "1" + " " * 500 + "1/2",
    ],
)
def test_what_nobody_can_read_is_no_number(text: str) -> None:
    amount = parse_quantity(text).amount
    assert amount is not None
    assert math.isnan(amount)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["2", "0,5", "1,000"], ","),
        (["0,125"], ","),
        ([",5"], ","),
        (["1.5", "1,000"], "."),
        (["1,5", "1.5"], None),
        (["2", "½", "1,000", "1.000"], None),
        ([], None),
    ],
)
def test_a_column_shows_its_decimal_mark(texts: list[str], mark: Mark | None) -> None:
    assert decimal_mark(texts) == mark


@pytest.mark.parametrize(
    ("text", "part"),
    [("half", 0.5), ("a quarter", 0.25), ("media", 0.5), ("half oz", None), ("oz", None)],
)
def test_a_part_alone(text: str, part: float | None) -> None:
    assert part_of_one(text) == part
    assert has_part(text) == ("half" in text or part is not None)
