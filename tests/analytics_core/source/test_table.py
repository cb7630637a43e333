"""Tables as spreadsheets export them: what is in the cells arrives, and errors name the line."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics_core.errors import DataError
from analytics_core.sample import write_sample_database
from analytics_core.source.catalog import Catalog
from analytics_core.source.layouts import load_catalog
from analytics_core.source.table import read_table
from tests.analytics_core.databases import finding

HEADER = ("recipe", "ingredient", "amount", "unit")
SHEET = (
    ("Daiquiri", "White Rum", "2", "oz"),
    ("Daiquiri", "Lime Juice", "¾", "oz"),
    ("Daiquiri", "Simple Syrup", "1/2", "oz"),
    ("Mojito", "White Rum", "1 1/2", "oz"),
    ("Mojito", "Mint", "8", "leaves"),
    ("Mojito", "Soda Water", "", "top"),
    ("Piña Colada", "White Rum", "2-3", "oz"),
    ("Piña Colada", "Crème de Coco", "1½", "oz"),
)

Line = tuple[str, str, float | None, str | None, float]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def sheet(rows: object, header: object = HEADER, delimiter: str = ",", end: str = "\r\n") -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerow(header)  # type: ignore[arg-type]
    writer.writerows(rows)  # type: ignore[arg-type]
    return file.getvalue()


def lines(catalog: Catalog) -> set[Line]:
    return {
        (
            catalog.recipes.names[catalog.lines.recipe[i]],
            catalog.ingredients.names[catalog.lines.ingredient[i]],
            None if np.isnan(catalog.lines.amount[i]) else round(float(catalog.lines.amount[i]), 6),
            None if catalog.lines.unit[i] < 0 else catalog.units[catalog.lines.unit[i]].name,
            round(float(catalog.lines.volume_ml[i]), 3),
        )
        for i in range(catalog.lines.recipe.size)
    }


def read(tmp_path: Path, text: str, encoding: str = "utf-8", name: str = "bar.csv") -> Catalog:
    return read_table(write(tmp_path / name, text, encoding), volumes="poured")


def refused(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = write(tmp_path / "bar.csv", text, encoding)
    with pytest.raises(DataError) as caught:
        read_table(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


EXPECTED: set[Line] = {
    ("Daiquiri", "White Rum", 2.0, "oz", 59.147),
    ("Daiquiri", "Lime Juice", 0.75, "oz", 22.18),
    ("Daiquiri", "Simple Syrup", 0.5, "oz", 14.787),
    ("Mojito", "White Rum", 1.5, "oz", 44.36),
    ("Mojito", "Mint", 8.0, "leaves", 4.8),
    ("Mojito", "Soda Water", None, "top", 90.0),
    ("Piña Colada", "White Rum", 2.5, "oz", 73.934),
    ("Piña Colada", "Crème de Coco", 1.5, "oz", 44.36),
}


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


def test_excels_hint_counts(tmp_path: Path) -> None:
    catalog = read(tmp_path, "sep=;\r\n" + sheet(SHEET, delimiter=";"))
    assert lines(catalog) == EXPECTED


def test_amount_and_unit_may_share_a_cell(tmp_path: Path) -> None:
    rows = [(r, i, f"{a} {u}".strip()) for r, i, a, u in SHEET]
    for header in (("recipe", "ingredient", "amount"), ("Drink", "Ingredient Name", "Measure")):
        assert lines(read(tmp_path, sheet(rows, header))) == EXPECTED
    amounts_in_units = [(r, i, "", f"{a} {u}") for r, i, a, u in SHEET]
    assert lines(read(tmp_path, sheet(amounts_in_units))) == EXPECTED


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


def test_a_recipe_may_be_named_once(tmp_path: Path) -> None:
    first = [not k or SHEET[k - 1][0] != row[0] for k, row in enumerate(SHEET)]
    once = [(row[0] if new else "", *row[1:]) for new, row in zip(first, SHEET, strict=True)]
    assert lines(read(tmp_path, sheet(once))) == EXPECTED
    above: list[tuple[str, ...]] = []
    for new, row in zip(first, SHEET, strict=True):
        above += [(row[0], "", "", ""), ("", *row[1:])] if new else [("", *row[1:])]
    assert lines(read(tmp_path, sheet(above))) == EXPECTED


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


def test_decimal_commas_are_the_columns(tmp_path: Path) -> None:
    rows = [("A", "Gin", "4,5", "cl"), ("A", "Tonic", "1,125", "dl"), ("B", "Gin", "1.000", "ml")]
    catalog = read(tmp_path, sheet(rows, delimiter=";"))
    assert {line[2] for line in lines(catalog)} == {4.5, 1.125, 1000.0}
    rows = [("A", "Gin", "4.5", "cl"), ("B", "Gin", "1,125", "ml")]
    assert {line[2] for line in lines(read(tmp_path, sheet(rows)))} == {4.5, 1125.0}


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


def ids(names: tuple[str, ...], numbers: NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(names, numbers.tolist(), strict=True))


def test_ids_stay_when_rows_move_or_come(tmp_path: Path) -> None:
    before = read(tmp_path, sheet(SHEET))
    recipes = ids(before.recipes.names, before.recipes.ids)
    own = ids(before.ingredients.names, before.ingredients.ids)
    rows = [*SHEET, ("Americano", "Campari", "1", "oz"), ("Daiquiri", "Maraschino", "1", "tsp")]
    random.Random(3).shuffle(rows)
    after = read(tmp_path, sheet(rows))
    assert recipes.items() <= ids(after.recipes.names, after.recipes.ids).items()
    assert own.items() <= ids(after.ingredients.names, after.ingredients.ids).items()
    assert all(0 < ident < 2**53 for ident in [*recipes.values(), *own.values()])


def test_ids_do_not_hang_on_case_blanks_and_quotes(tmp_path: Path) -> None:
    rows = [("Pat's  Cup", "lime juice", "1", "oz"), ("PAT’S CUP", "Lime Juice", "1", "oz")]
    catalog = read(tmp_path, sheet([*rows, ("Pat's Cup", "Lime Juice", "1", "oz")]))
    assert catalog.recipes.names == ("Pat's Cup",)
    assert catalog.ingredients.names == ("Lime Juice",)


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


def test_an_id_column_tells_recipes_of_one_name_apart(tmp_path: Path) -> None:
    header = ("id", *HEADER)
    rows = [
        ("7", "Gimlet", "Gin", "2", "oz"),
        ("7", "Gimlet", "Lime Juice", "1", "oz"),
        ("8.0", "Gimlet", "Gin", "2", "oz"),
        ("", "", "Lime Cordial", "1", "oz"),
        ("g-9", "Gimlet", "Vodka", "2", "oz"),
    ]
    catalog = read(tmp_path, sheet(rows, header))
    assert catalog.recipes.names == ("Gimlet",) * 3
    assert catalog.recipes.ids[:2].tolist() == [7, 8]
    assert np.bincount(catalog.lines.recipe).tolist() == [2, 2, 1]


def test_a_name_without_an_id_is_the_recipe_above_if_it_has_that_name(tmp_path: Path) -> None:
    header = ("id", *HEADER)
    rows = [
        ("7", "Pat's Cup", "Gin", "2", "oz"),
        ("", "PAT’S  CUP", "Lime Juice", "1", "oz"),
        ("", "", "Sugar", "1", "oz"),
        ("8", "Pat's Cup", "Gin", "2", "oz"),
        ("", "pat's cup", "Lime Juice", "1", "oz"),
        ("", "Gimlet", "Gin", "2", "oz"),
        ("", "Pat's Cup", "Vodka", "2", "oz"),  # not the one above, and without an id
    ]
    catalog = read(tmp_path, sheet(rows, header))
    assert catalog.recipes.ids[:2].tolist() == [7, 8]
    assert np.bincount(catalog.lines.recipe)[:2].tolist() == [3, 2]
    assert catalog.recipes.ids.size == 4


def test_an_id_that_numbers_lines_is_no_recipes(tmp_path: Path) -> None:
    rows = [(str(k), *row) for k, row in enumerate(SHEET, start=1)]
    catalog = read(tmp_path, sheet(rows, ("id", *HEADER)))
    assert lines(catalog) == EXPECTED
    assert finding(catalog, "line-numbers").count == len(SHEET)


TWO = (
    ("Negroni", "1", "Gin"),
    ("Negroni", "2", "Campari"),
    ("Negroni", "3", "Vermouth"),
    ("Daiquiri", "1", "Rum"),
    ("Daiquiri", "2", "Lime"),
    ("Daiquiri", "3", "Syrup"),
)


def drinks(catalog: Catalog) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in catalog.recipes.names}
    for name, ingredient, *_ in lines(catalog):
        found[name].add(ingredient)
    return found


def numbered(rows: object, column: str = "no", more: object = ("1", "oz")) -> str:
    header = ("recipe", column, "ingredient", "amount", "unit")
    return sheet([(*row, *more) for row in rows], header)  # type: ignore[attr-defined, misc]


@pytest.mark.parametrize("column", ["no", "Nr", "number", "key", "id", "Nummer"])
@pytest.mark.parametrize("once", [False, True])
def test_numbers_of_lines_that_begin_anew_put_no_recipes_together(
    tmp_path: Path, column: str, once: bool
) -> None:
    rows = [("" if once and row[1] != "1" else row[0], *row[1:]) for row in TWO]
    catalog = read(tmp_path, numbered(rows, column))
    assert drinks(catalog) == {
        "Negroni": {"Gin", "Campari", "Vermouth"},
        "Daiquiri": {"Rum", "Lime", "Syrup"},
    }
    found = finding(catalog, "line-numbers")
    said = f"Ignored 6 numbers of the column {column}: it numbers lines, not recipes."
    assert (found.count, found.message) == (6, said)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=8), st.integers(0, 2), st.booleans())
def test_numbers_of_lines_leave_recipes_as_their_names_have_them(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], begin: int, through: bool
) -> None:
    rows, number = [], begin
    for place, size in enumerate(sizes):
        for line in range(size):
            rows.append((f"Drink {place}", str(number if through else line + begin), f"I{line}"))
            number += 1
    folder = tmp_path_factory.mktemp("table")
    catalog = read(folder, numbered(rows))
    assert drinks(catalog) == {
        f"Drink {place}": {f"I{line}" for line in range(size)} for place, size in enumerate(sizes)
    }


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(2, 5)), min_size=1, max_size=8),
    st.integers(0, 20),
    st.booleans(),
)
def test_ids_that_number_recipes_count_whatever_their_names(
    tmp_path_factory: pytest.TempPathFactory, recipes: list[tuple[int, int]], alone: int, once: bool
) -> None:
    rows = [
        (f"Drink {name}", "" if once and line else str(ident), f"I{ident} {line}")
        for ident, (name, size) in enumerate(recipes, start=1)
        for line in range(size)
    ]
    rows += [(f"Shot {k}", str(100 + k), "Gin") for k in range(alone)]
    catalog = read(tmp_path_factory.mktemp("table"), numbered(rows))
    found: dict[int, set[str]] = {}
    for recipe, ingredient in zip(catalog.lines.recipe, catalog.lines.ingredient, strict=True):
        ident = int(catalog.recipes.ids[recipe])
        found.setdefault(ident, set()).add(catalog.ingredients.names[ingredient])
    assert found == {
        **{
            ident: {f"I{ident} {line}" for line in range(size)}
            for ident, (_, size) in enumerate(recipes, start=1)
        },
        **{100 + k: {"Gin"} for k in range(alone)},
    }


def test_one_number_for_all_is_no_id(tmp_path: Path) -> None:
    catalog = read(tmp_path, numbered([(name, "1", what) for name, _, what in TWO], "number"))
    assert drinks(catalog) == drinks(read(tmp_path, numbered(TWO)))
    assert finding(catalog, "shared-id").examples == ("id 1: Daiquiri", "id 1: Negroni")


def test_an_id_of_two_names_is_told_and_the_others_count(tmp_path: Path) -> None:
    rows = [("A", "1", "Gin"), ("A", "1", "Rum"), ("B", "1", "Lime"), ("B", "1", "Rum")]
    rows += [("Gimlet", "7", "Gin"), ("Gimlet", "7", "Lime"), ("Gimlet", "8", "Gin")]
    rows += [("Gimlet", "8", "Cordial")]
    catalog = read(tmp_path, numbered(rows, "id"))
    assert sorted(catalog.recipes.names) == ["A", "B", "Gimlet", "Gimlet"]
    assert {7, 8} < set(catalog.recipes.ids.tolist())
    assert 1 not in catalog.recipes.ids
    assert finding(catalog, "shared-id").count == 2


def test_accents_make_no_second_name_of_an_id(tmp_path: Path) -> None:
    rows = [("Piña Colada", "4", "Rum"), ("Pina colada", "04", "Coco"), ("", "4.0", "Pineapple")]
    catalog = read(tmp_path, numbered(rows, "id"))
    assert catalog.recipes.ids.tolist() == [4]


def test_a_name_stands_once_beside_its_id(tmp_path: Path) -> None:
    rows = [
        ("Gimlet", "7", "Gin"),
        ("Negroni", "8", "Gin"),
        ("", "7", "Lime"),
        ("", "8", "Campari"),
    ]
    catalog = read(tmp_path, numbered(rows, "id"))
    assert drinks(catalog) == {"Gimlet": {"Gin", "Lime"}, "Negroni": {"Gin", "Campari"}}
    assert set(catalog.recipes.ids.tolist()) == {7, 8}


def test_ids_that_make_no_sense_are_refused_with_their_lines(tmp_path: Path) -> None:
    rows = [("Gimlet", "1", "Gin"), ("Gimlet", "1", "Lime"), ("Gimlet", "2", "Gin")]
    rows += [("Gimlet", "2", "Cordial"), ("Mule", "2", "Vodka"), ("Mule", "2", "Lime")]
    assert "the id 2 for 'Gimlet' in line 4 and for 'Mule' in line 6" in refused(
        tmp_path, numbered(rows, "id")
    )


def test_numbers_that_begin_anew_within_a_name_are_told(tmp_path: Path) -> None:
    rows = [*TWO, ("Gimlet", "1", "Gin"), ("Gimlet", "2", "Lime")]
    rows += [("Gimlet", "1", "Gin"), ("Gimlet", "2", "Cordial")]
    catalog = read(tmp_path, numbered(rows))
    assert finding(catalog, "recipe-in-parts").examples == ("Gimlet",)


@pytest.mark.parametrize("ident", ["1" * 5000, "9" * 17, "0" * 5000, "0" * 5000 + "7"])
def test_an_id_may_have_any_number_of_digits(tmp_path: Path, ident: str) -> None:
    rows = [("A", "Gin", "1", "oz", ident), ("A", "Rum", "1", "oz", ident)]
    path = write(tmp_path / "bar.csv", sheet(rows, (*HEADER, "id")))
    (found,) = read_table(path).recipes.ids.tolist()
    assert 0 <= found < 2**53
    assert found == int(ident[-1]) or ident[0] != "0"


def test_one_name_in_two_places_is_told(tmp_path: Path) -> None:
    rows = [SHEET[0], SHEET[1], SHEET[3], SHEET[0], SHEET[2]]
    catalog = read(tmp_path, sheet(rows))
    assert finding(catalog, "recipe-in-parts").examples == ("Daiquiri",)
    scattered = [SHEET[0], SHEET[3], SHEET[1]]  # a sheet sorted by ingredient
    assert "recipe-in-parts" not in {f.code for f in read(tmp_path, sheet(scattered)).findings}


def test_optional_lines_stay_out_of_the_mixture(tmp_path: Path) -> None:
    rows = [(*SHEET[0], ""), (*SHEET[1], "no"), ("Daiquiri", "Mint", "1", "leaf", "Ja")]
    catalog = read(tmp_path, sheet(rows, (*HEADER, "optional")))
    assert {line[1] for line in lines(catalog)} == {"White Rum", "Lime Juice"}
    assert catalog.optional.recipe.size == 1


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


def test_a_line_without_ingredient_is_told(tmp_path: Path) -> None:
    catalog = read(tmp_path, sheet([*SHEET, ("Mojito", "", "2", "oz")]))
    assert lines(catalog) == EXPECTED
    assert finding(catalog, "line-without-ingredient").examples == ("line 10: 2 oz",)


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


def test_an_amount_that_no_glass_holds_is_told_with_its_line(tmp_path: Path) -> None:
    rows = [("A", "Gin", "45659", "oz"), ("A", "Rum", "9.9", "l"), ("A", "Lime", "45659", "")]
    rows += [("A", "Mint", "45659", "leaves"), ("A", "Soda", "1", "bottle")]
    assert finding(read(tmp_path, sheet(rows)), "huge-amount").examples == (
        "line 2: 45659 oz",
        "line 4: 45659",
        "line 5: 45659 leaves",
    )


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
