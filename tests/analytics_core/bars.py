"""SQLite files of Bar Assistant, made from the published structure of its versions 3 to 6."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from analytics_core.sample import write_sample_database

VERSIONS = ("3.0", "3.19", "4.4", "5.0", "5.15", "6.0")
SECRET = "hunter2-nobody-may-read-this"

_EVERY = f"""
CREATE TABLE users (id integer primary key autoincrement not null, name varchar not null,
    email varchar not null unique, password varchar not null, remember_token varchar);
CREATE TABLE personal_access_tokens (id integer primary key, name varchar, token varchar not null);
CREATE TABLE bar_memberships (id integer primary key, bar_id integer, user_id integer);
CREATE TABLE ratings (id integer primary key, rateable_id integer, rateable_type varchar,
    user_id integer, rating integer);
CREATE TABLE notes (id integer primary key, noteable_id integer, noteable_type varchar,
    user_id integer, note text not null);
CREATE TABLE bars (id integer primary key autoincrement not null, name varchar not null,
    subtitle text, description text, invite_code text unique, created_user_id integer not null,
    created_at datetime, updated_at datetime);
CREATE TABLE ingredients (id integer primary key autoincrement not null, bar_id integer not null,
    slug varchar not null unique, name varchar not null, strength numeric not null default 0,
    description text, origin text, color varchar,
    parent_ingredient_id integer references ingredients (id) on delete set null,
    created_user_id integer not null, created_at datetime, updated_at datetime);
CREATE TABLE cocktail_methods (id integer primary key autoincrement not null, bar_id integer,
    name varchar not null, dilution_percentage integer not null);
CREATE TABLE cocktails (id integer primary key autoincrement not null, bar_id integer not null,
    slug varchar not null unique, name varchar not null, instructions text not null,
    description text, source text, garnish text, created_user_id integer not null,
    abv numeric, cocktail_method_id integer references cocktail_methods (id),
    created_at datetime, updated_at datetime);
CREATE TABLE cocktail_ingredients (id integer primary key autoincrement not null,
    ingredient_id integer not null references ingredients (id) on delete cascade,
    cocktail_id integer not null references cocktails (id) on delete cascade,
    amount numeric not null, amount_max numeric, units varchar not null,
    sort integer not null default 0, optional tinyint(1) not null default 0, note text);
CREATE TABLE cocktail_ingredient_substitutes (id integer primary key autoincrement not null,
    cocktail_ingredient_id integer not null, ingredient_id integer not null,
    amount numeric, amount_max numeric, units varchar);
INSERT INTO users (name, email, password) VALUES ('{SECRET}', '{SECRET}@example.org', '{SECRET}');
INSERT INTO personal_access_tokens (name, token) VALUES ('mine', '{SECRET}');
INSERT INTO notes (noteable_id, user_id, note) VALUES (1, 1, '{SECRET}');
"""

# What a version brought: the first version that has it, and the statement.
_CHANGES: tuple[tuple[str, str], ...] = (
    ("3.9", "ALTER TABLE bars ADD COLUMN slug varchar"),
    (
        "3.17",
        """CREATE TABLE complex_ingredients (id integer primary key autoincrement not null,
            main_ingredient_id integer not null, ingredient_id integer not null)""",
    ),
    ("5.0", "ALTER TABLE ingredients ADD COLUMN materialized_path varchar"),
    (
        "5.0",
        "ALTER TABLE cocktail_ingredients ADD COLUMN is_specified tinyint(1) not null default 0",
    ),
    ("5.2", "ALTER TABLE ingredients ADD COLUMN units varchar"),
    ("5.6", "ALTER TABLE cocktails ADD COLUMN parent_cocktail_id integer"),
    ("6.0", "ALTER TABLE complex_ingredients ADD COLUMN amount numeric not null default 0"),
    ("6.0", "ALTER TABLE complex_ingredients ADD COLUMN units varchar not null default 'unit'"),
)
_BEFORE_5 = """
CREATE TABLE ingredient_categories (id integer primary key autoincrement not null,
    bar_id integer not null, name varchar not null, description text);
