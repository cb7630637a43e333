"""A TOML file says what another program's tables mean; what it says wrong is named."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.errors import DataError
from analytics_core.source.catalog import Catalog
from analytics_core.source.conversion import write_catalog
from analytics_core.source.findings import Findings
from analytics_core.source.layouts import load_catalog
from analytics_core.source.tables import Wanted, opened
from tests.analytics_core.databases import finding

PAGE = Path(__file__).parents[3] / "docs" / "databases.md"


def example(kind: str) -> str:
    """The only block of this kind on the page."""
    (text,) = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


def write(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA synchronous = OFF; BEGIN; {script}; COMMIT;")
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


@pytest.mark.parametrize(("beside", "told"), [("2", True), ("0.5", False), ("0,5", False)])
def test_a_number_that_may_be_of_thousands_is_told(tmp_path: Path, beside: str, told: bool) -> None:
    script = f"""CREATE TABLE recipe (cocktail TEXT, what TEXT, ml TEXT);
    INSERT INTO recipe VALUES ('A', 'Gin', '1.500'), ('A', 'Rum', '{beside}');"""
    catalog = read(tmp_path, script, FLAT_MAPPING.replace('"cl"', '"ml"'))
    found = [each.examples for each in catalog.findings if each.code == "unclear-number"]
    assert found == ([("1.500",)] if told else [])
    assert (1500.0 if beside == "0,5" else 1.5) in poured_ml(catalog)


@pytest.mark.parametrize(
    ("amount", "milliliters"),
    [
        ("half", 14.787),
        ("1 and a half", 44.36),
        ("2 cl", 20.0),
        ("1 + 1", 59.147),
        ("a few", 88.721),
    ],
)
def test_a_unit_in_the_header_is_that_of_parts_too(
    tmp_path: Path, amount: str, milliliters: float
) -> None:
    script = f"""CREATE TABLE recipe (cocktail TEXT, what TEXT, oz TEXT);
    INSERT INTO recipe VALUES ('A', 'Gin', '{amount}');"""
    assert poured_ml(read(tmp_path, script, FLAT_MAPPING.replace('"cl"', '"oz"'))) == [milliliters]
    (tmp_path / "bar.csv").write_text(f"recipe,ingredient,oz\nA,Gin,{amount}\n", encoding="utf-8")
    assert poured_ml(load_catalog(tmp_path / "bar.csv", volumes="poured")) == [milliliters]


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


def counted(catalog: Catalog) -> int:
    return int(catalog.lines.recipe.size + catalog.optional.recipe.size)


AFFINITY = st.sampled_from(["INTEGER", "TEXT", "REAL", "NUMERIC"])
JOINED = """
[ingredients]
table = "i"
id = "id"
name = "n"
[recipes]
table = "r"
id = "id"
name = "n"
[lines]
table = "l"
recipe = "r"
ingredient = "i"
unit = "u"
[units]
table = "u"
id = "id"
name = "n"
"""


@settings(max_examples=60, deadline=None)
@given(st.tuples(AFFINITY, AFFINITY, AFFINITY, AFFINITY, AFFINITY), st.integers(0, 2**40))
def test_ids_meet_where_sqlite_itself_joins_them(
    tmp_path_factory: pytest.TempPathFactory, kinds: tuple[str, ...], first: int
) -> None:
    recipe, ingredient, of_recipe, of_ingredient, unit = kinds
    script = f"""
    CREATE TABLE i (id {ingredient}, n TEXT);
    CREATE TABLE r (id {recipe}, n TEXT);
    CREATE TABLE u (id {unit}, n TEXT);
    CREATE TABLE l (r {of_recipe}, i {of_ingredient}, u {of_ingredient});
    INSERT INTO i VALUES ({first}, 'Gin'), ({first + 1}, 'Lime'), ({first + 2}, 'Rum');
    INSERT INTO r VALUES ({first}, 'Gimlet'), ({first + 7}, 'Neat');
    INSERT INTO u VALUES ({first + 5}, 'oz');
    INSERT INTO l VALUES ({first}, {first}, {first + 5}), ({first}, {first + 1}, {first + 5}),
        ({first + 7}, {first + 2}, {first + 5}), ({first + 8}, {first + 2}, {first + 5});
    """
    folder = tmp_path_factory.mktemp("mapped")
    catalog = read(folder, script, JOINED)
    with closing(sqlite3.connect(folder / "bottles.db")) as connection:
        pairs = connection.execute(
            "SELECT r.n, i.n, u.n FROM l JOIN r ON l.r = r.id JOIN i ON l.i = i.id"
            " JOIN u ON l.u = u.id ORDER BY 1, 2"
        ).fetchall()
    assert pairs == [("Gimlet", "Gin", "oz"), ("Gimlet", "Lime", "oz"), ("Neat", "Rum", "oz")]
    kept = catalog.lines
    assert pairs == sorted(
        (
            catalog.recipes.names[kept.recipe[k]],
            catalog.ingredients.names[kept.ingredient[k]],
            catalog.units[kept.unit[k]].name,
        )
        for k in range(kept.recipe.size)
    )
    assert finding(catalog, "dangling-line").count == 1


def test_texts_of_digits_among_texts_stay_texts(tmp_path: Path) -> None:
    script = """
    CREATE TABLE i (id TEXT, n TEXT); INSERT INTO i VALUES ('7', 'Gin'), ('007', 'Rum');
    CREATE TABLE r (id TEXT, n TEXT); INSERT INTO r VALUES ('1', 'A'), ('x', 'B');
    CREATE TABLE u (id TEXT, n TEXT); INSERT INTO u VALUES ('o', 'oz');
    CREATE TABLE l (r TEXT, i TEXT, u TEXT);
    INSERT INTO l VALUES ('1', '7', 'o'), ('1', '007', 'o'), ('x', '007', 'o');
    """
    catalog = read(tmp_path, script, JOINED)
    assert counted(catalog) == 3
    assert 1 not in catalog.recipes.ids
    mixed = script.replace("(r TEXT, i TEXT", "(r, i TEXT").replace("('x', '007'", "(2, '007'")
    mixed = mixed.replace("('x', 'B')", "('2', 'B')")
    (tmp_path / "mixed").mkdir()
    numbers = read(tmp_path / "mixed", mixed, JOINED)
    assert numbers.recipes.ids.tolist() == [1, 2]
    assert np.bincount(numbers.lines.recipe).tolist() == [2, 1]


@pytest.mark.parametrize("value", ["1.5", "9e999", "-9e999", "1e300", "x'31'"])
def test_keys_that_are_no_keys_leave_their_line_out(tmp_path: Path, value: str) -> None:
    script = f"""
    CREATE TABLE i (id, n TEXT); INSERT INTO i VALUES (1, 'Gin');
    CREATE TABLE r (id, n TEXT); INSERT INTO r VALUES (1, 'A');
    CREATE TABLE u (id, n TEXT); INSERT INTO u VALUES (1, 'oz');
    CREATE TABLE l (r, i, u); INSERT INTO l VALUES (1, 1, 1), ({value}, 1, 1);
    """
    assert counted(read(tmp_path, script, JOINED)) == 1


def test_spellings_of_one_name_are_one(tmp_path: Path) -> None:
    script = """
    CREATE TABLE recipe (cocktail TEXT, what TEXT, cl REAL);
    INSERT INTO recipe VALUES ('Negroni', 'Gin', 3), ('negroni ', 'Pat''s  Bitters', 3),
        ('Negroni', 'Campari', 3), ('Gimlet', 'gin', 6), ('Gimlet', 'Lime', 2),
        ('Fizz', 'Gin', 1), ('Fizz', 'PAT’S BITTERS', 1), ('Fizz', 'Pat''s Bitters', 1);
    CREATE TABLE swap (a TEXT, b TEXT); INSERT INTO swap VALUES ('GIN', ' lime'), (NULL, 'Gin');
    """
    mapping = FLAT_MAPPING + '[substitutes]\ntable = "swap"\ningredient = "a"\nsubstitute = "b"'
    catalog = read(tmp_path, script, mapping)
    assert sorted(catalog.recipes.names) == ["Fizz", "Gimlet", "Negroni"]
    assert sorted(catalog.ingredients.names) == ["Campari", "Gin", "Lime", "Pat's Bitters"]
    names = catalog.ingredients.names
    assert [[names[k] for k in pair] for pair in catalog.substitutes.tolist()] == [["Gin", "Lime"]]
    # as the same sheet would have it
    text = "recipe,ingredient,amount\nNegroni,Gin,3\nGimlet,Lime,1\n"
    (tmp_path / "bar.csv").write_text(text, encoding="utf-8")
    sheet = load_catalog(tmp_path / "bar.csv")
    own = dict(zip(names, catalog.ingredients.ids.tolist(), strict=True))
    for name, ident in zip(sheet.ingredients.names, sheet.ingredients.ids.tolist(), strict=True):
        assert own[name] == ident


def test_flags_that_say_neither_yes_nor_no_are_told(tmp_path: Path) -> None:
    script = """
    CREATE TABLE recipe (cocktail TEXT, what TEXT, cl REAL, extra);
    INSERT INTO recipe VALUES ('A', 'Gin', 3, 0), ('A', 'Rum', 3, NULL), ('A', 'Lime', 3, 'nein'),
        ('A', 'Mint', 3, '✓'), ('A', 'Soda', 3, 1.0), ('A', 'Salt', 3, 2), ('A', 'Sugar', 3, ''),
        ('A', 'Cherry', 3, 'garnish'), ('A', 'Peel', 3, x'78');
    """
    catalog = read(tmp_path, script, FLAT_MAPPING + 'optional = "extra"')
    names = catalog.ingredients.names
    assert sorted(names[k] for k in catalog.optional.ingredient) == ["Mint", "Peel", "Soda"]
    told = finding(catalog, "unclear-flag")
    assert told.examples == ("recipe.extra: 2", "recipe.extra: garnish")


VIEWED = """
CREATE TABLE user (id INTEGER PRIMARY KEY, password TEXT, drink TEXT);
CREATE TABLE bottle (id INTEGER PRIMARY KEY, title TEXT, price REAL);
CREATE TABLE line (user INTEGER, bottle INTEGER, cl REAL, note TEXT);
INSERT INTO user VALUES (1, 'hunter2', 'Negroni'), (2, 'secret', 'Gimlet');
INSERT INTO bottle VALUES (1, 'Gin', 20), (2, 'Campari', 15), (3, 'Lime', 1);
INSERT INTO line VALUES (1, 1, 3, 'n'), (1, 2, 3, 'n'), (2, 1, 6, 'n'), (2, 3, 2, 'n');
CREATE VIEW titled AS SELECT id AS key, title AS what FROM bottle;
CREATE VIEW pour AS
    SELECT user.drink AS cocktail, titled.what, line.cl, user.password AS pass
    FROM line JOIN user ON user.id = line.user JOIN titled ON titled.key = line.bottle;
