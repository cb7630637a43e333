"""Tables as spreadsheets export them: what is in the cells arrives, and errors name the line."""

from __future__ import annotations

import random
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.errors import DataError
from analytics_core.sample import write_sample_database
from analytics_core.source.catalog import Catalog
from analytics_core.source.layouts import load_catalog
from analytics_core.source.table import read_table
from tests.analytics_core.databases import finding
from tests.analytics_core.sheets import (
    EXPECTED,
    HEADER,
    SHEET,
    lines,
    read,
    refused,
    sheet,
    write,
)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_delimiter_in_every_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    catalog = read(tmp_path, sheet(SHEET, delimiter=delimiter), encoding)
    assert lines(catalog) == EXPECTED
    assert {found.code for found in catalog.findings} == {"usual-volume"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_line(tmp_path: Path, end: str) -> None:
    assert lines(read(tmp_path, sheet(SHEET, end=end))) == EXPECTED


def test_what_is_not_unicode_is_read_and_told(tmp_path: Path) -> None:
    rows = [row for row in SHEET if "½" not in row[2] and "¾" not in row[2]]
    catalog = read(tmp_path, sheet(rows), "cp1252")
    assert "Piña Colada" in catalog.recipes.names
    found = finding(catalog, "not-utf8")
    assert found.count == 1
    assert found.examples == ("line 7: Piña Colada,White Rum,2-3,oz",)


def test_amount_and_unit_may_share_a_cell(tmp_path: Path) -> None:
    rows = [(r, i, f"{a} {u}".strip()) for r, i, a, u in SHEET]
    for header in (("recipe", "ingredient", "amount"), ("Drink", "Ingredient Name", "Measure")):
        assert lines(read(tmp_path, sheet(rows, header))) == EXPECTED
    amounts_in_units = [(r, i, "", f"{a} {u}") for r, i, a, u in SHEET]
    assert lines(read(tmp_path, sheet(amounts_in_units))) == EXPECTED


def test_a_recipe_may_be_named_once(tmp_path: Path) -> None:
    first = [not k or SHEET[k - 1][0] != row[0] for k, row in enumerate(SHEET)]
    once = [(row[0] if new else "", *row[1:]) for new, row in zip(first, SHEET, strict=True)]
    assert lines(read(tmp_path, sheet(once))) == EXPECTED
    above: list[tuple[str, ...]] = []
    for new, row in zip(first, SHEET, strict=True):
        above += [(row[0], "", "", ""), ("", *row[1:])] if new else [("", *row[1:])]
    assert lines(read(tmp_path, sheet(above))) == EXPECTED


def test_decimal_commas_are_the_columns(tmp_path: Path) -> None:
    rows = [("A", "Gin", "4,5", "cl"), ("A", "Tonic", "1,125", "dl"), ("B", "Gin", "1.000", "ml")]
    catalog = read(tmp_path, sheet(rows, delimiter=";"))
    assert {line[2] for line in lines(catalog)} == {4.5, 1.125, 1000.0}
    rows = [("A", "Gin", "4.5", "cl"), ("B", "Gin", "1,125", "ml")]
    assert {line[2] for line in lines(read(tmp_path, sheet(rows)))} == {4.5, 1125.0}


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, draw: random.Random
) -> None:
    rows = [*SHEET, ("daiquiri", "white rum", "1", "barspoon"), ("Mojito", "Rum", "", "splash")]
    full = [(*row, "Spirit" if "rum" in row[1].casefold() else "") for row in rows]
    folder = tmp_path_factory.mktemp("table")
    first, second = (
        read(folder, sheet(order, (*HEADER, "parent")))
        for order in (full, draw.sample(full, len(full)))
    )
    assert first.fingerprint == second.fingerprint


def test_optional_lines_stay_out_of_the_mixture(tmp_path: Path) -> None:
    rows = [(*SHEET[0], ""), (*SHEET[1], "no"), ("Daiquiri", "Mint", "1", "leaf", "Ja")]
    catalog = read(tmp_path, sheet(rows, (*HEADER, "optional")))
    assert {line[1] for line in lines(catalog)} == {"White Rum", "Lime Juice"}
    assert catalog.optional.recipe.size == 1


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("path", "Spirits > Rum"),
        ("path", "Spirits/Rum/White Rum"),
        ("Path", " Spirits » Rum » White Rum "),
    ],
)
def test_paths_make_the_hierarchy(tmp_path: Path, column: str, cell: str) -> None:
    rows = [(*row, cell if row[1] == "White Rum" else "") for row in SHEET]
    catalog = read(tmp_path, sheet(rows, (*HEADER, column)))
    names = catalog.ingredients.names
    parent = {
        name: None if above < 0 else names[above]
        for name, above in zip(names, catalog.ingredients.parents.tolist(), strict=True)
    }
    assert parent["White Rum"] == "Rum"
    assert parent["Rum"] == "Spirits"
    assert parent["Spirits"] is None
    assert parent["Mint"] is None
    assert lines(catalog) == EXPECTED


