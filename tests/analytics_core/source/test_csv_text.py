"""Headers, delimiters and cells of a table: which column is which, and what stands in one cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics_core.source.catalog import Catalog
from tests.analytics_core.databases import finding
from tests.analytics_core.sheets import (
    EXPECTED,
    HEADER,
    SHEET,
    lines,
    read,
    refused,
    sheet,
)


def test_excels_hint_counts(tmp_path: Path) -> None:
    catalog = read(tmp_path, "sep=;\r\n" + sheet(SHEET, delimiter=";"))
    assert lines(catalog) == EXPECTED


@pytest.mark.parametrize(
    "header",
    [
        ("Cocktail", "Ingredient", "Qty.", "UOM"),
        ("COCKTAIL_NAME", "INGREDIENTS", "QUANTITY", "UNITS"),
        ("Name", "Ingredient", "Amount", "Measure"),
        ("Recipe", "Name", "Measure", "Unit"),
        ("Rezept", "Zutat", "Menge", "Einheit"),
        ("Recette", "Ingrédient", "Quantité", "Unité"),
        ("Cóctel", "Ingrediente", "Cantidad", "Unidad"),
        ("Ricetta", "Ingrediente", "Quantità", "Unità"),
        ("Receita", "Ingrediente", "Quantidade", "Unidade"),
        ("Recept", "Ingrediënt", "Hoeveelheid", "Eenheid"),
        ("Przepis", "Składnik", "Ilość", "Jednostka"),
        ("Koktejl", "Ingredience", "Množství", "Jednotka"),
        ("Opskrift", "Ingrediens", "Mængde", "Enhed"),
        ("Коктейль", "Ингредиент", "Количество", "Ед. изм."),
        ("カクテル", "材料", "分量", "単位"),
    ],
)
def test_columns_are_known_by_many_names_in_any_order(
    tmp_path: Path, header: tuple[str, ...]
) -> None:
    order = [3, 1, 0, 2]
    rows = [["a note", *(row[place] for place in order)] for row in SHEET]
    text = sheet(rows, ["Notes", *(header[place] for place in order)])
    assert lines(read(tmp_path, text)) == EXPECTED


def test_a_title_above_and_blank_lines_between_are_no_records(tmp_path: Path) -> None:
    head = sheet([]).strip()
    text = "Our drinks,,,\r\n,,,\r\n" + head + "\r\n"
    for row in SHEET:
        text += sheet([row]).split("\r\n")[1] + "\r\n,,,\r\n\r\n"
    assert lines(read(tmp_path, text)) == EXPECTED


@pytest.mark.parametrize(
    ("recipe", "ingredient", "amount", "unit"),
    [
        ("Drink", "Ingredient {}", "Amount {}", "Unit {}"),
        ("name", "ingredient{}", "qty_{}", "measure{}"),
        ("strDrink", "strIngredient{}", "strMeasure{}", None),
        ("Rezept", "Zutat{}", "Menge{}", "Einheit{}"),
    ],
)
def test_a_line_may_hold_a_whole_recipe(
    tmp_path: Path, recipe: str, ingredient: str, amount: str, unit: str | None
) -> None:
    drinks: dict[str, list[tuple[str, str, str]]] = {}
    for name, *rest in SHEET:
        drinks.setdefault(name, []).append((rest[0], rest[1], rest[2]))
    header, rows = [recipe, "glass"], [[name, "coupe"] for name in drinks]
    for k in range(4):
        columns = [ingredient, amount, unit] if unit else [ingredient, amount]
        header += [column.format(k + 1) for column in columns]
        for row, own in zip(rows, drinks.values(), strict=True):
            said, number, of = own[k] if k < len(own) else ("", "", "")
            row += [said, number, of] if unit else [said, f"{number} {of}".strip()]
    assert lines(read(tmp_path, sheet(rows, header))) == EXPECTED


def test_a_comma_without_quotes_is_told_with_its_line(tmp_path: Path) -> None:
    text = "recipe,ingredient,amount,unit\nA,Gin,4,cl\nA,Tonic,1,5,dl\n"
    assert "5 cells in line 3 and 4 columns" in refused(tmp_path, text)


def test_what_stands_beside_the_columns_is_no_error_elsewhere(tmp_path: Path) -> None:
    text = sheet(SHEET, delimiter=";").replace("Mint;8;leaves", "Mint;8;leaves;a remark")
    assert lines(read(tmp_path, text)) == EXPECTED


def test_quotes_hold_commas_breaks_and_quotes(tmp_path: Path) -> None:
    rows = [('Gin, "It"', "Gin\nDry", "1,5", "oz"), ('Gin, "It"', "Vermouth", "1", "oz")]
    catalog = read(tmp_path, sheet(rows))
    assert catalog.recipes.names == ('Gin, "It"',)
    assert set(catalog.ingredients.names) == {"Gin Dry", "Vermouth"}


def test_a_quote_that_never_ends_is_told_with_its_line(tmp_path: Path) -> None:
    text = sheet(SHEET).replace("Mint", '"Mint')
    assert "from line 6 on" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        *(
            (cell, True)
            for cell in ("✓", "✔️", "x", "X", "opt", "Opt.", "(optional)", "1", "1.0", "√")
        ),
        *((cell, False) for cell in ("", "-", "–", "0", "0.0", "No", "✗", "not optional", "n/a")),
        *((cell, None) for cell in ("garnish", "2", "?", "*", "maybe", "10", "on the side")),
    ],
)
def test_what_says_neither_yes_nor_no_is_told(tmp_path: Path, cell: str, says: bool | None) -> None:
    rows = [(*SHEET[0], ""), (*SHEET[1], cell)]
    catalog = read(tmp_path, sheet(rows, (*HEADER, "optional")))
    assert catalog.optional.recipe.size == (says is True)
    told = [found for found in catalog.findings if found.code == "unclear-flag"]
    assert [found.examples for found in told] == (
        [] if says is not None else [(f"line 3: {cell}",)]
    )


def volumes(catalog: Catalog) -> dict[str, float]:
    return {line[1]: line[4] for line in lines(catalog)}


@pytest.mark.parametrize(
    ("header", "ml"),
    [
        ("ml", 1.0),
        ("oz", 29.5735),
        ("CL", 10.0),
        ("fl. oz", 29.5735),
        ("amount (ml)", 1.0),
        ("amount_oz", 29.5735),
        ("amountMl", 1.0),
        ("Amount [fl oz]", 29.5735),
        ("Menge in cl", 10.0),
        ("Menge (l)", 1000.0),
        ("Quantité en cl", 10.0),
        ("cantidad (ml)", 1.0),
        ("Количество, мл", 1.0),
        ("Volume (oz)", 29.5735),
        ("Measure oz", 29.5735),
    ],
)
@pytest.mark.parametrize("has_units", [False, True])
def test_a_unit_in_the_header_is_that_of_its_amounts(
    tmp_path: Path, header: str, ml: float, has_units: bool
) -> None:
    rows = [("A", "Gin", "4.5", ""), ("A", "Lime", "2", ""), ("A", "Soda", "top", "")]
    rows += [("A", "Bitters", "2 dashes", ""), ("A", "Rum", "3", "tsp" if has_units else "")]
    cut = 4 if has_units else 3
    text = sheet([row[:cut] for row in rows], ("recipe", "ingredient", header, "unit")[:cut])
    found = volumes(read(tmp_path, text))
    assert found["Gin"] == pytest.approx(4.5 * ml, abs=1e-3)
    assert found["Lime"] == pytest.approx(2 * ml, abs=1e-3)
    assert found["Soda"] == 90
    assert (
        found["Bitters"]
        == volumes(read(tmp_path, sheet([("A", "Bitters", "2", "dashes")])))["Bitters"]
    )
    assert found["Rum"] == pytest.approx(3 * (4.92892 if has_units else ml), abs=1e-2)


def test_each_column_of_amounts_has_its_unit(tmp_path: Path) -> None:
    rows = [("A", "Gin", "2", ""), ("A", "Bitters", "", "3"), ("A", "Rum", "1", "9")]
    text = sheet(rows, ("recipe", "ingredient", "oz", "dashes"))
    assert {line[1]: line[2:4] for line in lines(read(tmp_path, text))} == {
        "Gin": (2.0, "oz"),
        "Bitters": (3.0, "dashes"),
        "Rum": (1.0, "oz"),
    }


def test_a_column_of_amounts_goes_before_one_of_a_unit(tmp_path: Path) -> None:
    text = "recipe,ingredient,ml,measure\nA,Gin,44,1 1/2 oz\nA,Lime,99,1 oz\n"
    assert volumes(read(tmp_path, text)) == {"Gin": 44.36, "Lime": 29.573}


@pytest.mark.parametrize("header", ["amount{} (ml)", "ml{}", "Amount {} ml", "qty_ml_{}"])
def test_numbered_columns_may_name_their_unit(tmp_path: Path, header: str) -> None:
    columns = ["drink"]
    for k in "12":
        columns += [f"ingredient{k}", header.format(k)]
    assert volumes(read(tmp_path, sheet([("A", "Gin", "45", "Lime", "20")], columns))) == {
        "Gin": 45.0,
        "Lime": 20.0,
    }


@pytest.mark.parametrize("header", ["glass", "cup", "cost per oz", "bottle size ml", "Antall", "l"])
def test_a_header_that_names_no_unit_of_amounts(tmp_path: Path, header: str) -> None:
    text = sheet([("A", "Gin", "7", "2", "oz")], ("recipe", "ingredient", header, "amount", "unit"))
    assert volumes(read(tmp_path, text)) == {"Gin": 59.147}
    alone = sheet([("A", "Gin", "7"), ("A", "Rum", "9")], ("recipe", "ingredient", header))
    assert "ml" not in {line[3] for line in lines(read(tmp_path, alone))}


@pytest.mark.parametrize("unit", [False, True])
def test_a_sheet_without_amounts_names_its_columns(tmp_path: Path, unit: bool) -> None:
    rows = [("A", "Gin", "4", "cl"), ("A", "Lime", "2", "cl"), ("B", "Gin", "1", "cl")]
    header = ("recipe", "ingredient", "how many", "unit" if unit else "of {it}")
    found = finding(read(tmp_path, sheet(rows, header)), "no-amounts")
    assert found.count == 3
    assert found.message == (
        "Found no column of amounts for 3 lines: the columns are recipe, ingredient, how many, "
        f"{header[3]}."
    )
    assert "no-amounts" not in {f.code for f in read(tmp_path, sheet(rows)).findings}


@pytest.mark.parametrize(
    "cell",
    [
        "1 oz gin, 1 oz campari, 1 oz vermouth",
        "1 oz gin; 1 oz campari",
        "1,5 cl gin,2 cl campari",
        "1 oz gin\n1 oz campari",
        "½ oz gin | ¾ oz campari",
        "a dash of bitters + 2 oz gin",
        "1 oz gin<br>1 oz campari",
        '["1 oz gin", "1 oz campari"]',
        "['gin', 'campari']",
        '{"gin": "1 oz", "campari": "1 oz"}',
        '[{"name": "gin", "amount": 1}]',
        "gin, campari, vermouth",
    ],
)
def test_a_whole_recipe_in_one_cell_is_refused(tmp_path: Path, cell: str) -> None:
    said = refused(tmp_path, sheet([("Negroni", cell)], ("name", "ingredients")))
    assert "in line 2" in said
    assert "one line for each ingredient" in said
    if cell[0] in "[{":
        assert "in line 3" in refused(tmp_path, sheet([SHEET[0], ("Negroni", cell, "1", "oz")]))


def test_amounts_in_one_cell_beside_their_ingredients_are_refused(tmp_path: Path) -> None:
    rows = [("Negroni", "gin, campari", "1 oz, 1 oz", "")]
    assert "in line 2" in refused(tmp_path, sheet(rows))


@pytest.mark.parametrize(
    "cell",
    ["Sherry, dry", "Licor 43, 31%", "7 Up, cold", "[House] Gin", "Rum, white, aged", "Rum & Coke"],
)
def test_an_ingredient_may_hold_signs(tmp_path: Path, cell: str) -> None:
    rows = [("A", cell), ("A", "Lime"), ("B", "Gin"), ("B", "Lime")]
    catalog = read(tmp_path, sheet(rows, ("recipe", "ingredient")))
    assert cell in catalog.ingredients.names
    assert cell in read(tmp_path, sheet([("A", cell, "2", "oz")])).ingredients.names


def test_a_header_in_mid_file_is_no_recipe(tmp_path: Path) -> None:
    rows = [*SHEET[:3], ("Recipe", "ingredient", "Amount", "UNIT"), *SHEET[3:]]
    catalog = read(tmp_path, sheet(rows))
    assert lines(catalog) == EXPECTED
    assert finding(catalog, "repeated-header").examples == ("line 5",)


@pytest.mark.parametrize(("delimiter", "sign"), [(";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_a_delimiter_without_quotes_is_told_with_its_line(
    tmp_path: Path, delimiter: str, sign: str
) -> None:
    text = sheet(SHEET, delimiter=delimiter)
    text += delimiter.join(["A", "Lime", " fresh", "1", "oz"]) + "\n"
    said = refused(tmp_path, text)
    assert "5 cells in line 10 and 4 columns" in said
    assert f"holds a {sign}" in said


def test_amounts_before_ingredients_are_read_where_they_have_no_column(tmp_path: Path) -> None:
    cells = ("1 1/2 oz Gin", "0,5 cl Lime", "2 dashes of Bitters", "½ fl oz Rum", "7 Up", "3 oz")
    catalog = read(tmp_path, sheet([("A", cell) for cell in cells], ("recipe", "ingredient")))
    assert {line[1]: line[2:4] for line in lines(catalog)} == {
        "Gin": (1.5, "oz"),
        "Lime": (0.5, "cl"),
        "Bitters": (2.0, "dashes"),
        "Rum": (0.5, "fl oz"),
        "7 Up": (None, None),
        "3 oz": (None, None),
    }
    assert "no-amounts" not in {found.code for found in catalog.findings}
    kept = read(tmp_path, sheet([("A", "2 oz Gin", "", "")]))
    assert kept.ingredients.names == ("2 oz Gin",)
