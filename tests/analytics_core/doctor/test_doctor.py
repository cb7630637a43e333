"""What the doctor asks about, and what it must not ask about."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics_core.doctor import examine
from analytics_core.doctor.hierarchy import misplaced_ingredients
from analytics_core.doctor.instructions import read_instructions
from analytics_core.doctor.sql import repairs
from analytics_core.naming import fold
from analytics_core.sample import write_sample_database
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.source.catalog import Catalog
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.findings import Finding, advice
from tests.analytics_core.databases import LOOSE_SCHEMA, write_database
from tests.analytics_core.test_cli import run

ML, DASH, OUNCE = 1, 2, 3
UNITS = [(ML, "ml", "ml", 1.0), (DASH, "Dash", "dash", 0.6), (OUNCE, "Ounce", "oz", 30.0)]
GIN, VERMOUTH, LIME, BITTERS, SYRUP = 1, 2, 3, 4, 5
NAMES = ("Gin", "Dry Vermouth", "Lime Juice", "Angostura Bitters", "Simple Syrup")

Line = tuple[int, float, int]


def bar(
    path: Path,
    recipes: Mapping[str, Sequence[Line]],
    *,
    names: Sequence[str] = NAMES,
    words: dict[str, str] | None = None,
    parents: dict[int, int] | None = None,
) -> Path:
    """Write a bar: recipes by name, each a list of (ingredient, amount, unit)."""
    above = parents or {}
    write_database(
        path,
        schema=LOOSE_SCHEMA.replace("recipes (id, name)", "recipes (id, name, instructions)"),
        ingredients=[
            (n, name, above.get(n), f"/{above[n]}/{n}/" if n in above else f"/{n}/", 0)
            for n, name in enumerate(names, 1)
        ],
        units=UNITS,
        recipes=[(n, name) for n, name in enumerate(recipes, 1)],
        lines=[
            (n, ingredient, unit, amount)
            for n, lines in enumerate(recipes.values(), 1)
            for ingredient, amount, unit in lines
        ],
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "UPDATE recipes SET instructions = ? WHERE name = ?",
            [(text, name) for name, text in (words or {}).items()],
        )
    return path


def found(path: Path) -> dict[str, Finding]:
    """Examine a database; return findings by code."""
    catalog, tree = read(path)
    mixtures = build_mixtures(catalog, tree)
    asked = examine(catalog, tree, mixtures, instructions=read_instructions(path))
    assert len({finding.code for finding in asked}) == len(asked)
    return {finding.code: finding for finding in asked}


def read(path: Path) -> tuple[Catalog, IngredientTree]:
    catalog = load_catalog(path, volumes="poured")
    return catalog, IngredientTree.from_ingredients(catalog.ingredients)


def sours(count: int, **more: Sequence[Line]) -> dict[str, Sequence[Line]]:
    """So many drinks of gin, lime, syrup, bitters, no two alike, and more."""
    return {
        f"Sour no. {n}": [
            (GIN, 45.0 + n, ML),
            (LIME, 20.0 + n % 5, ML),
            (SYRUP, 15.0, ML),
            (BITTERS, 1.0 + n % 2, DASH),
        ]
        for n in range(count)
    } | {name.replace("_", " "): lines for name, lines in more.items()}


# --- volumes ------------------------------------------------------------------------------------


def test_slips_of_the_pen_are_found(tmp_path: Path) -> None:
    slips: dict[str, Sequence[Line]] = {
        "Little_Lime": [(GIN, 50, ML), (LIME, 0.5, ML), (SYRUP, 15, ML)],
        "Much_Bitters": [(GIN, 60, ML), (VERMOUTH, 30, ML), (BITTERS, 30, ML)],
    }
    asked = found(bar(tmp_path / "bar.db", sours(12, **slips)))["unlikely-volume"]
    assert asked.count == 2
    assert asked.examples == (
        "0.5 ml of Lime Juice (usually 21 ml) in Little Lime (id 13)",
        "30 ml of Angostura Bitters (usually 1.2 ml) in Much Bitters (id 14)",
    )


@pytest.mark.parametrize(
    "lines",
    [
        [(GIN, 500, ML), (LIME, 220, ML), (SYRUP, 150, ML)],  # a punch for ten
        [(BITTERS, 45, ML), (LIME, 20, ML), (SYRUP, 30, ML)],  # the bitters are its base
        [(GIN, 50, ML), (LIME, 1, DASH), (SYRUP, 15, ML)],  # a dash is meant
        [(GIN, 50, ML), (LIME, 22, ML), (BITTERS, 9, DASH)],  # many dashes, but a sip
        [(GIN, 120, ML), (BITTERS, 30, ML)],  # of two, each makes the drink
        [(GIN, 60, ML), (VERMOUTH, 500, ML)],  # of vermouth nobody knows what is usual
    ],
)
def test_what_is_meant_is_left_alone(lines: Sequence[Line], tmp_path: Path) -> None:
    path = bar(tmp_path / "bar.db", sours(12, Odd_One=lines, Neat_Vermouth=[(VERMOUTH, 5, ML)]))
    assert "unlikely-volume" not in found(path)


def test_what_many_do_is_a_custom(tmp_path: Path) -> None:
    floats = {
        f"Float_{n}": [(GIN, 60 + n, ML), (SYRUP, 15, ML), (BITTERS, 25, ML)] for n in range(3)
    }
    assert "unlikely-volume" not in found(bar(tmp_path / "bar.db", sours(40, **floats)))


# --- names and mixes ----------------------------------------------------------------------------


def test_names_that_are_one(tmp_path: Path) -> None:
    names = ("Gin", "GIN ", "Crème de Cacao", "creme  de cacao", "Cherry", "Cherries")
    recipes = {
        "Pat's Cup": [(1, 1, OUNCE)],
        "Pat’s Cup": [(3, 1, OUNCE)],
        "Rum Punch": [(5, 1, OUNCE), (1, 1, OUNCE)],
        "Punch, Rum": [(7, 1, OUNCE)],
    }
    asked = found(
        bar(tmp_path / "bar.db", recipes, names=(*names, "Bitter Orange", "Orange Bitters"))
    )
    assert asked["same-ingredient-name"].examples == (
        "Gin (id 1) and GIN (id 2)",
        "Crème de Cacao (id 3) and creme de cacao (id 4)",
    )
    assert asked["same-ingredient-name"].count == 4
    assert asked["similar-ingredient-name"].examples == ("Cherry (id 5) and Cherries (id 6)",)
    assert asked["same-recipe-name"].examples == ("Pat's Cup (id 1) and Pat’s Cup (id 2)",)
    assert asked["similar-recipe-name"].examples == ("Rum Punch (id 3) and Punch, Rum (id 4)",)
    assert asked["blanks-in-name"].examples == (
        "ingredient 2: GIN␣",
        "ingredient 4: creme ␣de cacao",
    )


def test_words_of_other_kinds_may_be_the_same(tmp_path: Path) -> None:
    names = ("Dairy", "Food", "Chocolate Milk", "Milk Chocolate", "Cocoa Milk", "Milk Cocoa")
    parents = {3: 1, 4: 2, 5: 1, 6: 1}
    recipes: dict[str, Sequence[Line]] = {"Cup": [(3, 1, OUNCE), (4, 1, OUNCE)]}
    asked = found(bar(tmp_path / "bar.db", recipes, names=names, parents=parents))
    assert asked["similar-ingredient-name"].examples == ("Cocoa Milk (id 5) and Milk Cocoa (id 6)",)


def test_one_mix_under_two_names(tmp_path: Path) -> None:
    recipes: dict[str, Sequence[Line]] = {
        "Martini": [(GIN, 60, ML), (VERMOUTH, 30, ML)],
        "Split": [(VERMOUTH, 1, OUNCE), (GIN, 1, OUNCE), (GIN, 1, OUNCE)],
        "Wet": [(GIN, 60, ML), (VERMOUTH, 31, ML)],
        "Gin": [(GIN, 60, ML)],
    }
    asked = found(bar(tmp_path / "bar.db", recipes))
    assert asked["same-mix"].examples == ("Martini (id 1) and Split (id 2)",)
    assert asked["unused-ingredient"].count == 3


# --- instructions -------------------------------------------------------------------------------


def with_words(path: Path, last: str, *, listing: int = 4, **names: Any) -> dict[str, Finding]:
    """Some recipes that list the syrup and name it; one that names it alone."""
    recipes = {f"Drink {n}": [(GIN, 40 + n, ML), (SYRUP, 10, ML)] for n in range(listing)}
    words = dict.fromkeys(recipes, "Stir with the simple syrup.")
    recipes["Last"] = [(GIN, 60, ML), (LIME, 20, ML)]
    return found(bar(path, recipes, words={**words, "Last": last}, **names))


def test_an_ingredient_in_the_words_alone(tmp_path: Path) -> None:
    asked = with_words(tmp_path / "bar.db", "Shake with ice and Simple Syrups; strain.")
    assert asked["named-in-instructions"].examples == ("Simple Syrup (id 5) in Last (id 5)",)


@pytest.mark.parametrize(
    ("last", "listing"),
    [
        ("Shake without simple syrup.", 4),
        ("Sweet like simple syrup.", 4),
        ("Pour into a simple syrup glass.", 4),
        ("Shake with lime.", 4),  # a word of what is listed
        ("Add simple syrup.", 1),  # nobody else does either
        ("Syrup, simple.", 4),
    ],
)
def test_what_words_do_not_say(last: str, listing: int, tmp_path: Path) -> None:
    assert "named-in-instructions" not in with_words(tmp_path / "bar.db", last, listing=listing)


def test_a_custom_of_the_house_is_no_slip(tmp_path: Path) -> None:
    recipes: dict[str, Sequence[Line]] = {
        f"Drink {n}": [(GIN, 40 + n, ML), *([(LIME, 9.0, ML)] if n < 3 else [])] for n in range(9)
    }
    words = dict.fromkeys(recipes, "Garnish with lime juice.")
    assert "named-in-instructions" not in found(bar(tmp_path / "b.db", recipes, words=words))


# --- the hierarchy ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    write_sample_database(path, recipes=1400)
    return path


def test_of_the_sample_nothing_is_asked_that_is_not_so(sample: Path) -> None:
    asked = found(sample)
    assert set(asked) <= {"same-mix", "named-in-instructions", "unused-ingredient"}
    assert asked["same-mix"].examples == ("Vodka Martini (id 41) and Vodka Gibson (id 275)",)


@pytest.mark.slow
@pytest.mark.parametrize(("recipes", "seed"), [(454, 0), (1400, 2), (1400, 3), (5600, 4)])
def test_nobody_is_suspected_in_vain(recipes: int, seed: int, tmp_path: Path) -> None:
    write_sample_database(tmp_path / "bar.db", recipes=recipes, seed=seed)
    asked = found(tmp_path / "bar.db")
    assert set(asked) <= {"same-mix", "named-in-instructions", "unused-ingredient"}


def moved(catalog: Catalog, name: str, below: str) -> list[Finding]:
    """Hang an ingredient below another kind, and look for the misplaced."""
    names = catalog.ingredients.names
    parents = catalog.ingredients.parents.copy()
    parents[names.index(name)] = names.index(below)
    changed = dataclasses.replace(catalog.ingredients, parents=parents)
    catalog = dataclasses.replace(catalog, ingredients=changed)
    tree = IngredientTree.from_ingredients(changed)
    return misplaced_ingredients(catalog, tree, build_mixtures(catalog, tree))


@pytest.mark.parametrize(
    ("name", "below", "like"),
    [("Orgeat", "Fortified Wine", "Sweetener"), ("Honey Syrup", "Agave Spirit", "Sweetener")],
)
def test_an_ingredient_below_the_wrong_kind(
    name: str, below: str, like: str, tmp_path: Path
) -> None:
    write_sample_database(tmp_path / "bar.db", recipes=1400 if name == "Orgeat" else None)
    catalog, tree = read(tmp_path / "bar.db")
    assert misplaced_ingredients(catalog, tree, build_mixtures(catalog, tree)) == []
    (finding,) = moved(catalog, name, below)
    (example,) = finding.examples
    assert example.startswith(name)
    assert f"below {below}" in example
    assert example.endswith(f"like {like}")


def test_a_long_flat_list_is_not_compared(tmp_path: Path) -> None:
    names = [f"Ingredient {n}" for n in range(3000)]
    recipes: dict[str, Sequence[Line]] = {
        f"R {n}": [(n + 1, 1, OUNCE), ((n * 7) % 3000 + 1, 2, OUNCE)] for n in range(3000)
    }
    path = bar(tmp_path / "flat.db", recipes, names=names)
    catalog, tree = read(path)
    assert misplaced_ingredients(catalog, tree, build_mixtures(catalog, tree)) == []


# --- what to do about it ------------------------------------------------------------------------


def test_every_kind_has_its_advice() -> None:
    documented = Path("docs/data.md").read_text(encoding="utf-8").partition("## Out:")[0]
    codes = set(re.findall(r"^\| `([a-z0-9-]+-[a-z0-9-]+)`", documented, re.MULTILINE))
    codes |= set(re.findall(r"^\| `[a-z-]+`, `([a-z-]+-name)`", documented, re.MULTILINE))
    assert len(codes) > 20
    assert codes <= advice().keys()
    assert all(sentence.endswith(".") for sentence in advice().values())


MESSY = (
    *("INSERT INTO recipes (id, name) VALUES (50, '  Blank\u00a0 Cup '), (51, 'It''s  odd')",),
    *("INSERT INTO recipes (id, name) VALUES (52, 'line\nbreak; DROP TABLE recipes; --')",),
    *("INSERT INTO recipes (id, name) VALUES (53, ' Sour no. 1')",),
    *("INSERT INTO recipe_ingredients VALUES (50, 1, 1, 30), (51, 1, 1, 31), (52, 1, 1, 32)",),
    *("INSERT INTO recipe_ingredients VALUES (53, 1, 1, 33), (999, 1, 1, 1), (999, 1, 1, 2)",),
    *("INSERT INTO recipe_ingredients VALUES (1, 777, 1, 1), (NULL, 1, 1, 1), (1, NULL, 1, 1)",),
    *("INSERT INTO recipe_ingredients VALUES ('x''\n;', 1, 1, 1), (2, X'00ff', 1, 1)",),
    *("UPDATE ingredients SET name = ' Gin ' WHERE id = 1",),
)


def run_sql(path: Path, statements: Iterable[str]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_the_script_removes_what_it_is_about(tmp_path: Path) -> None:
    path = bar(tmp_path / "messy.db", sours(6))
    run_sql(path, MESSY)
    before = load_catalog(path)
    assert {finding.code for finding in before.findings} == {"dangling-line"}
    script = tmp_path / "fix.sql"
    done = run("validate", "--db", path, "--fix-sql", script)
    assert done.returncode == 0, done.stderr
    assert "Found 5 names with blanks" in done.stdout
    text = script.read_text(encoding="utf-8")
    assert "-- 10 repairs of " in text
    assert "-- recipes 53, Sour no. 1: without its blanks it is called like recipes 2" in text
    assert re.search(r"^BEGIN IMMEDIATE;$.*^COMMIT;$", text, re.MULTILINE | re.DOTALL)

    content = path.read_bytes()
    assert path.read_bytes() == content  # nothing was run
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)
        assert connection.execute("SELECT count(*) FROM recipes").fetchone() == (10,)
        names = dict(connection.execute("SELECT id, name FROM recipes WHERE id >= 50"))
    assert names == {
        50: "Blank Cup",
        51: "It's odd",
        52: "line break; DROP TABLE recipes; --",
        53: " Sour no. 1",
    }
    after = load_catalog(path)
    assert after.findings == ()
    assert after.lines.volume_ml.size == before.lines.volume_ml.size
    np.testing.assert_array_equal(after.recipes.ids, before.recipes.ids)
    assert list(map(fold, after.recipes.names)) == list(map(fold, before.recipes.names))
    assert "-- No repairs of " in repairs(path, called="x")


def test_a_script_that_is_late_changes_nothing(tmp_path: Path) -> None:
    path = bar(tmp_path / "bar.db", {" Martini": [(GIN, 1, OUNCE)], "Other": [(GIN, 2, OUNCE)]})
    run_sql(path, ["INSERT INTO recipe_ingredients VALUES (7, 1, 1, 1)"])
    text = repairs(path, called="bar.db")
    run_sql(path, ["UPDATE recipes SET name = ' Renamed' WHERE id = 1"])
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)
        assert connection.execute("SELECT name FROM recipes WHERE id = 1").fetchone() == (
            " Renamed",
        )


def test_the_manifest_and_the_page_have_what_was_found(tmp_path: Path) -> None:
    path = bar(tmp_path / "bar.db", {"Gimlet": [(GIN, 2, OUNCE)], "GIMLET": [(LIME, 1, OUNCE)]})
    run_sql(path, ["INSERT INTO recipe_ingredients VALUES (7, 1, 1, 1)"])
    done = run("refresh", "--db", path, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "analytics/v1/manifest.json").read_bytes())
    asked = {row["code"]: row for row in manifest["suggestions"]}
    assert asked["same-recipe-name"]["count"] == 2
    assert asked["same-recipe-name"]["examples"] == ["Gimlet (id 1) and GIMLET (id 2)"]
    assert asked["same-recipe-name"]["advice"] == advice()["same-recipe-name"]
    assert [row["advice"] for row in manifest["warnings"]] == [advice()["dangling-line"]]
    page = (tmp_path / "analytics/v1/report.html").read_text(encoding="utf-8")
    core = json.loads(page.partition('id="core">')[2].partition("</script>")[0])
    assert core["manifest"]["suggestions"] == manifest["suggestions"]


def test_findings_are_sentences_at_eighty_columns(tmp_path: Path) -> None:
    path = bar(tmp_path / "messy.db", sours(6))
    run_sql(path, MESSY)
    done = run("validate", "--db", path, env={"COLUMNS": "80"})
    assert max(map(len, done.stdout.splitlines())) <= 80
    rows = json.loads(run("validate", "--db", path, "--json").stdout)["findings"]
    assert {row["code"] for row in rows} >= {"dangling-line", "blanks-in-name", "same-recipe-name"}
    for row in rows:
        assert row["message"].endswith(".")
        assert row["advice"].endswith(".")
        assert f"[{row['code']}]" in " ".join(done.stdout.split())


def test_instructions_without_end_are_read_as_far_as_anybody_writes(tmp_path: Path) -> None:
    path = bar(tmp_path / "bar.db", {"Sour": [(GIN, 45.0, ML)]}, words={"Sour": "stir " * 9_999})
    assert read_instructions(path) == {1: "stir " * 2_000}
