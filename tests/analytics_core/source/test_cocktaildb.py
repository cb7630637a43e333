"""The site's own layout is read whole, or refused in one sentence."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from analytics_core.errors import DataError
from analytics_core.source.cocktaildb import load_catalog
from tests.analytics_core.databases import (
    DASH,
    EACH,
    LINES,
    LOOSE_SCHEMA,
    OUNCE,
    RECIPES,
    UNITS,
    change,
    large_database,
    refusal,
    write_database,
)

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
    assert {lines.recipe.dtype, lines.ingredient.dtype, lines.unit.dtype} == {np.dtype(np.int32)}


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


def test_an_amount_that_no_glass_holds_is_told(database: Path) -> None:
    change(database, "UPDATE recipe_ingredients SET amount = 45659 WHERE id = 1")
    (found,) = load_catalog(database).findings
    assert found.code == "huge-amount"
    assert found.examples == ("45659 Ounce London Dry Gin, 1,350,296 ml, in Negroni (id 100)",)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("optional", "'yes'", "Read 1 line as not optional, because the flag is neither 0 nor 1."),
        ("optional", "2", "Read 1 line as not optional, because the flag is neither 0 nor 1."),
        (
            "rolls_up",
            "'no'",
            "Left it to the ingredient what 1 line counts as, because the flag is neither 0 nor 1.",
        ),
        *[(column, value, "") for column in ("optional", "rolls_up") for value in ("NULL", "0.0")],
    ],
)
def test_a_flag_that_says_neither_yes_nor_no_is_told(
    database: Path, column: str, value: str, message: str
) -> None:
    change(database, f"ALTER TABLE recipe_ingredients ADD COLUMN {column}")
    change(database, f"UPDATE recipe_ingredients SET {column} = {value} WHERE id = 1")
    found = load_catalog(database).findings
    assert [finding.message for finding in found] == ([message] if message else [])
    assert all(finding.code == "unclear-flag" for finding in found)
    assert all(finding.examples == ("London Dry Gin in Negroni (id 100)",) for finding in found)


def test_a_needed_column_may_stand_anywhere_and_in_any_case(tmp_path: Path) -> None:
    schema = LOOSE_SCHEMA.replace("TABLE recipes (id, name)", 'TABLE "Recipes" (x, NAME, Id)')
    odd = load_catalog(write_database(tmp_path / "odd.db", schema=schema))
    plain = load_catalog(write_database(tmp_path / "plain.db"))
    assert odd.fingerprint == plain.fingerprint


@pytest.mark.parametrize("name", ["what?.db", "a#b.db", "50%25.db", "my bar.db", "bär🍸.db"])
def test_names_of_files_that_a_uri_would_misread(tmp_path: Path, name: str) -> None:
    assert len(load_catalog(write_database(tmp_path / name)).recipes.ids) == 5
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_ten_times_the_recipes_take_about_ten_times_as_long_to_load(tmp_path: Path) -> None:
    """Of the processor's time, which a busy machine takes little of; by squares it would be 100."""
    seconds = {}
    for recipes in (2_000, 20_000):
        path = large_database(tmp_path / f"{recipes}.db", recipes=recipes)
        runs = []
        for _ in range(3):
            started = time.process_time()
            catalog = load_catalog(path)
            runs.append(time.process_time() - started)
        assert len(catalog.recipes.ids) == recipes
        assert catalog.findings == ()
        seconds[recipes] = min(runs)
    assert seconds[20_000] < 40 * seconds[2_000]


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
