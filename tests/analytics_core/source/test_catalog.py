"""The catalog of sound databases, and every row of the contract's table of bad input."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from analytics_core.errors import DataError
from analytics_core.source.catalog import (
    Catalog,
    Finding,
    catalog_from_arrays,
    catalog_to_arrays,
)
from analytics_core.source.cocktaildb import load_catalog
from tests.analytics_core.databases import (
    DASH,
    EACH,
    INGREDIENTS,
    LINES,
    LOOSE_SCHEMA,
    OUNCE,
    RECIPES,
    UNITS,
    change,
    large_database,
    write_database,
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write_database(tmp_path / "bar.db")


def finding(catalog: Catalog, code: str) -> Finding:
    found = [entry for entry in catalog.findings if entry.code == code]
    assert len(found) == 1, f"{code} not among {catalog.findings}"
    assert found[0].message.endswith(".")
    assert f"{found[0].count:,} " in found[0].message
    return found[0]


def refusal(path: Path) -> str:
    """Return the one sentence in which a database is refused."""
    with pytest.raises(DataError) as caught:
        load_catalog(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert caught.value.exit_code == 3
    return sentence


# --- sound databases -------------------------------------------------------------------------


def test_a_sound_database(database: Path) -> None:
    catalog = load_catalog(database)
    assert catalog.findings == ()
    ingredients, lines = catalog.ingredients, catalog.lines
    assert ingredients.ids.tolist() == [1, 2, 3, 4, 5, 6, 7, 10, 11, 17, 18, 20, 21, 22]
    dry_gin = ingredients.ids.tolist().index(17)
    assert ingredients.names[dry_gin] == "London Dry Gin"
    assert ingredients.paths[dry_gin] == "/1/10/17/"
    assert ingredients.ids[ingredients.parents[dry_gin]] == 10
    assert ingredients.parents[0] == -1
    assert ingredients.ids[ingredients.allow_substitution].tolist() == [17, 20]
    assert ingredients.allow_substitution.dtype == np.bool_
    assert catalog.recipes.ids.tolist() == [100, 101, 102, 103, 104]
    assert catalog.recipes.names[2] == "Martini"
    martini = lines.recipe == 2
    assert ingredients.ids[lines.ingredient[martini]].tolist() == [4, 17, 22]
    assert lines.volume_ml[martini] == pytest.approx([0.616115, 73.93375, 14.78675])
    assert [catalog.units[unit].name for unit in lines.unit[martini]] == ["Dash", "Ounce", "Ounce"]
    assert np.isnan(lines.amount[lines.volume_ml == 90]).all()
    assert (lines.recipe.dtype, lines.ingredient.dtype, lines.unit.dtype) == (np.int32,) * 3


def test_the_same_lines_in_other_units_and_without(tmp_path: Path) -> None:
    lines = [(100, 3, None, 30.0), (100, 4, None, None), (100, 7, EACH, 1.0)]
    catalog = load_catalog(write_database(tmp_path / "bar.db", lines=lines, recipes=RECIPES[:1]))
    assert catalog.lines.unit.tolist()[:2] == [-1, -1]
    assert catalog.lines.volume_ml.tolist() == [30.0, 1.0, 1.0]


@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_and_line_ids_do_not_matter(tmp_path: Path, seed: int) -> None:
    # Twin lines, and findings whose examples could come in any order.
    lines = [*LINES, (100, 3, OUNCE, 1.0), (100, 3, DASH, 1.0), (100, 3, OUNCE, None)]
    lines += [(1000 + number, 3, OUNCE, 1.0) for number in range(20)]
    straight = write_database(tmp_path / "straight.db", lines=lines)
    shuffled = write_database(tmp_path / "shuffled.db", lines=lines, shuffle=seed)
    one, other = load_catalog(straight), load_catalog(shuffled)
    assert one.fingerprint == other.fingerprint
    assert one.findings == other.findings
    assert one.units == other.units
    assert one.ingredients.names == other.ingredients.names
    for name in ("recipe", "ingredient", "amount", "unit", "volume_ml"):
        np.testing.assert_array_equal(getattr(one.lines, name), getattr(other.lines, name))


def test_ids_of_units_do_not_matter_and_twins_are_one(tmp_path: Path) -> None:
    one = load_catalog(write_database(tmp_path / "one.db"))
    renumbered = [(unit[0] + 50, *unit[1:]) for unit in UNITS]
    twin = (200, *UNITS[0][1:])
    lines = [
        (*line[:2], 200 if index % 2 and line[2] == OUNCE else line[2] + 50, line[3])
        for index, line in enumerate(LINES)
    ]
    other = load_catalog(
        write_database(
            tmp_path / "other.db", schema=LOOSE_SCHEMA, units=[*renumbered, twin], lines=lines
        )
    )
    assert other.fingerprint == one.fingerprint
    assert other.units == one.units


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE recipes SET instructions = 'stir', avg_rating = 4.5, image_url = 'x'",
        "UPDATE ingredients SET description = 'a spirit', created_by = 'somebody'",
        "INSERT INTO ratings (recipe_id, user_id, rating) VALUES (100, 'u', 5)",
        "UPDATE recipe_ingredients SET id = id + 1000",
        "ALTER TABLE recipes ADD COLUMN is_public INTEGER",
        "VACUUM",
    ],
)
def test_what_is_not_read_does_not_count(database: Path, statement: str) -> None:
    before = load_catalog(database).fingerprint
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(statement)
    assert load_catalog(database).fingerprint == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE recipes SET name = 'Negroni Sbagliato' WHERE id = 100",
        "UPDATE recipes SET id = 99 WHERE name = 'Martini'",
        "UPDATE ingredients SET name = 'Aperol' WHERE id = 3",
        "UPDATE ingredients SET allow_substitution = 1 WHERE id = 18",
        "UPDATE ingredients SET parent_id = 1, path = '/1/18/' WHERE id = 18",
        "UPDATE recipe_ingredients SET amount = 1.5 WHERE recipe_id = 100 AND ingredient_id = 3",
        "UPDATE recipe_ingredients SET unit_id = 2 WHERE recipe_id = 100 AND ingredient_id = 3",
        "UPDATE units SET conversion_to_ml = 30 WHERE name = 'Ounce'",
        "DELETE FROM recipe_ingredients WHERE recipe_id = 100 AND ingredient_id = 3",
    ],
)
def test_what_is_read_counts(database: Path, statement: str) -> None:
    before = load_catalog(database).fingerprint
    assert load_catalog(change(database, statement)).fingerprint != before


def test_a_needed_column_may_stand_anywhere_and_in_any_case(tmp_path: Path) -> None:
    schema = LOOSE_SCHEMA.replace("TABLE recipes (id, name)", 'TABLE "Recipes" (x, NAME, Id)')
    odd = load_catalog(write_database(tmp_path / "odd.db", schema=schema))
    plain = load_catalog(write_database(tmp_path / "plain.db"))
    assert odd.fingerprint == plain.fingerprint


@pytest.mark.parametrize("name", ["what?.db", "a#b.db", "50%25.db", "my bar.db", "bär🍸.db"])
def test_names_of_files_that_a_uri_would_misread(tmp_path: Path, name: str) -> None:
    assert len(load_catalog(write_database(tmp_path / name)).recipes.ids) == 5
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_twenty_thousand_recipes_load_in_about_a_second(tmp_path: Path) -> None:
    path = large_database(tmp_path / "large.db", recipes=20_000)
    seconds = []
    for _ in range(2):
        started = time.process_time()
        catalog = load_catalog(path)
        seconds.append(time.process_time() - started)
    assert len(catalog.recipes.ids) == 20_000
    assert catalog.findings == ()
    assert min(seconds) < 1.5  # 0.3 s on the machine this was written on


# --- files that are no databases -------------------------------------------------------------


def test_missing(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "no.db")
    assert "does not exist" in refusal(write_database(tmp_path / "bar.db") / "below.db")
    assert "is a directory" in refusal(tmp_path)


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    assert "is empty" in refusal(path)


@pytest.mark.parametrize("content", [b"x", b"id,name\n1,Gin\n" * 99, b"SQLite format 2\x00" * 99])
def test_not_sqlite(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipes.csv"
    path.write_bytes(content)
    assert "is not a SQLite file" in refusal(path)


@pytest.mark.parametrize("keep", [10, 99, 100, 4096, 0.5, -1])
def test_truncated(database: Path, keep: float) -> None:
    whole = database.read_bytes()
    kept = int(len(whole) * keep) if 0 < keep < 1 else int(keep)
    database.write_bytes(whole[:kept])
    assert "is truncated" in refusal(database)


def test_corrupt_page(tmp_path: Path) -> None:
    path = large_database(tmp_path / "large.db", recipes=500)
    whole = bytearray(path.read_bytes())
    page = len(whole) // 4096 // 2 * 4096
    whole[page : page + 2048] = random.Random(1).randbytes(2048)
    path.write_bytes(whole)
    assert "is corrupt" in refusal(path)


def test_corrupt_header(database: Path) -> None:
    whole = bytearray(database.read_bytes())
    whole[16:18] = (1000).to_bytes(2, "big")
    database.write_bytes(whole)
    assert "page size is 1000" in refusal(database)


@pytest.mark.parametrize("part", ["any", "schema", "content"])
def test_flipped_bytes_never_crash(tmp_path: Path, part: str) -> None:
    sound = large_database(tmp_path / "sound.db", recipes=30, ingredients=60).read_bytes()
    path = tmp_path / "flipped.db"
    draw = random.Random(20)
    refused = 0
    first, last = {"any": (0, len(sound)), "schema": (18, 4096), "content": (4096, len(sound))}[
        part
    ]
    for _ in range(150):
        flipped = bytearray(sound)
        for _ in range(draw.choice((1, 3, 30))):
            flipped[draw.randrange(first, last)] = draw.randrange(256)
        path.write_bytes(flipped)
        try:
            catalog = load_catalog(path)
        except DataError:
            refused += 1
        else:
            assert np.isfinite(catalog.lines.volume_ml).all()
    assert refused > 10  # the flips did reach something


# --- missing tables and columns --------------------------------------------------------------


@pytest.mark.parametrize("table", ["ingredients", "units", "recipes", "recipe_ingredients"])
def test_missing_table(database: Path, table: str) -> None:
    sentence = refusal(change(database, f"DROP TABLE {table}"))
    assert sentence.endswith(f"lacks the table {table}.")


def test_several_missing_tables(tmp_path: Path) -> None:
    path = change(
        tmp_path / "other.db", "CREATE TABLE units (id)", "CREATE VIEW recipes AS SELECT 1"
    )
    assert "lacks the tables ingredients, recipes, recipe_ingredients" in refusal(path)


@pytest.mark.parametrize(
    "column",
    [
        *(f"ingredients.{name}" for name in ("id", "name", "parent_id", "path")),
        "ingredients.allow_substitution",
        *(f"units.{name}" for name in ("id", "name", "abbreviation", "conversion_to_ml")),
        *("recipes.id", "recipes.name"),
        *(f"recipe_ingredients.{name}" for name in ("recipe_id", "ingredient_id", "unit_id")),
        "recipe_ingredients.amount",
    ],
)
def test_missing_column(tmp_path: Path, column: str) -> None:
    table, name = column.split(".")
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    change(path, f"ALTER TABLE {table} RENAME COLUMN {name} TO other")
    assert refusal(path).endswith(f"lacks the column {column}.")


def test_several_missing_columns(database: Path) -> None:
    change(
        database,
        "ALTER TABLE ingredients DROP COLUMN path",
        "ALTER TABLE recipe_ingredients DROP COLUMN amount",
    )
    assert "lacks the columns ingredients.path, recipe_ingredients.amount" in refusal(database)


# --- the tree --------------------------------------------------------------------------------


def test_cycle(database: Path) -> None:
    change(database, "UPDATE ingredients SET parent_id = 17 WHERE id = 1")
    sentence = refusal(database)
    assert "cycle" in sentence
    assert all(str(ident) in sentence.split("ids ")[1] for ident in (1, 10, 17))


def test_cycle_of_one(database: Path) -> None:
    assert "ids 3 -> 3" in refusal(
        change(database, "UPDATE ingredients SET parent_id = id WHERE id = 3")
    )


def test_what_hangs_below_a_cycle_is_not_in_it(database: Path) -> None:
    change(database, "UPDATE ingredients SET parent_id = 10 WHERE id = 1")
    assert refusal(database).endswith("ids 1 -> 10 -> 1.")


def test_parent_without_a_row(database: Path) -> None:
    change(
        database,
        "UPDATE ingredients SET parent_id = 999, path = '/999/10/' WHERE id = 10",
        "UPDATE ingredients SET path = '/999/10/17/' WHERE id = 17",
        "UPDATE ingredients SET path = '/10/18/' WHERE id = 18",
    )
    catalog = load_catalog(database)
    orphan = finding(catalog, "orphan-parent")
    assert (orphan.count, orphan.examples) == (1, ("Gin (id 10)",))
    assert len(catalog.findings) == 1  # the lost parent in stored paths is the same flaw
    paths = dict(zip(catalog.ingredients.ids.tolist(), catalog.ingredients.paths, strict=True))
    assert (paths[10], paths[17], paths[18]) == ("/10/", "/10/17/", "/10/18/")
    assert catalog.ingredients.parents[catalog.ingredients.ids == 10].tolist() == [-1]


@pytest.mark.parametrize("parent", ["'Spirit'", "x'01'", "1.5", "''", "-9223372036854775808"])
def test_parent_of_another_type(tmp_path: Path, parent: str) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    change(path, f"UPDATE ingredients SET parent_id = {parent}, path = '/11/' WHERE id = 11")
    catalog = load_catalog(path)
    # the smallest integer of all reads as "no parent"
    expected = ["path-mismatch"] if parent.startswith("-") else ["orphan-parent", "path-mismatch"]
    assert [entry.code for entry in catalog.findings] == expected
    assert catalog.ingredients.parents[catalog.ingredients.ids == 11].tolist() == [-1]


@pytest.mark.parametrize("stored", ["'/2/17/'", "'/1/10/17'", "NULL", "''", "x'ff'", "17"])
def test_path_that_disagrees(database: Path, stored: str) -> None:
    change(database, f"UPDATE ingredients SET path = {stored} WHERE id = 17")
    catalog = load_catalog(database)
    mismatch = finding(catalog, "path-mismatch")
    assert (mismatch.count, mismatch.examples) == (1, ("London Dry Gin (id 17)",))
    assert catalog.ingredients.paths[catalog.ingredients.ids.tolist().index(17)] == "/1/10/17/"


def test_a_chain_without_end_is_refused(tmp_path: Path) -> None:
    chain = [(ident, f"i{ident}", ident - 1 or None, "", 0) for ident in range(1, 5001)]
    path = write_database(tmp_path / "deep.db", ingredients=chain, lines=(), recipes=())
    assert "levels deep" in refusal(path)
    path = write_database(tmp_path / "less.db", ingredients=chain[:900], lines=(), recipes=())
    assert load_catalog(path).ingredients.paths[-1].count("/") == 901


# --- recipes and lines -----------------------------------------------------------------------


def test_recipe_without_lines(database: Path) -> None:
    catalog = load_catalog(change(database, "INSERT INTO recipes (id, name) VALUES (7, 'Water')"))
    without = finding(catalog, "recipe-without-lines")
    assert (without.count, without.examples) == (1, ("Water (id 7)",))
    assert 7 not in catalog.recipes.ids


def test_recipe_without_volume(database: Path) -> None:
    change(database, "UPDATE recipe_ingredients SET amount = 0 WHERE recipe_id = 102")
    catalog = load_catalog(database)
    assert finding(catalog, "recipe-without-volume").examples == ("Martini (id 102)",)
    assert catalog.recipes.names == ("Negroni", "Boulevardier", "Americano", "Manhattan")
    # The remaining recipes keep their lines, under new indices.
    manhattan = catalog.lines.recipe == 3
    assert catalog.ingredients.ids[catalog.lines.ingredient[manhattan]].tolist() == [4, 20, 21]


@pytest.mark.parametrize(
    "amount", ["-1", "-1e-300", "9e999", "-9e999", "1.7e308", "'nan'", "x'00'", "'two'", "''"]
)
def test_bad_amount(database: Path, amount: str) -> None:
    change(
        database,
        f"UPDATE recipe_ingredients SET amount = {amount} "
        "WHERE recipe_id = 102 AND ingredient_id = 17",
    )
    catalog = load_catalog(database)
    bad = finding(catalog, "bad-amount")
    assert (bad.count, bad.examples) == (1, ("Martini (id 102)",))
    assert len(catalog.findings) == 1
    assert catalog.recipes.ids.tolist() == [100, 101, 103, 104]
    assert np.isfinite(catalog.lines.volume_ml).all()


def test_nan_is_stored_as_null_and_means_no_amount(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "UPDATE recipe_ingredients SET amount = ? WHERE recipe_id = 100", (float("nan"),)
        )
        connection.commit()
    catalog = load_catalog(database)
    assert catalog.findings == ()
    assert catalog.lines.volume_ml[catalog.lines.recipe == 0].tolist() == [1.0, 1.0, 1.0]


def test_an_infinite_amount_of_a_fixed_unit_is_bad_too(database: Path) -> None:
    change(database, "UPDATE recipe_ingredients SET amount = 9e999 WHERE ingredient_id = 5")
    assert finding(load_catalog(database), "bad-amount").examples == ("Americano (id 103)",)


def test_volumes_whose_sum_overflows(database: Path) -> None:
    change(
        database,
        "UPDATE recipe_ingredients SET amount = 1.7e308, unit_id = NULL WHERE recipe_id = 100",
    )
    assert finding(load_catalog(database), "bad-amount").examples == ("Negroni (id 100)",)


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ("100, 999", "recipe 100, ingredient 999"),
        ("555, 17", "recipe 555, ingredient 17"),
        ("555, 999", "recipe 555, ingredient 999"),
        ("NULL, 17", "recipe NULL, ingredient 17"),
        ("100, 'Gin'", "recipe 100, ingredient not a number"),
        ("100, x'11'", "recipe 100, ingredient not a number"),
    ],
)
def test_dangling_line(tmp_path: Path, line: str, example: str) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    before = load_catalog(path).fingerprint
    # Its amount does not count either: the line is left out before amounts are looked at.
    change(path, f"INSERT INTO recipe_ingredients VALUES ({line}, {OUNCE}, -5)")
    catalog = load_catalog(path)
    dangling = finding(catalog, "dangling-line")
    assert (dangling.count, dangling.examples) == (1, (example,))
    assert len(catalog.findings) == 1
    assert catalog.fingerprint == before


def test_recipe_of_dangling_lines_only(database: Path) -> None:
    change(database, "UPDATE recipe_ingredients SET ingredient_id = 999 WHERE recipe_id = 100")
    catalog = load_catalog(database)
    assert finding(catalog, "dangling-line").count == 3
    assert finding(catalog, "recipe-without-lines").examples == ("Negroni (id 100)",)


def test_unit_that_does_not_exist(database: Path) -> None:
    change(database, "UPDATE recipe_ingredients SET unit_id = 77 WHERE recipe_id = 100")
    catalog = load_catalog(database)
    unknown = finding(catalog, "unknown-unit")
    assert (unknown.count, unknown.examples) == (3, ("Negroni (id 100), unit 77",))
    assert catalog.lines.volume_ml[catalog.lines.recipe == 0].tolist() == [1.0, 1.0, 1.0]
    assert catalog.lines.unit[catalog.lines.recipe == 0].tolist() == [-1, -1, -1]


@pytest.mark.parametrize("value", ["-3", "9e999", "'an ounce'", "x'00'"])
def test_conversion_that_is_none(database: Path, value: str) -> None:
    change(database, f"UPDATE units SET conversion_to_ml = {value} WHERE id = {DASH}")
    catalog = load_catalog(database)
    assert finding(catalog, "bad-conversion").examples == (f"Dash (id {DASH})",)
    assert 2.0 in catalog.lines.volume_ml  # two dashes, taken as milliliters


@pytest.mark.parametrize(
    "recipes", [(), RECIPES], ids=["no recipes at all", "recipes without lines"]
)
def test_no_usable_recipe(tmp_path: Path, recipes: tuple[tuple[int, str], ...]) -> None:
    catalog = load_catalog(write_database(tmp_path / "bar.db", recipes=recipes, lines=()))
    finding(catalog, "no-usable-recipe")
    assert catalog.recipes.ids.shape == (0,)
    assert catalog.lines.volume_ml.shape == (0,)
    assert len(catalog.ingredients.ids) == len(INGREDIENTS)


def test_nothing_at_all(tmp_path: Path) -> None:
    empty = load_catalog(
        write_database(tmp_path / "bar.db", ingredients=(), units=(), recipes=(), lines=())
    )
    assert (empty.units, empty.ingredients.names, empty.recipes.names) == ((), (), ())
    lines = load_catalog(
        write_database(tmp_path / "lines.db", ingredients=(), units=(), recipes=())
    )
    assert finding(lines, "dangling-line").count == len(LINES)
    assert len(finding(lines, "dangling-line").examples) == 10


# --- names and types -------------------------------------------------------------------------

HOSTILE = [
    """'"; DROP TABLE recipes; --""",
    "</script><script>alert(1)</script>",
    "🍸🏴‍☠️ Piña",
    "‮שלום‬ عرق",
    "x" * 10_000,
    "a\nb\tc\x01",
    "NULL",
    "e\u0301 and é",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_come_out_intact(database: Path, name: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE recipes SET name = ? WHERE id = 100", (name,))
        connection.execute("UPDATE ingredients SET name = ? WHERE id = 3", (name,))
        connection.execute("INSERT INTO recipes (id, name) VALUES (7, ?)", (f"{name} empty",))
        connection.commit()
    catalog = load_catalog(database)
    assert catalog.recipes.names[0] == name
    assert catalog.ingredients.names[2] == name
    (example,) = finding(catalog, "recipe-without-lines").examples
    assert example.endswith("(id 7)")
    assert len(example) <= 80


@pytest.mark.parametrize("raw", [b"Caf\xe9", b"\xff\xfe", b"\xed\xa0\x80"])
def test_names_that_are_not_utf8(database: Path, raw: bytes) -> None:
    change(database, f"UPDATE recipes SET name = CAST(x'{raw.hex()}' AS TEXT) WHERE id = 100")
    catalog = load_catalog(database)
    assert finding(catalog, "invalid-utf8").count == 1
    assert "\N{REPLACEMENT CHARACTER}" in catalog.recipes.names[0]
    catalog.recipes.names[0].encode()


@pytest.mark.parametrize(
    ("stored", "name"),
    [("NULL", "Recipe 100"), ("''", "Recipe 100"), ("'  '", "Recipe 100"), ("x'47696e'", "Gin")],
)
def test_names_that_are_missing_or_blobs(tmp_path: Path, stored: str, name: str) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    catalog = load_catalog(change(path, f"UPDATE recipes SET name = {stored} WHERE id = 100"))
    assert catalog.recipes.names[0] == name
    if name == "Recipe 100":
        assert finding(catalog, "missing-name").examples == (name,)
    else:
        assert catalog.findings == ()


def test_a_null_where_the_schema_forbids_it_is_a_matter_of_rows(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'name TEXT NOT NULL', 'name TEXT')"
        )
        connection.commit()
    change(database, "UPDATE recipes SET name = NULL WHERE id = 100")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'name TEXT', 'name TEXT NOT NULL')"
        )
        connection.commit()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() != ("ok",)
    assert finding(load_catalog(database), "missing-name").count == 1