def test_several_parents_are_told_and_a_cycle_refused(tmp_path: Path) -> None:
    header = (*HEADER, "parent")
    parents = ["Rum", "", "", "Spirit", "", "", "Rum", ""]
    rows = [(*row, parent) for row, parent in zip(SHEET, parents, strict=True)]
    catalog = read(tmp_path, sheet(rows, header))
    assert finding(catalog, "several-parents").examples == ("White Rum: Rum, not Spirit",)
    rows = [("A", "Rum", "1", "oz", "White Rum"), ("A", "White Rum", "1", "oz", "Rum")]
    sentence = refused(tmp_path, sheet(rows, header))
    assert "line 2" in sentence
    assert "Rum -> White Rum -> Rum" in sentence or "White Rum -> Rum -> White Rum" in sentence


def test_dates_that_were_fractions_are_told(tmp_path: Path) -> None:
    rows = [*SHEET, ("Negroni", "Gin", "1", "oz"), ("Negroni", "Campari", "2-Jan", "oz")]
    catalog = read(tmp_path, sheet(rows))
    assert lines(catalog) == EXPECTED  # the recipe is left out, not falsified
    assert finding(catalog, "unreadable-amount").examples == ("line 11: 2-Jan",)
    assert finding(catalog, "bad-amount").count == 1


def test_three_quarters_of_leaves_are_three_or_four(tmp_path: Path) -> None:
    rows = [("A", "Mint", "3/4", "leaf"), ("A", "Bitters", "2/3", "dashes")]
    rows += [("A", "Gin", "3/4", "oz"), ("A", "Rum", "1/2", "dash")]
    catalog = read(tmp_path, sheet(rows))
    assert {line[1]: line[2] for line in lines(catalog)} == {
        "Mint": 3.5,
        "Bitters": 2.5,
        "Gin": 0.75,
        "Rum": 0.5,
    }
    assert finding(catalog, "either-or").count == 2


@pytest.mark.parametrize(
    ("amount", "unit", "milliliters"),
    [
        ("three quarters oz", "", 22.18),
        ("1 onza y media", "", 44.36),
        ("2oz-3oz", "", 73.934),
        ("1 oz + 1 tsp", "", 34.502),
        ("2 dozen leaves", "", 14.4),
        ("half", "oz", 14.787),
        ("1", "1/2 oz", 14.787),
        ("1", "half oz", 14.787),
        ("", "1 1/2 oz", 44.36),
        ("2", "half bottle", 750.0),
    ],
)
def test_no_part_of_an_amount_is_dropped(
    tmp_path: Path, amount: str, unit: str, milliliters: float
) -> None:
    catalog = read(tmp_path, sheet([("A", "Thing", amount, unit)]))
    assert [line[4] for line in lines(catalog)] == [milliliters]
    assert not {f.code for f in catalog.findings} & {"unreadable-amount", "unit-without-volume"}


@pytest.mark.parametrize("amount", ["#REF!", "#N/A", "∞", "xyz", "1 oz + 2", "2 oz and 1 cherry"])
@pytest.mark.parametrize("unit", ["oz", "dash", ""])
def test_what_nobody_can_read_leaves_the_recipe_out(tmp_path: Path, amount: str, unit: str) -> None:
    catalog = read(tmp_path, sheet([*SHEET, ("Negroni", "Gin", amount, unit)]))
    if (amount, unit) == ("xyz", ""):  # a unit that nobody knows, perhaps
        assert finding(catalog, "unit-without-volume").count == 1
        return
    assert lines(catalog) == EXPECTED
    assert finding(catalog, "unreadable-amount").examples == (f"line 10: {amount}",)


@pytest.mark.parametrize("amount", ["?", "-", "n/a", "…", ""])
def test_what_says_that_there_is_no_amount_is_none(tmp_path: Path, amount: str) -> None:
    catalog = read(tmp_path, sheet([*SHEET, ("Daiquiri", "Gin", amount, "oz")]))
    assert finding(catalog, "missing-amount").count == 1
    assert "unreadable-amount" not in {f.code for f in catalog.findings}


def test_a_line_without_ingredient_is_told(tmp_path: Path) -> None:
    catalog = read(tmp_path, sheet([*SHEET, ("Mojito", "", "2", "oz")]))
    assert lines(catalog) == EXPECTED
    assert finding(catalog, "line-without-ingredient").examples == ("line 10: 2 oz",)


