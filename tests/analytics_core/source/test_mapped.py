"""A TOML file says what another program's tables mean; what it says wrong is named."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from analytics_core.errors import DataError
from analytics_core.source.catalog import Catalog
from analytics_core.source.conversion import write_catalog
from analytics_core.source.layouts import load_catalog
from tests.analytics_core.databases import finding

PAGE = Path(__file__).parents[3] / "docs" / "databases.md"


def example(kind: str) -> str:
    """The only block of this kind on the page."""
    (text,) = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


def write(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


def read(folder: Path, script: str, mapping: str) -> Catalog:
    (folder / "bottles.toml").write_text(mapping, encoding="utf-8")
    database = write(folder / "bottles.db", script)
    return load_catalog(database, volumes="poured", layout=str(folder / "bottles.toml"))


def test_the_example_in_the_docs(tmp_path: Path) -> None:
    catalog = read(tmp_path, example("sql"), example("toml"))
    names = catalog.ingredients.names
    assert catalog.findings == ()
    assert catalog.layout == "bottles"
    assert catalog.recipes.names == ("Negroni", "Milano-Torino")
    assert catalog.recipes.variant_of.tolist() == [-1, 0]
    assert sorted(names) == ["Campari", "Gin", "London Dry Gin", "Orange", "Sweet Vermouth"]
    strength = dict(zip(names, catalog.ingredients.strength.tolist(), strict=True))
    assert (strength["Campari"], strength["London Dry Gin"]) == (25, 45)
    assert np.isnan(strength["Gin"])
    above = catalog.ingredients.parents[names.index("London Dry Gin")]
    assert names[above] == "Gin"
    poured = {
        names[i]: (names[r], round(float(ml), 1))
        for i, r, ml, recipe in zip(
            catalog.lines.ingredient,
            catalog.lines.rolled,
            catalog.lines.volume_ml,
            catalog.lines.recipe,
            strict=True,
        )
        if recipe == 0
    }
    assert poured == {
        "London Dry Gin": ("London Dry Gin", 30.0),  # no recipe names gin
        "Campari": ("Campari", 30.0),
        "Sweet Vermouth": ("Sweet Vermouth", pytest.approx(29.6, abs=0.5)),
    }
    assert [names[i] for i in catalog.optional.ingredient] == ["Orange"]


def test_the_example_converts(tmp_path: Path) -> None:
    catalog = read(tmp_path, example("sql"), example("toml"))
    raw = load_catalog(tmp_path / "bottles.db", layout=str(tmp_path / "bottles.toml"))
    write_catalog(raw, tmp_path / "site.db")
    assert load_catalog(tmp_path / "site.db", volumes="poured").fingerprint == catalog.fingerprint


FLAT = """
CREATE TABLE recipe (cocktail TEXT, what TEXT, cl REAL);
INSERT INTO recipe VALUES ('Negroni', 'Gin', 3), ('Negroni', ' Campari', 3),
    ('Spritz', 'Campari', 6), ('Spritz', NULL, 2);