@pytest.mark.parametrize("value", ["NULL", "2", "-1", "'yes'", "x'01'", "0.5"])
def test_allow_substitution_that_is_neither(tmp_path: Path, value: str) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    change(path, f"UPDATE ingredients SET allow_substitution = {value} WHERE id = 17")
    catalog = load_catalog(path)
    assert finding(catalog, "bad-allow-substitution").examples == ("London Dry Gin (id 17)",)
    assert catalog.ingredients.ids[catalog.ingredients.allow_substitution].tolist() == [20]


def test_ids_that_are_no_numbers(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    before = load_catalog(path).fingerprint
    change(
        path,
        "INSERT INTO ingredients VALUES ('x', 'Nobody', NULL, '/x/', 0)",
        "INSERT INTO recipes VALUES (NULL, 'Nothing')",
        "INSERT INTO units VALUES (1.5, 'Smidgen', NULL, 1)",
    )
    catalog = load_catalog(path)
    bad = finding(catalog, "bad-id")
    assert bad.count == 3
    assert bad.examples == ("table ingredients", "table recipes", "table units")
    assert catalog.fingerprint == before


def test_ids_at_the_ends_of_their_range(tmp_path: Path) -> None:
    big = 2**63 - 1
    path = write_database(
        tmp_path / "bar.db",
        recipes=[(big, "Big"), (big - 1, "Less")],
        lines=[(big, 3, OUNCE, 1.0), (big - 1, 4, OUNCE, 1.0)],
    )
    catalog = load_catalog(path)
    assert catalog.recipes.ids.tolist() == [big - 1, big]
    assert catalog.ingredients.ids[catalog.lines.ingredient].tolist() == [4, 3]


@pytest.mark.parametrize("table", ["ingredients", "recipes", "units"])
def test_the_same_id_twice(tmp_path: Path, table: str) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    change(path, f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1")
    assert "more than one row with id" in refusal(path)


def test_an_index_that_lies_hides_no_row(database: Path) -> None:
    before = load_catalog(database).fingerprint
    # The index over the recipes' names changes places with an empty one; quick_check does not
    # compare an index with its table, and SQLite would read the names out of the index.
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE spare (name TEXT UNIQUE)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT sum(rootpage) FROM sqlite_master"
            " WHERE name IN ('sqlite_autoindex_spare_1', 'sqlite_autoindex_recipes_1')) - rootpage"
            " WHERE name IN ('sqlite_autoindex_spare_1', 'sqlite_autoindex_recipes_1')"
        )
        connection.commit()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT id, name FROM recipes").fetchall() == []
    assert load_catalog(database).fingerprint == before


def test_examples_stop_at_ten(database: Path) -> None:
    change(
        database,
        *(f"INSERT INTO recipes (id, name) VALUES ({n}, 'Empty {n}')" for n in range(1000, 2500)),
    )
    without = finding(load_catalog(database), "recipe-without-lines")
    assert without.count == 1500
    assert len(without.examples) == 10
    assert "1,500 recipes" in without.message


def test_a_catalog_made_of_its_arrays_is_the_same(tmp_path: Path) -> None:
    names = ["\u202eGin", "Piña 🍸", "x" * 5000, "tab\tand\nline"]
    path = write_database(
        tmp_path / "bar.db",
        ingredients=[(i, name, None, f"/{i}{i}/", i % 2) for i, name in enumerate(names, 1)],
        recipes=[(1, "Neat"), (2, "Nothing in it"), (3, "As you like")],
        lines=[(1, 1, OUNCE, 1 / 3), (1, 2, None, 2.0), (3, 3, None, None), (9, 1, OUNCE, 1.0)],
    )
    whole = load_catalog(path)
    assert len(whole.findings) == 3
    lone = replace(whole, recipes=replace(whole.recipes, names=("\ud800", "As you like")))
    for catalog in (whole, lone):
        arrays = catalog_to_arrays(catalog)
        assert all(array.dtype != object for array in arrays.values())
        back = catalog_from_arrays(arrays)
        for part in ("ingredients", "recipes", "lines"):
            before, after = getattr(catalog, part), getattr(back, part)
            for column in fields(before):
                one, two = getattr(before, column.name), getattr(after, column.name)
                assert type(one) is type(two)
                if isinstance(one, np.ndarray):
                    assert (one.dtype, one.tobytes()) == (two.dtype, two.tobytes())
                else:
                    assert one == two
        assert (back.units, back.findings) == (catalog.units, catalog.findings)
        assert back.fingerprint == catalog.fingerprint