@pytest.mark.parametrize(
    ("encoding", "called", "header", "row"),
    [
        ("cp1250", "Windows-1250", "przepis;składnik;ilość;jednostka", "Mięta;Żubrówka;2;łyżka"),
        ("cp1250", "Windows-1250", "recept;surovina;množství;jednotka", "Řezník;Meruňka;2;cl"),
        ("cp1251", "Windows-1251", "рецепт;ингредиент;количество;единица", "Белый;Водка;2;мл"),
        ("cp932", "Shift JIS", "カクテル,材料,分量,単位", "ソ表能予,ジン,2,ml"),
        ("cp1252", "Windows-1252", "Rezept;Zutat;Menge;Einheit", "Piña „Colada“;Süße Sahne;2;cl"),
        ("mac_roman", "Mac Roman", "recette;ingrédient;quantité;unité", "Été;Crème;2;cl"),
        ("mac_cyrillic", "Mac Cyrillic", "Рецепт;Ингредиент;Количество", "Белый;Водка;2"),
        ("mac_latin2", "Mac Central European", "przepis;składnik;ilość", "Mięta;Żubrówka;2"),
    ],
)
def test_the_header_tells_an_encoding_that_is_not_unicode(
    tmp_path: Path, encoding: str, called: str, header: str, row: str
) -> None:
    catalog = read(tmp_path, f"{header}\n{row}\n", encoding)
    name, ingredient = re.split("[;,]", row)[:2]
    assert (catalog.recipes.names, catalog.ingredients.names) == ((name,), (ingredient,))
    assert f" as {called}; export the table as UTF-8" in finding(catalog, "not-utf8").message
    assert lines(catalog) == lines(read(tmp_path, f"{header}\n{row}\n"))


def test_an_encoding_that_no_header_tells_is_said_where_there_is_no_header(tmp_path: Path) -> None:
    greek = "συνταγή;υλικό;ποσότητα\nΝεγκρόνι;Τζιν;2\n"
    assert "It is not UTF-8: export it as CSV UTF-8." in refused(tmp_path, greek, "cp1253")
    assert "UTF-8" not in refused(tmp_path, greek)


@pytest.mark.parametrize(
    ("header", "text", "ml"),
    [
        ("Rezept;Zutat;Menge", "1.500", 1500.0),
        ("Rezept;Zutat;Menge", "1,500", 1.5),
        ("Rezept\tZutat\tMenge", "1.500", 1500.0),
        ("recipe,ingredient,amount", '"1,500"', 1500.0),
        ("recipe,ingredient,amount", "1.500", 1.5),
        ("recipe\tingredient\tamount", "1.500", 1.5),
        ("レシピ,材料,分量", '"1,500"', 1500.0),
        ("recipe;ingredient;amount", "1.500", None),
        ("Rezept,Zutat,Menge", "1.500", None),
        ("Rezept,Zutat,Menge", '"1,500"', None),
    ],
)
def test_thousands_or_decimals_where_no_amount_shows_it(
    tmp_path: Path, header: str, text: str, ml: float | None
) -> None:
    sign = re.split(r"\w+", header)[1]
    catalog = read(tmp_path, f"{header}\nA{sign}Gin{sign}{text} ml\n".replace('" ml', ' ml"'))
    told = [found for found in catalog.findings if found.code == "unclear-number"]
    if ml is not None:
        assert catalog.lines.volume_ml.tolist() == [ml]
        assert not told
    else:
        plain = text.strip('"')
        assert [found.examples for found in told] == [(f"line 2: {plain} ml",)]
    shown = f"{header}\nA{sign}Gin{sign}{text}\nA{sign}Rum{sign}0.5\n"
    codes = {found.code for found in read(tmp_path, shown).findings}
    assert "unclear-number" not in codes


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u2009", " "])
def test_blanks_that_group_thousands(tmp_path: Path, blank: str) -> None:
    header = "recette;ingrédient;quantité;unité"
    catalog = read(tmp_path, f"{header}\nPunch;Eau;1{blank}500;ml\nPunch;Rhum;1{blank}500,5;ml\n")
    assert sorted(catalog.lines.volume_ml.tolist()) == [1500.0, 1500.5]
    assert not catalog.findings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b,c\n1,2,3\n", "has no header"),
        ("recipe,amount\nA,1\n", "no column ingredient"),
        ("ingredient;amount\nA;1\n", "no column recipe"),
        (sheet([("A", "Gin", "1", "oz", "1")], (*HEADER, "qty")), "two columns for the amount"),
        (sheet([("", "Gin", "1", "oz")]), "names no recipe in line 2"),
        ("recipe,ingredient\nA,\0\n", "no text"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text)