"""
VIEW_MAPPING = FLAT_MAPPING.replace('"recipe"\n', '"Pour"\n', 1)


def test_a_view_is_read_as_a_table(tmp_path: Path) -> None:
    catalog = read(tmp_path, VIEWED, VIEW_MAPPING)
    assert sorted(catalog.recipes.names) == ["Gimlet", "Negroni"]
    assert sorted(catalog.ingredients.names) == ["Campari", "Gin", "Lime"]
    assert np.bincount(catalog.lines.recipe).tolist() == [2, 2]


def test_a_view_opens_nothing_but_itself(tmp_path: Path) -> None:
    """Beside a view, the tables it is made of stay closed, and so do its own other columns."""
    database = write(tmp_path / "bottles.db", VIEWED)
    wanted: Wanted = {"pour": {"cocktail": "text", "what": "text"}, "bottle": {"title": "text"}}
    with opened(database, Findings(), called="x", views=True) as tables:
        found = tables.read(wanted)
        assert set(found["pour"]) == {"cocktail", "what"}
        assert "hunter2" not in str(found)
        connection = tables._connection
        asked: list[int] = []
        set_authorizer = connection.set_authorizer

        class Watched:
            """The connection, which tries what is closed while the guard stands."""

            def __getattr__(self, name: str) -> object:
                return getattr(connection, name)

            def set_authorizer(self, guard: object) -> None:
                set_authorizer(guard)  # type: ignore[arg-type]
                if guard is None:
                    return
                for sql in (
                    "SELECT password FROM user",
                    "SELECT price FROM bottle",
                    "SELECT pass FROM pour",
                    "SELECT cocktail FROM pour WHERE pass > 'a'",
                    "SELECT sql FROM sqlite_master",
                    "SELECT what FROM titled",
                    "DELETE FROM user",
                    "PRAGMA table_info(user)",
                ):
                    with pytest.raises(sqlite3.DatabaseError, match=r"prohibited|not authorized"):
                        connection.execute(sql)
                    asked.append(1)

        tables._connection = Watched()  # type: ignore[assignment]
        tables.read(wanted)
        assert len(asked) == 8


def test_without_a_view_nothing_is_read_through_one(tmp_path: Path) -> None:
    database = write(tmp_path / "bottles.db", VIEWED)
    with (
        opened(database, Findings(), called="x") as tables,
        pytest.raises(DataError) as refused,
    ):
        tables.require({"Pour": {"cocktail": "text"}})
    assert str(refused.value) == (
        "The database x lacks the table Pour. The view pour is none: make a table of it, CREATE "
        'TABLE … AS SELECT * FROM "pour".'
    )


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ("SELECT absent AS cocktail, 1 AS what, 1 AS cl FROM bottle", "no such column: absent"),
        ("SELECT title AS cocktail, 1 AS what, 1 AS cl FROM gone", "no such table: main.gone"),
        (
            "WITH t(a) AS (SELECT 1 UNION SELECT a FROM t) SELECT a cocktail, 1 what, 1 cl FROM t",
            "not authorized",
        ),
    ],
)
def test_a_view_that_cannot_be_read_is_told_by_name(tmp_path: Path, view: str, says: str) -> None:
    script = (
        VIEWED.replace("CREATE VIEW pour", "CREATE VIEW other") + f"CREATE VIEW pour AS {view};"
    )
    with pytest.raises(DataError) as refused:
        read(tmp_path, script, VIEW_MAPPING)
    sentence = str(refused.value)
    assert sentence.startswith(f"The view pour of the database {tmp_path / 'bottles.db'} cannot")
    assert says in sentence
    assert 'CREATE TABLE … AS SELECT * FROM "pour"' in sentence


@pytest.mark.parametrize(
    "cell",
    ["1 oz gin, 1 oz campari", "1 oz gin\n1 oz campari", '["gin", "campari"]', "gin, rum, lime"],
)
def test_a_whole_recipe_in_one_value_is_refused(tmp_path: Path, cell: str) -> None:
    script = "CREATE TABLE recipe (cocktail TEXT, what TEXT);"
    script += f"INSERT INTO recipe VALUES ('A', '{cell}');"
    with pytest.raises(DataError) as refused:
        read(tmp_path, script, FLAT_MAPPING.replace('amount = "cl"', ""))
    assert str(refused.value) == (
        f"The database {tmp_path / 'bottles.db'} has a whole recipe in one value of recipe.what, "
        f"{' '.join(cell.split())!r} of the recipe 'A': it takes one row for each ingredient."
    )


def test_amounts_before_names_are_read_where_they_have_no_column(tmp_path: Path) -> None:
    script = """CREATE TABLE recipe (cocktail TEXT, what TEXT);
    INSERT INTO recipe VALUES ('A', '1 1/2 oz Gin'), ('A', '0,5 cl Lime'), ('A', '7 Up'),
        ('A', NULL);
    """
    catalog = read(tmp_path, script, FLAT_MAPPING.replace('amount = "cl"', ""))
    volumes = {
        catalog.ingredients.names[i]: ml
        for i, ml in zip(catalog.lines.ingredient, catalog.lines.volume_ml.tolist(), strict=True)
    }
    assert volumes.keys() == {"Gin", "Lime", "7 Up"}
    assert (volumes["Gin"], volumes["Lime"]) == (pytest.approx(44.36, abs=1e-2), 5.0)


def test_a_value_may_hold_signs(tmp_path: Path) -> None:
    script = FLAT.replace("'Gin'", "'Gin, dry, 40 %'").replace("' Campari'", "'1 oz gin, 1 oz rum'")
    assert "Gin, dry, 40 %" in read(tmp_path, script, FLAT_MAPPING).ingredients.names


def test_a_column_that_is_called_as_a_unit_holds_it(tmp_path: Path) -> None:
    catalog = read(tmp_path, FLAT, FLAT_MAPPING)
    assert sorted(catalog.lines.volume_ml.tolist()) == [30.0, 30.0, 60.0]
    assert "amount-without-unit" not in {found.code for found in catalog.findings}
    mapping = FLAT_MAPPING + 'unit = "measure"'
    script = (
        FLAT + "ALTER TABLE recipe ADD measure TEXT; UPDATE recipe SET measure = 'dl' WHERE cl = 6;"
    )
    (tmp_path / "own").mkdir()
    own = read(tmp_path / "own", script, mapping)
    assert sorted(own.lines.volume_ml.tolist()) == [30.0, 30.0, 600.0]


def test_an_amount_that_no_glass_holds_is_told(tmp_path: Path) -> None:
    script = FLAT + "INSERT INTO recipe VALUES ('Date', 'Gin', 45659), ('Bowl', 'Rum', 900);"
    found = finding(read(tmp_path, script, FLAT_MAPPING), "huge-amount")
    assert [example.partition(" (id")[0] for example in found.examples] == [
        "45659 cl Gin, 456,590 ml, in Date"
    ]
    units = """
    CREATE TABLE i (id, n TEXT); INSERT INTO i VALUES (1, 'Gin');
    CREATE TABLE r (id, n TEXT); INSERT INTO r VALUES (1, 'A');
    CREATE TABLE u (id, n TEXT, ml REAL); INSERT INTO u VALUES (1, 'Keg', 20000), (2, 'Drop', NULL);
    CREATE TABLE l (r, i, u, q); INSERT INTO l VALUES (1, 1, 1, 1), (1, 1, 2, 45659), (1, 1, 2, 9);
    """
    mapping = JOINED.replace('unit = "u"', 'unit = "u"\namount = "q"') + 'ml = "ml"'
    (tmp_path / "units").mkdir()
    found = finding(read(tmp_path / "units", units, mapping), "huge-amount")
    assert found.examples == ("1 Keg Gin, 20,000 ml, in A (id 1)",)
