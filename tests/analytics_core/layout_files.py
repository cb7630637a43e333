"""The sample's first recipes in milliliters, as the file of each program whose layout is read."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

from analytics_core.sample import write_sample_database
from analytics_core.source.catalog import Catalog
from analytics_core.source.layouts import load_catalog
from tests.analytics_core.bars import cocktail, ingredient, line, write_bar
from tests.analytics_core.databases import SCHEMA

RECIPES = 40
LAYOUTS = ("cocktaildb", "bar-assistant", "table", "other.toml")

_MAPPING = """
[ingredients]
table = "bottle"
id = "code"
name = "title"
parent = "kind"
counts_as_parent = "rolls"
[recipes]
table = "drink"
id = "code"
name = "title"
[lines]
table = "pour"
recipe = "drink"
ingredient = "bottle"
amount = "amount"
unit = "unit"
"""
_OTHER = """
CREATE TABLE bottle (code INTEGER, title TEXT, kind INTEGER, rolls INTEGER DEFAULT 0);
CREATE TABLE drink (code INTEGER, title TEXT);
CREATE TABLE pour (drink INTEGER, bottle INTEGER, amount REAL, unit TEXT DEFAULT 'ml');
"""


def write_layout(folder: Path, layout: str) -> tuple[Path, str]:
    """Write the sample as one layout; return the file, and what ``--layout`` is to be."""
    catalog = _sample(folder)
    ids, names = catalog.ingredients.ids.tolist(), catalog.ingredients.names
    parents = [None if p < 0 else ids[p] for p in catalog.ingredients.parents.tolist()]
    bottles = list(zip(ids, names, parents, strict=True))
    drinks = list(zip(catalog.recipes.ids.tolist(), catalog.recipes.names, strict=True))
    pours = [
        (drinks[r][0], ids[i], round(ml, 3))
        for r, i, ml in zip(
            catalog.lines.recipe.tolist(),
            catalog.lines.ingredient.tolist(),
            catalog.lines.volume_ml.tolist(),
            strict=True,
        )
    ]
    if layout == "bar-assistant":
        rows = {
            "bars": [{"id": 1, "name": "Home Bar", "slug": "home-bar"}],
            "ingredients": [ingredient(*bottle) for bottle in bottles],
            "cocktails": [cocktail(*drink) for drink in drinks],
            "cocktail_ingredients": [
                line(number, *pour, is_specified=1) for number, pour in enumerate(pours, 1)
            ],
        }
        return write_bar(folder / "database.ba3.sqlite", rows=rows), "auto"
    if layout == "table":
        path = folder / "bar.csv"
        named, called = dict(drinks), {key: name for key, name, _ in bottles}
        above = {key: called[parent] if parent else "" for key, _, parent in bottles}

        def way(key: int) -> list[str]:
            parent = next((p for k, _, p in bottles if k == key), None)
            return [*(way(parent) if parent else []), called[key]]

        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(("recipe", "id", "ingredient", "path", "amount", "unit"))
            for drink, bottle, ml in pours:
                path_above = " > ".join(way(bottle)[:-1]) if above[bottle] else ""
                amount = f"{ml:g}".replace(".", ",")
                writer.writerow((named[drink], drink, called[bottle], path_above, amount, "ml"))
        return path, "auto"
    path = folder / ("site.db" if layout == "cocktaildb" else "other.db")
    with closing(sqlite3.connect(path)) as connection:
        if layout == "cocktaildb":
            connection.executescript(SCHEMA)
            connection.execute("INSERT INTO units VALUES (1, 'ml', 'ml', 1)")
            paths = catalog.ingredients.paths
            connection.executemany(
                "INSERT INTO ingredients (id, name, parent_id, path) VALUES (?, ?, ?, ?)",
                [(*bottle, way) for bottle, way in zip(bottles, paths, strict=True)],
            )
            connection.executemany("INSERT INTO recipes (id, name) VALUES (?, ?)", drinks)
            connection.executemany(
                "INSERT INTO recipe_ingredients (recipe_id, ingredient_id, amount, unit_id)"
                " VALUES (?, ?, ?, 1)",
                pours,
            )
        else:
            connection.executescript(_OTHER)
            connection.executemany(
                "INSERT INTO bottle (code, title, kind) VALUES (?, ?, ?)", bottles
            )
            connection.executemany("INSERT INTO drink VALUES (?, ?)", drinks)
            connection.executemany(
                "INSERT INTO pour (drink, bottle, amount) VALUES (?, ?, ?)", pours
            )
        connection.commit()
    if layout == "cocktaildb":
        return path, "auto"
    mapping = folder / layout
    mapping.write_text(_MAPPING, encoding="utf-8")
    return path, str(mapping)


def _sample(folder: Path) -> Catalog:
    path = folder / "sample.db"
    write_sample_database(path, recipes=RECIPES)
    catalog = load_catalog(path, volumes="poured")
    path.unlink()
    return catalog