ALTER TABLE ingredients ADD COLUMN ingredient_category_id integer;
"""


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def write_bar(
    path: Path,
    version: str = "6.0",
    *,
    rows: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    wal: bool = True,
) -> Path:
    """Write the file of a server of some version; what the version has no column for is left out.

    `rows` are dicts by table; slugs, instructions and authors are filled in.
    """
    with closing(sqlite3.connect(path)) as connection:
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_EVERY)
        for since, statement in _CHANGES:
            if _number(version) >= _number(since):
                connection.execute(statement)
        if _number(version) < (5,):
            connection.executescript(_BEFORE_5)
        for table, entries in (BAR if rows is None else rows).items():
            there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for number, entry in enumerate(entries if there else ()):
                given = {"created_user_id": 1} | dict(entry)
                if table in {"ingredients", "cocktails"}:
                    given = {"slug": f"{table}-{number}", "instructions": SECRET} | given
                kept = {name: value for name, value in given.items() if name in there}
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(kept)})"
                    f" VALUES ({', '.join('?' * len(kept))})",
                    list(kept.values()),
                )
        connection.commit()
    return path


def ingredient(
    key: int, name: str, parent: int | None = None, strength: float = 0, **more: Any
) -> dict[str, Any]:
    """One row of `ingredients`."""
    row = {"id": key, "bar_id": 1, "name": name, "parent_ingredient_id": parent}
    return row | {"strength": strength} | more


def line(
    key: int, cocktail: int, ingredient_id: int, amount: float, units: str = "ml", **more: Any
) -> dict[str, Any]:
    """One row of `cocktail_ingredients`."""
    row = {"id": key, "cocktail_id": cocktail, "ingredient_id": ingredient_id, "amount": amount}
    return row | {"units": units} | more


def cocktail(key: int, name: str, **more: Any) -> dict[str, Any]:
    """One row of `cocktails`."""
    return {"id": key, "bar_id": 1, "name": name} | more


GIN, LONDON, TANQUERAY, RUM, WHITE, LIME, SYRUP, CAMPARI, VERMOUTH, MINT, LEMON, APEROL = range(
    1, 13
)
SPIRITS = 100  # a category: an ingredient that no recipe names, or before version 5 none

BAR: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "bars": [{"id": 1, "name": "Home Bar", "slug": "home-bar"}],
    "cocktail_methods": [
        {"id": 1, "bar_id": 1, "name": "Shake", "dilution_percentage": 25},
        {"id": 2, "bar_id": 1, "name": "Stir", "dilution_percentage": 20},
    ],
    "ingredient_categories": [{"id": 7, "bar_id": 1, "name": "Spirits"}],
    "ingredients": [
        ingredient(GIN, "Gin", None, 40, ingredient_category_id=7),
        ingredient(LONDON, "London Dry Gin", GIN, 45),
        ingredient(TANQUERAY, "Tanqueray", LONDON, 47.3),
        ingredient(RUM, "Rum", None, 0, ingredient_category_id=7),
        ingredient(WHITE, "White Rum", RUM, 40),
        ingredient(LIME, "Lime juice"),
        ingredient(SYRUP, "Simple syrup"),
        ingredient(CAMPARI, "Campari", None, 25),
        ingredient(VERMOUTH, "Sweet Vermouth", None, 16),
        ingredient(MINT, "Mint"),
        ingredient(LEMON, "Limes"),
        ingredient(APEROL, "Aperol", None, 11),
    ],
    "cocktails": [
        cocktail(1, "Negroni", cocktail_method_id=2),
        cocktail(2, "Tanqueray Negroni", parent_cocktail_id=1),
        cocktail(3, "Gin Sour"),
        cocktail(4, "Daiquiri", cocktail_method_id=1),
        cocktail(5, "Mojito"),
        cocktail(6, "Aperol Negroni", parent_cocktail_id=1),
    ],
    "cocktail_ingredients": [
        line(1, 1, LONDON, 30),
        line(2, 1, CAMPARI, 30),
        line(3, 1, VERMOUTH, 30),
        line(4, 2, TANQUERAY, 30, is_specified=1),
        line(5, 2, CAMPARI, 30),
        line(6, 2, VERMOUTH, 30),
        line(7, 3, TANQUERAY, 45, amount_max=60),
        line(8, 3, LIME, 1, "oz"),
        line(9, 3, SYRUP, 2, "barspoon"),
        line(10, 3, MINT, 2, "leaves", optional=1),
        line(11, 4, WHITE, 60),
        line(12, 4, LIME, 30),
        line(13, 4, SYRUP, 15),
        line(14, 5, WHITE, 60),
        line(15, 5, LIME, 30),
        line(16, 5, SYRUP, 15),
        line(17, 5, MINT, 8, "leaves"),
        line(18, 6, LONDON, 30),
        line(19, 6, APEROL, 30),
        line(20, 6, VERMOUTH, 30),
    ],
    "cocktail_ingredient_substitutes": [{"cocktail_ingredient_id": 12, "ingredient_id": LEMON}],
    "complex_ingredients": [{"main_ingredient_id": LIME, "ingredient_id": LEMON}],
}


def sample_as_bar(path: Path, version: str = "6.0", *, recipes: int | None = 300) -> Path:
    """Write the sample's recipes as a server of some version keeps them."""
    source = path.with_suffix(".site")
    write_sample_database(source, recipes=recipes)
    with closing(sqlite3.connect(source)) as site:
        ingredients = site.execute("SELECT id, name, parent_id FROM ingredients").fetchall()
        cocktails = site.execute("SELECT id, name FROM recipes").fetchall()
        lines = site.execute(
            "SELECT l.id, recipe_id, ingredient_id, amount, u.name FROM recipe_ingredients l"
            " LEFT JOIN units u ON u.id = unit_id"
        ).fetchall()
    source.unlink()
    rows = {
        "bars": [{"id": 1, "name": "Home Bar", "slug": "home-bar"}],
        "ingredients": [ingredient(key, name, parent) for key, name, parent in ingredients],
        "cocktails": [cocktail(key, name) for key, name in cocktails],
        "cocktail_ingredients": [
            line(key, drink, what, amount or 0, (unit or "").lower())
            for key, drink, what, amount, unit in lines
        ],
    }
    return write_bar(path, version, rows=rows)
