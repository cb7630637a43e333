"""Real SQLite files with the site's schema, sound or broken on purpose."""

from __future__ import annotations

import random
import resource
import signal
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from analytics_core.errors import DataError
from analytics_core.sample import write_sample_database
from analytics_core.source.catalog import Catalog, Finding
from analytics_core.source.cocktaildb import load_catalog

SCHEMA = """
CREATE TABLE ingredients (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE, description TEXT,
    parent_id INTEGER REFERENCES ingredients (id), path TEXT,
    allow_substitution INTEGER NOT NULL DEFAULT 0, created_by TEXT
);
CREATE TABLE units (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, abbreviation TEXT, conversion_to_ml REAL
);
CREATE TABLE recipes (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE, instructions TEXT,
    description TEXT, image_url TEXT, source TEXT, source_url TEXT,
    avg_rating REAL DEFAULT 0, rating_count INTEGER DEFAULT 0
);
CREATE TABLE recipe_ingredients (
    id INTEGER PRIMARY KEY, recipe_id INTEGER NOT NULL REFERENCES recipes (id),
    ingredient_id INTEGER NOT NULL REFERENCES ingredients (id),
    unit_id INTEGER REFERENCES units (id), amount REAL
);
CREATE TABLE ratings (id INTEGER PRIMARY KEY, recipe_id INTEGER, user_id TEXT, rating INTEGER);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE recipe_tags (recipe_id INTEGER, tag_id INTEGER);
CREATE TABLE user_ingredients (user_id TEXT, ingredient_id INTEGER);
CREATE INDEX idx_lines_recipe ON recipe_ingredients (recipe_id);
"""

# The same tables with only the needed columns and neither types nor constraints: SQLite then
# stores whatever it is given.
LOOSE_SCHEMA = """
CREATE TABLE ingredients (id, name, parent_id, path, allow_substitution);
CREATE TABLE units (id, name, abbreviation, conversion_to_ml);
CREATE TABLE recipes (id, name);
CREATE TABLE recipe_ingredients (recipe_id, ingredient_id, unit_id, amount);
"""

OUNCE, TABLESPOON, TEASPOON, BARSPOON, DASH, DROP, EACH, TO_TOP, TO_RINSE = range(1, 10)
UNITS: tuple[tuple[Any, ...], ...] = (
    (OUNCE, "Ounce", "oz", 29.5735),
    (TABLESPOON, "Tablespoon", "tbsp", 14.7868),
    (TEASPOON, "Teaspoon", "tsp", 4.92892),
    (BARSPOON, "Barspoon", "bsp", 2.46446),
    (DASH, "Dash", "dash", 0.616115),
    (DROP, "Drop", "drop", 0.05),
    (EACH, "Each", None, None),
    (TO_TOP, "to top", None, None),
    (TO_RINSE, "to rinse", None, None),
)

# id, name, parent_id, path, allow_substitution
INGREDIENTS: tuple[tuple[Any, ...], ...] = (
    (1, "Spirit", None, "/1/", 0),
    (10, "Gin", 1, "/1/10/", 0),
    (17, "London Dry Gin", 10, "/1/10/17/", 1),
    (18, "Old Tom Gin", 10, "/1/10/18/", 0),
    (11, "Whiskey", 1, "/1/11/", 0),
    (20, "Bourbon", 11, "/1/11/20/", 1),
    (2, "Vermouth", None, "/2/", 0),
    (21, "Sweet Vermouth", 2, "/2/21/", 0),
    (22, "Dry Vermouth", 2, "/2/22/", 0),
    (3, "Campari", None, "/3/", 0),
    (4, "Angostura Bitters", None, "/4/", 0),
    (5, "Soda Water", None, "/5/", 0),
    (6, "Absinthe", None, "/6/", 0),
    (7, "Egg White", None, "/7/", 0),
)
RECIPES: tuple[tuple[Any, ...], ...] = (
    (100, "Negroni"),
    (101, "Boulevardier"),
    (102, "Martini"),
    (103, "Americano"),
    (104, "Manhattan"),
)
# recipe_id, ingredient_id, unit_id, amount
LINES: tuple[tuple[Any, ...], ...] = (
    (100, 17, OUNCE, 1.0),
    (100, 21, OUNCE, 1.0),
    (100, 3, OUNCE, 1.0),
    (101, 20, OUNCE, 1.25),
    (101, 21, OUNCE, 1.0),
    (101, 3, OUNCE, 1.0),
    (102, 17, OUNCE, 2.5),
    (102, 22, OUNCE, 0.5),
    (102, 4, DASH, 1.0),
    (103, 21, OUNCE, 1.5),
    (103, 3, OUNCE, 1.5),
    (103, 5, TO_TOP, None),
    (104, 20, OUNCE, 2.0),
    (104, 21, OUNCE, 1.0),
    (104, 4, DASH, 2.0),
)

