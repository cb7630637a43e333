"""What is wrong in the rows is repaired by rule and counted, or refused."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.source.assembly import assemble
from analytics_core.source.catalog import Ingredients, catalog_from_arrays, catalog_to_arrays
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.findings import Findings
from analytics_core.source.rows import (
    NULL_ID,
    IngredientRows,
    LineRows,
    RecipeRows,
    Rows,
    UnitRows,
)
from tests.analytics_core.databases import (
    DASH,
    INGREDIENTS,
    LINES,
    LOOSE_SCHEMA,
    OUNCE,
    RECIPES,
    change,
    finding,
    refusal,
    write_database,
)
from tests.strategies import forests, ingredients_of

# --- rows that no file need hold ---------------------------------------------------------------


def rows_of(
    ingredients: Ingredients, lines: list[tuple[int, int, int]], *, only_named: bool = False
) -> Rows:
    """One ounce per line; a line is (recipe, place of the ingredient, whether it rolls up)."""
    ids = ingredients.ids.tolist()
    recipes = sorted({recipe for recipe, _, _ in lines})
    return Rows(
        layout="test",
        ingredients=IngredientRows(
            ids=ids,
            names=ingredients.names,
            parents=[ids[parent] if parent >= 0 else NULL_ID for parent in ingredients.parents],
            allow_substitution=ingredients.allow_substitution.astype(int).tolist(),
        ),
        units=UnitRows(ids=[1], names=["Ounce"], abbreviations=["oz"], volumes_ml=[29.5735]),
        recipes=RecipeRows(ids=recipes, names=[f"Recipe {recipe}" for recipe in recipes]),
        lines=LineRows(
            recipes=[recipe for recipe, _, _ in lines],
            ingredients=[ids[place] for _, place, _ in lines],
            units=[1] * len(lines),
            amounts=[1.0] * len(lines),
            rolls_up=[flag for _, _, flag in lines],
        ),
        only_named_parents=only_named,
    )


@settings(max_examples=60, deadline=None)
@given(forests(), st.booleans(), st.data())
def test_only_leaves_with_a_parent_roll_up_and_each_line_decides(
    ingredients: Ingredients, only_named: bool, data: st.DataObject
) -> None:
    parents = ingredients.parents.tolist()
    places = st.integers(0, len(parents) - 1)
    lines = data.draw(
        st.lists(st.tuples(st.integers(1, 4), places, st.sampled_from([-1, 0, 1])), min_size=1)
    )
    rows = rows_of(ingredients, lines, only_named=only_named)
    found = assemble("here", rows, Findings()).lines
    named = {place for _, place, _ in lines}
    expected = []
    for recipe, place, flag in lines:
        parent = parents[place]
        wanted = flag == 1 or (flag == -1 and ingredients.allow_substitution[place])
        rolls = wanted and parent >= 0 and place not in parents
        rolls = rolls and (parent in named or not only_named)
        expected.append((recipe, place, parent if rolls else place))
    ids = sorted({recipe for recipe, _, _ in lines})
    seen = zip([ids[r] for r in found.recipe], found.ingredient, found.rolled, strict=True)
    assert sorted(map(tuple, seen)) == sorted(expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (30.0, 60.0, 45.0),
        (30.0, None, 30.0),
        (30.0, 0.0, 30.0),
        (None, 20.0, 20.0),
        (2.0, 2.0, 2.0),
    ],
)
def test_a_range_is_its_middle(low: float | None, high: float | None, expected: float) -> None:
    rows = rows_of(ingredients_of([1], [-1], [False]), [(1, 0, -1)])
    lines = replace(rows.lines, amounts=[low], amounts_max=[high])
    catalog = assemble("here", replace(rows, lines=lines), Findings())
    assert catalog.lines.amount.tolist() == [expected]


def test_optional_lines_are_kept_apart() -> None:
    rows = rows_of(
        ingredients_of([1, 2], [-1, -1], [False] * 2), [(1, 0, -1), (1, 1, -1), (2, 1, -1)]
    )
    findings = Findings()
    lines = replace(rows.lines, optional=[0, 1, 1])
    catalog = assemble("here", replace(rows, lines=lines), findings)
    assert catalog.lines.ingredient.tolist() == [0]
    assert catalog.optional.ingredient.tolist() == [1]
    assert catalog.optional.volume_ml.tolist() == [29.5735]
    assert catalog.recipes.ids.tolist() == [1]
    assert [(f.code, f.examples) for f in catalog.findings] == [
        ("recipe-all-optional", ("Recipe 2 (id 2)",))
    ]


def test_strengths_that_nobody_wrote() -> None:
    # Spirit 0 > Gin 0 > Dry Gin 47; Soda 0; Syrup unknown; Moonshine 120
    ingredients = ingredients_of([1, 2, 3, 4, 5, 6], [-1, 0, 1, -1, -1, -1], [False] * 6)
    rows = rows_of(ingredients, [(1, 0, -1)])
    given_strengths = replace(rows.ingredients, strengths=[0, 0, 47.0, 0, None, 120])
    catalog = assemble("here", replace(rows, ingredients=given_strengths), Findings())
    np.testing.assert_array_equal(
        catalog.ingredients.strength, [np.nan, np.nan, 47, 0, np.nan, np.nan]
    )
    assert finding(catalog, "bad-strength").examples == ("Ingredient 6 (id 6)",)


def test_methods_and_dilutions_stay_with_their_recipes() -> None:
    rows = rows_of(ingredients_of([1, 2], [-1, -1], [False] * 2), [(6, 0, -1), (7, 1, -1)])
    recipes = RecipeRows(
        ids=[7, 6, 5],
        names=["c", "b", "a"],
        methods=[b"Shake ", None, "Stir"],
        dilutions=[float("inf"), 0.0, 20.0],
    )
    catalog = assemble("here", replace(rows, recipes=recipes), Findings())
    assert catalog.recipes.ids.tolist() == [6, 7]  # 5 has no lines
    assert catalog.recipes.methods == ("", "Shake")
    np.testing.assert_array_equal(catalog.recipes.dilution, [0, np.nan])
    assert finding(catalog, "bad-dilution").examples == ("c (id 7)",)
    # what is not said leaves a fingerprint as it was before it could be
    plain = assemble("here", rows, Findings())
    blank = RecipeRows(ids=[6, 7], names=plain.recipes.names, methods=[None, " "])
    assert assemble("here", replace(rows, recipes=blank), Findings()).fingerprint == (
        plain.fingerprint
    )
    assert catalog.fingerprint != plain.fingerprint
    kept = catalog_from_arrays(catalog_to_arrays(catalog))
    assert (kept.recipes.methods, kept.fingerprint) == (("", "Shake"), catalog.fingerprint)


def test_pairs_and_variants_that_lead_nowhere_are_dropped() -> None:
    rows = rows_of(ingredients_of([1, 2], [-1, -1], [False] * 2), [(5, 0, -1), (6, 1, -1)])
    recipes = RecipeRows(ids=[5, 6, 7], names=["a", "b", "c"], variant_of=[6, 6, 5])
    catalog = assemble(
        "here",
        replace(rows, recipes=recipes, substitutes=[(2, 1), (1, 9), (1, 1), (2, 1)]),
        Findings(),
    )
    assert catalog.recipes.variant_of.tolist() == [1, -1]  # its own variant, and one without lines
    assert catalog.substitutes.tolist() == [[1, 0]]
    assert catalog.parts.shape == (0, 2)


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
    "x" * 255,
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


def test_names_without_end_are_cut_and_told_and_keep_their_ids(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    for table, ident in (("recipes", 100), ("ingredients", 17), ("units", OUNCE)):
        change(path, f"UPDATE {table} SET name = printf('%.*c', 1000000, 'x') WHERE id = {ident}")
    change(path, f"UPDATE units SET abbreviation = 'oz' || hex(zeroblob(500)) WHERE id = {OUNCE}")
    catalog = load_catalog(path, volumes="poured")
    cut = "x" * 254 + "…"
    assert catalog.recipes.names[0] == cut
    assert cut in catalog.ingredients.names
    assert cut in {unit.name for unit in catalog.units}
    told = finding(catalog, "long-name")
    assert told.message == "Cut 4 names to 255 letters."
    assert [(text.split()[0], text.rpartition("(")[2]) for text in told.examples] == [
        ("ingredient", "id 17)"),
        ("recipe", "id 100)"),
        ("unit", f"id {OUNCE})"),
        ("unit", f"id {OUNCE})"),
    ]
    assert len(json.dumps([astuple(found) for found in catalog.findings])) < 5_000


def test_a_unit_without_end_is_shortened_in_what_is_said_of_it(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db", schema=LOOSE_SCHEMA)
    change(
        path,
        f"UPDATE units SET name = 'smidgen {'!' * 200}', abbreviation = NULL,"
        f" conversion_to_ml = NULL WHERE id = {OUNCE}",
    )
    said = finding(load_catalog(path, volumes="poured"), "unit-without-volume").message
    assert "“smidgen !" in said
    assert len(said) < 300


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
