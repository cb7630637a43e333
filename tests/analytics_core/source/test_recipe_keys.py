"""Which lines of a table are one recipe's: what a column of numbers numbers shows in the lines."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics_core.source.catalog import Catalog
from analytics_core.source.recipe_keys import name_key
from analytics_core.source.rows import stable_id
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


def test_names_that_are_cut_have_the_ids_of_the_whole(tmp_path: Path) -> None:
    long = "Remember the " + "very " * 80
    rows = [(long + end, long + end, "1", "oz") for end in ("Maine", "Alamo")]
    catalog = read(tmp_path, sheet(rows))
    assert finding(catalog, "long-name").count == 4
    for names, found in (
        (catalog.recipes.names, catalog.recipes.ids),
        (catalog.ingredients.names, catalog.ingredients.ids),
    ):
        assert len(set(names)) == 1
        assert len(names[0]) <= 255
        wholes = [stable_id(name_key(long + end)) for end in ("Maine", "Alamo")]
        assert sorted(found.tolist()) == sorted(wholes)
