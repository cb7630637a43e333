"""The table of units: no spelling of two meanings, and nothing guessed in silence."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
import scipy.constants as physics
from hypothesis import given
from hypothesis import strategies as st

from analytics_core.source.bare import Reading
from analytics_core.source.poured import poured_volumes_ml
from analytics_core.source.sizes import container_volume_ml, piece_volume_ml
from analytics_core.source.unit_table import (
    fold,
    key_of,
    meanings,
    read_table,
    spellings,
    unit_meaning,
)
from analytics_core.source.units import Unit

SPELLINGS = list(spellings())
KINDS = {"measure", "bar", "container", "piece", "top", "rinse", "taste"}


def test_each_spelling_means_one_unit() -> None:
    units = defaultdict(set)
    for spelling, meaning in SPELLINGS:
        assert key_of(spelling), f"{meaning.name} has a spelling without letters"
        units[key_of(spelling)].add(meaning.name)
    assert {key: names for key, names in units.items() if len(names) > 1} == {}


def test_each_spelling_is_found() -> None:
    for spelling, meaning in SPELLINGS:
        assert unit_meaning(spelling) == meaning, spelling


def test_volumes_are_positive_and_finite() -> None:
    for meaning in meanings().values():
        assert meaning.kind in KINDS
        assert 0 < meaning.share <= 1
        if meaning.ml is None:
            assert meaning.kind in {"container", "piece", "taste"}, meaning
        else:
            assert 0 < meaning.ml < 10_000
    sizes = read_table("volumes.toml")
    for size in (*sizes["parts"], *sizes["things"], *sizes["containers"]["bottle"]):
        assert 0 < float(size) < 10_000


@pytest.mark.parametrize(
    ("unit", "cubic_meters"),
    [
        ("ounce", physics.fluid_ounce_US),
        ("imperial_ounce", physics.fluid_ounce_imp),
        ("gallon", physics.gallon_US),
        ("quart", physics.gallon_US / 4),
        ("us_pint", physics.gallon_US / 8),
        ("cup", physics.gallon_US / 16),
        ("tablespoon", physics.fluid_ounce_US / 2),
        ("teaspoon", physics.fluid_ounce_US / 6),
        ("gill", physics.gallon_imp / 32),
        ("milliliter", physics.liter / 1000),
        ("centiliter", physics.liter / 100),
        ("deciliter", physics.liter / 10),
        ("liter", physics.liter),
    ],
)
def test_measures_are_what_they_are_defined_as(unit: str, cubic_meters: float) -> None:
    assert meanings()[unit].ml == pytest.approx(cubic_meters * 1e6, rel=2e-5)


@pytest.mark.parametrize(
    "language", ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "no", "ru", "ja"]
)
def test_every_language_has_what_recipes_need(language: str) -> None:
    table = read_table("units.toml")
    said = {name for name, entry in table.items() if entry.get(language)}
    assert said >= {"barspoon", "dash", "drop", "each", "leaf", "slice", "to_top", "to_rinse"}
    assert said & {"teaspoon", "metric_teaspoon"}


@given(
    st.sampled_from(SPELLINGS),
    st.sampled_from([str.upper, str.title, str.casefold]),
    st.sampled_from(["", ".", " ", "  ", "!"]),
    st.sampled_from([" ", "-", "  ", "\N{NO-BREAK SPACE}", "_"]),
)
def test_case_dots_and_blanks_do_not_count(spelling, change, end, blank) -> None:  # type: ignore[no-untyped-def]
    text, meaning = spelling
    written = change(text).replace(" ", blank) + end
    assert unit_meaning(written) == meaning


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(min_size=1, max_size=12), st.floats(0.1, 1000))
def test_an_unknown_unit_never_counts_as_milliliters_in_silence(name: str, amount: float) -> None:
    if unit_meaning(name) is not None or not name.strip() or not re.search(r"\w", name):
        return
    unit = Unit(name, None, None)
    poured = poured_volumes_ml(
        np.array([amount, 2.0]),
        np.array([0, 1], np.int32),
        (unit, Unit("Ounce", "oz", 30.0)),
        np.zeros(2, np.int32),
        ("Campari",),
    )
    told = poured.reading[0]
    by_word = piece_volume_ml(name, "")  # "lime" for a unit: one lime
    is_no_unit = told in {Reading.BARE_GUESSED, Reading.BARE_SHOWN, Reading.BARE_PIECES}
    assert told == Reading.UNKNOWN_UNIT or by_word is not None or is_no_unit
    if told == Reading.UNKNOWN_UNIT:
        assert poured.volume_ml[0] == 60.0  # what the other line pours


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Fl. Oz.", "ounce"),
        ("ml/2fl oz", "milliliter"),
        ("oz / 2 tablespoons", "ounce"),
        ("of several dashes", "dash"),
        ("long strip", "chunk"),
        ("Ounce(s)", "ounce"),
        ("dash(es)", "dash"),
        ("oz (45 ml)", "ounce"),
        ("oz, chilled", "ounce"),
        ("large leaves", "leaf"),
        ("wedge of lime", "wedge"),
        ("top with soda", "to_top"),
        ("TOP-UP", "to_top"),
        ("c. à s.", "metric_tablespoon"),
        ("ст. л.", "metric_tablespoon"),
        ("Stück(e)", "each"),
        ("㎖", "milliliter"),
        ("ｍｌ", "milliliter"),
    ],
)
def test_texts_around_a_unit(text: str, name: str) -> None:
    found = unit_meaning(text)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("text", "milliliters"),
    [
        ("can (330 ml)", 330.0),
        ("330ml bottle", 330.0),
        ("Flasche 0,7 l", 700.0),
        ("shot (2 cl)", 20.0),
        ("1.5 oz jigger", 44.36025),
        ("1/2 oz", 14.78675),
        ("1 1/2 oz", 44.36025),
        ("¾ oz", 22.180125),
        ("2-3 oz", 73.93375),
        ("1/4 cup", 59.147),
        ("dash (1/32 oz)", 0.924171875),
        ("half oz (15 ml)", 14.78675),
        ("1 half oz", 14.78675),
        ("3 quarters oz", 22.180125),
        ("large half oz", 14.78675),
        ("half pint", 236.588),
        ("demi-once", 14.78675),
        ("quart de litre", 250.0),
        ("cuarto de litro", 250.0),
        ("viertel Liter", 250.0),
        ("halber Liter", 500.0),
        ("media onza", 14.78675),
        ("mezza oncia", 14.78675),
        ("meia dose", 22.18015),
        ("halve liter", 500.0),
        ("pół litra", 500.0),
        ("půl litru", 500.0),
        ("halv liter", 500.0),
        ("половина литра", 500.0),
        ("two ounces", 59.147),
        ("1 shot (25 ml)", 25.0),
        ("1 bottle 750 ml", 750.0),
        ("1,750 l bottle", 1750.0),
    ],
)
def test_a_size_in_the_name_counts(text: str, milliliters: float) -> None:
    found = unit_meaning(text)
    assert found is not None
    assert found.kind == "sized"
    assert found.ml == pytest.approx(milliliters)


@given(
    st.sampled_from([pair for pair in SPELLINGS if pair[1].kind == "measure"]),
    st.builds(Fraction, st.integers(1, 31), st.integers(1, 32)).filter(lambda f: f != 1),
    st.sampled_from(["{}", "large {}", "({})", "dash ({})"]),
)
def test_a_fraction_before_a_measure_is_a_factor(spelling, part, around) -> None:  # type: ignore[no-untyped-def]
    text, meaning = spelling
    found = unit_meaning(around.format(f"{part.numerator}/{part.denominator} {text}"))
    assert found is not None
    assert found.ml == pytest.approx(float(part) * meaning.ml)


@given(
    st.sampled_from([pair for pair in SPELLINGS if pair[1].kind in {"measure", "bar"}]),
    st.sampled_from(["half", "demi", "halbe", "quarter", "tercio", "mezzo", "половина"]),
    st.sampled_from(["{word} {unit}", "{unit} {word}", "{unit}, {word} full", "{unit} + 1 {unit}"]),
)
def test_no_number_in_a_name_is_dropped(spelling, word, around) -> None:  # type: ignore[no-untyped-def]
    text, meaning = spelling
    found = unit_meaning(around.format(word=word, unit=text))
    assert found is None or found.ml != meaning.ml


@pytest.mark.parametrize(
    ("text", "kind", "share"),
    [
        ("half bottle", "container", 0.5),
        ("1/2 bottle", "container", 0.5),
        ("demi-bouteille", "container", 0.5),
        ("juice of half a lime", "piece", 0.5),
        ("half lime", "piece", 0.5),
        ("half slice", "piece", 1.0),  # a unit of its own
        ("2 inch strip", "piece", 1.0),  # one strip
    ],
)
def test_parts_of_what_is_counted(text: str, kind: str, share: float) -> None:
    found = unit_meaning(text)
    assert found is not None
    assert (found.kind, found.share) == (kind, share)


def test_half_a_bottle_is_poured_as_half() -> None:
    units = [Unit(name, None, None) for name in ("bottle", "half bottle", "1/4 bottle")]
    poured = poured_volumes_ml(
        np.ones(3), np.arange(3, dtype=np.int32), units, np.zeros(3, np.int32), ("Gin",)
    )
    assert poured.volume_ml.tolist() == [700.0, 350.0, 175.0]


@pytest.mark.parametrize(
    "text",
    [
        "oz (half)",
        "oz (1/2)",
        "oz, half",
        "oz + half tsp",
        "ounce 1/2",
        "20 ml / 30 ml",
        "1 oz + 1 tsp",
    ],
)
def test_numbers_that_do_not_fit_their_unit_make_it_unknown(text: str) -> None:
    assert unit_meaning(text) is None


@pytest.mark.parametrize("text", ["", " ", "large", "smidgen", "?", "xyz", "lm", "0"])
def test_what_is_no_unit(text: str) -> None:
    assert unit_meaning(text) is None


def test_the_name_comes_before_the_abbreviation() -> None:
    name = unit_meaning("to top", "l")
    assert name is not None
    assert name.name == "to_top"
    abbreviated = unit_meaning("Deci", "dl")
    assert abbreviated is not None
    assert abbreviated.name == "deciliter"
    for text, milliliters in (("1/2 Ounce", 14.78675), ("Quarter Ounce", 7.393375)):
        part = unit_meaning(text, "oz")
        assert part is not None
        assert part.ml == milliliters
    assert unit_meaning("Ounce, half", "oz") is None
    unknown = unit_meaning("Smidgen", "ml")
    assert unknown is not None
    assert unknown.name == "milliliter"


@pytest.mark.parametrize(
    ("container", "names", "milliliters", "told"),
    [
        ("bottle", ["Red Wine"], 750.0, True),
        ("bottle", ["Ginger Beer"], 200.0, True),
        ("bottle", ["Pale Ale Beer"], 330.0, True),
        ("bottle", ["Gin"], 700.0, True),
        ("bottle", ["Orange Juice"], 1000.0, True),
        ("bottle", ["Chateau Example", "Red Wines", "Wine"], 750.0, True),  # by its kind
        ("bottle", ["Something"], 750.0, False),
        ("can", ["Coconut Milk"], 400.0, True),
        ("can", ["Kölsch"], 330.0, False),
    ],
)
def test_containers_hold_what_is_usual_of_a_kind(
    container: str, names: list[str], milliliters: float, told: bool
) -> None:
    assert container_volume_ml(container, names) == (milliliters, told)


@pytest.mark.parametrize(
    ("unit", "ingredient", "milliliters"),
    [
        ("Stück", "Eiweiß", 30.0),
        ("each", "Blanc d'œuf", 30.0),
        ("pz", "Albume", 30.0),
        ("шт.", "Белок", 30.0),
        ("個", "卵白", 30.0),
        ("half", "Lime", 12.5),
        ("halbe", "Limette", 12.5),
        ("quarter", "Lemon", 8.75),
        ("Blätter", "Minze", 0.6),
        ("枚", "ミント", 0.6),
        (None, "Hojas de menta", 0.6),
        ("stalk", "Celery", 12.0),
    ],
)
def test_pieces_in_many_languages(unit: str | None, ingredient: str, milliliters: float) -> None:
    size = piece_volume_ml(unit, ingredient)
    assert size is not None
    assert math.isclose(size, milliliters)