def test_other_files_are_refused(tmp_path: Path) -> None:
    for content, says in (
        (b"PK\x03\x04 and so on", "is a workbook"),
        (b"\xff\xfea", "UTF-16"),
        (b"\xef\xbb\xbf\xff", "UTF-8"),
    ):
        path = tmp_path / "bar.csv"
        path.write_bytes(content)
        with pytest.raises(DataError, match=says):
            read_table(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "nothing.csv")


def test_a_header_alone_is_an_empty_collection(tmp_path: Path) -> None:
    catalog = read(tmp_path, sheet([]))
    assert catalog.recipes.names == ()
    assert "no-usable-recipe" in {found.code for found in catalog.findings}


def test_measures_count_under_the_sites_rules_too(tmp_path: Path) -> None:
    catalog = read_table(write(tmp_path / "bar.csv", sheet(SHEET)), volumes="site")
    volumes = {(line[0], line[1]): line[4] for line in lines(catalog)}
    assert volumes["Daiquiri", "White Rum"] == 59.147


def test_the_layout_is_found_by_the_files_name(tmp_path: Path) -> None:
    for name, delimiter in (("bar.csv", ","), ("bar.TSV", "\t"), ("bar.txt", ";")):
        path = write(tmp_path / name, sheet(SHEET, delimiter=delimiter))
        catalog = load_catalog(path, volumes="poured")
        assert catalog.layout == "table"
        assert lines(catalog) == EXPECTED


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.text(max_size=12)] * 4), max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(
        [HEADER, ("recipe", "id", "ingredient", "ml"), ("name", "no", "item", "optional")]
    ),
)
def test_no_cell_makes_it_crash(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    delimiter: str,
    header: tuple[str, ...],
) -> None:
    path = tmp_path_factory.mktemp("table") / "bar.csv"
    path.write_bytes(sheet(rows, header, delimiter).encode(errors="replace"))
    with suppress(DataError):
        catalog = read_table(path, volumes="poured")
        assert np.isfinite(catalog.lines.volume_ml).all()
        assert (catalog.lines.volume_ml >= 0).all()


def test_braces_in_a_unit_stay_in_the_finding(tmp_path: Path) -> None:
    catalog = read(tmp_path, sheet([("A", "Gin", "1", "{recipes} {} {0}")]))
    assert "“{recipes} {} {0}” in 1 recipe" in finding(catalog, "unit-without-volume").message


def test_the_sample_as_a_spreadsheet_is_the_sample(tmp_path: Path) -> None:
    """Names, amounts, units and the hierarchy of 454 drinks come back from a German sheet."""
    path = tmp_path / "sample.db"
    write_sample_database(path)
    sample = load_catalog(path, volumes="poured")
    own, drinks = sample.ingredients, sample.recipes.names
    above = ["" if parent < 0 else own.names[parent] for parent in own.parents.tolist()]
    rows = [
        (
            drinks[sample.lines.recipe[i]],
            own.names[sample.lines.ingredient[i]],
            "" if line is None else f"{line:g}".replace(".", ","),
            sample.units[sample.lines.unit[i]].name,
            above[sample.lines.ingredient[i]],
        )
        for i, line in enumerate(
            None if np.isnan(amount) else amount for amount in sample.lines.amount.tolist()
        )
    ]
    random.Random(5).shuffle(rows)
    header = ("Cocktail", "Zutat", "Menge", "Einheit", "Oberbegriff")
    catalog = read(tmp_path, sheet(rows, header, delimiter=";"), "utf-16")
    assert catalog.findings == ()
    assert Counter(counted(catalog)) == Counter(counted(sample))
    names = catalog.ingredients.names
    used = {row[1] for row in rows}
    parents = dict(zip(own.names, above, strict=True))
    for name, parent in zip(names, catalog.ingredients.parents.tolist(), strict=True):
        if name in used:
            assert ("" if parent < 0 else names[parent]) == parents[name]


def counted(catalog: Catalog) -> list[tuple[str, str, str, float]]:
    kept = catalog.lines
    return [
        (
            catalog.recipes.names[kept.recipe[i]],
            catalog.ingredients.names[kept.ingredient[i]],
            catalog.units[kept.unit[i]].name,
            float(f"{kept.volume_ml[i]:.4g}"),
        )
        for i in range(kept.recipe.size)
    ]


def test_an_amount_that_no_glass_holds_is_told(tmp_path: Path) -> None:
    rows = [("A", "Gin", "45659", "oz"), ("A", "Rum", "9.9", "l"), ("A", "Lime", "45659", "")]
    rows += [("A", "Mint", "45659", "leaves"), ("A", "Soda", "1", "bottle")]
    told = finding(read(tmp_path, sheet(rows)), "huge-amount")
    assert [example.partition(" ml")[0] for example in told.examples] == [
        "45659 Lime, 45,659",
        "45659 leaves Mint, 27,395",
        "45659 oz Gin, 1,350,296",
    ]