_COLUMNS = {
    "ingredients": ("id", "name", "parent_id", "path", "allow_substitution"),
    "units": ("id", "name", "abbreviation", "conversion_to_ml"),
    "recipes": ("id", "name"),
    "recipe_ingredients": ("recipe_id", "ingredient_id", "unit_id", "amount"),
}


def write_database(
    path: Path,
    *,
    ingredients: Iterable[Sequence[Any]] = INGREDIENTS,
    units: Iterable[Sequence[Any]] = UNITS,
    recipes: Iterable[Sequence[Any]] = RECIPES,
    lines: Iterable[Sequence[Any]] = LINES,
    schema: str = SCHEMA,
    shuffle: int | None = None,
) -> Path:
    """Write a database; with `shuffle`, rows go in in another order and under other line ids."""
    tables = {
        "ingredients": list(ingredients),
        "units": list(units),
        "recipes": list(recipes),
        "recipe_ingredients": list(lines),
    }
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema)
        for table, rows in tables.items():
            if shuffle is not None:
                random.Random(shuffle).shuffle(rows)
            names = _COLUMNS[table]
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                rows,
            )
        connection.commit()
    return path


def change(path: Path, *statements: str) -> Path:
    """Run statements on a database, without foreign keys, and return its path."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def large_database(path: Path, *, recipes: int, ingredients: int = 400, seed: int = 1) -> Path:
    """Write a database of random recipes over a tree of random depth."""
    draw = random.Random(seed)
    rows: list[tuple[Any, ...]] = []
    for ident in range(1, ingredients + 1):
        parent = rows[draw.randrange(len(rows))] if ident > 10 else None
        prefix = parent[3] if parent else "/"
        rows.append(
            (ident, f"Ingredient no. {ident}", parent and parent[0], f"{prefix}{ident}/", ident % 2)
        )
    lines = [
        (recipe, used, draw.choice(UNITS)[0], draw.choice((0.25, 0.5, 0.75, 1.0, 1.5, 2.0)))
        for recipe in range(1, recipes + 1)
        for used in draw.sample(range(1, ingredients + 1), draw.randint(2, 8))
    ]
    return write_database(
        path,
        ingredients=rows,
        recipes=[(ident, f"Recipe no. {ident}") for ident in range(1, recipes + 1)],
        lines=lines,
    )


def cut_down_sample(path: Path, recipes: int) -> Path:
    """Write every fourth recipe of the sample."""
    write_sample_database(path)
    with closing(sqlite3.connect(path)) as connection:
        kept = "SELECT id FROM recipes WHERE id % 4 = 3 ORDER BY id LIMIT ?"
        connection.execute(
            f"DELETE FROM recipe_ingredients WHERE recipe_id NOT IN ({kept})", (recipes,)
        )
        connection.execute(f"DELETE FROM recipes WHERE id NOT IN ({kept})", (recipes,))
        connection.commit()
    return path


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


@contextmanager
def as_a_full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes, as a full disk would."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