"""
FLAT_MAPPING = """
[lines]
table = "recipe"
recipe = "cocktail"
ingredient = "what"
amount = "cl"
"""


def test_names_where_there_are_no_ids(tmp_path: Path) -> None:
    catalog = read(tmp_path, FLAT, FLAT_MAPPING)
    assert sorted(catalog.recipes.names) == ["Negroni", "Spritz"]
    assert sorted(catalog.ingredients.names) == ["Campari", "Gin"]
    assert finding(catalog, "dangling-line").count == 1
    # what else there is changes no id
    more = FLAT + "INSERT INTO recipe VALUES ('Adonis', 'Aperol', 3);"
    (tmp_path / "more").mkdir()
    other = read(tmp_path / "more", more, FLAT_MAPPING)
    before = dict(zip(catalog.recipes.names, catalog.recipes.ids.tolist(), strict=True))
    after = dict(zip(other.recipes.names, other.recipes.ids.tolist(), strict=True))
    assert before.items() < after.items()
    assert all(0 <= key < 2**53 for key in after.values())  # a number in JavaScript, too


def test_every_section(tmp_path: Path) -> None:
    script = """
    CREATE TABLE i (id INTEGER, n TEXT, p INTEGER, sub INTEGER);
    INSERT INTO i VALUES (1, 'Gin', NULL, 0), (2, 'Dry Gin', 1, 1), (3, 'Lime', NULL, 0),
        (4, 'Limes', NULL, 0);
    CREATE TABLE u (id INTEGER, n TEXT, a TEXT, ml REAL);
    INSERT INTO u VALUES (1, 'Measure', 'm', 25), (2, 'Oz', NULL, 30);
    CREATE TABLE l (r TEXT, i INTEGER, low REAL, high REAL, u INTEGER, exact INTEGER);
    INSERT INTO l VALUES ('Gimlet', 2, 2, NULL, 1, 0), ('Gimlet', 3, 1, 2, 1, 0),
        ('Dry', 2, 1, NULL, 2, 1), ('Sour', 2, 1, 1, NULL, 0);
    CREATE TABLE s (a INTEGER, b INTEGER); INSERT INTO s VALUES (3, 4);
    CREATE TABLE m (a INTEGER, b INTEGER); INSERT INTO m VALUES (3, 4), (3, 99);
    """
    mapping = """
    [ingredients]
    table = "i"
    id = "id"
    name = "n"
    parent = "p"
    counts_as_parent = "sub"
    [units]
    table = "u"
    id = "id"
    name = "n"
    abbreviation = "a"
    ml = "ml"
    [lines]
    table = "l"
    recipe = "r"
    ingredient = "i"
    amount = "low"
    amount_max = "high"
    unit = "u"
    specified = "exact"
    [substitutes]
    table = "s"
    ingredient = "a"
    substitute = "b"
    [parts]
    table = "m"
    ingredient = "a"
    part = "b"
    """
    catalog = read(tmp_path, script, mapping)
    names = catalog.recipes.names
    told = {
        (names[r], catalog.ingredients.names[i]): (catalog.ingredients.names[up], ml)
        for r, i, up, ml in zip(
            catalog.lines.recipe,
            catalog.lines.ingredient,
            catalog.lines.rolled,
            catalog.lines.volume_ml.tolist(),
            strict=True,
        )
    }
    assert told["Gimlet", "Dry Gin"] == ("Gin", 50)
    assert told["Gimlet", "Lime"] == ("Lime", 37.5)
    assert told["Dry", "Dry Gin"] == ("Dry Gin", 30)
    assert told["Sour", "Dry Gin"][0] == "Gin"
    assert catalog.substitutes.tolist() == catalog.parts.tolist() == [[2, 3]]


def test_amounts_and_flags_that_are_texts(tmp_path: Path) -> None:
    script = """
    CREATE TABLE recipe (cocktail TEXT, what TEXT, cl TEXT, extra TEXT);
    INSERT INTO recipe VALUES ('Gimlet', 'Gin', '1 1/2 oz', 'no'), ('Gimlet', 'Lime', '¾ oz', ''),
        ('Gimlet', 'Mint', '3 leaves', 'yes'), ('Gimlet', 'Sugar', '0,5 cl', NULL),
        ('Bad', 'Gin', '1/2/2026', NULL);
    """
    catalog = read(tmp_path, script, FLAT_MAPPING + 'optional = "extra"')
    names = catalog.ingredients.names
    poured = {
        names[i]: (amount, catalog.units[unit].name)
        for i, amount, unit in zip(
            catalog.lines.ingredient,
            catalog.lines.amount.tolist(),
            catalog.lines.unit,
            strict=True,
        )
    }
    assert poured == {"Gin": (1.5, "oz"), "Lime": (0.75, "oz"), "Sugar": (0.5, "cl")}
    assert [names[i] for i in catalog.optional.ingredient] == ["Mint"]
    assert finding(catalog, "unreadable-amount").examples == ("1/2/2026",)
    assert finding(catalog, "bad-amount").count == 1


MEASURES = FLAT_MAPPING.replace("amount =", "unit =")
WITH_UNITS = """
[units]
table = "u"
id = "id"
name = "n"
ml = "ml"
"""


def poured_ml(catalog: Catalog) -> list[float]:
    return [round(float(ml), 3) for ml in catalog.lines.volume_ml]


@pytest.mark.parametrize(
    ("text", "milliliters"),
    [
        ("1/2 oz", 14.787),
        ("1 1/2 oz", 44.36),
        ("1½ oz", 44.36),
        ("¾ oz", 22.18),
        ("2-3 oz", 73.934),
        ("0,5 cl", 5.0),
        ("half ounce", 14.787),
        ("1 oz + 1 tsp", 34.502),
        ("3/4 leaves", 2.1),
        ("to top", 90.0),
        ("330 ml can", 330.0),
    ],
)
@pytest.mark.parametrize("has_amount", [False, True])
def test_a_measure_is_split_where_no_amount_stands_beside_it(
    tmp_path: Path, text: str, milliliters: float, *, has_amount: bool
) -> None:
    script = f"""CREATE TABLE recipe (cocktail TEXT, what TEXT, cl TEXT, no REAL);
    INSERT INTO recipe VALUES ('A', 'Thing', '{text}', NULL);"""
    catalog = read(tmp_path, script, MEASURES + ('amount = "no"' if has_amount else ""))
    assert poured_ml(catalog) == [milliliters]
    assert "missing-amount" not in {f.code for f in catalog.findings}


def test_what_nobody_can_read_in_a_measure_leaves_the_recipe_out(tmp_path: Path) -> None:
    script = """CREATE TABLE recipe (cocktail TEXT, what TEXT, cl TEXT);
    INSERT INTO recipe VALUES ('A', 'Gin', '1 oz'), ('B', 'Gin', '1 oz + 2'), ('C', 'Gin', '#REF!');
    """
    catalog = read(tmp_path, script, MEASURES)
    assert catalog.recipes.names == ("A",)
    assert finding(catalog, "unreadable-amount").examples == ("#REF!", "1 oz + 2")


CELLS = [
    "",
    "1",
    "3/4",
    "2 oz",
    "half",
    "a few",
    "1 oz + 1 tsp",
    "2 oz to 3 oz",
    "#REF!",
    "?",
    "x 2",
]


@pytest.mark.parametrize("amount", CELLS)
@pytest.mark.parametrize("unit", ["", "oz", "leaves", "zzz", "1/2 oz", "half bottle", "ml"])
def test_a_table_and_a_database_are_read_alike(tmp_path: Path, amount: str, unit: str) -> None:
    script = f"""CREATE TABLE recipe (cocktail TEXT, what TEXT, a TEXT, u TEXT);
    INSERT INTO recipe VALUES ('A', 'Gin', '{amount}', '{unit}'), ('A', 'Rum', '2', 'oz');"""
    mapping = FLAT_MAPPING.replace('"cl"', '"a"\nunit = "u"')
    mapped = read(tmp_path, script, mapping)
    sheet = f"recipe,ingredient,amount,unit\nA,Gin,{amount},{unit}\nA,Rum,2,oz\n"
    (tmp_path / "bar.csv").write_text(sheet, encoding="utf-8")
    table = load_catalog(tmp_path / "bar.csv", volumes="poured")
    assert poured_ml(mapped) == poured_ml(table)
    assert {f.code for f in mapped.findings} == {f.code for f in table.findings}


@pytest.mark.parametrize(
    ("amount", "highest", "unit", "milliliters"),
    [
        ("'2 oz'", "NULL", 2, 50.0),  # the row beside it says what the bar pours
        ("'2 oz'", "NULL", "NULL", 60.0),  # by the name of a row
        ("'2 tsp'", "NULL", "NULL", 9.858),  # which has no row
        ("'2 oz'", "NULL", 3, 60.0),  # a unit that nobody knows
        ("'1 cl'", "'30 ml'", "NULL", 20.0),
        ("1", "'3'", 1, 60.0),
        ("NULL", "'2 oz'", "NULL", 60.0),
    ],
)
def test_amounts_with_units_beside_a_table_of_units(
    tmp_path: Path, amount: str, highest: str, unit: object, milliliters: float
) -> None:
    script = f"""CREATE TABLE u (id INTEGER, n TEXT, ml REAL);
    INSERT INTO u VALUES (1, 'Oz', 30), (2, 'Measure', 25), (3, 'zzz', NULL);
    CREATE TABLE recipe (cocktail TEXT, what TEXT, cl, m, u INTEGER);
    INSERT INTO recipe VALUES ('A', 'Gin', {amount}, {highest}, {unit});"""
    mapping = FLAT_MAPPING + 'amount_max = "m"\nunit = "u"' + WITH_UNITS
    assert poured_ml(read(tmp_path, script, mapping)) == [milliliters]


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ("", "lacks the section [lines]"),
        ("lines = 3", "has lines as a value; it is a section: [lines]"),
        ("[lines]", "lacks table in [lines]"),
        ("[lines]\ntable = 'l'\nrecipe = 'r'", "lacks ingredient in [lines]"),
        (
            "[line]\ntable = 'l'",
            "has 'line', but its sections are ingredients, recipes, units, lines, substitutes",
        ),
        (FLAT_MAPPING + "note = 'x'", "has lines.note, but [lines] has recipe, ingredient, amount"),
        (FLAT_MAPPING.replace('"cl"', "5"), "has lines.amount = 5; it names a table or a column"),
        (FLAT_MAPPING + "[recipes]\ntable = 'r'\nid = 'i'", "lacks name in [recipes]"),
        (
            FLAT_MAPPING + "[units]\ntable = 'u'\nid = 'i'\nname = 'n'",
            "has a section [units], but no unit in [lines] that refers to it",
        ),
        ("[lines", "is no TOML: "),
        ("a = " + "1" * 5000, "is no TOML: Exceeds the limit"),
        ("a = " + "[" * 5000, "is no TOML: maximum recursion depth exceeded"),
        ("a = " + "{b=" * 5000, "is no TOML: maximum recursion depth exceeded"),
    ],
)
def test_what_the_file_says_wrong(tmp_path: Path, mapping: str, sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, FLAT, mapping)
    assert str(refused.value).startswith(f"The layout file {tmp_path / 'bottles.toml'} {sentence}")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"recipe"\n', '"cocktails"\n', "lacks the table cocktails"),
        ('"cl"', '"oz"', "lacks the column recipe.oz"),
    ],
)
def test_what_is_not_in_the_database(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, FLAT, FLAT_MAPPING.replace(old, new))
    assert str(refused.value) == (
        f"The database {tmp_path / 'bottles.db'} {sentence}, which [lines] in"
        f" {tmp_path / 'bottles.toml'} names."
    )


def test_a_layout_file_that_is_not_there(tmp_path: Path) -> None:
    database = write(tmp_path / "bottles.db", FLAT)
    with pytest.raises(DataError, match=r"none\.toml cannot be read: No such file or directory"):
        load_catalog(database, layout=str(tmp_path / "none.toml"))


def test_tables_that_nobody_knows(tmp_path: Path) -> None:
    database = write(tmp_path / "bottles.db", FLAT)
    with pytest.raises(DataError, match=r"none of the known layouts: it holds recipe\. .*TOML"):
        load_catalog(database)


def test_a_table_of_a_module_that_is_not_here_is_no_hindrance(tmp_path: Path) -> None:
    script = (
        FLAT
        + """
    PRAGMA writable_schema = ON;
    INSERT INTO sqlite_master VALUES
        ('table', 'places', 'places', 0, 'CREATE VIRTUAL TABLE places USING nobody_has_it(x)');
    """
    )
    assert read(tmp_path, script, FLAT_MAPPING).recipes.names


def test_names_of_tables_are_names_and_no_sql(tmp_path: Path) -> None:
    script = 'CREATE TABLE "odd ""name" ("the id" TEXT, "select" TEXT, [] REAL);'
    script += """INSERT INTO "odd ""name" VALUES ('A', 'Gin', 3);"""
    mapping = """
    [lines]
    table = 'odd "name'
    recipe = "the id"
    ingredient = "select"
    """
    assert read(tmp_path, script.replace(", [] REAL", ", x REAL"), mapping).recipes.names == ("A",)


@pytest.mark.parametrize("name", ["a\\nb", "a\\u001b[31mb", "a\\u2028b", "\\u0000", "x" * 100_000])
def test_names_of_any_kind_make_one_plain_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, FLAT, FLAT_MAPPING.replace("table = ", f'table = "{name}" # '))
    sentence = str(refused.value)
    assert sentence.isprintable()
    assert len(sentence) <= 1500
    assert sentence.startswith(f"The database {tmp_path}")
    assert sentence.endswith("bottles.toml names.")
